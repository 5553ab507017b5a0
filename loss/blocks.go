package loss

import "sync"

// blocks is into how many parts work is split, whatever the number of CPUs: sums are the same on all machines.
const blocks = 16

// inBlocks runs f over [0, n) in up to blocks parts, at the same time, and returns what each said, in order.
func inBlocks[T any](n int, f func(from, to int) T) (said [blocks]T) {
	var wg sync.WaitGroup
	for b := range blocks {
		from, to := n*b/blocks, n*(b+1)/blocks
		if from < to {
			wg.Go(func() { said[b] = f(from, to) })
		}
	}
	wg.Wait()
	return said
}

// transpose writes x (rows, columns) as y (columns, rows), a square at a time for the cache's sake.
func transpose(y, x []float32, rows, columns int) {
	const side = 32
	for r0 := 0; r0 < rows; r0 += side {
		for c0 := 0; c0 < columns; c0 += side {
			for r := r0; r < min(r0+side, rows); r++ {
				for c := c0; c < min(c0+side, columns); c++ {
					y[c*rows+r] = x[r*columns+c]
				}
			}
		}
	}
}

// dot is a·b, in four running sums.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		p, q := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += p[0] * q[0]
		s1 += p[1] * q[1]
		s2 += p[2] * q[2]
		s3 += p[3] * q[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// axpy is y += by·x.
func axpy(by float32, x, y []float32) {
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		p, q := x[i:i+4:i+4], y[i:i+4:i+4]
		q[0] += by * p[0]
		q[1] += by * p[1]
		q[2] += by * p[2]
		q[3] += by * p[3]
	}
	for ; i < len(x); i++ {
		y[i] += by * x[i]
	}
}
