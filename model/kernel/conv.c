// Convolutions by oneDNN. Versions 2 and 3 differ in how descriptors are made; all of that is in the
// first part of this file.
#include "kernel.h"
#include "simd.h"
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_version.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t md_t;
typedef const_dnnl_memory_desc_t md_ref;
#define MD(m) (m)
static int md_new(md_t *m, int nd, const dnnl_dims_t d, dnnl_format_tag_t tag) { return dnnl_memory_desc_create_with_tag(m, nd, d, dnnl_f32, tag); }
static void md_free(md_t *m) { dnnl_memory_desc_destroy(*m); }
#else
typedef dnnl_memory_desc_t md_t;
typedef const dnnl_memory_desc_t *md_ref;
#define MD(m) (&(m))
static int md_new(md_t *m, int nd, const dnnl_dims_t d, dnnl_format_tag_t tag) { return dnnl_memory_desc_init_by_tag(m, nd, d, dnnl_f32, tag); }
static void md_free(md_t *m) { (void)m; }
#endif

typedef struct {
	md_t x, w, y; // w in any layout
	dnnl_dims_t strides, dilates, left, right;
} conv_mds;

#if DNNL_VERSION_MAJOR >= 3
static int pd_forward(dnnl_primitive_desc_t *pd, dnnl_engine_t e, conv_mds *m, dnnl_prop_kind_t kind, md_t *bias, dnnl_primitive_attr_t attr) {
	return dnnl_convolution_forward_primitive_desc_create(pd, e, kind, dnnl_convolution_direct, m->x, m->w, bias ? *bias : NULL, m->y,
		m->strides, m->dilates, m->left, m->right, attr);
}
static int then_add(dnnl_post_ops_t ops) { return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef); }
static int then_relu(dnnl_post_ops_t ops) { return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0); }
static int pd_backward_data(dnnl_primitive_desc_t *pd, dnnl_engine_t e, conv_mds *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	return dnnl_convolution_backward_data_primitive_desc_create(pd, e, dnnl_convolution_direct, m->x, m->w, m->y, m->strides, m->dilates, m->left,
		m->right, hint, attr);
}
static int pd_backward_weights(dnnl_primitive_desc_t *pd, dnnl_engine_t e, conv_mds *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	return dnnl_convolution_backward_weights_primitive_desc_create(pd, e, dnnl_convolution_direct, m->x, m->w, NULL, m->y, m->strides, m->dilates,
		m->left, m->right, hint, attr);
}
#else
static int pd_forward(dnnl_primitive_desc_t *pd, dnnl_engine_t e, conv_mds *m, dnnl_prop_kind_t kind, md_t *bias, dnnl_primitive_attr_t attr) {
	dnnl_convolution_desc_t d;
	int s = dnnl_convolution_forward_desc_init(&d, kind, dnnl_convolution_direct, &m->x, &m->w, bias, &m->y, m->strides, m->left, m->right);
	return s ? s : (int)dnnl_primitive_desc_create(pd, &d, attr, e, NULL);
}
static int then_add(dnnl_post_ops_t ops) { return dnnl_post_ops_append_sum(ops, 1); }
static int then_relu(dnnl_post_ops_t ops) { return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0); }
static int pd_backward_data(dnnl_primitive_desc_t *pd, dnnl_engine_t e, conv_mds *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	dnnl_convolution_desc_t d;
	int s = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &m->x, &m->w, &m->y, m->strides, m->left, m->right);
	return s ? s : (int)dnnl_primitive_desc_create(pd, &d, attr, e, hint);
}
static int pd_backward_weights(dnnl_primitive_desc_t *pd, dnnl_engine_t e, conv_mds *m, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
	dnnl_convolution_desc_t d;
	int s = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &m->x, &m->w, NULL, &m->y, m->strides, m->left, m->right);
	return s ? s : (int)dnnl_primitive_desc_create(pd, &d, attr, e, hint);
}
#endif

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static int started;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void start(void) {
	started = dnnl_engine_create(&engine, dnnl_cpu, 0);
	if (!started) started = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
}

// Scratch for primitives: a stack of buffers, as many as ever ran at once. The library's own scratch
// belongs to the thread that made the primitive, which Go does not keep.
#define POOL 64
static struct { void *p; size_t size; } pool[POOL];
static int pooled;
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

static void *scratch_take(size_t size, size_t *got) {
	void *p = NULL;
	*got = 0;
	pthread_mutex_lock(&pool_lock);
	if (pooled) {
		pooled--;
		p = pool[pooled].p;
		*got = pool[pooled].size;
	}
	pthread_mutex_unlock(&pool_lock);
	if (*got < size) {
		free(p);
		*got = (size + 4095) & ~(size_t)4095;
		p = aligned_alloc(4096, *got);
	}
	return p;
}

