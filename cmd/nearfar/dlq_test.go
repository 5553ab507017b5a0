package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// buried is a Kafka in which a trainer has sent three messages to the dead letters: a cut JPEG of a phone, a
// greeting, and a message that holds what terminals obey.
func buried(t *testing.T) (brokers, out string, cut []byte) {
	t.Helper()
	brokers, out = startBroker(t), filepath.Join(t.TempDir(), "run")
	if r := nearfar(t, "ingest", "--brokers", brokers, "--source", pictures(t, 1, 20)); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	cut = bareJPEG(t, 2)
	cut = cut[:len(cut)*2/3]
	send(t, brokers, "frames",
		frame.Message{Key: []byte("phone"), Value: cut, Headers: []frame.Header{{Key: "ce_source", Value: []byte("phone7")}, {Key: "mine", Value: []byte("kept")}}},
		frame.Message{Value: []byte("hello")},
		frame.Message{Key: []byte("\x1b[2J"), Value: []byte("\x1b]0;evil\a")})
	if r := nearfar(t, "train", "-c", configure(t), "--brokers", brokers, "--frames", "20", "--out", out, "--log-level", "error"); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if r := nearfar(t, "embed", "--brokers", brokers, "--checkpoint", out, "--topic", "frames", "--output", filepath.Join(t.TempDir(), "x.jsonl"), "--log-level", "error"); r.code != exitOK {
		t.Fatalf("%+v", r) // buries what the trainer has left, or all once more
	}
	return brokers, out, cut
}

