package npy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func file(t testing.TB, rows, dim int, data []float32) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.npy")
	if err := Write(path, rows, dim, data); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMatrixSurvivesTheFile(t *testing.T) {
	for _, c := range []struct{ rows, dim int }{{0, 0}, {0, 5}, {1, 1}, {3, 7}, {100, 256}} {
		data := make([]float32, c.rows*c.dim)
		for i := range data {
			data[i] = float32(i) - 3.5
		}
		b := file(t, c.rows, c.dim, data)
		if n := bytes.IndexByte(b, '\n') + 1; n%64 != 0 {
			t.Errorf("%v: the numbers begin at byte %d, not at a multiple of 64", c, n)
		}
		rows, dim, got, err := Read(bytes.NewReader(b))
		if err != nil || rows != c.rows || dim != c.dim || !slices.Equal(got, data) {
			t.Errorf("%v: read (%d, %d) and %d numbers, error %v", c, rows, dim, len(got), err)
		}
	}
}

// Bytes of numpy.save of [[1, 2]] as float32 (NumPy 1.24).
func TestFileIsNumPys(t *testing.T) {
	want := "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"
	b := file(t, 1, 2, []float32{1, 2})
	if !bytes.HasPrefix(b, []byte(want)) || len(b) != 128+8 || !bytes.Equal(b[128:], []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}) {
		t.Errorf("wrote %q", b)
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	b := file(t, 2, 3, make([]float32, 6))
	for n := range b {
		if _, _, _, err := Read(bytes.NewReader(b[:n])); !errors.Is(err, ErrMalformed) {
			t.Fatalf("the first %d bytes: error %v", n, err)
		}
	}
	if _, _, _, err := Read(bytes.NewReader(append(b, 0))); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte too many: error %v", err)
	}
	if err := Write(filepath.Join(t.TempDir(), "m.npy"), 2, 2, make([]float32, 3)); err == nil {
		t.Error("three numbers were written as 2×2")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(f, 2, 3, make([]float32, 6)))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, dim, data, err := Read(bytes.NewReader(b))
		if err == nil && rows*dim != len(data) {
			t.Errorf("(%d, %d) with %d numbers", rows, dim, len(data))
		}
	})
}
