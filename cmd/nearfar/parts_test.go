package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// send writes messages to a topic, as any client of Kafka may.
func send(t *testing.T, brokers, name string, messages ...frame.Message) {
	t.Helper()
	w, err := topic.NewWriter(topicConfig(brokers), name, topic.WriterOptions{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
}

// bareJPEG is a picture's bytes and nothing else.
func bareJPEG(t *testing.T, shade uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 40, 30))
	for i := range img.Pix {
		img.Pix[i] = uint8(i) ^ shade
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestForeignPicturesAreLearnedAndWhatIsNoneIsBuried(t *testing.T) {
	brokers, out, album := startBroker(t), filepath.Join(t.TempDir(), "run"), pictures(t, 1, 20)
	whole, cut := bareJPEG(t, 1), bareJPEG(t, 2)
	cut = cut[:len(cut)*2/3]
	if r := nearfar(t, "ingest", "--brokers", brokers, "--source", album); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	send(t, brokers, "frames",
		frame.Message{Key: []byte("phone"), Value: whole},
		frame.Message{Key: []byte("phone"), Value: cut},
		frame.Message{Value: []byte("hello, is this the right topic?")},
		frame.Message{Key: []byte("phone"), Value: bareJPEG(t, 3)})
	r := nearfar(t, "run", "-c", configure(t), "--brokers", brokers, "--source", album, "--out", out)
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if s := summary(t, out); s.Trained != 22 || s.InTopic != 24 || s.DeadLettered != 2 || s.Unread+s.Waiting+s.Late+s.Lost+s.Captured != 0 || s.Others != 24 {
		t.Errorf("the accounts: %+v", s)
	}
	letters, err := topic.Tail(t.Context(), topicConfig(brokers), "frames.dlq", 100)
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d dead letters, %v", len(letters), err)
	}
	reasons := map[string]string{}
	for _, m := range letters {
		reason, _ := m.Header("dlq.reason")
		stage, _ := m.Header("dlq.stage")
		from, _ := m.Header("dlq.topic")
		offset, _ := m.Header("dlq.offset")
		text, _ := m.Header("dlq.error")
		if from != "frames" || offset == "" || text == "" {
			t.Errorf("a letter of topic %q offset %q error %q", from, offset, text)
		}
		reasons[string(m.Value)] = stage + ": " + reason
	}
	if reasons[string(cut)] != "decode: corrupt" && reasons[string(cut)] != "decode: undecodable" || !strings.HasSuffix(reasons["hello, is this the right topic?"], ": not a picture") {
		t.Errorf("the letters' reasons: %q", reasons)
	}
	cameras := map[string]int{}
	for _, e := range embeddingsOf(t, filepath.Join(out, "embeddings.jsonl")) {
		cameras[e.Camera]++
	}
	if cameras["phone"] != 2 || cameras["album"] != 20 {
		t.Errorf("embeddings by camera: %v", cameras)
	}
}

func TestTheEmbedWorkerWaitsForTheTrainerAndFollows(t *testing.T) {
	brokers, dir := startBroker(t), t.TempDir()
	trained, worker := filepath.Join(dir, "trained"), filepath.Join(dir, "worker")
	album := pictures(t, 1, 30)
	if r := nearfar(t, "ingest", "--brokers", brokers, "--source", album); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	start := func() func() {
		cmd, said := program(t, "embed", "-c", configure(t), "--brokers", brokers, "--checkpoint", trained, "--follow", "--out", worker)
		go func() { _, _ = said.WriteTo(t.Output()) }()
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		return func() {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("asked to end, the worker ends with %v", err)
			}
		}
	}
	has := func(n int) func() bool {
		return func() bool {
			text, err := os.ReadFile(filepath.Join(worker, "embeddings.jsonl"))
			return err == nil && bytes.Count(text, []byte("\n")) >= n
		}
	}
	stop := start() // before there is a checkpoint
	r := nearfar(t, "train", "-c", configure(t), "--brokers", brokers, "--frames", "30", "--out", trained, "--set", "sinks=[{kind: files}]")
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if s := summary(t, trained); s.InTopic != 30 || s.Captured != 0 || s.Steps == 0 {
		t.Fatalf("code %d, %+v\n%s", r.code, s, r.err)
	}
	eventually(t, "embeddings of the first frames", has(30))
	stop()
	for i := range 5 {
		drawPicture(t, filepath.Join(album, "scene0", "9"+string(rune('0'+i))+".jpg"), uint8(200+i))
	}
	if r := nearfar(t, "ingest", "--brokers", brokers, "--source", album); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	stop = start()
	eventually(t, "embeddings of later frames", has(35))
	stop()
	got := embeddingsOf(t, filepath.Join(worker, "embeddings.jsonl"))
	if len(got) != 35 {
		t.Errorf("%d embeddings, want 35", len(got))
	}
	sent, err := topic.Tail(t.Context(), topicConfig(brokers), "embeddings", 1000)
	if err != nil || len(sent) != 35 {
		t.Errorf("%d embeddings in the topic, %v", len(sent), err)
	}
}

func TestStartingUpIsInterruptedAtOnce(t *testing.T) {
	ctx, stop := interruptible(t)
	stop()
	r := nearfarIn(ctx, t, "run", "-c", configure(t, camera("a", pictures(t, 1, 1), false)), "--brokers", "127.0.0.1:1",
		"--set", "kafka.timeout=10m", "--out", filepath.Join(t.TempDir(), "run"))
	if r.code != 143 || !strings.Contains(r.err, "nearfar: stopped by terminated") {
		t.Errorf("code %d, %s", r.code, r.err)
	}
}

func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	class := filepath.Join(t.TempDir(), "album", "class")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	endless := filepath.Join(class, "0.jpg") // a picture that never comes to its end
	if err := syscall.Mkfifo(endless, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, _ := program(t, "eval", "--checkpoint", learned(t), "--images", filepath.Dir(class))
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var pipe *os.File
	eventually(t, "reader of the picture", func() (ok bool) {
		var err error
		pipe, err = os.OpenFile(endless, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil
	})
	defer pipe.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, "end", func() bool {
		select {
		case <-ended:
			return true
		default:
			_ = cmd.Process.Signal(syscall.SIGTERM)
			return false
		}
	})
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("code %d", code)
	}
}
