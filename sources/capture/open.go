package capture

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/sources"
)

// open opens what the config names, with the backend that belongs to it: left to choose, OpenCV tries
// others, such as taking cam_0.mp4 for a numbered series of pictures.
func open(cfg sources.Config) (*gocv.VideoCapture, error) {
	switch cfg.Kind {
	case sources.File:
		return openFile(cfg.From)
	case sources.Device:
		return openDevice(cfg)
	}
	where := sources.Redact(cfg.From)
	v, err := gocv.VideoCaptureFileWithAPI(cfg.From, gocv.VideoCaptureFFmpeg)
	if err != nil {
		v.Close()
		return nil, fmt.Errorf("opening %s: no video from there; check address, credentials and network (ffprobe shows more)", where)
	}
	return v, nil
}

// openFile says what is wrong with a file as far as that can be seen.
func openFile(path string) (*gocv.VideoCapture, error) {
	if !strings.Contains(path, "://") {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, sources.Unusable(fmt.Errorf("opening video %s: there is no such file; check the path", path))
		case err != nil:
			return nil, sources.Unusable(fmt.Errorf("opening video: %w", err))
		case info.IsDir():
			return nil, sources.Unusable(fmt.Errorf("opening video %s: it is a folder; a folder of pictures has kind folder", path))
		case info.Size() == 0:
			return nil, sources.Unusable(fmt.Errorf("opening video %s: the file is empty", path))
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, sources.Unusable(fmt.Errorf("opening video: %w", err))
		}
		file.Close()
	}
	v, err := gocv.VideoCaptureFileWithAPI(path, gocv.VideoCaptureFFmpeg)
	if err != nil {
		v.Close()
		where := sources.Redact(path)
		return nil, sources.Unusable(fmt.Errorf("opening video %s: it holds no video that can be decoded: damaged, cut off or of an unknown kind; see what `ffprobe %s` says, or convert it with `ffmpeg -i %s out.mp4`", where, where, where))
	}
	return v, nil
}

// openDevice opens a V4L2 device by index or path; a size that was asked for is wished from the driver.
func openDevice(cfg sources.Config) (*gocv.VideoCapture, error) {
	path := cfg.From
	index, err := strconv.Atoi(path)
	if err == nil {
		path = "/dev/video" + path
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("opening camera %s: %w; `ls /dev/video*` shows which there are", path, errors.Unwrap(err))
	}
	var v *gocv.VideoCapture
	if err == nil {
		v, err = gocv.VideoCaptureDeviceWithAPI(index, gocv.VideoCaptureV4L2)
	} else {
		v, err = gocv.VideoCaptureFileWithAPI(path, gocv.VideoCaptureV4L2)
	}
	if err != nil {
		v.Close()
		return nil, fmt.Errorf("opening camera %s: it gives no video; is it in use by another program, or not a camera?", path)
	}
	if w, h, err := sources.ParseSize(cfg.Size); err == nil && w > 0 {
		v.Set(gocv.VideoCaptureFrameWidth, float64(w))
		v.Set(gocv.VideoCaptureFrameHeight, float64(h))
	}
	return v, nil
}
