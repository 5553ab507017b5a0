package streams_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nearfar/nearfar/streams"
	"github.com/reugn/go-streams/flow"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// count emits 0 to n−1.
func count(n int) func(context.Context, func(int) error) error {
	return func(_ context.Context, emit func(int) error) error {
		for i := range n {
			if err := emit(i); err != nil {
				return err
			}
		}
		return nil
	}
}

// forever emits 0, 1, … until told to stop.
func forever(_ context.Context, emit func(int) error) error {
	for i := 0; ; i++ {
		if err := emit(i); err != nil {
			return err
		}
	}
}

func collect[T any](into *[]T) func(context.Context, T) error {
	return func(_ context.Context, v T) error {
		*into = append(*into, v)
		return nil
	}
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestApplyKeepsOrderForAnyNumberOfWorkers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		workers := rapid.IntRange(-1, 9).Draw(t, "workers")
		bad := rapid.SliceOfDistinct(rapid.IntRange(0, 60), rapid.ID[int]).Draw(t, "bad")
		slow := rapid.IntRange(1, 7).Draw(t, "slow")
		p := streams.NewPipeline(t.Context())
		var busy, most atomic.Int64
		var got, failed []int
		s := streams.Apply(streams.Source(p, "count", count(n)), "double", workers, func(_ context.Context, v int) (int, error) {
			now := busy.Add(1)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			defer busy.Add(-1)
			if v%slow == 0 {
				time.Sleep(10 * time.Microsecond)
			}
			if slices.Contains(bad, v) {
				if v%2 == 0 {
					panic("bad")
				}
				return 0, errors.New("bad")
			}
			return 2 * v, nil
		}, func(_ context.Context, v int, err error) error {
			failed = append(failed, v)
			return nil
		})
		streams.Each(s, "collect", collect(&got))
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		var want, wantFailed []int
		for i := range n {
			if slices.Contains(bad, i) {
				wantFailed = append(wantFailed, i)
			} else {
				want = append(want, 2*i)
			}
		}
		if !slices.Equal(got, want) || !slices.Equal(failed, wantFailed) {
			t.Fatalf("got %v, want %v; failed %v, want %v", got, want, failed, wantFailed)
		}
		if most.Load() > int64(max(workers, 1)) {
			t.Fatalf("%d at once with %d workers", most.Load(), workers)
		}
	})
}

// Whichever part fails, and however: Wait returns that error and nothing is left running.
func TestNothingIsLeftRunningWhateverFails(t *testing.T) {
	sick := errors.New("sick")
	ways := map[string]func() error{
		"error": func() error { return sick },
		"panic": func() error { panic(sick) },
	}
	for _, part := range []string{"source", "apply", "dead letters", "drop", "sink 0", "sink 1", "cancel"} {
		for way, fail := range ways {
			t.Run(part+" "+way, func(t *testing.T) {
				before := goleak.IgnoreCurrent()
				at := func(name string, v int) error {
					if name == part && v > 50 {
						return fail()
					}
					return nil
				}
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				p := streams.NewPipeline(ctx)
				s := streams.Source(p, "source", func(ctx context.Context, emit func(int) error) error {
					return forever(ctx, func(v int) error {
						if part == "cancel" && v > 50 {
							cancel(sick)
						}
						if err := at("source", v); err != nil {
							return err
						}
						return emit(v)
					})
				})
				a := streams.Apply(s, "apply", 3, func(_ context.Context, v int) (int, error) {
					if part == "dead letters" {
						return 0, errors.New("poison")
					}
					return v, at("apply", v)
				}, func(_ context.Context, v int, err error) error {
					if part == "apply" {
						return err
					}
					return at("dead letters", v)
				})
				b := streams.Buffer(a, "buffer", 2, streams.DropOldest, func(string) {
					if part == "drop" {
						panic(sick)
					}
				})
				for i, branch := range streams.Tee(b, "tee", 2, 3, streams.Wait, nil) {
					streams.Each(streams.Batch(branch, "batch", 4, time.Millisecond), "sink", func(_ context.Context, vs []int) error {
						if part == "drop" {
							time.Sleep(time.Millisecond)
						}
						return at(fmt.Sprintf("sink %d", i), vs[len(vs)-1])
					})
				}
				if err := p.Wait(); !errors.Is(err, sick) || strings.Contains(err.Error(), "goroutine") {
					t.Errorf("got %v", err)
				}
				goleak.VerifyNone(t, before)
			})
		}
	}
}

func TestStopLetsWhatWasEmittedFlowToTheEnd(t *testing.T) {
	p := streams.NewPipeline(t.Context())
	emitted := 0
	s := streams.Source(p, "source", func(ctx context.Context, emit func(int) error) error {
		return forever(ctx, func(v int) error {
			err := emit(v)
			if err == nil {
				emitted++
			}
			return err
		})
	})
	var got []int
	b := streams.Buffer(streams.Apply(s, "apply", 4, func(_ context.Context, v int) (int, error) { return v, nil }, nil), "buffer", 10, streams.Wait, nil)
	streams.Each(b, "sink", func(_ context.Context, v int) error {
		if got = append(got, v); v == 100 {
			p.Stop()
		}
		return nil
	})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, upTo(emitted)) {
		t.Errorf("%d emitted, %d arrived", emitted, len(got))
	}
}

