package twin

import "math"

// GRU holds the parameters of a gated recurrent unit in PyTorch's layout: the gates r, z, n in turn, from D
// inputs to H states.
type GRU struct {
	D, H               int
	Wih, Whh, Bih, Bhh []float32
}

// moment is one step of one sequence.
type moment struct {
	before, r, z, n, q, after []float64 // q is what r gates
}

// step is a state from the one before.
func (g GRU) step(x []float32, before []float64) moment {
	m := moment{before: before, r: make([]float64, g.H), z: make([]float64, g.H), n: make([]float64, g.H), q: make([]float64, g.H), after: make([]float64, g.H)}
	for j := range g.H {
		var in, state [3]float64
		for gate := range 3 {
			o := gate*g.H + j
			in[gate], state[gate] = float64(g.Bih[o]), float64(g.Bhh[o])
			for d := range g.D {
				in[gate] += float64(g.Wih[o*g.D+d]) * float64(x[d])
			}
			for h := range g.H {
				state[gate] += float64(g.Whh[o*g.H+h]) * before[h]
			}
		}
		m.r[j], m.z[j], m.q[j] = sigmoid(in[0]+state[0]), sigmoid(in[1]+state[1]), state[2]
		m.n[j] = math.Tanh(in[2] + m.r[j]*m.q[j])
		m.after[j] = (1-m.z[j])*m.n[j] + m.z[j]*before[j]
	}
	return m
}

func (g GRU) moments(x []float32, steps int) []moment {
	var all []moment
	state := make([]float64, g.H)
	for i := range len(x) / g.D {
		if i%steps == 0 {
			state = make([]float64, g.H)
		}
		all = append(all, g.step(x[i*g.D:i*g.D+g.D], state))
		state = all[i].after
	}
	return all
}

// Forward gives every state for x (n·steps, D), each sequence from zeros.
func (g GRU) Forward(x []float32, steps int) []float32 {
	var y []float32
	for _, m := range g.moments(x, steps) {
		y = append(y, narrow(m.after)...)
	}
	return y
}

// Gradients are those toward x, Wih, Whh, Bih and Bhh.
func (g GRU) Gradients(dy, x []float32, steps int) (grads [5][]float32) {
	var sums [5][]float64
	for i, like := range [][]float32{x, g.Wih, g.Whh, g.Bih, g.Bhh} {
		sums[i] = make([]float64, len(like))
	}
	all := g.moments(x, steps)
	carry := make([]float64, g.H)
	for i := len(all) - 1; i >= 0; i-- {
		if i%steps == steps-1 {
			carry = make([]float64, g.H)
		}
		carry = g.back(all[i], dy[i*g.H:], x[i*g.D:], carry, sums, sums[0][i*g.D:])
	}
	for i, s := range sums {
		grads[i] = narrow(s)
	}
	return grads
}

// back adds one step's gradients to sums and dx, and gives the one toward the state before.
func (g GRU) back(m moment, dy, x []float32, carry []float64, sums [5][]float64, dx []float64) []float64 {
	before := make([]float64, g.H)
	for j := range g.H {
		dh := float64(dy[j]) + carry[j]
		dn := dh * (1 - m.z[j]) * (1 - m.n[j]*m.n[j])
		in := [3]float64{dn * m.q[j] * m.r[j] * (1 - m.r[j]), dh * (m.before[j] - m.n[j]) * m.z[j] * (1 - m.z[j]), dn}
		state := [3]float64{in[0], in[1], dn * m.r[j]}
		before[j] += dh * m.z[j]
		for gate := range 3 {
			o := gate*g.H + j
			sums[3][o] += in[gate]
			sums[4][o] += state[gate]
			for d := range g.D {
				sums[1][o*g.D+d] += in[gate] * float64(x[d])
				dx[d] += in[gate] * float64(g.Wih[o*g.D+d])
			}
			for h := range g.H {
				sums[2][o*g.H+h] += state[gate] * m.before[h]
				before[h] += state[gate] * float64(g.Whh[o*g.H+h])
			}
		}
	}
	return before
}