static void scratch_give(void *p, size_t size) {
	pthread_mutex_lock(&pool_lock);
	if (p && pooled < POOL) {
		pool[pooled].p = p;
		pool[pooled].size = size;
		pooled++;
		p = NULL;
	}
	pthread_mutex_unlock(&pool_lock);
	free(p);
}

// One way of running the convolution: three operands, the weights perhaps in a layout of oneDNN's own.
typedef struct {
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t prim, reorder; // reorder: plain → blocked, or back for gradients; NULL where the layout is plain
	dnnl_memory_t x, w, y, scratch, plain;
	size_t scratch_size;
	size_t weights_size; // floats of the blocked weights
	void *blocked;
} pass;

struct nf_conv {
	conv_mds m;
	md_t oihw, o; // plain weights; bias
	dnnl_primitive_attr_t attr;
	dnnl_memory_t bias; // NULL: none
	pass fwd, data, weights;
};

static dnnl_memory_t memory(md_ref md) {
	dnnl_memory_t m = NULL;
	return dnnl_memory_create(&m, md, engine, DNNL_MEMORY_NONE) ? NULL : m;
}

static int pass_finish(pass *p, md_ref plain, md_ref x, md_ref w, md_ref y, int gradient) {
	int s = dnnl_primitive_create(&p->prim, p->pd);
	if (s) return s;
	p->x = memory(x);
	p->y = memory(y);
	md_ref sc = dnnl_primitive_desc_query_md(p->pd, dnnl_query_scratchpad_md, 0);
	p->scratch_size = sc ? dnnl_memory_desc_get_size(sc) : 0;
	p->scratch = p->scratch_size ? memory(sc) : NULL;
	p->w = memory(w);
	if (!p->x || !p->y || !p->w || (p->scratch_size && !p->scratch)) return dnnl_out_of_memory;
	if (dnnl_memory_desc_equal(plain, w)) return 0;
	p->plain = memory(plain);
	size_t size = (dnnl_memory_desc_get_size(w) + 4095) & ~(size_t)4095;
	p->blocked = aligned_alloc(4096, size);
	p->weights_size = size / sizeof(float);
	if (!p->plain || !p->blocked) return dnnl_out_of_memory;
	memset(p->blocked, 0, size);
	dnnl_memory_set_data_handle(p->w, p->blocked);
	dnnl_primitive_desc_t rd;
	s = gradient ? dnnl_reorder_primitive_desc_create(&rd, w, engine, plain, engine, NULL)
	             : dnnl_reorder_primitive_desc_create(&rd, plain, engine, w, engine, NULL);
	if (s) return s;
	s = dnnl_primitive_create(&p->reorder, rd);
	dnnl_primitive_desc_destroy(rd);
	return s;
}

static int reorder(pass *p, float *plain, int gradient, int nt) {
	omp_set_num_threads(p->weights_size > NF_SMALL ? nt : 1);
	dnnl_memory_set_data_handle(p->plain, plain);
	dnnl_exec_arg_t a[2] = {{DNNL_ARG_FROM, gradient ? p->w : p->plain}, {DNNL_ARG_TO, gradient ? p->plain : p->w}};
	int s = dnnl_primitive_execute(p->reorder, stream, 2, a);
	omp_set_num_threads(nt);
	return s;
}

static int pass_run(pass *p, dnnl_exec_arg_t *args, int n) {
	void *buf = NULL;
	size_t size = 0;
	if (p->scratch_size) {
		buf = scratch_take(p->scratch_size, &size);
		if (!buf) return dnnl_out_of_memory;
		dnnl_memory_set_data_handle(p->scratch, buf);
		args[n].arg = DNNL_ARG_SCRATCHPAD;
		args[n++].memory = p->scratch;
	}
	int s = dnnl_primitive_execute(p->prim, stream, n, args);
	if (!s) s = dnnl_stream_wait(stream);
	if (buf) scratch_give(buf, size);
	return s;
}

static void pass_free(pass *p) {
	dnnl_memory_t m[] = {p->x, p->w, p->y, p->scratch, p->plain};
	for (int i = 0; i < 5; i++)
		if (m[i]) dnnl_memory_destroy(m[i]);
	if (p->prim) dnnl_primitive_destroy(p->prim);
	if (p->reorder) dnnl_primitive_destroy(p->reorder);
	if (p->pd) dnnl_primitive_desc_destroy(p->pd);
	free(p->blocked);
}

