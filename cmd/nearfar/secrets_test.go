package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/rtsptest"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// The word that must appear nowhere, and the name that goes with it.
const (
	cameraUser     = "sesame"
	cameraPassword = "xyzzy-hunter2"
)

// tells looks for the secret in a text, as it is and as HTTP writes it.
func tells(text []byte) bool {
	return bytes.Contains(text, []byte(cameraPassword)) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString([]byte(cameraUser+":"+cameraPassword))))
}

// searchFolder reads every file below dir and names those that hold the secret.
func searchFolder(t *testing.T, dir string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if tells(text) {
			t.Errorf("%s holds the camera's password", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// arguments are the command lines of this process's children.
func arguments(t *testing.T) (out []byte) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte("capture")) {
			out = append(out, text...)
		}
	}
	return out
}

// TestPasswordsOfCamerasAreNowhereToBeFound runs everything with a camera that wants a password and one that is
// not there, told as much as can be told, and searches all that comes out.
func TestPasswordsOfCamerasAreNowhereToBeFound(t *testing.T) {
	working, refusing, address, out := freeAddress(t), freeAddress(t), freeAddress(t), filepath.Join(t.TempDir(), "run")
	camera := rtsptest.Start(t, working, rtsptest.Options{User: cameraUser, Password: cameraPassword})
	secret := filepath.Join(t.TempDir(), "camera-url")
	if err := os.WriteFile(secret, []byte("rtsp://"+cameraUser+":"+cameraPassword+"@"+working+"/yard?token="+cameraPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CAMERA_PASSWORD", cameraPassword)
	config := configure(t, fmt.Sprintf("{from: %q}", "${file:"+secret+"}"), fmt.Sprintf("{name: gone, from: %q}", "rtsp://"+cameraUser+":${CAMERA_PASSWORD}@"+refusing+"/door"))
	ctx, stop := interruptible(t)
	ended := make(chan result, 1)
	go func() {
		ended <- nearfarIn(ctx, t, "run", "-c", config, "--out", out, "--http", address, "--log-level", "debug", "--log-format", "json", "--set", "http.pprof=true")
	}()
	var text, cmdlines []byte
	eventually(t, "steps and a camera in trouble", func() bool {
		_, scraped := fetch(t, address, "/metrics")
		_, ready := fetch(t, address, "/readyz")
		_, profile := fetch(t, address, "/debug/pprof/goroutine?debug=2")
		text = append(text, scraped+ready+profile...)
		cmdlines = append(cmdlines, arguments(t)...)
		got := samples(t, scraped)
		return got["train_steps_total"] > 5 && got[`camera_up{camera="gone"}`] == 0 && got[`camera_reconnects_total{camera="gone"}`] > 0
	})
	stop()
	r := <-ended
	if r.code != exitOK {
		t.Fatalf("code %d\n%s", r.code, r.err)
	}
	if camera.Refused() == 0 || !strings.Contains(r.err, refusing) || len(cmdlines) == 0 {
		t.Errorf("the camera refused %d requests, %d bytes of command lines; says\n%s", camera.Refused(), len(cmdlines), r.err)
	}
	for what, text := range map[string][]byte{"standard output": []byte(r.out), "standard error": []byte(r.err), "what was answered over http": text, "a command line": cmdlines} {
		if tells(text) {
			t.Errorf("%s holds the camera's password:\n%s", what, text)
		}
	}
	if n := searchFolder(t, out); n < 10 { // run.json, config.yaml, captured.json, metrics, embeddings, checkpoints, the broker's log with every header
		t.Errorf("only %d files in the run's folder", n)
	}
	info, err := os.Stat(filepath.Join(out, configFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", configFile, info.Mode(), err)
	}
	// The configuration holds the references, so the run goes on without anybody's help where they still lead somewhere.
	r = nearfar(t, "run", "--resume", out, "--set", fmt.Sprintf("sources=[{name: album, from: %q, pace: fast}]", pictures(t, 1, 10)))
	if r.code != exitOK || tells([]byte(r.out+r.err)) {
		t.Errorf("resumed: code %d\n%s", r.code, r.err)
	}
	searchFolder(t, out)
}

// TestPasswordsOfCamerasAreNotInKafka looks at every header, key and dead letter that ingest and a trainer leave.
func TestPasswordsOfCamerasAreNotInKafka(t *testing.T) {
	brokers, working := startBroker(t), freeAddress(t)
	rtsptest.Start(t, working, rtsptest.Options{User: cameraUser, Password: cameraPassword})
	url := "rtsp://" + cameraUser + ":" + cameraPassword + "@" + working + "/yard"
	c, err := config.Load(configure(t), config.Options{Settings: []config.Setting{{From: "test", Path: "kafka.brokers", Value: brokers}}})
	if err == nil {
		err = topic.Ensure(t.Context(), c.Kafka.Config, c.Kafka.FramesTopic())
	}
	if err != nil {
		t.Fatal(err)
	}
	send(t, brokers, "frames", frame.Message{Key: []byte("yard"), Value: []byte("\xff\xd8\xff cut")}) // first, so that it is read and buried
	r := nearfar(t, "ingest", "--brokers", brokers, "--source", url, "--source", "gone=rtsp://"+cameraUser+":"+cameraPassword+"@"+freeAddress(t)+"/x", "--for", "4s", "--json", "--log-level", "debug")
	if r.code != exitOK || tells([]byte(r.out+r.err)) {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.err)
	}
	bad := nearfar(t, "train", "-c", configure(t), "--brokers", brokers, "--frames", "5", "--out", filepath.Join(t.TempDir(), "run"), "--log-level", "debug")
	if bad.code != exitOK || tells([]byte(bad.out+bad.err)) {
		t.Errorf("code %d\n%s", bad.code, bad.err)
	}
	for _, name := range []string{"frames", "frames.dlq", "frames.trainers", "embeddings"} {
		messages, err := topic.Tail(t.Context(), topicConfig(brokers), name, 1<<20)
		if err != nil || strings.HasPrefix(name, "frames") && len(messages) == 0 {
			t.Fatalf("%s: %d messages, %v", name, len(messages), err)
		}
		for _, m := range messages {
			line, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if tells(line) || tells(m.Value) || tells(m.Key) {
				t.Errorf("%s holds the camera's password: %s", m.Ref, line)
			}
			for _, h := range m.Headers {
				if tells(h.Value) || strings.Contains(string(h.Value), cameraUser) {
					t.Errorf("header %s of %s: %s", h.Key, m.Ref, h.Value)
				}
			}
		}
	}
}

// TestPasswordsAreNotInErrors gives URLs that cannot be used at all.
func TestPasswordsAreNotInErrors(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--source", "rtsp://" + cameraUser + ":" + cameraPassword + "@h/x", "--set", "nonsense=1"},
		{"run", "--source", "nosuchscheme://" + cameraUser + ":" + cameraPassword + "@h/x?a", "--set", "sources=[{from: 'rtsp://a:" + cameraPassword + "@h', fsp: 1}]"},
		{"config", "print", "--source", "rtsp://" + cameraUser + ":" + cameraPassword + "@h/x", "--set", "kafka.sasl.password=" + cameraPassword},
		{"config", "check", "--set", "http.token=" + cameraPassword + " 1"},
		{"ingest", "--source", "a b=rtsp://" + cameraUser + ":" + cameraPassword + "@h/x", "--brokers", "127.0.0.1:1", "--set", "kafka.timeout=100ms"},
	} {
		if r := nearfar(t, args...); tells([]byte(r.out + r.err)) {
			t.Errorf("%s: says\n%s%s", args[0], r.out, r.err)
		}
	}
}
