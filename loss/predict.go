package loss

import G "gorgonia.org/gorgonia"

// NextEmbedding is the loss of predicting the embedding of a later frame: p (M, d), what a predictor makes of
// the frames so far, is to point where the later frame's embedding does, in BYOL's terms (Grill et al. 2020,
// arXiv:2006.07733, eq. 2),
//
//	L = 1/M Σ_i ( 2 − 2·cos(p_i, t_i) )
//
// target (M, d) is memory that the trainer fills before each run with embeddings of a slowly following network; no
// gradient flows from it. out tells of cosines, with the targets of all other rows as negatives: a predictor that
// says the same of every frame has a gap of 0.
//
// Errors: shapes that do not fit.
func NextEmbedding(p *G.Node, target []float32, out *Contrast) (*G.Node, error) {
	m, d, err := matrix("NextEmbedding", "predictions", p)
	if err != nil {
		return nil, err
	}
	return cosineTo("NextEmbedding", p, target, newCosines(m, d, 0), out)
}
