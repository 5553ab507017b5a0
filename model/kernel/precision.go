package kernel

// #include "kernel.h"
import "C"

import "fmt"

// Precision is of the numbers that convolutions multiply. Weights, sums and everything else are float32.
type Precision int

const (
	F32  Precision = iota
	BF16           // bfloat16: float32 with 8 bits of mantissa (Kalamkar et al. 2019, arXiv:1905.12322)
)

// HasBF16 says whether this processor multiplies bfloat16 in instructions (AVX512_BF16); others would emulate it.
func HasBF16() bool { return C.nf_has_bf16() != 0 }

// ParsePrecision reads f32, bf16, or auto: bf16 where the processor has it. Errors: another word; bf16 on a processor
// without it.
func ParsePrecision(word string) (Precision, error) {
	switch word {
	case "f32":
		return F32, nil
	case "auto":
		if HasBF16() {
			return BF16, nil
		}
		return F32, nil
	case "bf16":
		if HasBF16() {
			return BF16, nil
		}
		return F32, fmt.Errorf("precision bf16 needs a processor with AVX512_BF16, and this one has %s: use f32, or auto", CPUISA())
	}
	return F32, fmt.Errorf("%q is no precision: f32, bf16, or auto (bf16 where the processor has it)", word)
}

func (p Precision) String() string {
	if p == BF16 {
		return "bf16"
	}
	return "f32"
}
