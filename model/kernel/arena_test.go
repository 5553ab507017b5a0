package kernel

import (
	"math"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// Pieces that are wanted at the same time lie apart, each has the memory it asked for, and the arena is not much larger
// than the most that is ever wanted at once.
func TestPiecesThatAreWantedTogetherLieApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "pieces")
		got := make([][]float32, n)
		pieces := make([]*piece, n)
		for i := range pieces {
			first := rapid.IntRange(0, 60).Draw(t, "first")
			last := first + rapid.IntRange(0, 20).Draw(t, "length")
			if rapid.IntRange(0, 9).Draw(t, "kept") == 0 {
				last = math.MaxInt
			}
			pieces[i] = &piece{size: rapid.IntRange(1, 500).Draw(t, "size"), first: first, last: last,
				place: []func([]float32){func(data []float32) { got[i] = data }}}
		}
		asked := append([]*piece(nil), pieces...) // laying sorts them
		var a Arena
		floats := a.lay(pieces)
		most := 0
		for now := range 80 {
			wanted := 0
			for _, p := range asked {
				if p.first <= now && now <= p.last {
					wanted += p.room()
				}
			}
			most = max(most, wanted)
		}
		if floats < most || floats > 2*most {
			t.Fatalf("%d floats for %d that are wanted at once", floats, most)
		}
		address := func(i int) (from, to uintptr) {
			from = uintptr(unsafe.Pointer(unsafe.SliceData(got[i])))
			return from, from + 4*uintptr(len(got[i]))
		}
		for i, p := range asked {
			if len(got[i]) != p.size || cap(got[i]) != p.size {
				t.Fatalf("piece %d of %d floats has %d", i, p.size, len(got[i]))
			}
			for j := range i {
				q := asked[j]
				from, to := address(i)
				other, end := address(j)
				if p.first <= q.last && q.first <= p.last && from < end && other < to {
					t.Fatalf("pieces %d and %d are wanted together and share memory", i, j)
				}
			}
		}
	})
}

// Machines of one arena share its memory, and one that wants more than it has leaves the earlier ones as they are.
func TestAnArenaServesOneMachineAfterTheOther(t *testing.T) {
	var a Arena
	var data [3][]float32
	for i, size := range []int{100, 50, 200} {
		a.lay([]*piece{{size: size, last: 1, place: []func([]float32){func(d []float32) { data[i] = d }}}})
	}
	if &data[0][0] != &data[1][0] || &data[0][0] == &data[2][0] || len(data[0]) != 100 {
		t.Error("a machine that fits is to lie where the first does, and one that does not elsewhere")
	}
}
