package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// GroupNorm normalises each image over groups of channels, with ReLU after it where asked (Wu & He 2018,
// arXiv:1803.08494). It has no state and images do not see each other. x is (N, H, W, C) or (N, C),
// gamma and beta are (C), ε is 1e-5.
//
// Errors: shapes that do not fit, groups that do not divide C.
func GroupNorm(x, gamma, beta *G.Node, groups int, relu bool) (*G.Node, error) {
	rows, c, err := rowsAndChannels("GroupNorm", x)
	if err != nil {
		return nil, err
	}
	if err := vector("GroupNorm", "gamma", gamma, c); err != nil {
		return nil, err
	}
	if err := vector("GroupNorm", "beta", beta, c); err != nil {
		return nil, err
	}
	if groups < 1 || c%groups != 0 {
		return nil, fmt.Errorf("GroupNorm: %d groups do not divide %d channels", groups, c)
	}
	n := x.Shape()[0]
	hw := rows / n
	mean, rstd := make([]float32, n*groups), make([]float32, n*groups)
	o := newOp("GroupNorm", x.Shape()...)
	o.toward = []bool{true, true, true}
	o.over = 0
	o.run = func(in [][]float32) error {
		C.nf_gn(ptr(in[0]), ptr(in[1]), ptr(in[2]), ptr(o.data), ptr(mean), ptr(rstd), C.int(n), C.long(hw), C.int(c), C.int(groups), boolean(relu),
			normEps, nt())
		return nil
	}
	o.derive = func(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		part := make([]float32, n*2*c)
		var dgamma, dbeta []float32
		dx := newOp("GroupNormGradient", in[0].Shape()...)
		dx.over = 0
		dx.run = func(v [][]float32) error { // dy, x, y, gamma
			C.nf_gn_back(ptr(v[0]), ptr(v[1]), ptr(v[2]), ptr(v[3]), ptr(mean), ptr(rstd), ptr(dx.data), ptr(dgamma), ptr(dbeta), ptr(part),
				C.int(n), C.long(hw), C.int(c), C.int(groups), boolean(relu), nt())
			return nil
		}
		dxNode, err := dx.apply(grad, in[0], out, in[1])
		if err != nil {
			return nil, err
		}
		gammaNode, err := beside("GroupNormGammaGradient", dxNode, &dgamma, c)
		if err != nil {
			return nil, err
		}
		betaNode, err := beside("GroupNormBetaGradient", dxNode, &dbeta, c)
		return G.Nodes{dxNode, gammaNode, betaNode}, err
	}
	return o.apply(x, gamma, beta)
}
