package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// scene is a frame with smooth parts, edges and some texture, so that JPEG has something to do.
func scene(w, h int) *frame.Frame {
	f := &frame.Frame{Meta: frame.Meta{Camera: "cam2", Seq: 71}, Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	r := seed.New(1).At("picture test").Rand()
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			p := f.Pix[3*(y*w+x):]
			p[0] = byte(127 + 120*math.Sin(9*u+4*v))
			p[1] = byte(255 * v)
			p[2] = byte(200*u) + byte(r.IntN(8))
			if math.Hypot(u-0.3, v-0.6) < 0.2 {
				p[0], p[1], p[2] = 230, 40, 30
			}
		}
	}
	return f
}

func mustJPEG(t testing.TB, f *frame.Frame, quality int) []byte {
	t.Helper()
	data, err := JPEG(f, quality)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rgba(f *frame.Frame) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, f.Width, f.Height))
	for i := range f.Width * f.Height {
		copy(img.Pix[4*i:], f.Pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}

func mustPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// distance is the mean absolute difference of two equally large frames in grey levels.
func distance(t testing.TB, a, b *frame.Frame) float64 {
	t.Helper()
	if a.Width != b.Width || a.Height != b.Height {
		t.Fatalf("%d×%d against %d×%d", a.Width, a.Height, b.Width, b.Height)
	}
	var sum float64
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum / float64(len(a.Pix))
}

func TestPNGKeepsEveryPixel(t *testing.T) {
	f := scene(37, 23)
	got, err := Decode(frame.Encoded{Meta: f.Meta, Data: mustPNG(t, rgba(f))}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Pix, f.Pix) || got.Camera != "cam2" || got.Seq != 71 {
		t.Fatalf("pixels or metadata changed: %v", got.Meta)
	}
}

func TestPNGOfEveryColourModelAgrees(t *testing.T) {
	f := scene(16, 12)
	nrgba := rgba(f)
	deep, grey, few := image.NewNRGBA64(nrgba.Rect), image.NewGray(nrgba.Rect), image.NewPaletted(nrgba.Rect, color.Palette{color.NRGBA{10, 20, 30, 255}, color.NRGBA{200, 100, 50, 255}})
	for y := range 12 {
		for x := range 16 {
			deep.Set(x, y, nrgba.At(x, y))
			grey.Set(x, y, nrgba.At(x, y))
			few.SetColorIndex(x, y, uint8((x+y)%2))
		}
	}
	for name, img := range map[string]image.Image{"16 bit": deep, "grey": grey, "palette": few} {
		got, err := Decode(frame.Encoded{Data: mustPNG(t, img)}, 0)
		if err != nil {
			t.Fatal(name, err)
		}
		for y := range 12 {
			for x := range 16 {
				want := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				if p := got.Pix[3*(16*y+x):]; p[0] != want.R || p[1] != want.G || p[2] != want.B {
					t.Fatalf("%s: pixel %d,%d is % d, want %v", name, x, y, p[:3], want)
				}
			}
		}
	}
}

func TestFastAndStrictPathsSeeTheSamePicture(t *testing.T) {
	for _, size := range []struct{ w, h int }{{480, 360}, {129, 67}, {64, 64}, {1280, 720}, {30, 50}} {
		f := scene(size.w, size.h)
		data := mustJPEG(t, f, 90)
		for _, to := range []int{0, 64, 96} {
			fast, err := Decode(frame.Encoded{Data: data, Checked: true}, to)
			if err != nil {
				t.Fatal(err)
			}
			strict, err := Decode(frame.Encoded{Data: data}, to)
			if err != nil {
				t.Fatal(err)
			}
			want := f
			if to > 0 {
				if want, err = Resize(f, to, to); err != nil {
					t.Fatal(err)
				}
			}
			// At full size the decoders interpolate chroma differently, which edges and noise of a tiny
			// picture show; shrunk, that is averaged away.
			bound := 6.0
			if to > 0 && min(size.w, size.h) >= 2*to {
				bound = 1.5
			}
			if a, b := distance(t, fast, strict), distance(t, fast, want); a > bound || b > bound {
				t.Errorf("%v to %d: fast and strict differ by %.2f grey levels, fast and original by %.2f", size, to, a, b)
			}
		}
	}
}

func TestGreyJPEGDecodesOnBothPaths(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 40, 40))
	for i := range img.Pix {
		img.Pix[i] = byte(i)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	fast, err := Decode(frame.Encoded{Data: b.Bytes(), Checked: true}, 20)
	if err != nil {
		t.Fatal(err)
	}
	strict, err := Decode(frame.Encoded{Data: b.Bytes()}, 20)
	if err != nil {
		t.Fatal(err)
	}
	if d := distance(t, fast, strict); d > 2 {
		t.Errorf("the paths differ by %.2f grey levels", d)
	}
}

