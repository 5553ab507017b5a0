// A primitive of oneDNN with three operands, and what a run of it needs.
#ifndef NF_PASS_H
#define NF_PASS_H
#include "kernel.h"
#include "onednn.h"

// An operand of a primitive. Where its type or layout is not the caller's it has memory of its own: scratch for the
// time of a run, or, for weights that rest, for good.
typedef struct {
	dnnl_memory_t outer, inner;  // outer NULL: the caller's memory is used as it is
	dnnl_primitive_t take, give; // outer → inner before a run, inner → outer after it; NULL: not needed
	int rounds;                  // inner is outer rounded to bf16, number by number
	size_t bytes;                // of inner
	void *held, *scratch;
	size_t scratch_size;
} operand;

enum { TAKE = 1, GIVE = 2, HOLD = 4, ROUND = 8 };

// Numbers of the caller, and perhaps the same rounded to bf16.
typedef struct {
	const float *at;
	const uint16_t *rounded; // NULL: not at hand
} numbers;

typedef struct {
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t prim;
	operand x, w, y;
	dnnl_memory_t scratch;
	size_t scratch_size;
} pass;

dnnl_memory_t nf_memory(md_ref md); // without data; NULL: there is none
int nf_operand_make(operand *o, md_ref outer, md_ref inner, int how);
// Before a run: the operand is where the primitive wants it. fresh says whether the caller's numbers are to be read.
int nf_operand_begin(operand *o, numbers outer, int fresh, int nt);
// After it: the caller has the result, unless there was none.
int nf_operand_end(operand *o, int fresh, int nt);
void nf_operand_free(operand *o);

int nf_pass_make(pass *p); // of its pd
// Runs it with operands of the kinds xa, wa and ya. Without full nothing is converted: what the last full run left
// counts, and no result is handed out. Weights are read anew where read_w says so.
int nf_pass_run(pass *p, numbers x, numbers w, numbers y, int xa, int wa, int ya, dnnl_memory_t bias, int read_w, int full, int nt);
int nf_pass_execute(pass *p, dnnl_exec_arg_t *args, int n); // args has room for one more
void nf_pass_free(pass *p);

// How many weights a convolution has, and how many numbers its pictures, both ways.
static inline long nf_conv_weights(const nf_conv_shape *s) { return (long)s->co * s->ci * s->kh * s->kw; }
static inline long nf_conv_numbers(const nf_conv_shape *s) {
	return (long)s->n * ((long)s->h * s->w * s->ci + (long)s->oh * s->ow * s->co);
}

// lowered.c: a convolution as a product of matrices.
typedef struct nf_lowered nf_lowered;
int nf_lowered_pays(const nf_conv_shape *s, int which, dnnl_data_type_t type);
nf_lowered *nf_lowered_new(const nf_conv_shape *s, int which, dnnl_data_type_t type, int *status);
// x, w, y are the caller's: two to read, and the one that which computes.
int nf_lowered_run(nf_lowered *p, numbers x, numbers w, numbers y, int full, int nt);
void nf_lowered_free(nf_lowered *p);
#endif
