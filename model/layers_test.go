package model

import "testing"

func TestLayersAreThoseOfThePaper(t *testing.T) {
	layers, err := Layers(Spec{Encoder: "resnet18", Image: 224, Norm: "batch"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	flops := 0.0
	for _, l := range layers {
		side := (l.H+2*l.Pad-l.K)/l.Stride + 1
		flops += float64(side*side*l.Out) * float64(l.In*l.K*l.K)
	}
	if len(layers) != 20 || !layers[0].First || layers[1].First {
		t.Errorf("%d convolutions, the first %+v", len(layers), layers[0])
	}
	if flops < 1.80e9 || flops > 1.83e9 { // He et al. 2015, table 1: 1.8·10⁹ multiply-adds
		t.Errorf("%g multiply-adds, the paper has 1.8·10⁹", flops)
	}
	layers, err = Layers(Spec{Encoder: "small", Image: 32, Norm: "batch", Heads: []Head{{Name: "p", Kind: "mlp", Out: 16}}}, 8)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(layers); n != 6 || layers[5] != (Layer{Name: "p.2", N: 8, H: 1, W: 1, In: 256, Out: 16}) {
		t.Errorf("%+v", layers)
	}
}
