package sources

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Kinds of source.
const (
	File   = "file"   // a video file: finite, waits for Kafka
	Folder = "folder" // a folder of pictures: finite, waits for Kafka
	URL    = "url"    // RTSP, HTTP …: live, reconnects for ever
	Device = "device" // V4L2: live, reconnects for ever
	Synth  = "synth"  // a rendered scene
)

// Paces at which a finite source hands its frames out.
const (
	Realtime = "realtime" // as they were filmed
	Fast     = "fast"     // as fast as Kafka takes them
)

// What becomes of folder names.
const (
	LabelsFolder = "folder" // the scene's folder, as it is listed, is its label
	LabelsTarget = "target" // the same, but a symbolic link gives the name of the folder it leads to
)

// Config describes one source.
type Config struct {
	// Name of the camera, as it appears everywhere. Default: made from `from`.
	Name string `yaml:"name"`
	// Rig is the group of synchronised cameras this one belongs to. Default: the camera by itself.
	Rig string `yaml:"rig"`
	// From is a path, a URL, a device (0, /dev/video0) or "synth".
	From string `yaml:"from"`
	// Kind is file, folder, url, device or synth. Default: guessed from `from`.
	Kind string `yaml:"kind"`
	// Size of the frames sent, "640x480" in pixels. Default: as they come.
	Size string `yaml:"size"`
	// FPS is the most frames per second of media time that are kept; for folders the rate at which the
	// pictures count as taken (default 10). Default: all.
	FPS float64 `yaml:"fps"`
	// Quality of the JPEGs, 1 to 100. Default 90.
	Quality int `yaml:"quality"`
	// Pace is realtime or fast. Default: fast for files and folders, realtime for the others.
	Pace string `yaml:"pace"`
	// Loop plays a file or folder this many times, -1 for ever. Default 1.
	Loop int `yaml:"loop"`
	// Labels, for folders: "folder" puts the name of a picture's folder into its label header, "target" the
	// name of the folder a symbolic link leads to. For evaluation only, never read by training. Default: none.
	Labels string `yaml:"labels"`
	// Gap is the pause in capture time between the scenes of a folder and between the rounds of a loop.
	// It should exceed the sampler's gap. Default 10s.
	Gap time.Duration `yaml:"gap"`
	// Start is when the first frame of a file or folder was captured. Cameras of one rig need the same one.
	// Default: when the run began.
	Start time.Time `yaml:"start"`
	// Timestamps is a CSV file that gives the capture time of each frame of a video: a column frame_time
	// (seconds on any clock) and, where several cameras share it, a column cam_id. Rows of a camera stand in
	// the order of its frames; the earliest row of the file is `start`. Default: the video's own time.
	Timestamps string `yaml:"timestamps"`
	// TimestampsID is this camera's cam_id there. Default: the number at the end of the video's name.
	TimestampsID string `yaml:"timestamps_id"`
	// Cameras of the rig, for synth. Default 3.
	Cameras int `yaml:"cameras"`
	// Camera is which of them this is, from 0; Prepare sets it when it makes one source of each.
	Camera int `yaml:"-"`
	// Objects that come and go, for synth. Default 12.
	Objects int `yaml:"objects"`
	// Seed of the scene, for synth. Default: the run's seed.
	Seed uint64 `yaml:"seed"`
}

// Defaults is a Config with every default that does not depend on the kind.
func Defaults() Config {
	return Config{Quality: 90, Loop: 1, Gap: 10 * time.Second, Cameras: 3, Objects: 12}
}

