package eval

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestRecordingsAreFoundInEveryForm(t *testing.T) {
	frames := tree(t, "cam10/1.jpg", "cam10/2.jpg", "cam2/9.jpg", "cam2/10.jpg", "notes.txt", ".cache/x.jpg", "calibration/board.txt")
	videos := tree(t, "cam_0.mp4", "cam_1.AVI", "timestamps.csv", "camera_array.toml")
	many := tree(t, "ep2/a/1.png", "ep2/a/2.png", "ep2/b/1.png", "ep2/b/2.png", "ep10/x.mkv", "ep10/y.mkv", "labels.csv")
	for _, c := range []struct {
		dir  string
		want []Recording
	}{
		{frames, []Recording{{Path: ".", Cameras: []CameraFiles{
			{Name: "cam2", Pictures: []string{"cam2/9.jpg", "cam2/10.jpg"}}, {Name: "cam10", Pictures: []string{"cam10/1.jpg", "cam10/2.jpg"}}}}}},
		{videos, []Recording{{Path: ".", Timestamps: "timestamps.csv", Cameras: []CameraFiles{
			{Name: "cam_0", Video: "cam_0.mp4"}, {Name: "cam_1", Video: "cam_1.AVI"}}}}},
		{many, []Recording{
			{Path: "ep2", Cameras: []CameraFiles{{Name: "a", Pictures: []string{"ep2/a/1.png", "ep2/a/2.png"}}, {Name: "b", Pictures: []string{"ep2/b/1.png", "ep2/b/2.png"}}}},
			{Path: "ep10", Cameras: []CameraFiles{{Name: "x", Video: "ep10/x.mkv"}, {Name: "y", Video: "ep10/y.mkv"}}}}},
	} {
		got, err := Recordings(c.dir)
		if err != nil {
			t.Error(err)
			continue
		}
		below := func(path *string) {
			if *path == "" {
				return
			}
			rel, err := filepath.Rel(c.dir, *path)
			if err != nil {
				t.Fatal(err)
			}
			*path = rel
		}
		for i := range got {
			below(&got[i].Path)
			below(&got[i].Timestamps)
			for j := range got[i].Cameras {
				below(&got[i].Cameras[j].Video)
				for k := range got[i].Cameras[j].Pictures {
					below(&got[i].Cameras[j].Pictures[k])
				}
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("got\n%+v, want\n%+v", got, c.want)
		}
	}
}

func TestRecordingsSayWhatIsWrong(t *testing.T) {
	for says, dir := range map[string]string{
		"holds none (expected ": t.TempDir(),
		"was filmed by one camera (cam0); views are compared between two or more":          tree(t, "cam0/1.jpg", "cam0/2.jpg"),
		"has 2 pictures of a and 1 of b; the i-th picture of every camera must show":       tree(t, "a/1.jpg", "a/2.jpg", "b/1.jpg"),
		"has one picture of each camera; an order in time needs two or more":               tree(t, "a/1.jpg", "b/1.jpg"),
		"holds videos and folders of pictures; keep one of them":                           tree(t, "a/1.jpg", "b.mp4"),
		"1.jpg belongs to no camera: move it into the folder of its camera":                tree(t, "1.jpg"),
		"empty holds no folders of pictures, one a camera, and no videos; move it":         withFolder(t, tree(t, "ep0/a/1.jpg", "ep0/a/2.jpg", "ep0/b/1.jpg", "ep0/b/2.jpg"), "empty"),
		"ep1 was filmed by one camera (clip)":                                              tree(t, "ep1/clip.mp4"),
		"listing recordings: open " + filepath.Join(os.TempDir(), "nearfar-nowhere") + ":": filepath.Join(os.TempDir(), "nearfar-nowhere"),
	} {
		if _, err := Recordings(dir); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func withFolder(t *testing.T, dir, name string) string {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
