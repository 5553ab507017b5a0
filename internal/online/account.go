package online

import (
	"maps"

	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sampler"
)

// Account is how a run's books stand: what its summary is made of, at any moment.
type Account struct {
	Counts  train.Counts     // over all lives of the run
	Sampled sampler.Counts   // over all lives
	Dead    map[Grave]uint64 // dead letters of this life; the others of Counts.DeadLettered are of earlier ones
	Stale   int64            // messages of this life that came again from before the position
	Rebuilt int64            // readers of this life that had gone silent, and were given up for others
	Frozen  int              // cameras that show one picture for too long
}

// Grave is why a message went to the dead letters: where, and a word or two that can be counted.
type Grave struct{ Stage, Reason string }

// graves counts dead letters. Whoever holds a count keeps it: each burial makes a new one.
type graves struct{ counts map[Grave]uint64 }

func (g *graves) add(stage, reason string) {
	next := maps.Clone(g.counts)
	if next == nil {
		next = map[Grave]uint64{}
	}
	next[Grave{stage, reason}]++
	g.counts = next
}

// account tells how the books stand, after every message.
func (r *run) account() {
	if r.o.Account == nil {
		return
	}
	r.o.Account(Account{Counts: r.trainer.Counts(), Sampled: r.trainer.Sampler(), Dead: r.graves.counts, Stale: r.stale.Load(), Rebuilt: r.rebuilds.Load(), Frozen: r.frozen.cameras()})
}
