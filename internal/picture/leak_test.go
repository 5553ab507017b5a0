//go:build matprofile

package picture

import (
	"testing"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/streams/frame"
)

// TestNoMatStaysOpen needs `go test -tags matprofile`.
func TestNoMatStaysOpen(t *testing.T) {
	before := gocv.MatProfile.Count()
	f := scene(64, 48)
	for range 20 {
		data := mustJPEG(t, f, 90)
		if _, err := Decode(frame.Encoded{Data: data, Checked: true}, 16); err != nil {
			t.Fatal(err)
		}
	}
	for _, data := range corpus(t) {
		check(t, data, true, 8)
	}
	if n := gocv.MatProfile.Count() - before; n != 0 {
		t.Errorf("%d Mats were left open", n)
	}
}
