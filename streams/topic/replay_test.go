package topic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// graveyard is a topic of frames and one of dead letters, in which n messages lie, those with an odd number for
// reason "odd". Each value differs.
func graveyard(t *testing.T, cfg topic.Config, n int) (originals []frame.Message) {
	t.Helper()
	ensure(t, cfg, topic.Spec{Name: "frames", Partitions: 3})
	ensure(t, cfg, topic.Spec{Name: "frames.dlq", Partitions: 1})
	for i := range n {
		originals = append(originals, frame.Message{
			Key: fmt.Append(nil, "rig", i%4), Value: bytes.Repeat([]byte{byte(i), byte(i >> 8), 7}, 1+i),
			Headers: []frame.Header{{Key: "ce_source", Value: fmt.Append(nil, "cam", i)}, {Key: "ce_source", Value: nil}},
			Ref:     frame.Ref{Topic: "frames", Partition: i % 3, Offset: int64(i)},
		})
		bury(t, cfg, originals[i], i)
	}
	return originals
}

func bury(t *testing.T, cfg topic.Config, m frame.Message, i int) {
	t.Helper()
	d, err := topic.NewDeadLetters(cfg, "frames.dlq", maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Send(minute(t), m, "decode", []string{"even", "odd"}[i%2], errors.New("it is bad")); err != nil {
		t.Fatal(err)
	}
}

func replayer(cfg topic.Config, name string) *topic.Replayer {
	return topic.NewReplayer(cfg, "frames.dlq", "frames", maxBytes, name)
}

func everything(topic.Letter) bool { return true }

// replay replays and counts outcomes.
func replay(r *topic.Replayer, want func(topic.Letter) bool, dry bool) (map[topic.Outcome]int, error) {
	got := map[topic.Outcome]int{}
	err := r.Replay(context.Background(), want, dry, func(_ topic.Letter, o topic.Outcome) { got[o]++ })
	return got, err
}

// expect demands outcomes.
func expect(t *testing.T, what string, got map[topic.Outcome]int, err error, want map[topic.Outcome]int) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, %v, want %v", what, got, err, want)
	}
}

