// Vectors of 16 floats in GCC's notation. NF_SIMD compiles a function once for each kind of machine and
// lets the loader choose; such a function must not hold an OpenMP region itself, only be called from one.
#ifndef NF_SIMD_H
#define NF_SIMD_H
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#if __GNUC__ >= 12 // levels are chosen by features; older compilers compare the name of the processor
#define NF_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NF_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#else
#define NF_SIMD
#endif

#define NF_LANES 16
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t v16i __attribute__((vector_size(64), aligned(4), may_alias));

#define LD(p) (*(const v16 *)(p))
#define ST(p, v) (*(v16 *)(p) = (v))
#define POSITIVE(v, by) ((v16)((v16i)(v) & ~((by) <= 0.0f))) // 0 where by ≤ 0, else v: a NaN goes through and is seen
#define RELU(v) POSITIVE(v, v)

// Passes over fewer floats than this stay on one thread: they take microseconds, and where other programs
// use the CPUs every waking of the team may wait for the scheduler.
#define NF_SMALL 131072
#endif
