package loss

import (
	"math"
	"testing"
)

func TestExp32EqualsExp(t *testing.T) {
	for x := float32(0); x > -86; x -= 0.00317 {
		if got, want := float64(exp32(x)), math.Exp(float64(x)); math.Abs(got/want-1) > 3e-7 {
			t.Fatalf("e^%v is %v, want %v", x, got, want)
		}
	}
	if exp32(0) != 1 || exp32(float32(math.Inf(-1))) != 0 || exp32(-1000) != 0 {
		t.Errorf("e⁰ = %v, e^−∞ = %v, e⁻¹⁰⁰⁰ = %v", exp32(0), exp32(float32(math.Inf(-1))), exp32(-1000))
	}
	if x := exp32(float32(math.NaN())); x == x {
		t.Errorf("e^NaN = %v", x)
	}
}
