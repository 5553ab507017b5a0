// Package safetensors reads and writes the safetensors format: eight bytes of header length, a JSON header
// that gives each tensor's type, shape and place, then the numbers, little-endian. PyTorch users open such
// files with safetensors.torch.load_file.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Tensor is a named array of float32, row-major.
type Tensor struct {
	Name  string
	Shape []int
	F32   []float32
}

// Limits that a header may not pass: a hostile file must not make the reader take memory it does not have
// the bytes for.
const (
	maxHeader = 16 << 20
	maxNumber = 1 << 31 // of one tensor
)

// ErrMalformed says that bytes are no safetensors file of float32.
var ErrMalformed = errors.New("not a well-formed safetensors file")

const metadataKey = "__metadata__"

// entry is a tensor in the header.
type entry struct {
	Dtype   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Write writes tensors, in the order given, and metadata. The same arguments give the same bytes.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	header := map[string]any{}
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	at := int64(0)
	for _, t := range tensors {
		if _, twice := header[t.Name]; twice || t.Name == metadataKey || t.Name == "" {
			return fmt.Errorf("writing safetensors: a tensor may not be called %q here", t.Name)
		}
		if n, err := count(t.Shape); err != nil || n != int64(len(t.F32)) {
			return fmt.Errorf("writing safetensors: tensor %s has shape %v and %d numbers", t.Name, t.Shape, len(t.F32))
		}
		end := at + 4*int64(len(t.F32))
		header[t.Name] = entry{"F32", append([]int{}, t.Shape...), [2]int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(text)%8 != 0 { // the numbers begin at a multiple of eight
		text = append(text, ' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(text))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	var buf []byte
	for _, t := range tensors {
		for part := range slices.Chunk(t.F32, 16<<10) {
			buf = buf[:0]
			for _, v := range part {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// count is how many numbers a shape holds.
func count(shape []int) (int64, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > maxNumber || n*int64(d) > maxNumber {
			return 0, fmt.Errorf("%w: shape %v", ErrMalformed, shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// Read reads all tensors, in the order of their places, and the metadata. Errors wrap ErrMalformed, or are
// those of r. Nothing may follow the last tensor, and the tensors must fill the data without holes.
func Read(r io.Reader) ([]Tensor, map[string]string, error) {
	var size uint64
	if err := binary.Read(r, binary.LittleEndian, &size); err != nil {
		return nil, nil, short(err)
	}
	if size > maxHeader {
		return nil, nil, fmt.Errorf("%w: a header of %d bytes", ErrMalformed, size)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return nil, nil, err
	}
	if uint64(len(text)) < size {
		return nil, nil, short(io.ErrUnexpectedEOF)
	}
	tensors, places, metadata, err := header(text)
	if err != nil {
		return nil, nil, err
	}
	for i := range tensors {
		n := (places[i][1] - places[i][0]) / 4
		if tensors[i].F32, err = floats(r, n); err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", tensors[i].Name, err)
		}
	}
	var one [1]byte
	if n, err := io.ReadFull(r, one[:]); n > 0 {
		return nil, nil, fmt.Errorf("%w: bytes after the last tensor", ErrMalformed)
	} else if err != io.EOF {
		return nil, nil, err
	}
	return tensors, metadata, nil
}

// header reads the JSON: tensors without numbers, their places, sorted by place.
func header(text []byte) (tensors []Tensor, places [][2]int64, metadata map[string]string, err error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	entries := map[string]entry{}
	for name, b := range raw {
		if name == metadataKey {
			if err := json.Unmarshal(b, &metadata); err != nil {
				return nil, nil, nil, fmt.Errorf("%w: metadata: %w", ErrMalformed, err)
			}
			continue
		}
		var e entry
		if err := json.Unmarshal(b, &e); err != nil {
			return nil, nil, nil, fmt.Errorf("%w: tensor %.100q: %w", ErrMalformed, name, err)
		}
		n, err := count(e.Shape)
		if err != nil || e.Dtype != "F32" || e.Offsets[0] < 0 || e.Offsets[1]-e.Offsets[0] != 4*n {
			return nil, nil, nil, fmt.Errorf("%w: tensor %.100q is %s %v at %v; only whole F32 tensors are read", ErrMalformed, name, e.Dtype, e.Shape, e.Offsets)
		}
		entries[name] = e
		tensors = append(tensors, Tensor{Name: name, Shape: e.Shape})
	}
	slices.SortFunc(tensors, func(a, b Tensor) int {
		x, y := entries[a.Name].Offsets, entries[b.Name].Offsets
		return compare([3]int64{x[0], x[1]}, [3]int64{y[0], y[1]}, a.Name, b.Name)
	})
	at := int64(0)
	for _, t := range tensors {
		e := entries[t.Name]
		if e.Offsets[0] != at {
			return nil, nil, nil, fmt.Errorf("%w: tensor %.100q begins at %d, not at %d", ErrMalformed, t.Name, e.Offsets[0], at)
		}
		at = e.Offsets[1]
		places = append(places, e.Offsets)
	}
	return tensors, places, metadata, nil
}

func compare(a, b [3]int64, x, y string) int {
	if c := slices.Compare(a[:], b[:]); c != 0 {
		return c
	}
	return slices.Compare([]byte(x), []byte(y))
}

// floats reads n numbers, taking memory only as the bytes come.
func floats(r io.Reader, n int64) ([]float32, error) {
	const step = 1 << 16
	out := make([]float32, 0, min(n, step))
	buf := make([]byte, 4*min(n, step))
	for int64(len(out)) < n {
		part := buf[:4*min(n-int64(len(out)), step)]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, short(err)
		}
		for i := 0; i < len(part); i += 4 {
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(part[i:])))
		}
	}
	return out, nil
}

// short calls an early end malformed and leaves other errors alone.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrMalformed)
	}
	return err
}
