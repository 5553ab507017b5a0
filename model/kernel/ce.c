// Cross-entropy of many rows of logits against sparse targets, loss and gradient in one pass a row.
#pragma GCC optimize("no-math-errno", "no-trapping-math") // or a choice between two results makes no vectors
#include "kernel.h"
#include "simd.h"
#include <math.h>
#include <omp.h>

#define PARTS 64 // of the rows: sums do not depend on the number of threads

NF_SIMD static float largest(const float *z, int c) {
	float m = z[0];
#pragma omp simd reduction(max : m)
	for (int j = 0; j < c; j++) m = z[j] > m ? z[j] : m;
	return m;
}
NF_SIMD static float exps(const float *z, float top, float *e, int c) {
	float sum = 0;
#pragma omp simd reduction(+ : sum)
	for (int j = 0; j < c; j++) sum += e[j] = exp_down(z[j] - top);
	return sum;
}
NF_SIMD static void scale(float *e, float by, int c) {
	for (int j = 0; j < c; j++) e[j] *= by;
}

long nf_ce_rows(const int32_t *index, long n, int c, int k) {
	long rows = 0;
	for (long i = 0; i < n; i++, index += k) {
		if (index[0] == -1) continue;
		for (int j = 0; j < k; j++)
			if (index[j] < 0 || index[j] >= c) return -1;
		rows++;
	}
	return rows;
}

// The cross-entropy of one row; its gradient, times by, goes to g. hit: the first of the largest logits is
// the target with the largest weight.
static double row(const float *z, int c, const int32_t *index, const float *weight, int k, float by, float *g, int *hit) {
	float top = largest(z, c), sum = exps(z, top, g, c), total = 0;
	double loss = 0;
	int best = 0;
	for (int j = 0; j < k; j++) {
		float w = weight ? weight[j] : 1;
		total += w;
		loss -= (double)w * (z[index[j]] - top);
		if (weight && w > weight[best]) best = j;
	}
	loss += total * log(sum);
	scale(g, by * total / sum, c);
	for (int j = 0; j < k; j++) g[index[j]] -= by * (weight ? weight[j] : 1);
	int t = index[best];
	*hit = z[t] == top;
	for (int j = 0; j < t && *hit; j++) *hit = z[j] != top;
	return loss;
}

// out: loss, accuracy. rows, of nf_ce_rows, is at least 1.
void nf_ce(const float *logits, long n, int c, const int32_t *index, const float *weight, int k, const float *row_weight, float *grad,
	long rows, double out[2], int nt) {
	double loss[PARTS];
	long hits[PARTS];
#pragma omp parallel for num_threads(nt) schedule(static) if (n * c > NF_SMALL / 4)
	for (int p = 0; p < PARTS; p++) {
		loss[p] = hits[p] = 0;
		for (long i = n * p / PARTS; i < n * (p + 1) / PARTS; i++) {
			float *g = grad + i * c, w = row_weight ? row_weight[i] : 1;
			if (index[i * k] < 0) {
				memset(g, 0, sizeof(float) * c);
				continue;
			}
			int hit;
			loss[p] += w * row(logits + i * c, c, index + i * k, weight ? weight + i * k : weight, k, w / rows, g, &hit);
			hits[p] += hit;
		}
	}
	double sum = 0;
	long all = 0;
	for (int p = 0; p < PARTS; p++) sum += loss[p], all += hits[p];
	out[0] = sum / rows;
	out[1] = (double)all / rows;
}
