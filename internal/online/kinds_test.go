package online

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
	"time"

	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// film writes n instants of two cameras of one rig, ten a second and in colour: a scene lasts two seconds.
func (l *log) film(t *testing.T, n int) {
	t.Helper()
	var messages []frame.Message
	for i := range n {
		scene := i / 20
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(i)*100*time.Millisecond + time.Duration(scene)*7*time.Second)
		for camera := range 2 {
			img := image.NewRGBA(image.Rect(0, 0, 32, 32))
			for p := range 32 * 32 {
				x, y := p%32, p/32
				c := color.RGBA{uint8(7 * y), uint8(200 - 5*y), uint8(40*scene + 3*x), 255}
				if (x-i%20-camera*6)*(x-i%20-camera*6)+(y-16)*(y-16) < 36 {
					c = color.RGBA{uint8(250 - 60*scene), uint8(50 * scene), 90, 255}
				}
				img.Set(x, y, c)
			}
			var b bytes.Buffer
			if err := png.Encode(&b, img); err != nil {
				t.Fatal(err)
			}
			e := frame.Encoded{Meta: frame.Meta{Camera: fmt.Sprint("cam", camera), Rig: "room", Seq: uint64(i), Captured: at.Add(time.Duration(camera) * time.Millisecond), Label: fmt.Sprint("scene", scene)},
				ContentType: "image/png", Data: b.Bytes()}
			messages = append(messages, e.Message())
		}
	}
	if err := l.w.Write(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
}

// Whatever a network is trained for, frames that come through Kafka train it, and its embeddings leave.
func TestEveryKindIsTrainedOnline(t *testing.T) {
	l := newLog(t)
	l.film(t, 80)
	for _, kind := range objective.Kinds() {
		t.Run(kind, func(t *testing.T) {
			sink := newMemory()
			o := l.options(t, sink)
			set := &o.Settings
			set.Objectives = []objective.Config{objective.Config{Kind: kind}.WithDefaults()}
			set.Model.Image, set.Sampler.Image, set.Model.Split = 32, 32, kind == "splitbrain"
			set.Sampler.UpdatesPerFrame, set.Bank, set.Every = 0.25, 64, 10
			set.Sampler.Clip.Stride, set.Sampler.Clip.Frames = 100*time.Millisecond, objective.Frames(set.Objectives)
			set.Sampler.Lone = objective.Lone(set.Objectives)
			o.Meter = NewMeter(set.Model.Width(), train.Probe{}, time.Second)
			result, err := Learn(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if !result.Finished || result.Counts.Trained != 160 || len(sink.held) != 160 || result.Counts.Steps < 20 {
				t.Errorf("%+v, %d embeddings", result, len(sink.held))
			}
			s := o.Meter.Status(0)
			if len(s.Objectives) != 1 || s.Objectives[0].Name != kind {
				t.Fatalf("%+v", s.Objectives)
			}
			got := s.Objectives[0]
			if got.Steps < 15 || got.Loss == 0 || math.IsNaN(got.Loss) || got.Chance < 0 || got.Chance > 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}
