package sources

import (
	"context"
	"sync"

	"github.com/nearfar/nearfar/streams/frame"
)

// queue holds frames between a source and Kafka, bounded in number and bytes. One goroutine pushes, one
// takes. A frame larger than the byte limit is let in when the queue is empty.
type queue struct {
	limit, byteLimit int

	mu     sync.Mutex
	frames []frame.Encoded
	bytes  int
	closed bool
	more   chan struct{} // a frame came, or the queue was closed
	room   chan struct{} // frames were taken
}

func newQueue(limit, byteLimit int) *queue {
	return &queue{limit: limit, byteLimit: byteLimit, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// full says whether a frame of n bytes has no place. The lock is held.
func (q *queue) full(n int) bool {
	return len(q.frames) > 0 && (len(q.frames) >= q.limit || q.bytes+n > q.byteLimit)
}

func (q *queue) add(e frame.Encoded) {
	q.frames = append(q.frames, e)
	q.bytes += len(e.Data)
	signal(q.more)
}

// push waits for room, or for ctx.
func (q *queue) push(ctx context.Context, e frame.Encoded) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.mu.Lock()
		if !q.full(len(e.Data)) {
			q.add(e)
			q.mu.Unlock()
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
		}
	}
}

// force makes room by dropping the oldest frames, and says how many.
func (q *queue) force(e frame.Encoded) (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.full(len(e.Data)) {
		q.bytes -= len(q.frames[0].Data)
		q.frames[0] = frame.Encoded{}
		q.frames = q.frames[1:]
		dropped++
	}
	q.add(e)
	return dropped
}

// take waits for frames and returns up to n of them; none and false once the queue is closed and empty.
func (q *queue) take(n int) ([]frame.Encoded, bool) {
	for {
		q.mu.Lock()
		if k := min(n, len(q.frames)); k > 0 {
			out := append([]frame.Encoded(nil), q.frames[:k]...)
			clear(q.frames[:k])
			q.frames = q.frames[k:]
			for _, e := range out {
				q.bytes -= len(e.Data)
			}
			signal(q.room)
			q.mu.Unlock()
			return out, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil, false
		}
		<-q.more
	}
}

// close lets take end; nothing is pushed after it.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.more)
}