// listed reads `dlq ls --json`.
func listed(t *testing.T, args ...string) (out []letterLine) {
	t.Helper()
	r := nearfar(t, append([]string{"dlq", "ls", "--json"}, args...)...)
	if r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	for d := json.NewDecoder(strings.NewReader(r.out)); d.More(); {
		var l letterLine
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

func TestDeadLettersAreListedShownAndReplayedOnce(t *testing.T) {
	brokers, _, cut := buried(t)
	all := listed(t, "--brokers", brokers)
	phone := listed(t, "--brokers", brokers, "--camera", "phone7")
	if len(all) < 3 || len(phone) == 0 || phone[0].Size != len(cut) || phone[0].Stage != "decode" || phone[0].Error == "" || phone[0].Replayed || !strings.HasPrefix(phone[0].From, "frames/") {
		t.Fatalf("listed: %+v", all)
	}
	r := nearfar(t, "dlq", "ls", "--brokers", brokers)
	if r.code != exitOK || strings.Contains(r.out, "\x1b") || !strings.HasPrefix(r.out, "place ") || !strings.Contains(r.out, `"\x1b[2J"`) || !strings.Contains(r.out, "phone7") {
		t.Errorf("code %d:\n%q\n%s", r.code, r.out, r.err)
	}
	offset := func(l letterLine) []string {
		return []string{"--brokers", brokers, "--offset", fmt.Sprint(l.Offset)}
	}
	r = nearfar(t, append([]string{"dlq", "show"}, offset(phone[0])...)...)
	if r.code != exitOK || !strings.Contains(r.out, "camera phone7, key phone\n") || !strings.Contains(r.out, "headers  ce_source: phone7\n         mine: kept\n") || !strings.Contains(r.out, "image/jpeg") {
		t.Errorf("code %d:\n%s%s", r.code, r.out, r.err)
	}
	file := filepath.Join(t.TempDir(), "letter.jpg")
	if r = nearfar(t, append([]string{"dlq", "show", "--out", file}, offset(phone[0])...)...); r.code != exitOK {
		t.Errorf("%+v", r)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, cut) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if r = nearfar(t, append([]string{"dlq", "show", "--out", file}, offset(phone[0])...)...); r.code != exitFailure || !strings.Contains(r.err, "exists already") {
		t.Errorf("a file is overwritten: %+v", r)
	}
	before := len(messagesOf(t, brokers))
	replay := []string{"dlq", "replay", "--brokers", brokers, "--camera", "phone7"}
	if r = nearfar(t, append(replay, "--dry-run")...); r.code != exitOK || !strings.Contains(r.out, "would send") || len(messagesOf(t, brokers)) != before {
		t.Errorf("dry: %+v", r)
	}
	if r = nearfar(t, replay...); r.code != exitOK || !strings.Contains(r.err, "nearfar: 1 sent") {
		t.Errorf("%+v", r)
	}
	if r = nearfar(t, replay...); r.code != exitOK || !strings.Contains(r.err, "nearfar: 0 sent, 0 would be, 1 replayed before") {
		t.Errorf("again: %+v", r)
	}
	now := messagesOf(t, brokers)
	if len(now) != before+1 {
		t.Fatalf("%d messages came", len(now)-before)
	}
	found := 0
	for _, m := range now {
		if from, ok := m.Header(topic.HeaderReplayed); ok {
			found++
			mine, _ := m.Header("mine")
			if !bytes.Equal(m.Value, cut) || string(m.Key) != "phone" || mine != "kept" || !strings.HasPrefix(from, phone[0].From) || len(m.Headers) != 3 {
				t.Errorf("came back as %+v", m)
			}
		}
	}
	if phone = listed(t, "--brokers", brokers, "--camera", "phone7"); found != 1 || !phone[0].Replayed {
		t.Errorf("%d came back; listed as %+v", found, phone)
	}
}

// messagesOf is every message of the topic, frame or not.
func messagesOf(t *testing.T, brokers string) []frame.Message {
	t.Helper()
	messages, err := topic.Tail(t.Context(), topicConfig(brokers), "frames", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// A run that is asked again after its letters were replayed accounts for them like for any other message.
func TestAReplayedLetterIsAccountedFor(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	c := configure(t, camera("album", pictures(t, 1, 20), false))
	if r := nearfar(t, "run", "-c", c, "--out", out, "--steps", "3"); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	func() { // strangers write to the run's own broker
		k, done, err := (&app{err: t.Output(), environ: os.Environ()}).runKafka(out)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		send(t, k.Brokers[0], "frames", frame.Message{Key: []byte("x"), Value: []byte("no picture")})
	}()
	if r := nearfar(t, "run", "--resume", out, "--steps", "0"); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if s := summary(t, out); s.DeadLettered != 1 || s.InTopic != 21 {
		t.Fatalf("%+v", s)
	}
	if r := nearfar(t, "dlq", "replay", "--run", out, "--all"); r.code != exitOK || !strings.Contains(r.err, "1 sent") {
		t.Fatalf("%+v", r)
	}
	if r := nearfar(t, "run", "--resume", out, "--steps", "0"); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if s := summary(t, out); s.DeadLettered != 2 || s.InTopic != 22 || s.Others != 2 || s.gap() != 0 {
		t.Errorf("%+v", s)
	}
	if n := len(listed(t, "--run", out)); n != 2 {
		t.Errorf("%d letters", n)
	}
}

func TestReplayWantsToKnowWhich(t *testing.T) {
	for _, tc := range []struct {
		args string
		code int
		says string
	}{
		{"dlq", exitUsage, "say what to do: ls, show or replay"},
		{"dlq replay --brokers 127.0.0.1:1", exitUsage, "say which"},
		{"dlq replay --brokers 127.0.0.1:1 --all --reason corrupt", exitUsage, "say which"},
		{"dlq show --brokers 127.0.0.1:1", exitUsage, "--offset is needed"},
		{"dlq ls", exitConfig, "names no broker"},
		{"dlq ls --run x --brokers 127.0.0.1:1", exitUsage, "drop --brokers"},
		{"dlq ls --brokers 127.0.0.1:1 --set kafka.timeout=300ms", exitUnreachable, "127.0.0.1:1"},
	} {
		if r := nearfar(t, strings.Fields(tc.args)...); r.code != tc.code || !strings.Contains(r.err, tc.says) {
			t.Errorf("%s: %+v", tc.args, r)
		}
	}
	if r := nearfar(t, "dlq", "ls", "--brokers", startBroker(t)); r.code != exitFailure || !strings.Contains(r.err, `no such topic "frames.dlq"`) {
		t.Errorf("%+v", r)
	}
}
