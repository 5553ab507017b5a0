package online

import (
	"testing"
	"time"

	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// A checkpoint is scored once the running accuracy is over its whole window, and never without labels.
func TestOnlyAWholeWindowOfPredictionsIsAScore(t *testing.T) {
	m, _ := meter(train.Probe{Memory: 100, K: 1, Temperature: 0.07, Last: 4})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	show := func(visit int, label string, v []float32) {
		m.Embeddings([]frame.Embedding{{Camera: "c", Rig: "c", Label: label, Vector: v, Captured: at.Add(time.Duration(visit*10) * time.Second)}})
	}
	for visit := range 6 {
		if _, ok := m.Score(); ok {
			t.Errorf("a score before visit %d", visit)
		}
		if visit%2 == 0 {
			show(visit, "cup", []float32{1, 0.1})
		} else {
			show(visit, "box", []float32{0.1, 1})
		}
		if s, n := m.probe.Accuracy(); n == 4 {
			if got, ok := m.Score(); !ok || got != s {
				t.Errorf("%d predictions, %v right: the score is %v, %v", n, s, got, ok)
			}
			return
		}
	}
	t.Error("six visits gave no four predictions")
}
