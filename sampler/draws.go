package sampler

import "math/rand/v2"

// What random numbers are drawn for; each use has its own sequence, so that one never shifts another.
const (
	useQuery = iota // augmentation of the query
	useKey          // augmentation of the key
	usePair         // which frames meet
	useFar          // far negatives
	useNear         // which neighbours are kept
	useViews        // which views are kept
	uses
)

// draws are the random numbers of one step, told apart by row and use. Reseeding one generator instead of
// making many keeps a step free of allocation; a copy has its own generator (see fork).
type draws struct {
	a, b uint64 // the step's key
	pcg  *rand.PCG
	rand *rand.Rand
}

func newDraws(step *rand.Rand) draws {
	return draws{a: step.Uint64(), b: step.Uint64()}.fork(&rand.PCG{})
}

// fork is the same numbers from another generator, for another goroutine.
func (d draws) fork(pcg *rand.PCG) draws {
	d.pcg, d.rand = pcg, rand.New(pcg)
	return d
}

// at is the generator of a row's use, valid until the next call.
func (d draws) at(row int, use uint64) *rand.Rand {
	n := uint64(row)*uses + use
	d.pcg.Seed(mix(d.a+n), mix(d.b^n))
	return d.rand
}

// mix is the finaliser of SplitMix64 (Steele, Lea & Flood 2014): every bit of x moves every bit of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
