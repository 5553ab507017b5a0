package look

import (
	"slices"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// Instants pairs the frames of several cameras by their capture times: of each camera (frames in the order of
// capture) those frames for which every other camera has one at most half a frame's time away, so that row t
// of all is the same instant. Half a frame's time is half the median interval of the slowest camera. What has
// no counterpart is left out; missed counts such frames of the slowest camera.
func Instants(cameras [][]*frame.Frame) (paired [][]*frame.Frame, missed int) {
	slowest, longest := 0, time.Duration(0)
	for c, frames := range cameras {
		if d := interval(frames); d > longest {
			slowest, longest = c, d
		}
	}
	paired = make([][]*frame.Frame, len(cameras))
	from := make([]int, len(cameras)) // of each camera, the first frame that is not used yet
	for _, f := range cameras[slowest] {
		at := make([]int, len(cameras))
		for c, frames := range cameras {
			if at[c] = from[c] + nearest(frames[from[c]:], f.Captured, longest/2); at[c] < from[c] {
				missed++
				at = nil
				break
			}
		}
		if at == nil {
			continue
		}
		for c, frames := range cameras {
			paired[c] = append(paired[c], frames[at[c]])
			from[c] = at[c] + 1
		}
	}
	return paired, missed
}

// interval is the median time between two frames; 0 for less than two.
func interval(frames []*frame.Frame) time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(frames); i++ {
		gaps = append(gaps, frames[i].Captured.Sub(frames[i-1].Captured))
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[(len(gaps)-1)/2]
}

// nearest is the frame captured nearest to a time, at most within away; −1 if there is none.
func nearest(frames []*frame.Frame, at time.Time, within time.Duration) int {
	best, least := -1, within
	for i, f := range frames {
		d := f.Captured.Sub(at)
		if d > within {
			break
		}
		if d.Abs() <= least {
			best, least = i, d.Abs()
		}
	}
	return best
}
