package main

import (
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/sources"
)

func TestTroubleIsToldOnce(t *testing.T) {
	var out strings.Builder
	log, before := newLogger(&out, config.LogConfig{Level: "info", Format: "text"}), map[string]string{}
	for _, err := range []string{"", "refused", "refused", "", ""} {
		tellTrouble(log, before, sources.Beat{Camera: "door", Err: err})
	}
	if got := strings.Count(out.String(), "\n"); got != 2 || !strings.Contains(out.String(), "refused") || !strings.Contains(out.String(), "well again") {
		t.Errorf("%d lines:\n%s", got, out.String())
	}
}

func TestReasonsAreListed(t *testing.T) {
	if got, want := reasons(map[string]uint64{"paused": 2, "kafka slow": 10, "stopped": 0}), " (kafka slow 10, paused 2)"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if n := unaccounted(map[string]sources.Beat{"a": {Captured: 5, Acked: 2, Dropped: map[string]uint64{"paused": 1}}}); n != 2 {
		t.Errorf("%d unaccounted, not 2", n)
	}
}

func TestLogLinesTakeThePlaceOfTheProgressLine(t *testing.T) {
	var out strings.Builder
	out.WriteString("\rstep 7")
	newLogger(overProgress{&out}, config.LogConfig{Level: "info", Format: "text"}).Info("saved")
	if got := out.String(); !strings.HasPrefix(got, "\rstep 7\r\x1b[Ktime=") || !strings.HasSuffix(got, "msg=saved\n") {
		t.Errorf("%q", got)
	}
}
