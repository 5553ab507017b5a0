package eval

import "slices"

// Gallery is the accuracy, in [0, 1], of recognising an object from few views: of each class, the rows that
// pick names (by their place among the n rows of that class, in the order of the set) are the gallery, all
// others are queries, and a query belongs to the class of its most similar gallery row by cosine. A place
// named twice counts once; one outside [0, n) panics. NaN where nothing is left to ask.
func Gallery(set Set, pick func(label, n int) []int) float64 {
	members := make([][]int, len(set.Names))
	for i, label := range set.Labels {
		members[label] = append(members[label], i)
	}
	var gallery, query []int
	for label, rows := range members {
		picked := pick(label, len(rows))
		for i, row := range rows {
			if slices.Contains(picked, i) {
				gallery = append(gallery, row)
			} else {
				query = append(query, row)
			}
		}
		for _, i := range picked {
			if i < 0 || i >= len(rows) {
				panic("eval: a gallery view outside its class")
			}
		}
	}
	return KNN(set.Subset(gallery), set.Subset(query), 1, 1)
}

// OneView is Gallery with the first view of each object known.
func OneView(set Set) float64 {
	return Gallery(set, func(_, n int) []int { return []int{0}[:min(1, n)] })
}

// FourView is Gallery with four views of each object known, a quarter of the way round from each other:
// 0, n/4, n/2, 3n/4.
func FourView(set Set) float64 {
	return Gallery(set, func(_, n int) []int { return []int{0, n / 4, n / 2, 3 * n / 4}[:min(4, n)] })
}
