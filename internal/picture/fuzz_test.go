package picture

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"math"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// corpus is good pictures of several kinds and the ways in which pictures arrive broken.
func corpus(t testing.TB) [][]byte {
	f := scene(48, 40)
	var gojpeg bytes.Buffer
	if err := jpeg.Encode(&gojpeg, rgba(f), nil); err != nil {
		t.Fatal(err)
	}
	good := mustJPEG(t, f, 60)
	out := [][]byte{good, gojpeg.Bytes(), mustPNG(t, rgba(f)), nil, {0xFF, 0xD8, 0xFF}, []byte("\x89PNG\r\n\x1a\n"), []byte("GIF89a")}
	out = append(out, append(append([]byte{0xFF, 0xD8}, exif()...), good[2:]...))
	for _, n := range []int{2, len(good) / 4, len(good) / 2, len(good) - 2} {
		out = append(out, good[:n], append(bytes.Clone(good[:n]), 0xFF, 0xD9))
	}
	at := bytes.Index(good, []byte{0xFF, 0xC0})
	for _, side := range []uint16{0, 1, 8191, 65535} {
		bad := bytes.Clone(good)
		binary.BigEndian.PutUint16(bad[at+5:], side)
		out = append(out, bad)
	}
	for i := 4; i < 19; i++ { // every byte of the frame header
		bad := bytes.Clone(good)
		bad[at+i] ^= 0x13
		out = append(out, bad)
	}
	return out
}

// check decodes whatever it is given, on both paths, and demands a frame that agrees with itself or an error.
func check(t *testing.T, data []byte, checked bool, size int) bool {
	f, err := Decode(frame.Encoded{Data: data, Checked: checked}, size)
	if (f == nil) == (err == nil) {
		t.Fatalf("frame %v and error %v", f != nil, err)
	}
	if f == nil {
		return false
	}
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	w, h, err := Header(data)
	if err != nil {
		t.Fatalf("decoded what Header refuses: %v", err)
	}
	if size == 0 && (f.Width != w || f.Height != h) {
		t.Fatalf("decoded %d×%d, Header says %d×%d", f.Width, f.Height, w, h)
	}
	return true
}

// bearable keeps the fuzzer from spending its time on large, valid pictures.
func bearable(data []byte) bool {
	w, h, err := Header(data)
	return err != nil || w <= math.MaxInt32/h && w*h <= 1<<20
}

func FuzzDecode(f *testing.F) {
	for _, data := range corpus(f) {
		f.Add(data, true, uint8(16))
		f.Add(data, false, uint8(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, checked bool, size uint8) {
		if bearable(data) {
			check(t, data, checked, int(size))
		}
	})
}

// TestDamagedPicturesNeverCrash decodes 3,000 pictures with flipped bits, cut and spliced, on both paths.
func TestDamagedPicturesNeverCrash(t *testing.T) {
	r := seed.New(7).At("damage").Rand()
	seeds := corpus(t)
	decoded, refused := 0, 0
	for range 3000 {
		data := bytes.Clone(seeds[r.IntN(len(seeds))])
		for range r.IntN(8) {
			if len(data) == 0 {
				break
			}
			switch at := r.IntN(len(data)); r.IntN(3) {
			case 0:
				data[at] ^= 1 << r.IntN(8)
			case 1:
				data[at] = byte(r.IntN(256))
			case 2:
				data = append(data[:at], data[min(len(data), at+r.IntN(16)):]...)
			}
		}
		if !bearable(data) {
			continue
		}
		if check(t, data, r.IntN(2) == 0, r.IntN(70)) {
			decoded++
		} else {
			refused++
		}
	}
	if decoded < 100 || refused < 100 {
		t.Errorf("%d decoded, %d refused: the damage is not of the kind that tests anything", decoded, refused)
	}
}
