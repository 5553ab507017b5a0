package eval

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Recording is one event filmed by several cameras, whose files have not been read yet.
type Recording struct {
	Path       string
	Cameras    []CameraFiles
	Timestamps string // the CSV with the capture times of the videos' frames, if there is one
}

// CameraFiles is what one camera filmed: a video, or pictures in their order.
type CameraFiles struct {
	Name     string
	Video    string
	Pictures []string
}

// Recordings lists what a rig has filmed. A recording is a folder with a folder of pictures for each camera,
// where the i-th picture of every camera shows the same instant, or with a video for each camera and a
// timestamps.csv if they did not film in step. Dir is a recording, or holds recordings. Names come in natural
// order; files of other kinds and names that begin with a dot are left out.
//
// A recording by one camera, cameras with different numbers of pictures, and a folder without either are
// errors that say what to do.
func Recordings(dir string) ([]Recording, error) {
	one, err := recording(dir)
	if err != nil {
		return nil, err
	}
	if one != nil {
		return []Recording{*one}, one.check()
	}
	entries, err := list(dir)
	if err != nil {
		return nil, fmt.Errorf("listing recordings: %w", err)
	}
	var all []Recording
	for _, e := range entries {
		if !e.dir {
			continue
		}
		r, err := recording(e.path)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return nil, fmt.Errorf("listing recordings: %s holds no folders of pictures, one a camera, and no videos; move it elsewhere", e.path)
		}
		if err := r.check(); err != nil {
			return nil, err
		}
		all = append(all, *r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("listing recordings: %s holds none (expected %s, or a video for each camera)", dir, filepath.Join(dir, "camera0", "0.jpg"))
	}
	return all, nil
}

// recording is what a folder holds if it is a recording, nil if it is not.
func recording(dir string) (*Recording, error) {
	entries, err := list(dir)
	if err != nil {
		return nil, fmt.Errorf("listing recordings: %w", err)
	}
	r := Recording{Path: dir}
	var videos []CameraFiles
	for _, e := range entries {
		name := filepath.Base(e.path)
		switch {
		case e.dir:
			inside, err := list(e.path)
			if err != nil {
				return nil, fmt.Errorf("listing recordings: %w", err)
			}
			var pictures []string
			for _, f := range inside {
				if !f.dir && picture(f.path) {
					pictures = append(pictures, f.path)
				}
			}
			if pictures != nil {
				r.Cameras = append(r.Cameras, CameraFiles{Name: name, Pictures: pictures})
			}
		case video(name):
			videos = append(videos, CameraFiles{Name: strings.TrimSuffix(name, filepath.Ext(name)), Video: e.path})
		case name == "timestamps.csv":
			r.Timestamps = e.path
		case picture(name):
			return nil, fmt.Errorf("listing recordings: %s belongs to no camera: move it into the folder of its camera", e.path)
		}
	}
	switch {
	case r.Cameras == nil && videos == nil:
		return nil, nil
	case r.Cameras != nil && videos != nil:
		return nil, fmt.Errorf("listing recordings: %s holds videos and folders of pictures; keep one of them", dir)
	case videos != nil:
		r.Cameras = videos
	default:
		r.Timestamps = "" // pictures are in step
	}
	return &r, nil
}

func (r Recording) check() error {
	if len(r.Cameras) < 2 {
		return fmt.Errorf("listing recordings: %s was filmed by one camera (%s); views are compared between two or more", r.Path, r.Cameras[0].Name)
	}
	for _, c := range r.Cameras {
		if first := r.Cameras[0]; len(c.Pictures) != len(first.Pictures) {
			return fmt.Errorf("listing recordings: %s has %d pictures of %s and %d of %s; the i-th picture of every camera must show the same instant, remove those without a counterpart",
				r.Path, len(first.Pictures), first.Name, len(c.Pictures), c.Name)
		}
		if c.Video == "" && len(c.Pictures) < 2 {
			return fmt.Errorf("listing recordings: %s has one picture of each camera; an order in time needs two or more", r.Path)
		}
	}
	return nil
}

func video(path string) bool {
	return slices.Contains([]string{".mp4", ".m4v", ".avi", ".mkv", ".mov", ".webm", ".mjpeg", ".ts"}, strings.ToLower(filepath.Ext(path)))
}
