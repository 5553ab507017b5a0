package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// maxHeader bounds the header, as in the reference implementation.
const maxHeader = 100_000_000

// Read reads a file whole. Anything the format does not allow is an error: a header longer than the file, a name
// given twice, types other than F32 and I64, sizes that disagree, holes or overlaps between tensors, bytes left over.
func Read(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading tensors: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading tensors: %w", err)
	}
	f, err := Decode(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("reading tensors from %s: %w", path, err)
	}
	return f, nil
}

// Decode reads size bytes of r; it allocates no more than a small multiple of them, whatever they say.
func Decode(r io.Reader, size int64) (*File, error) {
	var length [8]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, errors.New("no safetensors file: shorter than 8 bytes")
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: cut, or no safetensors file", n, size)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("the header: %w", err)
	}
	f, entries, err := parse(head, size-8-int64(n))
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 1<<16)
	for i, e := range entries {
		if err := f.Tensors[i].fill(r, e, buf); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", f.Tensors[i].Name, err)
		}
	}
	return f, nil
}

// parse reads the header of a file with that many bytes of data; tensors come without numbers, in the order of
// their data, beside their entries.
func parse(head []byte, data int64) (*File, []entry, error) {
	fields, err := object(head)
	if err != nil {
		return nil, nil, fmt.Errorf("the header is no JSON object: %w", err)
	}
	f := &File{Metadata: map[string]string{}}
	var entries []entry
	for _, field := range fields {
		if field.name == metadataKey {
			pairs, err := object(field.value)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", metadataKey, err)
			}
			for _, p := range pairs {
				var s *string
				if err := json.Unmarshal(p.value, &s); err != nil || s == nil {
					return nil, nil, fmt.Errorf("%s: %q is no string", metadataKey, p.name)
				}
				f.Metadata[p.name] = *s
			}
			continue
		}
		e, err := describe(field.value)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", field.name, err)
		}
		f.Tensors = append(f.Tensors, Tensor{Name: field.name, Shape: e.Shape})
		entries = append(entries, e)
	}
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(entries[a].Offsets[:], entries[b].Offsets[:]) })
	sorted, at := &File{Metadata: f.Metadata}, int64(0)
	var sortedEntries []entry
	for _, i := range order {
		if entries[i].Offsets[0] != at {
			return nil, nil, fmt.Errorf("tensor %q begins at byte %d of the data, expected %d: a hole or an overlap", f.Tensors[i].Name, entries[i].Offsets[0], at)
		}
		at = entries[i].Offsets[1]
		sorted.Tensors, sortedEntries = append(sorted.Tensors, f.Tensors[i]), append(sortedEntries, entries[i])
	}
	if at != data {
		return nil, nil, fmt.Errorf("the tensors take %d bytes of data, the file has %d: it is cut or something follows", at, data)
	}
	return sorted, sortedEntries, nil
}

// describe reads and checks one tensor's entry.
func describe(text []byte) (e entry, err error) {
	fields, err := object(text)
	if err != nil {
		return e, err
	}
	var have []string
	for _, f := range fields {
		have = append(have, f.name)
	}
	slices.Sort(have)
	if !slices.Equal(have, []string{"data_offsets", "dtype", "shape"}) {
		return e, fmt.Errorf("has %q, want data_offsets, dtype and shape", have)
	}
	var offsets []int64
	raw := struct {
		Type    *string  `json:"dtype"`
		Shape   *[]int   `json:"shape"`
		Offsets *[]int64 `json:"data_offsets"`
	}{&e.Type, &e.Shape, &offsets}
	if err := json.Unmarshal(text, &raw); err != nil {
		return e, err
	}
	if raw.Type == nil || raw.Shape == nil || e.Shape == nil || len(offsets) != 2 {
		return e, errors.New("dtype, shape or data_offsets is null, or there are not two offsets")
	}
	e.Offsets = [2]int64(offsets)
	width := map[string]int64{"F32": 4, "I64": 8}[e.Type]
	if width == 0 {
		return e, fmt.Errorf("type %.20q, only F32 and I64 are read", e.Type)
	}
	n, ok := count(e.Shape)
	if !ok || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1]-e.Offsets[0] != n*width {
		return e, fmt.Errorf("shape %v of %s does not take bytes %d to %d", e.Shape, e.Type, e.Offsets[0], e.Offsets[1])
	}
	return e, nil
}

// field is one member of a JSON object.
type field struct {
	name  string
	value json.RawMessage
}

// object splits a JSON object into members, in order; a name given twice is an error, which encoding/json lets pass.
func object(text []byte) ([]field, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it does not begin with {")
	}
	var fields []field
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		f := field{name: t.(string)} // of an object, the decoder gives nothing else
		if seen[f.name] {
			return nil, fmt.Errorf("%q is there twice", f.name)
		}
		seen[f.name] = true
		if err := d.Decode(&f.value); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the last }")
	}
	return fields, nil
}

// fill reads the tensor's numbers.
func (t *Tensor) fill(r io.Reader, e entry, buf []byte) error {
	left := e.Offsets[1] - e.Offsets[0]
	if e.Type == "I64" {
		t.I64 = make([]int64, 0, left/8)
	} else {
		t.F32 = make([]float32, 0, left/4)
	}
	for left > 0 {
		b := buf[:min(int64(len(buf)), left)]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		left -= int64(len(b))
		for len(b) > 0 {
			if e.Type == "I64" {
				t.I64, b = append(t.I64, int64(binary.LittleEndian.Uint64(b))), b[8:]
			} else {
				t.F32, b = append(t.F32, math.Float32frombits(binary.LittleEndian.Uint32(b))), b[4:]
			}
		}
	}
	return nil
}
