package picture

import (
	"fmt"

	"github.com/nearfar/nearfar/streams/frame"
)

// Resize makes a frame of w×h pixels: every pixel the exact area average of what it covers where the frame
// shrinks, linear between pixel centres where it grows, each axis by itself. The same size is a copy.
func Resize(f *frame.Frame, w, h int) (*frame.Frame, error) {
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("resizing: %w", err)
	}
	if w <= 0 || h <= 0 || w > MaxPixels/h {
		return nil, fmt.Errorf("resizing frame %d of camera %s to %d×%d pixels: 1 to %d are possible", f.Seq, f.Camera, w, h, MaxPixels)
	}
	out := &frame.Frame{Meta: f.Meta, Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	resample(out.Pix, w, h, f.Pix, f.Width, f.Height, 0, 2)
	return out, nil
}

// taps says of which source pixels, and how much of each, every output pixel of one axis is made.
type taps struct {
	first   []int // of n outputs: the first source index
	from    []int // of n+1: weights[from[i]:from[i+1]] belong to output i and sum to 1
	weights []float32
}

// tapsOf maps size source pixels to n.
func tapsOf(size, n int) taps {
	t := taps{first: make([]int, n), from: make([]int, n+1)}
	scale := float64(size) / float64(n) // source pixels per output pixel
	for i := range n {
		if size > n { // area: output i covers [i, i+1)·scale
			begin, end := float64(i)*scale, float64(i+1)*scale
			t.first[i] = int(begin)
			for at := int(begin); at < size; at++ {
				cover := min(float64(at+1), end) - max(float64(at), begin)
				if cover < 1e-9 {
					break
				}
				t.weights = append(t.weights, float32(cover/scale))
			}
		} else { // linear: output i looks at its centre
			centre := min(max((float64(i)+0.5)*scale-0.5, 0), float64(size-1))
			at := int(centre)
			t.first[i] = at
			t.weights = append(t.weights, float32(1-(centre-float64(at))))
			if rest := centre - float64(at); rest > 0 {
				t.weights = append(t.weights, float32(rest))
			}
		}
		t.from[i+1] = len(t.weights)
	}
	return t
}

// resample fills dst (w×h RGB) from src (sw×sh, three bytes a pixel of which red is byte r and blue byte b).
func resample(dst []byte, w, h int, src []byte, sw, sh, r, b int) {
	if w == sw && h == sh {
		for i := 0; i+2 < len(src); i += 3 {
			dst[i], dst[i+1], dst[i+2] = src[i+r], src[i+1], src[i+b]
		}
		return
	}
	across, down := tapsOf(sw, w), tapsOf(sh, h)
	row := 3 * w
	// Source rows are narrowed one at a time, when the first output row asks for them; a ring of as many
	// rows as one output row needs keeps the memory small for tall pictures.
	depth := 1
	for y := range h {
		depth = max(depth, down.from[y+1]-down.from[y])
	}
	ring, narrowed := make([]float32, depth*row), 0
	sum := make([]float32, row)
	for y := range h {
		weights := down.weights[down.from[y]:down.from[y+1]]
		for end := down.first[y] + len(weights); narrowed < end; narrowed++ {
			if narrowed < down.first[y] {
				continue
			}
			narrow(ring[narrowed%depth*row:][:row], src[3*sw*narrowed:][:3*sw], across, r, b)
		}
		clear(sum)
		for k, weight := range weights {
			from := ring[(down.first[y]+k)%depth*row:][:row]
			for i, v := range from {
				sum[i] += weight * v
			}
		}
		out := dst[y*row:][:row]
		for i, v := range sum {
			out[i] = byte(min(v+0.5, 255))
		}
	}
}

// narrow resamples one row of pixels across into dst, RGB.
func narrow(dst []float32, src []byte, t taps, r, b int) {
	for x, first := range t.first {
		var red, green, blue float32
		at := 3 * first
		for _, weight := range t.weights[t.from[x]:t.from[x+1]] {
			p := src[at : at+3 : at+3]
			red += weight * float32(p[r])
			green += weight * float32(p[1])
			blue += weight * float32(p[b])
			at += 3
		}
		dst[3*x], dst[3*x+1], dst[3*x+2] = red, green, blue
	}
}