static int conv_describe(nf_conv *c, const nf_conv_shape *s) {
	dnnl_dims_t x = {s->n, s->ci, s->h, s->w}, w = {s->co, s->ci, s->kh, s->kw}, y = {s->n, s->co, s->oh, s->ow}, o = {s->co};
	conv_mds *m = &c->m;
	m->strides[0] = m->strides[1] = s->stride;
	m->left[0] = m->left[1] = s->pad;
	m->right[0] = (s->oh - 1) * s->stride + s->kh - s->h - s->pad;
	m->right[1] = (s->ow - 1) * s->stride + s->kw - s->w - s->pad;
	int e = md_new(&m->x, 4, x, dnnl_nhwc);
	if (!e) e = md_new(&m->w, 4, w, dnnl_format_tag_any);
	if (!e) e = md_new(&m->y, 4, y, dnnl_nhwc);
	if (!e) e = md_new(&c->oihw, 4, w, dnnl_oihw);
	if (!e) e = md_new(&c->o, 1, o, dnnl_x);
	if (!e) e = dnnl_primitive_attr_create(&c->attr);
	if (!e) e = dnnl_primitive_attr_set_scratchpad_mode(c->attr, dnnl_scratchpad_mode_user);
	return e;
}

// For inference: a bias, an addition to what y holds and a ReLU in the same pass.
static int conv_infer_make(nf_conv *c, const nf_conv_shape *s, int add, int relu) {
	dnnl_post_ops_t ops = NULL;
	int e = conv_describe(c, s);
	if (!e) e = dnnl_post_ops_create(&ops);
	if (!e && add) e = then_add(ops);
	if (!e && relu) e = then_relu(ops);
	if (!e) e = dnnl_primitive_attr_set_post_ops(c->attr, ops);
	if (ops) dnnl_post_ops_destroy(ops);
	if (!e) e = pd_forward(&c->fwd.pd, engine, &c->m, dnnl_forward_inference, &c->o, c->attr);
	if (!e) e = pass_finish(&c->fwd, MD(c->oihw), MD(c->m.x), dnnl_primitive_desc_query_md(c->fwd.pd, dnnl_query_weights_md, 0), MD(c->m.y), 0);
	if (!e && !(c->bias = memory(MD(c->o)))) e = dnnl_out_of_memory;
	return e;
}

static int conv_make(nf_conv *c, const nf_conv_shape *s, int backward_data, int backward_weights) {
	conv_mds *m = &c->m;
	int e = conv_describe(c, s);
	if (!e) e = pd_forward(&c->fwd.pd, engine, m, dnnl_forward_training, NULL, c->attr);
	if (!e) e = pass_finish(&c->fwd, MD(c->oihw), MD(m->x), dnnl_primitive_desc_query_md(c->fwd.pd, dnnl_query_weights_md, 0), MD(m->y), 0);
	if (!e && backward_data) {
		e = pd_backward_data(&c->data.pd, engine, m, c->fwd.pd, c->attr);
		if (!e) e = pass_finish(&c->data, MD(c->oihw), MD(m->x), dnnl_primitive_desc_query_md(c->data.pd, dnnl_query_weights_md, 0), MD(m->y), 0);
	}
	if (!e && backward_weights) {
		e = pd_backward_weights(&c->weights.pd, engine, m, c->fwd.pd, c->attr);
		if (!e) e = pass_finish(&c->weights, MD(c->oihw), MD(m->x), dnnl_primitive_desc_query_md(c->weights.pd, dnnl_query_diff_weights_md, 0), MD(m->y), 1);
	}
	return e;
}

static nf_conv *conv_begin(int nt, int *status) {
	pthread_once(&once, start);
	*status = started;
	if (started) return NULL;
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

nf_conv *nf_conv_new(const nf_conv_shape *s, int backward_data, int backward_weights, int nt, int *status) {
	nf_conv *c = conv_begin(nt, status);
	return c ? conv_end(c, *status = conv_make(c, s, backward_data, backward_weights)) : NULL;
}

nf_conv *nf_conv_infer_new(const nf_conv_shape *s, int add, int relu, int nt, int *status) {
	nf_conv *c = conv_begin(nt, status);
	return c ? conv_end(c, *status = conv_infer_make(c, s, add, relu)) : NULL;
}

// Weights in the pass's own layout: reordered, or the caller's where the layout is plain.
static int load_weights(pass *p, const float *w, int nt) {
	if (p->reorder) return reorder(p, (float *)w, 0, nt);
	dnnl_memory_set_data_handle(p->w, (void *)w);
	return 0;
}

static int run_forward(nf_conv *c, const float *x, float *y) {
	pass *p = &c->fwd;
	dnnl_memory_set_data_handle(p->x, (void *)x);
	dnnl_memory_set_data_handle(p->y, y);
	dnnl_exec_arg_t a[5] = {{DNNL_ARG_SRC, p->x}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DST, p->y}, {DNNL_ARG_BIAS, c->bias}};
	return pass_run(p, a, c->bias ? 4 : 3);
}

