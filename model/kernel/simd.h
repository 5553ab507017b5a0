// What loops over floats share. They are written plainly, for GCC to make vectors as wide as the machine's:
// its own vector types go through memory where the machine's are narrower. NF_SIMD compiles a function
// once for each kind of machine and lets the loader choose; such a function must not hold an OpenMP region
// itself, only be called from one.
#ifndef NF_SIMD_H
#define NF_SIMD_H
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#if __GNUC__ >= 12 // levels are chosen by features; older compilers compare the name of the processor
#define NF_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NF_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#else
#define NF_SIMD
#endif

// Code shared by variants of a loop: called with constants, it leaves no branch inside.
#define INLINE static inline __attribute__((always_inline))

// e^x for x ≤ 0, to about one part in 10⁷: 2^i by the exponent's bits, the rest by a polynomial.
static inline float exp_down(float x) {
	x = x < -87.0f ? -87.0f : x; // a NaN stays one
	float i = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
	float r = (x - i * 0.693359375f) + i * 2.12194440e-4f;
	float p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	union { int32_t i; float f; } two = {((int32_t)i + 127) << 23};
	return p * two.f;
}

// Both sides of a choice are computed before it, or GCC makes no vectors.
static inline float sigmoid(float x) {
	float e = exp_down(x > 0 ? -x : x), high = 1 / (1 + e), low = e * high;
	return x > 0 ? high : low;
}
static inline float tangent(float x) {
	float e = exp_down(x > 0 ? -2 * x : 2 * x), y = (1 - e) / (1 + e);
	return x > 0 ? y : -y;
}

// The nearest bf16, to even where two are as near; a NaN stays one.
static inline uint16_t bf16_of(float x) {
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	uint32_t near = (u + 0x7fff + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
	return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : near);
}

// Passes over fewer floats than this stay on one thread: they take microseconds, and where other programs
// use the CPUs every waking of the team may wait for the scheduler.
#define NF_SMALL 131072
#endif
