/* float_casts.h: floats as integers and as halves, and halves as floats, for programs and for casts of arrays. */
#ifndef FNN_FLOAT_CASTS_H
#define FNN_FLOAT_CASTS_H

#include <math.h>

#include "vector.h"

/* Casts to integers as NumPy's on x86: toward zero, then modulo the width; what does not fit in 64 bits is not
 * defined there either, and is the least int64 here. */
FNN_INLINE int64_t to_int64(double x) {
  return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}
FNN_INLINE uint64_t to_uint64(double x) {
  return x >= 9223372036854775808.0 && x < 18446744073709551616.0 ? (uint64_t)x : (uint64_t)to_int64(x);
}

/* Halves: read as float32, and made of it by rounding to the nearest, of two the even one; a NaN is a quiet one. With
 * integers alone but where float32 has a subnormal's exact value, so that flushed subnormals change nothing. */
FNN_INLINE float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
FNN_INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
FNN_INLINE float of_float16(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16, size = half & 0x7fff, is_nan = size > 0x7c00;
  const uint32_t normal = (size << 13) + (size < 0x7c00 ? 112u << 23 : 224u << 23);
  return float_of(sign | is_nan << 22 | (size < 0x400 ? bits_of((float)(int32_t)size * 0x1p-24f) : normal));
}
FNN_INLINE uint16_t to_float16(float x) {
  const uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  const uint32_t normal = (size + 0xfff + (size >> 13 & 1) - (112u << 23)) >> 13, nan = 0x7e00 | (size >> 13 & 0x3ff);
  const uint32_t small = bits_of(float_of(size) + 0.5f) - bits_of(0.5f); /* the sum's last bit is 2^-24 */
  const uint32_t finite = size < 0x38800000 ? small : size < 0x47800000 ? normal : 0x7c00;
  return (uint16_t)(sign | (size > 0x7f800000 ? nan : finite));
}
FNN_INLINE float of_bfloat16(uint16_t half) { return float_of((uint32_t)half << 16); }
FNN_INLINE uint16_t to_bfloat16(float x) {
  const uint32_t bits = bits_of(x), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return (uint16_t)(x != x ? (bits >> 16 & 0x8000) | 0x7fc0 : rounded);
}

/* The float32 from which a half is rounded as from x itself: x if it is one, else the neighbour whose last bit is 1. */
FNN_INLINE float to_odd(double x) {
  const float y = (float)x;
  const uint32_t bits = bits_of(y), below = fabs((double)y) > fabs(x);
  return float_of((double)y == x || x != x ? bits : (bits - below) | 1);
}

/* Of which all programs share the code. */
static __attribute__((noinline)) float read_half(uint16_t half, int64_t dtype) {
  return dtype == FNN_F16 ? of_float16(half) : of_bfloat16(half);
}
static __attribute__((noinline)) uint16_t write_half(float x, int64_t dtype) {
  return dtype == FNN_F16 ? to_float16(x) : to_bfloat16(x);
}
static __attribute__((noinline)) void read_halves(float *d, const uint16_t *s, int64_t dtype, int64_t n) {
  int64_t i = 0;
  if (dtype == FNN_BF16)
    for (; i < n; i++) d[i] = of_bfloat16(s[i]);
#if defined(FNN_ISA_AVX512)
  for (; i + 16 <= n; i += 16) _mm512_storeu_ps(d + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(s + i))));
#elif defined(FNN_ISA_AVX2)
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(d + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(s + i))));
#endif
  for (; i < n; i++) d[i] = of_float16(s[i]);
}
static __attribute__((noinline)) void write_halves(uint16_t *d, const float *s, int64_t dtype, int64_t n) {
  int64_t i = 0;
  if (dtype == FNN_BF16)
    for (; i < n; i++) d[i] = to_bfloat16(s[i]);
#if defined(FNN_ISA_AVX512)
  for (; i + 16 <= n; i += 16) _mm256_storeu_si256((__m256i *)(d + i), _mm512_cvtps_ph(_mm512_loadu_ps(s + i), 0));
#elif defined(FNN_ISA_AVX2)
  for (; i + 8 <= n; i += 8) _mm_storeu_si128((__m128i *)(d + i), _mm256_cvtps_ph(_mm256_loadu_ps(s + i), 0));
#endif
  for (; i < n; i++) d[i] = to_float16(s[i]);
}

