package main

import (
	"math"
	"slices"
	"time"
)

// timings are how long something took, in ms, each time it was done.
type timings []float64

// timed does something once and then rounds times more, which are timed. busy is the processor time of one
// round, ms, all threads together.
func timed(rounds int, do func() error) (t timings, busy float64, err error) {
	if err := do(); err != nil {
		return nil, 0, err
	}
	sum, err := spent(func() error {
		for range rounds {
			start := time.Now()
			if err := do(); err != nil {
				return err
			}
			t.add(time.Since(start))
		}
		return nil
	})
	return t, sum / float64(rounds), err
}

// spent is the processor time that something takes, ms.
func spent(do func() error) (float64, error) {
	before, err := processorTime()
	if err == nil {
		err = do()
	}
	if err != nil {
		return 0, err
	}
	after, err := processorTime()
	return float64(after-before) / float64(time.Millisecond), err
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
