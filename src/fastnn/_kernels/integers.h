/* integers.h: vectors of int32 (i) and of bytes (b), with the operations of vector.h that programs of integers need. */
#ifndef FNN_INTEGERS_H
#define FNN_INTEGERS_H

#include "vector.h"

typedef int8_t fnn_vi8 __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef uint8_t fnn_vu8 __attribute__((vector_size(FNN_VECTOR_BYTES)));

#define FNN_INTEGERS(suffix, V, M, T, magnitude)                                                                       \
  typedef V V##_u __attribute__((aligned(1), may_alias));                                                              \
  FNN_INLINE V fnn_load##suffix(const T *p) { return *(const V##_u *)p; }                                              \
  FNN_INLINE void fnn_store##suffix(T *p, V v) { *(V##_u *)p = v; }                                                    \
  FNN_INLINE void fnn_stream##suffix(T *p, V v) { fnn_streamf((float *)(void *)p, (fnn_vf)v); }                        \
  FNN_INLINE V fnn_load_part##suffix(const T *p, int64_t n) {                                                          \
    V v = {0};                                                                                                         \
    memcpy(&v, p, (size_t)n * sizeof(T));                                                                              \
    return v;                                                                                                          \
  }                                                                                                                    \
  FNN_INLINE void fnn_store_part##suffix(T *p, V v, int64_t n) { memcpy(p, &v, (size_t)n * sizeof(T)); }               \
  FNN_INLINE V fnn_splat##suffix(T x) { return x - (V){0}; }                                                           \
  FNN_INLINE V fnn_select##suffix(M mask, V a, V b) { return (V)((mask & (M)a) | (~mask & (M)b)); }                    \
  FNN_INLINE V fnn_abs##suffix(V x) { return magnitude; }
FNN_INTEGERS(i, fnn_vi32, fnn_vi32, int32_t, fnn_selecti(x < 0, (fnn_vi32)(-(fnn_vu32)x), x)) /* of the least: itself */
FNN_INTEGERS(b, fnn_vu8, fnn_vi8, uint8_t, x)
#undef FNN_INTEGERS

#define FNN_EXTREMES(suffix, V)                                                                                        \
  FNN_INLINE V fnn_max##suffix(V a, V b) { return fnn_select##suffix(a > b, a, b); }                                   \
  FNN_INLINE V fnn_min##suffix(V a, V b) { return fnn_select##suffix(a < b, a, b); }
FNN_EXTREMES(b, fnn_vu8)
#if defined(FNN_ISA_AVX512)
FNN_INLINE fnn_vi32 fnn_maxi(fnn_vi32 a, fnn_vi32 b) { return (fnn_vi32)_mm512_max_epi32((__m512i)a, (__m512i)b); }
FNN_INLINE fnn_vi32 fnn_mini(fnn_vi32 a, fnn_vi32 b) { return (fnn_vi32)_mm512_min_epi32((__m512i)a, (__m512i)b); }
#elif defined(FNN_ISA_AVX2)
FNN_INLINE fnn_vi32 fnn_maxi(fnn_vi32 a, fnn_vi32 b) { return (fnn_vi32)_mm256_max_epi32((__m256i)a, (__m256i)b); }
FNN_INLINE fnn_vi32 fnn_mini(fnn_vi32 a, fnn_vi32 b) { return (fnn_vi32)_mm256_min_epi32((__m256i)a, (__m256i)b); }
#else
FNN_EXTREMES(i, fnn_vi32)
#endif
#undef FNN_EXTREMES

#endif
