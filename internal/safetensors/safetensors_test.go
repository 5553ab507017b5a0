package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
)

func sample(t testing.TB) ([]Tensor, map[string]string, []byte) {
	t.Helper()
	tensors := []Tensor{
		{"encoder.conv1.weight", []int{2, 3}, []float32{1, -2, 3.5, 0, 1e-30, -1e30}},
		{"scalar", []int{}, []float32{7}},
		{"empty", []int{0, 4}, []float32{}},
		{"bias", []int{2}, []float32{0.25, 0.5}},
	}
	meta := map[string]string{"step": "12", "encoder": "small"}
	var b bytes.Buffer
	if err := Write(&b, tensors, meta); err != nil {
		t.Fatal(err)
	}
	return tensors, meta, b.Bytes()
}

func TestTensorsSurviveTheFile(t *testing.T) {
	tensors, meta, file := sample(t)
	got, gotMeta, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Tensor{}
	for _, g := range got {
		byName[g.Name] = g
	}
	for _, want := range tensors {
		if !reflect.DeepEqual(byName[want.Name], want) {
			t.Errorf("wrote %+v, read %+v", want, byName[want.Name])
		}
	}
	if len(got) != len(tensors) || !reflect.DeepEqual(gotMeta, meta) {
		t.Errorf("%d tensors and metadata %v, want %d and %v", len(got), gotMeta, len(tensors), meta)
	}
	if n := binary.LittleEndian.Uint64(file); n%8 != 0 {
		t.Errorf("the header has %d bytes: the numbers are not aligned", n)
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	_, _, file := sample(t)
	for n := range file {
		if _, _, err := Read(bytes.NewReader(file[:n])); !errors.Is(err, ErrMalformed) {
			t.Fatalf("the first %d bytes of %d: error %v, want ErrMalformed", n, len(file), err)
		}
	}
	if _, _, err := Read(bytes.NewReader(append(bytes.Clone(file), 0))); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte too many: error %v, want ErrMalformed", err)
	}
}

func TestHostileHeadersAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":        `{`,
		"other type":     `{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`,
		"huge shape":     `{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`,
		"negative shape": `{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]}}`,
		"hole":           `{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`,
		"overlap":        `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
		"no data":        `{"a":{"dtype":"F32","shape":[500000000],"data_offsets":[0,2000000000]}}`,
	} {
		file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
		if _, _, err := Read(bytes.NewReader(append(append(file, text...), 0, 0, 0, 0))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
	if _, _, err := Read(bytes.NewReader(binary.LittleEndian.AppendUint64(nil, 1<<60))); !errors.Is(err, ErrMalformed) {
		t.Errorf("a huge header: error %v", err)
	}
}

func TestWriteRefusesWhatCannotBeRead(t *testing.T) {
	for name, ts := range map[string][]Tensor{
		"wrong count": {{"a", []int{2}, []float32{1}}},
		"twice":       {{"a", []int{1}, []float32{1}}, {"a", []int{1}, []float32{1}}},
		"no name":     {{"", []int{1}, []float32{1}}},
	} {
		if err := Write(&bytes.Buffer{}, ts, nil); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	_, _, file := sample(f)
	f.Add(file)
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, meta, err := Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, tensors, meta); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}
