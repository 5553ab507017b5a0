package topic

import (
	"encoding/json"

	"github.com/nearfar/nearfar/streams/frame"
)

// Who may train is written into a topic of one partition, whose order all agree on. Each trainer that begins claims
// the next epoch of its group; of two claims of one epoch the first in the log stands. Whoever holds the last epoch
// beats now and then, and says when it leaves. What older epochs write is passed over: that is the fence.
const (
	kindClaim = "claim"
	kindBeat  = "beat"
	kindLeave = "leave"
)

// tenant is such a record.
type tenant struct {
	Kind  string `json:"kind"`
	Group string `json:"group"`
	Epoch uint64 `json:"epoch"`
	Nonce string `json:"nonce"` // of one life of a trainer
	Owner string `json:"owner"`
	Host  string `json:"host"`
	PID   int    `json:"pid"`
}

func parseTenant(m frame.Message) (t tenant, ok bool) {
	return t, json.Unmarshal(m.Value, &t) == nil && t.Group != "" && t.Nonce != "" && t.Epoch > 0
}

// holder is what the log says of a group.
type holder struct {
	tenant
	beats int  // records of the one who holds it
	left  bool // nobody does
}

// take reads the next record. Records of the beginning may be gone: then who beats is who holds the epoch, since
// whoever lost a claim never beats.
func (h *holder) take(t tenant) {
	switch {
	case t.Epoch < h.Epoch:
		return
	case t.Epoch > h.Epoch, t.Nonce != h.Nonce && t.Kind != kindClaim:
		*h = holder{tenant: t}
	case t.Nonce != h.Nonce:
		return
	}
	h.beats++
	h.left = t.Kind == kindLeave
}

// held says whether somebody else than owner may be at work.
func (h *holder) held(owner string) bool { return h.Epoch > 0 && !h.left && h.Owner != owner }
