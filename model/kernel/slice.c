// Slices of channels: copies of rows whose lengths differ.
#include "kernel.h"
#include "simd.h"
#include <omp.h>

static inline void copy(const float *x, float *y, int n) {
	if (n > 8) memcpy(y, x, sizeof(float) * n);
	else
		for (int j = 0; j < n; j++) y[j] = x[j];
}

// width floats of every row, from rows of xs floats into rows of ys.
void nf_columns(const float *x, int xs, float *y, int ys, int width, long rows, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * width > NF_SMALL)
	for (long i = 0; i < rows; i++) copy(x + i * xs, y + i * ys, width);
}

// Rows of width floats into rows of c from column from on, zeros around them.
void nf_columns_back(const float *dy, float *dx, int c, int from, int width, long rows, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (rows * c > NF_SMALL)
	for (long i = 0; i < rows; i++) {
		float *row = dx + i * c;
		memset(row, 0, sizeof(float) * c);
		copy(dy + i * width, row + from, width);
	}
}
