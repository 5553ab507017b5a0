package pretext

// Quarters is the number of classes of the rotation task.
const Quarters = 4

// Rotate writes the view turned by quarter·90° against the clock into dst, both size×size×3: the rotation
// task of Gidaris, Singh & Komodakis 2018 (arXiv:1803.07728), whose label is the quarter, 0 to 3. Pixels are
// moved by flip and transpose only, so a turned picture has no trace of interpolation or padding to be told
// by. All four copies of a picture belong into one batch, as in the paper and its code (VISSL takes one).
//
// What it cannot take away: the 8×8 grid of JPEG where the side is no multiple of 8, and a clock or logo
// that the camera burns in (see Clock).
func Rotate(dst, view []float32, size, quarter int) {
	if len(view) < 3*size*size || len(dst) < 3*size*size {
		panic("pretext: rotating fewer pixels than size×size")
	}
	if quarter < 0 || quarter >= Quarters {
		panic("pretext: a quarter is 0, 1, 2 or 3")
	}
	// Pixel (u, v) of the copy comes from begin + u·right + v·down.
	last := size - 1
	var begin, right, down int
	switch quarter {
	case 0:
		begin, right, down = 0, 1, size
	case 1: // the right edge becomes the top
		begin, right, down = last, size, -1
	case 2:
		begin, right, down = size*size-1, -1, -size
	case 3: // the left edge becomes the top
		begin, right, down = size*last, -size, 1
	}
	for v := range size {
		from, out := begin+v*down, dst[3*v*size:3*(v+1)*size]
		for u := range size {
			p, q := view[3*from:3*from+3:3*from+3], out[3*u:3*u+3:3*u+3]
			q[0], q[1], q[2] = p[0], p[1], p[2]
			from += right
		}
	}
}
