package synth

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/seed"
)

func anyPoint(t *rapid.T, name string, size float64) vec {
	side := rapid.Float64Range(-size, size)
	return vec{side.Draw(t, name+".x"), side.Draw(t, name+".y"), side.Draw(t, name+".z")}
}

func TestShapesFitTheirBall(t *testing.T) {
	r := seed.New(1).Rand()
	for _, o := range catalogue {
		inside := 0
		for range 20000 {
			if p := anyAxis(r); o.shape(p) < 0 {
				t.Fatalf("%s: the surface of the unit ball at %+v lies inside it", o.name, p)
			}
			if o.shape(anyAxis(r).mul(math.Cbrt(r.Float64()))) < 0 {
				inside++
			}
		}
		if inside < 1000 {
			t.Errorf("%s fills only %d of 20000 points of its ball", o.name, inside)
		}
	}
}

func TestShapesNeverOverstateTheDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := anyPoint(t, "p", 2), anyPoint(t, "q", 2)
		for _, o := range catalogue {
			if d := math.Abs(o.shape(p) - o.shape(q)); d > p.sub(q).length()*1.001+1e-6 {
				t.Fatalf("%s changes by %g over %g", o.name, d, p.sub(q).length())
			}
		}
	})
}

func TestRayMeetsABallWhereAlgebraSays(t *testing.T) {
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		r := seed.New(rapid.Uint64().Draw(t, "seed")).Rand()
		ball := placed{object: &catalogue[2], at: anyPoint(t, "at", 1), radius: between(r, 0.3, 1.5), pose: anyTurn(r)}
		from := ball.at.add(anyAxis(r).mul(4))
		way := ball.at.add(anyAxis(r).mul(1.5 * r.Float64())).sub(from).unit()
		inner := ball
		inner.radius *= 0.86 // what sphere fills of its ball
		want, _, meets := inner.span(from, way)
		got, ok := ball.meet(from, way, math.Inf(1))
		grazing := ball.at.sub(from).cross(way).length() > 0.97*inner.radius
		if grazing {
			return
		}
		if ok != meets {
			t.Fatalf("hit is %v, want %v", ok, meets)
		}
		if !ok {
			return
		}
		hits++
		if math.Abs(got.far-want) > 0.03*ball.radius {
			t.Fatalf("hit after %g m, want %g", got.far, want)
		}
		if outward := got.point.sub(ball.at).unit(); outward.dot(got.normal) < 0.999 {
			t.Fatalf("normal %+v, want %+v", got.normal, outward)
		}
		if _, ok := ball.meet(from, way, want*0.9); ok {
			t.Fatal("something nearer does not hide the ball")
		}
	})
	if hits == 0 {
		t.Fatal("no ray met the ball")
	}
}

func TestTextureTurnsWithItsObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := seed.New(rapid.Uint64().Draw(t, "seed")).Rand()
		o := placed{object: &catalogue[r.IntN(len(catalogue))], radius: 1, pose: turn{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}
		from := anyAxis(r).mul(3)
		way := anyAxis(r).mul(0.3).sub(from).unit()
		still, ok := o.meet(from, way, math.Inf(1))
		axis, angle := anyAxis(r), between(r, 0, 6)
		o.pose = o.pose.about(axis, angle)
		turned, okToo := o.meet(o.pose.out(from), o.pose.out(way), math.Inf(1))
		if ok != okToo || still.colour.sub(turned.colour).length() > 1e-6 {
			t.Fatalf("%s seen from a camera that turns with it: %v %+v, then %v %+v", o.name, ok, still.colour, okToo, turned.colour)
		}
	})
}

func TestTurnsKeepLengthsAndCorners(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := seed.New(rapid.Uint64().Draw(t, "seed")).Rand()
		pose := anyTurn(r).about(anyAxis(r), between(r, -9, 9))
		a, b := anyPoint(t, "a", 3), anyPoint(t, "b", 3)
		if d := pose.into(a).dot(pose.into(b)) - a.dot(b); math.Abs(d) > 1e-9 {
			t.Fatalf("the dot product changes by %g", d)
		}
		if d := pose.out(pose.into(a)).sub(a).length(); d > 1e-9 {
			t.Fatalf("there and back is off by %g", d)
		}
	})
}

func TestRectHoldsTheWholeBall(t *testing.T) {
	cams := rig(Defaults(), seed.New(7).Rand())
	rapid.Check(t, func(t *rapid.T) {
		r := seed.New(rapid.Uint64().Draw(t, "seed")).Rand()
		k := &cams[r.IntN(len(cams))]
		centre, radius := anyPoint(t, "centre", 3), between(r, 0.1, 1)
		x0, y0, x1, y1 := k.rect(centre, radius)
		if _, _, far := k.project(centre); far <= radius {
			if x1 > x0 && y1 > y0 {
				t.Fatal("a ball beside or behind the camera is drawn")
			}
			return
		}
		for range 200 {
			x, y, _ := k.project(centre.add(anyAxis(r).mul(radius)))
			if x < 0 || y < 0 || x >= float64(k.width) || y >= float64(k.height) {
				continue
			}
			if x < float64(x0) || x > float64(x1) || y < float64(y0) || y > float64(y1) {
				t.Fatalf("%g,%g lies outside %d,%d-%d,%d", x, y, x0, y0, x1, y1)
			}
		}
	})
}

func TestRayAndProjectionAgree(t *testing.T) {
	for _, k := range rig(Defaults(), seed.New(3).Rand()) {
		for _, at := range [][2]int{{0, 0}, {127, 0}, {64, 64}, {10, 120}} {
			x, y, _ := k.project(k.at.add(k.ray(at[0], at[1]).mul(5)))
			if math.Abs(x-float64(at[0])-0.5) > 1e-6 || math.Abs(y-float64(at[1])-0.5) > 1e-6 {
				t.Errorf("pixel %v comes back as %g,%g", at, x, y)
			}
		}
	}
}

func TestCamerasStandFarApart(t *testing.T) {
	cams := rig(Defaults(), seed.New(5).Rand())
	for i, a := range cams {
		for _, b := range cams[:i] {
			flatA, flatB := vec{a.at.x, a.at.y, 0}.unit(), vec{b.at.x, b.at.y, 0}.unit()
			if angle := math.Acos(flatA.dot(flatB)) * 180 / math.Pi; angle < 65 {
				t.Errorf("two cameras see the stage from azimuths only %.0f° apart", angle)
			}
		}
	}
}
