// Package finetune is pretraining's other test: train a labelled head and the encoder below it on few labels,
// from a checkpoint and from scratch, and compare. It is the semi-supervised protocol of SimCLR (Chen et al.,
// 2020, arXiv:2002.05709: 1 % and 10 % of the labels), but pictures are shown whole, not in random crops.
//
// Everything is a function of the pictures, the options and the network handed in.
package finetune

import (
	"errors"
	"fmt"
	"math"

	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// Net is an encoder with a labelled head, all of whose weights learn. Images are (n, Size, Size, 3) as
// sampler.Plain writes them; n is always the batch of the options.
type Net interface {
	// Step moves the weights once against the slope of the batch's mean cross-entropy, which it returns.
	Step(images []float32, labels []int, rate float64) (loss float64, err error)
	// Logits is (n, classes), with the norms' running statistics.
	Logits(images []float32) ([]float32, error)
}

// Pictures are frames with their classes.
type Pictures struct {
	Frames []*frame.Frame
	Labels []int // each in [0, Classes)
}

// Options say how long and how fast to learn.
type Options struct {
	Size    int // px, side of the square that the network looks at
	Classes int
	Batch   int     // pictures a step
	Steps   int     // however few the labels are: 1 % of them must not mean 1 % of the steps
	Rate    float64 // learning rate at the first step; it falls to 0 by half a cosine
	Mirror  bool    // show every other picture, by lot, mirrored
	Seed    seed.Seed
}

// Result is what came of it.
type Result struct {
	Accuracy float64 // on test, in [0, 1]
	First    float64 // mean loss of the first tenth of the steps
	Last     float64 // and of the last
	Labels   int     // trained on
}

// Run trains net on train and asks it about test.
func Run(net Net, train, test Pictures, o Options) (Result, error) {
	if err := o.check(train, test); err != nil {
		return Result{}, fmt.Errorf("fine-tuning: %w", err)
	}
	r := Result{Labels: len(train.Labels)}
	deck := deck{seed: o.Seed, n: uint64(len(train.Labels))}
	images, labels := make([]float32, o.Batch*o.pixels()), make([]int, o.Batch)
	tenth := max(1, o.Steps/10)
	for step := range o.Steps {
		for i := range o.Batch {
			row, lot := deck.draw(uint64(step*o.Batch + i))
			o.show(images[i*o.pixels():(i+1)*o.pixels()], train.Frames[row], o.Mirror && lot)
			labels[i] = train.Labels[row]
		}
		loss, err := net.Step(images, labels, o.rate(step))
		if err != nil {
			return Result{}, fmt.Errorf("fine-tuning, step %d: %w", step, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return Result{}, fmt.Errorf("fine-tuning: the loss is %g at step %d; choose a lower rate than %g", loss, step, o.Rate)
		}
		if step < tenth {
			r.First += loss / float64(tenth)
		}
		if step >= o.Steps-tenth {
			r.Last += loss / float64(tenth)
		}
	}
	predicted, err := o.predict(net, test.Frames)
	if err != nil {
		return Result{}, fmt.Errorf("asking the fine-tuned network: %w", err)
	}
	r.Accuracy = eval.Accuracy(predicted, test.Labels)
	return r, nil
}

func (o Options) check(train, test Pictures) error {
	switch {
	case o.Size < 1 || o.Batch < 1 || o.Steps < 1 || o.Classes < 2 || !(o.Rate > 0):
		return fmt.Errorf("size %d, batch %d, steps %d, classes %d and rate %g must be positive, with two classes or more", o.Size, o.Batch, o.Steps, o.Classes, o.Rate)
	case len(train.Frames) == 0 || len(test.Frames) == 0:
		return errors.New("no pictures to train on or to ask about; give more pictures a class")
	}
	for _, p := range []Pictures{train, test} {
		if len(p.Frames) != len(p.Labels) {
			return fmt.Errorf("%d pictures have %d labels", len(p.Frames), len(p.Labels))
		}
		for _, l := range p.Labels {
			if l < 0 || l >= o.Classes {
				return fmt.Errorf("label %d is none of %d classes", l, o.Classes)
			}
		}
	}
	return nil
}

func (o Options) pixels() int { return o.Size * o.Size * 3 }

// rate falls from Rate to 0 by half a cosine.
func (o Options) rate(step int) float64 {
	return o.Rate * (1 + math.Cos(math.Pi*float64(step)/float64(o.Steps))) / 2
}

// show writes a frame as the network sees it.
func (o Options) show(dst []float32, f *frame.Frame, mirrored bool) {
	sampler.Plain(dst, f, o.Size)
	if !mirrored {
		return
	}
	for y := range o.Size {
		line := dst[y*o.Size*3 : (y+1)*o.Size*3]
		for a, b := 0, o.Size-1; a < b; a, b = a+1, b-1 {
			for c := range 3 {
				line[3*a+c], line[3*b+c] = line[3*b+c], line[3*a+c]
			}
		}
	}
}

// predict is the class of each frame; the last batch is filled up with black.
func (o Options) predict(net Net, frames []*frame.Frame) ([]int, error) {
	images := make([]float32, o.Batch*o.pixels())
	classes := make([]int, 0, len(frames))
	for first := 0; first < len(frames); first += o.Batch {
		part := frames[first:min(first+o.Batch, len(frames))]
		clear(images)
		for i, f := range part {
			o.show(images[i*o.pixels():(i+1)*o.pixels()], f, false)
		}
		logits, err := net.Logits(images)
		if err != nil {
			return nil, err
		}
		for i := range part {
			row, best := logits[i*o.Classes:(i+1)*o.Classes], 0
			for c, v := range row {
				if v > row[best] {
					best = c
				}
			}
			classes = append(classes, best)
		}
	}
	return classes, nil
}
