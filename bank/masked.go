package bank

import "time"

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
	for slot, key := range b.captured {
		near := uint64(key-first) < width || key == at && b.same(slot, anchor)
		if near && b.rig[slot] == rig || b.MaxAge > 0 && b.aged(slot, anchor.Step) {
			dst = append(dst, int32(slot))
		}
	}
	return dst
}

// same says whether the key in a slot was made of the anchor's own frame.
func (b *Rolling) same(slot int, anchor Origin) bool {
	o := &b.origins[slot]
	return o.Camera == anchor.Camera && o.Seq == anchor.Seq
}

// aged says whether the key in a slot is too old at a step.
func (b *Rolling) aged(slot int, step uint64) bool {
	made := b.origins[slot].Step
	return step > made && step-made > b.MaxAge
}
