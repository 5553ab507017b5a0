// Package decoder decodes pictures in processes of their own, so that a picture that kills its decoder kills nothing
// else: OpenCV and what lies below it answer some nonsense with a signal, which no Go program survives.
package decoder

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// Decode is what picture.Decode is: a compressed frame in, pixels of size×size (0: its own) out.
type Decode func(e frame.Encoded, size int) (*frame.Frame, error)

var (
	// ErrCrashed says that a picture ended the process that decoded it, twice.
	ErrCrashed = errors.New("the picture kills its decoder")
	// ErrNoDecoder says that no decoder can be started: that is no picture's fault.
	ErrNoDecoder = errors.New("no decoder process can be started")
)

// request is a picture on its way to a decoder.
type request struct {
	Camera      string // for messages
	Seq         uint64
	ContentType string
	Data        []byte
	Checked     bool
	Size        int
	Meek        bool // let everybody else have the processor first, from now on
}

// answer is what became of it. A decoder sends an empty one when it begins.
type answer struct {
	Width, Height int
	Pix           []byte
	Err           string
	Kind          kind
	Busy          time.Duration // of the processor
}

// check tells an answer from the nonsense of a process whose memory a picture has spoilt.
func (a answer) check() error {
	switch {
	case a.Kind < other || a.Kind > notPicture:
		return fmt.Errorf("an answer of kind %d", a.Kind)
	case a.Err != "":
		return nil
	}
	f := frame.Frame{Width: a.Width, Height: a.Height, Pix: a.Pix}
	return f.Check()
}

// kind is which error of the frame room an error wraps.
type kind int

const (
	other kind = iota
	corrupt
	notPicture
)

func kindOf(err error) kind {
	switch {
	case errors.Is(err, frame.ErrCorrupt):
		return corrupt
	case errors.Is(err, frame.ErrNotPicture):
		return notPicture
	}
	return other
}

// told is an error of another process: its words, and what they wrap.
type told struct {
	text string
	kind kind
}

func (t told) Error() string { return t.text }

func (t told) Unwrap() error { return [...]error{nil, frame.ErrCorrupt, frame.ErrNotPicture}[t.kind] }

// Serve is the life of a decoder process: it answers what comes in until there is no more.
func Serve(in io.Reader, out io.Writer, decode Decode) error {
	from, to := gob.NewDecoder(in), gob.NewEncoder(out)
	if err := to.Encode(answer{}); err != nil {
		return fmt.Errorf("beginning to decode: %w", err)
	}
	var r request
	for meek := false; ; {
		r = request{Data: r.Data[:0]} // the memory of one picture serves the next
		switch err := from.Decode(&r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("taking a picture to decode (this command is started by nearfar, not by hand): %w", err)
		}
		if r.Meek && !meek {
			yield()
			meek = true
		}
		var a answer
		began := busy()
		f, err := decode(frame.Encoded{Meta: frame.Meta{Camera: r.Camera, Seq: r.Seq}, ContentType: r.ContentType, Data: r.Data, Checked: r.Checked}, r.Size)
		if err != nil {
			a = answer{Err: err.Error(), Kind: kindOf(err)}
		} else {
			a = answer{Width: f.Width, Height: f.Height, Pix: f.Pix}
		}
		a.Busy = busy() - began
		if err := to.Encode(a); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}
