package sources

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	scheme   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	digits   = regexp.MustCompile(`^[0-9]{1,3}$`)
	named    = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$`)
	unusable = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// Parse reads the short form of the command line:
//
//	clip.mp4   rtsp://host/path   http://host/path   0   /dev/video0   folder/   synth
//	synth:cameras=3,objects=12,seed=7,fps=10,size=128x128
//	door=rtsp://host/path            (a name before it)
func Parse(arg string) (Config, error) {
	c := Config{From: arg}
	if m := named.FindStringSubmatch(arg); m != nil && !exists(arg) {
		c.Name, c.From = m[1], m[2]
	}
	if c.From == "" {
		return c, fmt.Errorf("--source %q: give a video file, a folder of pictures, a URL, a device (0 or /dev/video0) or synth", arg)
	}
	if options, ok := strings.CutPrefix(c.From, "synth:"); ok && !exists(c.From) {
		c.From = "synth"
		if err := c.options(options); err != nil {
			return c, fmt.Errorf("--source %s: %w", Redact(arg), err)
		}
	}
	c.Kind = KindOf(c.From)
	var err error
	c.Check(func(path, format string, args ...any) {
		if err == nil {
			err = fmt.Errorf("--source %s: %s %s", Redact(arg), path, fmt.Sprintf(format, args...))
		}
	})
	return c, err
}

// options reads synth's key=value list.
func (c *Config) options(list string) error {
	for option := range strings.SplitSeq(list, ",") {
		key, value, ok := strings.Cut(option, "=")
		if !ok {
			return fmt.Errorf("%q should be key=value", option)
		}
		var err error
		switch key {
		case "cameras":
			c.Cameras, err = strconv.Atoi(value)
		case "objects":
			c.Objects, err = strconv.Atoi(value)
		case "seed":
			c.Seed, err = strconv.ParseUint(value, 10, 64)
		case "fps":
			c.FPS, err = strconv.ParseFloat(value, 64)
		case "size":
			c.Size = value
		case "name":
			c.Name = value
		case "rig":
			c.Rig = value
		case "pace":
			c.Pace = value
		default:
			return fmt.Errorf("unknown option %q; there are cameras, objects, seed, fps, size, name, rig, pace", key)
		}
		if err != nil {
			return fmt.Errorf("%s is %q, not a number", key, value)
		}
	}
	return nil
}

// KindOf guesses what a source is by how it is written, and by what lies there where that leaves it open.
func KindOf(from string) string {
	switch {
	case from == "synth":
		return Synth
	case scheme.MatchString(from):
		return URL
	case strings.HasPrefix(from, "/dev/video"), strings.HasPrefix(from, "/dev/v4l/"):
		return Device
	case digits.MatchString(from) && !exists(from):
		return Device
	case strings.HasSuffix(from, "/"):
		return Folder
	}
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		return Folder
	}
	return File
}

// nameOf makes a camera's name of where it is, without credentials.
func nameOf(from, kind string) string {
	var s string
	switch kind {
	case Synth:
		s = "synth"
	case URL:
		s = scheme.ReplaceAllString(Redact(from), "")
		s, _, _ = strings.Cut(s, "?")
	case Device:
		s = strings.TrimPrefix(filepath.Base(from), "video")
		if digits.MatchString(s) {
			s = "video" + s
		}
	case Folder:
		if abs, err := filepath.Abs(from); err == nil {
			from = abs
		}
		s = filepath.Base(from)
	default:
		s = strings.TrimSuffix(filepath.Base(from), filepath.Ext(from))
	}
	s = strings.Trim(unusable.ReplaceAllString(s, "-"), "-._")
	if len(s) > 100 {
		s = strings.Trim(s[:100], "-._")
	}
	if s == "" {
		return "camera"
	}
	return s
}

// Prepare makes the list of cameras that will run: defaults filled in, one source for each camera of a synth
// rig, names that differ, one Start for all that have none. Two sources given the same name are an error.
func Prepare(configs []Config, now time.Time) ([]Config, error) {
	taken := map[string]bool{}
	for _, c := range configs {
		if c.Name == "" {
			continue
		}
		if taken[c.Name] {
			return nil, fmt.Errorf("two sources are called %s; give each its own name", c.Name)
		}
		taken[c.Name] = true
	}
	free := func(base string) string {
		for n, s := 2, base; ; n++ {
			if !taken[s] {
				taken[s] = true
				return s
			}
			s = base + "-" + strconv.Itoa(n)
		}
	}
	var out []Config
	for _, c := range configs {
		if c.Name == "" {
			c.Name = free(nameOf(c.From, KindOf(c.From)))
		}
		c = c.WithDefaults()
		if c.Start.IsZero() {
			c.Start = now.UTC().Truncate(time.Millisecond)
		}
		if c.Kind != Synth {
			out = append(out, c)
			continue
		}
		base := c.Name
		for c.Camera = range c.Cameras {
			c.Name = free(base + "-" + strconv.Itoa(c.Camera))
			out = append(out, c)
		}
	}
	return out, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
