// Convolutions by oneDNN, in f32 or with bf16 operands and f32 sums. What comes and goes is NHWC f32: the library
// converts where it computes in another type, or faster in a layout of its own.
#include "kernel.h"
#include "onednn.h"
#include "simd.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	md_t x, w, y; // of one pass; w, and where it pays x and y, in any layout
} operands;

typedef struct {
	dnnl_dims_t x, w, y, strides, dilates, left, right;
} geometry;

#if DNNL_VERSION_MAJOR >= 3
static int pd_forward(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_prop_kind_t kind, md_t *bias, dnnl_primitive_attr_t attr) {
	return dnnl_convolution_forward_primitive_desc_create(pd, nf_engine, kind, dnnl_convolution_direct, m->x, m->w, bias ? *bias : NULL, m->y,
		g->strides, g->dilates, g->left, g->right, attr);
}
static int then_add(dnnl_post_ops_t ops) { return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef); }
static int then_relu(dnnl_post_ops_t ops) { return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0); }
static int pd_backward_data(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	return dnnl_convolution_backward_data_primitive_desc_create(pd, nf_engine, dnnl_convolution_direct, m->x, m->w, m->y, g->strides, g->dilates,
		g->left, g->right, hint, attr);
}
static int pd_backward_weights(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	return dnnl_convolution_backward_weights_primitive_desc_create(pd, nf_engine, dnnl_convolution_direct, m->x, m->w, NULL, m->y, g->strides,
		g->dilates, g->left, g->right, hint, attr);
}
#else
static int pd_forward(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_prop_kind_t kind, md_t *bias, dnnl_primitive_attr_t attr) {
	dnnl_convolution_desc_t d;
	int s = dnnl_convolution_forward_desc_init(&d, kind, dnnl_convolution_direct, &m->x, &m->w, bias, &m->y, g->strides, g->left, g->right);
	return s ? s : (int)dnnl_primitive_desc_create(pd, &d, attr, nf_engine, NULL);
}
static int then_add(dnnl_post_ops_t ops) { return dnnl_post_ops_append_sum(ops, 1); }
static int then_relu(dnnl_post_ops_t ops) { return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0); }
static int pd_backward_data(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	dnnl_convolution_desc_t d;
	int s = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &m->x, &m->w, &m->y, g->strides, g->left, g->right);
	return s ? s : (int)dnnl_primitive_desc_create(pd, &d, attr, nf_engine, hint);
}
static int pd_backward_weights(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	dnnl_convolution_desc_t d;
	int s = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &m->x, &m->w, NULL, &m->y, g->strides, g->left, g->right);
	return s ? s : (int)dnnl_primitive_desc_create(pd, &d, attr, nf_engine, hint);
}
#endif

// An operand of a primitive. Where its type or layout is not the caller's it has memory of its own: scratch for the
// time of a run, or, for weights that rest, for good.
typedef struct {
	dnnl_memory_t outer, inner;  // outer NULL: the caller's memory is used as it is
	dnnl_primitive_t take, give; // outer → inner before a run, inner → outer after it; NULL: not needed
	size_t bytes;                // of inner
	void *held, *scratch;
	size_t scratch_size;
} operand;

typedef struct {
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t prim;
	operand x, w, y;
	dnnl_memory_t scratch;
	size_t scratch_size;
} pass;

struct nf_conv {
	geometry g;
	md_t x, w, y, o; // the caller's; o is the bias
	dnnl_primitive_attr_t attr;
	dnnl_memory_t bias; // NULL: none
	dnnl_primitive_desc_t hint;
	pass fwd, data, weights;
};

static dnnl_memory_t memory(md_ref md) {
	dnnl_memory_t m = NULL;
	return dnnl_memory_create(&m, md, nf_engine, DNNL_MEMORY_NONE) ? NULL : m;
}

