package capture

import (
	"fmt"
	"os"
	"strings"
)

// environment is what OpenCV and FFmpeg read of the process's environment. FFmpeg 5 calls the socket timeout
// of RTSP "timeout", in microseconds; the widely quoted "stimeout" does nothing there, and without either an
// address that does not answer blocks for half a minute.
var environment = [...][2]string{
	{"OPENCV_LOG_LEVEL", "OFF"},
	{"OPENCV_FFMPEG_LOGLEVEL", "-8"},
	{"OPENCV_VIDEOIO_DEBUG", "0"},
	{"OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|timeout;3000000"},
}

// Environ is what the environment of a capture process should have added, "KEY=value" each: OpenCV reads
// some of it before main begins. What the user has set stays.
func Environ() (out []string) {
	for _, kv := range environment {
		if _, set := os.LookupEnv(kv[0]); !set {
			out = append(out, kv[0]+"="+kv[1])
		}
	}
	return out
}

// prepare sets in this process what its parent has not set.
func prepare() error {
	for _, kv := range Environ() {
		key, value, _ := strings.Cut(kv, "=")
		if err := os.Setenv(key, value); err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
	}
	return nil
}
