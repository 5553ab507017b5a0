// Package sheet draws contact sheets: rows of pictures with a title over each row and a caption under each
// picture, for a person to judge by eye what a machine has found.
package sheet

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	xdraw "golang.org/x/image/draw"

	"github.com/nearfar/nearfar/streams/frame"
)

// Row is a line of pictures. The first cell is set off by a frame where Lead is true: the query before
// its answers.
type Row struct {
	Title string // over the row; "" for none
	Lead  bool
	Cells []Cell
}

// Cell is a picture and what stands under it, one line per '\n'. Frame nil leaves the place empty.
type Cell struct {
	Frame   *frame.Frame
	Caption string
}

// Options says how the sheet looks; zero values mean the defaults.
type Options struct {
	Title string  // over everything; "" for none
	Cell  int     // longest side of a picture on the sheet, px; default 128
	Font  float64 // height of captions, px; default 12
}

// maxSide keeps a sheet within what viewers open.
const maxSide = 16384

// Draw lays the rows out and draws them. Pictures keep their aspect and are enlarged in whole steps, so
// that the pixels a model saw stay visible; larger ones are made smaller smoothly. Captions too wide for
// their picture are cut with an ellipsis.
func Draw(rows []Row, o Options) (image.Image, error) {
	if o.Cell == 0 {
		o.Cell = 128
	}
	if o.Font == 0 {
		o.Font = 12
	}
	p, err := newPen(o.Font)
	if err != nil {
		return nil, err
	}
	defer p.close()
	l, err := arrange(rows, o, p)
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, l.width, l.height))
	xdraw.Draw(img, img.Bounds(), image.NewUniform(paper), image.Point{}, xdraw.Src)
	if o.Title != "" {
		p.write(img, p.bold, o.Title, l.margin, l.margin, l.width-2*l.margin, ink)
	}
	for i, row := range rows {
		if err := drawRow(img, p, l, l.tops[i], row); err != nil {
			return nil, fmt.Errorf("contact sheet, row %d (%q): %w", i+1, row.Title, err)
		}
	}
	return img, nil
}

func drawRow(img *image.RGBA, p *pen, l layout, top int, row Row) error {
	if row.Title != "" {
		p.write(img, p.bold, row.Title, l.margin, top, l.width-2*l.margin, ink)
		top += p.line + 3
	}
	for i, c := range row.Cells {
		left := l.margin + i*(l.cell+l.gap)
		if row.Lead && i > 0 {
			left += l.gap
		}
		box := image.Rect(left, top, left+l.cell, top+l.cell)
		if c.Frame != nil {
			if err := c.Frame.Check(); err != nil {
				return fmt.Errorf("picture %d: %w", i+1, err)
			}
			where := place(img, box, c.Frame)
			if row.Lead && i == 0 {
				outline(img, where.Inset(-2), accent)
			}
		}
		p.lines(img, c.Caption, left, top+l.cell+2, l.cell+l.gap-2)
	}
	return nil
}

var (
	paper  = color.RGBA{250, 250, 248, 255}
	ink    = color.RGBA{25, 25, 28, 255}
	pale   = color.RGBA{90, 90, 96, 255}
	accent = color.RGBA{205, 60, 30, 255}
)

// place draws the picture in the middle of the box and says where.
func place(img *image.RGBA, box image.Rectangle, f *frame.Frame) image.Rectangle {
	src := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
	for i, j := 0, 0; i < len(f.Pix); i, j = i+3, j+4 {
		src.Pix[j], src.Pix[j+1], src.Pix[j+2], src.Pix[j+3] = f.Pix[i], f.Pix[i+1], f.Pix[i+2], 255
	}
	longest := max(f.Width, f.Height)
	w, h := f.Width*box.Dx()/longest, f.Height*box.Dx()/longest
	var scale xdraw.Interpolator = xdraw.CatmullRom
	if whole := box.Dx() / longest; whole >= 1 {
		w, h, scale = f.Width*whole, f.Height*whole, xdraw.NearestNeighbor
	}
	w, h = max(w, 1), max(h, 1)
	at := box.Min.Add(image.Pt((box.Dx()-w)/2, (box.Dy()-h)/2))
	where := image.Rectangle{at, at.Add(image.Pt(w, h))}
	scale.Scale(img, where, src, src.Bounds(), xdraw.Src, nil)
	return where
}

func outline(img *image.RGBA, r image.Rectangle, c color.Color) {
	const thick = 2
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, r.Min.Y+thick)}, {image.Pt(r.Min.X, r.Max.Y-thick), r.Max},
		{r.Min, image.Pt(r.Min.X+thick, r.Max.Y)}, {image.Pt(r.Max.X-thick, r.Min.Y), r.Max},
	} {
		xdraw.Draw(img, side, image.NewUniform(c), image.Point{}, xdraw.Src)
	}
}

// SavePNG writes the picture through a temporary file beside it, so that a reader never sees half of one.
func SavePNG(path string, img image.Image) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".sheet-*")
	if err != nil {
		return fmt.Errorf("writing contact sheet %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing contact sheet %s: %w", path, err), os.Remove(tmp.Name()))
		}
	}()
	if err := errors.Join(png.Encode(tmp, img), tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