#if defined(FNN_ISA_AVX512)
/* Of eight: toward zero, which leaves the neighbour whose last bit may have to be set. */
FNN_INLINE __m256 to_odd_vector(const double *s) {
  const __m512d x = _mm512_loadu_pd(s);
  const __m256i y = _mm256_castps_si256(_mm512_cvt_roundpd_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC));
  const __mmask8 is_cut = _mm512_cmp_pd_mask(_mm512_cvtps_pd(_mm256_castsi256_ps(y)), x, _CMP_NEQ_OQ);
  return _mm256_castsi256_ps(_mm256_mask_or_epi32(y, is_cut, y, _mm256_set1_epi32(1)));
}
#endif
/* d[i] = to_odd(s[i]). */
FNN_INLINE void to_odds(float *d, const double *s, int64_t n) {
  int64_t i = 0;
#if defined(FNN_ISA_AVX512)
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(d + i, to_odd_vector(s + i));
#elif defined(FNN_ISA_AVX2)
  const __m256i evens = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  for (; i + 4 <= n; i += 4) {
    const __m256d x = _mm256_loadu_pd(s + i), sign = _mm256_set1_pd(-0.0);
    const __m128i y = _mm_castps_si128(_mm256_cvtpd_ps(x));
    const __m256d back = _mm256_cvtps_pd(_mm_castsi128_ps(y));
    const __m256d is_cut = _mm256_cmp_pd(back, x, _CMP_NEQ_OQ);
    const __m256d is_below = _mm256_cmp_pd(_mm256_andnot_pd(sign, back), _mm256_andnot_pd(sign, x), _CMP_GT_OQ);
#define NARROW(mask) _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(_mm256_castpd_si256(mask), evens))
    const __m128i below = _mm_add_epi32(y, NARROW(is_below)), last = _mm_srli_epi32(NARROW(is_cut), 31);
#undef NARROW
    _mm_storeu_si128((__m128i *)(d + i), _mm_or_si128(below, last));
  }
#endif
  for (; i < n; i++) d[i] = to_odd(s[i]);
}

/* The same of doubles. */
enum { HALVES = 64 };
static __attribute__((noinline)) void read_halves_wide(double *d, const uint16_t *s, int64_t dtype, int64_t n) {
  float part[HALVES];
  for (int64_t i = 0; i < n; i += HALVES) {
    const int64_t size = fnn_min(HALVES, n - i);
    read_halves(part, s + i, dtype, size);
    for (int64_t k = 0; k < size; k++) d[i + k] = part[k];
  }
}
/* Eight doubles as float16. The bits that float32 has no place for leave one in the last place that it has, as in
 * to_odd, before it is made: exactly, where float16 is not 0 anyway. */
#if defined(FNN_ISA_AVX512)
FNN_INLINE __m128i eight_as_float16(const double *s) {
  const __m512i x = _mm512_loadu_si512(s);
  const __mmask8 is_cut = _mm512_test_epi64_mask(x, _mm512_set1_epi64(0x1fffffff));
  const __m512i odd = _mm512_mask_or_epi64(x, is_cut, x, _mm512_set1_epi64(0x20000000));
  const int toward_zero = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
  return _mm256_cvtps_ph(_mm512_cvt_roundpd_ps(_mm512_castsi512_pd(odd), toward_zero), 0);
}
#elif defined(FNN_ISA_AVX2)
FNN_INLINE __m128 four_as_odd(const double *s) {
  const __m256i x = _mm256_loadu_si256((const __m256i *)s), low = _mm256_set1_epi64x(0x1fffffff);
  const __m256i carry = _mm256_add_epi64(_mm256_and_si256(x, low), low); /* whose lower bits are taken off again */
  return _mm256_cvtpd_ps(_mm256_castsi256_pd(_mm256_andnot_si256(low, _mm256_or_si256(x, carry))));
}
FNN_INLINE __m128i eight_as_float16(const double *s) {
  return _mm256_cvtps_ph(_mm256_set_m128(four_as_odd(s + 4), four_as_odd(s)), 0);
}
FNN_INLINE __m256 eight_as_float32(const double *s) {
  return _mm256_set_m128(_mm256_cvtpd_ps(_mm256_loadu_pd(s + 4)), _mm256_cvtpd_ps(_mm256_loadu_pd(s)));
}
/* Sixteen: by float32, but where one of these may lie in the middle of two float16, as its last 12 bits are 0. */
FNN_INLINE void write_sixteen(uint16_t *d, const double *s) {
  const __m256 a = eight_as_float32(s), b = eight_as_float32(s + 8);
  const __m256i last = _mm256_set1_epi32(0xfff), none = _mm256_setzero_si256();
  const __m256i a_ends = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_castps_si256(a), last), none);
  const __m256i b_ends = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_castps_si256(b), last), none);
  const __m256i ends = _mm256_or_si256(a_ends, b_ends);
  const int is_exact = _mm256_testz_si256(ends, ends);
  _mm_storeu_si128((__m128i *)d, is_exact ? _mm256_cvtps_ph(a, 0) : eight_as_float16(s));
  _mm_storeu_si128((__m128i *)(d + 8), is_exact ? _mm256_cvtps_ph(b, 0) : eight_as_float16(s + 8));
}
#endif
static __attribute__((noinline)) void write_halves_wide(uint16_t *d, const double *s, int64_t dtype, int64_t n) {
  float part[HALVES];
  int64_t i = 0;
#if defined(FNN_ISA_AVX2)
  for (; dtype == FNN_F16 && i + 16 <= n; i += 16) write_sixteen(d + i, s + i);
#endif
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
  for (; dtype == FNN_F16 && i + 8 <= n; i += 8) _mm_storeu_si128((__m128i *)(d + i), eight_as_float16(s + i));
#endif
  for (; i < n; i += HALVES) {
    const int64_t size = fnn_min(HALVES, n - i);
    to_odds(part, s + i, size);
    write_halves(d + i, part, dtype, size);
  }
}

#endif
