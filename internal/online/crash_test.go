package online

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/picture/decoder"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// asDecoder makes the test binary a decoder process that dies of pictures of the camera "killer".
const asDecoder = "NEARFAR_TEST_DECODER"

func serveFrailDecoder() {
	err := decoder.Serve(os.Stdin, os.Stdout, func(e frame.Encoded, size int) (*frame.Frame, error) {
		if e.Camera == "killer" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return picture.Decode(e, size)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestFaultAPictureThatKillsItsDecoderIsBuriedAndTheRunGoesOn(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, sink := newLog(t), newMemory()
	for i := range 4 {
		l.add(t, 10)
		killer := frame.Encoded{Meta: frame.Meta{Camera: "killer", Rig: "killer", Seq: uint64(i)}, ContentType: "image/jpeg", Data: []byte{0xff, 0xd8, 0xff, byte(i)}}
		if err := l.w.Write(t.Context(), killer.Message()); err != nil {
			t.Fatal(err)
		}
	}
	pool := decoder.New(2, []string{self}, []string{asDecoder + "=1"})
	o := l.options(t, sink)
	o.Decoders, o.Decode = 2, pool.Decode
	result, err := Learn(t.Context(), o)
	if c := result.Counts; err != nil || !result.Finished || c.Trained != 40 || c.DeadLettered != 4 || len(sink.held) != 40 {
		t.Errorf("%+v, %v, %d embeddings", result, err, len(sink.held))
	}
	letters, err := topic.Tail(t.Context(), l.cfg, "frames.dlq", 10)
	if err != nil || len(letters) != 4 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	for _, m := range letters {
		if reason, _ := m.Header("dlq.reason"); reason != "kills its decoder" || string(m.Value[:3]) != "\xff\xd8\xff" {
			t.Errorf("reason %q of %q", reason, m.Value)
		}
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaultWithoutADecoderTheRunEndsSavedAndBuriesNothing(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 20)
	o := l.options(t, sink)
	o.Decode = decoder.New(1, []string{filepath.Join(t.TempDir(), "gone")}, nil).Decode
	result, err := Learn(t.Context(), o)
	if !errors.Is(err, decoder.ErrNoDecoder) || result.Counts.DeadLettered != 0 || result.Checkpoint == "" {
		t.Fatalf("%+v, %v", result, err)
	}
	o.Resume, o.Decode = result.Checkpoint, nil
	result, err = Learn(t.Context(), o)
	if err != nil || result.Counts.Trained != 20 || len(sink.held) != 20 {
		t.Errorf("mended: %+v, %v, %d embeddings", result, err, len(sink.held))
	}
}
