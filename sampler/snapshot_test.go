package sampler

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/record"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

func written(t interface{ Fatal(...any) }, s *Sampler) []byte {
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatal(n, b.Len(), err)
	}
	return b.Bytes()
}

func TestSnapshotAtAnyPointContinuesByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Defaults()
		c.Batch, c.Image, c.Limit, c.UpdatesPerFrame = 4, 8, rapid.SampledFrom([]int{5, 4096}).Draw(t, "limit"), 0.5
		c.Replay.Policy = rapid.SampledFrom(policies()).Draw(t, "policy")
		c.Replay.Size = rapid.IntRange(1, 12).Draw(t, "size")
		c.Replay.Short = rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(t, "short")
		c.Clip = ClipConfig{Frames: rapid.SampledFrom([]int{0, 2, 3}).Draw(t, "clip"), Stride: 100 * time.Millisecond}
		c.Partners = rapid.IntRange(0, 3).Draw(t, "partners")
		fs := drawFootage(t, 80)
		cut := rapid.IntRange(0, len(fs)).Draw(t, "cut")
		step := uint64(0)
		var b, other batch
		s := New(c, seed.New(1))
		for _, f := range fs[:cut] {
			for s.Push(f); s.Due(); step++ {
				s.takes(step, &b)
				s.learns(&b)
			}
		}
		data := written(t, s)
		in := bytes.NewReader(append(slices.Clone(data), "more"...))
		r, err := Read(in, c, seed.New(1))
		if err != nil || in.Len() != 4 {
			t.Fatalf("%v, %d bytes left instead of 4", err, in.Len())
		}
		if !bytes.Equal(written(t, r), data) {
			t.Fatal("what was read is written otherwise")
		}
		follow := func() {
			for s.Due() {
				if !r.Due() || !s.takes(step, &b) || !r.takes(step, &other) || !sameBatch(&b, &other) {
					t.Fatalf("batch %d differs after the snapshot", step)
				}
				s.learns(&b)
				r.learns(&other)
				clips, others := make([]*frame.Frame, 3*c.Clip.Frames), make([]*frame.Frame, 3*c.Clip.Frames)
				some := s.Clips(&b.Draw, 3, "test", clips)
				if some != r.Clips(&other.Draw, 3, "test", others) || some && !slices.EqualFunc(clips, others, sameFrame) {
					t.Fatalf("clips of step %d differ after the snapshot", step)
				}
				step++
			}
			if r.Due() {
				t.Fatal("a step is due that was not")
			}
		}
		follow()
		for _, f := range fs[cut:] {
			s.Push(f)
			r.Push(f)
			follow()
		}
		s.Flush()
		r.Flush()
		follow()
		if s.Counts() != r.Counts() || !bytes.Equal(written(t, s), written(t, r)) {
			t.Fatal("the ends differ")
		}
	})
}

// example is a sampler in the midst of its work, and its configuration.
func example() (*Sampler, Config) {
	c := Defaults()
	c.Batch, c.Image, c.Partners = 4, 8, 2
	c.Replay.Size, c.Replay.Policy = 6, ReplayMinRed
	c.Clip = ClipConfig{Frames: 2, Stride: 100 * time.Millisecond}
	s := New(c, seed.New(1))
	var b batch
	for i, f := range footage(3, 12) {
		if s.Push(f); s.takes(uint64(i), &b) {
			s.learns(&b)
		}
	}
	return s, c
}

