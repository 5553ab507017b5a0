package main

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/proxytest"
)

// TestFaultNetwork lets every connection to the broker go through a bad network, those of capture processes, trainer,
// embed workers and sinks alike: nothing is lost, nothing is trained on twice, and all go on when it is good again.
func TestFaultNetwork(t *testing.T) {
	o := ordeal{files: 4, each: 150, fps: 25, live: 1, workers: 1, partition: 3}
	type fault struct {
		proxytest.Fault
		lasts time.Duration
	}
	faults := []fault{
		{proxytest.Latency(200*time.Millisecond, 100*time.Millisecond), time.Second},
		{proxytest.Cut(), time.Second},
		{proxytest.Reset(50 * time.Millisecond), time.Second},
	}
	if full() {
		o.each = 2000
		faults = append(faults,
			fault{proxytest.Latency(500*time.Millisecond, 200*time.Millisecond), 5 * time.Second},
			fault{proxytest.SlowClose(2 * time.Second), 3 * time.Second},
			fault{proxytest.Cut(), 6 * time.Second},
			fault{proxytest.Blackhole(), 3 * time.Second},
			fault{proxytest.Narrow(64), 4 * time.Second},
			fault{proxytest.Reset(0), 3 * time.Second},
			fault{proxytest.Blackhole(), 6 * time.Second},
		)
	}
	c := &cluster{t: t, o: o, dir: t.TempDir(), model: learned(t), workers: map[string]*exec.Cmd{}, listen: freeAddress(t)}
	proxy := proxytest.Start(t, c.listen)
	c.addr = proxy.Addr()
	files, live := c.configure()
	c.startBroker()
	end := c.film(files, live)
	c.startTrainer()
	c.startWorker()
	alive := func() []int { return []int{c.inTopic("frames"), c.inTopic("embeddings"), c.inTopic("looked")} }
	ahead := func(then []int) func() bool {
		return func() bool {
			for i, n := range alive() {
				if n <= then[i] && !(i == 0 && then[0] >= o.files*o.each) {
					return false
				}
			}
			return true
		}
	}
	within(t, aWhile, "work by all parts", ahead([]int{0, 0, 0}))
	var took []time.Duration
	for _, f := range faults {
		mend := proxy.Begin(f.Fault)
		time.Sleep(f.lasts)
		mend()
		mended, then := time.Now(), alive()
		within(t, aWhile, "work by all parts after "+f.Name, ahead(then))
		d := time.Since(mended).Round(10 * time.Millisecond)
		took = append(took, d)
		t.Logf("%s for %v: all parts work %v later", f.Name, f.lasts, d)
	}
	c.settle(end(), files) // no fault has ended a part
	slices.Sort(took)
	t.Logf("%d faults, all parts worked again after %v at most, %v in the median", len(took), took[len(took)-1], took[len(took)/2])
}
