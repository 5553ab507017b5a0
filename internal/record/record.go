// Package record is the form of snapshots: a sequence of records, each a 32-bit length and so many bytes
// (little endian), then the CRC-32C of everything before. Lengths are believed only as far as bytes really
// follow, so that a small hostile file cannot ask for much memory.
package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// Longest is the Longest record that is read, in bytes.
const Longest = 1 << 29

// ErrCorrupt is what every error about the content of a snapshot wraps.
var ErrCorrupt = errors.New("the snapshot is damaged")

// NewWriter writes records to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Writer writes records and keeps the first error.
type Writer struct {
	w   io.Writer
	sum uint32
	n   int64
	err error
}

func (w *Writer) bytes(p []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(p)
	w.n += int64(n)
	w.err = err
	w.sum = crc32.Update(w.sum, crc32.MakeTable(crc32.Castagnoli), p)
}

// Record writes one record.
func (w *Writer) Record(p []byte) {
	w.bytes(binary.LittleEndian.AppendUint32(nil, uint32(len(p))))
	w.bytes(p)
}

// Close writes the checksum and tells how many bytes there were.
func (w *Writer) Close() (int64, error) {
	w.bytes(binary.LittleEndian.AppendUint32(nil, w.sum))
	return w.n, w.err
}

// NewReader reads records from r. It does not read beyond the checksum.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Reader reads what Writer wrote.
type Reader struct {
	r   io.Reader
	sum uint32
	buf bytes.Buffer
}

func (r *Reader) bytes(n int) ([]byte, error) {
	r.buf.Reset()
	got, err := io.CopyN(&r.buf, r.r, int64(n))
	if err == io.EOF {
		return nil, fmt.Errorf("%w: it ends %d bytes too early", ErrCorrupt, int64(n)-got)
	}
	r.sum = crc32.Update(r.sum, crc32.MakeTable(crc32.Castagnoli), r.buf.Bytes())
	return r.buf.Bytes(), err
}

// Record is the next record, valid until the next call.
func (r *Reader) Record() (*Fields, error) {
	p, err := r.bytes(4)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(p)
	if n > Longest {
		return nil, fmt.Errorf("%w: a record of %d bytes", ErrCorrupt, n)
	}
	p, err = r.bytes(int(n))
	return &Fields{b: p}, err
}

// Close reads the checksum and compares it.
func (r *Reader) Close() error {
	sum := r.sum
	p, err := r.bytes(4)
	if err == nil && binary.LittleEndian.Uint32(p) != sum {
		err = fmt.Errorf("%w: its CRC-32C is %08x, not %08x", ErrCorrupt, sum, binary.LittleEndian.Uint32(p))
	}
	return err
}

// Fields reads the parts of a record; once one is missing all are zero and Done tells.
type Fields struct {
	b     []byte
	short bool
}

// Take is the next n bytes, nil where there are not so many.
func (f *Fields) Take(n uint64) []byte {
	if f.short = f.short || n > uint64(len(f.b)); f.short {
		return nil
	}
	p := f.b[:n]
	f.b = f.b[n:]
	return p
}

// Uint64, String, Time and Duration are the next part, as Append… wrote it.
func (f *Fields) Uint64() uint64 {
	if p := f.Take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (f *Fields) String() string  { return string(f.Take(f.Uint64())) }
func (f *Fields) Time() time.Time { return time.Unix(int64(f.Uint64()), int64(f.Uint64())).UTC() }

// Rest is what of the record has not been read, in the reader's memory.
func (f *Fields) Rest() []byte { return f.b }

// Short says that a part was missing; Fail says so for the caller, of a part whose content is impossible.
func (f *Fields) Short() bool { return f.short }
func (f *Fields) Fail()       { f.short = true }

// Done tells whether the record, called of, was read to its end and no further.
func (f *Fields) Done(of string) error {
	if f.short || len(f.b) > 0 {
		return fmt.Errorf("%w: its %s has the wrong length", ErrCorrupt, of)
	}
	return nil
}

// AppendString appends a string as Fields.String reads it.
func AppendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// AppendTime appends a time as Fields.Time reads it.
func AppendTime(b []byte, t time.Time) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Unix()))
	return binary.LittleEndian.AppendUint64(b, uint64(t.Nanosecond()))
}

func (f *Fields) Duration() time.Duration { return time.Duration(f.Uint64()) }
