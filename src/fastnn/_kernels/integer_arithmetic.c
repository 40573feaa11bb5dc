/* integer_arithmetic.c: quotients of integers, rounded down, the remainders that they leave, and powers: exact for all
 * numbers of all types, 0 by 0, and modulo the width (the least number by -1 is itself), as NumPy has them. */
#include <math.h>

#include "vector.h"

enum {
  UNIT = 8192, /* elements of a unit */
  PART = 256   /* elements of a number that an array divides, and of powers that grow together */
};
enum { QUOTIENT, REMAINDER, POWER };

/* ints: [0] rows   [1] cols   [2] dtype   [3] QUOTIENT, REMAINDER or POWER
 *       [4], [5] strides of a row and a column of a in elements   [6], [7] of b; those of a column are 0 or 1
 * buffers: a, b, y (rows, cols), all of that dtype; y may be what a or b is where that has its shape. */

static int64_t pieces_of(const int64_t *ints) { return fnn_max(1, fnn_ceil_div(ints[1], UNIT)); } /* of a row */
static int64_t rows_of(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[1])); }     /* of a unit */

static void integer_arithmetic_size(const int64_t *ints, fnn_work *work) {
  const double elements = (double)ints[0] * (double)ints[1];
  work->phases = 1;
  work->units[0] = ints[1] ? fnn_ceil_div(ints[0], rows_of(ints)) * pieces_of(ints) : 0;
  work->flops = 8.0 * elements;
  work->bytes = 3.0 * elements * (double)fnn_dtype_bytes(ints[2]);
}

/* Of 8 and 16 bits by float32, of 32 by float64: the rounded quotient lies on the same side of each integer as the
 * exact one. */
#define BY_FLOATS(name, T, I, F, floor_of)                                                                             \
  FNN_INLINE void divide_##name(int64_t n, T *y, const T *a, const T *b, int is_mod) {                                 \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      const T over = a[i], under = b[i];                                                                               \
      const uint32_t floored = (uint32_t)(I)floor_of((F)over / (F)under), is_minus_one = under == (T)-1;               \
      const uint32_t quotient = is_minus_one && (T)-1 < 1 ? 0 - (uint32_t)over : floored;                              \
      y[i] = under ? (T)(is_mod ? (uint32_t)over - quotient * (uint32_t)under : quotient) : 0;                         \
    }                                                                                                                  \
  }
BY_FLOATS(i8, int8_t, int32_t, float, floorf)
BY_FLOATS(u8, uint8_t, int32_t, float, floorf)
BY_FLOATS(i16, int16_t, int32_t, float, floorf)
BY_FLOATS(u16, uint16_t, int32_t, float, floorf)
BY_FLOATS(i32, int32_t, int32_t, double, floor)
BY_FLOATS(u32, uint32_t, uint32_t, double, floor)
#undef BY_FLOATS

/* What BY_PRODUCTS does with a number of 32 bits, of whole vectors: products of even and of odd places. Returns how
 * many it did. */
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
FNN_INLINE fnn_vu32 upper_products(fnn_vu32 u, fnn_vu32 factor) {
#if defined(FNN_ISA_AVX512)
  const __m512i even = _mm512_mul_epu32((__m512i)u, (__m512i)factor);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)u, 32), (__m512i)factor);
  return (fnn_vu32)_mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
#else
  const __m256i even = _mm256_mul_epu32((__m256i)u, (__m256i)factor);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)u, 32), (__m256i)factor);
  return (fnn_vu32)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
