package model

import (
	"math"
	"slices"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

func TestWeightsAreAFunctionOfTheSeed(t *testing.T) {
	for _, spec := range specs() {
		a, b, c := weights(t, spec, 1), weights(t, spec, 1), weights(t, spec, 2)
		if !slices.Equal(a.ParamArena, b.ParamArena) {
			t.Errorf("%+v: two draws of one seed differ", spec)
		}
		if slices.Equal(a.ParamArena, c.ParamArena) {
			t.Errorf("%+v: two seeds draw the same", spec)
		}
	}
}

// Parameter counts of the reference networks, computed from their layer tables: small is 388,416 weights
// of convolutions, 960 of norms, and the projector; ResNet-18's trunk has 11,176,512, ResNet-50's 23,508,032, and ViT-Tiny's
// 5,486,400 without class token and learned places.
func TestNetworksHaveTheReferenceParameterCounts(t *testing.T) {
	small := 3*32*9 + 32*64*9 + 64*128*9 + 128*256*9 + 2*(32+64+128+256)
	for _, c := range []struct {
		encoder string
		trunk   int
		width   int
	}{
		{"small", small, 256}, {"resnet18", 11176512, 512}, {"resnet50", 23508032, 2048},
		{"vit-tiny", 5486400, 192}, {"vit-tiny-8", 5486400 - 3*(16*16-8*8)*192, 192},
	} {
		w := weights(t, Spec{Encoder: c.encoder, Image: 64, Norm: "batch", Heads: []Head{{Name: "p", Kind: "mlp", Out: 128}}}, 1)
		projector := c.width*c.width + c.width + c.width*128 + 128
		if got := len(w.ParamArena); got != c.trunk+projector {
			t.Errorf("%s has %d parameters, want %d + %d", c.encoder, got, c.trunk, projector)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	w := weights(t, specs()[0], 1)
	c := w.Clone()
	before := slices.Clone(w.ParamArena)
	for _, p := range c.Tensors() {
		for i := range p.Data {
			p.Data[i] = 7
		}
	}
	if !slices.Equal(before, w.ParamArena) {
		t.Error("writing to a clone changed the original")
	}
	if c.ParamArena[0] != 7 || c.StatArena[len(c.StatArena)-1] != 7 {
		t.Error("a clone's tensors are not windows of its own arena")
	}
}

func TestSpecRefusesWhatCannotBeBuilt(t *testing.T) {
	for _, bad := range []Spec{
		{Encoder: "vgg", Image: 64, Norm: "batch"},
		{Encoder: "small", Image: 8, Norm: "batch"},
		{Encoder: "small", Image: 64, Norm: "layer"},
		{Encoder: "small", Image: 64, Norm: "batch", Heads: []Head{{Name: "p", Kind: "mlp"}}},
		{Encoder: "small", Image: 64, Norm: "batch", Heads: []Head{{Name: "p", Kind: "cloud", Out: 2}}},
		{Encoder: "small", Image: 64, Norm: "batch", Heads: []Head{{Name: "p", Kind: "mlp", Out: 2}, {Name: "p", Kind: "linear", Out: 2}}},
	} {
		if _, err := NewWeights(bad, seed.New(1)); err == nil {
			t.Errorf("%+v was built", bad)
		}
	}
}

func specs() []Spec {
	var heads []Head
	for _, kind := range HeadKinds() {
		h := Head{Name: kind, Kind: kind, Out: 16}
		switch kind {
		case "decoder":
			h.Out, h.Double = 5, 2
		case "critic":
			h.In, h.Out = 3, 1
		}
		heads = append(heads, h)
	}
	return []Spec{
		{Encoder: "small", Image: 32, Norm: "batch", Heads: heads},
		{Encoder: "small", Image: 32, Norm: "group", Heads: heads},
		{Encoder: "small", Image: 32, Norm: "group", Split: true, Heads: heads[:2]},
		{Encoder: "resnet18", Image: 32, Norm: "batch", Heads: heads[:3]},
		{Encoder: "resnet18", Image: 32, Norm: "group", Heads: heads[4:5]},
		{Encoder: "resnet50", Image: 32, Norm: "group", Heads: heads[4:5]},
		{Encoder: "vit-tiny-8", Image: 20, Norm: "batch", Heads: heads[:2]},
		{Encoder: "vit-tiny", Image: 32, Norm: "batch", Split: true, Heads: heads[1:2]},
	}
}

// A momentum encoder holds the encoder and the heads it was asked for, and follows by name.
func TestACopyFollowsByName(t *testing.T) {
	spec := Spec{Encoder: "small", Image: 32, Norm: "batch", Heads: []Head{{Name: "a", Kind: "linear", Out: 3}, {Name: "b", Kind: "linear", Out: 4}}}
	w := weights(t, spec, 1)
	c := w.Copy("b")
	if _, ok := c.Param("a.weight"); ok {
		t.Error("a copy holds a head it was not asked for")
	}
	bias, _ := w.Param("b.bias")
	copied, _ := c.Param("b.bias")
	before := copied.Data[2]
	bias.Data[2] += 1
	c.Follow(w, 0.75)
	if got, want := copied.Data[2], 0.75*before+0.25*bias.Data[2]; math.Abs(float64(got-want)) > 1e-6 {
		t.Errorf("after following with momentum 0.75 a number is %v, want %v", got, want)
	}
}

func weights(t *testing.T, spec Spec, root uint64) *Weights {
	t.Helper()
	w, err := NewWeights(spec, seed.New(root))
	if err != nil {
		t.Fatal(err)
	}
	return w
}
