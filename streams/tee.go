package streams

import "github.com/reugn/go-streams/extension"

// Tee sends every element to n branches, each with a buffer of its own.
//
//	in  -- 1 -- 2 ---- 3 --
//	out[0] 1 -- 2 ---- 3 --
//	out[1] 1 ------------ 3   (its reader was slow; 2 was dropped and told)
//
// With a policy that drops, a slow branch delays no other; with Wait all go at the pace of the slowest
// once its buffer is full. Branches share the elements: what is sent is read-only. dropped is told the
// branch and the policy's name, from several goroutines; it may be nil only where the policy is Wait.
func Tee[T any](s Stream[T], name string, n, capacity int, policy Policy, dropped func(branch int, reason string)) []Stream[T] {
	if policy != Wait && dropped == nil {
		panic("streams: a Tee that drops needs to be told whom to tell")
	}
	inlets := make([]chan any, n)
	branches := make([]Stream[T], n)
	for i := range n {
		inlets[i] = make(chan any)
		fed := newStream[T](s.p, name, extension.NewChanSource(inlets[i]))
		branches[i] = Buffer(fed, name, capacity, policy, func(reason string) { dropped(i, reason) })
	}
	end := newSink()
	s.into(end, name)
	s.p.spawn(name, func() error {
		for v := range end.in {
			for _, in := range inlets {
				in <- v // a branch's buffer empties its inlet whatever happens
			}
		}
		return nil
	}, func() {
		for _, in := range inlets {
			close(in)
		}
		end.finish()
	})
	return branches
}
