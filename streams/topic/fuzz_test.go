package topic

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// FuzzRecords: what lies in the topics beside the frames (dead letters, marks of replays, claims of trainers) may have
// been written by anybody. Headers come as lines of name=value.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("rig"), []byte("picture"), "ce_source=cam\ndlq.stage=decode\ndlq.reason=r\ndlq.error=e\ndlq.topic=frames\ndlq.partition=0\ndlq.offset=7")
	f.Add([]byte("rig"), []byte("picture"), "dlq.stage=decode\ndlq.reason=r\ndlq.error=e\ndlq.topic=\ndlq.partition=-1\ndlq.offset=99999999999999999999")
	f.Add([]byte(markKey), []byte(`{"replay":"a","ids":["x"],"ends":{"0":5}}`), markHeader+"="+markBegun)
	f.Add([]byte(markKey), []byte(`null`), markHeader+"="+markDone)
	f.Add([]byte("yard"), []byte(`{"kind":"claim","group":"yard","epoch":1,"nonce":"n","owner":"o"}`), "")
	f.Add([]byte("yard"), []byte(`{"kind":"beat","group":"yard","epoch":18446744073709551615,"nonce":"n"}`), "")
	f.Fuzz(func(t *testing.T, key, value []byte, headers string) {
		m := frame.Message{Key: key, Value: value, Ref: frame.Ref{Topic: "frames.dlq", Offset: 3}}
		for line := range strings.SplitSeq(headers, "\n") {
			if name, value, ok := strings.Cut(line, "="); ok {
				m.Headers = append(m.Headers, frame.Header{Key: name, Value: []byte(value)})
			}
		}
		if l, ok := ParseLetter(m); ok {
			again := l.again()
			if !bytes.Equal(again.Value, value) || len(again.Headers) > len(m.Headers)-len(letterHeaders())+1 {
				t.Errorf("%d headers come out of %d", len(again.Headers), len(m.Headers))
			}
			if id, ok := again.Header(HeaderReplayed); !ok || id != l.ID() {
				t.Errorf("it is replayed as %q, its ID is %q", id, l.ID())
			}
		}
		if k, ok := parseMark(m); ok {
			claim{}.plus(k).plus(k)
			gone(k.Ends, map[int]Bound{0: {First: 1, Next: 2}})
		}
		if claimed, ok := parseTenant(m); ok {
			var h holder
			h.take(tenant{Kind: kindClaim, Group: claimed.Group, Epoch: 1, Nonce: "first", Owner: "first"})
			h.take(claimed)
			h.take(claimed)
			if h.Epoch == 0 || h.Epoch < claimed.Epoch {
				t.Errorf("epoch %d after one of %d", h.Epoch, claimed.Epoch)
			}
			_ = h.held("other")
		}
	})
}
