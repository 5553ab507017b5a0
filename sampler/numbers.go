package sampler

import "math/rand/v2"

// numbers is where the random numbers of a step, or of one use of them, begin. Each use has its own, so that
// one objective never shifts or repeats the numbers of another.
type numbers struct{ a, b uint64 }

func newNumbers(r *rand.Rand) numbers { return numbers{r.Uint64(), r.Uint64()} }

// of are the numbers of one use, told apart by its name: FNV-1a, then mix.
func (n numbers) of(use string) numbers {
	h := uint64(0xcbf29ce484222325)
	for i := range len(use) {
		h = (h ^ uint64(use[i])) * 0x100000001b3
	}
	return numbers{mix(n.a + mix(h)), mix(n.b ^ mix(^h))}
}

// seed sets a generator to the numbers of a row.
func (n numbers) seed(pcg *rand.PCG, row int) { pcg.Seed(mix(n.a+uint64(row)), mix(n.b^uint64(row))) }

// Rand is the generator of a row for one use, such as "moco.query". Who needs it for many rows calls Each.
func (d *Draw) Rand(use string, row int) *rand.Rand { return newReseeder(d.numbers.of(use)).at(row) }

// reseeder gives each row its generator. It is one generator, reseeded, which keeps a step free of allocation.
type reseeder struct {
	numbers numbers
	pcg     *rand.PCG
	rand    *rand.Rand
}

func newReseeder(n numbers) reseeder {
	pcg := &rand.PCG{}
	return reseeder{n, pcg, rand.New(pcg)}
}

// at is the generator of a row, valid until the next call.
func (r reseeder) at(row int) *rand.Rand {
	r.numbers.seed(r.pcg, row)
	return r.rand
}

// mix is the finaliser of SplitMix64 (Steele, Lea & Flood 2014): every bit of x moves every bit of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
