package objective

import (
	"fmt"
	"io"
	"math"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/streams/frame"
)

// keys is a rolling bank of an objective's keys, with what a batch does with it: look for negatives, and
// take in the batch's own keys afterwards.
type keys struct {
	bank      *bank.Rolling
	room      Needs
	decay     float64 // of a key's similarity a step of age; 1: none
	negatives loss.Negatives
	scale     []float32 // by slot, what decay leaves of its similarity
	fresh     []float32 // keys of the batch, to be enqueued
	origins   []bank.Origin
}

func newKeys(n Needs, c Config) *keys {
	b := bank.New(n.Bank, n.Projection)
	b.MaxAge = n.MaxAge
	return &keys{bank: b, room: n, decay: c.Decay, negatives: loss.Negatives{Hard: c.Hard}}
}

// gather points the negatives at the bank and says which keys are no negatives for which anchor: those of
// the anchor's own rig that are not far in time. False keys would push apart what belongs together.
func (k *keys) gather(anchors []*frame.Frame, step uint64) {
	neg := &k.negatives
	neg.Keys = k.bank.Keys()
	neg.Row, neg.Slot = append(neg.Row[:0], 0), neg.Slot[:0]
	for _, f := range anchors {
		neg.Slot = k.bank.Masked(neg.Slot, origin(f, step), k.room.far())
		neg.Row = append(neg.Row, int32(len(neg.Slot)))
	}
	if k.decay > 0 && k.decay < 1 {
		neg.Scale = k.faded(step)
	}
}

// chance is how often a positive scores above all negatives of its anchor by luck; hard ones are the highest of
// all, so that it has to score above all of them, too.
func (k *keys) chance() float32 {
	n, sum := len(k.negatives.Row)-1, 0.0
	for i := range n {
		masked := int(k.negatives.Row[i+1] - k.negatives.Row[i])
		sum += 1 / float64(1+k.bank.Len()-masked) / float64(n)
	}
	return float32(sum)
}

// faded is by what the similarity of each key has shrunk with its age: decay^age, the temporal decay of
// VideoMoCo (Pan et al. 2021, arXiv:2103.05905, eq. 3).
func (k *keys) faded(step uint64) []float32 {
	k.scale = k.scale[:0]
	for slot := range k.bank.Len() {
		age := 0.0
		if made := k.bank.Origin(slot).Step; step > made {
			age = float64(step - made)
		}
		k.scale = append(k.scale, float32(math.Pow(k.decay, age)))
	}
	return k.scale
}

// hold keeps the batch's keys and where they come from until the step is taken.
func (k *keys) hold(fresh []float32, frames []*frame.Frame, step uint64) {
	k.fresh = append(k.fresh[:0], fresh...)
	k.origins = k.origins[:0]
	for _, f := range frames {
		k.origins = append(k.origins, origin(f, step))
	}
}

// settle enqueues what hold kept.
func (k *keys) settle() { k.bank.Enqueue(k.fresh, k.origins) }

// Age implements Aged.
func (k *keys) Age(step uint64) uint64 { return k.bank.Age(step) }

// part is the bank in a checkpoint.
func (k *keys) part() Part {
	return Part{Name: "bank.bin",
		Write: func(w io.Writer) error { _, err := k.bank.WriteTo(w); return err },
		Read: func(r io.Reader, _ int64) error {
			b, err := bank.Read(r)
			if err != nil {
				return err
			}
			if b.Cap() != k.bank.Cap() || b.Dim() != k.bank.Dim() {
				return fmt.Errorf("the bank holds %d keys of %d numbers, the settings want %d of %d", b.Cap(), b.Dim(), k.bank.Cap(), k.bank.Dim())
			}
			b.MaxAge = k.bank.MaxAge
			k.bank = b
			return nil
		}}
}

// origin is the provenance of a key made of a frame.
func origin(f *frame.Frame, step uint64) bank.Origin {
	return bank.Origin{Camera: f.Camera, Rig: f.Rig, Captured: f.Captured, Step: step, Ref: f.Ref, Seq: f.Seq}
}
