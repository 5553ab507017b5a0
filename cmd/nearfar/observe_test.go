package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/metrics"
	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// freeAddress is one of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fetch asks an address; code 0 where nobody answers.
func fetch(t *testing.T, address, path string) (code int, body string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(b)
}

// samples reads Prometheus's text: nearfar's own metrics, by name and labels.
func samples(t *testing.T, text string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if !strings.HasPrefix(line, metrics.Prefix) || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		out[strings.TrimPrefix(line[:at], metrics.Prefix)] = v
	}
	return out
}

// process is the value of a metric of the Go runtime or the process.
func process(t *testing.T, text, name string) float64 {
	t.Helper()
	_, after, ok := strings.Cut(text, "\n"+name+" ")
	value, _, _ := strings.Cut(after, "\n")
	v, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil {
		t.Fatalf("%s is %q", name, value)
	}
	return v
}

// agree checks that metrics and summary say the same.
func agree(t *testing.T, got map[string]float64, s runSummary) {
	t.Helper()
	sum := func(family string) (n float64) {
		for name, v := range got {
			if name == family || strings.HasPrefix(name, family+"{") {
				n += v
			}
		}
		return n
	}
	for family, want := range map[string]uint64{
		"frames_captured_total": s.Captured, "frames_acknowledged_total": s.Acknowledged, "frames_trained_total": s.Trained,
		"frames_lost_gap_total": s.Lost, "dlq_total": s.DeadLettered, "frames_embedded_total": s.Embedded,
		"train_steps_total": s.Steps, "train_steps_forgone_total": s.Forgone, `frames_dropped_total{reason="late",stage="merge"}`: s.Late,
		"frames_dropped_total": total(s.Dropped) + s.Late,
	} {
		if n := sum(family); n != float64(want) {
			t.Errorf("%s is %v, the summary says %d", family, n, want)
		}
	}
	for name, want := range map[string]float64{"loss": s.Status.Loss, "embedding_std": s.Status.EmbeddingStd, "embedding_effective_rank": s.Status.EffectiveRank} {
		if got[name] != want {
			t.Errorf("%s is %v, the summary says %v", name, got[name], want)
		}
	}
}

