// From sRGB to CIE Lab under D65, without a table: roots by Halley's method from a guess by the exponent's
// bits. Both sides of a choice are computed before it, or GCC makes no vectors.
#pragma GCC optimize("no-math-errno", "no-trapping-math") // or a choice between two results makes no vectors
#include "kernel.h"
#include "simd.h"
#include <omp.h>

#define BLOCK 128 // pixels

static inline float guess(float x, float part, int32_t offset) {
	union { float f; int32_t i; } u = {x};
	u.i = (int32_t)((float)u.i * part) + offset;
	return u.f;
}
// For x from 0.008 to 1, each to about one part in 10⁷; a NaN stays one.
static inline float cube_step(float x, float y) {
	float p = y * y * y;
	return y * (p + 2 * x) / (2 * p + x);
}
static inline float cube_root(float x) { return cube_step(x, cube_step(x, guess(x, 1.0f / 3, 709921077))); }
static inline float fifth_step(float x, float y) {
	float p = y * y * y * y * y;
	return y * (2 * p + 3 * x) / (3 * p + 2 * x);
}
static inline float fifth_root(float x) { return fifth_step(x, fifth_step(x, guess(x, 1.0f / 5, 851900000))); }

// Light from a normalised channel; u^2.4 is (u·u^(1/5))².
static inline float linear(float x) {
	float v = x * 0.25f + 0.5f;
	v = v < 0 ? 0 : v;
	v = v > 1 ? 1 : v;
	float u = (v + 0.055f) * (1 / 1.055f), root = u * fifth_root(u), low = v * (1 / 12.92f), high = root * root;
	return v <= 0.04045f ? low : high;
}
static inline float bend(float t) {
	float low = t * (24389.0f / 27 / 116) + 16.0f / 116, high = cube_root(t);
	return t <= 216.0f / 24389 ? low : high;
}

// The rows of the matrix are divided by the white point, their sums, so that grey is neutral.
NF_SIMD static void lab(const float *x, float *y, int n) {
	float r[BLOCK], g[BLOCK], b[BLOCK];
	for (int i = 0; i < n; i++) r[i] = x[3 * i], g[i] = x[3 * i + 1], b[i] = x[3 * i + 2];
#pragma omp simd
	for (int i = 0; i < n; i++) {
		float lr = linear(r[i]), lg = linear(g[i]), lb = linear(b[i]);
		float fx = bend((float)(0.4124564 / 0.95047) * lr + (float)(0.3575761 / 0.95047) * lg + (float)(0.1804375 / 0.95047) * lb);
		float fy = bend(0.2126729f * lr + 0.7151522f * lg + 0.0721750f * lb);
		float fz = bend((float)(0.0193339 / 1.0888300) * lr + (float)(0.1191920 / 1.0888300) * lg + (float)(0.9503041 / 1.0888300) * lb);
		r[i] = (116 * fy - 66) * (1 / 25.0f);
		g[i] = 500 / 25.0f * (fx - fy);
		b[i] = 200 / 25.0f * (fy - fz);
	}
	for (int i = 0; i < n; i++) y[3 * i] = r[i], y[3 * i + 1] = g[i], y[3 * i + 2] = b[i];
}

void nf_lab(const float *x, float *y, long pixels, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (pixels * 3 > NF_SMALL)
	for (long at = 0; at < pixels; at += BLOCK) lab(x + 3 * at, y + 3 * at, pixels - at < BLOCK ? (int)(pixels - at) : BLOCK);
}
