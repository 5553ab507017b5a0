package main

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/proxytest"
	"github.com/nearfar/nearfar/sources"
)

// bound is how long every part may take to work again after the network does: a request that was lost in a black
// hole is waited for as long as kafka.timeout, and then made again.
const bound = 45 * time.Second

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
	t.Setenv(asProgram, "1")
	c := &cluster{t: t, o: o, dir: t.TempDir(), model: learned(t), workers: map[string]*exec.Cmd{}, listen: freeAddress(t)}
	proxy := proxytest.Start(t, c.listen)
	c.addr = proxy.Addr()
	files, live := c.configure()
	c.startBroker()
	filming, filmed := c.spawn("files", "ingest", "-c", files, "--brokers", c.addr, "--json")
	watching, watched := c.spawn("live", "ingest", "-c", live, "--brokers", c.addr, "--json")
	lines := make(chan map[string]sources.Beat, 1)
	go func() { lines <- ledgerLines(t, filmed) }()
	eventually(t, "first frames", func() bool { return c.inTopic("frames") > 0 })
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
	waitLong(t, "work by all parts", ahead([]int{0, 0, 0}))
	var took []time.Duration
	for _, f := range faults {
		end := proxy.Begin(f.Fault)
		time.Sleep(f.lasts)
		end()
		mended, then := time.Now(), alive()
		waitLong(t, "work by all parts after "+f.Name, ahead(then))
		d := time.Since(mended).Round(10 * time.Millisecond)
		if d > bound {
			t.Errorf("%v after the end of %s of %v they worked again", d, f.Name, f.lasts)
		}
		took = append(took, d)
		t.Logf("%s for %v: all parts work %v later", f.Name, f.lasts, d)
	}
	if err := filming.Wait(); err != nil {
		t.Errorf("the capture of files ended with %v", err)
	}
	captured := <-lines
	terminating(t, watching)
	for camera, b := range ledgerLines(t, watched) {
		captured[camera] = b
	}
	if err := watching.Wait(); err != nil {
		t.Errorf("the capture of live cameras ended with %v", err)
	}
	log := c.acknowledged(captured)
	terminate(t, c.trainer) // which none of this has ended
	r := nearfar(t, append([]string{"run", "-c", files}, c.trainArgs()[3:]...)...)
	if r.code != exitOK {
		t.Fatalf("the trainer's last life: code %d\n%s%s", r.code, r.out, r.err)
	}
	c.trained(log)
	c.embedded(log)
	slices.Sort(took)
	t.Logf("%d faults, all parts worked again after %v at most, %v in the median", len(took), took[len(took)-1], took[len(took)/2])
}
