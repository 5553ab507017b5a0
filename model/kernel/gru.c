// One step of a gated recurrent unit, between the matrix products that Go orders.
#pragma GCC optimize("no-math-errno", "no-trapping-math") // or a choice between two results makes no vectors
#include "kernel.h"
#include "simd.h"
#include <omp.h>

// gx and gh are the products with input and state, biases included: r, z, n in turn, h each. before is the
// state, NULL for zeros.
NF_SIMD static void cell(const float *gx, const float *gh, const float *before, float *gates, float *y, int h) {
	float *r = gates, *z = gates + h, *n = gates + 2 * h, *q = gates + 3 * h;
#pragma omp simd
	for (int j = 0; j < h; j++) {
		r[j] = sigmoid(gx[j] + gh[j]);
		z[j] = sigmoid(gx[h + j] + gh[h + j]);
		q[j] = gh[2 * h + j];
		n[j] = tangent(gx[2 * h + j] + r[j] * q[j]);
		y[j] = (1 - z[j]) * n[j] + z[j] * (before ? before[j] : 0);
	}
}

NF_SIMD static void cell_back(const float *dy, const float *gates, const float *before, float *carry, float *dgx, float *dgh, int h) {
	const float *r = gates, *z = gates + h, *n = gates + 2 * h, *q = gates + 3 * h;
#pragma omp simd
	for (int j = 0; j < h; j++) {
		float dh = dy[j] + carry[j];
		float dn = dh * (1 - z[j]) * (1 - n[j] * n[j]);
		float dz = dh * ((before ? before[j] : 0) - n[j]) * z[j] * (1 - z[j]);
		float dr = dn * q[j] * r[j] * (1 - r[j]);
		dgx[j] = dgh[j] = dr;
		dgx[h + j] = dgh[h + j] = dz;
		dgx[2 * h + j] = dn;
		dgh[2 * h + j] = dn * r[j];
		carry[j] = dh * z[j];
	}
}

#define HEAVY(n) ((n) * 16 > NF_SMALL)

void nf_gru(const float *gx, const float *gh, float *gates, float *y, int n, int steps, int t, int h, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (HEAVY((long)n * h))
	for (int i = 0; i < n; i++) {
		long row = (long)i * steps + t;
		cell(gx + row * 3 * h, gh + (long)i * 3 * h, t ? y + (row - 1) * h : NULL, gates + row * 4 * h, y + row * h, h);
	}
}

// carry (n, h) is ∂L/∂state from later steps, and leaves as what reaches the state before past the products.
void nf_gru_back(const float *dy, const float *gates, const float *y, float *carry, float *dgx, float *dgh, int n, int steps, int t, int h, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (HEAVY((long)n * h))
	for (int i = 0; i < n; i++) {
		long row = (long)i * steps + t;
		cell_back(dy + row * h, gates + row * 4 * h, t ? y + (row - 1) * h : NULL, carry + (long)i * h, dgx + row * 3 * h, dgh + row * 3 * h, h);
	}
}
