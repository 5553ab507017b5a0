package objective

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// at is a frame of a camera without pixels.
func at(rig, camera string, captured time.Duration) *frame.Frame {
	return &frame.Frame{Meta: frame.Meta{Rig: rig, Camera: camera, Seq: uint64(captured / time.Millisecond), Captured: epoch.Add(captured)}}
}

// crowd is frames of three cameras of two rigs at distances on both sides of every bound.
func crowd() []*frame.Frame {
	var out []*frame.Frame
	for _, camera := range []string{"a", "b", "elsewhere"} {
		rig := "rig"
		if camera == "elsewhere" {
			rig = camera
		}
		for _, ms := range []time.Duration{0, 20, 300, 900, 3000, 5000, 5020, 9000, 20000} {
			out = append(out, at(rig, camera, ms*time.Millisecond))
		}
	}
	return out
}

func TestRelationsAreThoseOfTheSamplerAndOfTheKindOfPositive(t *testing.T) {
	frames, c := crowd(), sampler.Defaults()
	seen := map[int8]int{}
	for _, positives := range []string{"any", "temporal", "view"} {
		o := &pair{common: common{cfg: Config{Positives: positives}, needs: Needs{Sampler: c}}, frames: frames}
		for i, a := range frames {
			for j, b := range frames {
				gap := b.Captured.Sub(a.Captured).Abs()
				want := int8(0)
				switch {
				case a == b:
				case a.Rig != b.Rig || gap >= c.Far && !(a.Camera != b.Camera && gap <= c.Skew):
					want = -1
				case a.Camera == b.Camera && gap <= c.Near && positives != "view", a.Camera != b.Camera && gap <= c.Skew && positives != "temporal":
					want = 1
				}
				if got := o.relation(i, j); got != want {
					t.Fatalf("%s: %s at %v and %s at %v are %d to each other, want %d", positives, a.Camera, a.Captured.Sub(epoch), b.Camera, b.Captured.Sub(epoch), got, want)
				}
				if o.relation(i, j) != o.relation(j, i) {
					t.Fatalf("%s: what %d is to %d is not what %d is to %d", positives, i, j, j, i)
				}
				seen[want]++
			}
		}
	}
	if seen[-1] == 0 || seen[0] == 0 || seen[1] == 0 {
		t.Fatalf("the crowd does not hold all relations: %v", seen)
	}
}

func TestRowsWithoutAPositiveTakeThePairOfTheNextThatHasOne(t *testing.T) {
	const n = 5
	for have := range 1 << n { // which rows have a positive
		o := &pair{common: common{needs: Needs{Batch: n}}, frames: make([]*frame.Frame, 2*n)}
		anchors, positives := make([]*frame.Frame, n), make([]*frame.Frame, n)
		for i := range n {
			anchors[i], positives[i] = at("rig", "a", time.Duration(i)), at("rig", "b", time.Duration(i))
			o.frames[i] = anchors[i]
			if have>>i&1 == 1 {
				o.frames[n+i] = positives[i]
			}
		}
		if got := o.fill(); got != (have != 0) {
			t.Fatalf("rows %05b: filled %v", have, got)
		}
		for i := range n {
			if have == 0 {
				break
			}
			next := i
			for have>>(next%n)&1 == 0 {
				next++
			}
			if next %= n; o.frames[i] != anchors[next] || o.frames[n+i] != positives[next] {
				t.Fatalf("rows %05b: row %d shows %v, want the pair of row %d", have, i, o.frames[i].Seq, next)
			}
		}
	}
}

func TestNPairsLeavesOutWhatIsNoNegative(t *testing.T) {
	b := newBench(t, Config{Kind: "npairs"}, needs("batch"), footage(480))
	if !b.paint() {
		t.Fatal("no batch")
	}
	b.learn()
	o := b.objective.(*npairs)
	n, left := o.needs.Batch, 0
	for i := range n {
		for j := range n {
			a, p := o.frames[i], o.frames[n+j]
			apart := a.Rig != p.Rig || a.Captured.Sub(p.Captured).Abs() >= o.needs.Sampler.Far
			if want := i != j && !apart; o.mask.Ignored[i*n+j] != want {
				t.Fatalf("anchor %d, positive of %d: left out %v, want %v", i, j, !want, want)
			} else if want {
				left++
			}
		}
	}
	if left == 0 {
		t.Fatal("the batch holds no two anchors of one scene: the test would prove little")
	}
}