#endif
}
FNN_INLINE int64_t divide_vectors(int64_t n, char *y, const char *a, uint32_t b, uint32_t factor, int first, int last,
                                  int is_signed, int is_below, int is_mod) {
  const fnn_vu32 zero = {0}, factors = zero + factor;
  int64_t i = 0;
  for (; i + FNN_VF <= n; i += FNN_VF) {
    fnn_vu32 over, sign = zero;
    memcpy(&over, a + i * 4, sizeof over);
    if (is_signed) sign = is_below ? (fnn_vu32)((fnn_vi32)over > 0) : (fnn_vu32)((fnn_vi32)over >> 31);
    const fnn_vu32 u = (is_below ? zero - over : over) ^ sign, t = upper_products(u, factors);
    fnn_vu32 quotient = ((((u - t) >> first) + t) >> last) ^ sign;
    if (is_mod) quotient = over - quotient * b;
    memcpy(y + i * 4, &quotient, sizeof quotient);
  }
  return i;
}
#else
FNN_INLINE int64_t divide_vectors(int64_t n, char *y, const char *a, uint32_t b, uint32_t factor, int first, int last,
                                  int is_signed, int is_below, int is_mod) {
  (void)n, (void)y, (void)a, (void)b, (void)factor, (void)first, (void)last, (void)is_signed, (void)is_below;
  return (void)is_mod, 0;
}
#endif

/* By a number: u / divisor = (t + (u - t) / 2) / 2^(bits - 1) rounded down, where t is the upper half of u factor and
 * 2^bits the first power of two that is no less than the divisor. Of b < 0 it is -a that is divided; below 0 the
 * quotient is that of the bits turned, turned back. U, I: of the bits that are multiplied, without and with a sign. */
#define BY_PRODUCTS(name, T, U, I, WIDE)                                                                               \
  FNN_INLINE T quotient_by_##name(T a, int is_below, U factor, int first, int last) {                                  \
    const I whole = (I)a;                                                                                              \
    const U turned = is_below ? (U)(0 - (U)whole) : (U)whole;                                                          \
    const U sign = (T)-1 > 1 ? (U)0 : is_below ? (U) - (whole > 0) : (U)(whole >> (sizeof(I) * 8 - 1));                \
    const U u = turned ^ sign, t = (U)((WIDE)u * factor >> (sizeof(U) * 8));                                           \
    const U half = (U)((U)(u - t) >> first), sum = (U)(t + half), quotient = (U)((U)(sum >> last) ^ sign);             \
    return (T)quotient;                                                                                                \
  }                                                                                                                    \
  FNN_INLINE void divide_by_##name(int64_t n, T *y, const T *a, T b, int is_mod) {                                     \
    const int is_below = (T)-1 < 1 && b < 1;                                                                           \
    const U divisor = (U)(is_below ? 0 - (U)b : (U)b);                                                                 \
    int bits = 0;                                                                                                      \
    while ((uint64_t)1 << bits < divisor) bits++;                                                                      \
    const U factor = (U)(((((uint64_t)1 << bits) - divisor) << sizeof(U) * 8) / divisor + 1);                          \
    const int first = bits > 0, last = bits - first;                                                                   \
    int64_t done = 0;                                                                                                  \
    if (sizeof(T) == 4)                                                                                                \
      done = is_below                                                                                                  \
        ? divide_vectors(n, (char *)y, (const char *)a, (uint32_t)b, (uint32_t)factor, first, last, 1, 1, is_mod)      \
        : divide_vectors(n, (char *)y, (const char *)a, (uint32_t)b, (uint32_t)factor, first, last, (T)-1 < 1, 0,      \
                         is_mod);                                                                                      \
    for (int64_t i = done; is_below && i < n; i++) {                                                                   \
      const T quotient = quotient_by_##name(a[i], 1, factor, first, last);                                             \
      y[i] = is_mod ? (T)((U)a[i] - (U)((U)quotient * (U)b)) : quotient;                                               \
    }                                                                                                                  \
    for (int64_t i = done; !is_below && i < n; i++) {                                                                  \
      const T quotient = quotient_by_##name(a[i], 0, factor, first, last);                                             \
      y[i] = is_mod ? (T)((U)a[i] - (U)((U)quotient * (U)b)) : quotient;                                               \
    }                                                                                                                  \
  }
