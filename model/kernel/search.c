// Exact search by cosine, in two passes. The first multiplies tiles of rows with all queries in single
// precision and keeps, for each query, every row whose score lies within rounding of the k best: the true k
// best are among them whatever the order of sums. The second computes what was kept in double precision,
// in an order that is the same on every machine and for any number of threads.
#pragma GCC optimize("no-math-errno", "no-trapping-math") // or a choice between two results makes no vectors
#include "kernel.h"
#include "simd.h"
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>
#include <stdlib.h>

#define TILE 512
#define NONE -3.0e38f
#define LANES 8

// What one share of the rows has found for one query: rows that may be among the k best, and beside them the
// k best scores as a heap whose top is the least of them.
typedef struct {
	float *best;
	long *row;
	float *score;
	long found, room;
	int held;
} list;

static void heap_sink(float *h, int n) {
	int i = 0;
	for (;;) {
		int c = 2 * i + 1;
		if (c >= n) return;
		if (c + 1 < n && h[c + 1] < h[c]) c++;
		if (h[i] <= h[c]) return;
		float t = h[i];
		h[i] = h[c], h[c] = t;
		i = c;
	}
}

static void heap_push(float *h, int *held, int k, float s) {
	if (*held == k) {
		if (s <= h[0]) return;
		h[0] = s;
		heap_sink(h, k);
		return;
	}
	int i = (*held)++;
	for (; i > 0 && h[(i - 1) / 2] > s; i = (i - 1) / 2) h[i] = h[(i - 1) / 2];
	h[i] = s;
}

// Below this no row is among the k best; k of 0 keeps all.
static float floor_of(const list *l, int k, float slack) { return !k || l->held < k ? NONE : l->best[0] - slack; }

// Room for one more: what has sunk below the floor goes first.
static int make_room(list *l, float floor) {
	long kept = 0;
	for (long i = 0; i < l->found; i++)
		if (l->score[i] >= floor) l->row[kept] = l->row[i], l->score[kept++] = l->score[i];
	l->found = kept;
	if (kept <= l->room / 2) return 0;
	long room = 2 * l->room;
	long *row = realloc(l->row, sizeof(long) * room);
	if (row) l->row = row;
	float *score = realloc(l->score, sizeof(float) * room);
	if (score) l->score = score;
	if (!row || !score) return dnnl_out_of_memory;
	l->room = room;
	return 0;
}

// One over the length of each row, NaN where single precision is too narrow for its square.
NF_SIMD static void inverse_lengths(const float *x, float *inv, int n, int d) {
	for (int i = 0; i < n; i++, x += d) {
		float s = 0;
#pragma omp simd reduction(+ : s)
		for (int j = 0; j < d; j++) s += x[j] * x[j];
		inv[i] = s >= 1e-30f && s <= 1e30f ? 1 / sqrtf(s) : NAN;
	}
}

// s ← s·inv, and the largest of them. A NaN is larger than nothing.
NF_SIMD static float scale_row(float *s, const float *inv, int n) {
	float m = NONE;
#pragma omp simd reduction(max : m)
	for (int j = 0; j < n; j++) {
		s[j] *= inv[j];
		m = s[j] > m ? s[j] : m;
	}
	return m;
}

// Σ a·b: products of floats are exact in double precision, and lanes are added in order.
NF_SIMD static double exact_dot(const float *a, const float *b, long d) {
	double lane[LANES] = {0}, s = 0;
	long whole = d - d % LANES;
	for (long i = 0; i < whole; i += LANES)
		for (int l = 0; l < LANES; l++) lane[l] += (double)a[i + l] * b[i + l];
	for (long i = whole; i < d; i++) lane[i - whole] += (double)a[i] * b[i];
	for (int l = 0; l < LANES; l++) s += lane[l];
	return s;
}

struct nf_search {
	int m, k, shares;
	float slack;
	list *lists; // one a share and query
	list *odd;   // one a share: rows that are too long or too short for the first pass
	list *out;   // one a query
};

static int list_new(list *l, int k, long room) {
	l->best = malloc(sizeof(float) * (k + 1));
	l->row = malloc(sizeof(long) * room);
	l->score = malloc(sizeof(float) * room);
	l->room = room;
	return l->best && l->row && l->score ? 0 : dnnl_out_of_memory;
}

static void list_free(list *l) { free(l->best), free(l->row), free(l->score); }

static int keep(list *l, int k, float slack, long row, float score) {
	int e = l->found == l->room ? make_room(l, floor_of(l, k, slack)) : 0;
	if (e) return e;
	l->row[l->found] = row, l->score[l->found++] = score;
	if (k) heap_push(l->best, &l->held, k, score);
	return 0;
}

