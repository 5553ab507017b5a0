package eval

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// Views is what several cameras saw of one event: row t of every camera (Len()×Dim) is the same instant.
type Views struct {
	Name    string // for errors
	Dim     int
	Cameras [][]float32
}

// NewViews makes views of the same event, at least two cameras and two instants; an embedding that is not
// finite is an error, because a nearest neighbour of it means nothing.
func NewViews(name string, dim int, cameras ...[]float32) (Views, error) {
	v := Views{Name: name, Dim: dim, Cameras: cameras}
	if err := v.check(); err != nil {
		return Views{}, fmt.Errorf("comparing the views of %s: %w", name, err)
	}
	return v, nil
}

func (v Views) check() error {
	if v.Dim <= 0 {
		return errors.New("embeddings without dimensions")
	}
	if n := len(v.Cameras); n < 2 {
		return fmt.Errorf("it has %d camera; give a recording by two or more", n)
	}
	for i, rows := range v.Cameras {
		switch {
		case len(rows)%v.Dim != 0:
			return fmt.Errorf("camera %d: %d numbers are no rows of %d", i, len(rows), v.Dim)
		case len(rows) != len(v.Cameras[0]):
			return fmt.Errorf("camera %d has %d instants and camera 0 has %d; give each camera the same instants", i, len(rows)/v.Dim, len(v.Cameras[0])/v.Dim)
		case len(rows) < 2*v.Dim:
			return fmt.Errorf("camera %d has %d instant; an order in time needs two or more", i, len(rows)/v.Dim)
		case !finite(rows):
			return fmt.Errorf("camera %d: an embedding is not finite; the model that made it has diverged", i)
		}
	}
	return nil
}

// Len is the number of instants.
func (v Views) Len() int { return len(v.Cameras[0]) / v.Dim }

// closest is, for each row of query, the row of candidates with the smallest squared L2 distance; of equal
// ones the first. Distances are summed as differences in float64, so that the very same row is at distance 0
// and a constant embedding is all ties, not the rounding of ‖a‖² + ‖b‖² − 2a·b.
func closest(query, candidates []float32, dim int) []int {
	checkRows(query, dim)
	checkRows(candidates, dim)
	found := make([]int, len(query)/dim)
	var group sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(found))
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < len(found); i += workers {
				found[i] = closestTo(query[i*dim:(i+1)*dim], candidates)
			}
		})
	}
	group.Wait()
	return found
}

// closestTo leaves a candidate as soon as it is as far as the best one so far.
func closestTo(query, candidates []float32) (best int) {
	const stretch = 64
	dim, least := len(query), -1.0
	for row := 0; row*dim < len(candidates); row++ {
		c := candidates[row*dim : (row+1)*dim]
		sum := 0.0
		for at := 0; at < dim && (least < 0 || sum < least); at += stretch {
			for j := at; j < min(at+stretch, dim); j++ {
				d := float64(query[j]) - float64(c[j])
				sum += d * d
			}
		}
		if least < 0 || sum < least {
			best, least = row, sum
		}
	}
	return best
}

// constant says whether all nearest neighbours are one and the same: the sign of a collapsed video.
func constant(neighbours []int) bool {
	for _, n := range neighbours {
		if n != neighbours[0] {
			return false
		}
	}
	return true
}