func TestTruncatedSnapshotIsRefused(t *testing.T) {
	s, c := example()
	data := written(t, s)
	for n := 0; n < len(data); n += 1 + n/97 {
		if _, err := Read(bytes.NewReader(data[:n]), c, seed.New(1)); err == nil {
			t.Fatalf("%d of %d bytes are accepted", n, len(data))
		}
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	s, c := example()
	data := written(t, s)
	for i := 0; i < len(data); i += 7 {
		data[i] ^= 1 << (i % 8)
		if _, err := Read(bytes.NewReader(data), c, seed.New(1)); err == nil {
			t.Fatalf("bit %d of byte %d may flip", i%8, i)
		}
		data[i] ^= 1 << (i % 8)
	}
}

func TestSnapshotOfAnotherReplayBufferIsRefused(t *testing.T) {
	s, c := example()
	data := written(t, s)
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Replay.Policy = ReplayFIFO },
		func(c *Config) { c.Replay.Size++ },
		func(c *Config) { c.Replay.Newest = 1 },
		func(c *Config) { c.Clip.Frames = 3 },
		func(c *Config) { c.Limit = 2 },
	} {
		other := c
		spoil(&other)
		_, err := Read(bytes.NewReader(data), other, seed.New(1))
		if err == nil || !strings.Contains(err.Error(), "the configuration asks for") {
			t.Errorf("the error is %v", err)
		}
	}
}

// Bytes that somebody forged on purpose carry a right check sum: they must be refused or be harmless.
func TestForgedSnapshotIsRefusedOrHarmless(t *testing.T) {
	s, c := example()
	data := written(t, s)
	refused, accepted := 0, 0
	forge := func(data []byte) {
		r, err := Read(bytes.NewReader(sign(data)), c, seed.New(1))
		if err != nil {
			refused++
			return
		}
		accepted++
		var b batch
		r.takes(0, &b)
		for _, f := range smallFootage(30) {
			r.Push(f)
		}
		r.Flush()
		r.takes(1, &b)
		r.Due()
		written(t, r)
	}
	r := seed.New(7).Rand()
	for range 3000 {
		forged := slices.Clone(data)
		for range 1 + r.IntN(3) {
			i := r.IntN(len(forged) - 4)
			if r.IntN(2) == 0 {
				i = r.IntN(400) // the header and the first frame
			}
			forged[i] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
		}
		forge(forged)
	}
	for i := range 400 { // whole numbers of the header
		forged := slices.Clone(data)
		binary.LittleEndian.PutUint64(forged[i:], []uint64{1 << 63, 1<<64 - 1, 1 << 62, 0}[i%4])
		forge(forged)
	}
	if refused == 0 || accepted == 0 {
		t.Errorf("%d forgeries refused and %d accepted: the test tries one kind alone", refused, accepted)
	}
}

// seenSlot is a slot whose anchor has a feature.
func seenSlot(s *Sampler) int {
	return slices.IndexFunc(s.replay.minred.sights, func(s sight) bool { return s.feature != nil })
}

// first is a rig of a sampler.
func first(s *Sampler) *rig { return s.rigs[s.rigNames()[0]] }