static int converter(dnnl_primitive_t *p, md_ref from, md_ref to) {
	dnnl_primitive_desc_t pd;
	int s = dnnl_reorder_primitive_desc_create(&pd, from, nf_engine, to, nf_engine, NULL);
	if (s) return s;
	s = dnnl_primitive_create(p, pd);
	dnnl_primitive_desc_destroy(pd);
	return s;
}

enum { TAKE = 1, GIVE = 2, HOLD = 4 };

static int operand_make(operand *o, md_ref outer, md_ref inner, int how) {
	if (!(o->inner = memory(inner))) return dnnl_out_of_memory;
	if (dnnl_memory_desc_equal(outer, inner)) return 0;
	if (!(o->outer = memory(outer))) return dnnl_out_of_memory;
	o->bytes = dnnl_memory_desc_get_size(inner);
	int s = how & TAKE ? converter(&o->take, outer, inner) : 0;
	if (!s && how & GIVE) s = converter(&o->give, inner, outer);
	if (s || !(how & HOLD)) return s;
	size_t size = (o->bytes + 4095) & ~(size_t)4095;
	if (!(o->held = aligned_alloc(4096, size))) return dnnl_out_of_memory;
	memset(o->held, 0, size);
	return dnnl_memory_set_data_handle(o->inner, o->held);
}

