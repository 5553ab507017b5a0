package sampler

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/nearfar/nearfar/internal/record"
)

// maxDim bounds the features of a snapshot.
const maxDim = 1 << 20

// write writes what is known of the kept anchors: a record of the whole, then one of each. nil writes nothing.
func (m *minred) write(out *record.Writer) {
	if m == nil {
		return
	}
	out.Record(appendNumbers(nil, uint64(m.dim), uint64(m.stripe), uint64(m.turn)))
	var p []byte
	for _, s := range m.sights {
		p = appendNumbers(p[:0], s.born, uint64(s.near), uint64(math.Float32bits(s.cos)))
		for _, x := range s.feature {
			p = binary.LittleEndian.AppendUint32(p, math.Float32bits(x))
		}
		out.Record(p)
	}
}

// read reads what write wrote of so many anchors.
func (m *minred) read(in *record.Reader, kept int) error {
	if m == nil {
		return nil
	}
	rec, err := in.Record()
	if err != nil {
		return err
	}
	dim := rec.Uint64()
	if dim > maxDim {
		rec.Fail()
	}
	m.dim, m.stripe, m.turn = int(dim), int(rec.Uint64()), int(rec.Uint64())
	if err := rec.Done("list of features"); err != nil {
		return err
	}
	for i := range kept {
		rec, err := in.Record()
		if err != nil {
			return fmt.Errorf("feature %d: %w", i, err)
		}
		s := sight{born: rec.Uint64(), near: int(rec.Uint64()), cos: math.Float32frombits(uint32(rec.Uint64()))}
		for p := rec.Take(uint64(len(rec.Rest()))); len(p) >= 4; p = p[4:] {
			s.feature = append(s.feature, math.Float32frombits(binary.LittleEndian.Uint32(p)))
		}
		if rec.Short() || len(s.feature) != 0 && len(s.feature) != m.dim {
			return fmt.Errorf("%w: feature %d has the wrong length", record.ErrCorrupt, i)
		}
		m.sights = append(m.sights, s)
	}
	return nil
}

// consistent says whether the sights of so many anchors hold together.
func (m *minred) consistent(kept int) bool {
	if len(m.sights) != kept || m.stripe < 0 || m.stripe > kept || m.turn < 0 || m.turn > kept {
		return false
	}
	for i, s := range m.sights {
		if !(s.cos >= unknown && s.cos < 2) || s.feature != nil && !(dot(s.feature, s.feature) < 1.01) {
			return false
		}
		if s.near == orphan {
			continue
		}
		if s.feature == nil || s.near < 0 || s.near >= kept || s.near == i || m.sights[s.near].feature == nil {
			return false
		}
	}
	return true
}
