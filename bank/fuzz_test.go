package bank

import (
	"bytes"
	"testing"
	"time"
)

// FuzzRead: bytes are refused, or are a bank that works and can be written. Each input is also tried with
// the check sum that it should have.
func FuzzRead(f *testing.F) {
	data := written(f, example())
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(written(f, New(3, 2)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		inputs := [][]byte{data}
		if len(data) >= 4 {
			inputs = append(inputs, sign(bytes.Clone(data)))
		}
		for _, data := range inputs {
			b, err := Read(bytes.NewReader(data))
			if err != nil {
				continue
			}
			out := written(t, b)
			if again, err := Read(bytes.NewReader(out)); err != nil || !bytes.Equal(written(t, again), out) {
				t.Fatalf("what was read, written and read again is another bank: %v", err)
			}
			_, anchor := entry(5, 1)
			b.Masked(nil, anchor, time.Second)
			b.Nearest(make([]float32, b.Dim()), 3)
			b.Age(1 << 63)
			if b.Dim() < 1<<10 {
				batches(b, []int{3})
			}
		}
	})
}
