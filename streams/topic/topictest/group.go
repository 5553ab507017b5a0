package topictest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/topic"
)

// band is a group's members and what they did together.
type band struct {
	s     suite
	topic string

	mu    sync.Mutex
	seen  map[string]int   // times each message was worked through
	holds map[string][]int // the partitions of each member
	wg    sync.WaitGroup
}

// join lets one more member work until it is told to leave.
func (b *band) join(t *testing.T, name string) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	b.wg.Go(func() {
		defer close(gone)
		err := topic.Shared(ctx, b.s.cfg, "band-"+b.topic, b.topic, func(ctx context.Context, share topic.Share) error {
			b.hold(name, share.Only)
			defer b.hold(name, nil)
			return b.work(ctx, share)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("member %s ended with %v", name, err)
		}
	})
	return func() { cancel(); <-gone }
}

// work reads a share and commits after every message.
func (b *band) work(ctx context.Context, share topic.Share) error {
	r, err := topic.NewReader(ctx, b.s.cfg, b.topic, share.From, topic.ReaderOptions{Only: share.Only})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		m, err := r.Fetch(ctx)
		if err != nil {
			return err
		}
		if !slices.Contains(share.Only, m.Ref.Partition) {
			return fmt.Errorf("%s is of a partition that is not among %v", m.Ref, share.Only)
		}
		b.mu.Lock()
		b.seen[string(m.Value)]++
		b.mu.Unlock()
		if err := share.Commit(r.Positions()); err != nil {
			return err
		}
	}
}

func (b *band) hold(name string, ids []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds[name] = ids
}

// until waits for something to have come about.
func (b *band) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		b.mu.Lock()
		done := ok()
		b.mu.Unlock()
		if done {
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t.Fatalf("no %s; %d messages were seen, shares %v", what, len(b.seen), b.holds)
}

// group: members share the partitions; when one comes or leaves they are shared anew, and nothing is left out.
func (s suite) group(t *testing.T) {
	const partitions = 4
	b := &band{s: s, topic: s.topic(t, partitions), seen: map[string]int{}, holds: map[string][]int{}}
	defer b.wg.Wait()
	w, sent := s.writer(t, b.topic), 0
	send := func() {
		for key := range 16 {
			if err := w.Write(s.context(t), numbered(fmt.Sprint("cam", key), sent, 5)...); err != nil {
				t.Fatal(err)
			}
		}
		sent += 5
	}
	all := func() bool { return len(b.seen) == 16*sent }
	send()
	leaveFirst := b.join(t, "first")
	b.until(t, "end of the first messages", all)
	leaveSecond := b.join(t, "second")
	b.until(t, "two shares", func() bool {
		both := append(slices.Clone(b.holds["first"]), b.holds["second"]...)
		slices.Sort(both)
		return len(b.holds["first"]) == partitions/2 && slices.Equal(both, []int{0, 1, 2, 3})
	})
	send()
	b.until(t, "end of what came to two", all)
	leaveFirst()
	b.until(t, "second member with everything", func() bool { return len(b.holds["second"]) == partitions })
	send()
	b.until(t, "end of what came to the one that stayed", all)
	leaveSecond()
	leaveThird := b.join(t, "third") // the group remembers
	b.until(t, "third member with everything", func() bool { return len(b.holds["third"]) == partitions })
	send()
	b.until(t, "end of what came to the third", all)
	leaveThird()
	for value, n := range b.seen {
		if n != 1 { // each member left in peace
			t.Errorf("%s was worked through %d times", value, n)
		}
	}
}
