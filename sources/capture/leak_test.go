//go:build matprofile

package capture

import (
	"context"
	"path/filepath"
	"testing"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// TestNoMatStaysOpen needs `go test -tags matprofile`.
func TestNoMatStaysOpen(t *testing.T) {
	path := clip(t, 25, each)
	before := gocv.MatProfile.Count()
	run(t, sources.Config{From: path, Size: "32x20", Loop: 3}, 10)
	for _, from := range []string{filepath.Join(t.TempDir(), "gone.mp4"), path} {
		s, err := New(sources.Config{From: from})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		if err := s.Run(ctx, 0, func(frame.Encoded) error { cancel(); return nil }); err == nil {
			t.Error("no error")
		}
		cancel()
	}
	if n := gocv.MatProfile.Count() - before; n != 0 {
		t.Errorf("%d Mats were left open", n)
	}
}
