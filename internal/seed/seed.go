// Package seed hands randomness down by name. Every random decision in nearfar comes from one root seed,
// the name of who asks, and counters that say which decision it is (a step, a frame, a slot), so that a
// resumed run draws the very numbers an uninterrupted one would have drawn, in any order.
package seed

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Seed is a place in the tree of names under one root. It is a value: copy it freely.
type Seed struct{ key [32]byte }

// New is the root of the tree.
func New(root uint64) Seed {
	var s Seed
	binary.LittleEndian.PutUint64(s.key[:], root)
	return s
}

// At goes down to the child of that name.
func (s Seed) At(name string) Seed {
	h := sha256.New()
	h.Write(s.key[:])
	h.Write([]byte(name))
	var child Seed
	h.Sum(child.key[:0])
	return child
}

// Rand is the generator of one decision, told apart by counters: the same counters, the same numbers.
func (s Seed) Rand(counters ...uint64) *rand.Rand {
	h := sha256.New()
	h.Write(s.key[:])
	var b [8]byte
	for _, c := range counters {
		binary.LittleEndian.PutUint64(b[:], c)
		h.Write(b[:])
	}
	var sum [32]byte
	h.Sum(sum[:0])
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[0:]), binary.LittleEndian.Uint64(sum[8:])))
}

// Uint64 is one number of one decision.
func (s Seed) Uint64(counters ...uint64) uint64 { return s.Rand(counters...).Uint64() }
