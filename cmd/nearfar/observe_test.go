package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/metrics"
	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// TestMetricsAndSummaryAreOneAccount runs a whole run and reads the metrics at its end, while strangers write to
// its topic under many names.
func TestMetricsAndSummaryAreOneAccount(t *testing.T) {
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
	if got["train_step_seconds"] <= 0 || got[`bank_age_steps{objective="moco"}`] != 64/8 { // keys of the bank by those of a step
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

func TestDeadLettersOfEarlierLivesAreTold(t *testing.T) {
	got := map[string]float64{}
	a := online.Account{Dead: map[online.Grave]uint64{{Stage: "decode", Reason: "corrupt"}: 2}}
	a.Counts.DeadLettered = 7
	putAccount(func(name string, v float64, labels ...string) { got[name+strings.Join(labels, "/")] = v }, a)
	if got["dlq_totaldecode/corrupt"] != 2 || got["dlq_totalearlier/before this start"] != 5 {
		t.Errorf("%v", got)
	}
}

func TestCollapsedEmbeddingsAreToldOnce(t *testing.T) {
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
