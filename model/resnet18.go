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
	x = b.conv(name+".conv1", x, 64/share, 7, 2, 3, kaimingNormal)
	x = b.norm(name+".bn1", x, true)
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
	y := b.conv(name+".conv1", x, channels, 3, stride, 1, kaimingNormal)
	y = b.norm(name+".bn1", y, true)
	y = b.conv(name+".conv2", y, channels, 3, 1, 1, kaimingNormal)
	short := x
	if stride != 1 || x.channels != channels {
		short = b.conv(name+".downsample.0", x, channels, 1, stride, 0, kaimingNormal)
		short = b.norm(name+".downsample.1", short, false)
	}
	return b.normAdd(name+".bn2", y, short)
}
