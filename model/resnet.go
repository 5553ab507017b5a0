package model

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// resnet18 is the trunk of He et al. 2015 (arXiv:1512.03385) of two basic blocks a stage.
func resnet18(b *builder, x tap, name string, share int) tap {
	return residual(b, x, name, share, [4]int{2, 2, 2, 2}, basicBlock)
}

// resnet50 is that of bottlenecks, whose 3×3 convolution has the stride (as in torchvision, "V1.5").
func resnet50(b *builder, x tap, name string, share int) tap {
	return residual(b, x, name, share, [4]int{3, 4, 6, 3}, bottleneck)
}

// residual is a 7×7 stride-2 stem with max pool, then four stages of blocks of 64, 128, 256, 512 channels. Names are
// torchvision's, so that its users recognise a checkpoint.
func residual(b *builder, x tap, name string, share int, blocks [4]int, block func(b *builder, name string, x tap, channels, stride int) tap) tap {
	x = b.convNorm(name+".conv1", name+".bn1", x, 64/share, 7, 2, 3, true, kaimingNormal)
	x = b.add(name+".maxpool", x, x.channels, func() (*G.Node, error) { return kernel.MaxPool2D(x.node, 3, 2, 1) })
	for stage, n := range blocks {
		for i := range n {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			x = block(b, fmt.Sprintf("%s.layer%d.%d", name, stage+1, i), x, 64<<stage/share, stride)
		}
	}
	return x
}

// basicBlock is relu(bn(conv(relu(bn(conv x)))) + x).
func basicBlock(b *builder, name string, x tap, channels, stride int) tap {
	y := b.convNorm(name+".conv1", name+".bn1", x, channels, 3, stride, 1, true, kaimingNormal)
	return b.convNormAdd(name+".conv2", name+".bn2", y, shortcut(b, name, x, channels, stride), channels, 3, kaimingNormal)
}

// bottleneck is relu(bn(conv1×1(relu(bn(conv3×3(relu(bn(conv1×1 x)))))) + x), four times as wide outside as inside.
func bottleneck(b *builder, name string, x tap, channels, stride int) tap {
	y := b.convNorm(name+".conv1", name+".bn1", x, channels, 1, 1, 0, true, kaimingNormal)
	y = b.convNorm(name+".conv2", name+".bn2", y, channels, 3, stride, 1, true, kaimingNormal)
	return b.convNormAdd(name+".conv3", name+".bn3", y, shortcut(b, name, x, 4*channels, stride), 4*channels, 1, kaimingNormal)
}

// shortcut is x, through a 1×1 convolution where the block changes its shape.
func shortcut(b *builder, name string, x tap, channels, stride int) func() tap {
	return func() tap {
		if stride == 1 && x.channels == channels {
			return x
		}
		return b.convNorm(name+".downsample.0", name+".downsample.1", x, channels, 1, stride, 0, false, kaimingNormal)
	}
}
