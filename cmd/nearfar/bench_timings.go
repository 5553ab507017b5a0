package main

import (
	"math"
	"slices"
	"time"
)

// timings are how long something took, in ms, each time it was done.
type timings []float64

// timed does something once and then rounds times more, which are timed.
func timed(rounds int, do func() error) (timings, error) {
	if err := do(); err != nil {
		return nil, err
	}
	var t timings
	for range rounds {
		start := time.Now()
		if err := do(); err != nil {
			return nil, err
		}
		t.add(time.Since(start))
	}
	return t, nil
}

func (t *timings) add(d time.Duration) { *t = append(*t, float64(d)/float64(time.Millisecond)) }

// median is the middle one, of an even number the mean of the two in the middle; NaN of none.
func (t timings) median() float64 {
	if len(t) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(t))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func (t timings) min() float64 { return slices.Min(t) }
func (t timings) max() float64 { return slices.Max(t) }

func tenths(x float64) float64     { return math.Round(10*x) / 10 }
func hundredths(x float64) float64 { return math.Round(100*x) / 100 }
