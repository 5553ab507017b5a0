// Activations that squash or lean. Each gradient needs only the output.
#pragma GCC optimize("no-math-errno", "no-trapping-math") // or a choice between two results makes no vectors
#include "kernel.h"
#include "simd.h"
#include <omp.h>

#define CHUNK 8192

NF_SIMD static void leaky(const float *x, float *y, float slope, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = x[i] <= 0 ? slope * x[i] : x[i];
}
NF_SIMD static void leaky_back(const float *y, const float *dy, float *dx, float slope, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) dx[i] = y[i] <= 0 ? slope * dy[i] : dy[i];
}
NF_SIMD static void sigmoids(const float *x, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = sigmoid(x[i]);
}
NF_SIMD static void sigmoids_back(const float *y, const float *dy, float *dx, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) dx[i] = dy[i] * y[i] * (1 - y[i]);
}
NF_SIMD static void tanhs(const float *x, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = tangent(x[i]);
}
NF_SIMD static void tanhs_back(const float *y, const float *dy, float *dx, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

#define CHUNKED(call)                                                                     \
	_Pragma("omp parallel for num_threads(nt) schedule(static) if (n > NF_SMALL)")        \
	for (long at = 0; at < n; at += CHUNK) {                                              \
		long len = n - at < CHUNK ? n - at : CHUNK;                                       \
		call;                                                                             \
	}

void nf_leaky(const float *x, float *y, float slope, long n, int nt) { CHUNKED(leaky(x + at, y + at, slope, len)) }
void nf_leaky_back(const float *y, const float *dy, float *dx, float slope, long n, int nt) { CHUNKED(leaky_back(y + at, dy + at, dx + at, slope, len)) }
void nf_sigmoid(const float *x, float *y, long n, int nt) { CHUNKED(sigmoids(x + at, y + at, len)) }
void nf_sigmoid_back(const float *y, const float *dy, float *dx, long n, int nt) { CHUNKED(sigmoids_back(y + at, dy + at, dx + at, len)) }
void nf_tanh(const float *x, float *y, long n, int nt) { CHUNKED(tanhs(x + at, y + at, len)) }
void nf_tanh_back(const float *y, const float *dy, float *dx, long n, int nt) { CHUNKED(tanhs_back(y + at, dy + at, dx + at, len)) }
