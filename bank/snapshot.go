package bank

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// snapshotMagic names the format and its version; a new layout gets a new name.
const snapshotMagic = "nearfar bank 1"

// Bounds of what Read accepts: the largest bank anybody trained had 65,536 keys of 128 numbers.
const (
	maxSize = 1 << 26
	maxDim  = 1 << 20
)

// WriteTo writes the bank: a header record, then one record per slot. Equal banks give equal bytes.
func (b *Rolling) WriteTo(w io.Writer) (int64, error) {
	out := &recordWriter{w: w}
	p := appendString(nil, snapshotMagic)
	for _, n := range []int{b.size, b.dim, b.Len(), b.next} {
		p = binary.LittleEndian.AppendUint64(p, uint64(n))
	}
	out.record(p)
	for slot, o := range b.origins {
		p = appendString(p[:0], o.Camera)
		p = appendString(p, o.Rig)
		p = appendTime(p, o.Captured)
		p = binary.LittleEndian.AppendUint64(p, o.Step)
		p = appendString(p, o.Ref.Topic)
		p = binary.LittleEndian.AppendUint64(p, uint64(o.Ref.Partition))
		p = binary.LittleEndian.AppendUint64(p, uint64(o.Ref.Offset))
		p = binary.LittleEndian.AppendUint64(p, o.Seq)
		for _, x := range b.keys[slot*b.dim : (slot+1)*b.dim] {
			p = binary.LittleEndian.AppendUint32(p, math.Float32bits(x))
		}
		out.record(p)
	}
	n, err := out.close()
	if err != nil {
		return n, fmt.Errorf("writing the bank: %w", err)
	}
	return n, nil
}

// Read reads what WriteTo wrote and not a byte more; MaxAge is the caller's to set. Give it a buffered
// reader. Memory grows with the bytes that really come. Errors: another format, damage, a failing reader.
func Read(r io.Reader) (*Rolling, error) {
	b, err := read(&recordReader{r: r})
	if err != nil {
		return nil, fmt.Errorf("reading the bank: %w", err)
	}
	return b, nil
}

func read(in *recordReader) (*Rolling, error) {
	head, err := in.record()
	if err != nil {
		return nil, err
	}
	if magic := head.string(); magic != snapshotMagic {
		return nil, fmt.Errorf("%w: it begins with %.20q, not %q", errCorrupt, magic, snapshotMagic)
	}
	size, dim, length, next := head.uint64(), head.uint64(), head.uint64(), head.uint64()
	if err := head.done("header"); err != nil {
		return nil, err
	}
	switch {
	case size == 0 || size > maxSize || dim == 0 || dim > maxDim:
		return nil, fmt.Errorf("%w: %d keys of %d numbers", errCorrupt, size, dim)
	case length > size || next >= size || length < size && next != length:
		return nil, fmt.Errorf("%w: %d of %d keys, the next in slot %d", errCorrupt, length, size, next)
	}
	b := &Rolling{size: int(size), dim: int(dim), rigs: newNames()}
	key := make([]float32, 0, min(dim, 1<<12))
	for slot := range length {
		rec, err := in.record()
		if err != nil {
			return nil, fmt.Errorf("slot %d: %w", slot, err)
		}
		var o Origin
		if o, key, err = readSlot(rec, b.dim, key[:0]); err != nil {
			return nil, fmt.Errorf("slot %d: %w", slot, err)
		}
		b.put(key, o)
	}
	b.next = int(next)
	return b, in.close()
}

// readSlot reads one record; key is memory for the result.
func readSlot(rec *fields, dim int, key []float32) (Origin, []float32, error) {
	o := Origin{Camera: rec.string(), Rig: rec.string(), Captured: rec.time(), Step: rec.uint64()}
	o.Ref.Topic, o.Ref.Partition, o.Ref.Offset = rec.string(), int(rec.uint64()), int64(rec.uint64())
	o.Seq = rec.uint64()
	numbers := rec.take(4 * uint64(dim))
	if err := rec.done("record"); err != nil {
		return o, key, err
	}
	for i := 0; i < len(numbers); i += 4 {
		x := math.Float32frombits(binary.LittleEndian.Uint32(numbers[i:]))
		if x != x || math.IsInf(float64(x), 0) {
			return o, key, fmt.Errorf("%w: number %d of the key is %v", errCorrupt, i/4, x)
		}
		key = append(key, x)
	}
	return o, key, nil
}
