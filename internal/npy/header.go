package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// maxHeader is NumPy's own limit on the header text (numpy.lib.format, max_header_size).
const maxHeader = 10000

// The header NumPy writes: the keys in any order, spaces where Python allows them.
var (
	shapeOf = regexp.MustCompile(`['"]shape['"]\s*:\s*\(\s*(\d+)\s*,\s*(?:(\d+)\s*,?\s*)?\)`)
	descrOf = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	orderOf = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
)

// readHeader reads up to the data, which begins at byte start.
func readHeader(r io.Reader) (rows, dim int, start int64, err error) {
	var fixed [12]byte
	if _, err := io.ReadFull(r, fixed[:8]); err != nil || string(fixed[:6]) != magic {
		return 0, 0, 0, errors.New("no .npy file: it does not begin with \\x93NUMPY")
	}
	var length int
	switch fixed[6] {
	case 1:
		_, err = io.ReadFull(r, fixed[8:10])
		length, start = int(binary.LittleEndian.Uint16(fixed[8:])), 10
	case 2, 3:
		_, err = io.ReadFull(r, fixed[8:12])
		length, start = int(binary.LittleEndian.Uint32(fixed[8:])), 12
	default:
		return 0, 0, 0, fmt.Errorf("format version %d.%d is none of 1, 2, 3", fixed[6], fixed[7])
	}
	if err != nil {
		return 0, 0, 0, errors.New("the header is cut")
	}
	if length > maxHeader {
		return 0, 0, 0, fmt.Errorf("a header of %d bytes, at most %d are allowed", length, maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return 0, 0, 0, errors.New("the header is cut")
	}
	rows, dim, err = parse(text)
	return rows, dim, start + int64(length), err
}

func parse(text []byte) (rows, dim int, err error) {
	descr, order, shape := descrOf.FindSubmatch(text), orderOf.FindSubmatch(text), shapeOf.FindSubmatch(text)
	switch {
	case descr == nil || order == nil:
		return 0, 0, fmt.Errorf("header %.100q lacks descr or fortran_order", text)
	case string(descr[1]) != "<f4":
		return 0, 0, fmt.Errorf("numbers of type %.20q: save them with .astype('<f4')", descr[1])
	case string(order[1]) != "False":
		return 0, 0, errors.New("columns first: save it with numpy.ascontiguousarray")
	case shape == nil:
		return 0, 0, fmt.Errorf("header %.100q: the shape is neither a vector nor a matrix", text)
	}
	dim = 1
	if rows, err = strconv.Atoi(string(shape[1])); err == nil && len(shape[2]) > 0 {
		dim, err = strconv.Atoi(string(shape[2]))
	}
	if err != nil {
		return 0, 0, fmt.Errorf("shape %.60q: %w", shape[0], err)
	}
	return rows, dim, nil
}
