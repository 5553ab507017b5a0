package train

import (
	"fmt"

	"github.com/nearfar/nearfar/streams/frame"
)

// rememberedSights is how many frames of a camera are known again. A write that Kafka took and did not answer in
// time is sent once more, a batch later at most: topic.Writer sends no more than a hundred messages together.
const rememberedSights = 128

// sight is what a frame is known again by.
type sight struct {
	Seq      uint64 `json:"seq"`
	Captured int64  `json:"at"`  // ns since 1970
	PTS      int64  `json:"pts"` // ns
}

// sights are the newest frames of one camera, a ring.
type sights struct {
	Ring []sight `json:"ring"`
	Next int     `json:"next"` // the slot of the oldest, once the ring is full

	Heard uint64 `json:"heard"` // frames received, of all cameras, when the newest came
}

// repeats knows frames that lie in the log twice, under two offsets, by camera. Kafka delivers at least once; a
// frame is learned from once. A producer that gives neither numbers nor times is given the log's own, which differ.
type repeats map[string]*sights

// check is for what comes from a file.
func (r repeats) check() error {
	for camera, s := range r {
		if s == nil || len(s.Ring) > rememberedSights || s.Next < 0 || s.Next >= rememberedSights {
			return fmt.Errorf("camera %.40q: what is to be known again does not fit", camera)
		}
	}
	return nil
}

// again reports whether the frame was seen before, and remembers it. received counts the frames of all cameras.
func (r repeats) again(m frame.Meta, received uint64) bool {
	s := sight{m.Seq, m.Captured.UnixNano(), int64(m.PTS)}
	camera := r[m.Camera]
	if camera == nil {
		camera = &sights{}
		r[m.Camera] = camera
	}
	camera.Heard = received
	for _, seen := range camera.Ring {
		if seen == s {
			return true
		}
	}
	if len(camera.Ring) < rememberedSights {
		camera.Ring = append(camera.Ring, s)
		return false
	}
	camera.Ring[camera.Next] = s
	camera.Next = (camera.Next + 1) % rememberedSights
	return false
}
