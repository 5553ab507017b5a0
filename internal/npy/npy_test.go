package npy

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// bits compares numbers as bits, so that NaN equals itself.
func bits(v []float32) []uint32 {
	out := make([]uint32, len(v))
	for i, x := range v {
		out[i] = math.Float32bits(x)
	}
	return out
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	rapid.Check(t, func(t *rapid.T) {
		rows, dim := rapid.IntRange(0, 9).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "dim")
		data := rapid.SliceOfN(rapid.Float32(), rows*dim, rows*dim).Draw(t, "data")
		if err := Write(path, rows, dim, data); err != nil {
			t.Fatal(err)
		}
		gotRows, gotDim, got, err := Read(path)
		if err != nil || gotRows != rows || gotDim != dim || !slices.Equal(bits(got), bits(data)) {
			t.Fatalf("got %d×%d %v (%v), want %d×%d %v", gotRows, gotDim, got, err, rows, dim, data)
		}
	})
}

func TestALargeMatrixSurvivesItsChunks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	data := make([]float32, 700*301)
	for i := range data {
		data[i] = float32(i)
	}
	if err := Write(path, 700, 301, data); err != nil {
		t.Fatal(err)
	}
	if _, _, got, err := Read(path); err != nil || !slices.Equal(got, data) {
		t.Errorf("read back differently (%v)", err)
	}
}

func TestAMatrixOfNothingIsAFileToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := Write(path, 0, 0, nil); err != nil {
		t.Fatal(err)
	}
	if rows, dim, data, err := Read(path); err != nil || rows != 0 || dim != 0 || len(data) != 0 {
		t.Errorf("%d×%d %v, %v", rows, dim, data, err)
	}
}

// The bytes numpy.save (2.4.6) writes for numpy.array([[1, 2, 3], [4, 5, 6.5]], dtype='float32').
const saved = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" +
	"                                                          \n" +
	"\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@\x00\x00\xa0@\x00\x00\xd0@"

func TestFilesAreThoseOfNumPyByteForByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := Write(path, 2, 3, []float32{1, 2, 3, 4, 5, 6.5}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != saved {
		t.Errorf("got %q (%v), want %q", got, err, saved)
	}
}

// sized puts the length of a header, of so many bytes, before it.
func sized(bytes int, text string) string {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	return string(b[:bytes]) + text
}

func TestHeadersOfOtherWritersAreRead(t *testing.T) {
	data := strings.Repeat("\x00\x00\x80?", 6)
	for name, c := range map[string]struct {
		file      string
		rows, dim int
	}{
		"version 2":   {"\x93NUMPY\x02\x00" + sized(4, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n") + data, 2, 3},
		"other order": {"\x93NUMPY\x01\x00" + sized(2, `{"shape":(3,2),"fortran_order":False,"descr":"<f4"}`) + data, 3, 2},
		"vector":      {"\x93NUMPY\x01\x00" + sized(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n") + data, 6, 1},
	} {
		rows, dim, got, err := decode(strings.NewReader(c.file), int64(len(c.file)))
		if err != nil || rows != c.rows || dim != c.dim || len(got) != 6 || got[5] != 1 {
			t.Errorf("%s: %d×%d %v, %v", name, rows, dim, got, err)
		}
	}
}

func TestReadSaysWhatIsWrongWithAFile(t *testing.T) {
	npy := func(text string, body int) string {
		return "\x93NUMPY\x01\x00" + sized(2, text) + strings.Repeat("\x00", body)
	}
	for name, c := range map[string]struct{ file, says string }{
		"empty":             {"", "no .npy file"},
		"another file":      {"PK\x03\x04 and so on", "no .npy file"},
		"future version":    {"\x93NUMPY\x09\x00" + sized(2, "{}"), "version 9.0"},
		"cut in the length": {"\x93NUMPY\x01\x00\x10", "cut"},
		"cut in the header": {saved[:40], "cut"},
		"cut in the data":   {saved[:len(saved)-1], "cut"},
		"one row too few":   {saved[:len(saved)-12], "12 bytes of data for 2×3"},
		"something follows": {saved + "\x00\x00\x00\x00", "28 bytes of data"},
		"long header":       {"\x93NUMPY\x02\x00\xff\xff\xff\x7f", "at most 10000"},
		"float64":           {npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", 8), "astype"},
		"big-endian":        {npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }", 4), "astype"},
		"Fortran":           {npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", 4), "columns first"},
		"three dimensions":  {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), }", 4), "neither a vector nor a matrix"},
		"scalar":            {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4), "neither"},
		"no keys":           {npy("{}", 0), "lacks"},
		"huge number":       {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 1), }", 4), "out of range"},
		"overflow to fit":   {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0), "bytes of data"},
	} {
		if rows, dim, _, err := decode(strings.NewReader(c.file), int64(len(c.file))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d×%d, %v, want an error with %q", name, rows, dim, err, c.says)
		}
	}
}

func TestAFileAppearsWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	if err := Write(path, 1, 2, []float32{1, 2}); err != nil {
		t.Fatal(err)
	}
	w, err := Create(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := w.Write([]float32{float32(i), 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	if rows, dim, _, err := Read(path); err != nil || rows != 1 || dim != 2 {
		t.Errorf("while another is written: %d×%d, %v", rows, dim, err)
	}
	if err := w.Write([]float32{1}); err == nil {
		t.Error("part of a row accepted")
	}
	if err := w.Close(); err != nil || w.Rows() != 5 {
		t.Fatal(err, w.Rows())
	}
	if rows, dim, data, err := Read(path); err != nil || rows != 5 || dim != 3 || data[12] != 4 {
		t.Errorf("afterwards: %d×%d %v, %v", rows, dim, data, err)
	}
	if w, err = Create(path, 3); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriteRefusesNumbersThatAreNoMatrix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	for _, c := range [][3]int{{2, 3, 5}, {2, 3, 7}, {-1, 3, 0}, {3, 0, 0}, {0, 0, 1}, {1, -1, 1}, {-1, -1, 1}} {
		if err := Write(path, c[0], c[1], make([]float32, c[2])); err == nil {
			t.Errorf("%d×%d of %d numbers accepted", c[0], c[1], c[2])
		}
	}
	if err := Write(filepath.Join(path, "x.npy"), 1, 1, []float32{1}); err == nil {
		t.Error("a folder that does not exist accepted")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(saved))
	f.Add([]byte(saved[:60]))
	f.Add([]byte("\x93NUMPY\x02\x00" + sized(4, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }") + "abcd"))
	path := filepath.Join(f.TempDir(), "x.npy")
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, dim, data, err := decode(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		if !product(int64(rows), int64(dim), int64(len(data))) || 4*len(data) > len(file) {
			t.Fatalf("%d×%d, %d numbers of %d bytes", rows, dim, len(data), len(file))
		}
		if dim == 0 {
			return
		}
		if err := Write(path, rows, dim, data); err != nil {
			t.Fatal(err)
		}
		if _, _, again, err := Read(path); err != nil || !slices.Equal(bits(again), bits(data)) {
			t.Fatalf("read back differently: %v", err)
		}
	})
}
