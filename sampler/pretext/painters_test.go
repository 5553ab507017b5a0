package pretext

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// painter is one task: it paints view with r into what it returns, and what it returns it may use again.
type painter struct {
	name  string
	paint func(view []float32, r *rand.Rand) [][]float32
}

// painters are all tasks that make pictures, at the usual size.
func painters(t testing.TB) []painter {
	const size, tile, grid = 64, 32, 16
	jigsaw, err := NewJigsaw(NewTiles(size, tile), 24, seed.New(1))
	if err != nil {
		t.Fatal(err)
	}
	colour := mustColour(t, 5)
	split, err := NewSplitBrain(colour, 100)
	if err != nil {
		t.Fatal(err)
	}
	whole, plane := make([]float32, 3*size*size), make([]float32, size*size)
	first, second, nine := make([]float32, 3*tile*tile), make([]float32, 3*tile*tile), make([]float32, 9*3*tile*tile)
	index, weight, levels := make([]int32, grid*grid*5), make([]float32, grid*grid*5), make([]int32, grid*grid)
	all := []painter{
		{"rotation", func(view []float32, r *rand.Rand) [][]float32 {
			Rotate(whole, view, size, r.IntN(4))
			return [][]float32{whole}
		}},
		{"jigsaw", func(view []float32, r *rand.Rand) [][]float32 { jigsaw.Paint(nine, view, r); return [][]float32{nine} }},
		{"pair", func(view []float32, r *rand.Rand) [][]float32 {
			Pair{jigsaw.Tiles}.Paint(first, second, view, r)
			return [][]float32{first, second}
		}},
		{"colour", func(view []float32, _ *rand.Rand) [][]float32 {
			Gray(whole, view, size)
			colour.Encode(view, size, grid, index, weight)
			return [][]float32{whole, weight}
		}},
		{"split-brain", func(view []float32, _ *rand.Rand) [][]float32 {
			Chroma(whole, view, size)
			split.Lightness(view, size, grid, levels)
			return [][]float32{whole}
		}},
		{"sla", func(view []float32, r *rand.Rand) [][]float32 {
			SLA{4, 6}.Transform(whole, view, size, r.IntN(24))
			return [][]float32{whole}
		}},
		{"position", func(view []float32, r *rand.Rand) [][]float32 {
			Position{size, tile, 15}.Paint(first, view, r)
			return [][]float32{first}
		}},
	}
	for _, aberration := range []string{AberrationDrop, AberrationProject, AberrationKeep} {
		c := NewContext(size, tile)
		c.Aberration = aberration
		all = append(all, painter{"context, " + aberration, func(view []float32, r *rand.Rand) [][]float32 {
			c.Paint(first, second, view, r)
			return [][]float32{first, second}
		}})
	}
	for _, mask := range []string{MaskCentre, MaskRegion, MaskBlocks} {
		p, err := NewInpaint(size, mask, seed.New(1))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, painter{"inpaint, " + mask, func(view []float32, r *rand.Rand) [][]float32 {
			p.Paint(whole, plane, view, r)
			return [][]float32{whole, plane}
		}})
	}
	return all
}

func TestPaintersAllocateNothingOfTheirOwn(t *testing.T) {
	view, r := noise(64, 1), generator(1)
	for _, p := range painters(t) {
		// The list of pictures that this file returns is one.
		if n := testing.AllocsPerRun(20, func() { p.paint(view.Pix, r) }); n > 1 {
			t.Errorf("%s allocates %v times", p.name, n-1)
		}
	}
}

func TestPaintersAreFunctionsOfViewAndGenerator(t *testing.T) {
	view, was := noise(64, 2), noise(64, 2)
	for _, p := range painters(t) {
		var first [][]float32
		for _, out := range p.paint(view.Pix, generator(3)) {
			first = append(first, slices.Clone(out))
		}
		p.paint(view.Pix, generator(4)) // leaves no trace
		for i, out := range p.paint(view.Pix, generator(3)) {
			if !slices.Equal(out, first[i]) {
				t.Errorf("%s: picture %d differs with the same generator", p.name, i)
			}
		}
		if !slices.Equal(view.Pix, was.Pix) {
			t.Fatalf("%s wrote into the view", p.name)
		}
	}
}

func BenchmarkPainters(b *testing.B) {
	view := noise(64, 5)
	for _, p := range painters(b) {
		b.Run(p.name, func(b *testing.B) {
			r := generator(6)
			b.ReportAllocs()
			for b.Loop() {
				p.paint(view.Pix, r)
			}
		})
	}
}
