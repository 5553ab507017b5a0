package main

import (
	"fmt"
	"math"
	"slices"
	"syscall"
	"time"
)

// timings are how long something took, in ms, each time it was done.
type timings []float64

// clocked is what is told of timings.
type clocked struct {
	MedianMS float64 `json:"median_ms"`
	MinMS    float64 `json:"min_ms"`
	MaxMS    float64 `json:"max_ms"`
	BusyMS   float64 `json:"busy_ms"` // processor time of one, all threads together
}

// told is what to tell of timings that took so much processor time together, ms.
func (t timings) told(busy float64) clocked {
	return clocked{thousandths(t.median()), thousandths(t.min()), thousandths(t.max()), thousandths(busy / float64(len(t)))}
}

// String is as it stands in a line for people.
func (c clocked) String() string {
	return fmt.Sprintf("median %.1f ms, min %.1f, max %.1f", c.MedianMS, c.MinMS, c.MaxMS)
}

// timed does something once and then rounds times more, which are timed.
func timed(rounds int, do func() error) (clocked, error) {
	if err := do(); err != nil {
		return clocked{}, err
	}
	var t timings
	busy, err := spent(func() error {
		for range rounds {
			start := time.Now()
			if err := do(); err != nil {
				return err
			}
			t.add(time.Since(start))
		}
		return nil
	})
	if err != nil {
		return clocked{}, err
	}
	return t.told(busy), nil
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

// processorTime is how long this process has kept processors busy, all threads together.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("reading this process's processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
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

func tenths(x float64) float64      { return math.Round(10*x) / 10 }
func hundredths(x float64) float64  { return math.Round(100*x) / 100 }
func thousandths(x float64) float64 { return math.Round(1000*x) / 1000 }
