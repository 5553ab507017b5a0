package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// settle holds the accounts of all parts against each other, once the captures are over.
func (c *cluster) settle(captured map[string]sources.Beat, files string) {
	c.t.Helper()
	log := c.acknowledged(captured)
	terminate(c.t, c.trainer)
	// A trainer waits for more for ever; a run whose files Kafka has to their ends learns what there is and ends.
	r := nearfar(c.t, append([]string{"run", "-c", files}, c.trainArgs()[3:]...)...)
	if r.code != exitOK {
		c.t.Fatalf("the trainer's last life: code %d\n%s%s", r.code, r.out, r.err)
	}
	c.trained(log)
	c.embedded(log)
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
	within(c.t, aWhile, "embeddings of all frames by the workers", func() bool {
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
