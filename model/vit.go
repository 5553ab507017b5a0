package model

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// ViT-Tiny (Dosovitskiy et al. 2020, arXiv:2010.11929; Touvron et al. 2020, arXiv:2012.12877).
const (
	vitDepth = 12
	vitHeads = 3
	vitWidth = 64 * vitHeads
	vitMLP   = 4 // how many times as wide the hidden layer is
)

// vit is a vision transformer over patches: pre-norm blocks, the mean over places in place of a class token (Beyer et al.
// 2022, arXiv:2205.01580), and fixed sines and cosines for places (as MoCo v3 has them, Chen et al. 2021,
// arXiv:2104.02057), so that it takes pictures of any size. Names are timm's.
func vit(patch int) func(b *builder, x tap, name string, share int) tap {
	return func(b *builder, x tap, name string, share int) tap {
		x = patches(b, name+".patch_embed.proj", x, vitWidth/share, patch)
		grid := x
		x = b.add(name, x, x.channels, func() (*G.Node, error) { return kernel.Reshape(x.node, rowsOf(x), x.channels) })
		for i := range vitDepth {
			x = transformerBlock(b, fmt.Sprintf("%s.blocks.%d", name, i), x, grid)
		}
		x = layerNorm(b, name+".norm", x)
		return b.add(name, x, x.channels, func() (*G.Node, error) { return kernel.Reshape(x.node, grid.node.Shape()...) })
	}
}

// patches looks at each patch by itself, and adds where it lies: (N, S, S, C) → (N, h, w, width), a border of half of what
// is missing to whole patches around them.
func patches(b *builder, name string, x tap, width, patch int) tap {
	pad := 0
	if x.node != nil {
		pad = ((patch-x.node.Shape()[1]%patch)%patch + 1) / 2
	}
	x = b.convBias(name, x, width, patch, patch, pad, false)
	return b.add(name, x, width, func() (*G.Node, error) {
		s := x.node.Shape()
		return kernel.Shift(x.node, placeTable(s[1], s[2], width))
	})
}

// placeTable is what tells places apart, (h, w, width): a quarter of the numbers each are sines and cosines of the column,
// and of the row, of wavelengths from 2π to 10,000 · 2π patches (Vaswani et al. 2017, §3.5, in two dimensions).
func placeTable(h, w, width int) []float32 {
	table, quarter := make([]float32, h*w*width), width/4
	for y := range h {
		for x := range w {
			row := table[(y*w+x)*width:][:width]
			for i := range quarter {
				f := math.Pow(10000, -float64(i)/float64(quarter))
				for j, angle := range []float64{float64(x) * f, float64(y) * f} {
					sin, cos := math.Sincos(angle)
					row[2*j*quarter+i], row[(2*j+1)*quarter+i] = float32(sin), float32(cos)
				}
			}
		}
	}
	return table
}

// transformerBlock is x + attention(norm x), and on that x + mlp(norm x). Rows are places of the grid, picture by picture.
func transformerBlock(b *builder, name string, x, grid tap) tap {
	qkv := b.dense(name+".attn.qkv", layerNorm(b, name+".norm1", x), 3*x.channels)
	seen := b.add(name+".attn", qkv, x.channels, func() (*G.Node, error) {
		s := grid.node.Shape()
		return kernel.Attention(qkv.node, s[1]*s[2], vitHeads)
	})
	x = plus(b, name+".attn", x, b.dense(name+".attn.proj", seen, x.channels))
	hidden := b.dense(name+".mlp.fc1", layerNorm(b, name+".norm2", x), vitMLP*x.channels)
	bent := b.add(name+".mlp", hidden, hidden.channels, func() (*G.Node, error) { return kernel.GELU(hidden.node) })
	return plus(b, name+".mlp", x, b.dense(name+".mlp.fc2", bent, x.channels))
}

// dense is a linear layer as transformers begin: N(0, 0.02²), no bias.
func (b *builder) dense(name string, x tap, out int) tap {
	w, bias := b.param(name+".weight", normal(0.02), out, x.channels), b.param(name+".bias", zeros, out)
	b.count(name, x, out, 0, 0, 0)
	return b.add(name, x, out, func() (*G.Node, error) { return kernel.Linear(x.node, w, bias, false) })
}

func layerNorm(b *builder, name string, x tap) tap {
	gamma, beta := b.param(name+".weight", ones, x.channels), b.param(name+".bias", zeros, x.channels)
	return b.add(name, x, x.channels, func() (*G.Node, error) { return kernel.LayerNorm(x.node, gamma, beta) })
}

func plus(b *builder, name string, x, y tap) tap {
	return b.add(name, x, x.channels, func() (*G.Node, error) { return G.Add(x.node, y.node) })
}

// rowsOf is how many places all pictures of x have together.
func rowsOf(x tap) int { return x.node.Shape().TotalSize() / x.channels }
