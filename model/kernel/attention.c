// What a transformer needs beside linear layers: norm of rows, GELU, attention.
#pragma GCC optimize("no-math-errno", "no-trapping-math") // or a choice between two results makes no vectors
#include "kernel.h"
#include "onednn.h"
#include "simd.h"
#include <math.h>
#include <omp.h>

#define BLOCKS 64
#define CHUNK 8192

static int blocks(long rows) { return rows < BLOCKS ? (int)rows : BLOCKS; }

long nf_ln_part(long rows, int c) { return (long)blocks(rows) * 2 * c; }

NF_SIMD static void norm_row(const float *x, const float *gamma, const float *beta, float *y, float *mean, float *rstd, int c, float eps) {
	float a = 0, q = 0;
#pragma omp simd reduction(+ : a)
	for (int j = 0; j < c; j++) a += x[j];
	float m = a / c;
#pragma omp simd reduction(+ : q)
	for (int j = 0; j < c; j++) q += (x[j] - m) * (x[j] - m);
	float r = 1 / sqrtf(q / c + eps);
#pragma omp simd
	for (int j = 0; j < c; j++) y[j] = (x[j] - m) * r * gamma[j] + beta[j];
	*mean = m, *rstd = r;
}

void nf_ln(const float *x, const float *gamma, const float *beta, float *y, float *mean, float *rstd, long rows, int c, float eps, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * c > NF_SMALL)
	for (long i = 0; i < rows; i++) norm_row(x + i * c, gamma, beta, y + i * c, mean + i, rstd + i, c, eps);
}

// dx of a row; its share of dγ and dβ goes on top of what is there.
NF_SIMD static void norm_row_back(const float *dy, const float *x, const float *gamma, float m, float r, float *dx, float *dgamma, float *dbeta, int c) {
	float a = 0, b = 0;
#pragma omp simd reduction(+ : a, b)
	for (int j = 0; j < c; j++) {
		float g = dy[j] * gamma[j];
		a += g, b += g * (x[j] - m);
	}
	a /= c, b *= r * r / c;
#pragma omp simd
	for (int j = 0; j < c; j++) {
		float g = dy[j], h = x[j] - m;
		dgamma[j] += g * h * r;
		dbeta[j] += g;
		dx[j] = r * (g * gamma[j] - a - h * b);
	}
}

void nf_ln_back(const float *dy, const float *x, const float *gamma, const float *mean, const float *rstd, float *dx, float *dgamma, float *dbeta,
	float *part, long rows, int c, int nt) {
	int nb = blocks(rows);
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * c > NF_SMALL)
	for (int b = 0; b < nb; b++) {
		float *dg = part + (long)b * 2 * c, *db = dg + c;
		memset(dg, 0, sizeof(float) * 2 * c);
		for (long i = rows * b / nb; i < rows * (b + 1) / nb; i++)
			norm_row_back(dy + i * c, x + i * c, gamma, mean[i], rstd[i], dx + i * c, dg, db, c);
	}
	for (int j = 0; j < c; j++) {
		double g = 0, b = 0;
		for (int k = 0; k < nb; k++) g += part[(long)k * 2 * c + j], b += part[(long)k * 2 * c + c + j];
		dgamma[j] = (float)g, dbeta[j] = (float)b;
	}
}

// x·σ(2u) with u = √(2/π)(x + 0.044715x³).
#define U(x) (0.7978845608f * ((x) + 0.044715f * (x) * (x) * (x)))

