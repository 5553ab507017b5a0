package eval

// Cycle is how often one comes back to the same instant by way of another view.
type Cycle struct {
	Exact    float64 // share of frames that come back to themselves
	Within   float64 // share that come back to within the tolerance
	Pairs    int     // ordered pairs of views
	Constant int     // of them, pairs where every frame goes to one and the same; they score 0
}

// CycleConsistency follows frame t of one view to its nearest neighbour in another (squared L2) and that one
// to its nearest neighbour in the first, and counts where it ends at t, or at most within frames from it
// (Dwibedi et al., 2019, arXiv:1904.07846). Every ordered pair of views is asked, so both ways round.
//
// It says nothing alone: two views whose every distance is noise agree with themselves half of the time (see
// CycleChance), and a wrong pairing that is one-to-one is perfectly consistent. Read it beside the alignment
// error, which knows the true time. Where all frames of a view go to the same frame of the other, the view
// has collapsed and all of its frames count as lost, though one of them would come back.
func CycleConsistency(within int, recordings ...Views) Cycle {
	if within < 0 {
		panic("eval: a negative tolerance")
	}
	var c Cycle
	for _, v := range recordings {
		for i, a := range v.Cameras {
			for _, b := range v.Cameras[i+1:] {
				there, back := closest(a, b, v.Dim), closest(b, a, v.Dim)
				c.add(there, back, within)
				c.add(back, there, within)
			}
		}
	}
	c.Exact /= float64(c.Pairs)
	c.Within /= float64(c.Pairs)
	return c
}

func (c *Cycle) add(there, back []int, within int) {
	c.Pairs++
	if constant(there) || constant(back) {
		c.Constant++
		return
	}
	exact, near := 0, 0
	for t, found := range there {
		off := back[found] - t
		if off == 0 {
			exact++
		}
		if max(off, -off) <= within {
			near++
		}
	}
	c.Exact += float64(exact) / float64(len(there))
	c.Within += float64(near) / float64(len(there))
}

// CycleChance is the consistency of two views of n instants all of whose n² distances are independent noise.
// A frame's neighbour is the least of its row; it is the least of its column too, which brings the frame
// back, when it is the least of both: n/(2n−1), about one half. Otherwise the end is any other frame.
func CycleChance(n, within int) (exact, near float64) {
	exact = float64(n) / float64(2*n-1)
	others := 0 // of all n·(n−1) pairs of different frames, those near each other
	for d := 1; d <= min(within, n-1); d++ {
		others += 2 * (n - d)
	}
	return exact, exact + (1-exact)*float64(others)/float64(n*(n-1))
}
