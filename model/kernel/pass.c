#include "pass.h"
#include "simd.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>

dnnl_memory_t nf_memory(md_ref md) {
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

int nf_operand_make(operand *o, md_ref outer, md_ref inner, int how) {
	if (!(o->inner = nf_memory(inner))) return dnnl_out_of_memory;
	if (dnnl_memory_desc_equal(outer, inner)) return 0;
	if (!(o->outer = nf_memory(outer))) return dnnl_out_of_memory;
	o->bytes = dnnl_memory_desc_get_size(inner);
	o->rounds = how & ROUND;
	int s = how & TAKE && !o->rounds ? converter(&o->take, outer, inner) : 0;
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

NF_SIMD static void round_part(const float *x, uint16_t *y, long n) {
	for (long i = 0; i < n; i++) y[i] = bf16_of(x[i]);
}

#define CHUNK 8192
static void rounded(const float *x, uint16_t *y, long n, int nt) {
#pragma omp parallel for num_threads(nt) schedule(static) if (n > NF_SMALL)
	for (long at = 0; at < n; at += CHUNK) round_part(x + at, y + at, n - at < CHUNK ? n - at : CHUNK);
}

int nf_operand_begin(operand *o, numbers outer, int fresh, int nt) {
	if (!o->outer) return dnnl_memory_set_data_handle(o->inner, (void *)outer.at);
	if (o->rounds && outer.rounded && !o->held) return dnnl_memory_set_data_handle(o->inner, (void *)outer.rounded);
	int s = dnnl_memory_set_data_handle(o->outer, (void *)outer.at);
	if (!s && !o->held) {
		if (!(o->scratch = nf_scratch_take(o->bytes, &o->scratch_size))) return dnnl_out_of_memory;
		s = dnnl_memory_set_data_handle(o->inner, o->scratch);
	}
	if (s || !fresh) return s;
	if (o->rounds) rounded(outer.at, o->held ? o->held : o->scratch, o->bytes / sizeof(uint16_t), nt);
	return o->take ? convert(o->take, o->outer, o->inner, o->bytes, nt) : 0;
}

int nf_operand_end(operand *o, int fresh, int nt) {
	int s = o->give && fresh ? convert(o->give, o->inner, o->outer, o->bytes, nt) : 0;
	if (o->scratch) nf_scratch_give(o->scratch, o->scratch_size);
	o->scratch = NULL;
	return s;
}

void nf_operand_free(operand *o) {
	if (o->outer) dnnl_memory_destroy(o->outer);
	if (o->inner) dnnl_memory_destroy(o->inner);
	if (o->take) dnnl_primitive_destroy(o->take);
	if (o->give) dnnl_primitive_destroy(o->give);
	free(o->held);
}

int nf_pass_make(pass *p) {
	int s = dnnl_primitive_create(&p->prim, p->pd);
	if (s) return s;
	md_ref m = dnnl_primitive_desc_query_md(p->pd, dnnl_query_scratchpad_md, 0);
	p->scratch_size = m ? dnnl_memory_desc_get_size(m) : 0;
	return p->scratch_size && !(p->scratch = nf_memory(m)) ? dnnl_out_of_memory : 0;
}

int nf_pass_execute(pass *p, dnnl_exec_arg_t *args, int n) {
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

int nf_pass_run(pass *p, numbers x, numbers w, numbers y, int xa, int wa, int ya, dnnl_memory_t bias, int read_w, int full, int nt) {
	int s = nf_operand_begin(&p->x, x, full, nt);
	if (!s) s = nf_operand_begin(&p->w, w, read_w, nt);
	if (!s) s = nf_operand_begin(&p->y, y, full, nt);
	dnnl_exec_arg_t a[5] = {{xa, p->x.inner}, {wa, p->w.inner}, {ya, p->y.inner}, {DNNL_ARG_BIAS, bias}};
	if (!s) s = nf_pass_execute(p, a, bias ? 4 : 3);
	full = full && !s;
	int ends = nf_operand_end(&p->x, full, nt) | nf_operand_end(&p->w, full, nt) | nf_operand_end(&p->y, full, nt);
	return s ? s : ends;
}

void nf_pass_free(pass *p) {
	nf_operand_free(&p->x);
	nf_operand_free(&p->w);
	nf_operand_free(&p->y);
	if (p->scratch) dnnl_memory_destroy(p->scratch);
	if (p->prim) dnnl_primitive_destroy(p->prim);
	if (p->pd) dnnl_primitive_desc_destroy(p->pd);
}