// WithDefaults fills in what is left out, so that nothing has to be guessed later.
func (c Config) WithDefaults() Config {
	d := Defaults()
	if c.Kind == "" {
		c.Kind = KindOf(c.From)
	}
	if c.Name == "" {
		c.Name = nameOf(c.From, c.Kind)
	}
	if c.Rig == "" {
		c.Rig = c.Name
	}
	if c.Quality == 0 {
		c.Quality = d.Quality
	}
	if c.Loop == 0 {
		c.Loop = d.Loop
	}
	if c.Gap == 0 {
		c.Gap = d.Gap
	}
	if c.Cameras == 0 {
		c.Cameras = d.Cameras
	}
	if c.Objects == 0 {
		c.Objects = d.Objects
	}
	if c.Pace == "" {
		c.Pace = Realtime
		if !c.Live() && c.Kind != Synth {
			c.Pace = Fast
		}
	}
	if c.FPS == 0 && c.Kind == Folder {
		c.FPS = 10
	}
	return c
}

// Live says whether frames come whether or not anybody takes them: cameras do, files wait. A synth scene is
// live at realtime pace.
func (c Config) Live() bool {
	kind := c.Kind
	if kind == "" {
		kind = KindOf(c.From)
	}
	return kind == URL || kind == Device || (kind == Synth && c.Pace != Fast)
}

// name is what a camera may be called: it becomes part of topics' keys, metrics and file names.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Check reports every problem with its yaml path.
func (c Config) Check(report func(path, format string, args ...any)) {
	oneOf := func(path, value string, known ...string) {
		for _, k := range known {
			if value == k {
				return
			}
		}
		report(path, "is %q; it can be %s", value, strings.Join(known[1:], ", "))
	}
	if c.From == "" {
		report("from", "is missing; give a path, a URL, a device (0 or /dev/video0) or synth")
	}
	oneOf("kind", c.Kind, "", File, Folder, URL, Device, Synth)
	oneOf("pace", c.Pace, "", Realtime, Fast)
	oneOf("labels", c.Labels, "", LabelsFolder, LabelsTarget)
	if c.Name != "" && !name.MatchString(c.Name) {
		report("name", "is %q; it may have letters, digits, dots, dashes and underscores, at most 100", c.Name)
	}
	if c.Rig != "" && !name.MatchString(c.Rig) {
		report("rig", "is %q; it may have letters, digits, dots, dashes and underscores, at most 100", c.Rig)
	}
	if _, _, err := ParseSize(c.Size); err != nil {
		report("size", "%v", err)
	}
	if !(c.FPS >= 0 && c.FPS <= 1000) {
		report("fps", "is %v; it can be 0 (all) to 1000", c.FPS)
	}
	if c.Quality < 0 || c.Quality > 100 {
		report("quality", "is %d; it can be 1 to 100", c.Quality)
	}
	if c.Loop < -1 {
		report("loop", "is %d; it can be -1 (for ever) or how many times to play", c.Loop)
	}
	if c.Gap < 0 {
		report("gap", "is %v; it cannot be negative", c.Gap)
	}
	if c.Cameras < 0 || c.Cameras > 64 {
		report("cameras", "is %d; it can be 1 to 64", c.Cameras)
	}
	if c.Objects < 0 || c.Objects > 1000 {
		report("objects", "is %d; it can be 1 to 1000", c.Objects)
	}
	kind := c.WithDefaults().Kind
	if c.Labels != "" && kind != Folder {
		report("labels", "is for folders of pictures; this is a %s", kind)
	}
	if c.Timestamps != "" && kind != File {
		report("timestamps", "is for video files; this is a %s", kind)
	}
	if c.TimestampsID != "" && c.Timestamps == "" {
		report("timestamps_id", "needs timestamps")
	}
	if c.Loop != 0 && c.Loop != 1 && kind != File && kind != Folder {
		report("loop", "is for files and folders; this is a %s", kind)
	}
}

// ParseSize reads "640x480"; "" is 0×0, as it comes.
func ParseSize(s string) (width, height int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	a, b, ok := strings.Cut(s, "x")
	width, errA := strconv.Atoi(a)
	height, errB := strconv.Atoi(b)
	if !ok || errA != nil || errB != nil || width < 1 || height < 1 || width > 16384 || height > 16384 {
		return 0, 0, fmt.Errorf("is %q; it should look like 640x480, each side 1 to 16384 pixels", s)
	}
	return width, height, nil
}
