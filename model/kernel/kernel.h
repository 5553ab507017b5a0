// What the C side of the package offers to Go. Tensors are NHWC float32, rows × channels where a
// function does not care for places; nt is the number of threads. Nothing here keeps a pointer it is
// handed beyond the call.
#ifndef NF_KERNEL_H
#define NF_KERNEL_H
#include <stdint.h>

// threads.c: called once or more before anything else.
void nf_threads_start(void);

// conv.c: a convolution of one fixed shape. A NULL result or a nonzero return is a failure of oneDNN.
typedef struct nf_conv nf_conv;
typedef struct {
	int n, h, w, ci, co, kh, kw, oh, ow, stride, pad;
} nf_conv_shape;
enum { NF_FORWARD = 1, NF_TO_DATA = 2, NF_TO_WEIGHTS = 4, NF_HOLD = 8 }; // passes; whether nf_conv_bare will be asked of them
// bf16: operands are rounded to bf16, sums and results are float32.
nf_conv *nf_conv_new(const nf_conv_shape *s, int passes, int bf16, int nt, int *status);
// x16 and dy16 are x and dy rounded to bf16 where they are at hand, NULL where not.
int nf_conv_forward(nf_conv *c, const float *x, const uint16_t *x16, const float *w, float *y, int nt);
int nf_conv_backward_data(nf_conv *c, const float *w, const float *dy, const uint16_t *dy16, float *dx, int nt);
int nf_conv_backward_weights(nf_conv *c, const float *x, const uint16_t *x16, const float *dy, const uint16_t *dy16, float *dw, int nt);
// The same for inference: y ← relu(x ∗ w + bias + y), addition and ReLU as the plan has them. load takes
// weights over; w is read again only where the plan keeps their layout.
nf_conv *nf_conv_infer_new(const nf_conv_shape *s, int add, int relu, int bf16, int nt, int *status);
int nf_conv_infer_load(nf_conv *c, const float *w, int nt);
int nf_conv_infer(nf_conv *c, const float *x, const float *w, const float *bias, float *y, int nt);
// oneDNN's own part of one pass: nothing is converted, so the weights of the last full run count where the plan has a
// layout of its own, and results stay in it.
int nf_conv_bare(nf_conv *c, int which, float *x, float *w, float *y, int nt);
void nf_conv_free(nf_conv *c);
int nf_gemm(char ta, char tb, long m, long n, long k, const float *a, long lda, const float *b, long ldb, float beta, float *c, long ldc, int nt);
const char *nf_isa(void);
int nf_has_bf16(void); // in instructions, not emulated
void nf_version(int v[3]);

// norm.c: y16 and dx16 take the result rounded to bf16, too, where they are not NULL.
long nf_bn_part(long rows, int c); // floats of scratch
void nf_bn_train(const float *x, const float *res, const float *gamma, const float *beta, float *y, uint16_t *y16, float *fold, float *mean, float *rstd,
	float *run_mean, float *run_var, long rows, int c, int relu, float momentum, float eps, float *part, int nt);
void nf_bn_eval(const float *x, const float *res, const float *gamma, const float *beta, float *y, uint16_t *y16, float *fold, float *mean, float *rstd,
	const float *run_mean, const float *run_var, long rows, int c, int relu, float eps, int nt);
void nf_bn_back(const float *dy, const float *x, const float *y, const float *gamma, const float *fold, const float *mean, const float *rstd,
	float *dx, uint16_t *dx16, float *dres, float *dgamma, float *dbeta, long rows, int c, int relu, int train, float *part, int nt);

// group.c
void nf_gn(const float *x, const float *gamma, const float *beta, float *y, float *mean, float *rstd, int n, long hw, int c, int groups,
	int relu, float eps, int nt);
void nf_gn_back(const float *dy, const float *x, const float *y, const float *gamma, const float *mean, const float *rstd, float *dx,
	float *dgamma, float *dbeta, float *part, int n, long hw, int c, int groups, int relu, int nt);

// pointwise.c
void nf_add_relu(const float *a, const float *b, float *y, long n, int nt);
void nf_relu(const float *x, float *y, long n, int nt);
void nf_relu_back(const float *y, const float *dy, float *dx, long n, int nt);
void nf_add(const float *a, const float *b, float *y, long n, int nt);
void nf_distance(const float *a, const float *b, float *y, long n, int nt);
void nf_distance_back(const float *a, const float *b, const float *dy, float *da, long n, int nt);
void nf_blend(const float *x, const float *mask, const float *rest, float *y, long n, int nt);
void nf_product(const float *a, const float *b, float *y, long n, int nt);
void nf_mean(const float *x, float *y, int n, long hw, int c, int nt);
void nf_mean_back(const float *dy, float *dx, int n, long hw, int c, int nt);
void nf_normalize(const float *x, float *y, float *norm, int n, int d, int nt);
void nf_normalize_back(const float *y, const float *dy, const float *norm, float *dx, int n, int d, int nt);
void nf_rows_fill(const float *b, float *y, long n, int c, int nt);
void nf_column_sum(const float *x, float *y, long n, int c);

