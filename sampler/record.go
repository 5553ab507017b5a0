package sampler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// A snapshot is a sequence of records, each a 32-bit length and so many bytes (little endian), then the
// CRC-32C of everything before. Lengths are believed only as far as bytes really follow, so that a small
// hostile file cannot ask for much memory.

// maxRecord is the longest record that is read, in bytes.
const maxRecord = 1 << 29

// errCorrupt is what every error about the content of a snapshot wraps.
var errCorrupt = errors.New("the snapshot is damaged")

// recordWriter writes records and keeps the first error.
type recordWriter struct {
	w   io.Writer
	sum uint32
	n   int64
	err error
}

func (w *recordWriter) bytes(p []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(p)
	w.n += int64(n)
	w.err = err
	w.sum = crc32.Update(w.sum, crc32.MakeTable(crc32.Castagnoli), p)
}

func (w *recordWriter) record(p []byte) {
	w.bytes(binary.LittleEndian.AppendUint32(nil, uint32(len(p))))
	w.bytes(p)
}

func (w *recordWriter) close() (int64, error) {
	w.bytes(binary.LittleEndian.AppendUint32(nil, w.sum))
	return w.n, w.err
}

// recordReader reads what recordWriter wrote.
type recordReader struct {
	r   io.Reader
	sum uint32
	buf bytes.Buffer
}

func (r *recordReader) bytes(n int) ([]byte, error) {
	r.buf.Reset()
	got, err := io.CopyN(&r.buf, r.r, int64(n))
	if err == io.EOF {
		return nil, fmt.Errorf("%w: it ends %d bytes too early", errCorrupt, int64(n)-got)
	}
	r.sum = crc32.Update(r.sum, crc32.MakeTable(crc32.Castagnoli), r.buf.Bytes())
	return r.buf.Bytes(), err
}

// record is valid until the next call.
func (r *recordReader) record() (*fields, error) {
	p, err := r.bytes(4)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(p)
	if n > maxRecord {
		return nil, fmt.Errorf("%w: a record of %d bytes", errCorrupt, n)
	}
	p, err = r.bytes(int(n))
	return &fields{b: p}, err
}

func (r *recordReader) close() error {
	sum := r.sum
	p, err := r.bytes(4)
	if err == nil && binary.LittleEndian.Uint32(p) != sum {
		err = fmt.Errorf("%w: its CRC-32C is %08x, not %08x", errCorrupt, sum, binary.LittleEndian.Uint32(p))
	}
	return err
}

// fields reads the parts of a record; once one is missing all are zero and done tells.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n uint64) []byte {
	if f.short = f.short || n > uint64(len(f.b)); f.short {
		return nil
	}
	p := f.b[:n]
	f.b = f.b[n:]
	return p
}

func (f *fields) uint64() uint64 {
	if p := f.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (f *fields) string() string  { return string(f.take(f.uint64())) }
func (f *fields) time() time.Time { return time.Unix(int64(f.uint64()), int64(f.uint64())).UTC() }
func (f *fields) done(of string) error {
	if f.short || len(f.b) > 0 {
		return fmt.Errorf("%w: its %s has the wrong length", errCorrupt, of)
	}
	return nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Unix()))
	return binary.LittleEndian.AppendUint64(b, uint64(t.Nanosecond()))
}

func (f *fields) duration() time.Duration { return time.Duration(f.uint64()) }
