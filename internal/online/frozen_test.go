package online

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// shown is a frame of a camera, so many seconds into the day.
func shown(camera string, second float64, shade byte) *frame.Frame {
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC).Add(time.Duration(second * float64(time.Second)))
	return &frame.Frame{Meta: frame.Meta{Camera: camera, Rig: camera, Captured: at}, Width: 1, Height: 1, Pix: []byte{shade, 0, 0}}
}

func TestFrozenCameraIsNamedOnceAndWhenItMovesAgain(t *testing.T) {
	var said bytes.Buffer
	w := newFreeze(slog.New(slog.NewTextHandler(&said, nil)))
	for i := range 100 { // 10 frames a second, for 9.9 s
		w.look(shown("door", float64(i)/10, 7))
		w.look(shown("yard", float64(i)/10, byte(i)))
	}
	if w.cameras() != 0 || said.Len() != 0 {
		t.Fatalf("%d frozen: %s", w.cameras(), said.String())
	}
	for i := 100; i < 200; i++ {
		w.look(shown("door", float64(i)/10, 7))
		w.look(shown("yard", float64(i)/10, byte(i)))
	}
	if text := said.String(); w.cameras() != 1 || strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "camera=door") || strings.Contains(text, "yard") {
		t.Errorf("%d frozen: %s", w.cameras(), text)
	}
	w.look(shown("door", 21, 8))
	if w.cameras() != 0 || !strings.Contains(said.String(), `level=INFO msg="camera moves again" camera=door after=21s`) {
		t.Errorf("%d frozen: %s", w.cameras(), said.String())
	}
	for i := range 200 { // and freezes once more
		w.look(shown("door", 22+float64(i)/10, 9))
	}
	if w.cameras() != 1 || strings.Count(said.String(), "level=WARN") != 2 {
		t.Errorf("%d frozen: %s", w.cameras(), said.String())
	}
}

func TestWatchingCamerasTakesBoundedMemory(t *testing.T) {
	w := newFreeze(slog.New(slog.DiscardHandler))
	for i := range 3 * frozenCameras {
		w.look(shown(fmt.Sprint("camera", i), 0, 1))
	}
	if len(w.last) != frozenCameras {
		t.Errorf("%d cameras are remembered", len(w.last))
	}
}