static int run_backward_data(nf_conv *c, const float *dy, float *dx) {
	pass *p = &c->data;
	dnnl_memory_set_data_handle(p->x, dx);
	dnnl_memory_set_data_handle(p->y, (void *)dy);
	dnnl_exec_arg_t a[4] = {{DNNL_ARG_DIFF_SRC, p->x}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DIFF_DST, p->y}};
	return pass_run(p, a, 3);
}

static int run_backward_weights(nf_conv *c, const float *x, const float *dy) {
	pass *p = &c->weights;
	dnnl_memory_set_data_handle(p->x, (void *)x);
	dnnl_memory_set_data_handle(p->y, (void *)dy);
	dnnl_exec_arg_t a[4] = {{DNNL_ARG_SRC, p->x}, {DNNL_ARG_DIFF_WEIGHTS, p->w}, {DNNL_ARG_DIFF_DST, p->y}};
	return pass_run(p, a, 3);
}

int nf_conv_forward(nf_conv *c, const float *x, const float *w, float *y, int nt) {
	omp_set_num_threads(nt);
	int s = load_weights(&c->fwd, w, nt);
	return s ? s : run_forward(c, x, y);
}

int nf_conv_backward_data(nf_conv *c, const float *w, const float *dy, float *dx, int nt) {
	omp_set_num_threads(nt);
	int s = load_weights(&c->data, w, nt);
	return s ? s : run_backward_data(c, dy, dx);
}

int nf_conv_backward_weights(nf_conv *c, const float *x, const float *dy, float *dw, int nt) {
	omp_set_num_threads(nt);
	pass *p = &c->weights;
	if (!p->reorder) dnnl_memory_set_data_handle(p->w, dw);
	int s = run_backward_weights(c, x, dy);
	return s || !p->reorder ? s : reorder(p, dw, 1, nt);
}

int nf_conv_infer_load(nf_conv *c, const float *w, int nt) {
	omp_set_num_threads(nt);
	return load_weights(&c->fwd, w, nt);
}

// The weights that a pass reads or writes, where it does so in their plain layout.
static void plain_weights(pass *p, const float *w) {
	if (!p->reorder) dnnl_memory_set_data_handle(p->w, (void *)w);
}

int nf_conv_infer(nf_conv *c, const float *x, const float *w, const float *bias, float *y, int nt) {
	omp_set_num_threads(nt);
	plain_weights(&c->fwd, w);
	dnnl_memory_set_data_handle(c->bias, (void *)bias);
	return run_forward(c, x, y);
}

int nf_conv_bare(nf_conv *c, int which, float *x, float *w, float *y, int nt) {
	omp_set_num_threads(nt);
	plain_weights(which == 0 ? &c->fwd : which == 1 ? &c->data : &c->weights, w);
	return which == 0 ? run_forward(c, x, y) : which == 1 ? run_backward_data(c, y, x) : run_backward_weights(c, x, y);
}

void nf_conv_free(nf_conv *c) {
	pass_free(&c->fwd);
	pass_free(&c->data);
	pass_free(&c->weights);
	if (c->attr) dnnl_primitive_attr_destroy(c->attr);
	if (c->bias) dnnl_memory_destroy(c->bias);
	md_free(&c->m.x);
	md_free(&c->m.w);
	md_free(&c->m.y);
	md_free(&c->oihw);
	md_free(&c->o);
	free(c);
}

// Products of fewer multiplications than this take tens of microseconds on one thread, and stay there.
#define GEMM_SMALL (1L << 22)

int nf_gemm(char ta, char tb, long m, long n, long k, const float *a, long lda, const float *b, long ldb, float beta, float *c, long ldc, int nt) {
	omp_set_num_threads(m * n * k > GEMM_SMALL ? nt : 1);
	return dnnl_sgemm(ta, tb, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
}

const char *nf_isa(void) {
	switch (dnnl_get_effective_cpu_isa()) {
	case dnnl_cpu_isa_sse41: return "sse4.1";
	case dnnl_cpu_isa_avx: return "avx";
	case dnnl_cpu_isa_avx2: return "avx2";
	case dnnl_cpu_isa_avx2_vnni: return "avx2-vnni";
	case dnnl_cpu_isa_avx512_core: return "avx512-core";
	case dnnl_cpu_isa_avx512_core_vnni: return "avx512-core-vnni";
	case dnnl_cpu_isa_avx512_core_bf16: return "avx512-core-bf16";
	case dnnl_cpu_isa_avx512_core_amx: return "avx512-core-amx";
	default: return "another";
	}
}

void nf_version(int v[3]) {
	const dnnl_version_t *d = dnnl_version();
	v[0] = d->major;
	v[1] = d->minor;
	v[2] = d->patch;
}
