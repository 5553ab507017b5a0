package bank

import (
	"math"
	"time"
)

// Masked appends to dst, ascending, the slots that are no negatives for the anchor:
//   - keys of the anchor's own rig captured less than far from it, be they near or in no-man's-land;
//   - the anchor's own key, whatever far is;
//   - keys made more than MaxAge steps before anchor.Step.
//
// A key exactly far away is a negative.
func (b *Rolling) Masked(dst []int32, anchor Origin, far time.Duration) []int32 {
	rig, at, reach := b.rigs.find(anchor.Rig), nanos(anchor.Captured), int64(far)
	if b.MaxAge == 0 && 0 < reach && reach < math.MaxInt64/2 { // one comparison a key: a bank is looked through for every row of a step
		first, width := at-reach+1, uint64(2*reach-1)
		for slot, key := range b.captured {
			if uint64(key-first) < width && b.rig[slot] == rig {
				dst = append(dst, int32(slot))
			}
		}
		return dst
	}
	for slot, key := range b.captured {
		if b.rig[slot] == rig {
			if d := key - at; d < reach && -d < reach || d == 0 && b.same(slot, anchor) {
				dst = append(dst, int32(slot))
				continue
			}
		}
		if b.MaxAge > 0 && b.aged(slot, anchor.Step) {
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