BY_PRODUCTS(i8, int8_t, uint16_t, int16_t, uint32_t)
BY_PRODUCTS(u8, uint8_t, uint16_t, int16_t, uint32_t)
BY_PRODUCTS(i16, int16_t, uint16_t, int16_t, uint32_t)
BY_PRODUCTS(u16, uint16_t, uint16_t, int16_t, uint32_t)
BY_PRODUCTS(i32, int32_t, uint32_t, int32_t, uint64_t)
BY_PRODUCTS(u32, uint32_t, uint32_t, int32_t, uint64_t)
#undef BY_PRODUCTS

/* floor(u / divisor) of u up to 2^63, of numbers with and without a sign: the upper bits of a product with
 * 2^(63 + bits) / divisor, rounded up, where 2^bits is the first power of two that is no less than the divisor. */
typedef struct {
  uint64_t factor; /* 0 of 1 */
  int shift;
} reciprocal;

static reciprocal reciprocal_of(uint64_t divisor) {
  int bits = 0;
  while (bits < 64 && (unsigned __int128)1 << bits < divisor) bits++;
  if (!bits) return (reciprocal){0, 0};
  return (reciprocal){(uint64_t)((((unsigned __int128)1 << (63 + bits)) - 1) / divisor + 1), bits - 1};
}
FNN_INLINE uint64_t times_reciprocal(uint64_t u, reciprocal r) {
  return r.factor ? (uint64_t)((unsigned __int128)u * r.factor >> 64) >> r.shift : u;
}

/* Of b > 0 that of a, of b < 0 that of -a: below 0 the quotient is that of what is left of the sign's bits, turned. */
FNN_INLINE int64_t quotient_by(int64_t a, int is_below, reciprocal r) {
  const uint64_t size = is_below ? 0 - (uint64_t)a : (uint64_t)a, sign = 0 - (uint64_t)(is_below ? a > 0 : a < 0);
  return (int64_t)(times_reciprocal(size ^ sign, r) ^ sign);
}

