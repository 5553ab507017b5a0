package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/topic"
)

// aWhile bounds what takes as long as a capture does.
const aWhile = 4 * time.Minute

// ordeal is how much a ledger has to bear.
type ordeal struct {
	files, each        int     // cameras that play pictures, and how many each
	fps                float64 // at which they do
	live               int     // synthetic cameras that wait for nobody
	poison             int     // messages that are no frames
	trainers, brokers  int     // kills
	rebalances         int
	workers, partition int
}

// cluster is every part of nearfar in a process of its own.
type cluster struct {
	t       *testing.T
	o       ordeal
	dir     string
	config  string
	model   string // that the workers look with
	addr    string // that clients connect to
	listen  string // of the broker, where a proxy stands before it
	broker  *exec.Cmd
	trainer *exec.Cmd
	workers map[string]*exec.Cmd
	started int // workers, ever
}

// startBroker starts the broker on its folder; after the first time it takes the same port again.
func (c *cluster) startBroker() {
	c.t.Helper()
	if kafkaJars() != "" && c.listen == "" {
		c.startKafka()
		return
	}
	args := []string{"broker", "--dir", filepath.Join(c.dir, "broker")}
	at := c.addr
	if c.listen != "" {
		args, at = append(args, "--advertise", c.addr), c.listen
	}
	port := "0"
	if at != "" {
		_, port, _ = net.SplitHostPort(at)
	}
	cmd, out := program(c.t, append(args, "--port", port)...)
	line, err := out.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	if c.broker = cmd; c.listen == "" {
		c.addr = strings.TrimSpace(line)
	}
}

func (c *cluster) killBroker() {
	kill(c.t, c.broker)
	c.startBroker()
}

func (c *cluster) trainArgs() []string {
	return []string{"train", "-c", c.config, "--brokers", c.addr, "--out", filepath.Join(c.dir, "trained"), "--set", "sinks=[{kind: files},{kind: topic}]"}
}

func (c *cluster) startTrainer() {
	c.trainer, _ = program(c.t, c.trainArgs()...)
}

func (c *cluster) killTrainer() {
	kill(c.t, c.trainer)
	c.startTrainer()
}

func (c *cluster) startWorker() {
	name := fmt.Sprintf("worker%d", c.started)
	c.started++
	c.workers[name], _ = program(c.t, "embed", "-c", c.config, "--brokers", c.addr, "--checkpoint", c.model, "--follow", "--group", "lookers",
		"--out", filepath.Join(c.dir, name), "--set", "sinks=[{kind: topic}]", "--set", "kafka.embeddings=looked")
}

// rebalance makes the workers share anew: by turns one comes, one is killed, one is asked to leave.
func (c *cluster) rebalance(n int) {
	oldest := slices.Sorted(maps.Keys(c.workers))[0]
	switch n % 3 {
	case 0:
		c.startWorker()
		return
	case 1:
		kill(c.t, c.workers[oldest])
	case 2:
		terminate(c.t, c.workers[oldest])
	}
	delete(c.workers, oldest)
	if len(c.workers) < c.o.workers {
		c.startWorker()
	}
}

// inTopic is how many messages a topic holds.
func (c *cluster) inTopic(name string) (n int) {
	bounds, err := topic.Bounds(c.t.Context(), topicConfig(c.addr), name)
	if err != nil {
		return 0 // not there yet, or the broker is coming back
	}
	for _, b := range bounds {
		n += int(b.Next - b.First)
	}
	return n
}

// configure writes the configurations: the ledger's cameras have a rig, and so a partition, each.
func (c *cluster) configure() (files, live string) {
	album := pictures(c.t, 1, c.o.each)
	base := strings.Replace(small, "updates_per_frame: 0.5", "updates_per_frame: 0.05", 1) + fmt.Sprintf("kafka: {partitions: %d, timeout: 30s}\n", c.o.partition) // machines that run tests start brokers slowly
	write := func(name, sources string) string {
		path := filepath.Join(c.dir, name)
		if err := os.WriteFile(path, []byte(base+sources), 0o644); err != nil {
			c.t.Fatal(err)
		}
		return path
	}
	c.config = write("base.yaml", "")
	text := "sources:\n"
	for i := range c.o.files {
		text += fmt.Sprintf("- {name: file%d, from: %q, fps: %g, pace: realtime}\n", i, album, c.o.fps)
	}
	files = write("files.yaml", text)
	text = "sources:\n"
	for i := range c.o.live {
		text += fmt.Sprintf("- {name: live%d, from: synth, cameras: 1, fps: 5, size: 32x24, seed: %d}\n", i, i+1)
	}
	return files, write("live.yaml", text)
}

// ledgerLines are what `nearfar ingest --json` says became of each camera's frames.
func ledgerLines(t *testing.T, out *bufio.Reader) map[string]sources.Beat {
	t.Helper()
	lines := map[string]sources.Beat{}
	for dec := json.NewDecoder(out); dec.More(); {
		var b sources.Beat
		if err := dec.Decode(&b); err != nil {
			t.Fatal(err)
		}
		lines[b.Camera] = b
	}
	return lines
}

// film starts the captures and waits for the first frames. The function waits for the end of the files, asks the live
// cameras to end, and says what became of each camera's frames.
func (c *cluster) film(files, live string) (end func() map[string]sources.Beat) {
	c.t.Helper()
	filming, filmed := program(c.t, "ingest", "-c", files, "--brokers", c.addr, "--json")
	watching, watched := program(c.t, "ingest", "-c", live, "--brokers", c.addr, "--json")
	lines := make(chan map[string]sources.Beat, 1)
	go func() { lines <- ledgerLines(c.t, filmed) }()
	eventually(c.t, "first frames", func() bool { return c.inTopic("frames") > 0 })
	return func() map[string]sources.Beat {
		c.t.Helper()
		if err := filming.Wait(); err != nil {
			c.t.Errorf("the capture of files ended with %v", err)
		}
		captured := <-lines
		terminating(c.t, watching)
		for camera, b := range ledgerLines(c.t, watched) {
			captured[camera] = b
		}
		if err := watching.Wait(); err != nil {
			c.t.Errorf("the capture of live cameras ended with %v", err)
		}
		return captured
	}
}
