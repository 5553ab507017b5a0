package model

import (
	"fmt"
	"slices"
	"strings"
)

// Spec says which network to build: one encoder, and the heads of the objectives that share it.
type Spec struct {
	Encoder string // see encoders
	Image   int    // side of the square input, px
	Norm    string // batch or group
	// Split makes two networks of half the width that never see each other, one on lightness and one on
	// colour, with their features side by side (Zhang et al. 2017, arXiv:1611.09842).
	Split bool
	Heads []Head
	// Through is the head whose output is the embedding; empty: the encoder's own output is. It is no part of what
	// is trained or saved.
	Through string
}

// encoders is the table of what can be built: one line a network.
var encoders = map[string]struct {
	layers   func(b *builder, x tap, name string, share int) tap // (N, S, S, C) → (N, h, w, width/share)
	width    int                                                 // of the embedding
	minImage int                                                 // px, below which a layer would see nothing
	stride   int                                                 // px of the picture a place of the map
	about    string
}{
	"small":      {small, 256, 16, 16, "four 3×3 stride-2 convolutions, 32-64-128-256"},
	"resnet18":   {resnet18, 512, 32, 32, "the residual network of 18 layers"},
	"resnet50":   {resnet50, 2048, 32, 32, "the residual network of 50 layers"},
	"vit-tiny":   {vit(16), vitWidth, 32, 16, "the vision transformer of 12 blocks of 192, over patches of 16 px"},
	"vit-tiny-8": {vit(8), vitWidth, 16, 8, "the same over patches of 8 px, for small pictures"},
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

// AboutEncoder says in a few words what an encoder is.
func AboutEncoder(name string) string { return encoders[name].about }

// Width is the length of the embedding, the encoder's output before any head.
func (s Spec) Width() int { return encoders[s.Encoder].width }

// Dim is the length of an embedding: Width, or as many numbers as the head gives that it goes through.
func (s Spec) Dim() int {
	if h, ok := s.Head(s.Through); ok {
		return h.Out
	}
	return s.Width()
}

// Places is the side of the encoder's map for pictures of a size: (N, h, w, Width) with h = w = Places.
func (s Spec) Places(size int) int {
	stride := encoders[s.Encoder].stride
	return (size + stride - 1) / stride
}

// MinImage is the smallest picture the encoder takes, px.
func (s Spec) MinImage() int { return encoders[s.Encoder].minImage }

// Head is the head of that name.
func (s Spec) Head(name string) (Head, bool) {
	for _, h := range s.Heads {
		if h.Name == name {
			return h, true
		}
	}
	return Head{}, false
}

// Only is the spec with these heads and no others.
func (s Spec) Only(heads ...string) Spec {
	all := s.Heads
	s.Heads = nil
	for _, h := range all {
		if slices.Contains(heads, h.Name) {
			s.Heads = append(s.Heads, h)
		}
	}
	return s
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
	}
	seen := map[string]bool{"encoder": true}
	for _, h := range s.Heads {
		if err := h.check(); err != nil {
			return err
		}
		if seen[h.Name] {
			return fmt.Errorf("two heads are called %q; give each objective a name of its own", h.Name)
		}
		seen[h.Name] = true
	}
	return nil
}
