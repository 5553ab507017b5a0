package main

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/nearfar/nearfar/internal/look"
)

// printScores writes the table of labelled pictures.
func printScores(w io.Writer, scores []look.Score) {
	tuned := slices.ContainsFunc(scores, func(s look.Score) bool { return s.FineTuned > 0 })
	fmt.Fprintf(w, "%-28s %7s %7s %7s %7s %8s %8s %8s", "", "1-view", "4-view", "kNN", "linear", "std·√d", "RankMe", "uniform")
	if tuned {
		fmt.Fprintf(w, " %7s", "tuned")
	}
	fmt.Fprintln(w)
	for _, s := range scores {
		fmt.Fprintf(w, "%-28s %6.1f%% %6.1f%% %6.1f%%", s.Name, 100*s.OneView, 100*s.FourView, 100*s.KNN)
		if s.RankMe == 0 { // the pixels themselves: as many numbers as make regression slow and its result beside the point
			fmt.Fprintf(w, " %7s %8s %8s %8s\n", "–", "–", "–", "–")
			continue
		}
		fmt.Fprintf(w, " %6.1f%% %8.2f %8.1f %8.2f", 100*s.Linear, s.Std*sqrt(s.Dim), s.RankMe, s.Uniformity)
		if tuned {
			fmt.Fprintf(w, " %6.1f%%", 100*s.FineTuned)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nkNN: k = %d, temperature = %.2f, each picture against all others", look.Neighbours, look.Temperature)
	for _, s := range scores {
		if s.Labels > 0 {
			fmt.Fprintf(w, "; linear: trained on %s", count(s.Labels, "label"))
			break
		}
	}
	fmt.Fprintln(w)
}

func sqrt(n int) float64 { return math.Sqrt(float64(n)) }
