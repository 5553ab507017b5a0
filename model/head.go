package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// Head is a network on top of the encoder that serves one objective and is thrown away when the encoder
// is used (Chen et al. 2020, arXiv:2002.05709, §4.2). Its parameters are called Name.layer….
type Head struct {
	Name   string
	Kind   string // see the table of heads
	In     int    // numbers a row of its input; 0: the encoder's width
	Hidden int    // width of hidden layers; 0: as wide as the input
	Out    int    // numbers a row of its output, channels of a decoder
	Double int    // of a decoder: how often the side of the map doubles
}

// heads is the table of what can stand on an encoder: one line a kind.
var heads = map[string]struct {
	layers func(b *builder, h Head, x tap) tap
	about  string
}{
	"linear":   {linearHead, "one linear layer: (N, In) → (N, Out)"},
	"mlp":      {mlpHead, "linear, ReLU, linear: (N, In) → (N, Out)"},
	"mlp-norm": {normHead, "linear, norm, ReLU, linear: the projector and predictor of BYOL"},
	"expander": {expanderHead, "three linear layers, norm and ReLU between: the expander of VICReg"},
	"decoder":  {decoderHead, "nearest-neighbour upsampling and convolution, repeated: (N, h, w, In) → (N, 2ᵏh, 2ᵏw, Out)"},
	"gru":      {gruHead, "a gated recurrent unit over the rows of each clip: (N·T, In) → (N·T, Out)"},
	"critic":   {criticHead, "a convolutional discriminator of pictures: (N, S, S, 3) → (N, 1)"},
}

// HeadKinds are the names Head.Kind takes, sorted.
func HeadKinds() []string {
	var names []string
	for name := range heads {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// takesEmbeddings says whether its input is the encoder's embedding, a row a picture.
func (h Head) takesEmbeddings() bool {
	return h.In == 0 && slices.Contains([]string{"linear", "mlp", "mlp-norm", "expander"}, h.Kind)
}

func (h Head) check() error {
	switch {
	case h.Name == "":
		return fmt.Errorf("a head of kind %s has no name", h.Kind)
	case heads[h.Kind].layers == nil:
		return fmt.Errorf("head %s: kind %q is unknown; there are %s", h.Name, h.Kind, strings.Join(HeadKinds(), ", "))
	case h.In < 0 || h.Hidden < 0 || h.Out < 1 || h.Double < 0 || h.Double > 8:
		return fmt.Errorf("head %s: %d inputs, %d hidden units, %d outputs and %d doublings cannot be built", h.Name, h.In, h.Hidden, h.Out, h.Double)
	}
	return nil
}

// hidden is the width of hidden layers over x.
func (h Head) hidden(x tap) int {
	if h.Hidden == 0 {
		return x.channels
	}
	return h.Hidden
}

func linearHead(b *builder, h Head, x tap) tap { return b.linear(h.Name, x, h.Out, false) }

func mlpHead(b *builder, h Head, x tap) tap {
	x = b.linear(h.Name+".0", x, h.hidden(x), true)
	return b.linear(h.Name+".2", x, h.Out, false)
}

func normHead(b *builder, h Head, x tap) tap {
	x = b.linear(h.Name+".0", x, h.hidden(x), false)
	x = b.norm(h.Name+".1", x, true)
	return b.linear(h.Name+".3", x, h.Out, false)
}

func expanderHead(b *builder, h Head, x tap) tap {
	hidden := h.hidden(x)
	for i := range 2 {
		x = b.linear(h.Name+"."+strconv.Itoa(3*i), x, hidden, false)
		x = b.norm(h.Name+"."+strconv.Itoa(3*i+1), x, true)
	}
	return b.linear(h.Name+".6", x, h.Out, false)
}

// decoderHead doubles the side of the map by repeating places and smooths with a 3×3 convolution, which
// leaves no checkerboard (Odena et al. 2016, doi:10.23915/distill.00003); channels halve down to 32.
func decoderHead(b *builder, h Head, x tap) tap {
	channels := h.hidden(x)
	for i := range h.Double {
		channels = max(32, channels/2)
		up := b.add(h.Name, x, x.channels, func() (*G.Node, error) { return kernel.Upsample2(x.node) })
		x = b.conv(fmt.Sprintf("%s.conv%d", h.Name, i+1), up, channels, 3, 1, 1, kaimingUniform)
		x = b.norm(fmt.Sprintf("%s.bn%d", h.Name, i+1), x, true)
	}
	return b.convBias(h.Name+".out", x, h.Out, 1, 1, 0, false)
}

// gruHead is the autoregressive part of contrastive predictive coding (van den Oord et al. 2018,
// arXiv:1807.03748). Names are PyTorch's.
func gruHead(b *builder, h Head, x tap) tap {
	init := func(shape ...int) initialiser { return biasUniform(h.Out) }
	wi := b.param(h.Name+".weight_ih_l0", init(), 3*h.Out, x.channels)
	wh := b.param(h.Name+".weight_hh_l0", init(), 3*h.Out, h.Out)
	bi := b.param(h.Name+".bias_ih_l0", init(), 3*h.Out)
	bh := b.param(h.Name+".bias_hh_l0", init(), 3*h.Out)
	return b.add(h.Name, x, h.Out, func() (*G.Node, error) { return kernel.GRU(x.node, wi, wh, bi, bh, b.clip) })
}

// criticHead is the discriminator of context encoders (Pathak et al. 2016, arXiv:1604.07379, §3.2) in
// small: strided convolutions with leaky ReLU, then one number a picture.
func criticHead(b *builder, h Head, x tap) tap {
	for i, channels := range []int{32, 64, 128} {
		x = b.convBias(fmt.Sprintf("%s.conv%d", h.Name, i+1), x, channels, 4, 2, 1, false)
		y := x
		x = b.add(h.Name, y, channels, func() (*G.Node, error) { return kernel.LeakyReLU(y.node, 0.2) })
	}
	return b.linear(h.Name+".out", b.mean(x), 1, false)
}
