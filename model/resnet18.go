package model

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// resnet18 is the trunk of He et al. 2015 (arXiv:1512.03385): a 7×7 stride-2 stem with max pool, then
// four stages of two basic blocks (64, 128, 256, 512 channels). Names are torchvision's, so that its
// users recognise a checkpoint.
func resnet18(b *builder, x tap, name string, share int) tap {
	x = b.convNorm(name+".conv1", name+".bn1", x, 64/share, 7, 2, 3, true, kaimingNormal)
	x = b.add(name+".maxpool", x, x.channels, func() (*G.Node, error) { return kernel.MaxPool2D(x.node, 3, 2, 1) })
	for stage, channels := range []int{64, 128, 256, 512} {
		for block := range 2 {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			x = basicBlock(b, fmt.Sprintf("%s.layer%d.%d", name, stage+1, block), x, channels/share, stride)
		}
	}
	return x
}

// basicBlock is relu(bn(conv(relu(bn(conv x)))) + x), where x passes a 1×1 convolution if its shape changes.
func basicBlock(b *builder, name string, x tap, channels, stride int) tap {
	y := b.convNorm(name+".conv1", name+".bn1", x, channels, 3, stride, 1, true, kaimingNormal)
	short := func() tap {
		if stride == 1 && x.channels == channels {
			return x
		}
		return b.convNorm(name+".downsample.0", name+".downsample.1", x, channels, 1, stride, 0, false, kaimingNormal)
	}
	return b.convNormAdd(name+".conv2", name+".bn2", y, short, channels, kaimingNormal)
}
