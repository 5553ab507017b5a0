// Max pooling over places. Each output remembers which place of its window was the first largest.
#include "kernel.h"
#include "simd.h"
#include <omp.h>

#define WIDE 64 // channels at a time

// A window's places that lie in the picture: rows [r0, r1) and columns [q0, q1) of it.
typedef struct {
	int top, left, r0, r1, q0, q1;
} window;

static window clip(int top, int left, int h, int w, int k) {
	window v = {top, left, top < 0 ? -top : 0, top + k > h ? h - top : k, left < 0 ? -left : 0, left + k > w ? w - left : k};
	return v;
}

// WIDE channels, or fewer, of one output place: x and y begin at the first of them.
INLINE void largest_of(const float *x, float *y, uint8_t *at, window v, int w, int c, int k, const int wide) {
	const float *first = x + ((long)(v.top + v.r0) * w + v.left + v.q0) * c;
	float best[WIDE];
	int32_t place[WIDE];
	for (int j = 0; j < wide; j++) best[j] = first[j], place[j] = v.r0 * k + v.q0;
	for (int r = v.r0; r < v.r1; r++)
		for (int q = v.q0; q < v.q1; q++) {
			const float *z = x + ((long)(v.top + r) * w + v.left + q) * c;
			int32_t here = r * k + q;
#pragma omp simd
			for (int j = 0; j < wide; j++) {
				int more = (z[j] > best[j]) | (z[j] != z[j]); // a NaN wins, and is seen
				place[j] = more ? here : place[j];
				best[j] = more ? z[j] : best[j];
			}
		}
	for (int j = 0; j < wide; j++) y[j] = best[j];
	for (int j = 0; j < wide; j++) at[j] = (uint8_t)place[j];
}

// One output place, all channels; x is the picture.
NF_SIMD static void largest(const float *x, float *y, uint8_t *at, window v, int w, int c, int k) {
	int j = 0;
	for (; j + WIDE <= c; j += WIDE) largest_of(x + j, y + j, at + j, v, w, c, k, WIDE);
	if (j < c) largest_of(x + j, y + j, at + j, v, w, c, k, c - j);
}

void nf_maxpool(const float *x, float *y, uint8_t *at, int n, int h, int w, int c, int oh, int ow, int k, int stride, int pad, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * h * w * c > NF_SMALL)
	for (long row = 0; row < (long)n * oh; row++)
		for (int o = 0; o < ow; o++) {
			window v = clip((int)(row % oh) * stride - pad, o * stride - pad, h, w, k);
			largest(x + row / oh * h * w * c, y + (row * ow + o) * c, at + (row * ow + o) * c, v, w, c, k);
		}
}

// A window that covers a place of x, and which of its places that is.
typedef struct {
	long from;
	int place;
} cover;

NF_SIMD static void collect(const float *dy, const uint8_t *at, float *dx, const cover *v, int covers, int c) {
	for (int j = 0; j < c; j++) dx[j] = 0;
	for (int i = 0; i < covers; i++) {
		const float *g = dy + v[i].from;
		const uint8_t *a = at + v[i].from;
		int place = v[i].place;
#pragma omp simd
		for (int j = 0; j < c; j++) dx[j] += a[j] == place ? g[j] : 0;
	}
}

// Each place of x collects from the windows that cover it, so no two threads write one place.
void nf_maxpool_back(const float *dy, const uint8_t *at, float *dx, int n, int h, int w, int c, int oh, int ow, int k, int stride, int pad, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * h * w * c > NF_SMALL)
	for (long row = 0; row < (long)n * h; row++) {
		long i = row / h;
		int r = (int)(row % h);
		for (int q = 0; q < w; q++) {
			cover v[225]; // windows are at most 15×15
			int covers = 0;
			for (int p = 0; p < k * k; p++) {
				int a = r + pad - p / k, b = q + pad - p % k;
				if (a < 0 || b < 0 || a % stride || b % stride || a / stride >= oh || b / stride >= ow) continue;
				v[covers].from = ((i * oh + a / stride) * ow + b / stride) * c;
				v[covers++].place = p;
			}
			collect(dy, at, dx + (row * w + q) * c, v, covers, c);
		}
	}
}
