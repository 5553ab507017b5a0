package main

import (
	"fmt"
	"time"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/sources/synth"
	"github.com/nearfar/nearfar/streams/frame"
)

// footage is what cameras of one rig saw, rendered before anything is timed and shown over and over.
type footage struct {
	frames [][]*frame.Frame // by camera
	every  time.Duration    // between frames of a camera
}

// footageQuality is of its JPEGs, the default of cameras.
const footageQuality = 90

// film renders n frames of each camera.
func film(cameras, n int, size string) (*footage, error) {
	c := sources.Config{From: "synth", Cameras: cameras, Size: size, Seed: 1, FPS: 10}
	cfg, err := synth.Of(c)
	if err != nil {
		return nil, err
	}
	scene, err := synth.NewScene(cfg)
	if err != nil {
		return nil, err
	}
	f := &footage{frames: make([][]*frame.Frame, cameras), every: 100 * time.Millisecond}
	for camera := range f.frames {
		for i := range n {
			f.frames[camera] = append(f.frames[camera], scene.Render(camera, time.Duration(i)*f.every))
		}
	}
	return f, nil
}

// meta is the i-th frame of a camera as its source would name it.
func (f *footage) meta(camera, i int) frame.Meta {
	at := time.Duration(i) * f.every
	return frame.Meta{Camera: fmt.Sprint("bench-", camera), Rig: "bench", Seq: uint64(i), PTS: at, Captured: time.Unix(0, 0).UTC().Add(at)}
}

// messages are the first n frames of all cameras as they lie in Kafka, in order of time.
func (f *footage) messages(n int) ([]frame.Message, error) {
	coded := make([][][]byte, len(f.frames))
	for camera, frames := range f.frames {
		for _, p := range frames {
			data, err := picture.JPEG(p, footageQuality)
			if err != nil {
				return nil, err
			}
			coded[camera] = append(coded[camera], data)
		}
	}
	out := make([]frame.Message, 0, n)
	for k := range n {
		camera, i := k%len(coded), k/len(coded)
		e := frame.Encoded{Meta: f.meta(camera, i), ContentType: "image/jpeg", Data: coded[camera][i%len(coded[camera])]}
		out = append(out, e.Message())
	}
	return out, nil
}
