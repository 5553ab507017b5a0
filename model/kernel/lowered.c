// Convolution as a product of matrices: a row for each place, and in it what lies under the kernel there (Chellapilla et
// al. 2006, High Performance Convolutional Neural Networks for Document Processing, §3). Weights stay as the caller has
// them, (O, I·KH·KW). Deep layers have so many of them for so few places that a convolution spends its time on bringing
// them into a layout of its own, and their gradient out of it.
#include "pass.h"
#include "simd.h"
#include <omp.h>
#include <stdlib.h>

struct nf_lowered {
	nf_conv_shape s;
	int which;
	pass p;        // x times w is y, as matrices
	operand input; // pictures in the type that is multiplied, before they become columns
	int element;   // bytes of a number in the columns
	size_t bytes;  // of the columns
};

// Where there are so many weights for each number of the pictures, or where oneDNN's own bf16 gradient of the weights,
// which goes over each picture's map by itself, finds only a few places in it.
enum { MANY = 4, FEW_PLACES = 16 };

int nf_lowered_pays(const nf_conv_shape *s, int which, dnnl_data_type_t type) {
	return nf_conv_weights(s) > MANY * nf_conv_numbers(s) || (which == NF_TO_WEIGHTS && type == dnnl_bf16 && s->oh * s->ow <= FEW_PLACES);
}

#if DNNL_VERSION_MAJOR >= 3
static int pd_product(dnnl_primitive_desc_t *pd, md_t *x, md_t *w, md_t *y, dnnl_primitive_attr_t attr) {
	return dnnl_matmul_primitive_desc_create(pd, nf_engine, *x, *w, NULL, *y, attr);
}
#else
static int pd_product(dnnl_primitive_desc_t *pd, md_t *x, md_t *w, md_t *y, dnnl_primitive_attr_t attr) {
	dnnl_matmul_desc_t d;
	int s = dnnl_matmul_desc_init(&d, x, w, NULL, y);
	return s ? s : (int)dnnl_primitive_desc_create(pd, &d, attr, nf_engine, NULL);
}
#endif

// A factor or a result: how it is laid out, and which types it has with the caller and in the product.
typedef struct {
	dnnl_dims_t dims;
	dnnl_format_tag_t tag;
	dnnl_data_type_t outer, inner;
} matrix;

static int matrices(pass *p, const matrix m[3], dnnl_primitive_attr_t attr) {
	md_t in[3] = {0}, out[3] = {0};
	operand *o[3] = {&p->x, &p->w, &p->y};
	int e = 0;
	for (int i = 0; i < 3 && !e; i++) {
		e = md_new(&in[i], 2, m[i].dims, m[i].inner, m[i].tag);
		if (!e) e = md_new(&out[i], 2, m[i].dims, m[i].outer, m[i].tag);
	}
	if (!e) e = pd_product(&p->pd, &in[0], &in[1], &in[2], attr);
	if (!e) e = nf_pass_make(p);
	for (int i = 0; i < 3 && !e; i++) e = nf_operand_make(o[i], MD(out[i]), MD(in[i]), m[i].inner == dnnl_bf16 ? TAKE | ROUND : TAKE);
	for (int i = 0; i < 3; i++) {
		md_free(&in[i]);
		md_free(&out[i]);
	}
	return e;
}

static int lowered_make(nf_lowered *p, dnnl_data_type_t type) {
	const nf_conv_shape *s = &p->s;
	long rows = (long)s->n * s->oh * s->ow, columns = (long)s->ci * s->kh * s->kw, co = s->co;
	dnnl_primitive_attr_t attr = NULL;
	int e = dnnl_primitive_attr_create(&attr);
	if (!e) e = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
	if (!e && p->which == NF_FORWARD) {
		matrix m[3] = {{{rows, columns}, dnnl_ab, type, type}, {{columns, co}, dnnl_ba, dnnl_f32, type}, {{rows, co}, dnnl_ab, dnnl_f32, dnnl_f32}};
		e = matrices(&p->p, m, attr);
	} else if (!e && p->which == NF_TO_DATA) {
		matrix m[3] = {{{rows, co}, dnnl_ab, dnnl_f32, type}, {{co, columns}, dnnl_ab, dnnl_f32, type}, {{rows, columns}, dnnl_ab, dnnl_f32, dnnl_f32}};
		e = matrices(&p->p, m, attr);
		type = dnnl_f32; // of the columns
	} else if (!e) {
		matrix m[3] = {{{co, rows}, dnnl_ba, dnnl_f32, type}, {{rows, columns}, dnnl_ab, type, type}, {{co, columns}, dnnl_ab, dnnl_f32, dnnl_f32}};
		e = matrices(&p->p, m, attr);
	}
	if (attr) dnnl_primitive_attr_destroy(attr);
	p->element = type == dnnl_bf16 ? 2 : 4;
	p->bytes = (size_t)p->element * rows * columns;
	if (e || p->which == NF_TO_DATA) return e;
	dnnl_dims_t numbers = {(long)s->n * s->h * s->w * s->ci};
	md_t outer = {0}, inner = {0};
	e = md_new(&outer, 1, numbers, dnnl_f32, dnnl_x);
	if (!e) e = md_new(&inner, 1, numbers, type, dnnl_x);
	if (!e) e = nf_operand_make(&p->input, MD(outer), MD(inner), TAKE | ROUND);
	md_free(&outer);
	md_free(&inner);
	return e;
}

