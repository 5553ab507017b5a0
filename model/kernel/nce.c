// InfoNCE in one pass over the bank, in the manner of FlashAttention (Dao et al. 2022, arXiv:2205.14135):
// tiles of scores, a running maximum m and sum l of e^(s−m) for each query, and Σ e^(s−m)·key beside it.
// Each thread takes its share of the bank; shares are joined in order.
#pragma GCC optimize("no-math-errno", "no-trapping-math") // or a choice between two results makes no vectors
#include "kernel.h"
#include "simd.h"
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>

#define TILE 256
#define NONE -3.0e38f
#define ROUNDING 1e-6f // of a score of unit rows, which the two products sum in different orders

// Floats of one share: scores n×TILE, Σ e·key n×d, and for each query m, l, Σ score, count.
static long share(int n, int d) { return (long)n * (TILE + d + 4) + 32; }
long nf_nce_work(int n, int d, int nt) { return share(n, d) * nt; }

// Sum and largest of a row of scores (for the sum, ones taken out are taken out by the caller).
NF_SIMD static float row_sum(const float *s, int n) {
	float a = 0;
#pragma omp simd reduction(+ : a)
	for (int j = 0; j < n; j++) a += s[j];
	return a;
}
NF_SIMD static float row_max(const float *s, int n) {
	float m = NONE;
#pragma omp simd reduction(max : m)
	for (int j = 0; j < n; j++) m = s[j] > m ? s[j] : m;
	return m;
}
NF_SIMD static float row_exp(float *s, float inv_t, float m, int n) {
	float a = 0;
#pragma omp simd reduction(+ : a)
	for (int j = 0; j < n; j++) {
		float e = s[j] > -1.0e38f ? exp_down(s[j] * inv_t - m) : 0.0f;
		s[j] = e;
		a += e;
	}
	return a;
}
NF_SIMD static void row_scale(float *a, float by, int n) {
	for (int j = 0; j < n; j++) a[j] *= by;
}
NF_SIMD static void row_axpy(const float *x, float by, float *y, int n) {
	for (int j = 0; j < n; j++) y[j] += by * x[j];
}
NF_SIMD static float row_dot(const float *a, const float *b, int n) {
	float s = 0;
#pragma omp simd reduction(+ : s)
	for (int j = 0; j < n; j++) s += a[j] * b[j];
	return s;
}

// First of the ascending slots [lo, hi) that is not below slot.
static int32_t lower(const int32_t *slots, int32_t lo, int32_t hi, long slot) {
	while (lo < hi) {
		int32_t mid = lo + (hi - lo) / 2;
		if (slots[mid] < slot) lo = mid + 1;
		else hi = mid;
	}
	return lo;
}

static int bank_share(const float *q, const float *bank, int n, int d, long from, long to, float inv_t, const int32_t *mask_row,
	const int32_t *mask_slot, float *work) {
	float *s = work, *acc = s + (long)n * TILE, *m = acc + (long)n * d, *l = m + n, *total = l + n, *count = total + n;
	memset(acc, 0, sizeof(float) * n * d);
	for (int i = 0; i < n; i++) m[i] = NONE, l[i] = total[i] = count[i] = 0;
	for (long t = from; t < to; t += TILE) {
		int width = to - t < TILE ? (int)(to - t) : TILE;
		const float *keys = bank + t * d;
		int e = dnnl_sgemm('N', 'T', n, width, d, 1, q, d, keys, d, 0, s, width);
		if (e) return e;
		for (int i = 0; i < n; i++) {
			float *row = s + (long)i * width, sum = row_sum(row, width);
			int used = width;
			if (mask_row)
				for (int32_t x = lower(mask_slot, mask_row[i], mask_row[i + 1], t); x < mask_row[i + 1] && mask_slot[x] < t + width; x++) {
					sum -= row[mask_slot[x] - t];
					row[mask_slot[x] - t] = NONE;
					used--;
				}
			count[i] += used;
			if (!used) {
				memset(row, 0, sizeof(float) * width);
				continue;
			}
			total[i] += sum;
			float top = row_max(row, width) * inv_t;
			if (top > m[i]) {
				float by = m[i] > -1.0e38f ? expf(m[i] - top) : 0;
				l[i] *= by;
				row_scale(acc + (long)i * d, by, d);
				m[i] = top;
			}
			l[i] += row_exp(row, inv_t, m[i], width);
		}
		e = dnnl_sgemm('N', 'N', n, d, width, 1, s, width, keys, d, 1, acc, d);
		if (e) return e;
	}
	return 0;
}

// out: loss, mean positive score, mean negative score, accuracy, mean ln of candidates.
int nf_nce(const float *q, const float *k, const float *bank, int n, int d, long size, float inv_t, const int32_t *mask_row,
	const int32_t *mask_slot, float *dq, float *work, double out[5], int nt) {
	int failed = 0;
#pragma omp parallel for num_threads(nt) schedule(static) reduction(| : failed)
	for (int p = 0; p < nt; p++)
		failed |= bank_share(q, bank, n, d, size * p / nt, size * (p + 1) / nt, inv_t, mask_row, mask_slot, work + share(n, d) * p);
	if (failed) return failed;
	double loss = 0, pos = 0, neg = 0, negs = 0, hits = 0, candidates = 0;
	for (int i = 0; i < n; i++) {
		const float *qi = q + (long)i * d, *ki = k + (long)i * d;
		float s = row_dot(qi, ki, d), top = s * inv_t, best = NONE;
		double count = 0;
		for (int p = 0; p < nt; p++) {
			const float *m = work + share(n, d) * p + (long)n * (TILE + d);
			best = m[i] > best ? m[i] : best;
			neg += m[2 * n + i];
			count += m[3 * n + i];
		}
		float m = best > top ? best : top;
		double sum = exp((double)top - m), own = sum;
		for (int p = 0; p < nt; p++) {
			const float *mp = work + share(n, d) * p + (long)n * (TILE + d);
			if (mp[3 * n + i] > 0) sum += mp[n + i] * exp((double)mp[i] - m);
		}
		float scale = inv_t / n;
		float *g = dq + (long)i * d;
		memset(g, 0, sizeof(float) * d);
		row_axpy(ki, (float)(scale * (own / sum - 1)), g, d);
		for (int p = 0; p < nt; p++) {
			const float *acc = work + share(n, d) * p + (long)n * TILE, *mp = acc + (long)n * d;
			if (mp[3 * n + i] > 0) row_axpy(acc + (long)i * d, (float)(scale * exp((double)mp[i] - m) / sum), g, d);
		}
		loss += m + log(sum) - top;
		pos += s;
		negs += count;
		hits += top - best > ROUNDING * inv_t; // a collapsed encoder, for which all keys look alike, hits nothing
		candidates += log(count + 1);
	}
	out[0] = loss / n;
	out[1] = pos / n;
	out[2] = negs > 0 ? neg / negs : 0;
	out[3] = hits / n;
	out[4] = candidates / n;
	return 0;
}
