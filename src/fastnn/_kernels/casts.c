/* casts.c: arrays of numbers in another type, where nothing else is done with them: one pass, without registers. */
#include "float_casts.h"

enum { UNIT = 8192 /* elements of a unit */ };

/* ints: [0] n   [1] dtype of x   [2] of y
 * buffers: x (n), y (n), which does not overlap it
 * Integers keep their low bits, and their sign where y is wider; a bool is whether a number is not 0; what becomes a
 * float is rounded, a float that becomes an integer as to_int64 and to_uint64 have it. Halves have no integers. */

static void cast_array_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], UNIT);
  work->flops = (double)ints[0];
  work->bytes = (double)ints[0] * (double)(fnn_dtype_bytes(ints[1]) + fnn_dtype_bytes(ints[2]));
}

#define CAST(from, to, X, Y, value)                                                                                    \
  static void cast_##from##_to_##to(int64_t n, const char *source, char *target) {                                     \
    const X *restrict x = (const X *)source;                                                                           \
    Y *restrict y = (Y *)target;                                                                                       \
    for (int64_t i = 0; i < n; i++) y[i] = (Y)(value);                                                                 \
  }
#define FROM_INTEGER(from, X)                                                                                          \
  FROM_ANY(from, X)                                                                                                    \
  CAST(from, f32, X, float, x[i])                                                                                      \
  CAST(from, f64, X, double, x[i])
#define FROM_ANY(from, X)                                                                                              \
  CAST(from, bool, X, uint8_t, x[i] != 0)                                                                              \
  CAST(from, 8, X, uint8_t, x[i])                                                                                      \
  CAST(from, 16, X, uint16_t, x[i])                                                                                    \
  CAST(from, 32, X, uint32_t, x[i])                                                                                    \
  CAST(from, 64, X, uint64_t, x[i])
FROM_INTEGER(u8, uint8_t)
FROM_INTEGER(i8, int8_t)
FROM_INTEGER(u16, uint16_t)
FROM_INTEGER(i16, int16_t)
FROM_INTEGER(u32, uint32_t)
FROM_INTEGER(i32, int32_t)
FROM_INTEGER(u64, uint64_t)
#if defined(__x86_64__) && !defined(FNN_ISA_AVX512)
FROM_ANY(i64, int64_t)
#else
FROM_INTEGER(i64, int64_t)
#endif
#if defined(__x86_64__) && !defined(FNN_ISA_AVX512)
/* By vectors, for which there is no instruction: of [-2^51, 2^51) each is the last bits of a double near 1.5 * 2^52. */
#define CAST_LONG(to, Y)                                                                                               \
  static void cast_long_to_##to(int64_t n, const char *source, char *target) {                                         \
    enum { PART = 512 };                                                                                               \
    for (int64_t done = 0; done < n; done += PART) {                                                                   \
      const int64_t *restrict x = (const int64_t *)source + done, count = fnn_min(PART, n - done);                     \
      Y *restrict y = (Y *)target + done;                                                                              \
      uint64_t sizes = 0;                                                                                              \
      for (int64_t i = 0; i < count; i++) {                                                                            \
        const uint64_t bits = (uint64_t)x[i] + 0x4338000000000000;                                                     \
        double number;                                                                                                 \
        memcpy(&number, &bits, sizeof number);                                                                         \
        y[i] = (Y)(number - 0x1.8p52);                                                                                 \
        sizes |= (uint64_t)x[i] + ((uint64_t)1 << 51);                                                                 \
      }                                                                                                                \
      for (int64_t i = 0; sizes >> 52 && i < count; i++) y[i] = (Y)x[i];                                               \
    }                                                                                                                  \
  }
CAST_LONG(f32, float)
CAST_LONG(f64, double)
#undef CAST_LONG
#else
#define cast_long_to_f32 cast_i64_to_f32
#define cast_long_to_f64 cast_i64_to_f64
#endif
CAST(f32, bool, float, uint8_t, x[i] != 0)
CAST(f32, f64, float, double, x[i])
CAST(f64, bool, double, uint8_t, x[i] != 0)
CAST(f64, f32, double, float, x[i])
#undef FROM_INTEGER
#undef FROM_ANY

#define FROM_FLOAT(from, X)                                                                                            \
  INTEGERS(from, X, 8, 1, 0)                                                                                           \
  INTEGERS(from, X, 16, 2, 0)                                                                                          \
  INTEGERS(from, X, 32, 4, 0)                                                                                          \
  INTEGERS(from, X, i64, 8, 0)
#define INTEGERS(from, X, to, bytes, is_unsigned)                                                                      \
  static void cast_##from##_to_##to(int64_t n, const char *x, char *y) {                                               \
    store_integers_##from((const X *)x, y, n, bytes, is_unsigned);                                                     \
  }