// TestMetricsAndSummaryAreOneAccount runs a whole run and reads the metrics at its end, while strangers write to
// its topic under many names.
func TestMetricsAndSummaryAreOneAccount(t *testing.T) {
	t.Setenv(asProgram, "1")
	brokers, address := startBroker(t), freeAddress(t)
	a := &app{out: io.Discard, err: t.Output()}
	c, err := config.Load(configure(t, camera("left", pictures(t, 2, 20), false), camera("right", pictures(t, 2, 15), true)), config.Options{Settings: []config.Setting{
		{From: "test", Path: "kafka.brokers", Value: brokers}, {From: "test", Path: "kafka.partitions", Value: "1"},
		{From: "test", Path: "run.out", Value: filepath.Join(t.TempDir(), "run")}, {From: "test", Path: "http.listen", Value: address},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := topic.Ensure(t.Context(), c.Kafka.Config, c.Kafka.FramesTopic()); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		send(t, brokers, "frames", frame.Message{Key: []byte(fmt.Sprint("stranger", i)), Value: bareJPEG(t, uint8(i))})
	}
	send(t, brokers, "frames", frame.Message{Value: []byte("hello")}, frame.Message{})
	s, err := a.openSession(c, false, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.openTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.capture(t.Context()); err != nil {
		t.Fatal(err)
	}
	result, err := s.learn(t.Context(), s.feed.Done())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.finish(t.Context(), result); err != nil {
		t.Fatal(err)
	}
	_, text := fetch(t, address, "/metrics")
	got, sum := samples(t, text), s.run.Record.Summary.(runSummary)
	agree(t, got, sum)
	if sum.Captured != 70 || sum.Trained != 82 || sum.DeadLettered != 2 || sum.Steps == 0 {
		t.Errorf("the summary: %+v", sum)
	}
	if got[`dlq_total{reason="not a picture",stage="parse"}`] != 2 || got[`frames_captured_total{camera="left"}`] != 40 || got["checkpoint_bytes"] < 1000 || got["consumer_lag"] != 0 {
		t.Errorf("the metrics:\n%s", text)
	}
	if got["train_step_seconds"] <= 0 || got["train_step_seconds"] > 60 || got[`bank_age_steps{objective="moco"}`] != 64/8 { // keys of the bank by those of a step
		t.Errorf("a step takes %v s, the oldest key is %v steps old", got["train_step_seconds"], got[`bank_age_steps{objective="moco"}`])
	}
	if n := got[`frames_sampled_total{outcome="admitted"}`] + got[`frames_sampled_total{outcome="frozen"}`] + got[`frames_sampled_total{outcome="alone"}`] +
		got[`frames_sampled_total{outcome="disordered"}`] + got[`frames_sampled_total{outcome="ill_formed"}`]; n != float64(sum.Trained) {
		t.Errorf("%v frames are sampled, %d trained", n, sum.Trained)
	}
	if strings.Contains(text, "stranger") {
		t.Error("a name that comes from the topic has become a label")
	}
	if code, body := fetch(t, address, "/readyz"); code != http.StatusOK || !strings.Contains(body, "ok: kafka\nok: checkpoint\nok: cameras\n") {
		t.Errorf("%d %s", code, body)
	}
}

// TestATrainerIsWatchedWhileItWorks scrapes a trainer of which only a signal makes an end.
func TestATrainerIsWatchedWhileItWorks(t *testing.T) {
	t.Setenv(asProgram, "1")
	dir, address, out := t.TempDir(), freeAddress(t), filepath.Join(t.TempDir(), "run")
	b, err := broker.Start(broker.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if b != nil {
			_ = b.Close()
		}
	}()
	if r := nearfar(t, "ingest", "--brokers", b.Addr(), "--source", pictures(t, 1, 30)); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	ctx, stop := interruptible(t)
	ended := make(chan result, 1)
	go func() {
		ended <- nearfarIn(ctx, t, "train", "-c", configure(t), "--brokers", b.Addr(), "--out", out, "--http", address, "--set", "kafka.timeout=1s", "--log-level", "error")
	}()
	eventually(t, "trained frames in the metrics", func() bool {
		_, text := fetch(t, address, "/metrics")
		return samples(t, text)["frames_trained_total"] == 29 // the merge holds the last one back for what may come before it
	})
	if code, body := fetch(t, address, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %s", code, body)
	}
	if code, body := fetch(t, address, "/readyz"); code != http.StatusOK || strings.Contains(body, "cameras") {
		t.Errorf("%d %s", code, body)
	}
	_, text := fetch(t, address, "/metrics")
	before := samples(t, text)
	stop()
	r := <-ended
	s := summary(t, out)
	if r.code != exitOK || s.Trained != 29 || s.Waiting != 1 || before["train_steps_total"] != float64(s.Steps) || before["frames_embedded_total"] > float64(s.Embedded) {
		t.Errorf("code %d, %+v, before it %v\n%s", r.code, s, before, r.err)
	}
	if code, _ := fetch(t, address, "/healthz"); code != 0 {
		t.Errorf("a process that has ended answers %d", code)
	}
}

func TestReadyzNamesTheBrokerThatIsGone(t *testing.T) {
	t.Setenv(asProgram, "1")
	address := freeAddress(t)
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = b.Close()
		}
	}()
	ctx, stop := interruptible(t)
	ended := make(chan result, 1)
	go func() {
		ended <- nearfarIn(ctx, t, "ingest", "--brokers", b.Addr(), "--source", "synth:cameras=1,fps=20", "--http", address, "--set", "kafka.timeout=500ms", "--log-level", "error")
	}()
	eventually(t, "readiness", func() bool { code, _ := fetch(t, address, "/readyz"); return code == http.StatusOK })
	closed = true
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "word of the broker that is gone", func() bool {
		code, body := fetch(t, address, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "not ready: kafka: "+b.Addr())
	})
	if code, _ := fetch(t, address, "/healthz"); code != http.StatusOK {
		t.Errorf("it lives, and says %d", code)
	}
	stop()
	<-ended
}

// feedOf is a feed whose cameras have said so much.
func feedOf(t *testing.T, began time.Time, beats ...sources.Beat) *feed {
	t.Helper()
	p := plan{}
	var children []sources.Child
	for _, b := range beats {
		children = append(children, sources.Child{Camera: b.Camera, Command: []string{"true"}})
	}
	sup, err := sources.NewSupervisor(children, sources.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := p.idle()
	f.sup, f.began, f.done = sup, began, make(chan struct{})
	return f
}

func TestCamerasThatHaveSaidNothingAreDown(t *testing.T) {
	f := feedOf(t, time.Now(), sources.Beat{Camera: "a"}, sources.Beat{Camera: "b"})
	f.Cameras = append(f.Cameras, catalog.Camera{Name: "a"}, catalog.Camera{Name: "b"})
	if err := f.ready().Do(t.Context()); err == nil || err.Error() != "none gives frames: a: no frame yet; b: no frame yet" {
		t.Errorf("%v", err)
	}
	close(f.done)
	if err := f.ready().Do(t.Context()); err != nil {
		t.Errorf("all have ended, and yet: %v", err)
	}
}

func TestCheckpointsThatStopComingAreNoticed(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &saves{now: func() time.Time { return now }, began: now}
	ready := s.ready().Do
	after := func(d time.Duration) { now = now.Add(d) }
	expect := func(what, want string) {
		t.Helper()
		err := ready(t.Context())
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, not %q", what, err, want)
		}
	}
	expect("at the beginning", "")
	after(11 * time.Minute)
	expect("without any", "there is none yet, after 11m0s")
	for range 5 {
		s.add(t.TempDir(), 1)
		after(time.Minute)
	}
	expect("a minute after the last", "")
	after(61 * time.Second)
	expect("two minutes after the last", "the last one is 2m1s old, they used to come every 1m0s")
	s.add(t.TempDir(), 2)
	expect("one has come", "")
	quick := &saves{now: func() time.Time { return now }, began: now.Add(-time.Second)}
	for range 5 {
		quick.add(t.TempDir(), 1)
		after(100 * time.Millisecond)
	}
	after(20 * time.Second)
	if err := quick.ready().Do(t.Context()); err != nil {
		t.Errorf("checkpoints every 100ms may pause for %v: %v", leastSave, err)
	}
}

