package train

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// Strangers write under ever new names, a frame each: what is remembered of them stays bounded, none of their frames is
// lost, and a rig that goes on is not touched.
func TestStrangersAreForgottenAndTheirFramesAreNot(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set := settingsFor(5)
	set.Sampler.UpdatesPerFrame, set.EmbedBatch = 0, 256
	tr, err := New(set, "", Outputs{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	own := streamOf(80)
	const strangers = 3 * forgetAfter / 2
	picture := own[0]
	for i := range strangers {
		if i%(strangers/len(own)) == 0 && i/(strangers/len(own)) < len(own) {
			feedAll(t, tr, own[i/(strangers/len(own)):][:1])
		}
		f := *picture
		f.Camera = fmt.Sprintf("stranger%d", i)
		f.Rig, f.Seq, f.Ref = f.Camera, 0, frame.Ref{Topic: "frames", Partition: 1, Offset: int64(i)}
		feedAll(t, tr, []*frame.Frame{&f})
	}
	if n := len(tr.merge); n > forgetAfter+forgetEvery || n < forgetAfter/2 || len(tr.heard) != n || len(tr.repeats) > forgetAfter+forgetEvery {
		t.Errorf("%d rigs, %d heard of, %d cameras are remembered", n, len(tr.heard), len(tr.repeats))
	}
	if tr.merge["pair"] == nil || tr.repeats["left"] == nil {
		t.Error("cameras that go on were forgotten")
	}
	if err := tr.Finish(); err != nil {
		t.Fatal(err)
	}
	if c := tr.Counts(); c.Trained != strangers+80 || c.Late != 0 {
		t.Errorf("%+v", c)
	}
}
