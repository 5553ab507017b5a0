// A number added to each channel, with ReLU in the same pass.
#include "kernel.h"
#include "simd.h"
#include <omp.h>

#define CHUNK 64 // rows
#define PARTS 64 // of the rows: sums do not depend on the number of threads

NF_SIMD static void add_bias(const float *x, const float *b, float *y, long rows, int c) {
	for (long i = 0; i < rows; i++, x += c, y += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) y[j] = x[j] + b[j];
	}
}
NF_SIMD static void add_bias_relu(const float *x, const float *b, float *y, long rows, int c) {
	for (long i = 0; i < rows; i++, x += c, y += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float v = x[j] + b[j];
			y[j] = v <= 0 ? 0 : v;
		}
	}
}

void nf_bias(const float *x, const float *b, float *y, long rows, int c, int relu, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * c > NF_SMALL)
	for (long at = 0; at < rows; at += CHUNK) {
		long len = rows - at < CHUNK ? rows - at : CHUNK;
		(relu ? add_bias_relu : add_bias)(x + at * c, b, y + at * c, len, c);
	}
}

NF_SIMD static void sum_rows(const float *dy, float *db, long rows, int c) {
	for (long i = 0; i < rows; i++, dy += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) db[j] += dy[j];
	}
}
// The sums of what y's ReLU lets through, which goes to dx.
NF_SIMD static void sum_rows_relu(const float *y, const float *dy, float *dx, float *db, long rows, int c) {
	for (long i = 0; i < rows; i++, y += c, dy += c, dx += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float v = y[j] <= 0 ? 0 : dy[j];
			dx[j] = v;
			db[j] += v;
		}
	}
}

// part: PARTS rows of c floats. y and dx are NULL where there was no ReLU.
long nf_bias_part(int c) { return (long)PARTS * c; }
void nf_bias_back(const float *y, const float *dy, float *dx, float *db, float *part, long rows, int c, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * c > NF_SMALL)
	for (int p = 0; p < PARTS; p++) {
		long from = rows * p / PARTS, len = rows * (p + 1) / PARTS - from;
		float *sum = part + (long)p * c;
		memset(sum, 0, sizeof(float) * c);
		if (y) sum_rows_relu(y + from * c, dy + from * c, dx + from * c, sum, len, c);
		else sum_rows(dy + from * c, sum, len, c);
	}
	for (int j = 0; j < c; j++) {
		double s = 0;
		for (int p = 0; p < PARTS; p++) s += part[(long)p * c + j];
		db[j] = (float)s;
	}
}