// arrived counts how often each original lies in the topic of frames.
func arrived(t *testing.T, cfg topic.Config) map[string]int {
	t.Helper()
	got := map[string]int{}
	err := topic.Each(minute(t), cfg, "frames", nil, maxBytes, func(m frame.Message) error {
		id, ok := m.Header(topic.HeaderReplayed)
		if !ok {
			t.Errorf("%s was not replayed", m.Ref)
		}
		got[id]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// once demands that n originals have arrived, each once.
func once(t *testing.T, cfg topic.Config, n int) {
	t.Helper()
	got := arrived(t, cfg)
	if len(got) != n {
		t.Errorf("%d originals have arrived, want %d", len(got), n)
	}
	for id, k := range got {
		if k != 1 {
			t.Errorf("%s has arrived %d times", id, k)
		}
	}
}

func TestReplayedLettersAreTheOriginalsAndComeOnce(t *testing.T) {
	_, cfg := local(t)
	originals := graveyard(t, cfg, 7)
	bury(t, cfg, originals[3], 3) // once more, by an embed worker
	odd := func(l topic.Letter) bool { return l.Reason == "odd" }
	got, err := replay(replayer(cfg, "a"), odd, true)
	expect(t, "dry", got, err, map[topic.Outcome]int{topic.WouldSend: 3, topic.Duplicate: 1})
	if n := len(arrived(t, cfg)); n != 0 {
		t.Errorf("dry, it sends %d", n)
	}
	got, err = replay(replayer(cfg, "b"), odd, false)
	expect(t, "the odd ones", got, err, map[topic.Outcome]int{topic.Sent: 3, topic.Duplicate: 1})
	once(t, cfg, 3)
	got, err = replay(replayer(cfg, "c"), everything, false)
	expect(t, "all", got, err, map[topic.Outcome]int{topic.Sent: 4, topic.Already: 3, topic.Duplicate: 1})
	once(t, cfg, 7)
	byValue := map[string]frame.Message{}
	if err := topic.Each(minute(t), cfg, "frames", nil, maxBytes, func(m frame.Message) error { byValue[string(m.Value)] = m; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, o := range originals {
		m := byValue[string(o.Value)]
		if !bytes.Equal(m.Key, o.Key) || len(m.Headers) != 3 || m.Headers[0].Key != "ce_source" || !bytes.Equal(m.Headers[0].Value, o.Headers[0].Value) || m.Headers[2].Key != topic.HeaderReplayed {
			t.Errorf("%+v came back as %+v", o, m)
		}
	}
}

func TestLettersTellWhyAndWhetherTheyWereReplayed(t *testing.T) {
	_, cfg := local(t)
	originals := graveyard(t, cfg, 3)
	if _, err := replay(replayer(cfg, "a"), func(l topic.Letter) bool { return l.From.Offset == 1 }, false); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := replayer(cfg, "b").Letters(minute(t), func(l topic.Letter, replayed bool) error {
		o := originals[n]
		if l.From != o.Ref || l.Stage != "decode" || l.Error != "it is bad" || l.Place.Offset != int64(n) || !bytes.Equal(l.Original.Value, o.Value) || len(l.Original.Headers) != 2 || replayed != (n == 1) {
			t.Errorf("letter %d: %+v, replayed %v", n, l, replayed)
		}
		n++
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("%d letters, %v", n, err)
	}
}

// A letter that is bad again is a new letter, and can be replayed again.
func TestALetterThatIsBuriedAgainCanBeReplayedAgain(t *testing.T) {
	_, cfg := local(t)
	graveyard(t, cfg, 1)
	if _, err := replay(replayer(cfg, "a"), everything, false); err != nil {
		t.Fatal(err)
	}
	if err := topic.Each(minute(t), cfg, "frames", nil, maxBytes, func(m frame.Message) error { bury(t, cfg, m, 0); return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := replay(replayer(cfg, "b"), everything, false)
	expect(t, "buried again", got, err, map[topic.Outcome]int{topic.Already: 1, topic.Sent: 1})
	once(t, cfg, 2)
}

// A replay is killed after it has sent any number of letters, and before it could note that: what it sent is
// found, and nothing comes twice.
func TestAReplayThatIsKilledSendsNothingTwice(t *testing.T) {
	for sent := range 4 {
		_, cfg := local(t)
		graveyard(t, cfg, 4)
		n := 0
		dying := replayer(cfg, "dying")
		dying.SetPace(func(topic.Letter) error {
			if n++; n > sent {
				panic("killed")
			}
			return nil
		})
		func() {
			defer func() { _ = recover() }()
			_, err := replay(dying, everything, false)
			t.Errorf("it was not killed: %v", err)
		}()
		if got := len(arrived(t, cfg)); got != sent {
			t.Fatalf("%d were sent, not %d", got, sent)
		}
		next := replayer(cfg, "next")
		if _, err := replay(next, everything, false); !errors.Is(err, topic.ErrReplaying) {
			t.Errorf("a moment later: %v", err)
		}
		next.SetClock(func() time.Time { return time.Now().Add(next.Lease()) })
		got, err := replay(next, everything, false)
		want := map[topic.Outcome]int{topic.Already: sent, topic.Sent: 4 - sent}
		if sent == 0 {
			delete(want, topic.Already)
		}
		expect(t, fmt.Sprint("after ", sent), got, err, want)
		once(t, cfg, 4)
		got, err = replay(replayer(cfg, "last"), everything, false) // without waiting: all is noted
		expect(t, "after all", got, err, map[topic.Outcome]int{topic.Already: 4})
	}
}

// Two replays know nothing of each other and both mark the same letters; the first one dies after it has sent
// some, which lie before what the second one sees as the end.
func TestTheMarksOfALoserHideNothing(t *testing.T) {
	_, cfg := local(t)
	graveyard(t, cfg, 3)
	first, second := replayer(cfg, "first"), replayer(cfg, "second")
	n := 0
	first.SetPace(func(topic.Letter) error {
		if n++; n == 3 {
			panic("killed")
		}
		return nil
	})
	second.SetPace(func(topic.Letter) error { t.Error("the second one sends"); return nil })
	var begin sync.Once
	_, err := replay(second, func(topic.Letter) bool {
		begin.Do(func() { // the second one has read the marks, and now the first one works
			defer func() { _ = recover() }()
			_, _ = replay(first, everything, false)
		})
		return true
	}, false)
	if !errors.Is(err, topic.ErrReplaying) || len(arrived(t, cfg)) != 2 {
		t.Fatalf("second: %v, %d sent", err, len(arrived(t, cfg)))
	}
	third := replayer(cfg, "third")
	third.SetClock(func() time.Time { return time.Now().Add(third.Lease()) })
	got, err := replay(third, everything, false)
	expect(t, "third", got, err, map[topic.Outcome]int{topic.Already: 2, topic.Sent: 1})
	once(t, cfg, 3)
}

func TestReplaysAtTheSameTimeSendNothingTwice(t *testing.T) {
	_, cfg := local(t)
	graveyard(t, cfg, 30)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			if _, err := replay(replayer(cfg, fmt.Sprint("racer ", i)), everything, false); err != nil && !errors.Is(err, topic.ErrReplaying) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	late := replayer(cfg, "late")
	late.SetClock(func() time.Time { return time.Now().Add(late.Lease()) })
	if _, err := replay(late, everything, false); err != nil {
		t.Error(err)
	}
	once(t, cfg, 30)
}

func TestWhatCannotBeKnownIsNotSent(t *testing.T) {
	c, cfg := cluster(t)
	graveyard(t, cfg, 2)
	w := writer(t, cfg, "frames")
	if err := w.Write(minute(t), number(1), number(2), number(3)); err != nil { // so that the topic does not end at 0
		t.Fatal(err)
	}
	dying := replayer(cfg, "dying")
	dying.SetPace(func(topic.Letter) error { panic("killed") })
	func() {
		defer func() { _ = recover() }()
		_, _ = replay(dying, everything, false)
	}()
	if err := c.DeleteTopic("frames"); err != nil {
		t.Fatal(err)
	}
	ensure(t, cfg, topic.Spec{Name: "frames", Partitions: 3})
	next := replayer(cfg, "next")
	next.SetClock(func() time.Time { return time.Now().Add(next.Lease()) })
	got, err := replay(next, everything, false)
	expect(t, "made anew", got, err, map[topic.Outcome]int{topic.Unknown: 2})
}

func TestMessagesThatAreNoLettersArePassedOver(t *testing.T) {
	_, cfg := local(t)
	graveyard(t, cfg, 1)
	w := writer(t, cfg, "frames.dlq")
	if err := w.Write(minute(t), frame.Message{Value: []byte("x")}, frame.Message{Key: []byte("nearfar.replay"), Value: []byte("{"), Headers: []frame.Header{{Key: "dlq.mark", Value: []byte("replayed")}}},
		frame.Message{Headers: []frame.Header{{Key: "dlq.stage"}, {Key: "dlq.reason"}, {Key: "dlq.error"}, {Key: "dlq.topic"}, {Key: "dlq.partition", Value: []byte("x")}, {Key: "dlq.offset"}}}); err != nil {
		t.Fatal(err)
	}
	got, err := replay(replayer(cfg, "a"), everything, false)
	expect(t, "among others", got, err, map[topic.Outcome]int{topic.Sent: 1})
}

func TestAWriteThatIsTriedOnceIsNotRepeated(t *testing.T) {
	_, cfg := cluster(t)
	ensure(t, cfg, topic.Spec{Name: "frames"})
	cfg.Brokers = []string{"127.0.0.1:1"}
	w, err := topic.NewWriter(cfg, "frames", topic.WriterOptions{MaxBytes: maxBytes, Once: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(minute(t), number(1)); !errors.Is(err, topic.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}
