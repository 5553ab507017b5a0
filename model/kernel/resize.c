// Pictures twice as large: each place becomes 2×2 equal ones, and backward the four add up.
#include "kernel.h"
#include "simd.h"
#include <omp.h>

// One row of w places: each place twice.
NF_SIMD static void widen(const float *x, float *y, int w, int c) {
	for (int q = 0; q < w; q++, x += c, y += 2 * c) {
#pragma omp simd
		for (int j = 0; j < c; j++) y[j] = y[c + j] = x[j];
	}
}

// One row of w places from the two rows a and b of 2w.
NF_SIMD static void gather(const float *a, const float *b, float *dx, int w, int c) {
	for (int q = 0; q < w; q++, a += 2 * c, b += 2 * c, dx += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) dx[j] = (a[j] + a[c + j]) + (b[j] + b[c + j]);
	}
}

void nf_upsample2(const float *x, float *y, long rows, int w, int c, int nt) {
	long in = (long)w * c, out = 2 * in;
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * out > NF_SMALL)
	for (long r = 0; r < rows; r++) {
		widen(x + r * in, y + 2 * r * out, w, c);
		memcpy(y + (2 * r + 1) * out, y + 2 * r * out, sizeof(float) * out);
	}
}

void nf_upsample2_back(const float *dy, float *dx, long rows, int w, int c, int nt) {
	long in = (long)w * c, out = 2 * in;
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * out > NF_SMALL)
	for (long r = 0; r < rows; r++) gather(dy + 2 * r * out, dy + (2 * r + 1) * out, dx + r * in, w, c);
}
