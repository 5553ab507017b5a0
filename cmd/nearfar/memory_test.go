package main

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/config"
)

// What C holds is taken off Go's limit, a process above its bound warns once, and the end of the watch leaves everything
// as it was.
func TestRunMemoryBoundsGoAndWarnsOnce(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Setenv("GOMEMLIMIT", "5GiB")
	resident, err := residentBytes()
	if err != nil || resident < 10<<20 || goBytes() > resident {
		t.Fatalf("%d bytes resident, %d Go's, %v", resident, goBytes(), err)
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	stop, err := boundMemory(t.Context(), config.Size(resident+512<<20), log)
	if err != nil {
		t.Fatal(err)
	}
	if limit := debug.SetMemoryLimit(-1); limit <= 0 || limit > resident+512<<20 || limit == math.MaxInt64 {
		t.Errorf("Go's limit is %d", limit)
	}
	if os.Getenv("GOMEMLIMIT") == "5GiB" {
		t.Error("processes that are started know nothing of the bound")
	}
	stop()
	if limit := debug.SetMemoryLimit(-1); limit != before || os.Getenv("GOMEMLIMIT") != "5GiB" {
		t.Errorf("afterwards: limit %d, GOMEMLIMIT=%s", limit, os.Getenv("GOMEMLIMIT"))
	}
	if said.Len() > 0 {
		t.Errorf("it said %s", &said)
	}
	tight := &bound{most: 64 << 20, log: log}
	for range 3 {
		if err := tight.look(); err != nil {
			t.Fatal(err)
		}
	}
	debug.SetMemoryLimit(before)
	tight.most = 1 << 50
	if err := tight.look(); err != nil {
		t.Fatal(err)
	}
	debug.SetMemoryLimit(before)
	if s := said.String(); strings.Count(s, "takes more than run.memory") != 1 || strings.Count(s, "takes less than run.memory again") != 1 {
		t.Errorf("it said %s", s)
	}
}

func TestRunMemoryIsChecked(t *testing.T) {
	if r := nearfar(t, "config", "check", configure(t), "--set", "run.memory=10MiB"); r.code != exitConfig || !strings.Contains(r.err, "run.memory: 10MiB is less than the 64MiB") {
		t.Errorf("%+v", r)
	}
}
