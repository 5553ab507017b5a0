package sampler

import "github.com/nearfar/nearfar/streams/frame"

// renderer makes views. It holds scratch memory, so that a view allocates nothing; each goroutine has its own.
type renderer struct {
	x, y  axis
	row   []float32       // one row of the picture, made of the rows that a row of the view needs
	table [3][256]float32 // what a byte of each channel becomes
	blur  blurrer
}

// render writes a view of f, size×size RGB as NHWC floats, into dst.
func (v *renderer) render(dst []float32, f *frame.Frame, size int, l *look) {
	dst = dst[:size*size*3]
	w, h := float64(f.Width), float64(f.Height)
	v.x.fill(turn{size, l.dx, l.flip, l.wrap}, f.Width, l.x*w, l.w*w)
	v.y.fill(turn{size, l.dy, false, l.wrap}, f.Height, l.y*h, l.h*h)
	needsMean := l.jitter && l.contrast != 1
	if v.x.taps == 1 && v.y.taps == 1 {
		var mean [3]float64
		if needsMean {
			mean = v.meanBytes(f, size)
		}
		c := l.colours(mean)
		if c.diagonal() {
			v.copyThrough(dst, f, size, &c)
		} else {
			v.resample(dst, f, size)
			apply(dst, &c)
		}
	} else {
		v.resample(dst, f, size)
		var mean [3]float64
		if needsMean {
			mean = meanFloats(dst)
		}
		c := l.colours(mean)
		apply(dst, &c)
	}
	if l.sigma > 0 {
		v.blur.blur(dst, size, l.sigma)
	}
}

// copyThrough is the fast path: pixel for pixel, each channel through a table.
func (v *renderer) copyThrough(dst []float32, f *frame.Frame, size int, c *colour) {
	for i := range v.table {
		a, b := c.m[i][i], c.o[i]
		for x := range v.table[i] {
			v.table[i][x] = float32(a*float64(x) + b)
		}
	}
	red, green, blue := &v.table[0], &v.table[1], &v.table[2]
	for y := range size {
		from := f.Pix[int(v.y.at[y])*f.Width*3:][:f.Width*3]
		out := dst[y*size*3:][:size*3]
		for x, at := range v.x.at {
			p, q := from[3*at:3*at+3:3*at+3], out[3*x:3*x+3:3*x+3]
			q[0], q[1], q[2] = red[p[0]], green[p[1]], blue[p[2]]
		}
	}
}

// resample writes the view in bytes (0 to 255, as floats): first down the columns, then along the row.
func (v *renderer) resample(dst []float32, f *frame.Frame, size int) {
	from, to := v.x.span()
	if cap(v.row) < 3*(to-from) {
		v.row = make([]float32, 3*f.Width)
	}
	row := v.row[:3*(to-from)]
	for y := range size {
		v.column(row, f, from, y)
		v.along(dst[y*size*3:][:size*3], row, from)
	}
}

// column makes the row of the picture that row y of the view needs.
func (v *renderer) column(row []float32, f *frame.Frame, from, y int) {
	at, weight := v.y.at[y*v.y.taps:][:v.y.taps], v.y.weight[y*v.y.taps:][:v.y.taps]
	line := func(k int) []byte { return f.Pix[(int(at[k])*f.Width+from)*3:][:len(row)] }
	if len(at) == 1 {
		for i, p := range line(0) {
			row[i] = float32(p)
		}
		return
	}
	a, b, wa, wb := line(0), line(1), weight[0], weight[1]
	b = b[:len(a)]
	row = row[:len(a)]
	for i, p := range a {
		row[i] = wa*float32(p) + wb*float32(b[i])
	}
	for k := 2; k < len(at); k++ {
		w := weight[k]
		for i, p := range line(k) {
			row[i] += w * float32(p)
		}
	}
}

// along makes a row of the view from a row of the picture that begins with pixel from.
func (v *renderer) along(out, row []float32, from int) {
	taps := v.x.taps
	if taps == 2 {
		for x := 0; x < len(out)/3; x++ {
			at, w := v.x.at[2*x:2*x+2:2*x+2], v.x.weight[2*x:2*x+2:2*x+2]
			a, b := 3*(int(at[0])-from), 3*(int(at[1])-from)
			p, q, o := row[a:a+3:a+3], row[b:b+3:b+3], out[3*x:3*x+3:3*x+3]
			o[0] = w[0]*p[0] + w[1]*q[0]
			o[1] = w[0]*p[1] + w[1]*q[1]
			o[2] = w[0]*p[2] + w[1]*q[2]
		}
		return
	}
	for x := 0; x < len(out)/3; x++ {
		var r, g, b float32
		for k := x * taps; k < (x+1)*taps; k++ {
			w, i := v.x.weight[k], 3*(int(v.x.at[k])-from)
			p := row[i : i+3 : i+3]
			r, g, b = r+w*p[0], g+w*p[1], b+w*p[2]
		}
		o := out[3*x : 3*x+3 : 3*x+3]
		o[0], o[1], o[2] = r, g, b
	}
}

// apply maps the colours of (…, 3) floats in place.
func apply(dst []float32, c *colour) {
	if c.diagonal() {
		a0, a1, a2 := float32(c.m[0][0]), float32(c.m[1][1]), float32(c.m[2][2])
		b0, b1, b2 := float32(c.o[0]), float32(c.o[1]), float32(c.o[2])
		for ; len(dst) >= 3; dst = dst[3:] {
			dst[0], dst[1], dst[2] = a0*dst[0]+b0, a1*dst[1]+b1, a2*dst[2]+b2
		}
		return
	}
	var m [3][3]float32
	for i := range 3 {
		for j := range 3 {
			m[i][j] = float32(c.m[i][j])
		}
	}
	b0, b1, b2 := float32(c.o[0]), float32(c.o[1]), float32(c.o[2])
	for ; len(dst) >= 3; dst = dst[3:] {
		r, g, b := dst[0], dst[1], dst[2]
		dst[0] = m[0][0]*r + m[0][1]*g + m[0][2]*b + b0
		dst[1] = m[1][0]*r + m[1][1]*g + m[1][2]*b + b1
		dst[2] = m[2][0]*r + m[2][1]*g + m[2][2]*b + b2
	}
}

// meanFloats is the mean of (…, 3) floats per channel.
func meanFloats(v []float32) [3]float64 {
	var r, g, b float32
	n := float64(len(v) / 3)
	for ; len(v) >= 3; v = v[3:] {
		r, g, b = r+v[0], g+v[1], b+v[2]
	}
	return [3]float64{float64(r) / n, float64(g) / n, float64(b) / n}
}

// meanBytes is the mean of the view per channel where it is taken pixel for pixel.
func (v *renderer) meanBytes(f *frame.Frame, size int) [3]float64 {
	var r, g, b int
	for y := range size {
		from := f.Pix[int(v.y.at[y])*f.Width*3:][:f.Width*3]
		for _, at := range v.x.at {
			p := from[3*at : 3*at+3 : 3*at+3]
			r, g, b = r+int(p[0]), g+int(p[1]), b+int(p[2])
		}
	}
	n := float64(size * size)
	return [3]float64{float64(r) / n, float64(g) / n, float64(b) / n}
}
