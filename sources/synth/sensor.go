package synth

import (
	"math"
	"math/rand/v2"
)

// sensor turns light into bytes the way one particular camera does: its white balance, its exposure, its
// tone curve and its noise are its own.
type sensor struct {
	gain  vec             // white balance × exposure
	curve *[tones]float32 // light 0…brightest → 8-bit level, before noise
	noise float32         // standard deviation, levels
}

const (
	tones     = 2048
	brightest = 1.6 // linear light beyond which the curve is flat
)

// anySensor draws a sensor whose noise is about the given level.
func anySensor(r *rand.Rand, noise float64) sensor {
	exposure := between(r, 0.85, 1.2)
	s := sensor{
		gain:  vec{between(r, 0.88, 1.12), between(r, 0.92, 1.08), between(r, 0.88, 1.12)}.mul(exposure),
		curve: new([tones]float32),
		noise: float32(noise * between(r, 0.6, 1.4)),
	}
	gamma := between(r, 2.0, 2.4)
	for i := range s.curve {
		light := float64(i) / (tones - 1) * brightest
		light *= (1 + light/2.5) / (1 + light) * 1.25 // a soft shoulder instead of hard clipping
		s.curve[i] = float32(255 * math.Pow(min(light, 1), 1/gamma))
	}
	return s
}

// grain is a long run of standard normal numbers, drawn once for a scene and read from random places:
// per pixel it costs a look-up.
type grain []float32

const grains = 1 << 15

func newGrain(r *rand.Rand) grain {
	g := make(grain, grains)
	for i := range g {
		g[i] = float32(r.NormFloat64())
	}
	return g
}

// develop writes light (linear, h·w·3) as bytes.
func (s *sensor) develop(dst []byte, light []float32, width int, g grain, r *rand.Rand) {
	const scale = (tones - 1) / brightest
	gain := [3]float32{float32(s.gain.x) * scale, float32(s.gain.y) * scale, float32(s.gain.z) * scale}
	for row := 0; row < len(light); row += 3 * width {
		in, out := light[row:row+3*width], dst[row:row+3*width]
		at := int(r.Uint32())
		for i := 0; i+2 < len(in); i += 3 {
			for c := range 3 {
				tone := min(max(int(in[i+c]*gain[c]), 0), tones-1)
				level := s.curve[tone] + s.noise*g[(at+i+c)&(grains-1)] + 0.5
				out[i+c] = byte(min(max(level, 0), 255))
			}
		}
	}
}
