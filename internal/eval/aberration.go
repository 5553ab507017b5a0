package eval

import "gonum.org/v1/gonum/mat"

// Aberration is what lateral chromatic aberration does to a crop (size, size, 3): how far red and blue are
// shifted against green, in x and y, in pixels (4 numbers). A lens magnifies each colour a little otherwise,
// so the shift points from its axis and grows with the distance: it is the place of the crop. It is the least
// squares fit of
//
//	red = a + b·(green + shift · ∇green)
//
// over the crop. Where green has no detail there is no shift to see, and it is 0; it never exceeds 3 px, far
// beyond which the fit means nothing.
func Aberration(crop []float32, size int) []float32 {
	const most = 3
	out := make([]float32, 0, 4)
	for _, channel := range []int{0, 2} {
		at := func(x, y, c int) float64 { return float64(crop[(y*size+x)*3+c]) }
		normal, right := mat.NewSymDense(4, nil), mat.NewVecDense(4, nil)
		for y := 1; y < size-1; y++ {
			for x := 1; x < size-1; x++ {
				row := [4]float64{1, at(x, y, 1), (at(x+1, y, 1) - at(x-1, y, 1)) / 2, (at(x, y+1, 1) - at(x, y-1, 1)) / 2}
				for i, a := range row {
					for j := i; j < 4; j++ {
						normal.SetSym(i, j, normal.At(i, j)+a*row[j])
					}
					right.SetVec(i, right.AtVec(i)+a*at(x, y, channel))
				}
			}
		}
		var cholesky mat.Cholesky
		var fit mat.VecDense
		shift := [2]float32{}
		if cholesky.Factorize(normal) && cholesky.Cond() < 1e12 && cholesky.SolveVecTo(&fit, right) == nil && fit.AtVec(1) != 0 {
			for i := range shift {
				shift[i] = float32(min(max(fit.AtVec(2+i)/fit.AtVec(1), -most), most))
			}
		}
		out = append(out, shift[:]...)
	}
	return out
}
