package model

import (
	"math"
	"math/rand/v2"
)

// initialiser fills a new parameter. Gorgonia's own seed themselves from the clock, so these draw from
// the generator they are handed.
type initialiser func(dst []float32, shape []int, r *rand.Rand)

// fanIn is how many inputs one output of the layer sums: I·KH·KW of OIHW, I of (O, I).
func fanIn(shape []int) int { return volume(shape[1:]) }

// kaimingUniform is U(±1/√fanIn): He et al. 2015 (arXiv:1502.01852) with a = √5, which PyTorch gives
// convolutions and linear layers by default.
func kaimingUniform(dst []float32, shape []int, r *rand.Rand) {
	uniform(dst, 1/math.Sqrt(float64(fanIn(shape))), r)
}

// biasUniform is PyTorch's default bias, U(±1/√fanIn) of the matrix it belongs to.
func biasUniform(fanIn int) initialiser {
	return func(dst []float32, _ []int, r *rand.Rand) { uniform(dst, 1/math.Sqrt(float64(fanIn)), r) }
}

func uniform(dst []float32, bound float64, r *rand.Rand) {
	for i := range dst {
		dst[i] = float32((2*r.Float64() - 1) * bound)
	}
}

// kaimingNormal is N(0, 2/fanOut), He et al. 2015, as torchvision initialises its ResNets.
func kaimingNormal(dst []float32, shape []int, r *rand.Rand) {
	std := math.Sqrt(2 / float64(shape[0]*volume(shape[2:])))
	for i := range dst {
		dst[i] = float32(r.NormFloat64() * std)
	}
}

// normal is N(0, std²).
func normal(std float64) initialiser {
	return func(dst []float32, _ []int, r *rand.Rand) {
		for i := range dst {
			dst[i] = float32(r.NormFloat64() * std)
		}
	}
}

func ones(dst []float32, _ []int, _ *rand.Rand) { fill(dst, 1) }

func zeros(dst []float32, _ []int, _ *rand.Rand) { fill(dst, 0) }
