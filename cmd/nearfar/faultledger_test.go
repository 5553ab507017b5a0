package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// full says whether faults are tested at full size: NEARFAR_FAULTS=1.
func full() bool { return os.Getenv("NEARFAR_FAULTS") == "1" }

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

// spawn starts a part. Its standard output is handed over; the end of what it says besides is told if the test fails.
func (c *cluster) spawn(name string, args ...string) (*exec.Cmd, *bufio.Reader) {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	log, err := os.CreateTemp(c.dir, name+"-*.log")
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), asProgram+"=1"), log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && c.t.Failed() {
			c.t.Logf("%s said last:\n%s", filepath.Base(log.Name()), text[max(0, len(text)-3000):])
		}
	})
	return cmd, bufio.NewReader(out)
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
	cmd, out := c.spawn("broker", append(args, "--port", port)...)
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
	c.trainer, _ = c.spawn("trainer", c.trainArgs()...)
}

func (c *cluster) killTrainer() {
	kill(c.t, c.trainer)
	c.startTrainer()
}

func (c *cluster) startWorker() {
	name := fmt.Sprintf("worker%d", c.started)
	c.started++
	c.workers[name], _ = c.spawn(name, "embed", "-c", c.config, "--brokers", c.addr, "--checkpoint", c.model, "--follow", "--group", "lookers",
		"--out", filepath.Join(c.dir, name), "--set", "sinks=[{kind: topic}]", "--set", "kafka.embeddings=looked")
}

// rebalance makes the workers share anew: by turns one comes, one is killed, one is asked to leave.
func (c *cluster) rebalance(n int) {
	oldest := slices.Sorted(keysOf(c.workers))[0]
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

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// kill ends a process as a power cut would.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("it had ended before it was killed: %v", err)
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("%v was to be killed, and had ended by itself: %v", cmd.Args[1:2], cmd.ProcessState)
	}
}

// terminating asks a process to end.
func terminating(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("asking %v to end: %v", cmd.Args[1:2], err)
	}
}

