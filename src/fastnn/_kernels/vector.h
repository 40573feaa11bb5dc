/* vector.h: the vector types of this instruction set, float32 and float64, and the operations every kernel needs.
 * Comparisons of vectors give integer masks (-1 or 0 a lane); there is no ?: on vectors in C, so select by mask. */
#ifndef FNN_VECTOR_H
#define FNN_VECTOR_H

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

/* The vector at p, from two loads where it has 64 bytes: Zen 4, which loads 32 bytes at a time, takes up to 1.4 times
 * as long over a stream that comes from behind the second cache if its loads are whole vectors, and in the first cache
 * as long. */
#if defined(FNN_ISA_AVX512)
FNN_INLINE __m512i fnn_load_halves(const void *p) {
  const __m256i *half = p;
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(half)), _mm256_loadu_si256(half + 1), 1);
}
#define FNN_LOAD_STREAM(V, load, p) ((V)fnn_load_halves(p))
#else
#define FNN_LOAD_STREAM(V, load, p) load(p)
#endif

/* Stores past the caches, to a p of whole vectors; fnn_end_streams comes before another thread is told of them. */
#if defined(FNN_ISA_AVX512)
FNN_INLINE void fnn_streamf(float *p, fnn_vf v) { _mm512_stream_ps(p, v); }
FNN_INLINE void fnn_streamd(double *p, fnn_vd v) { _mm512_stream_pd(p, v); }
#elif defined(FNN_ISA_AVX2)
FNN_INLINE void fnn_streamf(float *p, fnn_vf v) { _mm256_stream_ps(p, v); }
FNN_INLINE void fnn_streamd(double *p, fnn_vd v) { _mm256_stream_pd(p, v); }
#elif defined(__x86_64__)
FNN_INLINE void fnn_streamf(float *p, fnn_vf v) { _mm_stream_ps(p, v); }
FNN_INLINE void fnn_streamd(double *p, fnn_vd v) { _mm_stream_pd(p, v); }
#else
FNN_INLINE void fnn_streamf(float *p, fnn_vf v) { fnn_storef(p, v); }
FNN_INLINE void fnn_streamd(double *p, fnn_vd v) { fnn_stored(p, v); }
#endif
FNN_INLINE void fnn_end_streams(void) {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

/* The numbers of the lanes. */
FNN_INLINE fnn_vi32 fnn_lanesf(void) {
  static const int32_t numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  fnn_vi32 lane;
  memcpy(&lane, numbers, sizeof lane);
  return lane;
}
FNN_INLINE fnn_vi64 fnn_lanesd(void) {
  static const int64_t numbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  fnn_vi64 lane;
  memcpy(&lane, numbers, sizeof lane);
  return lane;
}

/* The first n lanes from p, zeroes after them; and the first n lanes to p. Nothing past p[n-1] is touched. */
#if defined(FNN_ISA_AVX512) /* of the loops GCC makes this and a test whether p overlaps their copy on the stack */
#define FNN_FIRST(lanes, n, bits)                                                                                      \
  _mm512_cmplt_epi##bits##_mask((__m512i)lanes, _mm512_set1_epi##bits((int##bits##_t)(n)))
FNN_INLINE fnn_vf fnn_load_partf(const float *p, int64_t n) {
  return _mm512_maskz_loadu_ps(FNN_FIRST(fnn_lanesf(), n, 32), p);
}
FNN_INLINE void fnn_store_partf(float *p, fnn_vf v, int64_t n) {
  _mm512_mask_storeu_ps(p, FNN_FIRST(fnn_lanesf(), n, 32), v);
}
FNN_INLINE fnn_vd fnn_load_partd(const double *p, int64_t n) {
  return _mm512_maskz_loadu_pd(FNN_FIRST(fnn_lanesd(), n, 64), p);
}
FNN_INLINE void fnn_store_partd(double *p, fnn_vd v, int64_t n) {
  _mm512_mask_storeu_pd(p, FNN_FIRST(fnn_lanesd(), n, 64), v);
}
#undef FNN_FIRST
#else /* by a mask, as GCC 14 makes calls of memcpy and memset of a loop that compares the lane's number */
#define FNN_PARTS(suffix, V, M, T, MT, lanes)                                                                          \
  FNN_INLINE V fnn_load_part##suffix(const T *p, int64_t n) {                                                          \
    const M first = fnn_lanes##suffix() < (MT)n;                                                                       \
    MT is_first[lanes];                                                                                                \
    T x[lanes];                                                                                                        \
    V v;                                                                                                               \
    memcpy(is_first, &first, sizeof first);                                                                            \
    _Pragma("GCC unroll 1") for (int k = 0; k < lanes; k++) x[k] = is_first[k] ? p[k] : 0;                             \
    memcpy(&v, x, sizeof v);                                                                                           \
    return v;                                                                                                          \
  }                                                                                                                    \
  FNN_INLINE void fnn_store_part##suffix(T *p, V v, int64_t n) {                                                       \
    const M first = fnn_lanes##suffix() < (MT)n;                                                                       \
    MT is_first[lanes];                                                                                                \
    memcpy(is_first, &first, sizeof first);                                                                            \
    _Pragma("GCC unroll 1") for (int k = 0; k < lanes; k++) {                                                          \
      if (is_first[k]) p[k] = v[k];                                                                                    \
    }                                                                                                                  \
  }
