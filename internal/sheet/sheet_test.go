package sheet

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// plain is a frame of one colour.
func plain(w, h int, c color.RGBA) *frame.Frame {
	f := &frame.Frame{Width: w, Height: h}
	for range w * h {
		f.Pix = append(f.Pix, c.R, c.G, c.B)
	}
	return f
}

var (
	red  = color.RGBA{200, 10, 20, 255}
	blue = color.RGBA{10, 30, 220, 255}
)

func draw(t *testing.T, rows []Row, o Options) image.Image {
	t.Helper()
	img, err := Draw(rows, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// extent is the smallest rectangle around all pixels of a colour.
func extent(img image.Image, c color.RGBA) (r image.Rectangle) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if img.At(x, y) == c {
				r = r.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return r
}

// inked counts the pixels in a rectangle that are not paper.
func inked(img image.Image, r image.Rectangle) (n int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if img.At(x, y) != paper {
				n++
			}
		}
	}
	return n
}

func TestPicturesStandInReadingOrderAndKeepTheirAspect(t *testing.T) {
	img := draw(t, []Row{{Cells: []Cell{{Frame: plain(40, 20, red)}, {}, {Frame: plain(64, 64, blue)}}}}, Options{Cell: 80})
	a, b := extent(img, red), extent(img, blue)
	if a.Dx() != 80 || a.Dy() != 40 {
		t.Errorf("a 40×20 picture is drawn %d×%d in a cell of 80", a.Dx(), a.Dy())
	}
	if b.Dx() != 64 || b.Dy() != 64 {
		t.Errorf("a 64×64 picture is drawn %d×%d: enlarged by a broken step", b.Dx(), b.Dy())
	}
	if b.Min.X < a.Max.X+80 {
		t.Errorf("no empty cell between %v and %v", a, b)
	}
	big := extent(draw(t, []Row{{Cells: []Cell{{Frame: plain(640, 480, red)}}}}, Options{Cell: 80}), red)
	if big.Dx() != 80 || big.Dy() != 60 {
		t.Errorf("a 640×480 picture is drawn %d×%d", big.Dx(), big.Dy())
	}
}

func TestCaptionsStandUnderTheirPictureAndNowhereElse(t *testing.T) {
	with := func(caption string) image.Image {
		return draw(t, []Row{{Cells: []Cell{{Frame: plain(64, 64, red), Caption: caption}, {Frame: plain(64, 64, blue), Caption: "b\nb"}}}}, Options{Cell: 64})
	}
	img := with("cam2 0.91")
	a, b := extent(img, red), extent(img, blue)
	under := image.Rect(a.Min.X, a.Max.Y, a.Max.X, img.Bounds().Max.Y)
	if inked(img, under) < 50 {
		t.Error("no caption under the picture")
	}
	img = with(strings.Repeat("much too long ", 20))
	if between := image.Rect(b.Min.X-1, a.Max.Y, b.Min.X, img.Bounds().Max.Y); inked(img, between) > 0 {
		t.Error("a long caption runs into the next one")
	}
}

func TestRowIsAsHighAsItsLongestCaption(t *testing.T) {
	height := func(caption string) int {
		return draw(t, []Row{{Cells: []Cell{{Caption: "x"}, {Caption: caption}}}}, Options{}).Bounds().Dy()
	}
	if one, three := height("a"), height("a\nb\nc"); three-one < 20 {
		t.Errorf("one line makes %d px, three lines %d", one, three)
	}
}

func TestLeadIsFramedAndSetApart(t *testing.T) {
	cells := []Cell{{Frame: plain(64, 64, red)}, {Frame: plain(64, 64, blue)}}
	led, not := draw(t, []Row{{Lead: true, Cells: cells}}, Options{Cell: 64}), draw(t, []Row{{Cells: cells}}, Options{Cell: 64})
	if extent(led, accent).Empty() || !extent(not, accent).Empty() {
		t.Error("the frame is not around the lead alone")
	}
	if gap := func(img image.Image) int { return extent(img, blue).Min.X - extent(img, red).Max.X }; gap(led) <= gap(not) {
		t.Error("the lead stands as near as the others")
	}
}

func TestFitCutsWithAnEllipsis(t *testing.T) {
	p, err := newPen(12)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if s := fit(p.regular, "short", 100); s != "short" {
		t.Errorf("%q", s)
	}
	if s := fit(p.regular, "früh übt sich, wer will", 60); !strings.HasSuffix(s, "…") || !strings.HasPrefix(s, "fr") {
		t.Errorf("%q", s)
	}
	if s := fit(p.regular, "W", 1); s != "" {
		t.Errorf("%q", s)
	}
}

func TestImpossibleSheetsAreErrors(t *testing.T) {
	for want, rows := range map[string][]Row{
		"16384":                           make([]Row, 2000),
		`row 2 ("bad"): picture 1: frame`: {{}, {Title: "bad", Cells: []Cell{{Frame: &frame.Frame{Width: 4, Height: 4}}}}},
	} {
		if _, err := Draw(rows, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := Draw(nil, Options{Cell: 2}); err == nil {
		t.Error("pictures of 2 px are drawn")
	}
}

func TestSavePNGLeavesOneWholeFile(t *testing.T) {
	dir := t.TempDir()
	img := draw(t, []Row{{Title: "row", Cells: []Cell{{Frame: plain(8, 8, red)}}}}, Options{Title: "sheet"})
	path := filepath.Join(dir, "a.png")
	for range 2 {
		if err := SavePNG(path, img); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if back, err := png.Decode(f); err != nil || back.Bounds() != img.Bounds() {
		t.Errorf("read back %v: %v", back, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
	err = SavePNG(filepath.Join(dir, "missing", "a.png"), img)
	if err == nil || !strings.Contains(err.Error(), "writing contact sheet") {
		t.Errorf("got %v", err)
	}
}
