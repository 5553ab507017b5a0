package twin

// Upsample2 of pictures x (h, w, c): each place becomes 2×2.
func Upsample2(x []float32, h, w, c int) []float32 {
	y := make([]float32, 4*len(x))
	for i := range y {
		y[i] = x[halved(i, h, w, c)]
	}
	return y
}

// Upsample2Gradient is ∂L/∂x for dy (n, 2h, 2w, c).
func Upsample2Gradient(dy []float32, h, w, c int) []float32 {
	dx := make([]float64, len(dy)/4)
	for i, g := range dy {
		dx[halved(i, h, w, c)] += float64(g)
	}
	return narrow(dx)
}

// halved is the place in (n, h, w, c) under place i of (n, 2h, 2w, c).
func halved(i, h, w, c int) int {
	column, row, image := i/c%(2*w), i/c/(2*w)%(2*h), i/(4*h*w*c)
	return ((image*h+row/2)*w+column/2)*c + i%c
}
