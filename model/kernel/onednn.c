// What all uses of oneDNN share: engine, stream, scratch; products, and what the library says of itself.
#include "onednn.h"
#include "simd.h"
#include "kernel.h"
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>

dnnl_engine_t nf_engine;
dnnl_stream_t nf_stream;
static int started;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void start(void) {
	started = dnnl_engine_create(&nf_engine, dnnl_cpu, 0);
	if (!started) started = dnnl_stream_create(&nf_stream, nf_engine, dnnl_stream_default_flags);
}
int nf_onednn(void) {
	pthread_once(&once, start);
	return started;
}

// Scratch for primitives: a stack of buffers, as many as ever ran at once. The library's own scratch
// belongs to the thread that made the primitive, which Go does not keep.
#define POOL 64
static struct { void *p; size_t size; } pool[POOL];
static int pooled;
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

void *nf_scratch_take(size_t size, size_t *got) {
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

void nf_scratch_give(void *p, size_t size) {
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

int nf_has_bf16(void) {
	switch (dnnl_get_effective_cpu_isa()) {
	case dnnl_cpu_isa_avx512_core_bf16:
	case dnnl_cpu_isa_avx512_core_amx: return 1;
	default: return 0;
	}
}

void nf_version(int v[3]) {
	const dnnl_version_t *d = dnnl_version();
	v[0] = d->major;
	v[1] = d->minor;
	v[2] = d->patch;
}
