package sampler

import (
	"fmt"
	"io"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// BenchmarkView is one 64×64 view of a 64×64 frame, drawn and rendered.
func BenchmarkView(b *testing.B) {
	crop := DefaultAugment()
	crop.CropScale, crop.CropRatio, crop.Flip = [2]float64{0.2, 1}, [2]float64{3. / 4, 4. / 3}, 0.5
	still := MoCoV2()
	still.Blur = 0
	blur := DefaultAugment()
	blur.Blur = 1
	for _, bench := range []struct {
		name string
		c    AugmentConfig
	}{{"default", DefaultAugment()}, {"crop", crop}, {"mocov2-without-blur", still}, {"mocov2", MoCoV2()}, {"blur-always", blur}} {
		b.Run(bench.name, func(b *testing.B) {
			f := picture(1, 64, 64)
			dst := make([]float32, 64*64*3)
			var v renderer
			r := seed.New(1).Rand()
			b.ReportAllocs()
			for b.Loop() {
				l := bench.c.draw(r, 64)
				v.render(dst, f, 64, &l)
			}
		})
	}
}

// BenchmarkBatch is a whole batch of 64 pairs from a full reservoir.
func BenchmarkBatch(b *testing.B) {
	for _, recipe := range []string{"default", "mocov2"} {
		b.Run(fmt.Sprint(recipe), func(b *testing.B) {
			cfg := Defaults()
			if recipe == "mocov2" {
				cfg.Augment = MoCoV2()
			}
			s := New(cfg, seed.New(1))
			for _, f := range footage(1, 2500) {
				s.Push(f)
			}
			var batch batch
			step := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				s.takes(step, &batch)
				step++
			}
		})
	}
}

func BenchmarkPlain(b *testing.B) {
	for _, side := range []int{64, 200} {
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			f := picture(1, side, side)
			dst := make([]float32, 64*64*3)
			for b.Loop() {
				Plain(dst, f, 64)
			}
		})
	}
}

// BenchmarkPush is a 64×64 frame on its way into a full reservoir.
func BenchmarkPush(b *testing.B) {
	fs := footage(1, 4000)
	i, s := 0, New(Defaults(), seed.New(1))
	b.ReportAllocs()
	for b.Loop() {
		if i%len(fs) == 0 {
			s = New(Defaults(), seed.New(1))
		}
		s.Push(fs[i%len(fs)])
		i++
	}
}

// BenchmarkSnapshot writes a reservoir as full as one pass of 8640 frames leaves it.
func BenchmarkSnapshot(b *testing.B) {
	s := New(Defaults(), seed.New(1))
	for _, f := range footage(1, 8640) {
		s.Push(f)
	}
	b.SetBytes(s.Bytes())
	for b.Loop() {
		if _, err := s.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMinRed is what minimum redundancy adds to a step: four anchors that come and 64 vectors of 128
// numbers that are learned, with a full buffer.
func BenchmarkMinRed(b *testing.B) {
	for _, size := range []int{2048, 16384} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const dim = 128
			r, draw := replayOf(ReplayMinRed, size, 64, 0, 1), seed.New(1).Rand()
			r.minred.shape(dim)
			random := func() []float32 {
				v := make([]float32, dim)
				for k := range v {
					v[k] = float32(draw.NormFloat64())
				}
				return unit(v)
			}
			learn := func(a *anchor) { r.minred.learn(a.slot, random()) }
			for i, a := range numbered(size) {
				r.add(a)
				r.minred.sights[i].feature = random()
			}
			for i := range r.minred.sights { // any neighbour: to find the nearest would take long
				r.minred.sights[i].near, r.minred.sights[i].cos = i^1, dot(r.minred.sights[i].feature, r.minred.sights[i^1].feature)
			}
			for b.Loop() {
				for _, a := range numbered(4) {
					r.add(a)
					learn(a)
				}
				for range 60 {
					learn(r.kept[draw.IntN(size)])
				}
			}
		})
	}
}