nf_lowered *nf_lowered_new(const nf_conv_shape *s, int which, dnnl_data_type_t type, int *status) {
	nf_lowered *p = calloc(1, sizeof *p);
	if (!p) {
		*status = dnnl_out_of_memory;
		return NULL;
	}
	p->s = *s;
	p->which = which;
	if (!(*status = lowered_make(p, type))) return p;
	nf_lowered_free(p);
	return NULL;
}

// One row of columns: (I, KH, KW) under the kernel at a place, 0 beyond the picture.
#define SPREAD(name, number)                                                                                          \
	static void name(const nf_conv_shape *s, const number *x, int oy, int ox, number *row) {                             \
		int taps = s->kh * s->kw, top = oy * s->stride - s->pad, left = ox * s->stride - s->pad;                            \
		if (top < 0 || left < 0 || top + s->kh > s->h || left + s->kw > s->w) memset(row, 0, sizeof(number) * s->ci * taps); \
		for (int ky = top < 0 ? -top : 0; ky < s->kh && top + ky < s->h; ky++)                                              \
			for (int kx = left < 0 ? -left : 0; kx < s->kw && left + kx < s->w; kx++) {                                        \
				const number *from = x + ((long)(top + ky) * s->w + left + kx) * s->ci;                                           \
				number *to = row + ky * s->kw + kx;                                                                               \
				for (int i = 0; i < s->ci; i++) to[(long)i * taps] = from[i];                                                     \
			}                                                                                                                  \
	}
SPREAD(spread16, uint16_t)
SPREAD(spread32, uint32_t)

static void spread(const nf_lowered *p, const void *x, void *columns, int nt) {
	const nf_conv_shape *s = &p->s;
	long width = (long)s->ci * s->kh * s->kw, picture = (long)s->h * s->w * s->ci, places = (long)s->oh * s->ow;
#pragma omp parallel for num_threads(nt) schedule(static) if (p->bytes > sizeof(float) * NF_SMALL)
	for (long r = 0; r < s->n * places; r++) {
		long n = r / places;
		int oy = r % places / s->ow, ox = r % s->ow;
		if (p->element == 2) spread16(s, (const uint16_t *)x + n * picture, oy, ox, (uint16_t *)columns + r * width);
		else spread32(s, (const uint32_t *)x + n * picture, oy, ox, (uint32_t *)columns + r * width);
	}
}

// The way back: a place of the picture takes the sum of all columns it lay under.
static void gather_place(const nf_conv_shape *s, const float *columns, int y, int at, float *dx) {
	int taps = s->kh * s->kw;
	long width = (long)s->ci * taps;
	for (int i = 0; i < s->ci; i++) dx[i] = 0;
	for (int ky = 0; ky < s->kh; ky++)
		for (int kx = 0; kx < s->kw; kx++) {
			int oy = y + s->pad - ky, ox = at + s->pad - kx;
			if (oy < 0 || ox < 0 || oy % s->stride || ox % s->stride) continue;
			oy /= s->stride;
			ox /= s->stride;
			if (oy >= s->oh || ox >= s->ow) continue;
			const float *from = columns + ((long)oy * s->ow + ox) * width + ky * s->kw + kx;
			for (int i = 0; i < s->ci; i++) dx[i] += from[(long)i * taps];
		}
}

static void gather(const nf_lowered *p, const float *columns, float *dx, int nt) {
	const nf_conv_shape *s = &p->s;
	long picture = (long)s->oh * s->ow * s->ci * s->kh * s->kw, places = (long)s->h * s->w;
#pragma omp parallel for num_threads(nt) schedule(static) if (p->bytes > sizeof(float) * NF_SMALL)
	for (long r = 0; r < s->n * places; r++) gather_place(s, columns + r / places * picture, r % places / s->w, r % s->w, dx + r * s->ci);
}

// x, spread into columns.
static int begin_columns(nf_lowered *p, numbers x, void *columns, int full, int nt) {
	if (!full) return 0;
	int e = nf_operand_begin(&p->input, x, 1, nt);
	void *from = NULL;
	if (!e) e = dnnl_memory_get_data_handle(p->input.inner, &from);
	if (!e) spread(p, from, columns, nt);
	int ends = nf_operand_end(&p->input, 0, nt);
	return e ? e : ends;
}

static int multiply(nf_lowered *p, numbers left, numbers right, numbers result, int full, int nt) {
	return nf_pass_run(&p->p, left, right, result, DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, NULL, full, full, nt);
}

int nf_lowered_run(nf_lowered *p, numbers x, numbers w, numbers y, int full, int nt) {
	size_t size;
	void *buffer = nf_scratch_take(p->bytes, &size);
	if (!buffer) return dnnl_out_of_memory;
	numbers columns = {buffer, NULL};
	omp_set_num_threads(nt);
	int e = 0;
	if (p->which == NF_TO_DATA) {
		e = multiply(p, y, w, columns, full, nt);
		if (!e && full) gather(p, buffer, (float *)x.at, nt);
	} else {
		e = begin_columns(p, x, buffer, full, nt);
		if (!e) e = p->which == NF_FORWARD ? multiply(p, columns, w, y, full, nt) : multiply(p, y, columns, w, full, nt);
	}
	nf_scratch_give(buffer, size);
	return e;
}

void nf_lowered_free(nf_lowered *p) {
	if (!p) return;
	nf_pass_free(&p->p);
	nf_operand_free(&p->input);
	free(p);
}
