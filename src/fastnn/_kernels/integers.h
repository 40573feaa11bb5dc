/* integers.h: vectors of int64 (l), int32 (i), int16 (s) and bytes (b), with the operations of vector.h that programs
 * of integers need. */
#ifndef FNN_INTEGERS_H
#define FNN_INTEGERS_H

#include "vector.h"

typedef int8_t fnn_vi8 __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef uint8_t fnn_vu8 __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef int16_t fnn_vi16 __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef uint16_t fnn_vu16 __attribute__((vector_size(FNN_VECTOR_BYTES)));

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
/* The magnitude of the least number is itself. Of bytes it is that of numbers with a sign: others are theirs. */
#define FNN_MAGNITUDE(suffix, V, U) fnn_select##suffix(x < 0, (V)(-(U)x), x)
#if defined(FNN_ISA_AVX512)
FNN_INTEGERS(l, fnn_vi64, fnn_vi64, int64_t, (fnn_vi64)_mm512_abs_epi64((__m512i)x))
#else
FNN_INTEGERS(l, fnn_vi64, fnn_vi64, int64_t, FNN_MAGNITUDE(l, fnn_vi64, fnn_vu64))
#endif
FNN_INTEGERS(i, fnn_vi32, fnn_vi32, int32_t, FNN_MAGNITUDE(i, fnn_vi32, fnn_vu32))
FNN_INTEGERS(s, fnn_vi16, fnn_vi16, int16_t, FNN_MAGNITUDE(s, fnn_vi16, fnn_vu16))
#if defined(FNN_ISA_AVX512)
FNN_INTEGERS(b, fnn_vu8, fnn_vi8, uint8_t, (fnn_vu8)_mm512_abs_epi8((__m512i)x))
#elif defined(FNN_ISA_AVX2)
FNN_INTEGERS(b, fnn_vu8, fnn_vi8, uint8_t, (fnn_vu8)_mm256_abs_epi8((__m256i)x))
#else
FNN_INTEGERS(b, fnn_vu8, fnn_vi8, uint8_t, fnn_selectb((fnn_vi8)x < 0, -x, x))
#endif
#undef FNN_MAGNITUDE
#undef FNN_INTEGERS

/* The greater and the smaller of each pair of lanes, and the same of numbers that have a sign where the type has none,
 * or none where it has one (O). */
#define FNN_EXTREMES(suffix, V, M, O)                                                                                  \
  FNN_INLINE V fnn_max##suffix(V a, V b) { return fnn_select##suffix((M)(a > b), a, b); }                              \
  FNN_INLINE V fnn_min##suffix(V a, V b) { return fnn_select##suffix((M)(a < b), a, b); }                              \
  FNN_INLINE V fnn_other_max##suffix(V a, V b) { return fnn_select##suffix((M)((O)a > (O)b), a, b); }                  \
  FNN_INLINE V fnn_other_min##suffix(V a, V b) { return fnn_select##suffix((M)((O)a < (O)b), a, b); }
#if defined(__x86_64__)
#if defined(FNN_ISA_AVX512)
typedef __m512i fnn_whole;
#elif defined(FNN_ISA_AVX2)
typedef __m256i fnn_whole;
#else
typedef __m128i fnn_whole;
#endif
#define FNN_EXTREME(name, V, instruction)                                                                              \
  FNN_INLINE V name(V a, V b) { return (V)FNN_X86(instruction)((fnn_whole)a, (fnn_whole)b); }
#define FNN_EXTREMES_X86(suffix, V, own, other)                                                                        \
  FNN_EXTREME(fnn_max##suffix, V, max_##own)                                                                           \
  FNN_EXTREME(fnn_min##suffix, V, min_##own)                                                                           \
  FNN_EXTREME(fnn_other_max##suffix, V, max_##other)                                                                   \
  FNN_EXTREME(fnn_other_min##suffix, V, min_##other)
FNN_EXTREMES_X86(i, fnn_vi32, epi32, epu32)
FNN_EXTREMES_X86(s, fnn_vi16, epi16, epu16)
FNN_EXTREMES_X86(b, fnn_vu8, epu8, epi8)
#if defined(FNN_ISA_AVX512)
FNN_EXTREMES_X86(l, fnn_vi64, epi64, epu64)
#else
FNN_EXTREMES(l, fnn_vi64, fnn_vi64, fnn_vu64)
#endif
#undef FNN_EXTREME
#undef FNN_EXTREMES_X86
#else
FNN_EXTREMES(l, fnn_vi64, fnn_vi64, fnn_vu64)
FNN_EXTREMES(i, fnn_vi32, fnn_vi32, fnn_vu32)
FNN_EXTREMES(s, fnn_vi16, fnn_vi16, fnn_vu16)
FNN_EXTREMES(b, fnn_vu8, fnn_vi8, fnn_vi8)
#endif
#undef FNN_EXTREMES

#endif
