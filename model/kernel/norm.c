// Batch norm over rows × channels, with ReLU and the addition of a residual folded in (Ioffe & Szegedy
// 2015, arXiv:1502.03167). Sums are taken over a fixed number of blocks of rows and joined in order,
// so that results do not depend on the number of threads.
#include "kernel.h"
#include "simd.h"
#include <math.h>
#include <omp.h>

#define BLOCKS 64

static int blocks(long rows) {
	long b = rows / 64;
	return b < 1 ? 1 : b > BLOCKS ? BLOCKS : (int)b;
}

long nf_bn_part(long rows, int c) { return (long)(blocks(rows) * 2 + 3) * c; }

// Loops are over channels, AT_ONCE rows to one reading of the sums.
#define AT_ONCE 4

// Sums of x − pivot and its square over n rows: the pivot (any row) keeps the squares from cancelling.
INLINE void sums_rows(const float *x, const float *pivot, float *s1, float *s2, long n, int c, const int at_once) {
	for (long i = 0; i < n; i += at_once, x += at_once * c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float a = s1[j], b = s2[j];
			for (int k = 0; k < at_once; k++) {
				float d = x[k * c + j] - pivot[j];
				a += d, b += d * d;
			}
			s1[j] = a, s2[j] = b;
		}
	}
}
NF_SIMD static void sums(const float *x, const float *pivot, float *s1, float *s2, long n, int c) {
	long whole = n - n % AT_ONCE;
	for (int j = 0; j < c; j++) s1[j] = s2[j] = 0;
	sums_rows(x, pivot, s1, s2, whole, c, AT_ONCE);
	sums_rows(x + whole * c, pivot, s1, s2, n - whole, c, 1);
}

// y = x·scale + shift (+ res), ReLU where asked, and rounded to bf16 where h is; y may be x.
INLINE void affine_rows(const float *x, const float *res, const float *scale, const float *shift, float *y, uint16_t *h,
	long n, int c, const int add, const int relu, const int half) {
	for (long i = 0; i < n; i++, x += c, y += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float v = x[j] * scale[j] + shift[j];
			if (add) v += res[j];
			v = relu && v <= 0 ? 0 : v;
			y[j] = v;
			if (half) h[j] = bf16_of(v);
		}
		if (add) res += c;
		if (half) h += c;
	}
}
INLINE void affine_all(const float *x, const float *res, const float *scale, const float *shift, float *y, uint16_t *h, long n, int c, int relu,
	const int half) {
	if (res && relu) affine_rows(x, res, scale, shift, y, h, n, c, 1, 1, half);
	else if (res) affine_rows(x, res, scale, shift, y, h, n, c, 1, 0, half);
	else if (relu) affine_rows(x, res, scale, shift, y, h, n, c, 0, 1, half);
	else affine_rows(x, res, scale, shift, y, h, n, c, 0, 0, half);
}
NF_SIMD static void affine(const float *x, const float *res, const float *scale, const float *shift, float *y, uint16_t *h, long n, int c, int relu) {
	if (h) affine_all(x, res, scale, shift, y, h, n, c, relu, 1);
	else affine_all(x, res, scale, shift, y, h, n, c, relu, 0);
}

// What norm, batch statistics and running statistics come to: y = x·fold[0:c] + fold[c:2c].
static void folded(const float *gamma, const float *beta, const float *mean, const float *rstd, float *fold, int c) {
	for (int j = 0; j < c; j++) {
		fold[j] = gamma[j] * rstd[j];
		fold[c + j] = beta[j] - mean[j] * fold[j];
	}
}

#define ROWS(b, nb) long lo = rows * (b) / (nb), n = rows * ((b) + 1) / (nb) - lo

void nf_bn_train(const float *x, const float *res, const float *gamma, const float *beta, float *y, uint16_t *y16, float *fold, float *mean, float *rstd,
	float *run_mean, float *run_var, long rows, int c, int relu, float momentum, float eps, float *part, int nt) {
	int nb = blocks(rows);
#pragma omp parallel num_threads(nt) if (rows * c > NF_SMALL)
	{
#pragma omp for schedule(static)
		for (int b = 0; b < nb; b++) {
			ROWS(b, nb);
			sums(x + lo * c, x, part + (long)b * 2 * c, part + (long)b * 2 * c + c, n, c);
		}
#pragma omp for schedule(static)
		for (int j = 0; j < c; j++) {
			double a = 0, q = 0;
			for (int b = 0; b < nb; b++) a += part[(long)b * 2 * c + j], q += part[(long)b * 2 * c + c + j];
			double m = a / rows, v = q / rows - m * m;
			if (v < 0) v = 0;
			mean[j] = (float)(x[j] + m);
			rstd[j] = (float)(1 / sqrt(v + eps));
			fold[j] = gamma[j] * rstd[j];
			fold[c + j] = beta[j] - mean[j] * fold[j];
			if (run_mean) {
				run_mean[j] += momentum * (mean[j] - run_mean[j]);
				run_var[j] += momentum * ((float)(rows > 1 ? v * rows / (rows - 1) : v) - run_var[j]);
			}
		}
#pragma omp for schedule(static)
		for (int b = 0; b < nb; b++) {
			ROWS(b, nb);
			affine(x + lo * c, res ? res + lo * c : 0, fold, fold + c, y + lo * c, y16 ? y16 + lo * c : 0, n, c, relu);
		}
	}
}

