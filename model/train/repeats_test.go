package train

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

func TestAFrameIsKnownAgainForAHundredFramesAndOfItsOwnCameraOnly(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	meta := func(camera string, n int) frame.Meta {
		return frame.Meta{Camera: camera, Seq: uint64(n), Captured: at.Add(time.Duration(n) * time.Millisecond)}
	}
	r := repeats{}
	for n := range 500 {
		if r.again(meta("a", n), uint64(2*n)) || r.again(meta("b", n), uint64(2*n+1)) {
			t.Fatalf("frame %d is new", n)
		}
		if n >= 100 && (!r.again(meta("a", n-100), uint64(2*n)) || !r.again(meta("b", n), uint64(2*n))) {
			t.Fatalf("after frame %d its forerunner is not known again", n)
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	saved := repeats{}
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	if !saved.again(meta("a", 499), 1000) || saved.again(meta("a", 500), 1001) || saved.again(meta("a", 500-rememberedSights), 1002) {
		t.Error("what was saved knows other frames than what was in memory")
	}
	other := meta("a", 500)
	other.Captured = other.Captured.Add(time.Hour) // the camera counts anew
	if saved.again(other, 1003) {
		t.Error("another frame of the same number is taken for a repeat")
	}
}

// Kafka took a batch, died before it said so, and was sent it again; the trainer is killed between the two.
func TestFaultABatchThatWasWrittenTwiceIsLearnedFromOnce(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const first, batch = 40, 8
	var log []*frame.Frame
	for i, f := range streamOf(80) {
		log = append(log, f)
		if i == first+batch-1 {
			log = append(log, log[first:first+batch]...)
		}
	}
	for i := range log {
		f := *log[i]
		f.Ref.Offset = int64(i)
		log[i] = &f
	}
	set, dir := settingsFor(4), t.TempDir()
	tr, err := New(set, dir, Outputs{})
	if err != nil {
		t.Fatal(err)
	}
	feedAll(t, tr, log[:first+batch])
	if err := tr.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	path, _, err := Latest(dir)
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	trained := map[time.Time]int{}
	tr, err = Resume(path, set, dir, Outputs{Embeddings: func(es []frame.Embedding) error {
		for _, e := range es {
			trained[e.Captured]++
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	feedAll(t, tr, log[first+batch:])
	if err := tr.Finish(); err != nil {
		t.Fatal(err)
	}
	if c := tr.Counts(); c.Repeated != batch || c.Trained != 80 || c.Late != 0 || c.Received != 80+batch {
		t.Errorf("%+v", c)
	}
	for at, n := range trained {
		if n != 1 {
			t.Errorf("the frame of %v was learned from %d times", at, n)
		}
	}
}
