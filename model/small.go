package model

import "fmt"

// small is the encoder for two cores: four 3×3 stride-2 convolutions of 32, 64, 128, 256 channels, each
// with norm and ReLU, then the mean over all places. 64 px make 4×4 places; the embedding has 256 numbers.
func small(b *builder, x tap) tap {
	for i, channels := range []int{32, 64, 128, 256} {
		x = b.conv(fmt.Sprintf("encoder.conv%d", i+1), x, channels, 3, 2, 1, kaimingUniform)
		x = b.norm(fmt.Sprintf("encoder.bn%d", i+1), x, true)
	}
	return b.mean(x)
}
