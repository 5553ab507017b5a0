package rtsptest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/streams/frame"
)

// What a camera shows. Of VP8 it always shows its frames.
const (
	Moving int32 = iota
	Halted       // the first packet of a frame, and then nothing
	Frozen       // one picture
	Grey         // a flat one
	Large        // another resolution
)

// film is a format and what is sent of it at each instant.
func film(t testing.TB, vp8 [][]byte) (format.Format, func(i int, shows int32) ([]*rtp.Packet, error)) {
	t.Helper()
	if vp8 != nil {
		form := &format.VP8{PayloadTyp: 96}
		encoder, err := form.CreateEncoder()
		if err != nil {
			t.Fatal(err)
		}
		return form, func(i int, _ int32) ([]*rtp.Packet, error) { return encoder.Encode(vp8[i%len(vp8)]) }
	}
	form := &format.MJPEG{}
	encoder, err := form.CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	const pictures = 25
	var small, large [pictures][]byte
	for i := range pictures {
		small[i], large[i] = jpeg(t, noise(i, 160, 120), 60), jpeg(t, noise(i, 192, 144), 60)
	}
	flat := jpeg(t, &frame.Frame{Width: 160, Height: 120, Pix: slices.Repeat([]byte{128}, 3*160*120)}, 90)
	half := false // the last thing sent was half a frame
	return form, func(i int, shows int32) ([]*rtp.Packet, error) {
		stood := half
		half = shows == Halted
		switch shows {
		case Halted:
			if stood {
				return nil, nil
			}
			all, err := encoder.Encode(small[i%pictures])
			if err == nil && len(all) < 2 {
				err = fmt.Errorf("a frame of %d packets cannot be sent by half", len(all))
			}
			return all[:min(1, len(all))], err
		case Frozen:
			return encoder.Encode(small[0])
		case Grey:
			return encoder.Encode(flat)
		case Large:
			return encoder.Encode(large[i%pictures])
		}
		return encoder.Encode(small[i%pictures])
	}
}

// noise is picture i, too rich for one packet.
func noise(i, width, height int) *frame.Frame {
	r := rand.New(rand.NewPCG(1, uint64(i)))
	f := &frame.Frame{Width: width, Height: height, Pix: make([]byte, 3*width*height)}
	for at := range f.Pix {
		f.Pix[at] = byte(r.Uint32())
	}
	return f
}

func jpeg(t testing.TB, f *frame.Frame, quality int) []byte {
	t.Helper()
	data, err := picture.JPEG(f, quality)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
