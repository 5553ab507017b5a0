package sources

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func problems(c Config) (out []string) {
	c.Check(func(path, format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) })
	return out
}

func TestParseKnowsEveryShortForm(t *testing.T) {
	dir := t.TempDir()
	for arg, want := range map[string]struct{ kind, name string }{
		"clips/vtest_480x360.avi":               {File, "vtest_480x360"},
		"rtsp://me:pw@10.0.0.5:554/stream1":     {URL, "10.0.0.5-554-stream1"},
		"https://cam.example/mjpg?token=abc":    {URL, "cam.example-mjpg"},
		"0":                                     {Device, "video0"},
		"/dev/video3":                           {Device, "video3"},
		"/dev/v4l/by-id/usb-Cam_1-video-index0": {Device, "usb-Cam_1-video-index0"},
		dir:                                     {Folder, filepath.Base(dir)},
		"pictures/":                             {Folder, "pictures"},
		"synth":                                 {Synth, "synth"},
		"door=rtsp://h/x":                       {URL, "door"},
	} {
		c, err := Parse(arg)
		if err != nil {
			t.Errorf("%s: %v", arg, err)
			continue
		}
		if d := c.WithDefaults(); d.Kind != want.kind || d.Name != want.name || d.Rig != want.name {
			t.Errorf("%s: a %s called %s of rig %s, want %v", arg, d.Kind, d.Name, d.Rig, want)
		}
	}
}

func TestParseReadsSynthOptions(t *testing.T) {
	c, err := Parse("synth:cameras=4,objects=20,seed=7,fps=12.5,size=96x64,name=lab")
	if err != nil {
		t.Fatal(err)
	}
	if c.From != "synth" || c.Cameras != 4 || c.Objects != 20 || c.Seed != 7 || c.FPS != 12.5 || c.Size != "96x64" || c.Name != "lab" {
		t.Errorf("%+v", c)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for arg, want := range map[string]string{
		"":                  "give a video file",
		"synth:cameras=x":   `cameras is "x"`,
		"synth:cams=3":      "unknown option",
		"synth:3":           "key=value",
		"synth:cameras=999": "1 to 64",
		"synth:size=big":    "640x480",
	} {
		if _, err := Parse(arg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want something with %q", arg, err, want)
		}
	}
}

func TestCheckReportsEveryProblemAtOnce(t *testing.T) {
	bad := Config{Kind: "film", Size: "640", FPS: -1, Quality: 101, Pace: "slow", Loop: -2, Labels: "names", Gap: -1, Name: "a/b", Rig: "a b", TimestampsID: "1", Cameras: 65, Objects: -1}
	got := strings.Join(problems(bad), "\n")
	for _, path := range []string{"from:", "kind:", "size:", "fps:", "quality:", "pace:", "loop:", "labels:", "gap:", "name:", "rig:", "timestamps_id:", "cameras:", "objects:"} {
		if !strings.Contains(got, path) {
			t.Errorf("no word of %s in:\n%s", path, got)
		}
	}
	for _, c := range []Config{{From: "synth"}, {From: "a.mp4", Timestamps: "t.csv", Loop: 3}, {From: "x/", Labels: LabelsFolder}, Config{From: "rtsp://h/"}.WithDefaults()} {
		if p := problems(c); len(p) > 0 {
			t.Errorf("%+v: %v", c, p)
		}
	}
}

func TestPrepareMakesNamesDifferAndStartsAgree(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	out, err := Prepare([]Config{{From: "a/clip.mp4"}, {From: "b/clip.mp4"}, {From: "synth", Cameras: 2}, {From: "c.mp4", Name: "clip-2", Start: now.Add(time.Hour)}}, now)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range out {
		got = append(got, c.Name+"/"+c.Rig)
	}
	if s := strings.Join(got, " "); s != "clip/clip clip-3/clip-3 synth-0/synth synth-1/synth clip-2/clip-2" {
		t.Errorf("names/rigs %s", s)
	}
	if !out[0].Start.Equal(now) || !out[3].Start.Equal(now) || out[3].Camera != 1 || !out[4].Start.Equal(now.Add(time.Hour)) {
		t.Errorf("starts or camera numbers are wrong: %+v", out)
	}
	if _, err := Prepare([]Config{{From: "a", Name: "x"}, {From: "b", Name: "x"}}, now); err == nil {
		t.Error("two sources of one name were accepted")
	}
}

func TestRedactLeavesNoCredentials(t *testing.T) {
	for in, want := range map[string]string{
		"rtsp://user:secret@10.0.0.5:554/live":                    "rtsp://10.0.0.5:554/live",
		"rtsp://user:se@cr/et@host/live":                          "rtsp://host/live",
		"rtsp://user:sec?ret@host/live":                           "rtsp://host/live",
		"http://host/v?user=me&password=secret&size=2":            "http://host/v?user=xxx&password=xxx&size=2",
		"opening rtsp://u:secret@h/x: refused by rtsp://secret@h": "opening rtsp://h/x: refused by rtsp://h",
		"http://host:8080/path@2":                                 "http://host:8080/path@2",
		"http://[::1]:80/x":                                       "http://[::1]:80/x",
		"clip.mp4":                                                "clip.mp4",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

func TestTimestampsShareTheEarliestRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.csv")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sync_index,cam_id,frame_time\n1,1,100.25\n1,0,100.5\n2,1,101.15\n2,0,101\n")
	got, span, err := ReadTimestamps(path, "", "rec/cam_0.mp4")
	if err != nil || span != 900*time.Millisecond || len(got) != 2 || got[0] != 250*time.Millisecond || got[1] != 750*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
	if got, _, err = ReadTimestamps(path, "1", "rec/left.mp4"); err != nil || got[0] != 0 || got[1] != 900*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
	for content, want := range map[string]string{
		"":                                     "no header",
		"a,b\n1,2\n":                           "frame_time",
		"cam_id,frame_time\n0,now\n":           "line 2",
		"cam_id,frame_time\n0,2\n0,1\n":        "line 3",
		"cam_id,frame_time\n5,2\n":             "there are: 5",
		"cam_id,frame_time\n0,2\n0,3,4\n":      "line 3",
		"cam_id,frame_time\n0,2\n0,1e300\n":    "line 3",
		"frame_time,cam_id\n\"1.5\n,0\n1.2,0,": "line",
	} {
		write(content)
		if _, _, err := ReadTimestamps(path, "0", "x.mp4"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want something with %q", content, err, want)
		}
	}
}