FNN_PARTS(f, fnn_vf, fnn_vi32, float, int32_t, FNN_VF)
FNN_PARTS(d, fnn_vd, fnn_vi64, double, int64_t, FNN_VD)
#undef FNN_PARTS
#endif

FNN_INLINE fnn_vf fnn_splatf(float x) { return x - (fnn_vf){0}; } /* - folds away, + may turn -0 to 0 */
FNN_INLINE fnn_vd fnn_splatd(double x) { return x - (fnn_vd){0}; }
/* a * b + sum in one rounding where the CPU has that instruction: an expression becomes it too, but not where
 * the compiler moves the product into another step of a loop. */
#if defined(FNN_ISA_AVX512)
FNN_INLINE fnn_vf fnn_multiply_addf(fnn_vf a, fnn_vf b, fnn_vf sum) { return _mm512_fmadd_ps(a, b, sum); }
FNN_INLINE fnn_vd fnn_multiply_addd(fnn_vd a, fnn_vd b, fnn_vd sum) { return _mm512_fmadd_pd(a, b, sum); }
#elif defined(FNN_ISA_AVX2)
FNN_INLINE fnn_vf fnn_multiply_addf(fnn_vf a, fnn_vf b, fnn_vf sum) { return _mm256_fmadd_ps(a, b, sum); }
FNN_INLINE fnn_vd fnn_multiply_addd(fnn_vd a, fnn_vd b, fnn_vd sum) { return _mm256_fmadd_pd(a, b, sum); }
#else
FNN_INLINE fnn_vf fnn_multiply_addf(fnn_vf a, fnn_vf b, fnn_vf sum) { return a * b + sum; }
FNN_INLINE fnn_vd fnn_multiply_addd(fnn_vd a, fnn_vd b, fnn_vd sum) { return a * b + sum; }
#endif
/* Whether a mask holds in any lane. Of a loop over lanes GCC takes every lane out of the vector. */
FNN_INLINE int fnn_anyf(fnn_vi32 mask) {
#if defined(FNN_ISA_AVX512)
  return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(FNN_ISA_AVX2)
  return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
  const fnn_vi64 halves = (fnn_vi64)mask;
  return (halves[0] | halves[1]) != 0;
#endif
}
FNN_INLINE int fnn_anyd(fnn_vi64 mask) { return fnn_anyf((fnn_vi32)mask); }

/* a where the mask holds, else b. Kept as loops, these become one blend by the comparison that made the mask. */
#define FNN_SELECT(name, V, M, T, MT, lanes)                                                                           \
  FNN_INLINE V name(M mask, V a, V b) {                                                                                \
    T x[lanes], y[lanes];                                                                                              \
    MT holds[lanes];                                                                                                   \
    memcpy(x, &a, sizeof x);                                                                                           \
    memcpy(y, &b, sizeof y);                                                                                           \
    memcpy(holds, &mask, sizeof holds);                                                                                \
    _Pragma("GCC unroll 1") for (int k = 0; k < lanes; k++) y[k] = holds[k] ? x[k] : y[k];                             \
    memcpy(&b, y, sizeof y);                                                                                           \
    return b;                                                                                                          \
  }
FNN_SELECT(fnn_selectf, fnn_vf, fnn_vi32, float, int32_t, FNN_VF)
FNN_SELECT(fnn_selectd, fnn_vd, fnn_vi64, double, int64_t, FNN_VD)
#undef FNN_SELECT

/* What fnn_sum_lanes and fnn_max_lanes share: v with lane k ^ half in lane k. Halves are joined, then quarters, and so
 * on: log2(lanes) steps, where a loop over lanes would be a chain of as many as there are. */
FNN_INLINE fnn_vf fnn_acrossf(fnn_vf v, int half) { return __builtin_shuffle(v, fnn_lanesf() ^ half); }
FNN_INLINE fnn_vd fnn_acrossd(fnn_vd v, int half) { return __builtin_shuffle(v, fnn_lanesd() ^ half); }