static int scan(nf_search *s, int share, const float *q, const float *rows, long from, long to, int d) {
	int m = s->m, e = 0;
	omp_set_num_threads(1); // for this share alone: where it is the only one, oneDNN would make a team for each tile
	float *work = malloc(sizeof(float) * ((long)m * TILE + TILE)), *inv = work + (long)m * TILE;
	if (!work) return dnnl_out_of_memory;
	for (long t = from; t < to && !e; t += TILE) {
		int width = to - t < TILE ? (int)(to - t) : TILE;
		const float *x = rows + t * d;
		inverse_lengths(x, inv, width, d);
		for (int j = 0; j < width && !e; j++)
			if (isnan(inv[j])) e = keep(&s->odd[share], 0, 0, t + j, 0);
		if (!e) e = dnnl_sgemm('N', 'T', m, width, d, 1, q, d, x, d, 0, work, width);
		for (int i = 0; i < m && !e; i++) {
			list *l = &s->lists[(long)share * m + i];
			float *row = work + (long)i * width;
			if (scale_row(row, inv, width) < floor_of(l, s->k, s->slack)) continue;
			for (int j = 0; j < width && !e; j++)
				if (row[j] >= floor_of(l, s->k, s->slack)) e = keep(l, s->k, s->slack, t + j, row[j]);
		}
	}
	free(work);
	return e;
}

// Joins what the shares found for a query and scores it anew.
static int settle(nf_search *s, int i, const float *q, const float *rows, int d) {
	list *out = &s->out[i];
	int held = 0;
	for (int p = 0; p < s->shares; p++) {
		list *l = &s->lists[(long)p * s->m + i];
		for (int h = 0; h < l->held; h++) heap_push(out->best, &held, s->k, l->best[h]);
	}
	float floor = held < s->k ? NONE : out->best[0] - s->slack;
	const float *qi = q + (long)i * d;
	double qq = sqrt(exact_dot(qi, qi, d));
	for (int p = 0; p < 2 * s->shares; p++) {
		int odd = p >= s->shares;
		list *l = odd ? &s->odd[p - s->shares] : &s->lists[(long)p * s->m + i];
		for (long c = 0; c < l->found; c++) {
			if (!odd && l->score[c] < floor) continue;
			const float *x = rows + l->row[c] * d;
			double by = qq * sqrt(exact_dot(x, x, d));
			float score = by > 0 ? (float)(exact_dot(qi, x, d) / by) : by == 0 ? 0 : NAN;
			int e = isnan(score) ? 0 : keep(out, 0, 0, l->row[c], score);
			if (e) return e;
		}
	}
	return 0;
}

// Rows (n, d), queries (m, d); unit is the queries at length one, which the first pass multiplies.
nf_search *nf_search_new(const float *q, const float *unit, int m, const float *rows, long n, int d, int k, int nt, int *status) {
	int shares = (double)n * m * d > 1 << 20 ? nt : 1, e = 0;
	nf_search *s = calloc(1, sizeof *s);
	*status = dnnl_out_of_memory;
	if (!s) return NULL;
	s->m = m, s->k = k, s->shares = shares;
	s->slack = (3.0f * d + 32) * 0x1p-24f; // twice what a score of unit rows may be wrong by
	s->lists = calloc((long)shares * m, sizeof(list));
	s->odd = calloc(shares, sizeof(list));
	s->out = calloc(m, sizeof(list));
	if (!s->lists || !s->odd || !s->out) goto failed;
	for (long i = 0; i < (long)shares * m; i++) e |= list_new(&s->lists[i], k, 2L * k + 64);
	for (int i = 0; i < shares; i++) e |= list_new(&s->odd[i], 0, 64);
	for (int i = 0; i < m; i++) e |= list_new(&s->out[i], k, k + 16L);
	if (e) goto failed;
#pragma omp parallel for num_threads(shares) schedule(static) reduction(| : e)
	for (int p = 0; p < shares; p++) e |= scan(s, p, unit, rows, n * p / shares, n * (p + 1) / shares, d);
	if (e) goto failed;
#pragma omp parallel for num_threads(shares) schedule(dynamic) reduction(| : e)
	for (int i = 0; i < m; i++) e |= settle(s, i, q, rows, d);
	if (e) goto failed;
	*status = 0;
	return s;
failed:
	nf_search_free(s);
	return NULL;
}

long nf_search_found(const nf_search *s, int query, const long **row, const float **score) {
	*row = s->out[query].row, *score = s->out[query].score;
	return s->out[query].found;
}

void nf_search_free(nf_search *s) {
	for (long i = 0; s->lists && i < (long)s->shares * s->m; i++) list_free(&s->lists[i]);
	for (int i = 0; s->odd && i < s->shares; i++) list_free(&s->odd[i]);
	for (int i = 0; s->out && i < s->m; i++) list_free(&s->out[i]);
	free(s->lists), free(s->odd), free(s->out), free(s);
}
