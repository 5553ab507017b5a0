package online

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/picture/picturetest"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// TestCorruptPicturesAreAllBuriedAndNoneIsTrainedOn sends 1,000 broken pictures (NEARFAR_CORRUPT changes that) among
// good ones through a run: 0 crashes, every one of them among the dead letters with its bytes, none trained on.
func TestCorruptPicturesAreAllBuriedAndNoneIsTrainedOn(t *testing.T) {
	n := 1000
	if text := os.Getenv("NEARFAR_CORRUPT"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("NEARFAR_CORRUPT: %v", err)
		}
	}
	l, sink, s := newLog(t), newMemory(), seed.New(11).At("corrupt pictures")
	sent := map[string]frame.Message{} // by place
	good := 0
	for i := 0; i < n; {
		var batch []frame.Message
		for ; len(batch) < 40 && i < n; i++ {
			_, m := picturetest.Corrupt(s, i)
			m.Headers = append(m.Headers, frame.Header{Key: "number", Value: fmt.Append(nil, i)})
			batch = append(batch, m)
		}
		if err := l.w.Write(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
		for _, m := range batch {
			number, _ := m.Header("number")
			sent[number] = m
		}
		if good < 60 {
			l.add(t, 2)
			good += 2
		}
	}
	o := l.options(t, sink)
	var last Account
	o.Account = func(a Account) { last = a }
	result, err := Learn(t.Context(), o)
	if c := result.Counts; err != nil || !result.Finished || c.DeadLettered != uint64(n) || c.Trained != uint64(good) || c.Embedded != uint64(good) || len(sink.held) != good {
		t.Fatalf("%+v, %v, %d embeddings of %d good pictures", result, err, len(sink.held), good)
	}
	for _, e := range sink.held {
		if e.Camera != "door" {
			t.Errorf("a picture of camera %s was embedded", e.Camera)
		}
	}
	sum := uint64(0)
	for _, k := range last.Dead {
		sum += k
	}
	if sum != uint64(n) || last.Dead[Grave{"parse", "corrupt"}] == 0 || last.Dead[Grave{"decode", "not a picture"}] == 0 {
		t.Errorf("by reason: %v", last.Dead)
	}
	err = topic.Each(t.Context(), l.cfg, "frames.dlq", nil, 1<<20, func(m frame.Message) error {
		letter, ok := topic.ParseLetter(m)
		number, _ := letter.Original.Header("number")
		original, known := sent[number]
		if !ok || !known || !bytes.Equal(letter.Original.Value, original.Value) || len(letter.Original.Headers) != len(original.Headers) || letter.Error == "" {
			t.Errorf("letter %s is none of what was sent, or not as it was", m.Ref)
		}
		delete(sent, number)
		return nil
	})
	if err != nil || len(sent) != 0 {
		t.Errorf("%d are not among the dead letters, %v", len(sent), err)
	}
}

// TestAFrozenCameraIsAWarningAndNoPerfectLoss: one picture for 20 s, and a camera that moves beside it.
func TestAFrozenCameraIsAWarningAndNoPerfectLoss(t *testing.T) {
	l, sink := newLog(t), newMemory()
	s := seed.New(5)
	still := picturetest.Good(s, 0)
	var messages []frame.Message
	for i := range 200 {
		e := still
		e.Camera, e.Rig, e.Seq = "frozen", "frozen", uint64(i)
		e.Captured = picturetest.Good(s, 4*i).Captured // ten pictures in four seconds
		messages = append(messages, e.Message())
	}
	if err := l.w.Write(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	o := l.options(t, sink)
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	var last Account
	o.Account = func(a Account) { last = a }
	result, err := Learn(t.Context(), o)
	if err != nil || result.Counts.Trained != 200 || result.Counts.Steps != 0 || last.Sampled.Frozen != 199 {
		t.Fatalf("%+v, %v: it has learned from one picture", result, err)
	}
	if last.Frozen != 1 || strings.Count(said.String(), "camera is frozen") != 1 || !strings.Contains(said.String(), "camera=frozen") {
		t.Errorf("%d frozen, says\n%s", last.Frozen, said.String())
	}
}
