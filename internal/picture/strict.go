package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"github.com/nearfar/nearfar/streams/frame"
)

// decodeStrict decodes with Go's own decoders, which refuse what is truncated or damaged.
func decodeStrict(data []byte, h header, size int) (*frame.Frame, error) {
	var img image.Image
	var err error
	if h.kind == "image/png" {
		img, err = png.Decode(bytes.NewReader(data))
	} else {
		img, err = jpeg.Decode(bytes.NewReader(data))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", frame.ErrCorrupt, err)
	}
	if b := img.Bounds(); b.Dx() != h.width || b.Dy() != h.height {
		return nil, fmt.Errorf("%w: the header says %d×%d, the picture is %d×%d", frame.ErrCorrupt, h.width, h.height, b.Dx(), b.Dy())
	}
	w, ht := h.sized(size)
	f := &frame.Frame{Width: w, Height: ht, Pix: make([]byte, 3*w*ht)}
	resample(f.Pix, w, ht, RGB(img), h.width, h.height, 0, 2)
	return f, nil
}

// RGB copies an image into 3·width·height bytes of RGB, row by row. Transparency is dropped: what is
// stored under it counts.
func RGB(img image.Image) []byte {
	b := img.Bounds()
	pix := make([]byte, 0, 3*b.Dx()*b.Dy())
	switch m := img.(type) {
	case *image.YCbCr:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				c := m.COffset(x, y)
				r, g, bl := color.YCbCrToRGB(m.Y[m.YOffset(x, y)], m.Cb[c], m.Cr[c])
				pix = append(pix, r, g, bl)
			}
		}
	case *image.Gray:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for _, v := range m.Pix[m.PixOffset(b.Min.X, y):][:b.Dx()] {
				pix = append(pix, v, v, v)
			}
		}
	case *image.RGBA: // what png.Decode gives for opaque colour
		pix = appendFours(pix, m.Pix, m.Stride, b)
	case *image.NRGBA:
		pix = appendFours(pix, m.Pix, m.Stride, b)
	default:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				pix = append(pix, c.R, c.G, c.B)
			}
		}
	}
	return pix
}

// appendFours copies the first three of every four bytes.
func appendFours(pix, from []byte, stride int, b image.Rectangle) []byte {
	for y := range b.Dy() {
		row := from[y*stride:][:4*b.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			pix = append(pix, row[0], row[1], row[2])
		}
	}
	return pix
}