func TestCPCLeavesOutOtherClipsOfTheSameMoment(t *testing.T) {
	n := needs("batch")
	n.Batch = 64 // more clips than there are scenes
	n.Sampler.Batch = n.Batch
	b := newBench(t, Config{Kind: "cpc", Frames: 4, Ahead: 2}, n, footage(160))
	if !b.paint() {
		t.Fatal("no clips")
	}
	o := b.objective.(*cpc)
	left, kept := 0, 0
	for k := 1; k <= 2; k++ {
		times := 4 - k
		rows := o.clips * times
		for i := range rows {
			for j := range rows {
				// Row i predicts what its clip shows k frames later; column j is that of row j.
				a, z := o.frames[i/times*o.length+i%times+k], o.frames[j/times*o.length+j%times+k]
				same := i/times == j/times
				near := a.Rig == z.Rig && a.Captured.Sub(z.Captured).Abs() < o.needs.Sampler.Far
				if got := o.masks[k-1].Ignored[i*rows+j]; got != (near && !same) {
					t.Fatalf("%d ahead, row %d, column %d: left out %v", k, i, j, got)
				} else if got {
					left++
				} else if same && i != j {
					kept++ // other times of the same clip are negatives
				}
			}
		}
	}
	if left == 0 || kept == 0 {
		t.Fatalf("%d left out, %d negatives of the same clip: the test would prove little", left, kept)
	}
}

func TestNoKeyNearerThanFarIsEverANegative(t *testing.T) {
	n := needs("batch")
	k := newKeys(n, Config{Decay: 1})
	frames := footage(480)
	d := n.Projection
	for step := range uint64(30) {
		batch := frames[step*16 : (step+1)*16]
		k.gather(batch, step)
		for i, f := range batch {
			masked := k.negatives.Slot[k.negatives.Row[i]:k.negatives.Row[i+1]]
			for slot := range k.bank.Len() {
				key := k.bank.Origin(slot)
				near := key.Rig == f.Rig && key.Captured.Sub(f.Captured).Abs() < n.Sampler.Far
				if slices.Contains(masked, int32(slot)) != near {
					t.Fatalf("step %d: the key of %v is left out for %v: %v", step, key.Captured, f.Captured, !near)
				}
			}
		}
		if chance := k.chance(); chance <= 0 || chance > 1 || step > 20 && chance > 0.01 {
			t.Fatalf("step %d: chance %v", step, chance)
		}
		k.hold(make([]float32, 16*d), batch, step)
		k.settle()
	}
}

func TestKeysFadeByTheirAge(t *testing.T) {
	n := needs("batch")
	n.Bank = 8
	k := newKeys(n, Config{Decay: 0.5})
	frames := footage(16)
	for step := range uint64(2) {
		k.hold(make([]float32, 4*n.Projection), frames[4*step:4*step+4], step)
		k.settle()
	}
	k.gather(frames[:1], 3)
	if want := []float32{0.125, 0.125, 0.125, 0.125, 0.25, 0.25, 0.25, 0.25}; !slices.Equal(k.negatives.Scale, want) {
		t.Errorf("scales %v, want %v", k.negatives.Scale, want)
	}
}

func TestNoiseIsUniformOverWhatIsNotMasked(t *testing.T) {
	const live, draws = 20, 40000
	r := seed.New(1).Rand()
	for _, masked := range [][]int32{nil, {0}, {19}, {0, 1, 2, 10, 18, 19}, {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}} {
		index := make([]int32, draws)
		sampleNoise(index, live, masked, r)
		count := make([]float64, live)
		for _, i := range index {
			count[i]++
		}
		want, squares := float64(draws)/float64(live-len(masked)), 0.0
		for slot, got := range count {
			if slices.Contains(masked, int32(slot)) {
				if got > 0 {
					t.Fatalf("masked %v: slot %d was drawn", masked, slot)
				}
				continue
			}
			squares += (got - want) * (got - want) / want
		}
		if freedom := float64(live - len(masked) - 1); squares > freedom+6*2*freedom/2+20 { // χ², far beyond luck
			t.Errorf("masked %v: χ² = %.1f of %v degrees of freedom: %v", masked, squares, freedom, count)
		}
	}
	all := []int32{0, 1, 2}
	index := make([]int32, 100)
	if sampleNoise(index, 3, all, r); slices.Min(index) < 0 || slices.Max(index) > 2 {
		t.Errorf("where all are masked: %v", index)
	}
}

// Each frame answers with its own slot, even where the batch's new frames take the slots of old ones.
func TestEveryFrameAnswersWithItsOwnSlot(t *testing.T) {
	n := needs("batch")
	n.Bank = n.Batch + 3 // so few that slots change hands within a batch
	b := newBench(t, Config{Kind: "npid", Softmax: true}, n, footage(480))
	o := b.objective.(*npid)
	stolen := 0
	for range 30 {
		b.paint()
		before := map[int]bank.Origin{}
		for slot := range o.memory.Len() {
			before[slot] = o.memory.Origin(slot)
		}
		b.learn()
		for row, f := range o.anchors(o.drawn) {
			own := o.memory.Origin(o.slots[row])
			if own.Camera != f.Camera || own.Seq != f.Seq {
				t.Fatalf("row %d shows frame %d of %s, its slot is that of frame %d of %s", row, f.Seq, f.Camera, own.Seq, own.Camera)
			}
			if was, ok := before[o.slots[row]]; ok && (was.Camera != f.Camera || was.Seq != f.Seq) {
				stolen++
			}
			d := n.Projection
			if !slices.Equal(o.noise.Positive[row*d:(row+1)*d], o.memory.Keys()[o.slots[row]*d:(o.slots[row]+1)*d]) {
				t.Fatalf("row %d is to look like something else than its slot", row)
			}
			at := o.instances.Slot[o.instances.Row[row]:o.instances.Row[row+1]]
			if o.instances.Own[row] != int32(o.slots[row]) || slices.Contains(at, int32(o.slots[row])) {
				t.Fatalf("row %d: its answer %d is left out of the softmax", row, o.slots[row])
			}
		}
		o.Settle(b.step)
		b.step++
	}
	if stolen == 0 {
		t.Fatal("no slot changed hands: the test would prove little")
	}
}

