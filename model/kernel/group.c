// Group norm of each image over groups of channels (Wu & He 2018, arXiv:1803.08494), with ReLU.
#include "kernel.h"
#include "simd.h"
#include <math.h>
#include <omp.h>

// Sums of x and x² (or of g and g·x) of one image by channel, then by group: channels of an image fit a cache.
NF_SIMD static void channel_sums(const float *x, float *s1, float *s2, const float *pivot, long hw, int c) {
	for (int j = 0; j < c; j++) s1[j] = s2[j] = 0;
	for (long i = 0; i < hw; i++, x += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float d = x[j] - pivot[j];
			s1[j] += d;
			s2[j] += d * d;
		}
	}
}

NF_SIMD static void apply(const float *x, const float *fold, float *y, long hw, int c, int relu) {
	for (long i = 0; i < hw; i++, x += c, y += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float v = x[j] * fold[j] + fold[c + j];
			y[j] = relu && v <= 0 ? 0 : v;
		}
	}
}

void nf_gn(const float *x, const float *gamma, const float *beta, float *y, float *mean, float *rstd, int n, long hw, int c, int groups,
	int relu, float eps, int nt) {
	int per = c / groups;
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * hw * c > NF_SMALL)
	for (int i = 0; i < n; i++) {
		const float *xi = x + i * hw * c;
		float s1[c], s2[c], fold[2 * c];
		channel_sums(xi, s1, s2, xi, hw, c);
		for (int g = 0; g < groups; g++) {
			double m = 0, v = 0;
			for (int j = g * per; j < (g + 1) * per; j++) m += s1[j] + (double)hw * xi[j];
			m /= (double)hw * per;
			for (int j = g * per; j < (g + 1) * per; j++) { // Σ(x−m)² of a channel from its sums about the pivot
				double d = xi[j] - m;
				v += s2[j] + 2 * d * s1[j] + d * d * hw;
			}
			v /= (double)hw * per;
			mean[i * groups + g] = (float)m;
			rstd[i * groups + g] = (float)(1 / sqrt((v > 0 ? v : 0) + eps));
			for (int j = g * per; j < (g + 1) * per; j++) {
				fold[j] = gamma[j] * rstd[i * groups + g];
				fold[c + j] = (float)(beta[j] - m * fold[j]);
			}
		}
		apply(xi, fold, y + i * hw * c, hw, c, relu);
	}
}

// Sums of g and g·x̂ of one image by channel, g = dy where the ReLU let it pass.
NF_SIMD static void gradient_sums(const float *dy, const float *x, const float *y, const float *mean, const float *rstd, float *s1, float *s2,
	long hw, int c, int relu) {
	for (int j = 0; j < c; j++) s1[j] = s2[j] = 0;
	for (long i = 0; i < hw; i++, x += c, y += c, dy += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float g = relu && y[j] <= 0 ? 0 : dy[j];
			s1[j] += g;
			s2[j] += g * (x[j] - mean[j]) * rstd[j];
		}
	}
}

NF_SIMD static void gradient(const float *dy, const float *x, const float *y, const float *k, float *dx, long hw, int c, int relu) {
	for (long i = 0; i < hw; i++, x += c, y += c, dy += c, dx += c) {
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float g = relu && y[j] <= 0 ? 0 : dy[j];
			dx[j] = g * k[j] + (x[j] * k[c + j] + k[2 * c + j]);
		}
	}
}

// part holds n × 2c floats: the share of each image in dgamma and dbeta, added up in order of images.
void nf_gn_back(const float *dy, const float *x, const float *y, const float *gamma, const float *mean, const float *rstd, float *dx,
	float *dgamma, float *dbeta, float *part, int n, long hw, int c, int groups, int relu, int nt) {
	int per = c / groups;
#pragma omp parallel for num_threads(nt) schedule(static) if ((long)n * hw * c > NF_SMALL)
	for (int i = 0; i < n; i++) {
		long at = i * hw * c;
		float *sb = part + (long)i * 2 * c, *sg = sb + c;
		float m[c], r[c], k[3 * c];
		for (int j = 0; j < c; j++) m[j] = mean[i * groups + j / per], r[j] = rstd[i * groups + j / per];
		gradient_sums(dy + at, x + at, y + at, m, r, sb, sg, hw, c, relu);
		for (int g = 0; g < groups; g++) {
			double a = 0, b = 0, count = (double)hw * per, rs = rstd[i * groups + g], mu = mean[i * groups + g];
			for (int j = g * per; j < (g + 1) * per; j++) a += gamma[j] * (double)sb[j], b += gamma[j] * (double)sg[j];
			for (int j = g * per; j < (g + 1) * per; j++) {
				k[j] = (float)(gamma[j] * rs);
				k[c + j] = (float)(-rs * rs * b / count);
				k[2 * c + j] = (float)(rs * (mu * rs * b - a) / count);
			}
		}
		gradient(dy + at, x + at, y + at, k, dx + at, hw, c, relu);
	}
	for (int j = 0; j < c; j++) {
		double a = 0, b = 0;
		for (int i = 0; i < n; i++) b += part[(long)i * 2 * c + j], a += part[(long)i * 2 * c + c + j];
		dgamma[j] = (float)a;
		dbeta[j] = (float)b;
	}
}