// exif is an APP1 segment that asks for the picture to be turned by 90 degrees.
func exif() []byte {
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	body := append([]byte("Exif\x00\x00"), tiff...)
	return append([]byte{0xFF, 0xE1, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
}

func TestOrientationTagIsIgnoredOnBothPaths(t *testing.T) {
	plain := mustJPEG(t, scene(64, 32), 90)
	turned := append(append([]byte{0xFF, 0xD8}, exif()...), plain[2:]...)
	for _, checked := range []bool{true, false} {
		a, err := Decode(frame.Encoded{Data: plain, Checked: checked}, 0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Decode(frame.Encoded{Data: turned, Checked: checked}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if b.Width != 64 || distance(t, a, b) != 0 {
			t.Errorf("checked %v: %d×%d, different pixels", checked, b.Width, b.Height)
		}
	}
}

func TestBadPicturesAreRefusedByKind(t *testing.T) {
	good := mustJPEG(t, scene(64, 48), 90)
	huge := bytes.Clone(good)
	at := bytes.Index(huge, []byte{0xFF, 0xC0})
	binary.BigEndian.PutUint16(huge[at+5:], 65500)
	binary.BigEndian.PutUint16(huge[at+7:], 65500)
	flat := bytes.Clone(good)
	binary.BigEndian.PutUint16(flat[at+5:], 0)
	pic := mustPNG(t, rgba(scene(9, 9)))
	bomb := bytes.Clone(pic)
	binary.BigEndian.PutUint32(bomb[16:], 1<<30)
	flipped := bytes.Clone(pic)
	flipped[50] ^= 0x10
	cases := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, frame.ErrNotPicture},
		{"text", []byte("hello, camera"), frame.ErrNotPicture},
		{"first bytes of a JPEG", good[:3], frame.ErrCorrupt},
		{"half a JPEG", good[:len(good)/2], frame.ErrCorrupt},
		{"a JPEG without its end", good[:len(good)-2], frame.ErrCorrupt},
		{"a JPEG header alone", []byte{0xFF, 0xD8, 0xFF, 0xD9}, frame.ErrCorrupt},
		{"a JPEG of 65500×65500", huge, frame.ErrNotPicture},
		{"a JPEG of no height", flat, frame.ErrCorrupt},
		{"a PNG of 2^30 pixels across", bomb, frame.ErrNotPicture},
		{"half a PNG", pic[:len(pic)/2], frame.ErrCorrupt},
		{"a PNG with a flipped bit", flipped, frame.ErrCorrupt},
	}
	for _, c := range cases {
		for _, checked := range []bool{false, true} {
			f, err := Decode(frame.Encoded{Meta: frame.Meta{Camera: "cam2", Seq: 71}, Data: c.data, Checked: checked}, 32)
			if f != nil || !errors.Is(err, c.want) {
				t.Errorf("%s (checked %v): frame %v, error %v, want %v", c.name, checked, f != nil, err, c.want)
			} else if !strings.HasPrefix(err.Error(), "decoding cam2 frame 71: ") {
				t.Errorf("%s: error does not name the frame: %v", c.name, err)
			}
		}
	}
}

func TestHeaderReadsTheSizeWithoutThePicture(t *testing.T) {
	for _, data := range [][]byte{mustJPEG(t, scene(321, 123), 80), mustPNG(t, rgba(scene(321, 123)))} {
		if w, h, err := Header(data[:len(data)*3/4]); err != nil || w != 321 || h != 123 {
			t.Errorf("%d×%d, %v", w, h, err)
		}
	}
}

func TestUnusableArgumentsAreErrors(t *testing.T) {
	f := scene(8, 8)
	for _, q := range []int{0, 101} {
		if _, err := JPEG(f, q); err == nil {
			t.Errorf("quality %d was accepted", q)
		}
	}
	if _, err := JPEG(&frame.Frame{}, 90); err == nil {
		t.Error("an empty frame was compressed")
	}
	if _, err := Resize(f, 0, 5); err == nil {
		t.Error("a frame of no width was made")
	}
	if _, err := Decode(frame.Encoded{Data: mustJPEG(t, f, 90)}, -1); err == nil {
		t.Error("a size of −1 was accepted")
	}
}

func TestResizeByAWholeFactorIsTheMean(t *testing.T) {
	f := scene(40, 24)
	got, err := Resize(f, 10, 8)
	if err != nil {
		t.Fatal(err)
	}
	for y := range 8 {
		for x := range 10 {
			for c := range 3 {
				sum := 0
				for dy := range 3 {
					for dx := range 4 {
						sum += int(f.Pix[3*((3*y+dy)*40+4*x+dx)+c])
					}
				}
				if want := float64(sum) / 12; math.Abs(float64(got.Pix[3*(10*y+x)+c])-want) > 0.501 {
					t.Fatalf("pixel %d,%d,%d is %d, the mean is %.2f", x, y, c, got.Pix[3*(10*y+x)+c], want)
				}
			}
		}
	}
}

// slow is area averaging or linear interpolation straight from the definition, one pixel at a time.
func slow(f *frame.Frame, w, h, x, y, c int) float64 {
	axis := func(size, n, i, at int) float64 {
		scale := float64(size) / float64(n)
		if size > n {
			return max(0, min(float64(at+1), float64(i+1)*scale)-max(float64(at), float64(i)*scale)) / scale
		}
		centre := min(max((float64(i)+0.5)*scale-0.5, 0), float64(size-1))
		return max(0, 1-math.Abs(centre-float64(at)))
	}
	var sum float64
	for sy := range f.Height {
		for sx := range f.Width {
			sum += axis(f.Width, w, x, sx) * axis(f.Height, h, y, sy) * float64(f.Pix[3*(sy*f.Width+sx)+c])
		}
	}
	return sum
}

func TestResizeAgreesWithItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 24)
		f := scene(side.Draw(t, "from width"), side.Draw(t, "from height"))
		w, h := side.Draw(t, "width"), side.Draw(t, "height")
		got, err := Resize(f, w, h)
		if err != nil {
			t.Fatal(err)
		}
		x, y, c := rapid.IntRange(0, w-1).Draw(t, "x"), rapid.IntRange(0, h-1).Draw(t, "y"), rapid.IntRange(0, 2).Draw(t, "c")
		if want := slow(f, w, h, x, y, c); math.Abs(float64(got.Pix[3*(w*y+x)+c])-want) > 0.51 {
			t.Fatalf("%d×%d to %d×%d: pixel %d,%d,%d is %d, want %.3f", f.Width, f.Height, w, h, x, y, c, got.Pix[3*(w*y+x)+c], want)
		}
	})
}

func TestReductionNeverGoesBelowTheSizeAskedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h, size := rapid.IntRange(1, 5000).Draw(t, "w"), rapid.IntRange(1, 5000).Draw(t, "h"), rapid.IntRange(1, 512).Draw(t, "size")
		if _, by := reduced(w, h, size); by > 1 && (w/by < size || h/by < size) {
			t.Fatalf("%d×%d at 1/%d for %d", w, h, by, size)
		}
	})
}
