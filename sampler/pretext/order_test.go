package pretext

import "testing"

// inOrder says what the answer to a triple is, without looking at how it was drawn.
func inOrder(f [3]int) bool {
	return f[0] < f[1] && f[1] < f[2] || f[0] > f[1] && f[1] > f[2]
}

func TestOrderLabelsSayWhetherTheMiddleFrameLiesBetween(t *testing.T) {
	for frames := MinOrder; frames <= 9; frames++ {
		r := generator(uint64(frames))
		seen := map[[3]int]int{}
		ordered, backwards := 0, 0
		const n = 20000
		for range n {
			f, label := Order(frames, r)
			if inOrder(f) != (label == InOrder) {
				t.Fatalf("%d frames: %v is labelled %d", frames, f, label)
			}
			for i, v := range f {
				if v < 0 || v >= frames || v == f[(i+1)%3] {
					t.Fatalf("%d frames: %v", frames, f)
				}
			}
			// Room for a before and for e after: neither end tells the answer by being the clip's.
			if low, high := min(f[0], f[2]), max(f[0], f[2]); low == 0 || high == frames-1 || high-low < 2 {
				t.Fatalf("%d frames: %v begins or ends at the clip's end, or has no room between", frames, f)
			}
			seen[f]++
			ordered += int(label)
			if f[0] > f[2] {
				backwards++
			}
		}
		// All triples of the law: b and d with room about and between, and any other frame in the middle.
		for b := 1; b < frames; b++ {
			for d := b + 2; d < frames-1; d++ {
				for m := range frames {
					if f := [3]int{b, m, d}; m != b && m != d && (seen[f] == 0 || seen[[3]int{d, m, b}] == 0) {
						t.Errorf("%d frames: %v never came both ways", frames, f)
					}
				}
			}
		}
		if !near(float64(ordered)/n, 0.5, 0.02) || !near(float64(backwards)/n, 0.5, 0.02) {
			t.Errorf("%d frames: %d in order, %d backwards of %d", frames, ordered, backwards, n)
		}
	}
}

func TestFiveFramesAreDrawnEvenly(t *testing.T) {
	const n = 42000
	seen, r := map[[5]int]int{}, generator(1)
	for range n {
		f := five(9, r)
		for i := 1; i < 5; i++ {
			if f[i] <= f[i-1] {
				t.Fatalf("%v does not ascend", f)
			}
		}
		seen[f]++
	}
	if len(seen) != 126 { // 9 choose 5
		t.Errorf("%d choices of 126 came", len(seen))
	}
	for f, k := range seen {
		if !near(float64(k), n/126., 100) { // five and a half deviations
			t.Errorf("%v came %d times instead of %d", f, k, n/126)
		}
	}
}

func TestArrowShowsAClipOneWayOrTheOther(t *testing.T) {
	for frames := 2; frames <= 8; frames++ {
		r := generator(uint64(frames))
		seen := [2]int{}
		for range 400 {
			order, label := Arrow(frames, r)
			seen[label]++
			if len(order) != frames {
				t.Fatalf("%d frames: %v", frames, order)
			}
			for i, v := range order {
				if want := []int{i, frames - 1 - i}[label]; v != want {
					t.Fatalf("%d frames, label %d: %v", frames, label, order)
				}
			}
		}
		if min(seen[0], seen[1]) < 150 {
			t.Errorf("%d frames: %v of 400 each way", frames, seen)
		}
	}
}
