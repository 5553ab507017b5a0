package bank

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/nearfar/nearfar/internal/record"
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
	out := record.NewWriter(w)
	p := record.AppendString(nil, snapshotMagic)
	for _, n := range []int{b.size, b.dim, b.Len(), b.next} {
		p = binary.LittleEndian.AppendUint64(p, uint64(n))
	}
	out.Record(p)
	for slot, o := range b.origins {
		p = record.AppendString(p[:0], o.Camera)
		p = record.AppendString(p, o.Rig)
		p = record.AppendTime(p, o.Captured)
		p = binary.LittleEndian.AppendUint64(p, o.Step)
		p = record.AppendString(p, o.Ref.Topic)
		p = binary.LittleEndian.AppendUint64(p, uint64(o.Ref.Partition))
		p = binary.LittleEndian.AppendUint64(p, uint64(o.Ref.Offset))
		p = binary.LittleEndian.AppendUint64(p, o.Seq)
		for _, x := range b.keys[slot*b.dim : (slot+1)*b.dim] {
			p = binary.LittleEndian.AppendUint32(p, math.Float32bits(x))
		}
		out.Record(p)
	}
	n, err := out.Close()
	if err != nil {
		return n, fmt.Errorf("writing the bank: %w", err)
	}
	return n, nil
}

// Read reads what WriteTo wrote and not a byte more; MaxAge is the caller's to set. Give it a buffered
// reader. Memory grows with the bytes that really come. Errors: another format, damage, a failing reader.
func Read(r io.Reader) (*Rolling, error) {
	b, err := read(record.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("reading the bank: %w", err)
	}
	return b, nil
}

func read(in *record.Reader) (*Rolling, error) {
	head, err := in.Record()
	if err != nil {
		return nil, err
	}
	if magic := head.String(); magic != snapshotMagic {
		return nil, fmt.Errorf("%w: it begins with %.20q, not %q", record.ErrCorrupt, magic, snapshotMagic)
	}
	size, dim, length, next := head.Uint64(), head.Uint64(), head.Uint64(), head.Uint64()
	if err := head.Done("header"); err != nil {
		return nil, err
	}
	switch {
	case size == 0 || size > maxSize || dim == 0 || dim > maxDim:
		return nil, fmt.Errorf("%w: %d keys of %d numbers", record.ErrCorrupt, size, dim)
	case length > size || next >= size || length < size && next != length:
		return nil, fmt.Errorf("%w: %d of %d keys, the next in slot %d", record.ErrCorrupt, length, size, next)
	}
	b := &Rolling{size: int(size), dim: int(dim), rigs: newNames()}
	key := make([]float32, 0, min(dim, 1<<12))
	for slot := range length {
		rec, err := in.Record()
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
	return b, in.Close()
}

// readSlot reads one record; key is memory for the result.
func readSlot(rec *record.Fields, dim int, key []float32) (Origin, []float32, error) {
	o := Origin{Camera: rec.String(), Rig: rec.String(), Captured: rec.Time(), Step: rec.Uint64()}
	o.Ref.Topic, o.Ref.Partition, o.Ref.Offset = rec.String(), int(rec.Uint64()), int64(rec.Uint64())
	o.Seq = rec.Uint64()
	numbers := rec.Take(4 * uint64(dim))
	if err := rec.Done("record"); err != nil {
		return o, key, err
	}
	for i := 0; i < len(numbers); i += 4 {
		x := math.Float32frombits(binary.LittleEndian.Uint32(numbers[i:]))
		if x != x || math.IsInf(float64(x), 0) {
			return o, key, fmt.Errorf("%w: number %d of the key is %v", record.ErrCorrupt, i/4, x)
		}
		key = append(key, x)
	}
	return o, key, nil
}
