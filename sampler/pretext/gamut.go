package pretext

import (
	"cmp"
	"math"
	"slices"
)

// AB is a colour without its lightness, in CIELAB.
type AB struct{ A, B float64 }

const (
	// ColourBins is Q, the number of classes of colour.
	ColourBins = 313
	// binSide is the distance of two bins along a and b.
	binSide = 10
)

// gamut finds the bins of Zhang, Isola & Efros 2016 (arXiv:1603.08511): the points of a grid of 10 over
// (a, b) that are in gamut, in the order of a, then b. The paper says no more, and its code ships them as a
// file, pts_in_hull.npy. This rule gives that file exactly, number for number:
//
//	take the convex hull of all (a, b) of sRGB, and of every grid cell it overlaps all four corners.
//
// Nearer readings miss: rounding all 2²⁴ colours to the grid gives 261 points, and the corners of the cells
// that hold a colour give 309, because the true gamut is not quite convex.
func gamut() []AB {
	hull := convexHull(cubeEdges())
	var bins []AB
	const reach = 130 // beyond every colour of sRGB
	for a := -reach; a <= reach; a += binSide {
		for b := -reach; b <= reach; b += binSide {
			p := AB{float64(a), float64(b)}
			if overlaps(hull, AB{p.A - binSide, p.B - binSide}, AB{p.A + binSide, p.B + binSide}) {
				bins = append(bins, p)
			}
		}
	}
	return bins
}

// cubeEdges are the colours along the twelve edges of the RGB cube: the hull's corners are among them.
func cubeEdges() []AB {
	var edges []AB
	for channel := range 3 {
		for corner := range 4 {
			for v := range 256 {
				var rgb [3]float32
				rgb[channel] = level(float64(v))
				rgb[(channel+1)%3] = level(float64(255 * (corner & 1)))
				rgb[(channel+2)%3] = level(float64(255 * (corner >> 1)))
				_, a, b := Lab(rgb[0], rgb[1], rgb[2])
				edges = append(edges, AB{float64(a), float64(b)})
			}
		}
	}
	return edges
}

// convexHull is Andrew's monotone chain: the corners against the clock.
func convexHull(points []AB) []AB {
	slices.SortFunc(points, func(p, q AB) int { return cmp.Or(cmp.Compare(p.A, q.A), cmp.Compare(p.B, q.B)) })
	points = slices.Compact(points)
	half := func(hull []AB, points []AB) []AB {
		begin := len(hull)
		for _, p := range points {
			for len(hull) > begin+1 && turn(hull[len(hull)-2], hull[len(hull)-1], p) <= 0 {
				hull = hull[:len(hull)-1]
			}
			hull = append(hull, p)
		}
		return hull[:len(hull)-1] // the other half begins with it
	}
	hull := half(nil, points)
	slices.Reverse(points)
	return half(hull, points)
}

// turn is positive where the way from p over q to r turns against the clock.
func turn(p, q, r AB) float64 { return (q.A-p.A)*(r.B-p.B) - (q.B-p.B)*(r.A-p.A) }

// overlaps says whether a convex polygon and a box share more than an edge: no axis, and no side of the
// polygon, parts them.
func overlaps(hull []AB, low, high AB) bool {
	least, most := AB{math.Inf(1), math.Inf(1)}, AB{math.Inf(-1), math.Inf(-1)}
	for _, p := range hull {
		least = AB{min(least.A, p.A), min(least.B, p.B)}
		most = AB{max(most.A, p.A), max(most.B, p.B)}
	}
	if most.A <= low.A || least.A >= high.A || most.B <= low.B || least.B >= high.B {
		return false
	}
	corners := [4]AB{low, {high.A, low.B}, high, {low.A, high.B}}
	for i, p := range hull {
		q := hull[(i+1)%len(hull)]
		outside := true
		for _, c := range corners {
			outside = outside && turn(p, q, c) <= 0
		}
		if outside {
			return false
		}
	}
	return true
}
