package pretext

import "math/rand/v2"

// The answers of the order task.
const (
	OutOfOrder = 0
	InOrder    = 1
)

// MinOrder is how many frames a clip must have for Order.
const MinOrder = 5

// Order draws three frames of a clip of t for order verification (shuffle and learn; Misra, Zitnick &
// Hebert 2016, arXiv:1603.08561). Of five random frames a < b < c < d < e the triple is
//
//	(b, c, d)                in order
//	(b, a, d) or (b, e, d)   out of order
//
// Both kinds begin with b and end with d, so only the middle frame tells. As in the paper every triple is
// also shown backwards, with the same answer: order is asked for, not the direction of time (see Arrow).
// Half of the triples are in order, so that chance is ½; the paper found a quarter to train best.
//
// The paper draws from the parts of a video that move most. Which clip is worth it is for the caller to say.
func Order(t int, r *rand.Rand) (tuple [3]int, label int32) {
	f := five(t, r)
	switch r.IntN(4) {
	case 0:
		tuple = [3]int{f[1], f[0], f[3]}
	case 1:
		tuple = [3]int{f[1], f[4], f[3]}
	default:
		tuple, label = [3]int{f[1], f[2], f[3]}, InOrder
	}
	if r.IntN(2) == 1 {
		tuple[0], tuple[2] = tuple[2], tuple[0]
	}
	return tuple, label
}

// five draws five different frames in ascending order, every choice as likely as any other.
func five(t int, r *rand.Rand) (f [5]int) {
	if t < MinOrder {
		panic("pretext: order needs a clip of five frames or more")
	}
	// Floyd's sampling, each number put where it belongs.
	for n := range f {
		last := t - len(f) + n
		v := r.IntN(last + 1)
		for _, was := range f[:n] {
			if was == v {
				v = last
			}
		}
		k := n
		for ; k > 0 && f[k-1] > v; k-- {
			f[k] = f[k-1]
		}
		f[k] = v
	}
	return f
}

// The answers of the arrow task.
const (
	Forward  = 0
	Backward = 1
)

// Arrow draws the direction in which a clip of t frames is shown (the arrow of time; Pickup et al. 2014,
// Wei et al. 2018): its frames in order or in reverse.
func Arrow(t int, r *rand.Rand) (order []int, label int32) {
	if t < 2 {
		panic("pretext: time has no arrow in less than two frames")
	}
	label = r.Int32N(2)
	order = make([]int, t)
	for i := range order {
		order[i] = i
		if label == Backward {
			order[i] = t - 1 - i
		}
	}
	return order, label
}