// Conversions of less than this stay on one thread.
static int convert(dnnl_primitive_t p, dnnl_memory_t from, dnnl_memory_t to, size_t bytes, int nt) {
	omp_set_num_threads(bytes > sizeof(float) * NF_SMALL ? nt : 1);
	dnnl_exec_arg_t a[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
	int s = dnnl_primitive_execute(p, nf_stream, 2, a);
	omp_set_num_threads(nt);
	return s;
}

// Before a run: the operand is where the primitive wants it. fresh says whether the caller's numbers are to be read.
static int operand_begin(operand *o, const void *outer, int fresh, int nt) {
	if (!o->outer) return dnnl_memory_set_data_handle(o->inner, (void *)outer);
	int s = dnnl_memory_set_data_handle(o->outer, (void *)outer);
	if (!s && !o->held) {
		if (!(o->scratch = nf_scratch_take(o->bytes, &o->scratch_size))) return dnnl_out_of_memory;
		s = dnnl_memory_set_data_handle(o->inner, o->scratch);
	}
	return s || !o->take || !fresh ? s : convert(o->take, o->outer, o->inner, o->bytes, nt);
}

// After it: the caller has the result, unless there was none.
static int operand_end(operand *o, int fresh, int nt) {
	int s = o->give && fresh ? convert(o->give, o->inner, o->outer, o->bytes, nt) : 0;
	if (o->scratch) nf_scratch_give(o->scratch, o->scratch_size);
	o->scratch = NULL;
	return s;
}

static void operand_free(operand *o) {
	if (o->outer) dnnl_memory_destroy(o->outer);
	if (o->inner) dnnl_memory_destroy(o->inner);
	if (o->take) dnnl_primitive_destroy(o->take);
	if (o->give) dnnl_primitive_destroy(o->give);
	free(o->held);
}

static md_ref wants(const pass *p, dnnl_query_t what) { return dnnl_primitive_desc_query_md(p->pd, what, 0); }

static int pass_make(pass *p) {
	int s = dnnl_primitive_create(&p->prim, p->pd);
	if (s) return s;
	md_ref m = wants(p, dnnl_query_scratchpad_md);
	p->scratch_size = m ? dnnl_memory_desc_get_size(m) : 0;
	return p->scratch_size && !(p->scratch = memory(m)) ? dnnl_out_of_memory : 0;
}

static int pass_run(pass *p, dnnl_exec_arg_t *args, int n) {
	void *buf = NULL;
	size_t size = 0;
	if (p->scratch_size) {
		if (!(buf = nf_scratch_take(p->scratch_size, &size))) return dnnl_out_of_memory;
		dnnl_memory_set_data_handle(p->scratch, buf);
		args[n].arg = DNNL_ARG_SCRATCHPAD;
		args[n++].memory = p->scratch;
	}
	int s = dnnl_primitive_execute(p->prim, nf_stream, n, args);
	if (!s) s = dnnl_stream_wait(nf_stream);
	if (buf) nf_scratch_give(buf, size);
	return s;
}

static void pass_free(pass *p) {
	operand_free(&p->x);
	operand_free(&p->w);
	operand_free(&p->y);
	if (p->scratch) dnnl_memory_destroy(p->scratch);
	if (p->prim) dnnl_primitive_destroy(p->prim);
	if (p->pd) dnnl_primitive_desc_destroy(p->pd);
}

// Operands of the types of one pass. The forward pass of a layer with more weights than places computes faster in
// layouts of the library's own, by more than it takes to convert what little there is.
static int operands_new(operands *m, const nf_conv_shape *s, const geometry *g, dnnl_data_type_t x, dnnl_data_type_t w, dnnl_data_type_t y, int forward) {
	long places = (long)s->n * ((long)s->h * s->w * s->ci + (long)s->oh * s->ow * s->co);
	int own = forward && (long)s->co * s->ci * s->kh * s->kw > places;
	int e = md_new(&m->x, 4, g->x, x, own ? dnnl_format_tag_any : dnnl_nhwc);
	if (!e) e = md_new(&m->w, 4, g->w, w, dnnl_format_tag_any);
	if (!e) e = md_new(&m->y, 4, g->y, y, own ? dnnl_format_tag_any : dnnl_nhwc);
	return e;
}

static void operands_free(operands *m) {
	md_free(&m->x);
	md_free(&m->w);
	md_free(&m->y);
}

static int conv_describe(nf_conv *c, const nf_conv_shape *s) {
	geometry *g = &c->g;
	dnnl_dims_t x = {s->n, s->ci, s->h, s->w}, w = {s->co, s->ci, s->kh, s->kw}, y = {s->n, s->co, s->oh, s->ow}, o = {s->co};
	memcpy(g->x, x, sizeof x);
	memcpy(g->w, w, sizeof w);
	memcpy(g->y, y, sizeof y);
	g->strides[0] = g->strides[1] = s->stride;
	g->left[0] = g->left[1] = s->pad;
	g->right[0] = (s->oh - 1) * s->stride + s->kh - s->h - s->pad;
	g->right[1] = (s->ow - 1) * s->stride + s->kw - s->w - s->pad;
	int e = md_new(&c->x, 4, x, dnnl_f32, dnnl_nhwc);
	if (!e) e = md_new(&c->w, 4, w, dnnl_f32, dnnl_oihw);
	if (!e) e = md_new(&c->y, 4, y, dnnl_f32, dnnl_nhwc);
	if (!e) e = md_new(&c->o, 1, o, dnnl_f32, dnnl_x);
	if (!e) e = dnnl_primitive_attr_create(&c->attr);
	if (!e) e = dnnl_primitive_attr_set_scratchpad_mode(c->attr, dnnl_scratchpad_mode_user);
	return e;
}

static int make_forward(nf_conv *c, const nf_conv_shape *s, dnnl_prop_kind_t kind, md_t *bias, dnnl_data_type_t type, int add, int hold) {
	operands m = {0};
	pass *p = &c->fwd;
	int e = operands_new(&m, s, &c->g, type, type, dnnl_f32, 1);
	if (!e) e = pd_forward(&p->pd, &c->g, &m, kind, bias, c->attr);
	if (!e) e = pass_make(p);
	if (!e) e = operand_make(&p->x, MD(c->x), wants(p, dnnl_query_src_md), TAKE);
	if (!e) e = operand_make(&p->w, MD(c->w), wants(p, dnnl_query_weights_md), TAKE | hold);
	if (!e) e = operand_make(&p->y, MD(c->y), wants(p, dnnl_query_dst_md), add ? TAKE | GIVE : GIVE);
	operands_free(&m);
	return e;
}

static int make_data(nf_conv *c, const nf_conv_shape *s, dnnl_data_type_t type, int hold) {
	operands m = {0};
	pass *p = &c->data;
	int e = operands_new(&m, s, &c->g, dnnl_f32, type, type, 0);
	if (!e) e = pd_backward_data(&p->pd, &c->g, &m, c->hint, c->attr);
	if (!e) e = pass_make(p);
	if (!e) e = operand_make(&p->x, MD(c->x), wants(p, dnnl_query_diff_src_md), GIVE);
	if (!e) e = operand_make(&p->w, MD(c->w), wants(p, dnnl_query_weights_md), TAKE | hold);
	if (!e) e = operand_make(&p->y, MD(c->y), wants(p, dnnl_query_diff_dst_md), TAKE);
	operands_free(&m);
	return e;
}

static int make_weights(nf_conv *c, const nf_conv_shape *s, dnnl_data_type_t type) {
	operands m = {0};
	pass *p = &c->weights;
	int e = operands_new(&m, s, &c->g, type, dnnl_f32, type, 0);
	if (!e) e = pd_backward_weights(&p->pd, &c->g, &m, c->hint, c->attr);
	if (!e) e = pass_make(p);
	if (!e) e = operand_make(&p->x, MD(c->x), wants(p, dnnl_query_src_md), TAKE);
	if (!e) e = operand_make(&p->w, MD(c->w), wants(p, dnnl_query_diff_weights_md), GIVE);
	if (!e) e = operand_make(&p->y, MD(c->y), wants(p, dnnl_query_diff_dst_md), TAKE);
	operands_free(&m);
	return e;
}

// The forward pass that both backward ones are planned by.
static int make_hint(nf_conv *c, const nf_conv_shape *s, dnnl_data_type_t type) {
	operands m = {0};
	int e = operands_new(&m, s, &c->g, type, type, type, 0);
	if (!e) e = pd_forward(&c->hint, &c->g, &m, dnnl_forward_training, NULL, c->attr);
	operands_free(&m);
	return e;
}

// For inference: a bias, an addition to what y holds and a ReLU in the same pass.
static int conv_infer_make(nf_conv *c, const nf_conv_shape *s, int add, int relu, dnnl_data_type_t type) {
	dnnl_post_ops_t ops = NULL;
	int e = conv_describe(c, s);
	if (!e) e = dnnl_post_ops_create(&ops);
	if (!e && add) e = then_add(ops);
	if (!e && relu) e = then_relu(ops);
	if (!e) e = dnnl_primitive_attr_set_post_ops(c->attr, ops);
	if (ops) dnnl_post_ops_destroy(ops);
	if (!e) e = make_forward(c, s, dnnl_forward_inference, &c->o, type, add, HOLD);
	if (!e && !(c->bias = memory(MD(c->o)))) e = dnnl_out_of_memory;
	return e;
}

static int conv_make(nf_conv *c, const nf_conv_shape *s, int passes, dnnl_data_type_t type) {
	int e = conv_describe(c, s), hold = passes & NF_HOLD ? HOLD : 0;
	if (!e && passes & NF_FORWARD) e = make_forward(c, s, dnnl_forward_training, NULL, type, 0, hold);
	if (!e && passes & (NF_TO_DATA | NF_TO_WEIGHTS)) e = make_hint(c, s, type);
	if (!e && passes & NF_TO_DATA) e = make_data(c, s, type, hold);
	if (!e && passes & NF_TO_WEIGHTS) e = make_weights(c, s, type);
	return e;
}

static nf_conv *conv_begin(int nt, int *status) {
	if ((*status = nf_onednn())) return NULL;
	omp_set_num_threads(nt);
	nf_conv *c = calloc(1, sizeof *c);
	if (!c) *status = dnnl_out_of_memory;
	return c;
}

static nf_conv *conv_end(nf_conv *c, int status) {
	if (!status) return c;
	nf_conv_free(c);
	return NULL;
}

nf_conv *nf_conv_new(const nf_conv_shape *s, int passes, int bf16, int nt, int *status) {
	nf_conv *c = conv_begin(nt, status);
	return c ? conv_end(c, *status = conv_make(c, s, passes, bf16 ? dnnl_bf16 : dnnl_f32)) : NULL;
}

nf_conv *nf_conv_infer_new(const nf_conv_shape *s, int add, int relu, int bf16, int nt, int *status) {
	nf_conv *c = conv_begin(nt, status);
	return c ? conv_end(c, *status = conv_infer_make(c, s, add, relu, bf16 ? dnnl_bf16 : dnnl_f32)) : NULL;
}

// A pass with three operands, of the kinds xa, wa and ya. Without full nothing is converted: what the last full run left
// counts, and no result is handed out. Weights are read anew where read_w says so.
static int run(pass *p, const float *x, const float *w, const float *y, int xa, int wa, int ya, dnnl_memory_t bias, int read_w, int full, int nt) {
	int s = operand_begin(&p->x, x, full, nt);
	if (!s) s = operand_begin(&p->w, w, read_w, nt);
	if (!s) s = operand_begin(&p->y, y, full, nt);
	dnnl_exec_arg_t a[5] = {{xa, p->x.inner}, {wa, p->w.inner}, {ya, p->y.inner}, {DNNL_ARG_BIAS, bias}};
	if (!s) s = pass_run(p, a, bias ? 4 : 3);
	full = full && !s;
	int ends = operand_end(&p->x, full, nt) | operand_end(&p->w, full, nt) | operand_end(&p->y, full, nt);
	return s ? s : ends;
}

static int forward(nf_conv *c, const float *x, const float *w, float *y, int read_w, int full, int nt) {
	omp_set_num_threads(nt);
	return run(&c->fwd, x, w, y, DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, c->bias, read_w, full, nt);
}

static int to_data(nf_conv *c, const float *w, const float *dy, float *dx, int full, int nt) {
	omp_set_num_threads(nt);
	return run(&c->data, dx, w, dy, DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, NULL, full, full, nt);
}

static int to_weights(nf_conv *c, const float *x, const float *dy, float *dw, int full, int nt) {
	omp_set_num_threads(nt);
	return run(&c->weights, x, dw, dy, DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, NULL, full, full, nt);
}

int nf_conv_forward(nf_conv *c, const float *x, const float *w, float *y, int nt) { return forward(c, x, w, y, 1, 1, nt); }
int nf_conv_backward_data(nf_conv *c, const float *w, const float *dy, float *dx, int nt) { return to_data(c, w, dy, dx, 1, nt); }
int nf_conv_backward_weights(nf_conv *c, const float *x, const float *dy, float *dw, int nt) { return to_weights(c, x, dy, dw, 1, nt); }

int nf_conv_infer_load(nf_conv *c, const float *w, int nt) {
	omp_set_num_threads(nt);
	return operand_begin(&c->fwd.w, w, 1, nt);
}

int nf_conv_infer(nf_conv *c, const float *x, const float *w, const float *bias, float *y, int nt) {
	dnnl_memory_set_data_handle(c->bias, (void *)bias);
	return forward(c, x, w, y, 0, 1, nt);
}

int nf_conv_bare(nf_conv *c, int which, float *x, float *w, float *y, int nt) {
	return which == NF_FORWARD ? forward(c, x, w, y, 0, 0, nt) : which == NF_TO_DATA ? to_data(c, w, y, x, 0, nt) : to_weights(c, x, y, w, 0, nt);
}

void nf_conv_free(nf_conv *c) {
	pass_free(&c->fwd);
	pass_free(&c->data);
	pass_free(&c->weights);
	if (c->hint) dnnl_primitive_desc_destroy(c->hint);
	if (c->attr) dnnl_primitive_attr_destroy(c->attr);
	if (c->bias) dnnl_memory_destroy(c->bias);
	md_free(&c->x);
	md_free(&c->w);
	md_free(&c->y);
	md_free(&c->o);
	free(c);
}
