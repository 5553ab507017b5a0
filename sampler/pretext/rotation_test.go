package pretext

import (
	"slices"
	"testing"
)

func TestRotateMovesEveryPixelByItsQuarter(t *testing.T) {
	for size := 1; size <= 9; size++ {
		p := noise(size, uint64(size))
		for quarter := range Quarters {
			dst := make([]float32, len(p.Pix))
			Rotate(dst, p.Pix, size, quarter)
			q := Picture{dst, size}
			for y := range size {
				for x := range size {
					u, v := x, y // against the clock: what was right goes up
					for range quarter {
						u, v = v, size-1-u
					}
					if !slices.Equal(q.at(u, v), p.at(x, y)) {
						t.Fatalf("size %d, quarter %d: pixel %d,%d is not at %d,%d", size, quarter, x, y, u, v)
					}
				}
			}
		}
	}
}

func TestFourQuartersAreIdentityAndQuartersAdd(t *testing.T) {
	for _, size := range []int{1, 2, 7, 64} {
		p := noise(size, 9)
		turn := func(pix []float32, quarter int) []float32 {
			dst := make([]float32, len(pix))
			Rotate(dst, pix, size, quarter)
			return dst
		}
		for a := range Quarters {
			four := p.Pix
			for range Quarters {
				four = turn(four, a)
			}
			if !slices.Equal(four, p.Pix) {
				t.Errorf("size %d: turning by %d four times is not identity", size, a)
			}
			for b := range Quarters {
				if !slices.Equal(turn(turn(p.Pix, a), b), turn(p.Pix, (a+b)%Quarters)) {
					t.Errorf("size %d: %d then %d is not their sum", size, a, b)
				}
			}
			sorted, was := slices.Clone(turn(p.Pix, a)), slices.Clone(p.Pix)
			slices.Sort(sorted)
			slices.Sort(was)
			if !slices.Equal(sorted, was) {
				t.Errorf("size %d, quarter %d: the values are no permutation", size, a)
			}
			for b := range a {
				if size > 1 && slices.Equal(turn(p.Pix, a), turn(p.Pix, b)) {
					t.Errorf("size %d: quarters %d and %d look the same", size, a, b)
				}
			}
		}
	}
}