NF_SIMD static void gelu(const float *x, float *y, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) y[i] = x[i] * sigmoid(2 * U(x[i]));
}
NF_SIMD static void gelu_back(const float *x, const float *dy, float *dx, long n) {
#pragma omp simd
	for (long i = 0; i < n; i++) {
		float s = sigmoid(2 * U(x[i])), slope = 2 * 0.7978845608f * (1 + 3 * 0.044715f * x[i] * x[i]);
		dx[i] = dy[i] * (s + x[i] * s * (1 - s) * slope);
	}
}
void nf_gelu(const float *x, float *y, long n, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (n > NF_SMALL)
	for (long at = 0; at < n; at += CHUNK) gelu(x + at, y + at, n - at < CHUNK ? n - at : CHUNK);
}
void nf_gelu_back(const float *x, const float *dy, float *dx, long n, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (n > NF_SMALL)
	for (long at = 0; at < n; at += CHUNK) gelu_back(x + at, dy + at, dx + at, n - at < CHUNK ? n - at : CHUNK);
}

NF_SIMD static void softmax(float *x, int t) {
	float top = x[0], sum = 0;
#pragma omp simd reduction(max : top)
	for (int j = 1; j < t; j++) top = x[j] > top ? x[j] : top;
#pragma omp simd reduction(+ : sum)
	for (int j = 0; j < t; j++) sum += x[j] = exp_down(x[j] - top);
	float share = 1 / sum;
	for (int j = 0; j < t; j++) x[j] *= share;
}
// From the gradient toward a softmax to that toward its scores, times a scale.
NF_SIMD static void softmax_back(const float *p, float *d, float scale, int t) {
	float s = 0;
#pragma omp simd reduction(+ : s)
	for (int j = 0; j < t; j++) s += p[j] * d[j];
#pragma omp simd
	for (int j = 0; j < t; j++) d[j] = scale * p[j] * (d[j] - s);
}

// One head of one sequence lies in columns of qkv, rows 3·c apart: q at 0, k at c, v at 2c.
int nf_attention(const float *qkv, float *y, float *p, int n, int t, int heads, int d, int nt) {
	int c = heads * d, failed = nf_onednn();
	if (failed) return failed;
#pragma omp parallel for num_threads(nt) schedule(static) reduction(| : failed) if ((long)n * t * c > NF_SMALL)
	for (int i = 0; i < n * heads; i++) {
		const float *q = qkv + (long)(i / heads) * t * 3 * c + i % heads * d;
		float *pi = p + (long)i * t * t;
		failed |= dnnl_sgemm('N', 'T', t, t, d, 1 / sqrtf(d), q, 3 * c, q + c, 3 * c, 0, pi, t);
		for (int r = 0; r < t; r++) softmax(pi + (long)r * t, t);
		failed |= dnnl_sgemm('N', 'N', t, d, t, 1, pi, t, q + 2 * c, 3 * c, 0, y + (long)(i / heads) * t * c + i % heads * d, c);
	}
	return failed;
}

// work holds t·t floats for each of n·heads heads.
int nf_attention_back(const float *qkv, const float *p, const float *dy, float *dqkv, float *work, int n, int t, int heads, int d, int nt) {
	int c = heads * d, failed = 0;
#pragma omp parallel for num_threads(nt) schedule(static) reduction(| : failed) if ((long)n * t * c > NF_SMALL)
	for (int i = 0; i < n * heads; i++) {
		long at = (long)(i / heads) * t * 3 * c + i % heads * d;
		const float *q = qkv + at, *g = dy + (long)(i / heads) * t * c + i % heads * d, *pi = p + (long)i * t * t;
		float *dq = dqkv + at, *s = work + (long)i * t * t;
		failed |= dnnl_sgemm('T', 'N', t, d, t, 1, pi, t, g, c, 0, dq + 2 * c, 3 * c);
		failed |= dnnl_sgemm('N', 'T', t, t, d, 1, g, c, q + 2 * c, 3 * c, 0, s, t);
		for (int r = 0; r < t; r++) softmax_back(pi + (long)r * t, s + (long)r * t, 1 / sqrtf(d), t);
		failed |= dnnl_sgemm('N', 'N', t, d, t, 1, s, t, q + c, 3 * c, 0, dq, 3 * c);
		failed |= dnnl_sgemm('T', 'N', t, d, t, 1, s, t, q, 3 * c, 0, dq + c, 3 * c);
	}
	return failed;
}
