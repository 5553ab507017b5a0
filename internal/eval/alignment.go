package eval

// AlignmentError is the alignment error of time-contrastive networks (Sermanet et al., 2018,
// arXiv:1704.06888, as in the authors' tensorflow/models research/tcn): for every frame t of view i its
// nearest neighbour t_nn by squared L2 in view j, and of those
//
//	mean |t − t_nn| / length
//
// over all frames, view pairs i < j (one direction) and recordings. Identical views give 0, embeddings that
// know nothing of time AlignmentChance, and a constant embedding, whose every nearest neighbour is the first
// frame, nearly 0.5. The mean is over pairs, so recordings count by their pairs and not by their length.
func AlignmentError(recordings ...Views) float64 {
	sum, pairs := 0.0, 0
	for _, v := range recordings {
		for i, a := range v.Cameras {
			for _, b := range v.Cameras[i+1:] {
				sum += misplaced(closest(a, b, v.Dim))
				pairs++
			}
		}
	}
	return sum / float64(pairs)
}

// misplaced is mean |t − t_nn| / length of one pair.
func misplaced(neighbours []int) float64 {
	sum, n := 0, len(neighbours)
	for t, found := range neighbours {
		sum += max(t-found, found-t)
	}
	return float64(sum) / float64(n) / float64(n)
}

// AlignmentChance is the alignment error of n instants whose nearest neighbours are drawn at random:
// (n² − 1)/3n², which is a third for long recordings.
func AlignmentChance(n int) float64 {
	square := float64(n) * float64(n)
	return (square - 1) / (3 * square)
}