#include "types_f32.h"
#include "store_integers_body.h"
FROM_FLOAT(f32, float)
#include "types_f64.h"
#include "store_integers_body.h"
FROM_FLOAT(f64, double)
#include "types_none.h"
#if defined(FNN_ISA_AVX2)
INTEGERS(f32, float, u64, 8, 1)
INTEGERS(f64, double, u64, 8, 1)
#else
CAST(f32, u64, float, uint64_t, to_uint64(x[i]))
CAST(f64, u64, double, uint64_t, to_uint64(x[i]))
#endif
#undef INTEGERS
#undef FROM_FLOAT
#undef CAST

#define HALVES_OF(half, code)                                                                                          \
  static void cast_f32_to_##half(int64_t n, const char *x, char *y) {                                                  \
    write_halves((uint16_t *)y, (const float *)x, code, n);                                                            \
  }                                                                                                                    \
  static void cast_f64_to_##half(int64_t n, const char *x, char *y) {                                                  \
    write_halves_wide((uint16_t *)y, (const double *)x, code, n);                                                      \
  }                                                                                                                    \
  static void cast_##half##_to_f32(int64_t n, const char *x, char *y) {                                                \
    read_halves((float *)y, (const uint16_t *)x, code, n);                                                             \
  }                                                                                                                    \
  static void cast_##half##_to_f64(int64_t n, const char *x, char *y) {                                                \
    read_halves_wide((double *)y, (const uint16_t *)x, code, n);                                                       \
  }
HALVES_OF(f16, FNN_F16)
HALVES_OF(bf16, FNN_BF16)
#undef HALVES_OF

typedef void cast_fn(int64_t n, const char *source, char *target);

/* NULL: there is none. */
static cast_fn *cast_of(int64_t from, int64_t to) {
#define OF(from, f32, f64)                                                                                             \
  {                                                                                                                    \
    [FNN_BOOL] = cast_##from##_to_bool, [FNN_U8] = cast_##from##_to_8, [FNN_I8] = cast_##from##_to_8,                  \
    [FNN_U16] = cast_##from##_to_16, [FNN_I16] = cast_##from##_to_16, [FNN_U32] = cast_##from##_to_32,                 \
    [FNN_I32] = cast_##from##_to_32, [FNN_U64] = cast_##from##_to_64, [FNN_I64] = cast_##from##_to_64,                 \
    [FNN_F32] = f32, [FNN_F64] = f64,                                                                                  \
  }
#define OF_INTEGER(from) OF(from, cast_##from##_to_f32, cast_##from##_to_f64)
#define OF_FLOAT(from, code, other)                                                                                    \
  {                                                                                                                    \
    [FNN_BOOL] = cast_##from##_to_bool, [FNN_U8] = cast_##from##_to_8, [FNN_I8] = cast_##from##_to_8,                  \
    [FNN_U16] = cast_##from##_to_16, [FNN_I16] = cast_##from##_to_16, [FNN_U32] = cast_##from##_to_32,                 \
    [FNN_I32] = cast_##from##_to_32, [FNN_U64] = cast_##from##_to_u64, [FNN_I64] = cast_##from##_to_i64,               \
    [code] = cast_##from##_to_##other, [FNN_F16] = cast_##from##_to_f16, [FNN_BF16] = cast_##from##_to_bf16,          \
  }
  static cast_fn *const casts[FNN_N_DTYPES][FNN_N_DTYPES] = {
    [FNN_BOOL] = OF_INTEGER(u8), [FNN_U8] = OF_INTEGER(u8), [FNN_I8] = OF_INTEGER(i8), [FNN_U16] = OF_INTEGER(u16),
    [FNN_I16] = OF_INTEGER(i16), [FNN_U32] = OF_INTEGER(u32), [FNN_I32] = OF_INTEGER(i32), [FNN_U64] = OF_INTEGER(u64),
    [FNN_I64] = OF(i64, cast_long_to_f32, cast_long_to_f64),
    [FNN_F32] = OF_FLOAT(f32, FNN_F64, f64), [FNN_F64] = OF_FLOAT(f64, FNN_F32, f32),
    [FNN_F16] = {[FNN_F32] = cast_f16_to_f32, [FNN_F64] = cast_f16_to_f64},
    [FNN_BF16] = {[FNN_F32] = cast_bf16_to_f32, [FNN_F64] = cast_bf16_to_f64}};
#undef OF
#undef OF_INTEGER
#undef OF_FLOAT
  return casts[from][to];
}

static void cast_array(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, first = begin * UNIT, n = fnn_min(ints[0], end * UNIT) - first;
  cast_fn *const cast = cast_of(ints[1], ints[2]);
  FNN_REQUIRE(cast != NULL);
  cast(n, call->buf[0] + first * fnn_dtype_bytes(ints[1]), call->buf[1] + first * fnn_dtype_bytes(ints[2]));
}

static const fnn_entry entries[] = {{"cast_array", cast_array, cast_array_size}, {0}};
const fnn_table FNN_TABLE(casts) = {entries, 0, 0};