void nf_bn_eval(const float *x, const float *res, const float *gamma, const float *beta, float *y, uint16_t *y16, float *fold, float *mean, float *rstd,
	const float *run_mean, const float *run_var, long rows, int c, int relu, float eps, int nt) {
	for (int j = 0; j < c; j++) {
		mean[j] = run_mean[j];
		rstd[j] = 1 / sqrtf(run_var[j] + eps);
	}
	folded(gamma, beta, mean, rstd, fold, c);
	int nb = blocks(rows);
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * c > NF_SMALL)
	for (int b = 0; b < nb; b++) {
		ROWS(b, nb);
		affine(x + lo * c, res ? res + lo * c : 0, fold, fold + c, y + lo * c, y16 ? y16 + lo * c : 0, n, c, relu);
	}
}

// Sums of dy and dy·(x − mean) over n rows, where dy passes the ReLU. With keep the passed dy is written
// there (the gradient of a residual) and y says what passed; without, x·scale + shift says it again.
INLINE void back_sums_rows(const float *dy, const float *x, const float *y, const float *fold,
	const float *mean, float *keep, float *s1, float *s2, long n, int c, const int relu, const int kept, const int at_once) {
	for (long i = 0; i < n; i += at_once, x += at_once * c, dy += at_once * c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float a = s1[j], b = s2[j];
			for (int k = 0; k < at_once; k++) { 
				float g = dy[k * c + j], v = x[k * c + j];
				float by = kept ? y[k * c + j] : v * fold[j] + fold[c + j];
				if (relu) g = by <= 0 ? 0 : g;
				if (kept) keep[k * c + j] = g;
				a += g, b += g * (v - mean[j]);
			}
			s1[j] = a, s2[j] = b;
		}
		if (kept) y += at_once * c, keep += at_once * c;
	}
}
INLINE void back_sums_all(const float *dy, const float *x, const float *y, const float *fold, const float *mean, float *keep, float *s1, float *s2,
	long n, int c, const int relu, const int kept) {
	long whole = n - n % AT_ONCE, at = whole * c;
	back_sums_rows(dy, x, y, fold, mean, keep, s1, s2, whole, c, relu, kept, AT_ONCE);
	if (kept) y += at, keep += at;
	back_sums_rows(dy + at, x + at, y, fold, mean, keep, s1, s2, n - whole, c, relu, kept, 1);
}
NF_SIMD static void back_sums(const float *dy, const float *x, const float *y, const float *fold, const float *mean, float *keep, float *s1,
	float *s2, long n, int c, int relu) {
	for (int j = 0; j < c; j++) s1[j] = s2[j] = 0;
	if (keep) back_sums_all(dy, x, y, fold, mean, keep, s1, s2, n, c, 1, 1);
	else if (relu) back_sums_all(dy, x, y, fold, mean, keep, s1, s2, n, c, 1, 0);
	else back_sums_all(dy, x, y, fold, mean, keep, s1, s2, n, c, 0, 0);
}

// dx = dy·k + x·k[c:] + k[2c:], where dy passes the ReLU unless it is kept and has passed already; rounded, too, where
// h is.
INLINE void back_dx_rows(const float *dy, const float *x, const float *fold, const float *k, float *dx, uint16_t *h, long n,
	int c, const int masked, const int half) {
	for (long i = 0; i < n; i++, x += c, dy += c, dx += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float v = x[j], g = dy[j];
			if (masked) g = v * fold[j] + fold[c + j] <= 0 ? 0 : g;
			float d = g * k[j] + (v * k[c + j] + k[2 * c + j]);
			dx[j] = d;
			if (half) h[j] = bf16_of(d);
		}
		if (half) h += c;
	}
}
NF_SIMD static void back_dx(const float *dy, const float *x, const float *fold, const float *k, float *dx, uint16_t *h, long n, int c, int masked) {
	if (masked && h) back_dx_rows(dy, x, fold, k, dx, h, n, c, 1, 1);
	else if (masked) back_dx_rows(dy, x, fold, k, dx, h, n, c, 1, 0);
	else if (h) back_dx_rows(dy, x, fold, k, dx, h, n, c, 0, 1);
	else back_dx_rows(dy, x, fold, k, dx, h, n, c, 0, 0);
}

void nf_bn_back(const float *dy, const float *x, const float *y, const float *gamma, const float *fold, const float *mean, const float *rstd,
	float *dx, uint16_t *dx16, float *dres, float *dgamma, float *dbeta, long rows, int c, int relu, int train, float *part, int nt) {
	int nb = blocks(rows);
	float *k = part + (long)nb * 2 * c; // 3c
#pragma omp parallel num_threads(nt) if (rows * c > NF_SMALL)
	{
#pragma omp for schedule(static)
		for (int b = 0; b < nb; b++) {
			ROWS(b, nb);
			float *s = part + (long)b * 2 * c;
			back_sums(dy + lo * c, x + lo * c, y ? y + lo * c : 0, fold, mean, dres ? dres + lo * c : 0, s, s + c, n, c, relu);
		}
#pragma omp for schedule(static)
		for (int j = 0; j < c; j++) {
			double a = 0, q = 0;
			for (int b = 0; b < nb; b++) a += part[(long)b * 2 * c + j], q += part[(long)b * 2 * c + c + j];
			q *= rstd[j];
			dgamma[j] = (float)q;
			dbeta[j] = (float)a;
			double scale = (double)gamma[j] * rstd[j];
			k[j] = (float)scale;
			k[c + j] = train ? (float)(-scale * rstd[j] * q / rows) : 0;
			k[2 * c + j] = train ? (float)(scale * (mean[j] * (double)rstd[j] * q - a) / rows) : 0;
		}
#pragma omp for schedule(static)
		for (int b = 0; b < nb; b++) {
			ROWS(b, nb);
			back_dx((dres ? dres : dy) + lo * c, x + lo * c, fold, k, dx + lo * c, dx16 ? dx16 + lo * c : 0, n, c, relu && !dres);
		}
	}
}
