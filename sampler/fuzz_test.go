package sampler

import (
	"bytes"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// FuzzRead: bytes are refused, or are a sampler that goes on. Each input is also tried with the check sum that it
// should have.
func FuzzRead(f *testing.F) {
	s, c := example()
	data := written(f, s)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(written(f, New(c, seed.New(1))))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		inputs := [][]byte{data}
		if len(data) >= 4 {
			inputs = append(inputs, sign(bytes.Clone(data)))
		}
		for _, data := range inputs {
			s, err := Read(bytes.NewReader(data), c, seed.New(1))
			if err != nil {
				continue
			}
			written(t, s)
			var b batch
			for i, f := range footage(3, 12) {
				if s.Push(f); s.takes(uint64(i), &b) {
					s.learns(&b)
				}
			}
		}
	})
}
