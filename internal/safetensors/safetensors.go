// Package safetensors writes and reads the safetensors format: named tensors of float32 and int64, and metadata of
// strings, in one file that any other implementation opens and that no input can make execute or overallocate.
//
//	offset 0    uint64 little-endian: length N of the header
//	offset 8    header: JSON, padded with spaces so that the data begin at a multiple of 8
//	            {"__metadata__": {string: string}, name: {"dtype", "shape", "data_offsets": [begin, end]}, …}
//	offset 8+N  data, row by row, little-endian; offsets count from here, in order, without holes
//
// The same tensors give the same bytes: the wider type first (as the reference implementation writes, so that every
// tensor is aligned to its own size), then by name.
package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/nearfar/nearfar/internal/durable"
)

// Tensor is a named array of one of the two types; the other slice is nil.
type Tensor struct {
	Name  string
	Shape []int // the product of the sizes is the number of numbers; none is a scalar
	F32   []float32
	I64   []int64
}

// File is what a file holds: tensors in the order of the file, and metadata.
type File struct {
	Tensors  []Tensor
	Metadata map[string]string
}

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (Tensor, error) {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t, nil
		}
	}
	return Tensor{}, fmt.Errorf("there is no tensor %q among the %d of the file", name, len(f.Tensors))
}

// entry is a tensor as the header describes it.
type entry struct {
	Type    string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

const metadataKey = "__metadata__"

// Write writes a file: first beside path, synced, then renamed over it, so that path holds the old file or the new
// one, whole, at any moment.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	if err := write(path, tensors, metadata); err != nil {
		return fmt.Errorf("writing tensors to %s: %w", path, err)
	}
	return nil
}

func write(path string, tensors []Tensor, metadata map[string]string) (err error) {
	partial, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".partial-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial.Name()))
		}
	}()
	err = Encode(partial, tensors, metadata)
	if err == nil {
		err = partial.Chmod(0o644)
	}
	if err == nil {
		err = partial.Sync()
	}
	if err = errors.Join(err, partial.Close()); err != nil {
		return err
	}
	if err := os.Rename(partial.Name(), path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

// Encode writes the format to w. Names must differ and numbers agree with shapes.
func Encode(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(-cmp.Compare(a.width(), b.width()), cmp.Compare(a.Name, b.Name))
	})
	head, err := header(tensors, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	buf := make([]byte, 0, 1<<16)
	flush := func(atLeast int) error {
		if len(buf) < atLeast {
			return nil
		}
		_, err := w.Write(buf)
		buf = buf[:0]
		return err
	}
	for _, t := range tensors {
		for _, v := range t.F32 {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			if err := flush(1<<16 - 8); err != nil {
				return err
			}
		}
		for _, v := range t.I64 {
			buf = binary.LittleEndian.AppendUint64(buf, uint64(v))
			if err := flush(1<<16 - 8); err != nil {
				return err
			}
		}
	}
	return flush(1)
}

// header is the length and the JSON of sorted tensors, padded.
func header(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	b := append(make([]byte, 8), '{')
	if len(metadata) > 0 {
		text, err := json.Marshal(metadata)
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(b, "%q:%s,", metadataKey, text)
	}
	seen := map[string]bool{metadataKey: true}
	var offset int64
	for _, t := range tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor name %q is taken", t.Name)
		}
		seen[t.Name] = true
		e := entry{Type: "F32", Shape: append([]int{}, t.Shape...)}
		if t.width() == 8 {
			e.Type = "I64"
		}
		n, ok := count(e.Shape)
		if !ok || n != int64(max(len(t.F32), len(t.I64))) || t.F32 != nil && t.I64 != nil {
			return nil, fmt.Errorf("tensor %q: %d float32 and %d int64 numbers for shape %v", t.Name, len(t.F32), len(t.I64), t.Shape)
		}
		e.Offsets = [2]int64{offset, offset + n*t.width()}
		offset = e.Offsets[1]
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		b = append(append(append(append(b, name...), ':'), text...), ',')
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes, at most %d are allowed", len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// width is the bytes of one number; a tensor without numbers is of float32 unless I64 is there, if empty.
func (t Tensor) width() int64 {
	if t.I64 != nil {
		return 8
	}
	return 4
}

// count is the number of numbers of a shape; ok is false where it is negative or beyond 64 bits.
func count(shape []int) (n int64, ok bool) {
	n = 1
	for _, size := range shape {
		if size < 0 || size > 0 && n > math.MaxInt64/8/int64(size) {
			return 0, false
		}
		n *= int64(size)
	}
	return n, true
}
