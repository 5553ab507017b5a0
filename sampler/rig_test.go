package sampler

import (
	"cmp"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/realdata"
	"github.com/nearfar/nearfar/streams/frame"
)

// Four real cameras with their own clocks: 48 instants, at most 46 ms apart, 160 ms from one to the next.
func TestViewsOfARealRigAreThoseOfItsInstants(t *testing.T) {
	in, err := os.Open(filepath.Join(realdata.Dir(t, "caliscope/4_cam_recording"), "timestamps.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var fs []*frame.Frame
	for _, row := range rows[1:] { // sync_index, cam_id, frame_time in seconds
		instant, err := strconv.ParseUint(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		at, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		fs = append(fs, shot("rig", "cam"+row[1], instant, time.Duration(at*1e9)))
	}
	slices.SortStableFunc(fs, func(a, b *frame.Frame) int { return cmp.Compare(a.PTS, b.PTS) })
	s := filled(keepAll(), 1, fs)
	instants := 0
	for _, a := range s.replay.kept {
		for _, v := range a.views {
			if v.Seq == a.frame.Seq {
				instants++
			} else {
				t.Errorf("frame %d of %s is paired with frame %d of %s", a.frame.Seq, a.frame.Camera, v.Seq, v.Camera)
			}
		}
	}
	if n := s.Counts(); instants != 3*len(fs) || n.ViewsRefused != 0 || int(n.Admitted) != len(fs) {
		t.Errorf("%d views of %d frames instead of three each; counted %+v", instants, len(fs), n)
	}
	tight := keepAll()
	tight.Skew = 10 * time.Millisecond // the mean skew is 11 ms
	n := filled(tight, 1, fs).Counts()
	if n.ViewsRefused == 0 || n.ViewsFound == 0 || n.ViewsFound+n.ViewsRefused != uint64(3*len(fs)) {
		t.Errorf("with a skew of 10 ms counted %+v", n)
	}
}
