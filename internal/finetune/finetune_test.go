package finetune

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// colours is a network that sees nothing but the mean colour of each half of a picture: softmax regression.
type colours struct {
	pixels, classes, batch int
	weights                []float64 // (classes, 7)
	shown                  [][]float32
	fail                   error
	bad                    bool
}

func newColours(o Options) *colours {
	return &colours{pixels: o.Size * o.Size * 3, classes: o.Classes, batch: o.Batch, weights: make([]float64, 7*o.Classes)}
}

func (c *colours) see(image []float32) [7]float64 {
	f := [7]float64{6: 1}
	for i, v := range image {
		half := 0
		if side := int(math.Sqrt(float64(c.pixels / 3))); i/3%side >= side/2 {
			half = 3
		}
		f[half+i%3] += float64(v) / float64(c.pixels/6)
	}
	return f
}

func (c *colours) probabilities(image []float32) []float64 {
	f, p, sum := c.see(image), make([]float64, c.classes), 0.0
	for k := range p {
		for j, v := range f {
			p[k] += c.weights[7*k+j] * v
		}
		p[k] = math.Exp(p[k])
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

func (c *colours) Step(images []float32, labels []int, rate float64) (loss float64, err error) {
	if len(images) != c.batch*c.pixels || len(labels) != c.batch {
		return 0, errors.New("not a whole batch")
	}
	c.shown = append(c.shown, slices.Clone(images))
	grad := make([]float64, len(c.weights))
	for i, label := range labels {
		image := images[i*c.pixels : (i+1)*c.pixels]
		p, f := c.probabilities(image), c.see(image)
		loss -= math.Log(p[label]) / float64(c.batch)
		p[label]--
		for k := range p {
			for j, v := range f {
				grad[7*k+j] += p[k] * v / float64(c.batch)
			}
		}
	}
	for i, g := range grad {
		c.weights[i] -= rate * g
	}
	if c.bad {
		loss = math.NaN()
	}
	return loss, c.fail
}

func (c *colours) Logits(images []float32) ([]float32, error) {
	if len(images) != c.batch*c.pixels {
		return nil, errors.New("not a whole batch")
	}
	var out []float32
	for i := range c.batch {
		for _, p := range c.probabilities(images[i*c.pixels : (i+1)*c.pixels]) {
			out = append(out, float32(math.Log(p)))
		}
	}
	return out, nil
}

var options = Options{Size: 8, Classes: 3, Batch: 10, Steps: 200, Rate: 0.5, Seed: seed.New(1)}

// painted is n pictures whose left half is tinted in the colour of their class.
func painted(name string, n int) (p Pictures) {
	r := seed.New(2).At(name).Rand()
	for i := range n {
		f := &frame.Frame{Width: 8, Height: 8, Pix: make([]byte, 8*8*3)}
		for j := range f.Pix {
			f.Pix[j] = byte(80 + r.IntN(60))
			if j%3 == i%3 && j/3%8 < 4 {
				f.Pix[j] += 30
			}
		}
		p.Frames, p.Labels = append(p.Frames, f), append(p.Labels, i%3)
	}
	return p
}

func TestFineTuningLearnsAndIsAFunctionOfItsSeed(t *testing.T) {
	train, test := painted("train", 33), painted("test", 47) // neither is a whole number of batches
	r, err := Run(newColours(options), train, test, options)
	if err != nil || r.Accuracy < 0.95 || r.Labels != 33 || r.First < 0.8 || r.Last > 0.6*r.First {
		t.Fatalf("%+v, %v", r, err)
	}
	again, err := Run(newColours(options), train, test, options)
	if err != nil || again != r {
		t.Errorf("%+v and %+v, %v", r, again, err)
	}
	other := options
	other.Seed = seed.New(3)
	if differs, err := Run(newColours(other), train, test, other); err != nil || differs.Last == r.Last {
		t.Errorf("another seed gave the same loss %g, %v", differs.Last, err)
	}
}

func TestEveryPictureIsShownEquallyOften(t *testing.T) {
	d := deck{seed: seed.New(4), n: 7}
	var orders [][]int
	for pass := range 5 {
		var order []int
		for place := range 7 {
			row, _ := d.draw(uint64(7*pass + place))
			order = append(order, row)
		}
		orders = append(orders, order)
		if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("pass %d shows %v", pass, order)
		}
	}
	if slices.Equal(orders[0], orders[1]) && slices.Equal(orders[1], orders[2]) {
		t.Error("every pass has the same order")
	}
	back := deck{seed: seed.New(4), n: 7}
	if row, _ := back.draw(9); row != orders[1][2] {
		t.Error("a deck that begins in the middle deals other pictures")
	}
}

func TestMirroringTurnsHalfOfThePicturesAround(t *testing.T) {
	o := options
	o.Mirror, o.Steps = true, 20
	net := newColours(o)
	train := painted("train", 3)
	if _, err := Run(net, train, train, o); err != nil {
		t.Fatal(err)
	}
	right := 0 // pictures whose right half is tinted
	for _, batch := range net.shown {
		for i := range o.Batch {
			f := net.see(batch[i*net.pixels : (i+1)*net.pixels])
			if f[3]+f[4]+f[5] > f[0]+f[1]+f[2] {
				right++
			}
		}
	}
	if right < 60 || right > 140 {
		t.Errorf("%d of 200 are mirrored", right)
	}
}

func TestRateFallsByACosine(t *testing.T) {
	if r := options.rate(0); r != options.Rate {
		t.Errorf("begins at %g", r)
	}
	if r := options.rate(options.Steps / 2); math.Abs(r-options.Rate/2) > 1e-12 {
		t.Errorf("half way at %g", r)
	}
	if r := options.rate(options.Steps - 1); r <= 0 || r > 0.001*options.Rate {
		t.Errorf("ends at %g", r)
	}
}

func TestWhatCannotBeFineTunedSaysWhy(t *testing.T) {
	good := painted("train", 6)
	unlabelled := Pictures{Frames: good.Frames, Labels: good.Labels[:5]}
	foreign := Pictures{Frames: good.Frames, Labels: []int{0, 1, 2, 3, 0, 1}}
	for says, run := range map[string]func() error{
		"give more pictures a class": func() error { _, err := Run(newColours(options), Pictures{}, good, options); return err },
		"6 pictures have 5 labels":   func() error { _, err := Run(newColours(options), unlabelled, good, options); return err },
		"label 3 is none of 3":       func() error { _, err := Run(newColours(options), good, foreign, options); return err },
		"rate 0 must be positive": func() error {
			o := options
			o.Rate = 0
			_, err := Run(newColours(options), good, good, o)
			return err
		},
		"step 0: out of order": func() error {
			net := newColours(options)
			net.fail = errors.New("out of order")
			_, err := Run(net, good, good, options)
			return err
		},
		"the loss is NaN at step 0; choose a lower rate than 0.5": func() error {
			net := newColours(options)
			net.bad = true
			_, err := Run(net, good, good, options)
			return err
		},
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