func TestAnOutletHasExactlyOneReader(t *testing.T) {
	p := streams.NewPipeline(t.Context())
	streams.Source(p, "lonely", count(3))
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "lonely") {
		t.Errorf("no reader: %v", err)
	}
	p = streams.NewPipeline(t.Context())
	s := streams.Source(p, "popular", count(3))
	for range 2 {
		streams.Each(s, "sink", func(context.Context, int) error { return nil })
	}
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "popular") {
		t.Errorf("two readers: %v", err)
	}
}

func TestStockOperatorsTakePart(t *testing.T) {
	p := streams.NewPipeline(t.Context())
	var got []string
	s := streams.Via[int, string](streams.Source(p, "count", count(3)), "map", flow.NewMap(func(v int) string { return fmt.Sprint(v) }, 1))
	streams.Each(s, "sink", collect(&got))
	if err := p.Wait(); err != nil || !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("got %v, %v", got, err)
	}
	p = streams.NewPipeline(t.Context())
	wrong := streams.Via[int, string](streams.Source(p, "count", forever), "nothing", flow.NewPassThrough())
	streams.Each(wrong, "sink", collect(&got))
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "int") {
		t.Errorf("ints for strings: %v", err)
	}
}

func TestABatchLeavesWhenFullOrSoLongAfterItsFirstElement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := streams.NewPipeline(t.Context())
		began := time.Now()
		s := streams.Source(p, "trickle", func(_ context.Context, emit func(int) error) error {
			for i := range 7 { // at 0, 30, 60, 90, 120, 150, 180 ms; then a rush
				if err := emit(i); err != nil {
					return err
				}
				time.Sleep(30 * time.Millisecond)
			}
			for i := 7; i < 13; i++ {
				if err := emit(i); err != nil {
					return err
				}
			}
			return nil
		})
		var got []string
		streams.Each(streams.Batch(s, "batch", 4, 100*time.Millisecond), "sink", func(_ context.Context, vs []int) error {
			got = append(got, fmt.Sprint(time.Since(began).Milliseconds(), vs))
			return nil
		})
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		want := []string{"90 [0 1 2 3]", "210 [4 5 6 7]", "210 [8 9 10 11]", "210 [12]"}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := streams.NewPipeline(t.Context())
		began := time.Now()
		s := streams.Source(p, "trickle", func(_ context.Context, emit func(int) error) error {
			for i := range 6 {
				if err := emit(i); err != nil {
					return err
				}
				time.Sleep(40 * time.Millisecond)
			}
			return nil
		})
		var got []string
		streams.Each(streams.Batch(s, "batch", 100, 100*time.Millisecond), "sink", func(_ context.Context, vs []int) error {
			got = append(got, fmt.Sprint(time.Since(began).Milliseconds(), vs))
			return nil
		})
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		if want := []string{"100 [0 1 2]", "220 [3 4 5]"}; !slices.Equal(got, want) {
			t.Errorf("a trickle: got %v, want %v", got, want)
		}
	})
}

func TestAFullBufferDoesWhatItsPolicySays(t *testing.T) {
	const capacity, n = 3, 10
	for policy, want := range map[streams.Policy][]int{
		streams.Wait:       upTo(n),
		streams.DropOldest: {7, 8, 9},
		streams.DropNewest: {0, 1, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := streams.NewPipeline(t.Context())
			dropped := map[string]int{}
			var got []int
			b := streams.Buffer(streams.Source(p, "count", count(n)), "buffer", capacity, policy, func(reason string) { dropped[reason]++ })
			streams.Each(b, "sink", func(_ context.Context, v int) error {
				time.Sleep(time.Second)
				got = append(got, v)
				return nil
			})
			if err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			lost := dropped[policy.String()]
			if len(got)+lost != n || !slices.IsSorted(got) || len(dropped) > 1 {
				t.Errorf("%v: got %v, dropped %v of %d", policy, got, dropped, n)
			}
			// The first one or two are on their way before the buffer fills.
			if tail := got[max(0, len(got)-len(want)):]; policy == streams.DropOldest && !slices.Equal(tail, want) {
				t.Errorf("%v: ends with %v, want %v", policy, tail, want)
			}
			if policy == streams.DropNewest && !slices.Equal(got[:3], want) {
				t.Errorf("%v: begins with %v, want %v", policy, got[:3], want)
			}
			if policy == streams.Wait && lost != 0 {
				t.Errorf("%v: lost %d", policy, lost)
			}
		})
	}
}

func TestASlowBranchOfATeeDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := streams.NewPipeline(t.Context())
		s := streams.Source(p, "count", func(_ context.Context, emit func(int) error) error {
			return count(100)(nil, func(v int) error {
				time.Sleep(time.Millisecond)
				return emit(v)
			})
		})
		var lost [2]atomic.Int64
		branches := streams.Tee(s, "tee", 2, 4, streams.DropOldest, func(branch int, reason string) { lost[branch].Add(1) })
		var quick, slow []int
		var took time.Duration
		began := time.Now()
		streams.Each(branches[0], "quick", func(_ context.Context, v int) error {
			quick, took = append(quick, v), time.Since(began)
			return nil
		})
		streams.Each(branches[1], "slow", func(_ context.Context, v int) error {
			time.Sleep(time.Second)
			slow = append(slow, v)
			return nil
		})
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(quick, upTo(100)) || lost[0].Load() != 0 || took > 101*time.Millisecond {
			t.Errorf("the quick branch got %d in %v", len(quick), took)
		}
		if int64(len(slow))+lost[1].Load() != 100 || slow[len(slow)-1] != 99 {
			t.Errorf("the slow branch got %v, dropped %d", slow, lost[1].Load())
		}
	})
}
