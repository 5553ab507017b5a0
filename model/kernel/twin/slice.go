package twin

// Channels are columns from to to−1 of rows of c numbers.
func Channels(x []float32, c, from, to int) []float32 {
	var y []float32
	for i, v := range x {
		if j := i % c; j >= from && j < to {
			y = append(y, v)
		}
	}
	return y
}

// ChannelsGradient has dy in columns from to to−1 of rows of c numbers, else zeros.
func ChannelsGradient(dy []float32, c, from, to int) []float32 {
	dx := make([]float32, len(dy)/(to-from)*c)
	for i, g := range dy {
		dx[i/(to-from)*c+from+i%(to-from)] = g
	}
	return dx
}

// Concat sets the rows of b, cb numbers each, after those of a.
func Concat(a, b []float32, ca, cb int) []float32 {
	y := make([]float32, len(a)+len(b))
	for i := range y {
		if row, j := i/(ca+cb), i%(ca+cb); j < ca {
			y[i] = a[row*ca+j]
		} else {
			y[i] = b[row*cb+j-ca]
		}
	}
	return y
}
