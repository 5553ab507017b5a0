package files

import "crypto/sha256"

// key stands for an id of any length: 128 bits of its SHA-256, so that two ids never meet in practice.
type key [16]byte

func short(id string) key {
	h := sha256.Sum256([]byte(id))
	return key(h[:16])
}

// ids remembers the newest keys that were added, up to a number; the oldest goes first.
type ids struct {
	ring []key
	next int // the slot of the oldest, once the ring is full
	set  map[key]struct{}
}

func newIDs(remembered int) *ids {
	return &ids{ring: make([]key, 0, min(remembered, 1024)), set: map[key]struct{}{}, next: -remembered}
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
	i.set[k] = struct{}{}
	if i.next < 0 { // filling up
		i.ring = append(i.ring, k)
		i.next++
		return
	}
	delete(i.set, i.ring[i.next])
	i.ring[i.next] = k
	i.next = (i.next + 1) % len(i.ring)
}
