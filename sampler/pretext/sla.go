package pretext

import "fmt"

// SLA is the set of transformations of self-supervised label augmentation (Lee, Hwang & Shin 2020,
// arXiv:1910.05872): a network that is asked for N labels of M transformed copies learns N·M joint classes,
// joint = label·M + t. Every transformation is lossless, and t = 0 changes nothing.
//
// Transformations are numbered as in the released code (hankook/SLA, augmentations.py): with rotations and P
// orders of channels, t = quarter·P + order.
type SLA struct {
	Quarters int // rotations: 1 (none), 2 (0° and 180°) or 4
	Orders   int // orders of the channels: 1 (none), 3 (cyclic) or 6 (all)
}

// orders are those of the channels, in the order of the released code: channel c of a copy is channel
// orders[…][c] of the view. The cyclic ones are 0, 3 and 4.
var orders = [6][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}

// Check says what is no set of transformations.
func (s SLA) Check() error {
	if s.Quarters != 1 && s.Quarters != 2 && s.Quarters != 4 {
		return fmt.Errorf("augmenting labels by %d rotations: it must be 1, 2 or 4", s.Quarters)
	}
	if s.Orders != 1 && s.Orders != 3 && s.Orders != 6 {
		return fmt.Errorf("augmenting labels by %d orders of channels: it must be 1, 3 or 6", s.Orders)
	}
	if s.M() == 1 {
		return fmt.Errorf("augmenting labels by nothing: rotations or orders of channels must be more than 1")
	}
	return nil
}

// M is the number of transformations.
func (s SLA) M() int { return s.Quarters * s.Orders }

// Transform writes the t-th copy of a view, both size×size×3.
func (s SLA) Transform(dst, view []float32, size, t int) {
	if t < 0 || t >= s.M() {
		panic("pretext: there are not so many transformations")
	}
	Rotate(dst, view, size, t/s.Orders*(Quarters/s.Quarters))
	order := t % s.Orders
	if s.Orders == 3 && order > 0 {
		order += 2
	}
	if order == 0 {
		return
	}
	o := orders[order]
	for pix := dst[:3*size*size]; len(pix) > 0; pix = pix[3:] {
		pix[0], pix[1], pix[2] = pix[o[0]], pix[o[1]], pix[o[2]]
	}
}
