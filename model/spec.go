package model

import (
	"fmt"
	"slices"
	"strings"
)

// Spec says which network to build.
type Spec struct {
	Encoder    string // small or resnet18
	Image      int    // side of the square input, px
	Norm       string // batch or group
	Hidden     int    // width of the projector's hidden layer; 0: as wide as the embedding
	Projection int    // width of the projection the losses see
}

// encoders is the table of what can be built: one line a network.
var encoders = map[string]struct {
	layers   func(b *builder, x tap) tap // (N, S, S, 3) → (N, width)
	width    int                         // of the embedding
	minImage int                         // px, below which a layer would see nothing
}{
	"small":    {small, 256, 16},
	"resnet18": {resnet18, 512, 32},
}

// Encoders are the names Spec.Encoder takes, sorted.
func Encoders() []string {
	var names []string
	for name := range encoders {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Width is the length of the embedding, the encoder's output before the projector.
func (s Spec) Width() int { return encoders[s.Encoder].width }

// hidden is the width of the projector's hidden layer.
func (s Spec) hidden() int {
	if s.Hidden == 0 {
		return s.Width()
	}
	return s.Hidden
}

// Check says what cannot be built, and what could.
func (s Spec) Check() error {
	e, ok := encoders[s.Encoder]
	switch {
	case !ok:
		return fmt.Errorf("encoder %q is unknown; there are %s", s.Encoder, strings.Join(Encoders(), ", "))
	case s.Image < e.minImage || s.Image > 1024:
		return fmt.Errorf("encoder %s takes images of %d to 1024 px, not %d", s.Encoder, e.minImage, s.Image)
	case s.Norm != "batch" && s.Norm != "group":
		return fmt.Errorf("norm %q is unknown; there are batch and group", s.Norm)
	case s.Hidden < 0 || s.Projection < 2:
		return fmt.Errorf("a projector of %d hidden units and %d outputs cannot be built", s.Hidden, s.Projection)
	}
	return nil
}
