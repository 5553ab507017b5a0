package frame

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Embedding is what the encoder made of a frame.
type Embedding struct {
	ID       string // UUIDv5 of camera, topic, partition, offset and model version: sinks upsert by it
	Camera   string
	Rig      string
	Captured time.Time
	Model    string // version of the model that made it: run@step
	Label    string // of the frame, if it had one
	Ref      Ref    // the frame in Kafka, or nowhere
	Vector   []float32
}

// namespace is the UUIDv5 namespace of embedding ids, itself UUIDv5(URL, "https://nearfar.dev/embedding").
var namespace = uuid5(
	[16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8},
	"https://nearfar.dev/embedding")

// NewEmbedding makes the record of a frame's vector; its id depends on where the frame lies and on the
// model, so that doing the work twice writes the same record twice.
func NewEmbedding(m Meta, model string, vector []float32) Embedding {
	name := m.Camera + "\x00" + m.Ref.Topic + "\x00" + strconv.Itoa(m.Ref.Partition) + "\x00" + strconv.FormatInt(m.Ref.Offset, 10) + "\x00" + model
	u := uuid5(namespace, name)
	return Embedding{
		ID:     fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16]),
		Camera: m.Camera, Rig: m.Rig, Captured: m.Captured, Model: model, Label: m.Label, Ref: m.Ref, Vector: vector,
	}
}

// uuid5 is RFC 9562 §5.5: SHA-1 of namespace and name, with version and variant set.
func uuid5(space [16]byte, name string) (u [16]byte) {
	h := sha1.New()
	h.Write(space[:])
	h.Write([]byte(name))
	copy(u[:], h.Sum(nil))
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return u
}

// embeddingJSON is the record as sinks write it.
type embeddingJSON struct {
	ID        string    `json:"id"`
	Camera    string    `json:"camera"`
	Rig       string    `json:"rig"`
	Captured  time.Time `json:"captured"`
	Model     string    `json:"model"`
	Label     string    `json:"label,omitempty"`
	Topic     string    `json:"topic,omitempty"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Vector    []float32 `json:"vector"`
}

// MarshalJSON writes the record every sink shares.
func (e Embedding) MarshalJSON() ([]byte, error) {
	return json.Marshal(embeddingJSON{e.ID, e.Camera, e.Rig, e.Captured.UTC(), e.Model, e.Label, e.Ref.Topic, e.Ref.Partition, e.Ref.Offset, e.Vector})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Embedding) UnmarshalJSON(b []byte) error {
	var j embeddingJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*e = Embedding{j.ID, j.Camera, j.Rig, j.Captured.UTC(), j.Model, j.Label, Ref{j.Topic, j.Partition, j.Offset}, j.Vector}
	return nil
}

// TypeEmbedding is the CloudEvents type of a published embedding.
const TypeEmbedding = "io.nearfar.embedding.v1"

// Message puts the embedding into its wire form: JSON value, the id as key (so that a compacted topic
// keeps one record per id), attributes in headers.
func (e Embedding) Message() (Message, error) {
	value, err := json.Marshal(e)
	if err != nil {
		return Message{}, fmt.Errorf("writing embedding %s: %w", e.ID, err)
	}
	return Message{
		Key: []byte(e.ID), Value: value,
		Headers: []Header{
			{headerContentType, []byte("application/json")},
			{headerSpec, []byte("1.0")},
			{headerID, []byte(e.ID)},
			{headerSource, []byte(e.Camera)},
			{headerType, []byte(TypeEmbedding)},
			{headerTime, []byte(e.Captured.UTC().Format(time.RFC3339Nano))},
			{headerRig, []byte(e.Rig)},
			{"ce_model", []byte(e.Model)},
		},
	}, nil
}
