package objective

import (
	"math"
	"testing"
	"time"

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