// activation.c
void nf_leaky(const float *x, float *y, float slope, long n, int nt);
void nf_leaky_back(const float *y, const float *dy, float *dx, float slope, long n, int nt);
void nf_sigmoid(const float *x, float *y, long n, int nt);
void nf_sigmoid_back(const float *y, const float *dy, float *dx, long n, int nt);
void nf_tanh(const float *x, float *y, long n, int nt);
void nf_tanh_back(const float *y, const float *dy, float *dx, long n, int nt);

// attention.c
long nf_ln_part(long rows, int c); // floats of scratch
void nf_ln(const float *x, const float *gamma, const float *beta, float *y, float *mean, float *rstd, long rows, int c, float eps, int nt);
void nf_ln_back(const float *dy, const float *x, const float *gamma, const float *mean, const float *rstd, float *dx, float *dgamma, float *dbeta,
	float *part, long rows, int c, int nt);
void nf_gelu(const float *x, float *y, long n, int nt);
void nf_gelu_back(const float *x, const float *dy, float *dx, long n, int nt);
// n sequences of t rows; qkv has 3·heads·d columns, y heads·d; p keeps the weights, t·t for each head of each sequence.
int nf_attention(const float *qkv, float *y, float *p, int n, int t, int heads, int d, int nt);
int nf_attention_back(const float *qkv, const float *p, const float *dy, float *dqkv, float *work, int n, int t, int heads, int d, int nt);

// bias.c
long nf_bias_part(int c); // floats of scratch
void nf_bias(const float *x, const float *b, float *y, long rows, int c, int relu, int nt);
void nf_bias_back(const float *y, const float *dy, float *dx, float *db, float *part, long rows, int c, int nt);

// slice.c
void nf_columns(const float *x, int xs, float *y, int ys, int width, long rows, int nt);
void nf_columns_back(const float *dy, float *dx, int c, int from, int width, long rows, int nt);

// resize.c: rows are N·H of the small picture.
void nf_upsample2(const float *x, float *y, long rows, int w, int c, int nt);
void nf_upsample2_back(const float *dy, float *dx, long rows, int w, int c, int nt);

// lab.c
void nf_lab(const float *x, float *y, long pixels, int nt);

// gru.c: step t of n sequences of steps rows; gates holds r, z, n and the candidate's state term, 4h a row.
void nf_gru(const float *gx, const float *gh, float *gates, float *y, int n, int steps, int t, int h, int nt);
void nf_gru_back(const float *dy, const float *gates, const float *y, float *carry, float *dgx, float *dgh, int n, int steps, int t, int h, int nt);

// ce.c
long nf_ce_rows(const int32_t *index, long n, int c, int k); // rows not ignored, -1 for an index that is no class
void nf_ce(const float *logits, long n, int c, const int32_t *index, const float *weight, int k, const float *row_weight, float *grad,
	long rows, double out[2], int nt);

// pool.c
void nf_maxpool(const float *x, float *y, uint8_t *at, int n, int h, int w, int c, int oh, int ow, int k, int stride, int pad, int nt);
void nf_maxpool_back(const float *dy, const uint8_t *at, float *dx, int n, int h, int w, int c, int oh, int ow, int k, int stride, int pad, int nt);

// nce.c
long nf_nce_work(int n, int d, int nt); // floats of scratch
int nf_nce(const float *q, const float *k, const float *bank, int n, int d, long size, float inv_t, const int32_t *mask_row,
	const int32_t *mask_slot, float *dq, float *work, double out[5], int nt);

// search.c: rows (n, d) that are the k most alike to each query (m, d), and a few more. unit is the queries at
// length one. NULL is a failure of oneDNN or of memory.
typedef struct nf_search nf_search;
nf_search *nf_search_new(const float *q, const float *unit, int m, const float *rows, long n, int d, int k, int nt, int *status);
long nf_search_found(const nf_search *s, int query, const long **row, const float **score);
void nf_search_free(nf_search *s);

// update.c; the optimisers say whether all weights are numbers still
int nf_sgd(float *p, const float *g, float *v, float lr, float momentum, float decay, long n, int nt);
int nf_adam(float *p, const float *g, float *m, float *v, float lr, float b1, float b2, float eps, float decay, float decoupled,
	double correct1, double correct2, long n, int nt);
void nf_ema(float *key, const float *query, float momentum, long n, int nt);
void nf_axpy(float *dst, const float *x, float a, long n, int nt);
void nf_scale_rows(float *dst, const float *x, const float *factor, long n, int d, int nt);
double nf_sum_squares(const float *x, long n, int nt);
#endif
