package twin

// ConvShape is a convolution's: x (N, H, W, In), w (Out, In, KH, KW), y (N, OH, OW, Out).
type ConvShape struct {
	N, H, W, In, Out, KH, KW, Stride, Pad int
}

// OH is the output's height.
func (s ConvShape) OH() int { return (s.H+2*s.Pad-s.KH)/s.Stride + 1 }

// OW is the output's width.
func (s ConvShape) OW() int { return (s.W+2*s.Pad-s.KW)/s.Stride + 1 }

// each visits every product of the convolution by its places in x, w and y.
func (s ConvShape) each(visit func(x, w, y int)) {
	for n := range s.N {
		for oh := range s.OH() {
			for ow := range s.OW() {
				for kh := range s.KH {
					for kw := range s.KW {
						h, w := oh*s.Stride-s.Pad+kh, ow*s.Stride-s.Pad+kw
						if h < 0 || h >= s.H || w < 0 || w >= s.W {
							continue
						}
						for i := range s.In {
							for o := range s.Out {
								visit(((n*s.H+h)*s.W+w)*s.In+i, ((o*s.In+i)*s.KH+kh)*s.KW+kw, ((n*s.OH()+oh)*s.OW()+ow)*s.Out+o)
							}
						}
					}
				}
			}
		}
	}
}

// Conv is y = x ∗ w.
func Conv(s ConvShape, x, w []float32) []float32 {
	y := make([]float64, s.N*s.OH()*s.OW()*s.Out)
	s.each(func(i, j, k int) { y[k] += float64(x[i]) * float64(w[j]) })
	return narrow(y)
}

// ConvGradients are ∂L/∂x and ∂L/∂w for dy = ∂L/∂y.
func ConvGradients(s ConvShape, x, w, dy []float32) (dx, dw []float32) {
	gx, gw := make([]float64, len(x)), make([]float64, len(w))
	s.each(func(i, j, k int) {
		gx[i] += float64(w[j]) * float64(dy[k])
		gw[j] += float64(x[i]) * float64(dy[k])
	})
	return narrow(gx), narrow(gw)
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}
