package decoder

import (
	"bytes"
	"encoding/gob"
	"errors"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// FuzzAnswer: a picture may have spoilt the memory of the process that decodes it. What that process says then is a
// frame, an error, or refused.
func FuzzAnswer(f *testing.F) {
	for _, a := range []answer{{}, {Width: 2, Height: 1, Pix: make([]byte, 6)}, {Width: 1 << 40, Height: 1 << 40}, {Err: "cut short", Kind: corrupt}, {Err: "?", Kind: 77}, {Err: "?", Kind: -1}} {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(a); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte("libopencv: assertion failed\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a answer
		if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&a); err != nil || a.check() != nil {
			return
		}
		if a.Err != "" {
			_ = errors.Is(told{a.Err, a.Kind}, frame.ErrCorrupt)
		} else if len(a.Pix) != 3*a.Width*a.Height {
			t.Errorf("%d bytes for %d×%d px", len(a.Pix), a.Width, a.Height)
		}
	})
}