func TestNoiseNeverHoldsTheFramesOwnScene(t *testing.T) {
	b := newBench(t, Config{Kind: "npid", Negatives: 50}, needs("batch"), footage(480))
	o := b.objective.(*npid)
	for range 25 {
		b.train()
	}
	b.paint()
	b.learn()
	for row, f := range o.anchors(o.drawn) {
		for _, slot := range o.noise.Index[row*50 : (row+1)*50] {
			if o.memory.Origin(int(slot)).Captured.Sub(f.Captured).Abs() < o.needs.Sampler.Far {
				t.Fatalf("row %d: noise of its own scene", row)
			}
		}
	}
}

func TestClassesBeyondTheMostAreRefusedAndCounted(t *testing.T) {
	c := &classes{of: map[string]int32{}, most: 2}
	for _, step := range []struct {
		name string
		want int32
	}{{"a", 0}, {"b", 1}, {"a", 0}, {"c", -1}, {"", -1}, {"b", 1}, {"c", -1}} {
		if got := c.number(step.name); got != step.want {
			t.Errorf("%q has number %d, want %d", step.name, got, step.want)
		}
	}
	if c.Refused != 3 || len(c.Name) != 2 {
		t.Errorf("%+v", c)
	}
}

// Frames whose class came too late are no questions; the others are.
func TestFramesWithoutAClassAreLeftOut(t *testing.T) {
	n := needs("batch")
	n.Batch = 64 // 16 frames
	b := newBench(t, Config{Kind: "sla", Labels: "scene", Classes: 3, Distill: true}, n, footage(160))
	o := b.objective.(*sla)
	for range 4 {
		told := b.train()
		asked := 0
		for _, y := range o.labels.Of {
			if y >= 0 {
				asked++
			}
		}
		if told.Rows != asked {
			t.Errorf("%d questions, %d were asked", asked, told.Rows)
		}
		if want := 1 / float32(len(o.names.Name)*4); told.Chance != want {
			t.Errorf("chance %v with %d classes, want %v", told.Chance, len(o.names.Name), want)
		}
	}
	if len(o.names.Name) != 3 || o.names.Refused == 0 {
		t.Fatalf("%d classes, %d refused: the test would prove little", len(o.names.Name), o.names.Refused)
	}
	var state bytes.Buffer
	if err := o.State()[0].Write(&state); err != nil {
		t.Fatal(err)
	}
	fresh := newBench(t, Config{Kind: "sla", Labels: "scene", Classes: 3, Distill: true}, needs("batch"), nil).objective.(*sla)
	if err := fresh.State()[0].Read(&state, int64(state.Len())); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(fresh.names) != fmt.Sprint(o.names) {
		t.Errorf("read back %v, was %v", fresh.names, o.names)
	}
}

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

func TestSCLComparesFramesOfOneRigByTheTimeBetweenThem(t *testing.T) {
	frames := footage(480)
	for _, f := range frames[240:] {
		f.Rig, f.Camera = "another rig", "another rig's "+f.Camera
	}
	b := newBench(t, Config{Kind: "scl"}, needs("batch"), frames)
	if !b.paint() {
		t.Fatal("no batch")
	}
	b.learn()
	o := b.objective.(*scl)
	n, compared, out := o.needs.Batch, 0, 0
	for i := range n {
		for j := range n {
			a, p, got := o.frames[i], o.frames[n+j], o.near.Of[i*n+j]
			switch gap := p.Captured.Sub(a.Captured); {
			case i == j:
				if got != 1 {
					t.Fatalf("pair %d is near by %v", i, got)
				}
			case a.Rig != p.Rig:
				out++
				if got != -1 {
					t.Fatalf("frames of %s and %s are compared", a.Rig, p.Rig)
				}
			default:
				compared++
				sigmas := float64(gap) / float64(o.cfg.Sigma)
				if want := math.Exp(-sigmas * sigmas / 2); math.Abs(float64(got)-want) > 1e-6 {
					t.Fatalf("frames %v apart are near by %v, want %v", gap, got, want)
				}
			}
		}
	}
	if compared == 0 || out == 0 {
		t.Fatalf("%d pairs compared, %d not: the test would prove little", compared, out)
	}
}