// sign puts the right check sum on forged bytes.
func sign(data []byte) []byte {
	body := data[:len(data)-4]
	binary.LittleEndian.PutUint32(data[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return data
}

func TestStateThatContradictsItselfIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Sampler){
		"waiting beyond the window":  func(s *Sampler) { r := first(s); r.waiting = len(r.window) + 1 },
		"waiting before the window":  func(s *Sampler) { first(s).waiting = -1 },
		"the next slot elsewhere":    func(s *Sampler) { s.replay.next = 3 },
		"the newest slot elsewhere":  func(s *Sampler) { s.replay.recent.next = 1 << 40 },
		"more anchors than admitted": func(s *Sampler) { s.replay.seen-- },
		"anchors without number":     func(s *Sampler) { s.replay.seen, s.counts.Admitted = 1<<64-1, 1<<64-1 },
		"too few anchors":            func(s *Sampler) { s.replay.kept = s.replay.kept[1:] },
		"too many anchors":           func(s *Sampler) { s.replay.kept = append(s.replay.kept, s.replay.kept...) },
		"too few newest":             func(s *Sampler) { s.replay.recent.items = s.replay.recent.items[1:] },
		"an anchor alone":            func(s *Sampler) { *s.replay.kept[0] = anchor{frame: s.replay.kept[0].frame} },
		"a clip too short":           func(s *Sampler) { a := s.replay.kept[0]; a.clip = a.near[:1] },
		"a feature too few":          func(s *Sampler) { m := s.replay.minred; m.sights = m.sights[1:] },
		"a feature too short":        func(s *Sampler) { f := &s.replay.minred.sights[seenSlot(s)]; f.feature = f.feature[1:] },
		"a feature too long":         func(s *Sampler) { s.replay.minred.sights[seenSlot(s)].feature[0] = 2 },
		"a feature without number":   func(s *Sampler) { s.replay.minred.sights[seenSlot(s)].feature[0] = float32(math.NaN()) },
		"a cosine without number":    func(s *Sampler) { s.replay.minred.sights[seenSlot(s)].cos = float32(math.NaN()) },
		"a neighbour of itself":      func(s *Sampler) { i := seenSlot(s); s.replay.minred.sights[i].near = i },
		"a neighbour elsewhere":      func(s *Sampler) { s.replay.minred.sights[seenSlot(s)].near = 6 },
		"a turn elsewhere":           func(s *Sampler) { s.replay.minred.turn = -1 },
		"a window out of order":      func(s *Sampler) { slices.Reverse(first(s).window) },
		"a frame without pixels":     func(s *Sampler) { first(s).window[0].frame.Pix = nil },
		"a frame without size":       func(s *Sampler) { f := first(s).window[0].frame; f.Width, f.Pix = 0, nil },
		"an enormous frame":          func(s *Sampler) { first(s).window[0].frame.Width = 1 << 40 },
	} {
		s, c := example()
		spoil(s)
		if _, err := Read(bytes.NewReader(written(t, s)), c, seed.New(1)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFrameThatIsNotThereIsRefused(t *testing.T) {
	s, c := example()
	data := written(t, s)
	var records []int // where each begins
	for at := 0; at < len(data)-4; at += 4 + int(binary.LittleEndian.Uint32(data[at:])) {
		records = append(records, at+4)
	}
	n := len(s.frames().list)
	lists := records[1+n+len(s.rigs):] // replay buffer: a count, then the first frame; newest anchors: a count, then the first slot
	if len(lists) != 2+1+len(s.replay.kept) {
		t.Fatalf("%d records after %d frames and %d rigs", len(lists), n, len(s.rigs))
	}
	for _, test := range []struct {
		what string
		at   int
		last uint64 // that may be named
	}{
		{"the first anchor", lists[0], uint64(n) - 1},
		{"the first neighbour of the first anchor", lists[0] + 16, uint64(n) - 1},
		{"the slot of a newest anchor", lists[1], uint64(len(s.replay.kept))},
	} {
		forged := slices.Clone(data)
		binary.LittleEndian.PutUint64(forged[test.at+8:], test.last+1)
		if _, err := Read(bytes.NewReader(sign(forged)), c, seed.New(1)); err == nil {
			t.Errorf("%s is number %d and is accepted", test.what, test.last+1)
		}
		binary.LittleEndian.PutUint64(forged[test.at+8:], test.last)
		if _, err := Read(bytes.NewReader(sign(forged)), c, seed.New(1)); err != nil {
			t.Errorf("%s is the last: %v", test.what, err)
		}
	}
}

func TestHugeClaimsDoNotAllocate(t *testing.T) {
	_, c := example()
	head := binary.LittleEndian.AppendUint32(nil, record.Longest)
	var err error
	got := testing.AllocsPerRun(1, func() { _, err = Read(bytes.NewReader(append(head, 1, 2, 3)), c, seed.New(1)) })
	if err == nil || got > 100 {
		t.Errorf("%v allocations, error %v", got, err)
	}
	size := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			Read(bytes.NewReader(append(head, 1, 2, 3)), c, seed.New(1))
		}
	}).AllocedBytesPerOp()
	if size > 1<<20 {
		t.Errorf("%d bytes are allocated for 7", size)
	}
}
