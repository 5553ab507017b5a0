// Package frame is the vocabulary of what flows through nearfar: frames, where they lie in Kafka,
// the embeddings made of them, and their form on the wire (CloudEvents in binary mode).
// It needs nothing but the standard library, so every room can speak it.
package frame

import (
	"fmt"
	"time"
)

// Ref is where a frame lies in Kafka. The zero Ref means "nowhere yet".
type Ref struct {
	Topic     string
	Partition int
	Offset    int64
}

func (r Ref) String() string { return fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset) }

// Meta is what is known of a picture besides its pixels.
type Meta struct {
	Camera   string        // who saw it
	Rig      string        // the group of synchronised cameras it belongs to; the camera itself where there is none
	Seq      uint64        // counts a camera's frames from 0 as they are captured; a hole means frames were lost
	PTS      time.Duration // media time since the source began
	Captured time.Time     // wall clock at capture, UTC
	Logged   time.Time     // when the record was written to Kafka; zero before that
	Label    string        // what evaluation calls it; never read by training
	Ref      Ref           // set once the frame has come back from Kafka
}

// Encoded is a frame as Kafka carries it: the picture itself, compressed.
type Encoded struct {
	Meta
	ContentType string // image/jpeg, image/png, …
	Data        []byte // the file a viewer would open
	Checked     bool   // a CRC-32C travelled with the picture and agreed
}

// Frame is a decoded picture. It is read-only once sent: stages share it by pointer.
type Frame struct {
	Meta
	Width, Height int
	Pix           []byte // RGB, row by row, 3·Width·Height bytes in Go memory
}

// Check reports whether the pixels agree with the size.
func (f *Frame) Check() error {
	if n := len(f.Pix); f.Width <= 0 || f.Height <= 0 || f.Width > n || f.Height > n || n != 3*f.Width*f.Height {
		return fmt.Errorf("frame %d of camera %s: %d bytes of pixels for %d×%d RGB", f.Seq, f.Camera, len(f.Pix), f.Width, f.Height)
	}
	return nil
}
