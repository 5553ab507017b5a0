// How the two versions of oneDNN describe memory and convolutions, and what all primitives share.
#ifndef NF_ONEDNN_H
#define NF_ONEDNN_H
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_version.h>
#include <stddef.h>

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t md_t;
typedef const_dnnl_memory_desc_t md_ref;
#define MD(m) (m)
static inline int md_new(md_t *m, int nd, const dnnl_dims_t d, dnnl_data_type_t type, dnnl_format_tag_t tag) {
	return dnnl_memory_desc_create_with_tag(m, nd, d, type, tag);
}
static inline void md_free(md_t *m) { dnnl_memory_desc_destroy(*m); }
#else
typedef dnnl_memory_desc_t md_t;
typedef const dnnl_memory_desc_t *md_ref;
#define MD(m) (&(m))
static inline int md_new(md_t *m, int nd, const dnnl_dims_t d, dnnl_data_type_t type, dnnl_format_tag_t tag) {
	return dnnl_memory_desc_init_by_tag(m, nd, d, type, tag);
}
static inline void md_free(md_t *m) { (void)m; }
#endif

// The processor and its stream; nf_onednn makes them, and must come first.
extern dnnl_engine_t nf_engine;
extern dnnl_stream_t nf_stream;
int nf_onednn(void);

// Scratch of at least so many bytes, aligned to pages, and how much it is; to be given back.
void *nf_scratch_take(size_t size, size_t *got);
void nf_scratch_give(void *p, size_t size);

#endif
