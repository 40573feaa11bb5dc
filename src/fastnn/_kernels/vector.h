/* vector.h: the vector types of this instruction set, float32 and float64, and the operations every kernel needs.
 * Comparisons of vectors give integer masks (-1 or 0 a lane); there is no ?: on vectors in C, so select by mask. */
#ifndef FNN_VECTOR_H
#define FNN_VECTOR_H

#include "fnn.h"

#if defined(FNN_ISA_AVX512)
enum { FNN_VECTOR_BYTES = 64 };
#elif defined(FNN_ISA_AVX2)
enum { FNN_VECTOR_BYTES = 32 };
#else
enum { FNN_VECTOR_BYTES = 16 };
#endif
enum { FNN_VF = FNN_VECTOR_BYTES / 4, FNN_VD = FNN_VECTOR_BYTES / 8 }; /* lanes of float32, of float64 */

typedef float fnn_vf __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef double fnn_vd __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef int32_t fnn_vi32 __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef int64_t fnn_vi64 __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef uint32_t fnn_vu32 __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef uint64_t fnn_vu64 __attribute__((vector_size(FNN_VECTOR_BYTES)));

/* Unaligned, may-alias views for loads and stores. */
typedef float fnn_vf_u __attribute__((vector_size(FNN_VECTOR_BYTES), aligned(4), may_alias));
typedef double fnn_vd_u __attribute__((vector_size(FNN_VECTOR_BYTES), aligned(8), may_alias));

FNN_INLINE fnn_vf fnn_loadf(const float *p) { return *(const fnn_vf_u *)p; }
FNN_INLINE fnn_vd fnn_loadd(const double *p) { return *(const fnn_vd_u *)p; }
FNN_INLINE void fnn_storef(float *p, fnn_vf v) { *(fnn_vf_u *)p = v; }
FNN_INLINE void fnn_stored(double *p, fnn_vd v) { *(fnn_vd_u *)p = v; }

/* The first n lanes from p, zeroes after them; and the first n lanes to p. Nothing past p[n-1] is touched. Kept as
 * loops, these become one masked instruction where the CPU has it. */
FNN_INLINE fnn_vf fnn_load_partf(const float *p, int64_t n) {
  fnn_vf v;
  float lanes[FNN_VF];
#pragma GCC unroll 1
  for (int lane = 0; lane < FNN_VF; lane++) lanes[lane] = lane < (int32_t)n ? p[lane] : 0;
  memcpy(&v, lanes, sizeof v);
  return v;
}
FNN_INLINE void fnn_store_partf(float *p, fnn_vf v, int64_t n) {
#pragma GCC unroll 1
  for (int lane = 0; lane < FNN_VF; lane++)
    if (lane < (int32_t)n) p[lane] = v[lane];
}
FNN_INLINE fnn_vd fnn_load_partd(const double *p, int64_t n) {
  fnn_vd v;
  double lanes[FNN_VD];
#pragma GCC unroll 1
  for (int lane = 0; lane < FNN_VD; lane++) lanes[lane] = lane < (int64_t)n ? p[lane] : 0;
  memcpy(&v, lanes, sizeof v);
  return v;
}
FNN_INLINE void fnn_store_partd(double *p, fnn_vd v, int64_t n) {
#pragma GCC unroll 1
  for (int lane = 0; lane < FNN_VD; lane++)
    if (lane < (int64_t)n) p[lane] = v[lane];
}

FNN_INLINE fnn_vf fnn_splatf(float x) { return x - (fnn_vf){0}; } /* - folds away, + may turn -0 to 0 */
FNN_INLINE fnn_vd fnn_splatd(double x) { return x - (fnn_vd){0}; }
FNN_INLINE fnn_vf fnn_selectf(fnn_vi32 mask, fnn_vf a, fnn_vf b) {
  return (fnn_vf)((mask & (fnn_vi32)a) | (~mask & (fnn_vi32)b));
}
FNN_INLINE fnn_vd fnn_selectd(fnn_vi64 mask, fnn_vd a, fnn_vd b) {
  return (fnn_vd)((mask & (fnn_vi64)a) | (~mask & (fnn_vi64)b));
}

#endif
