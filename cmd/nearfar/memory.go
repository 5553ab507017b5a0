package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/sources"
)

// memoryEvery is the time between two looks at what the process takes.
const memoryEvery = 5 * time.Second

// bound is run.memory at work: what the libraries in C take is theirs, so Go's collector gets what is left of the bound,
// and clears up the harder the closer it comes. Above the bound it warns, once until it is below again.
type bound struct {
	most config.Size
	log  *slog.Logger
	over bool
}

// boundMemory keeps the process, and the capture processes it starts, within run.memory as far as clearing up can. stop
// ends the looking.
func boundMemory(ctx context.Context, most config.Size, log *slog.Logger) (stop func(), err error) {
	if most == 0 {
		return func() {}, nil
	}
	limit, set := os.LookupEnv("GOMEMLIMIT")
	if err := os.Setenv("GOMEMLIMIT", strconv.FormatInt(int64(most), 10)); err != nil { // for those it starts
		return nil, err
	}
	before := debug.SetMemoryLimit(-1)
	unbound := func() {
		debug.SetMemoryLimit(before)
		if set {
			_ = os.Setenv("GOMEMLIMIT", limit) // it was set to that before
		} else {
			_ = os.Unsetenv("GOMEMLIMIT")
		}
	}
	b := &bound{most: most, log: log}
	if err := b.look(); err != nil {
		unbound()
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for sources.Sleep(ctx, memoryEvery) == nil {
			if err := b.look(); err != nil {
				log.Warn("run.memory is watched no longer", "err", err)
				return
			}
		}
	}()
	return func() { cancel(); <-ended; unbound() }, nil
}

func (b *bound) look() error {
	resident, err := residentBytes()
	if err != nil {
		return err
	}
	native := max(0, resident-goBytes())
	debug.SetMemoryLimit(max(int64(b.most)-native, 16<<20)) // less would be nothing but clearing up
	switch over := resident > int64(b.most); {
	case over && !b.over:
		b.log.Warn("the process takes more than run.memory: a smaller sampler.replay.size, sampler.limit or model.encoder takes less",
			"resident", config.Size(resident).String(), "memory", b.most.String())
		b.over = true
	case !over && b.over:
		b.log.Info("the process takes less than run.memory again", "resident", config.Size(resident).String())
		b.over = false
	}
	return nil
}

// residentBytes is the memory that the process holds.
func residentBytes() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("reading what memory is taken: %w", err)
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("reading what memory is taken: /proc/self/statm says %q", text)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// goBytes is what of it is Go's, as its collector counts it.
func goBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(min(s[0].Value.Uint64()-s[1].Value.Uint64(), math.MaxInt64))
}