FNN_INLINE int64_t quotient_of(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return (int64_t)(0 - (uint64_t)a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

#if defined(FNN_ISA_AVX512)
/* By float64, nearest: what that leaves is at most |b| / 2 and 2^12, of which the next quotient leaves less than |b|.
 * It is one less where that has not the sign of b. `real` is b, or 1 / b. */
FNN_INLINE __m512i quotients(__m512i a, __m512i b, __m512d real, int is_factor, __m512i *rest) {
  const __m512d wide = _mm512_cvtepi64_pd(a);
  const __m512i first = _mm512_cvtpd_epi64(is_factor ? _mm512_mul_pd(wide, real) : _mm512_div_pd(wide, real));
  const __m512i left = _mm512_sub_epi64(a, _mm512_mullo_epi64(first, b));
  const __m512d wide_left = _mm512_cvtepi64_pd(left);
  const __m512i more = _mm512_cvtpd_epi64(is_factor ? _mm512_mul_pd(wide_left, real) : _mm512_div_pd(wide_left, real));
  const __m512i last = _mm512_sub_epi64(left, _mm512_mullo_epi64(more, b)), sum = _mm512_add_epi64(first, more);
  const __mmask8 is_above = _mm512_movepi64_mask(_mm512_xor_si512(last, b)) & _mm512_test_epi64_mask(last, last);
  *rest = _mm512_mask_add_epi64(last, is_above, last, b);
  return _mm512_mask_sub_epi64(sum, is_above, sum, _mm512_set1_epi64(1));
}
#endif

FNN_INLINE void divide_i64(int64_t n, int64_t *y, const int64_t *a, const int64_t *b, int is_mod) {
  int64_t i = 0;
#if defined(FNN_ISA_AVX512)
  for (; i + 8 <= n; i += 8) {
    const __m512i over = _mm512_loadu_si512(a + i), under = _mm512_loadu_si512(b + i);
    __m512i rest, quotient = quotients(over, under, _mm512_cvtepi64_pd(under), 0, &rest);
    _mm512_storeu_si512(y + i, _mm512_maskz_mov_epi64(_mm512_test_epi64_mask(under, under), is_mod ? rest : quotient));
  }
#endif
  for (; i < n; i++) {
    const int64_t quotient = quotient_of(a[i], b[i]);
    y[i] = !is_mod ? quotient : b[i] ? (int64_t)((uint64_t)a[i] - (uint64_t)quotient * (uint64_t)b[i]) : 0;
  }
}
FNN_INLINE void divide_by_i64(int64_t n, int64_t *y, const int64_t *a, int64_t b, int is_mod) {
  const reciprocal r = reciprocal_of(b < 0 ? 0 - (uint64_t)b : (uint64_t)b);
  int64_t i = 0;
#if defined(FNN_ISA_AVX512)
  const __m512i under = _mm512_set1_epi64(b);
  for (; i + 8 <= n; i += 8) {
    __m512i rest, quotient = quotients(_mm512_loadu_si512(a + i), under, _mm512_set1_pd(1 / (double)b), 1, &rest);
    _mm512_storeu_si512(y + i, is_mod ? rest : quotient);
  }
#endif
  for (; i < n; i++) {
    const int64_t quotient = b < 0 ? quotient_by(a[i], 1, r) : quotient_by(a[i], 0, r);
    y[i] = is_mod ? (int64_t)((uint64_t)a[i] - (uint64_t)quotient * (uint64_t)b) : quotient;
  }
}
FNN_INLINE void divide_u64(int64_t n, uint64_t *y, const uint64_t *a, const uint64_t *b, int is_mod) {
  for (int64_t i = 0; i < n; i++) y[i] = !b[i] ? 0 : is_mod ? a[i] % b[i] : a[i] / b[i];
}
/* Half of a, which fits, by half of 2 b: then what is left may be one b more. */
FNN_INLINE void divide_by_u64(int64_t n, uint64_t *y, const uint64_t *a, uint64_t b, int is_mod) {
  const reciprocal r = reciprocal_of(b);
  for (int64_t i = 0; i < n; i++) {
    const uint64_t half = times_reciprocal(a[i] >> 1, r) * 2, left = a[i] - half * b, is_more = left >= b;
    y[i] = is_mod ? left - (is_more ? b : 0) : half + is_more;
  }
}

/* a^b by the bits of b, the same one of all elements of a part at a time. A power below 0 is one of the inverse, which
 * is 1, -1 or cut to 0. U multiplies without a sign: what overflows is defined then. */
#define POWERS(name, T, U)                                                                                             \
  FNN_INLINE void numbers_##name(int64_t n, T *y, const T *x, int64_t step) {                                          \
    if (step) memcpy(y, x, (size_t)n * sizeof *y);                                                                     \
    else                                                                                                               \
      for (int64_t i = 0; i < n; i++) y[i] = *x;                                                                       \
  }                                                                                                                    \
  FNN_INLINE void power_##name(int64_t n, T *y, const T *a, int64_t a_step, const T *b, int64_t b_step) {              \
    for (int64_t i = 0; i < n; i += PART) {                                                                            \
      const int64_t m = fnn_min(PART, n - i);                                                                          \
      T x[PART], p[PART];                                                                                              \
      U base[PART], left[PART], power[PART], bits = 0;                                                                 \
      numbers_##name(m, x, a + i * a_step, a_step);                                                                    \
      numbers_##name(m, p, b + i * b_step, b_step);                                                                    \
      for (int64_t k = 0; k < m; k++) {                                                                                \
        const int is_below = (T)-1 < 1 && p[k] < 1 && p[k];                                                            \
        base[k] = is_below && x[k] != 1 && x[k] != (T)-1 ? 0 : (U)x[k];                                                \
        left[k] = is_below ? 0 - (U)p[k] : (U)p[k];                                                                    \
        power[k] = 1;                                                                                                  \
        bits |= left[k];                                                                                               \
      }                                                                                                                \
      for (; bits; bits >>= 1) {                                                                                       \
        if (b_step)                                                                                                    \
          for (int64_t k = 0; k < m; k++) power[k] *= left[k] & 1 ? base[k] : 1, left[k] >>= 1;                        \
        else if (bits & 1)                                                                                             \
          for (int64_t k = 0; k < m; k++) power[k] *= base[k];                                                         \
        for (int64_t k = 0; bits > 1 && k < m; k++) base[k] *= base[k];                                                \
      }                                                                                                                \
      for (int64_t k = 0; k < m; k++) y[i + k] = (T)power[k];                                                          \
    }                                                                                                                  \
  }
