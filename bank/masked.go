package bank

import (
	"slices"
	"time"
)

// Masked appends to dst, ascending, the slots that are no negatives for the anchor:
//   - keys of the anchor's own rig captured less than far from it, be they near or in no-man's-land;
//   - the anchor's own key, whatever far is;
//   - keys made more than MaxAge steps before anchor.Step.
//
// A key exactly far away is a negative.
func (b *Rolling) Masked(dst []int32, anchor Origin, far time.Duration) []int32 {
	rig, at := b.rigs.find(anchor.Rig), nanos(anchor.Captured)
	first, width := at, uint64(0) // of the times that are less than far away
	if far > 0 {
		first, width = at-int64(far)+1, 2*uint64(far)-1 // unsigned differences wrap as they should
	}
	// Keys lie in the order in which frames were drawn: which of them are near, no processor foretells, and to guess wrong
	// costs more than to look. So every slot is written down, and the next one over it where it does not count.
	dst = slices.Grow(dst, len(b.captured))
	masked, rigs, n := dst[len(dst):][:len(b.captured)], b.rig[:len(b.captured)], 0
	for slot, key := range b.captured {
		counts := bit(uint64(key-first) < width)
		if width == 0 && key == at {
			counts = bit(b.same(slot, &anchor))
		}
		counts &= bit(rigs[slot] == rig)
		if b.MaxAge > 0 {
			counts |= bit(b.aged(slot, anchor.Step))
		}
		masked[n] = int32(slot)
		n += counts
	}
	return dst[:len(dst)+n]
}

// bit is 1 for what is, without a branch.
func bit(is bool) (b int) {
	if is {
		b = 1
	}
	return b
}

// same says whether the key in a slot was made of the anchor's own frame.
func (b *Rolling) same(slot int, anchor *Origin) bool {
	o := &b.origins[slot]
	return o.Camera == anchor.Camera && o.Seq == anchor.Seq
}

// aged says whether the key in a slot is too old at a step.
func (b *Rolling) aged(slot int, step uint64) bool {
	made := b.origins[slot].Step
	return step > made && step-made > b.MaxAge
}