// terminate asks a process to end and holds it to that.
func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	terminating(t, cmd)
	if err := cmd.Wait(); err != nil {
		t.Errorf("asked to end, %v ends with %v", cmd.Args[1:2], err)
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

// TestFaultLedger numbers frames at capture and finds each again at every stage, while trainers, brokers and embed
// workers are killed.
func TestFaultLedger(t *testing.T) {
	o := ordeal{files: 6, each: 80, fps: 20, live: 1, poison: 12, trainers: 1, brokers: 1, rebalances: 2, workers: 2, partition: 6}
	if full() {
		o = ordeal{files: 10, each: 1950, fps: 20, live: 2, poison: 200, trainers: 5, brokers: 3, rebalances: 5, workers: 2, partition: 6}
	}
	t.Setenv(asProgram, "1")
	c := &cluster{t: t, o: o, dir: t.TempDir(), model: learned(t), workers: map[string]*exec.Cmd{}}
	files, live := c.configure()
	c.startBroker()
	filming, filmed := c.spawn("files", "ingest", "-c", files, "--brokers", c.addr, "--json")
	watching, watched := c.spawn("live", "ingest", "-c", live, "--brokers", c.addr, "--json")
	atOnce := make(chan map[string]sources.Beat, 1)
	go func() { atOnce <- ledgerLines(t, filmed) }()
	eventually(t, "first frames", func() bool { return c.inTopic("frames") > 0 })
	c.startTrainer()
	for range o.workers {
		c.startWorker()
	}
	c.suffer(o.files * o.each)

	if err := filming.Wait(); err != nil {
		t.Errorf("the capture of files ended with %v", err)
	}
	captured := <-atOnce
	terminating(t, watching)
	for camera, b := range ledgerLines(t, watched) {
		captured[camera] = b
	}
	if err := watching.Wait(); err != nil {
		t.Errorf("the capture of live cameras ended with %v", err)
	}
	log := c.acknowledged(captured)
	terminate(t, c.trainer)
	// A trainer waits for more for ever; a run whose files Kafka has to their ends learns what there is and ends.
	r := nearfar(t, append([]string{"run", "-c", files}, c.trainArgs()[3:]...)...)
	if r.code != exitOK {
		t.Fatalf("the trainer's last life: code %d\n%s%s", r.code, r.out, r.err)
	}
	c.trained(log)
	c.embedded(log)
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
		waitLong(c.t, fmt.Sprintf("%d frames in Kafka before event %d, %s", due, i, e), func() bool { return c.inTopic("frames") >= due })
		c.poison(i, len(events))
		if e != "broker" { // what is killed has worked before
			saved := func() bool {
				found, err := filepath.Glob(filepath.Join(c.dir, "trained", "checkpoints", "step-*", "manifest.json"))
				return err == nil && len(found) > 0
			}
			waitLong(c.t, "checkpoint and looked at frames", func() bool { return saved() && c.inTopic("looked") > 0 })
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

// waitLong is eventually, for as long as the capture takes.
func waitLong(t *testing.T, what string, has func() bool) {
	t.Helper()
	for deadline := time.Now().Add(4 * time.Minute); !has(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within four minutes", what)
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

// number is a frame as its camera counts it.
type number struct {
	camera string
	seq    uint64
}

// logged is what the topic of frames holds.
type logged struct {
	frames  map[frame.Ref]number
	poison  map[frame.Ref]bool
	numbers map[number]int // times each lies there
}

// acknowledged reads the topic and holds the cameras' accounts against it.
func (c *cluster) acknowledged(captured map[string]sources.Beat) logged {
	c.t.Helper()
	l := logged{map[frame.Ref]number{}, map[frame.Ref]bool{}, map[number]int{}}
	of := map[string]uint64{} // distinct frames in the log
	err := topic.Each(c.t.Context(), topicConfig(c.addr), "frames", nil, 1<<20, func(m frame.Message) error {
		e, err := frame.Parse(m)
		if err != nil {
			l.poison[m.Ref] = true
			return nil
		}
		n := number{e.Camera, e.Seq}
		if l.numbers[n]++; l.numbers[n] == 1 {
			of[e.Camera]++
		}
		l.frames[m.Ref] = n
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if len(captured) != c.o.files+c.o.live || len(l.poison) < c.o.poison {
		c.t.Errorf("accounts of %d cameras, %d messages that are no frames", len(captured), len(l.poison))
	}
	var all, dropped uint64
	for camera, b := range captured {
		if b.Captured != b.Acked+b.Lost() {
			c.t.Errorf("camera %s: %d captured, %d acknowledged, %v dropped", camera, b.Captured, b.Acked, b.Dropped)
		}
		all, dropped = all+b.Captured, dropped+b.Lost()
		if file := strings.HasPrefix(camera, "file"); file && (b.Acked != uint64(c.o.each) || of[camera] != uint64(c.o.each)) ||
			of[camera] < b.Acked || of[camera] > b.Captured {
			c.t.Errorf("camera %s: %d captured, %d acknowledged, %d in the log", camera, b.Captured, b.Acked, of[camera])
		}
	}
	for camera := range captured {
		for seq := range uint64(c.o.each) {
			if strings.HasPrefix(camera, "file") && l.numbers[number{camera, seq}] == 0 {
				c.t.Errorf("frame %d of %s is missing from the log", seq, camera)
			}
		}
	}
	c.t.Logf("%d captured, %d dropped with a reason, %d messages in the log: %d frames, of which %d lie there twice, and %d that are none",
		all, dropped, len(l.frames)+len(l.poison), len(l.numbers), len(l.frames)-len(l.numbers), len(l.poison))
	return l
}

// trained holds the trainer's accounts, embeddings and dead letters against the log.
func (c *cluster) trained(l logged) {
	c.t.Helper()
	s := summary(c.t, filepath.Join(c.dir, "trained"))
	if s.Trained != uint64(len(l.numbers)) || s.Repeated != uint64(len(l.frames)-len(l.numbers)) || s.DeadLettered != uint64(len(l.poison)) ||
		s.Late+s.Lost+s.Waiting+s.Unread != 0 || s.InTopic != uint64(len(l.frames)+len(l.poison)) || s.Embedded != s.Trained || s.gap() != 0 {
		c.t.Errorf("the log holds %d frames, %d of them twice, and %d others; the trainer's accounts: %+v",
			len(l.numbers), len(l.frames)-len(l.numbers), len(l.poison), s)
	}
	times := map[number]int{}
	file := embeddingsOf(c.t, filepath.Join(c.dir, "trained", "embeddings.jsonl")) // no id and no frame twice
	for _, e := range file {
		times[l.frames[e.Ref]]++
	}
	missing, twice := 0, 0
	for n := range l.numbers {
		switch {
		case times[n] == 0:
			missing++
		case times[n] > 1:
			twice++
		}
	}
	if missing+twice != 0 || len(file) != len(l.numbers) {
		c.t.Errorf("of %d frames %d were not trained on and %d were twice; %d embeddings", len(l.numbers), missing, twice, len(file))
	}
	if sent := c.embeddings("embeddings"); len(sent) != len(file) {
		c.t.Errorf("%d distinct embeddings in the topic, %d in the file", len(sent), len(file))
	}
	buried := map[string]bool{}
	letters, err := topic.Tail(c.t.Context(), topicConfig(c.addr), "frames.dlq", 1<<20)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, m := range letters {
		partition, _ := m.Header("dlq.partition")
		offset, _ := m.Header("dlq.offset")
		buried[partition+"@"+offset] = true
	}
	if len(buried) != len(l.poison) {
		c.t.Errorf("%d of %d messages that are no frames are among the dead letters", len(buried), len(l.poison))
	}
	c.t.Logf("trained %d, missing %d, twice %d, passed over as repeats %d, dead letters %d (sent %d times), %d steps",
		s.Trained, missing, twice, s.Repeated, len(buried), len(letters), s.Steps)
}

// embeddings are the distinct ones in a topic, by id.
func (c *cluster) embeddings(name string) map[string]frame.Ref {
	c.t.Helper()
	out := map[string]frame.Ref{}
	err := topic.Each(c.t.Context(), topicConfig(c.addr), name, nil, 1<<20, func(m frame.Message) error {
		var e frame.Embedding
		if err := json.Unmarshal(m.Value, &e); err != nil {
			return err
		}
		if was, ok := out[e.ID]; ok && was != e.Ref {
			return fmt.Errorf("embedding %s is of %s and of %s", e.ID, was, e.Ref)
		}
		out[e.ID] = e.Ref
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// embedded waits for the workers to have looked at every frame and holds what they wrote against the log.
func (c *cluster) embedded(l logged) {
	c.t.Helper()
	waitLong(c.t, "embeddings of all frames by the workers", func() bool {
		return c.inTopic("looked") >= len(l.frames) && len(c.embeddings("looked")) >= len(l.frames)
	})
	for _, cmd := range c.workers {
		terminate(c.t, cmd)
	}
	of := map[frame.Ref]int{}
	looked := c.embeddings("looked")
	for _, ref := range looked {
		of[ref]++
	}
	for ref := range l.frames {
		if of[ref] != 1 {
			c.t.Errorf("%s has %d embeddings by the workers", ref, of[ref])
		}
	}
	if len(looked) != len(l.frames) {
		c.t.Errorf("%d embeddings by the workers, of %d messages", len(looked), len(l.frames))
	}
	c.t.Logf("%d workers embedded %d messages, %d records sent", c.started, len(looked), c.inTopic("looked"))
}
