// Convolutions by oneDNN, in f32 or with bf16 operands and f32 sums. What comes and goes is NHWC f32: the library
// converts where it computes in another type, or faster in a layout of its own.
#include "pass.h"
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
static int pd_forward(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_prop_kind_t kind, dnnl_alg_kind_t how, md_t *bias, dnnl_primitive_attr_t attr) {
	return dnnl_convolution_forward_primitive_desc_create(pd, nf_engine, kind, how, m->x, m->w, bias ? *bias : NULL, m->y,
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
static int pd_forward(dnnl_primitive_desc_t *pd, const geometry *g, operands *m, dnnl_prop_kind_t kind, dnnl_alg_kind_t how, md_t *bias, dnnl_primitive_attr_t attr) {
	dnnl_convolution_desc_t d;
	int s = dnnl_convolution_forward_desc_init(&d, kind, how, &m->x, &m->w, bias, &m->y, g->strides, g->left, g->right);
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

static md_ref wants(const pass *p, dnnl_query_t what) { return dnnl_primitive_desc_query_md(p->pd, what, 0); }

struct nf_conv {
	geometry g;
	md_t x, w, y, o; // the caller's; o is the bias
	dnnl_primitive_attr_t attr;
	dnnl_memory_t bias; // NULL: none
	dnnl_primitive_desc_t hint;
	pass fwd, data, weights;
	nf_lowered *fwd_lowered, *data_lowered, *weights_lowered; // instead of a pass; NULL: not
};

// Operands of the types of one pass: pictures in a layout, weights in any.
static int operands_new(operands *m, const geometry *g, dnnl_data_type_t x, dnnl_data_type_t w, dnnl_data_type_t y, dnnl_format_tag_t pictures) {
	int e = md_new(&m->x, 4, g->x, x, pictures);
	if (!e) e = md_new(&m->w, 4, g->w, w, dnnl_format_tag_any);
	if (!e) e = md_new(&m->y, 4, g->y, y, pictures);
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

// ROUND where an operand is the caller's picture rounded to bf16, number by number.
static int rounds(md_ref inner, const dnnl_dims_t dims) {
	md_t m = {0};
	int same = !md_new(&m, 4, dims, dnnl_bf16, dnnl_nhwc) && dnnl_memory_desc_equal(inner, MD(m));
	md_free(&m);
	return same ? ROUND : 0;
}

static int picture(operand *o, md_t *outer, md_ref inner, const dnnl_dims_t dims) {
	return nf_operand_make(o, MD(*outer), inner, TAKE | rounds(inner, dims));
}

// Channels in blocks as long as a register. Where there are many weights for each place, oneDNN's kernels for that layout
// gain more than it takes to convert the little there is of pictures.
static dnnl_format_tag_t blocked(void) {
	int wide = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
	return wide ? dnnl_aBcd16b : dnnl_aBcd8b;
}

static int blocks_pay(const nf_conv_shape *s, dnnl_data_type_t type) {
	return nf_conv_weights(s) * (type == dnnl_f32 ? 2 : 1) > nf_conv_numbers(s);
}

// Winograd's algorithm multiplies a quarter as often for 3×3 kernels (Lavin & Gray 2015, arXiv:1509.09308), rounding a
// little more. It is for inference alone, and for maps large enough to be cut into its tiles.
static int winograd_pays(const nf_conv_shape *s, dnnl_prop_kind_t kind, dnnl_data_type_t type) {
	return kind == dnnl_forward_inference && type == dnnl_f32 && s->kh == 3 && s->kw == 3 && s->stride == 1 && s->ci >= 64 && s->co >= 64 &&
		s->oh >= 8 && s->ow >= 8;
}

static int plan_forward(nf_conv *c, dnnl_format_tag_t pictures, dnnl_prop_kind_t kind, dnnl_alg_kind_t how, md_t *bias, dnnl_data_type_t type) {
	operands m = {0};
	int e = operands_new(&m, &c->g, type, type, dnnl_f32, pictures);
	if (!e) e = pd_forward(&c->fwd.pd, &c->g, &m, kind, how, bias, c->attr);
	operands_free(&m);
	return e;
}

static int make_forward(nf_conv *c, const nf_conv_shape *s, dnnl_prop_kind_t kind, md_t *bias, dnnl_data_type_t type, int add, int hold) {
	pass *p = &c->fwd;
	int e = dnnl_unimplemented;
	if (winograd_pays(s, kind, type)) e = plan_forward(c, blocked(), kind, dnnl_convolution_winograd, bias, type);
	if (e == dnnl_unimplemented && blocks_pay(s, type)) e = plan_forward(c, blocked(), kind, dnnl_convolution_direct, bias, type);
	if (e == dnnl_unimplemented) e = plan_forward(c, dnnl_nhwc, kind, dnnl_convolution_direct, bias, type);
	if (!e) e = nf_pass_make(p);
	if (!e) e = picture(&p->x, &c->x, wants(p, dnnl_query_src_md), c->g.x);
	if (!e) e = nf_operand_make(&p->w, MD(c->w), wants(p, dnnl_query_weights_md), TAKE | hold);
	if (!e) e = nf_operand_make(&p->y, MD(c->y), wants(p, dnnl_query_dst_md), add ? TAKE | GIVE : GIVE);
	return e;
}

// The forward pass that both backward ones are planned by.
static int make_hint(nf_conv *c, dnnl_data_type_t type) {
	if (c->hint) return 0;
	operands m = {0};
	int e = operands_new(&m, &c->g, type, type, type, dnnl_nhwc);
	if (!e) e = pd_forward(&c->hint, &c->g, &m, dnnl_forward_training, dnnl_convolution_direct, NULL, c->attr);
	operands_free(&m);
	return e;
}

static int make_data(nf_conv *c, dnnl_data_type_t type, int hold) {
	operands m = {0};
	pass *p = &c->data;
	int e = make_hint(c, type);
	if (!e) e = operands_new(&m, &c->g, dnnl_f32, type, type, dnnl_nhwc);
	if (!e) e = pd_backward_data(&p->pd, &c->g, &m, c->hint, c->attr);
	if (!e) e = nf_pass_make(p);
	if (!e) e = nf_operand_make(&p->x, MD(c->x), wants(p, dnnl_query_diff_src_md), GIVE);
	if (!e) e = nf_operand_make(&p->w, MD(c->w), wants(p, dnnl_query_weights_md), TAKE | hold);
	if (!e) e = picture(&p->y, &c->y, wants(p, dnnl_query_diff_dst_md), c->g.y);
	operands_free(&m);
	return e;
}

static int make_weights(nf_conv *c, dnnl_data_type_t type) {
	operands m = {0};
	pass *p = &c->weights;
	int e = make_hint(c, type);
	if (!e) e = operands_new(&m, &c->g, type, dnnl_f32, type, dnnl_nhwc);
	if (!e) e = pd_backward_weights(&p->pd, &c->g, &m, c->hint, c->attr);
	if (!e) e = nf_pass_make(p);
	if (!e) e = picture(&p->x, &c->x, wants(p, dnnl_query_src_md), c->g.x);
	if (!e) e = nf_operand_make(&p->w, MD(c->w), wants(p, dnnl_query_diff_weights_md), GIVE);
	if (!e) e = picture(&p->y, &c->y, wants(p, dnnl_query_diff_dst_md), c->g.y);
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
	if (!e && !(c->bias = nf_memory(MD(c->o)))) e = dnnl_out_of_memory;
	return e;
}

// Whether a pass runs as a product; it is made then.
static int lowered(nf_lowered **p, const nf_conv_shape *s, int which, dnnl_data_type_t type, int *e) {
	if (!nf_lowered_pays(s, which, type)) return 0;
	*p = nf_lowered_new(s, which, type, e);
	return 1;
}

static int conv_make(nf_conv *c, const nf_conv_shape *s, int passes, dnnl_data_type_t type) {
	int e = conv_describe(c, s), hold = passes & NF_HOLD ? HOLD : 0;
	if (!e && passes & NF_FORWARD && !lowered(&c->fwd_lowered, s, NF_FORWARD, type, &e)) e = make_forward(c, s, dnnl_forward_training, NULL, type, 0, hold);
	if (!e && passes & NF_TO_DATA && !lowered(&c->data_lowered, s, NF_TO_DATA, type, &e)) e = make_data(c, type, hold);
	if (!e && passes & NF_TO_WEIGHTS && !lowered(&c->weights_lowered, s, NF_TO_WEIGHTS, type, &e)) e = make_weights(c, type);
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

static int forward(nf_conv *c, numbers x, numbers w, numbers y, int read_w, int full, int nt) {
	if (c->fwd_lowered) return nf_lowered_run(c->fwd_lowered, x, w, y, full, nt);
	omp_set_num_threads(nt);
	return nf_pass_run(&c->fwd, x, w, y, DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, c->bias, read_w, full, nt);
}

static int to_data(nf_conv *c, numbers dx, numbers w, numbers dy, int full, int nt) {
	if (c->data_lowered) return nf_lowered_run(c->data_lowered, dx, w, dy, full, nt);
	omp_set_num_threads(nt);
	return nf_pass_run(&c->data, dx, w, dy, DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, NULL, full, full, nt);
}

static int to_weights(nf_conv *c, numbers x, numbers dw, numbers dy, int full, int nt) {
	if (c->weights_lowered) return nf_lowered_run(c->weights_lowered, x, dw, dy, full, nt);
	omp_set_num_threads(nt);
	return nf_pass_run(&c->weights, x, dw, dy, DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, NULL, full, full, nt);
}

#define PLAIN(p) ((numbers){p, NULL})

int nf_conv_forward(nf_conv *c, const float *x, const uint16_t *x16, const float *w, float *y, int nt) {
	return forward(c, (numbers){x, x16}, PLAIN(w), PLAIN(y), 1, 1, nt);
}
int nf_conv_backward_data(nf_conv *c, const float *w, const float *dy, const uint16_t *dy16, float *dx, int nt) {
	return to_data(c, PLAIN(dx), PLAIN(w), (numbers){dy, dy16}, 1, nt);
}
int nf_conv_backward_weights(nf_conv *c, const float *x, const uint16_t *x16, const float *dy, const uint16_t *dy16, float *dw, int nt) {
	return to_weights(c, (numbers){x, x16}, PLAIN(dw), (numbers){dy, dy16}, 1, nt);
}

int nf_conv_infer_load(nf_conv *c, const float *w, int nt) {
	omp_set_num_threads(nt);
	return nf_operand_begin(&c->fwd.w, PLAIN(w), 1, nt);
}

int nf_conv_infer(nf_conv *c, const float *x, const float *w, const float *bias, float *y, int nt) {
	dnnl_memory_set_data_handle(c->bias, (void *)bias);
	return forward(c, PLAIN(x), PLAIN(w), PLAIN(y), 0, 1, nt);
}

int nf_conv_bare(nf_conv *c, int which, float *x, float *w, float *y, int nt) {
	numbers nx = PLAIN(x), nw = PLAIN(w), ny = PLAIN(y);
	return which == NF_FORWARD ? forward(c, nx, nw, ny, 0, 0, nt) : which == NF_TO_DATA ? to_data(c, nx, nw, ny, 0, nt) : to_weights(c, nx, nw, ny, 0, nt);
}

void nf_conv_free(nf_conv *c) {
	nf_pass_free(&c->fwd);
	nf_pass_free(&c->data);
	nf_pass_free(&c->weights);
	nf_lowered_free(c->fwd_lowered);
	nf_lowered_free(c->data_lowered);
	nf_lowered_free(c->weights_lowered);
	if (c->hint) dnnl_primitive_desc_destroy(c->hint);
	if (c->attr) dnnl_primitive_attr_destroy(c->attr);
	if (c->bias) dnnl_memory_destroy(c->bias);
	md_free(&c->x);
	md_free(&c->w);
	md_free(&c->y);
	md_free(&c->o);
	free(c);
}
