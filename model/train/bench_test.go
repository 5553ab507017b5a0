package train

import (
	"runtime"
	"testing"
)

// BenchmarkStep is `nearfar bench step` in small; -benchmem tells what a step leaves on Go's heap.
func BenchmarkStep(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	bench, err := NewBench(settingsFor(1))
	if err != nil {
		b.Fatal(err)
	}
	defer bench.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bench.Step(); err != nil {
			b.Fatal(err)
		}
	}
}
