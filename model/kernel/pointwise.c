// Passes that touch each number once: ReLU, sums of two tensors, the mean over places, unit rows.
#include "kernel.h"
#include "simd.h"
#include <math.h>
#include <omp.h>

#define CHUNK 8192

NF_SIMD static void add_relu(const float *a, const float *b, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) {
		float v = a[i] + b[i];
		y[i] = v <= 0 ? 0 : v;
	}
}
NF_SIMD static void add(const float *a, const float *b, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = a[i] + b[i];
}
NF_SIMD static void relu(const float *x, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = x[i] <= 0 ? 0 : x[i];
}
NF_SIMD static void relu_back(const float *y, const float *dy, float *dx, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) dx[i] = y[i] <= 0 ? 0 : dy[i];
}
NF_SIMD static void distance(const float *a, const float *b, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = a[i] < b[i] ? b[i] - a[i] : a[i] - b[i];
}
NF_SIMD static void distance_back(const float *a, const float *b, const float *dy, float *da, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) da[i] = a[i] > b[i] ? dy[i] : a[i] < b[i] ? -dy[i] : 0;
}
NF_SIMD static void blend(const float *x, const float *mask, const float *rest, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = x[i] * mask[i] + rest[i];
}
NF_SIMD static void product(const float *a, const float *b, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = a[i] * b[i];
}

#define CHUNKED(call)                                                                     \
	_Pragma("omp parallel for num_threads(nt) schedule(static) if (n > NF_SMALL)")        \
	for (long at = 0; at < n; at += CHUNK) {                                              \
		long len = n - at < CHUNK ? n - at : CHUNK;                                       \
		call;                                                                             \
	}

void nf_add_relu(const float *a, const float *b, float *y, long n, int nt) { CHUNKED(add_relu(a + at, b + at, y + at, len)) }
void nf_add(const float *a, const float *b, float *y, long n, int nt) { CHUNKED(add(a + at, b + at, y + at, len)) }
void nf_relu(const float *x, float *y, long n, int nt) { CHUNKED(relu(x + at, y + at, len)) }
void nf_distance(const float *a, const float *b, float *y, long n, int nt) { CHUNKED(distance(a + at, b + at, y + at, len)) }
void nf_distance_back(const float *a, const float *b, const float *dy, float *da, long n, int nt) {
	CHUNKED(distance_back(a + at, b + at, dy + at, da + at, len))
}
void nf_blend(const float *x, const float *mask, const float *rest, float *y, long n, int nt) {
	CHUNKED(blend(x + at, mask + at, rest + at, y + at, len))
}
void nf_product(const float *a, const float *b, float *y, long n, int nt) { CHUNKED(product(a + at, b + at, y + at, len)) }
void nf_relu_back(const float *y, const float *dy, float *dx, long n, int nt) { CHUNKED(relu_back(y + at, dy + at, dx + at, len)) }

NF_SIMD static void mean(const float *x, float *y, long hw, int c) {
	for (int j = 0; j < c; j++) y[j] = 0;
	for (long i = 0; i < hw; i++, x += c)
		for (int j = 0; j < c; j++) y[j] += x[j];
	float share = 1.0f / hw;
	for (int j = 0; j < c; j++) y[j] *= share;
}
NF_SIMD static void mean_back(const float *dy, float *dx, long hw, int c) {
	float share = 1.0f / hw;
	for (int j = 0; j < c; j++) dx[j] = dy[j] * share;
	for (long i = 1; i < hw; i++) memcpy(dx + i * c, dx, sizeof(float) * c);
}

void nf_mean(const float *x, float *y, int n, long hw, int c, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * hw * c > NF_SMALL)
	for (int i = 0; i < n; i++) mean(x + i * hw * c, y + (long)i * c, hw, c);
}
void nf_mean_back(const float *dy, float *dx, int n, long hw, int c, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * hw * c > NF_SMALL)
	for (int i = 0; i < n; i++) mean_back(dy + (long)i * c, dx + i * hw * c, hw, c);
}

NF_SIMD static float normalize(const float *x, float *y, int d) {
	float s = 0;
#pragma omp simd reduction(+ : s)
	for (int j = 0; j < d; j++) s += x[j] * x[j];
	float norm = sqrtf(s) > 1e-12f ? sqrtf(s) : 1e-12f, share = 1 / norm;
	for (int j = 0; j < d; j++) y[j] = x[j] * share;
	return norm;
}
NF_SIMD static void normalize_back(const float *y, const float *dy, float norm, float *dx, int d) {
	float s = 0, share = 1 / norm;
#pragma omp simd reduction(+ : s)
	for (int j = 0; j < d; j++) s += y[j] * dy[j];
	for (int j = 0; j < d; j++) dx[j] = (dy[j] - y[j] * s) * share;
}

void nf_normalize(const float *x, float *y, float *norm, int n, int d, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * d > NF_SMALL)
	for (int i = 0; i < n; i++) norm[i] = normalize(x + (long)i * d, y + (long)i * d, d);
}
void nf_normalize_back(const float *y, const float *dy, const float *norm, float *dx, int n, int d, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * d > NF_SMALL)
	for (int i = 0; i < n; i++) normalize_back(y + (long)i * d, dy + (long)i * d, norm[i], dx + (long)i * d, d);
}

void nf_rows_fill(const float *b, float *y, long n, int c, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (n * c > NF_SMALL)
	for (long i = 0; i < n; i++) memcpy(y + i * c, b, sizeof(float) * c);
}

NF_SIMD static void column_sum(const float *x, float *y, long n, int c) {
	for (int j = 0; j < c; j++) y[j] = 0;
	for (long i = 0; i < n; i++, x += c)
		for (int j = 0; j < c; j++) y[j] += x[j];
}
void nf_column_sum(const float *x, float *y, long n, int c) { column_sum(x, y, n, c); }