func TestDeadLettersOfEarlierLivesAreTold(t *testing.T) {
	got := map[string]float64{}
	a := online.Account{Dead: map[online.Grave]uint64{{Stage: "decode", Reason: "corrupt"}: 2}}
	a.Counts.DeadLettered = 7
	putAccount(func(name string, v float64, labels ...string) { got[name+strings.Join(labels, "/")] = v }, a)
	if got["dlq_totaldecode/corrupt"] != 2 || got["dlq_totalearlier/before this start"] != 5 {
		t.Errorf("%v", got)
	}
}

func TestListenersThatCannotBeAreRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tc := range []struct {
		address string
		code    int
		says    string
	}{
		{"0.0.0.0:9090", exitConfig, `--http: http.listen: "0.0.0.0:9090" can be reached from other machines: set http.token`},
		{"nonsense", exitConfig, `--http: http.listen: "nonsense" is no host:port`},
		{taken.Addr().String(), exitFailure, "choose another port"},
	} {
		for _, args := range [][]string{
			{"ingest", "--source", "synth"}, {"train", "--out", filepath.Join(t.TempDir(), "run")}, {"run", "--source", "synth", "--out", filepath.Join(t.TempDir(), "run")},
			{"embed", "--checkpoint", "x", "--topic", "frames", "--output", filepath.Join(t.TempDir(), "x.npy")},
		} {
			r := nearfar(t, append(args, "--brokers", "127.0.0.1:1", "--http", tc.address)...)
			if r.code != tc.code || !strings.Contains(r.err, tc.says) {
				t.Errorf("%s on %s: code %d, says %s", args[0], tc.address, r.code, r.err)
			}
		}
	}
}

func TestCollapsedEmbeddingsAreToldOnce(t *testing.T) {
	t.Setenv(asProgram, "1")
	args := []string{"run", "-c", configure(t, camera("door", pictures(t, 1, 60), true)), "--log-format", "json"}
	r := nearfar(t, append(args, "--out", filepath.Join(t.TempDir(), "run"), "--set", "train.collapse={std: 1, rank: 1000, after: 1}")...)
	if r.code != exitOK || strings.Count(r.err, "embeddings have collapsed") != 1 {
		t.Errorf("code %d\n%s", r.code, r.err)
	}
	r = nearfar(t, append(args, "--out", filepath.Join(t.TempDir(), "run"))...) // too few steps for an alarm
	if r.code != exitOK || strings.Contains(r.err, "collapsed") {
		t.Errorf("code %d\n%s", r.code, r.err)
	}
}

func TestAnEmbedWorkerTellsWhatItHasDone(t *testing.T) {
	var b embedBooks
	if err := b.ready().Do(t.Context()); err == nil {
		t.Error("without a model it is ready")
	}
	b.put(func(name string, _ float64, _ ...string) {
		if name != "build_info" {
			t.Errorf("it tells %s before it knows", name)
		}
	})
	b.take(online.EmbedResult{Embedded: 3, Lost: 2, Lag: 5, Stale: 1, Version: "r@7", Dead: map[online.Grave]uint64{{Stage: "parse", Reason: "corrupt"}: 4}})
	if err := b.ready().Do(t.Context()); err != nil {
		t.Error(err)
	}
	got := map[string]float64{}
	b.put(func(name string, v float64, labels ...string) { got[name+strings.Join(labels, "/")] = v })
	for name, want := range map[string]float64{"frames_embedded_total": 3, "frames_lost_gap_total": 2, "consumer_lag": 5, "stale_messages_total": 1, "dlq_totalparse/corrupt": 4} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// TestEveryMetricIsTold: what the dashboard may show is put somewhere.
func TestEveryMetricIsTold(t *testing.T) {
	var source strings.Builder
	for _, file := range []string{"books.go", "cameras.go", "saves.go", "observe.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, f := range metrics.Families() {
		if !strings.Contains(source.String(), `put("`+f.Name+`", `) {
			t.Errorf("nobody tells %s", f.Name)
		}
	}
}
