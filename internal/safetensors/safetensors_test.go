package safetensors

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

// equal compares files with numbers as bits, so that NaN equals itself.
func equal(a, b []Tensor) bool {
	return slices.EqualFunc(a, b, func(x, y Tensor) bool {
		return x.Name == y.Name && slices.Equal(x.Shape, y.Shape) && slices.Equal(x.I64, y.I64) && (x.I64 == nil) == (y.I64 == nil) &&
			slices.EqualFunc(x.F32, y.F32, func(p, q float32) bool { return math.Float32bits(p) == math.Float32bits(q) })
	})
}

func byName(tensors []Tensor) []Tensor {
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	return tensors
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	name := rapid.StringMatching(`[a-z."\\é\n]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		var tensors []Tensor
		for _, name := range rapid.SliceOfNDistinct(name, 0, 5, rapid.ID[string]).Draw(t, "names") {
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
			n := 1
			for _, s := range shape {
				n *= s
			}
			tensor := Tensor{Name: name, Shape: shape}
			if rapid.Bool().Draw(t, "int64") {
				tensor.I64 = append([]int64{}, rapid.SliceOfN(rapid.Int64(), n, n).Draw(t, "numbers")...)
			} else {
				tensor.F32 = append([]float32{}, rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "numbers")...)
			}
			tensors = append(tensors, tensor)
		}
		metadata := rapid.MapOfN(name, name, 0, 3).Draw(t, "metadata")
		if err := Write(path, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		f, err := Read(path)
		if err != nil || !equal(byName(f.Tensors), byName(tensors)) || len(f.Metadata) != len(metadata) {
			t.Fatalf("got %+v (%v), want %+v", f, err, tensors)
		}
		for k, v := range metadata {
			if f.Metadata[k] != v {
				t.Fatalf("metadata %q: %q, want %q", k, f.Metadata[k], v)
			}
		}
	})
}

func TestDataAreAlignedAndBytesDoNotDependOnOrder(t *testing.T) {
	a := Tensor{Name: "a", Shape: []int{3}, F32: []float32{1, 2, 3}}
	b := Tensor{Name: "b", Shape: []int{}, I64: []int64{-1}}
	c := Tensor{Name: "c", Shape: []int{1, 2}, F32: []float32{4, 5}}
	var one, two bytes.Buffer
	meta := map[string]string{"step": "7", "hash": "x"}
	if err := Encode(&one, []Tensor{a, b, c}, meta); err != nil {
		t.Fatal(err)
	}
	if err := Encode(&two, []Tensor{c, b, a}, meta); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the order of tensors changes the file")
	}
	want := `{"__metadata__":{"hash":"x","step":"7"},"b":{"dtype":"I64","shape":[],"data_offsets":[0,8]},` +
		`"a":{"dtype":"F32","shape":[3],"data_offsets":[8,20]},"c":{"dtype":"F32","shape":[1,2],"data_offsets":[20,28]}}`
	n := binary.LittleEndian.Uint64(one.Bytes())
	if got := strings.TrimRight(string(one.Bytes()[8:8+n]), " "); n%8 != 0 || got != want {
		t.Errorf("header of %d bytes\n%s, want\n%s", n, got, want)
	}
	data := one.Bytes()[8+n:]
	if len(data) != 28 || int64(binary.LittleEndian.Uint64(data)) != -1 || math.Float32frombits(binary.LittleEndian.Uint32(data[24:])) != 5 {
		t.Errorf("data % x", data)
	}
}

func TestALargeTensorSurvivesItsChunks(t *testing.T) {
	numbers, counts := make([]float32, 100_003), make([]int64, 30_001)
	for i := range numbers {
		numbers[i] = float32(i)
	}
	for i := range counts {
		counts[i] = int64(i) << 40
	}
	want := []Tensor{{Name: "counts", Shape: []int{30_001}, I64: counts}, {Name: "numbers", Shape: []int{100_003}, F32: numbers}}
	path := filepath.Join(t.TempDir(), "x")
	if err := Write(path, want, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Read(path)
	if err != nil || !equal(f.Tensors, want) {
		t.Errorf("read back differently (%v)", err)
	}
	if got, err := f.Tensor("numbers"); err != nil || got.F32[7] != 7 {
		t.Errorf("numbers: %v", err)
	}
	if _, err := f.Tensor("weights"); err == nil || !strings.Contains(err.Error(), "weights") {
		t.Errorf("a tensor that is not there: %v", err)
	}
}

func TestWriteRefusesTensorsThatContradictThemselvesAndLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	good := []Tensor{{Name: "a", Shape: []int{1}, F32: []float32{1}}}
	if err := Write(path, good, nil); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]Tensor{
		"too few numbers": {{Name: "a", Shape: []int{2}, F32: []float32{1}}},
		"two types":       {{Name: "a", Shape: []int{1}, F32: []float32{1}, I64: []int64{1}}},
		"negative size":   {{Name: "a", Shape: []int{-1}, F32: []float32{1}}},
		"overflow":        {{Name: "a", Shape: []int{1 << 32, 1 << 32, 1 << 32}}},
		"same name":       {good[0], good[0]},
		"reserved name":   {{Name: "__metadata__", Shape: []int{1}, F32: []float32{1}}},
	} {
		if err := Write(path, bad, nil); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	if f, err := Read(path); err != nil || !equal(f.Tensors, good) {
		t.Errorf("the old file: %+v, %v", f, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := Write(filepath.Join(dir, "missing", "x"), good, nil); err == nil {
		t.Error("a folder that does not exist accepted")
	}
}

// file is a header and zeros.
func file(head string, data int) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(head)))) + head + strings.Repeat("\x00", data)
}

func TestReadSaysWhatIsWrongWithAFile(t *testing.T) {
	a := `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for name, c := range map[string]struct{ file, says string }{
		"empty":               {"", "shorter than 8"},
		"header beyond file":  {file("{"+a+"}", 8)[:30], "cut"},
		"huge header":         {"\xff\xff\xff\xff\xff\xff\xff\xff{}", "no safetensors file"},
		"no JSON":             {file("hello", 0), "no JSON object"},
		"array":               {file("[]", 0), "no JSON object"},
		"unfinished":          {file("{"+a, 8), "no JSON object"},
		"tail":                {file("{"+a+"} {}", 8), "follows"},
		"name twice":          {file("{"+a+","+a+"}", 8), `"a" is there twice`},
		"data cut":            {file("{"+a+"}", 7), "cut"},
		"data beyond":         {file("{"+a+"}", 9), "something follows"},
		"hole":                {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "hole"},
		"overlap":             {file("{"+a+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "overlap"},
		"wrong size":          {file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "does not take"},
		"backwards":           {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8), "does not take"},
		"below zero":          {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}`, 8), "does not take"},
		"negative shape":      {file(`{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}`, 8), "does not take"},
		"overflowing shape":   {file(`{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}`, 16), "does not take"},
		"other type":          {file(`{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`, 4), "BF16"},
		"lacks shape":         {file(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, 8), "want data_offsets"},
		"null shape":          {file(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4), "null"},
		"three offsets":       {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`, 8), "two offsets"},
		"fraction":            {file(`{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,2]}}`, 2), "cannot unmarshal"},
		"metadata no strings": {file(`{"__metadata__":{"step":7}}`, 0), `"step" is no string`},
		"metadata null":       {file(`{"__metadata__":{"step":null}}`, 0), `"step" is no string`},
	} {
		if f, err := Decode(strings.NewReader(c.file), int64(len(c.file))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v, want an error with %q", name, f, err, c.says)
		}
	}
}

func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := Encode(&b, []Tensor{{Name: "a", Shape: []int{2}, F32: []float32{1, 2}}, {Name: "b", Shape: []int{}, I64: []int64{3}}}, map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(file(`{"a":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}}`, 0)))
	f.Add([]byte(file(`{}`, 0)))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := Decode(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Encode(&out, got.Tensors, got.Metadata); err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		again, err := Decode(&out, int64(out.Len()))
		if err != nil || !equal(byName(again.Tensors), byName(got.Tensors)) {
			t.Fatalf("read again: %+v (%v), want %+v", again, err, got)
		}
	})
}
