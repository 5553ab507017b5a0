package model

import "fmt"

// small is the encoder for two cores: four 3×3 stride-2 convolutions of 32, 64, 128, 256 channels, each
// with norm and ReLU. 64 px make a map of 4×4 places of 256 numbers.
func small(b *builder, x tap, name string, share int) tap {
	for i, channels := range []int{32, 64, 128, 256} {
		conv, norm := fmt.Sprintf("%s.conv%d", name, i+1), fmt.Sprintf("%s.bn%d", name, i+1)
		x = b.convNorm(conv, norm, x, channels/share, 3, 2, 1, true, kaimingUniform)
	}
	return x
}
