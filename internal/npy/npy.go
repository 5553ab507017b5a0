// Package npy writes and reads matrices of float32 in NumPy's .npy format, version 1.0.
package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

const magic = "\x93NUMPY\x01\x00"

// ErrMalformed says that bytes are no .npy matrix of little-endian float32 in row-major order.
var ErrMalformed = errors.New("not an .npy matrix of float32")

// Write writes data (rows, dim) to a file.
func Write(path string, rows, dim int, data []float32) (err error) {
	if rows < 0 || dim < 0 || rows*dim != len(data) {
		return fmt.Errorf("writing %s: %d numbers are no matrix of %d×%d", path, len(data), rows, dim)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	head += strings.Repeat(" ", 63-(len(magic)+2+len(head))%64) + "\n" // the numbers begin at a multiple of 64
	if _, err := w.WriteString(magic); err != nil {
		return err
	}
	if err := binary.Write(w, binary.LittleEndian, uint16(len(head))); err != nil {
		return err
	}
	if _, err := w.WriteString(head); err != nil {
		return err
	}
	var b [4]byte
	for _, v := range data {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		if _, err := w.Write(b[:]); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return w.Flush()
}

var header = regexp.MustCompile(`^\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\), ?\} *\n$`)

// Read reads a matrix (rows, dim). Errors wrap ErrMalformed, or are those of r.
func Read(r io.Reader) (rows, dim int, data []float32, err error) {
	start := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, start); err != nil || string(start[:len(magic)]) != magic {
		return 0, 0, nil, fmt.Errorf("%w: it does not begin like one", ErrMalformed)
	}
	head := make([]byte, binary.LittleEndian.Uint16(start[len(magic):]))
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, 0, nil, fmt.Errorf("%w: it ends in its header", ErrMalformed)
	}
	m := header.FindSubmatch(head)
	if m == nil {
		return 0, 0, nil, fmt.Errorf("%w: header %.200q", ErrMalformed, head)
	}
	rows, errRows := strconv.Atoi(string(m[1]))
	dim, errDim := strconv.Atoi(string(m[2]))
	if errRows != nil || errDim != nil || dim > 0 && rows > math.MaxInt32/dim {
		return 0, 0, nil, fmt.Errorf("%w: shape (%s, %s)", ErrMalformed, m[1], m[2])
	}
	// Memory is taken as the bytes come: a header may claim more than there is.
	raw, err := io.ReadAll(io.LimitReader(r, 4*int64(rows)*int64(dim)+1))
	if err != nil {
		return 0, 0, nil, err
	}
	if len(raw) != 4*rows*dim {
		return 0, 0, nil, fmt.Errorf("%w: %d bytes of numbers for a shape of (%d, %d)", ErrMalformed, len(raw), rows, dim)
	}
	data = make([]float32, rows*dim)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return rows, dim, data, nil
}
