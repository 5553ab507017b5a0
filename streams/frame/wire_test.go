package frame

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"
)

var jpeg = []byte{0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3}

func sent() Encoded {
	return Encoded{
		Meta: Meta{Camera: "gate", Rig: "yard", Seq: 7, PTS: 1500 * time.Millisecond,
			Captured: time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC), Label: "fox"},
		ContentType: "image/jpeg", Data: jpeg,
	}
}

func TestFrameSurvivesTheWire(t *testing.T) {
	e := sent()
	m := e.Message()
	m.Ref, m.Time = Ref{"frames", 3, 41}, e.Captured.Add(time.Second)
	got, err := Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	e.Ref, e.Checked, e.Logged = m.Ref, true, m.Time
	if !reflect.DeepEqual(got, e) {
		t.Errorf("sent %+v\n got %+v", e, got)
	}
	if string(m.Key) != "yard" {
		t.Errorf("key %q, want the rig", m.Key)
	}
}

func TestBarePictureIsAValidFrame(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got, err := Parse(Message{Key: []byte("cam9"), Value: jpeg, Time: at, Ref: Ref{"frames", 0, 12}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Camera != "cam9" || got.Rig != "cam9" || got.Seq != 12 || !got.Captured.Equal(at) || got.Checked {
		t.Errorf("got %+v", got)
	}
	if got, _ := Parse(Message{Value: jpeg, Ref: Ref{"frames", 0, 0}}); got.Camera != "frames" || got.Rig != "frames" {
		t.Errorf("without a key: camera %q rig %q, want the topic", got.Camera, got.Rig)
	}
}

func TestIllFormedMessagesAreRefused(t *testing.T) {
	with := func(key, value string) Message {
		e := sent()
		m := e.Message()
		m.Headers = append(m.Headers, Header{key, []byte(value)})
		return m
	}
	for name, c := range map[string]struct {
		m    Message
		want error
	}{
		"empty value": {Message{}, ErrNotPicture},
		"text":        {Message{Value: []byte("hello")}, ErrNotPicture},
		"flipped bit": {func() Message {
			e := sent()
			m := e.Message()
			m.Value = append([]byte(nil), m.Value...)
			m.Value[5] ^= 1
			return m
		}(), ErrCorrupt},
		"other type":    {with("content-type", "image/png"), ErrNotPicture},
		"bad time":      {with("ce_time", "yesterday"), nil},
		"bad sequence":  {with("ce_sequence", "-1"), nil},
		"bad pts":       {with("ce_pts", "1s"), nil},
		"bad crc field": {with("ce_crc32c", "zz"), nil},
	} {
		_, err := Parse(c.m)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got error %v, want %v", name, err, c.want)
		}
	}
}

func TestEmbeddingIDDependsOnPlaceAndModelAlone(t *testing.T) {
	m := sent().Meta
	m.Ref = Ref{"frames", 1, 5}
	a := NewEmbedding(m, "run@100", []float32{1})
	m.Seq, m.Label = 99, "other"
	if b := NewEmbedding(m, "run@100", []float32{2}); a.ID != b.ID {
		t.Errorf("ids %s and %s differ for the same frame and model", a.ID, b.ID)
	}
	if b := NewEmbedding(m, "run@200", nil); a.ID == b.ID {
		t.Error("another model, the same id")
	}
	m.Ref.Offset++
	if b := NewEmbedding(m, "run@100", nil); a.ID == b.ID {
		t.Error("another offset, the same id")
	}
	if a.ID[14] != '5' {
		t.Errorf("%s is no UUIDv5", a.ID)
	}
}

func TestEmbeddingSurvivesJSON(t *testing.T) {
	m := sent().Meta
	m.Ref = Ref{"frames", 1, 5}
	e := NewEmbedding(m, "run@100", []float32{0.25, -1.5e-8, 3})
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var got Embedding
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("sent %+v\n got %+v (%v)", e, got, err)
	}
}

// UUIDv5 of the DNS namespace and "www.example.com", RFC 9562 appendix A.4.
func TestUUID5MatchesTheRFC(t *testing.T) {
	dns := [16]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	want := [16]byte{0x2e, 0xd6, 0x65, 0x7d, 0xe9, 0x27, 0x56, 0x8b, 0x95, 0xe1, 0x26, 0x65, 0xa8, 0xae, 0xa6, 0xa2}
	if got := uuid5(dns, "www.example.com"); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func FuzzParse(f *testing.F) {
	e := sent()
	m := e.Message()
	f.Add(m.Key, m.Value, "ce_time", "2026-01-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, key, value []byte, name, header string) {
		got, err := Parse(Message{Key: key, Value: value, Headers: []Header{{name, []byte(header)}}, Ref: Ref{Topic: "frames"}})
		if err == nil && (Sniff(got.Data) == "" || got.Camera == "" || got.Rig == "") {
			t.Errorf("accepted %+v", got)
		}
	})
}
