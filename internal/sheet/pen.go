package sheet

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// pen writes text.
type pen struct {
	regular, bold font.Face
	line          int // height of a line, px
	ascent        int
}

func newPen(size float64) (*pen, error) {
	face := func(ttf []byte, size float64) (font.Face, error) {
		f, err := opentype.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("reading the built-in font: %w", err)
		}
		return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	}
	regular, err := face(goregular.TTF, size)
	if err != nil {
		return nil, err
	}
	bold, err := face(gobold.TTF, size*1.15)
	if err != nil {
		return nil, errors.Join(err, regular.Close())
	}
	m := bold.Metrics()
	return &pen{regular, bold, m.Height.Ceil() + 2, m.Ascent.Ceil()}, nil
}

func (p *pen) close() {
	p.regular.Close()
	p.bold.Close()
}

// write puts one line with its upper left corner at x, y, cut to width px.
func (p *pen) write(img *image.RGBA, face font.Face, s string, x, y, width int, c color.Color) {
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, y+p.ascent)}
	d.DrawString(fit(face, s, width))
}

// fit cuts s with an ellipsis so that it is no wider than width px.
func fit(face font.Face, s string, width int) string {
	if font.MeasureString(face, s).Ceil() <= width {
		return s
	}
	for r := []rune(s); len(r) > 0; r = r[:len(r)-1] {
		if cut := string(r) + "…"; font.MeasureString(face, cut).Ceil() <= width {
			return cut
		}
	}
	return ""
}

// lines writes a caption, a line of text after the other.
func (p *pen) lines(img *image.RGBA, caption string, x, y, width int) {
	for s := range strings.Lines(caption) {
		p.write(img, p.regular, strings.TrimSuffix(s, "\n"), x, y, width, pale)
		y += p.line
	}
}