/* The lower half of a and the upper half of b; the lower half of a vector at p, twice. */
#if defined(FNN_ISA_AVX512) /* a shuffle waits for the unit that multiplies, a blend does not */
FNN_INLINE fnn_vf fnn_halvesf(fnn_vf a, fnn_vf b) { return _mm512_mask_blend_ps(0xff00, a, b); }
FNN_INLINE fnn_vd fnn_halvesd(fnn_vd a, fnn_vd b) { return _mm512_mask_blend_pd(0xf0, a, b); }
FNN_INLINE fnn_vf fnn_load_twicef(const float *p) { return _mm512_broadcast_f32x8(_mm256_loadu_ps(p)); }
FNN_INLINE fnn_vd fnn_load_twiced(const double *p) { return _mm512_broadcast_f64x4(_mm256_loadu_pd(p)); }
#else
FNN_INLINE fnn_vf fnn_halvesf(fnn_vf a, fnn_vf b) { return fnn_selectf(fnn_lanesf() < FNN_VF / 2, a, b); }
FNN_INLINE fnn_vd fnn_halvesd(fnn_vd a, fnn_vd b) { return fnn_selectd(fnn_lanesd() < FNN_VD / 2, a, b); }
FNN_INLINE fnn_vf fnn_load_twicef(const float *p) {
  return fnn_halvesf(fnn_loadf(p), fnn_acrossf(fnn_loadf(p), FNN_VF / 2));
}
FNN_INLINE fnn_vd fnn_load_twiced(const double *p) {
  return fnn_halvesd(fnn_loadd(p), fnn_acrossd(fnn_loadd(p), FNN_VD / 2));
}
#endif

FNN_INLINE float fnn_sum_lanesf(fnn_vf v) {
#pragma GCC unroll 4
  for (int half = FNN_VF / 2; half; half /= 2) v += fnn_acrossf(v, half);
  return v[0];
}
FNN_INLINE double fnn_sum_lanesd(fnn_vd v) {
#pragma GCC unroll 4
  for (int half = FNN_VD / 2; half; half /= 2) v += fnn_acrossd(v, half);
  return v[0];
}

/* The greatest lane; one that is NaN may be passed over. */
FNN_INLINE float fnn_max_lanesf(fnn_vf v) {
#pragma GCC unroll 4
  for (int half = FNN_VF / 2; half; half /= 2) {
    const fnn_vf there = fnn_acrossf(v, half);
    v = fnn_selectf(v > there, v, there);
  }
  return v[0];
}
FNN_INLINE double fnn_max_lanesd(fnn_vd v) {
#pragma GCC unroll 4
  for (int half = FNN_VD / 2; half; half /= 2) {
    const fnn_vd there = fnn_acrossd(v, half);
    v = fnn_selectd(v > there, v, there);
  }
  return v[0];
}

/* The first n lanes of v, `rest` in the others. */
FNN_INLINE fnn_vf fnn_first_lanesf(fnn_vf v, int64_t n, float rest) {
  return fnn_selectf(fnn_lanesf() < (int32_t)n, v, fnn_splatf(rest));
}
FNN_INLINE fnn_vd fnn_first_lanesd(fnn_vd v, int64_t n, double rest) {
  return fnn_selectd(fnn_lanesd() < n, v, fnn_splatd(rest));
}

/* The greater and the smaller of each pair of lanes; of a NaN and a number, the second. */
#if defined(__x86_64__) /* the compiler makes a comparison and a blend of a loop where one of the two is a constant */
#if defined(FNN_ISA_AVX512)
#define FNN_X86(name) _mm512_##name
#elif defined(FNN_ISA_AVX2)
#define FNN_X86(name) _mm256_##name
#else
#define FNN_X86(name) _mm_##name
#endif
#define FNN_PAIRS(name, V, T, lanes, op, instruction)                                                                  \
  FNN_INLINE V name(V a, V b) { return FNN_X86(instruction)(a, b); }
#else
#define FNN_PAIRS(name, V, T, lanes, op, instruction)                                                                  \
  FNN_INLINE V name(V a, V b) {                                                                                        \
    T x[lanes], y[lanes];                                                                                              \
    memcpy(x, &a, sizeof x);                                                                                           \
    memcpy(y, &b, sizeof y);                                                                                           \
    _Pragma("GCC unroll 1") for (int k = 0; k < lanes; k++) y[k] = x[k] op y[k] ? x[k] : y[k];                         \
    memcpy(&b, y, sizeof y);                                                                                           \
    return b;                                                                                                          \
  }
#endif
FNN_PAIRS(fnn_maxf, fnn_vf, float, FNN_VF, >, max_ps)
FNN_PAIRS(fnn_minf, fnn_vf, float, FNN_VF, <, min_ps)
FNN_PAIRS(fnn_maxd, fnn_vd, double, FNN_VD, >, max_pd)
FNN_PAIRS(fnn_mind, fnn_vd, double, FNN_VD, <, min_pd)
#undef FNN_PAIRS

#endif
