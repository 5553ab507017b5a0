// Optimiser steps: one pass over parameters, gradients and state.
#include "kernel.h"
#include "simd.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#pragma GCC optimize("no-math-errno")

#define CHUNK 8192

// What has moved is looked at while it is at hand: nothing times what is no number is none, and stays so in a sum.
NF_SIMD static float sgd(float *p, const float *g, float *v, float lr, float momentum, float decay, long n) {
	float nothing = 0;
#pragma omp simd reduction(+ : nothing)
	for (long i = 0; i < n; i++) {
		float s = momentum * v[i] + (g[i] + decay * p[i]), w = p[i] - lr * s;
		v[i] = s;
		p[i] = w;
		nothing += 0 * w;
	}
	return nothing;
}

NF_SIMD static float adam(float *p, const float *g, float *m, float *v, float rate, float b1, float b2, float eps, float decay, float shrink,
	float root2, long n) {
	float nothing = 0;
#pragma omp simd reduction(+ : nothing)
	for (long i = 0; i < n; i++) {
		float s = g[i] + decay * p[i];
		float a = b1 * m[i] + (1 - b1) * s, b = b2 * v[i] + (1 - b2) * s * s;
		float w = p[i] * shrink - rate * a / (sqrtf(b) * root2 + eps);
		m[i] = a;
		v[i] = b;
		p[i] = w;
		nothing += 0 * w;
	}
	return nothing;
}

NF_SIMD static void ema(float *key, const float *query, float momentum, long n) {
	for (long i = 0; i < n; i++) key[i] = momentum * key[i] + (1 - momentum) * query[i];
}

NF_SIMD static void axpy(float *dst, const float *x, float a, long n) {
	for (long i = 0; i < n; i++) dst[i] += a * x[i];
}

NF_SIMD static void scale(float *dst, const float *x, float by, long n) {
	for (long i = 0; i < n; i++) dst[i] = by * x[i];
}

NF_SIMD static double squares(const float *x, long n) {
	double s = 0;
#pragma omp simd reduction(+ : s)
	for (long i = 0; i < n; i++) s += (double)x[i] * x[i];
	return s;
}

// A call for each chunk of a loop over n; what calls add to nothing is 0 as long as all are numbers.
#define CHUNKED(call)                                                                                              \
	float nothing = 0;                                                                                             \
	_Pragma("omp parallel for num_threads(nt) schedule(static) reduction(+ : nothing) if (n > NF_SMALL)")          \
	for (long at = 0; at < n; at += CHUNK) {                                                                       \
		long len = n - at < CHUNK ? n - at : CHUNK;                                                                \
		call;                                                                                                      \
	}                                                                                                              \
	(void)nothing;

int nf_sgd(float *p, const float *g, float *v, float lr, float momentum, float decay, long n, int nt) {
	CHUNKED(nothing += sgd(p + at, g + at, v + at, lr, momentum, decay, len))
	return nothing == 0;
}

// decay goes into the gradient, decoupled shrinks the weights; correct1 and correct2 are 1 − βᵗ.
int nf_adam(float *p, const float *g, float *m, float *v, float lr, float b1, float b2, float eps, float decay, float decoupled,
	double correct1, double correct2, long n, int nt) {
	float rate = (float)(lr / correct1), root2 = (float)(1 / sqrt(correct2)), shrink = 1 - lr * decoupled;
	CHUNKED(nothing += adam(p + at, g + at, m + at, v + at, rate, b1, b2, eps, decay, shrink, root2, len))
	return nothing == 0;
}

void nf_ema(float *key, const float *query, float momentum, long n, int nt) { CHUNKED(ema(key + at, query + at, momentum, len)) }

void nf_axpy(float *dst, const float *x, float a, long n, int nt) { CHUNKED(axpy(dst + at, x + at, a, len)) }

void nf_scale_rows(float *dst, const float *x, const float *factor, long n, int d, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (n * d > NF_SMALL)
	for (long i = 0; i < n; i++) scale(dst + i * d, x + i * d, factor[i], d);
}

#define PARTS 64
double nf_sum_squares(const float *x, long n, int nt) {
	double part[PARTS], s = 0;
#pragma omp parallel for num_threads(nt) schedule(static) if (n > NF_SMALL)
	for (int b = 0; b < PARTS; b++) part[b] = squares(x + n * b / PARTS, n * (b + 1) / PARTS - n * b / PARTS);
	for (int b = 0; b < PARTS; b++) s += part[b];
	return s;
}
