package streams

import (
	"context"
	"fmt"
)

// Policy is what a full buffer does with one element more.
type Policy int

const (
	Wait       Policy = iota // the writer waits: nothing is lost
	DropOldest               // the oldest element goes: for what is live
	DropNewest               // the new element goes
)

func (p Policy) String() string {
	switch p {
	case Wait:
		return "wait"
	case DropOldest:
		return "drop_oldest"
	case DropNewest:
		return "drop_newest"
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}

// Buffer holds up to `capacity` elements (at least one) between a fast stage and a slow one. dropped is
// called for each element the policy throws away, with the policy's name as the reason; it may be nil
// only where the policy is Wait.
func Buffer[T any](s Stream[T], name string, capacity int, policy Policy, dropped func(reason string)) Stream[T] {
	if policy != Wait && dropped == nil {
		panic("streams: a Buffer that drops needs to be told whom to tell")
	}
	capacity = max(capacity, 1)
	return stage(s, name, func(ctx context.Context, in <-chan any, out port[T]) error {
		held := make([]any, 0, capacity)
		for in != nil || len(held) > 0 {
			recv := in
			if policy == Wait && len(held) == capacity {
				recv = nil
			}
			var send chan<- any
			var head any
			if len(held) > 0 {
				send, head = out.ch, held[0]
			}
			select {
			case <-ctx.Done():
				return nil
			case send <- head:
				held = append(held[:0], held[1:]...)
			case v, ok := <-recv:
				switch {
				case !ok:
					in = nil
				case len(held) < capacity:
					held = append(held, v)
				case policy == DropOldest:
					held = append(append(held[:0], held[1:]...), v)
					dropped(policy.String())
				default:
					dropped(policy.String())
				}
			}
		}
		return nil
	})
}
