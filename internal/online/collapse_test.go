package online

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"
)

func TestCollapseIsToldOnceAndWhenItIsOver(t *testing.T) {
	var said bytes.Buffer
	c := &Collapse{Std: 0.05, Rank: 1.5, After: 100, Dim: 64, Log: slog.New(slog.NewTextHandler(&said, nil))}
	healthy := 1.0 / 8 // 1/√64
	for _, step := range []struct {
		status    Status
		collapsed bool
		warnings  int
	}{
		{Status{Step: 99, EmbeddingStd: 0.001 * healthy, EffectiveRank: 1}, false, 0}, // nothing learned yet
		{Status{Step: 100}, false, 0}, // no embeddings yet
		{Status{Step: 200, EmbeddingStd: 0.06 * healthy, EffectiveRank: 9}, false, 0},
		{Status{Step: 201, EmbeddingStd: 0.04 * healthy, EffectiveRank: 9}, true, 1},
		{Status{Step: 202, EmbeddingStd: 0.03 * healthy, EffectiveRank: 9}, true, 1},
		{Status{Step: 203, EmbeddingStd: healthy, EffectiveRank: 9}, false, 1},
		{Status{Step: 204, EmbeddingStd: healthy, EffectiveRank: 1.2}, true, 2}, // on a line
		{Status{Step: 205, EmbeddingStd: healthy, EffectiveRank: 1.6}, false, 2},
		{Status{Step: 206, EmbeddingStd: math.NaN(), EffectiveRank: math.NaN()}, true, 3},
	} {
		c.Look(step.status)
		if got := strings.Count(said.String(), "level=WARN"); c.Now() != step.collapsed || got != step.warnings {
			t.Errorf("step %d: collapsed %v, %d warnings", step.status.Step, c.Now(), got)
		}
	}
	if strings.Count(said.String(), "spread again") != 2 {
		t.Errorf("says\n%s", said.String())
	}
}

func TestCollapseCanBeTurnedOff(t *testing.T) {
	c := &Collapse{Dim: 64, Log: slog.New(slog.DiscardHandler)}
	if c.Look(Status{Step: 1000, EmbeddingStd: 1e-9, EffectiveRank: 1}); c.Now() {
		t.Error("it is told all the same")
	}
}
