package config

import "slices"

// Nearest is the word of the vocabulary closest to the given one, or "" where none is close enough to
// be what was meant.
func Nearest(word string, vocabulary []string) string {
	best, distance := "", 1+max(1, len(word)/3)
	for _, w := range vocabulary {
		if d := edits(word, w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// edits counts the letters to insert, delete, replace or swap to make b of a (Damerau's distance).
func edits(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

// did says which known word may have been meant: " (did you mean near?)", or lists them all.
func did(word string, known []string) string {
	if n := Nearest(word, known); n != "" {
		return ", did you mean " + n + "?"
	}
	known = slices.Clone(known)
	slices.Sort(known)
	return ", known are " + list(known)
}
