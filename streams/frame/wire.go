package frame

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// The wire form is a CloudEvents 1.0 message in Kafka's binary mode: the value is the picture,
// attributes are headers with the prefix "ce_". Extension names are lower-case letters and digits,
// as CloudEvents demands.
const (
	headerContentType = "content-type"
	headerSpec        = "ce_specversion"
	headerID          = "ce_id"
	headerSource      = "ce_source"
	headerType        = "ce_type"
	headerTime        = "ce_time"
	headerRig         = "ce_rig"
	headerSequence    = "ce_sequence"
	headerPTS         = "ce_pts"    // nanoseconds
	headerCRC         = "ce_crc32c" // of the value, eight hex digits
	headerLabel       = "ce_label"

	// TypeFrame is the CloudEvents type of a captured frame.
	TypeFrame = "io.nearfar.frame.v1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrNotPicture says that a message's value cannot be a picture at all.
var ErrNotPicture = errors.New("not a picture")

// ErrCorrupt says that a picture did not arrive as it was sent.
var ErrCorrupt = errors.New("corrupt picture")

// Message puts the frame into its wire form. The key is the rig, so that all views of a rig share a
// partition in order.
func (e *Encoded) Message() Message {
	rig := e.Rig
	if rig == "" {
		rig = e.Camera
	}
	h := []Header{
		{headerContentType, []byte(e.ContentType)},
		{headerSpec, []byte("1.0")},
		{headerID, []byte(e.Camera + "/" + strconv.FormatUint(e.Seq, 10))},
		{headerSource, []byte(e.Camera)},
		{headerType, []byte(TypeFrame)},
		{headerTime, []byte(e.Captured.UTC().Format(time.RFC3339Nano))},
		{headerRig, []byte(rig)},
		{headerSequence, strconv.AppendUint(nil, e.Seq, 10)},
		{headerPTS, strconv.AppendInt(nil, int64(e.PTS), 10)},
		{headerCRC, fmt.Appendf(nil, "%08x", crc32.Checksum(e.Data, castagnoli))},
	}
	if e.Label != "" {
		h = append(h, Header{headerLabel, []byte(e.Label)})
	}
	return Message{Key: []byte(rig), Value: e.Data, Headers: h}
}

// Parse reads a frame's wire form. Any program that writes a picture is a valid producer: a missing
// camera or rig falls back to the message's key (then to the topic), a missing time to its timestamp,
// a missing sequence number to its offset. What is there but ill-formed is an error, never a guess.
//
// Errors wrap ErrNotPicture (no picture in the value) or ErrCorrupt (its CRC-32C disagrees).
func Parse(m Message) (Encoded, error) {
	e := Encoded{Data: m.Value}
	e.Ref, e.Logged = m.Ref, m.Time.UTC()
	var err error
	if e.ContentType, err = contentType(m); err != nil {
		return e, err
	}
	if e.Checked, err = checked(m); err != nil {
		return e, err
	}
	e.Camera, e.Rig = names(m)
	e.Label, _ = m.Header(headerLabel)
	e.Captured = m.Time.UTC()
	if s, ok := m.Header(headerTime); ok {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return e, fmt.Errorf("header %s %.40q is no RFC 3339 time", headerTime, s)
		}
		e.Captured = t.UTC()
	}
	e.Seq = uint64(max(m.Ref.Offset, 0))
	if s, ok := m.Header(headerSequence); ok {
		if e.Seq, err = strconv.ParseUint(s, 10, 64); err != nil {
			return e, fmt.Errorf("header %s %.40q is no number", headerSequence, s)
		}
	}
	if s, ok := m.Header(headerPTS); ok {
		ns, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return e, fmt.Errorf("header %s %.40q is no number of nanoseconds", headerPTS, s)
		}
		e.PTS = time.Duration(ns)
	}
	return e, nil
}

// names finds the camera and rig of a message: headers first, then the key, then the topic.
func names(m Message) (camera, rig string) {
	camera, _ = m.Header(headerSource)
	rig, _ = m.Header(headerRig)
	key := string(m.Key)
	if camera == "" {
		camera = key
	}
	if camera == "" {
		camera = m.Ref.Topic
	}
	if rig == "" {
		rig = key
	}
	if rig == "" {
		rig = camera
	}
	return camera, rig
}

// CameraOf is the camera of a message, frame or not: as Parse finds it.
func CameraOf(m Message) string {
	camera, _ := names(m)
	return camera
}

// contentType is what the header says, or what the first bytes say where it is silent.
func contentType(m Message) (string, error) {
	if len(m.Value) == 0 {
		return "", fmt.Errorf("%w: the value is empty", ErrNotPicture)
	}
	found := Sniff(m.Value)
	said, ok := m.Header(headerContentType)
	switch {
	case found == "":
		return said, fmt.Errorf("%w: the value begins with % x, neither JPEG nor PNG", ErrNotPicture, m.Value[:min(4, len(m.Value))])
	case ok && said != found && said != "application/octet-stream":
		return said, fmt.Errorf("%w: content-type says %.40q, the bytes say %s", ErrNotPicture, said, found)
	}
	return found, nil
}

// Sniff names the picture format by its first bytes, "" where it is neither JPEG nor PNG.
func Sniff(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xD8, 0xFF}):
		return "image/jpeg"
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	}
	return ""
}

// checked compares the value with the CRC-32C that travelled with it, if one did.
func checked(m Message) (bool, error) {
	s, ok := m.Header(headerCRC)
	if !ok {
		return false, nil
	}
	want, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return false, fmt.Errorf("header %s %.40q is no CRC-32C", headerCRC, s)
	}
	if got := crc32.Checksum(m.Value, castagnoli); got != uint32(want) {
		return false, fmt.Errorf("%w: CRC-32C %08x of %d bytes, sent as %08x", ErrCorrupt, got, len(m.Value), want)
	}
	return true, nil
}