POWERS(i8, int8_t, uint32_t)
POWERS(u8, uint8_t, uint32_t)
POWERS(i16, int16_t, uint32_t)
POWERS(u16, uint16_t, uint32_t)
POWERS(i32, int32_t, uint32_t)
POWERS(u32, uint32_t, uint32_t)
POWERS(i64, int64_t, uint64_t)
POWERS(u64, uint64_t, uint64_t)
#undef POWERS

/* A row, or a part of one. */
#define ROW(name, T)                                                                                                   \
  FNN_INLINE void row_##name(int64_t n, T *y, const T *a, int64_t a_step, const T *b, int64_t b_step, int is_mod) {    \
    if (!b_step && !*b) memset(y, 0, (size_t)n * sizeof *y);                                                           \
    else if (!b_step && a_step) divide_by_##name(n, y, a, *b, is_mod);                                                 \
    else if (a_step) divide_##name(n, y, a, b, is_mod);                                                                \
    else {                                                                                                             \
      T same[PART], by[PART];                                                                                          \
      for (int64_t i = 0; i < PART; i++) same[i] = *a, by[i] = *b;                                                     \
      for (int64_t i = 0; i < n; i += PART)                                                                            \
        divide_##name(fnn_min(PART, n - i), y + i, same, b_step ? b + i : by, is_mod);                                 \
    }                                                                                                                  \
  }                                                                                                                    \
  static void rows_##name(const fnn_call *call, int64_t row, int64_t rows, int64_t col, int64_t cols) {                \
    const int64_t *ints = call->ints;                                                                                  \
    for (; rows; rows--, row++) {                                                                                      \
      const T *a = (const T *)call->buf[0] + row * ints[4] + col * ints[5];                                            \
      const T *b = (const T *)call->buf[1] + row * ints[6] + col * ints[7];                                            \
      T *y = (T *)call->buf[2] + row * ints[1] + col;                                                                  \
      if (ints[3] == POWER) power_##name(cols, y, a, ints[5], b, ints[7]);                                             \
      else if (ints[3] == REMAINDER) row_##name(cols, y, a, ints[5], b, ints[7], 1);                                   \
      else row_##name(cols, y, a, ints[5], b, ints[7], 0);                                                             \
    }                                                                                                                  \
  }
#define TYPES(X)                                                                                                       \
  X(u8, uint8_t, FNN_U8) X(i8, int8_t, FNN_I8) X(u16, uint16_t, FNN_U16) X(i16, int16_t, FNN_I16)                      \
  X(u32, uint32_t, FNN_U32) X(i32, int32_t, FNN_I32) X(u64, uint64_t, FNN_U64) X(i64, int64_t, FNN_I64)
#define ROWS(name, T, code) ROW(name, T)
TYPES(ROWS)

static void integer_arithmetic(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, pieces = pieces_of(ints), step = rows_of(ints);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t row = unit / pieces * step, rows = fnn_min(step, ints[0] - row);
    const int64_t col = unit % pieces * UNIT, cols = fnn_min(UNIT, ints[1] - col);
    switch (ints[2]) {
#define CASE(name, T, code)                                                                                            \
  case code: rows_##name(call, row, rows, col, cols); break;
      TYPES(CASE)
#undef CASE
    }
  }
}

static const fnn_entry entries[] = {{"integer_arithmetic", integer_arithmetic, integer_arithmetic_size}, {0}};
const fnn_table FNN_TABLE(integer_arithmetic) = {entries, 0, 0};
