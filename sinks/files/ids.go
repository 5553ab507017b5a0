package files

import (
	"crypto/sha256"
	"encoding/binary"
)

// key stands for an id of any length: 64 bits of its SHA-256, so that two of the ids that are remembered together never
// meet in practice (one chance in 10⁹ for all of them).
type key uint64

func short(id string) key {
	h := sha256.Sum256([]byte(id))
	return key(binary.LittleEndian.Uint64(h[:]))
}

// ids remembers the newest keys that were added, up to a number; the oldest goes first. Its memory is taken at once: a
// process that has run for a minute shows what it needs.
type ids struct {
	ring []key
	next int  // the slot of the oldest, or the first that is free
	full bool // every slot holds a key
	set  map[key]struct{}
}

func newIDs(remembered int) *ids {
	i := &ids{ring: make([]key, remembered), set: make(map[key]struct{}, remembered)}
	for slot := range i.ring {
		i.ring[slot] = 1 // not zero, which memory is without being there
	}
	return i
}

func (i *ids) has(k key) bool {
	_, ok := i.set[k]
	return ok
}

// add remembers k; a key that is known keeps its place.
func (i *ids) add(k key) {
	if i.has(k) {
		return
	}
	if i.full {
		delete(i.set, i.ring[i.next])
	}
	i.set[k] = struct{}{}
	i.ring[i.next] = k
	i.next = (i.next + 1) % len(i.ring)
	i.full = i.full || i.next == 0
}
