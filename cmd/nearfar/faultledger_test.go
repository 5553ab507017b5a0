package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// TestFaultLedger numbers frames at capture and finds each again at every stage, while trainers, brokers and embed
// workers are killed.
func TestFaultLedger(t *testing.T) {
	o := ordeal{files: 6, each: 80, fps: 20, live: 1, poison: 12, trainers: 1, brokers: 1, rebalances: 2, workers: 2, partition: 6}
	if full() {
		o = ordeal{files: 10, each: 1950, fps: 20, live: 2, poison: 200, trainers: 5, brokers: 3, rebalances: 5, workers: 2, partition: 6}
	}
	c := &cluster{t: t, o: o, dir: t.TempDir(), model: learned(t), workers: map[string]*exec.Cmd{}}
	files, live := c.configure()
	c.startBroker()
	end := c.film(files, live)
	c.startTrainer()
	for range o.workers {
		c.startWorker()
	}
	c.suffer(o.files * o.each)
	c.settle(end(), files)
}

// suffer lets everything happen that is to happen, spread over the capture.
func (c *cluster) suffer(frames int) {
	var events []string
	for i := range max(c.o.trainers, c.o.brokers, c.o.rebalances) {
		for _, e := range []struct {
			what string
			n    int
		}{{"trainer", c.o.trainers}, {"rebalance", c.o.rebalances}, {"broker", c.o.brokers}} {
			if i < e.n {
				events = append(events, e.what)
			}
		}
	}
	rebalances := 0
	for i, e := range events {
		due := frames * (i + 1) / (len(events) + 2)
		within(c.t, aWhile, fmt.Sprintf("%d frames in Kafka before event %d, %s", due, i, e), func() bool { return c.inTopic("frames") >= due })
		c.poison(i, len(events))
		if e != "broker" { // what is killed has worked before
			saved := func() bool {
				found, err := filepath.Glob(filepath.Join(c.dir, "trained", "checkpoints", "step-*", "manifest.json"))
				return err == nil && len(found) > 0
			}
			within(c.t, aWhile, "checkpoint and looked at frames", func() bool { return saved() && c.inTopic("looked") > 0 })
		}
		switch e {
		case "trainer":
			c.killTrainer()
		case "broker":
			c.killBroker()
		case "rebalance":
			c.rebalance(rebalances)
			rebalances++
		}
	}
}

// poison sends this event's part of the messages that are no frames.
func (c *cluster) poison(event, events int) {
	c.t.Helper()
	for n := c.o.poison * event / events; n < c.o.poison*(event+1)/events; n++ {
		send(c.t, c.addr, "frames", frame.Message{Key: fmt.Appendf(nil, "stranger%d", n%7), Value: fmt.Appendf(nil, "no picture %d", n)})
	}
}
