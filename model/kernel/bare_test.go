package kernel

import (
	"runtime"
	"testing"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

func TestBareLayersComputeWhatTheySay(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, s := range []twin.ConvShape{
		{N: 16, H: 8, W: 8, In: 16, Out: 24, KH: 3, KW: 3, Stride: 2, Pad: 1},
		{N: 8, H: 9, W: 9, In: 3, Out: 8, KH: 7, KW: 7, Stride: 2, Pad: 3},
	} {
		b, err := BareConv(s.N, s.H, s.W, s.In, s.Out, s.KH, s.Stride, s.Pad, F32)
		if err != nil {
			t.Fatal(err)
		}
		clear(b.y)
		if err := b.Forward(); err != nil {
			t.Fatal(err)
		}
		near(t, "y", b.y, twin.Conv(s, b.x, b.w), 1e-5)
		dx, _ := twin.ConvGradients(s, b.x, b.w, b.y)
		if err := b.ToData(); err != nil {
			t.Fatal(err)
		}
		near(t, "dx", b.x, dx, 1e-5)
	}
	p := BareProduct(3, 5, 7)
	if err := p.Forward(); err != nil {
		t.Fatal(err)
	}
	s := twin.ConvShape{N: 3, H: 1, W: 1, In: 5, Out: 7, KH: 1, KW: 1, Stride: 1}
	near(t, "product", p.y, twin.Conv(s, p.x, p.w), 1e-5)
	dx, dw := twin.ConvGradients(s, p.x, p.w, p.y)
	if err := p.ToWeights(); err != nil {
		t.Fatal(err)
	}
	near(t, "product's dw", p.w, dw, 1e-5)
	copy(p.w, drawn(len(p.w)))
	if err := p.ToData(); err != nil {
		t.Fatal(err)
	}
	near(t, "product's dx", p.x, dx, 1e-5)
}

func TestBareLayersCountTheirWork(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b, err := BareConv(2, 8, 8, 16, 24, 3, 2, 1, F32)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2.0 * 2 * 4 * 4 * 24 * 16 * 9; b.Flops != want {
		t.Errorf("%g operations, want %g", b.Flops, want)
	}
	p := BareProduct(3, 5, 7)
	if p.Flops != 2*3*5*7 {
		t.Errorf("%g operations, want 210", p.Flops)
	}
	for _, b := range []*Bare{b, p} {
		for _, run := range []func() error{b.Forward, b.ToData, b.ToWeights} {
			if err := run(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := BareConv(1, 2, 2, 1, 1, 7, 1, 0, F32); err == nil {
		t.Error("a kernel larger than its picture was accepted")
	}
}
