package picture

import (
	"fmt"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		w, h, size int
		checked    bool
	}{{480, 360, 64, true}, {480, 360, 64, false}, {128, 128, 64, true}, {1280, 720, 64, true}, {480, 360, 0, true}} {
		data := mustJPEG(b, scene(c.w, c.h), 90)
		b.Run(fmt.Sprintf("%dx%d/to%d/checked=%v", c.w, c.h, c.size, c.checked), func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(frame.Encoded{Data: data, Checked: c.checked}, c.size); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJPEG(b *testing.B) {
	for _, size := range []int{64, 128, 480} {
		f := scene(size, size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				mustJPEG(b, f, 90)
			}
		})
	}
}

func BenchmarkResize(b *testing.B) {
	f := scene(480, 360)
	for b.Loop() {
		if _, err := Resize(f, 64, 64); err != nil {
			b.Fatal(err)
		}
	}
}
