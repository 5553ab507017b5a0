// Package npy writes and reads NumPy's .npy files of float32 matrices (format 1.0, C order, little-endian):
// what numpy.load gives as an array of shape (rows, dim) and dtype float32.
//
//	offset 0    "\x93NUMPY", version 1 0
//	offset 8    uint16 little-endian: length of the header, 118 here
//	offset 10   header: a Python dictionary as text, padded with spaces, ended by a newline
//	offset 128  rows×dim numbers of 4 bytes
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/nearfar/nearfar/internal/durable"
)

const (
	magic      = "\x93NUMPY"
	headerSize = 128 // of files written here; room for any two 64-bit numbers
)

// Writer writes a matrix row by row, without knowing beforehand how many there will be.
type Writer struct {
	path string
	file *os.File // path + ".partial" until Close
	dim  int
	rows int
	buf  []byte
	err  error // of the first write that failed; what is written after it would be nonsense
}

// Create begins a matrix of dim columns. The rows gather in path.partial, which takes the name path once Close
// has written the header, so that path never holds half a matrix.
func Create(path string, dim int) (*Writer, error) {
	if dim < 0 {
		return nil, fmt.Errorf("writing %s: rows of %d numbers", path, dim)
	}
	file, err := os.Create(path + ".partial")
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	if _, err := file.Write(header(0, dim)); err != nil {
		return nil, errors.Join(fmt.Errorf("writing %s: %w", path, err), file.Close(), os.Remove(file.Name()))
	}
	return &Writer{path: path, file: file, dim: dim}, nil
}

// Write appends whole rows (n×dim).
func (w *Writer) Write(rows []float32) error {
	if w.err != nil || len(rows) == 0 {
		return w.err
	}
	if w.dim == 0 || len(rows)%w.dim != 0 {
		return fmt.Errorf("writing %s: %d numbers are no whole number of rows of %d", w.path, len(rows), w.dim)
	}
	w.buf = w.buf[:0]
	for _, v := range rows {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(v))
	}
	if _, err := w.file.Write(w.buf); err != nil {
		w.err = fmt.Errorf("writing %s: %w", w.path, err)
		return w.err
	}
	w.rows += len(rows) / w.dim
	return nil
}

// Rows is how many have been written.
func (w *Writer) Rows() int { return w.rows }

// Close completes the file and puts it in its place. After a failed Write it removes what there is and says so
// again.
func (w *Writer) Close() error {
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	_, err := w.file.WriteAt(header(w.rows, w.dim), 0)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", w.path, err), w.Abort())
	}
	err = w.file.Close()
	if err == nil {
		err = os.Rename(w.file.Name(), w.path)
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(w.path))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", w.path, err)
	}
	return nil
}

// Abort gives the matrix up: path stays as it was.
func (w *Writer) Abort() error {
	return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
}

// Write writes a whole matrix, data being rows×dim numbers; a matrix without rows may have no columns either.
func Write(path string, rows, dim int, data []float32) error {
	if rows < 0 || dim < 0 || !product(int64(rows), int64(dim), int64(len(data))) || dim == 0 && rows > 0 {
		return fmt.Errorf("writing %s: %d numbers for %d×%d", path, len(data), rows, dim)
	}
	w, err := Create(path, dim)
	if err != nil {
		return err
	}
	const chunk = 1 << 16 // numbers at a time, so that a large matrix is not held twice
	for len(data) > 0 {
		n := min(max(1, chunk/dim)*dim, len(data))
		if err := w.Write(data[:n]); err != nil {
			return errors.Join(err, w.Abort())
		}
		data = data[n:]
	}
	return w.Close()
}

func header(rows, dim int) []byte {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	h := append([]byte(magic), 1, 0)
	h = binary.LittleEndian.AppendUint16(h, headerSize-10)
	return fmt.Appendf(h, "%-*s\n", headerSize-11, text)
}

// Read reads a matrix of float32; a vector of n numbers is n rows of one. Data of any other type or order, and
// a file whose size is not what its header says, are errors.
func Read(path string) (rows, dim int, data []float32, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("reading a matrix: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, 0, nil, fmt.Errorf("reading a matrix: %w", err)
	}
	if rows, dim, data, err = decode(file, info.Size()); err != nil {
		return 0, 0, nil, fmt.Errorf("reading matrix %s: %w", path, err)
	}
	return rows, dim, data, nil
}

// decode reads a matrix from a file of that size; it allocates no more than the file holds.
func decode(r io.Reader, size int64) (rows, dim int, data []float32, err error) {
	rows, dim, start, err := readHeader(r)
	if err != nil {
		return 0, 0, nil, err
	}
	body := size - start
	if body < 0 || body%4 != 0 || !product(int64(rows), int64(dim), body/4) {
		return 0, 0, nil, fmt.Errorf("%d bytes of data for %d×%d float32: the file is cut or something follows", body, rows, dim)
	}
	data = make([]float32, body/4)
	buf := make([]byte, min(body, 1<<16))
	for i := 0; i < len(data); {
		n := min(len(buf), 4*(len(data)-i))
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return 0, 0, nil, fmt.Errorf("row %d: %w", i/dim, err)
		}
		for b := buf[:n]; len(b) > 0; b = b[4:] {
			data[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
			i++
		}
	}
	return rows, dim, data, nil
}

// product reports whether a·b is n, for a, b, n ≥ 0 of any size.
func product(a, b, n int64) bool {
	if a == 0 || b == 0 {
		return n == 0
	}
	return n%a == 0 && n/a == b
}
