package files

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// ErrTorn says that a file ends within a line: what wrote it died, or is writing still.
var ErrTorn = errors.New("the last line is torn")

// maxLine bounds one record, some million numbers.
const maxLine = 16 << 20

// Read gives the embeddings in a file, in order. What is wrong comes as the last pair, an error that names file and
// line; it is ErrTorn where only the last line is unfinished and all before it has been given.
func Read(path string) iter.Seq2[frame.Embedding, error] {
	return func(yield func(frame.Embedding, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(frame.Embedding{}, fmt.Errorf("reading embeddings: %w", err))
			return
		}
		defer f.Close()
		for e, err := range decode(f) {
			if err != nil {
				err = fmt.Errorf("reading embeddings from %s: %w", path, err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// decode gives the embeddings in r, then an error if there is one.
func decode(r io.Reader) iter.Seq2[frame.Embedding, error] {
	return func(yield func(frame.Embedding, error) bool) {
		in := newScanner(r)
		for {
			line, err := in.next()
			if err == io.EOF {
				return
			}
			var e frame.Embedding
			if err == nil {
				e, err = parse(line)
				if err != nil && !in.ended && torn(line) {
					err = ErrTorn
				}
				if err != nil {
					err = fmt.Errorf("line %d: %w", in.number, err)
				}
			}
			if err != nil {
				yield(frame.Embedding{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// parse reads one record whole.
func parse(line []byte) (frame.Embedding, error) {
	var e frame.Embedding
	if err := json.Unmarshal(line, &e); err != nil {
		return frame.Embedding{}, fmt.Errorf("no embedding (%.40q): %w", line, err)
	}
	if err := sinks.Check([]frame.Embedding{e}); err != nil {
		return frame.Embedding{}, err
	}
	return e, nil
}

// idOf reads the id of a record; its vector is passed over, which is several times faster.
func idOf(line []byte) (string, error) {
	var e struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return "", fmt.Errorf("no embedding (%.40q): %w", line, err)
	}
	if e.ID == "" {
		return "", fmt.Errorf("no embedding (%.40q): it has no id", line)
	}
	return e.ID, nil
}

// torn reports whether an unfinished line began as a record of ours, or is what a power cut leaves of one (zeros).
// Anything else is somebody else's and is not touched.
func torn(line []byte) bool {
	const begin = `{"id":"`
	line = bytes.TrimRight(line, "\x00")
	n := min(len(line), len(begin))
	return string(line[:n]) == begin[:n]
}

// scanner splits a file into lines and says where each is.
type scanner struct {
	r      *bufio.Reader
	buf    []byte
	number int   // of the line that next returned, from 1
	start  int64 // its offset; after io.EOF, the end of the file
	end    int64
	ended  bool // by a line break, as all lines but the last must be
}

func newScanner(r io.Reader) *scanner { return &scanner{r: bufio.NewReaderSize(r, 1<<16)} }

// next is the following line without its line break, valid until next is called again; io.EOF after the last.
func (s *scanner) next() ([]byte, error) {
	s.buf, s.start, s.ended = s.buf[:0], s.end, false
	for {
		part, err := s.r.ReadSlice('\n')
		s.buf = append(s.buf, part...)
		s.end += int64(len(part))
		switch {
		case err == nil:
			s.ended = true
			s.number++
			return s.buf[:len(s.buf)-1], nil
		case len(s.buf) > maxLine:
			return nil, fmt.Errorf("line %d is longer than %d bytes: no file of embeddings", s.number+1, maxLine)
		case err == io.EOF && len(s.buf) > 0:
			s.number++
			return s.buf, nil
		case err != bufio.ErrBufferFull:
			return nil, err // io.EOF too
		}
	}
}
