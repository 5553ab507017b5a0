package objective

import (
	"slices"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

func TestGrayPicturesAreNotAskedForColours(t *testing.T) {
	frames := footage(480)
	for _, f := range frames[:240] { // night: infrared
		for i := 0; i < len(f.Pix); i += 3 {
			f.Pix[i+1], f.Pix[i+2] = f.Pix[i], f.Pix[i]
		}
	}
	for _, kind := range []string{"colour", "splitbrain"} {
		b := newBench(t, Config{Kind: kind}, needs("batch"), frames)
		told := b.train()
		var h *hues
		var asked []*frame.Frame
		switch o := b.objective.(type) {
		case *colour:
			h, asked = o.bins, o.asked
		case *splitBrain:
			h, asked = o.bins, o.asked
		}
		places, coloured := h.grid*h.grid, 0
		for row, f := range asked {
			if gray := slices.Contains(frames[:240], f); h.gray[row] != gray {
				t.Fatalf("%s: row %d is called gray: %v", kind, row, h.gray[row])
			} else if !gray {
				coloured++
			}
			for _, w := range h.target.RowWeight[row*places : (row+1)*places] {
				if (w == 0) != h.gray[row] {
					t.Fatalf("%s: row %d, gray %v, has weight %v", kind, row, h.gray[row], w)
				}
			}
		}
		rows := coloured * places
		if kind == "splitbrain" { // lightness is asked for, too, where there are colours to tell it from
			rows *= 2
		}
		if told.Rows != rows || coloured == 0 || coloured == len(asked) {
			t.Errorf("%s: %d questions, want %d of %d coloured pictures", kind, told.Rows, rows, coloured)
		}
	}
}
