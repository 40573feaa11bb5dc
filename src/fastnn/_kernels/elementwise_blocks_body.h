/* elementwise_blocks_body.h: blocks of registers in and out of buffers of any type, for elementwise_body.h. */

/* Whether a buffer of that dtype holds elements as registers have them. */
#if IS_INTEGER
FNN_INLINE int OWN(is_own)(int64_t dtype) {
  return dtype == TYPE_DTYPE || dtype == TWIN_DTYPE || (sizeof(T) == 1 && dtype == FNN_BOOL);
}
#else
FNN_INLINE int OWN(is_own)(int64_t dtype) { return dtype == TYPE_DTYPE; }
#endif

/* Whether programs of T have operands of so large elements: those of integers have none of more bits. A constant. */
FNN_INLINE int OWN(is_of)(size_t bytes) { return !IS_INTEGER || bytes <= sizeof(T); }

FNN_INLINE void OWN(fill)(int64_t n, T *d, T value) {
  for (int64_t i = 0; i < n; i++) d[i] = value;
}

/* d[r * cols + c] = s[r * row_stride]: of short rows the elements of N rows by shuffles, of others by whole vectors, of
 * which the last may reach into the next row's place. */
static void OWN(repeat_columns)(T *d, const T *s, int64_t rows, int64_t cols, int64_t row_stride) {
  const T *const end = d + rows * cols;
  int64_t r = 0;
  if (cols < N && row_stride == 1) {
    M row_of[N];
    for (int64_t j = 0; j < cols; j++)
      for (int64_t k = 0, row = j * N / cols, left = cols - j * N % cols; k < N; k++, left--) {
        if (!left) row++, left = cols;
        row_of[j][k] = (MT)row;
      }
    for (; r + N <= rows; r += N, d += N * cols) {
      const V v = FN(load)(s + r);
      for (int64_t j = 0; j < cols; j++) FN(store)(d + j * N, __builtin_shuffle(v, row_of[j]));
    }
  }
  for (; r < rows; r++, d += cols) {
    const V v = FN(splat)(s[r * row_stride]);
    int64_t c = 0;
    for (; c + N <= cols; c += N) FN(store)(d + c, v);
    if (c < cols && d + c + N <= end) FN(store)(d + c, v);
    else if (c < cols) FN(store_part)(d + c, v, cols - c);
  }
}

#if !IS_INTEGER && defined(__x86_64__) && !defined(FNN_ISA_AVX512)
/* By vectors, for which there is no instruction: of [-2^51, 2^51) each is the last bits of a double near 1.5 * 2^52. */
PLACE_1
static __attribute__((noinline)) void OWN(load_int64s)(T *d, const int64_t *s, int64_t n) {
  uint64_t sizes = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint64_t bits = (uint64_t)s[i] + 0x4338000000000000;
    double x;
    memcpy(&x, &bits, sizeof x);
    d[i] = (T)(x - 0x1.8p52);
    sizes |= (uint64_t)s[i] + ((uint64_t)1 << 51);
  }
  for (int64_t i = 0; sizes >> 52 && i < n; i++) d[i] = (T)s[i];
}
#endif

#if !IS_INTEGER && !defined(FNN_ISA_AVX512)
/* d = s, of bools, as many of them as are whole vectors: how many. Rows of tiles are short, and the compiler's own
 * loops take more at a time. A lane gets its byte out of a word with all of them. */
FNN_INLINE int64_t OWN(load_bools)(T *d, const char *s, int64_t n) {
  typedef uint8_t bytes __attribute__((vector_size(FNN_VECTOR_BYTES)));
  bytes places;
  int64_t i = 0;
  for (int k = 0; k < FNN_VECTOR_BYTES; k++) places[k] = (uint8_t)((k & 16) + k / 4);
  for (; sizeof(T) == 4 && i + N <= n; i += N) {
    uint64_t word = 0;
    memcpy(&word, s + i, N);
    const M lanes = (M)__builtin_shuffle((bytes)((fnn_vu64){0} + word), places) & 255;
    FN(store)(d + i, __builtin_convertvector(lanes, V));
  }
  return i;
}
#endif

/* load_block of a buffer of another dtype. */
APART("casts")
static __attribute__((noinline)) void OWN(load_cast)(T *d, const char *src, int64_t dtype, int64_t rows, int64_t cols,
                                                     int64_t row_stride, int64_t col_stride) {
#if !IS_INTEGER
  if (dtype == FNN_F16 || dtype == FNN_BF16) {
    for (int64_t r = 0; r < rows; r++, d += cols) {
      const uint16_t *s = (const uint16_t *)src + r * row_stride;
      if (sizeof(T) == 4 && col_stride == 1) read_halves((float *)d, s, dtype, cols);
      else if (col_stride == 1) read_halves_wide((double *)d, s, dtype, cols);
      else
        for (int64_t c = 0; c < cols; c++) d[c] = (T)read_half(s[c * col_stride], dtype);
    }
    return;
  }
#if defined(__x86_64__) && !defined(FNN_ISA_AVX512)
  if (dtype == FNN_I64 && col_stride == 1) {
    for (int64_t r = 0; r < rows; r++, d += cols) OWN(load_int64s)(d, (const int64_t *)src + r * row_stride, cols);
    return;
  }
#endif
#if !defined(FNN_ISA_AVX512)
  if (dtype == FNN_BOOL && col_stride == 1) {
    for (int64_t r = 0; r < rows; r++, d += cols)
      for (int64_t c = OWN(load_bools)(d, src + r * row_stride, cols); c < cols; c++) d[c] = (T)src[r * row_stride + c];
    return;
  }
#endif
#endif
  switch (dtype) {
#define LOAD(code, type)                                                                                               \
  case code:                                                                                                           \
    for (int64_t r = 0; OWN(is_of)(sizeof(type)) && r < rows; r++, d += cols) {                                        \
      const type *s = (const type *)src + r * row_stride;                                                              \
      if (col_stride == 1)                                                                                             \
        for (int64_t c = 0; c < cols; c++) d[c] = (T)s[c];                                                             \
      else if (col_stride == 0)                                                                                        \
        OWN(fill)(cols, d, (T)s[0]);                                                                                   \
      else                                                                                                             \
        for (int64_t c = 0; c < cols; c++) d[c] = (T)s[c * col_stride];                                                \
    }                                                                                                                  \
    break;
#if IS_INTEGER
    INTEGER_TYPES(LOAD)
#else
    ALL_TYPES(LOAD)
#endif
#undef LOAD
  }
}

#if !IS_INTEGER
/* d = s, or one number of it, for types that losses, metrics and optimizers have beside T; returns 0 for others. */
FNN_INLINE int OWN(load_run)(T *d, const char *src, int64_t dtype, int64_t n, int is_one) {
  switch (dtype) {
#define LOAD(code, type)                                                                                               \
  case code:                                                                                                           \
    if (is_one) OWN(fill)(n, d, (T)*(const type *)src);                                                                \
    else                                                                                                               \
      for (int64_t i = 0; i < n; i++) d[i] = (T)((const type *)src)[i];                                                \
    return 1;
    LOAD(FNN_F32, float)
    LOAD(FNN_F64, double)
    LOAD(FNN_I32, int32_t)
#if !defined(__x86_64__) || defined(FNN_ISA_AVX512)
    LOAD(FNN_I64, int64_t)
#else
    case FNN_I64:
      if (is_one) OWN(fill)(n, d, (T)*(const int64_t *)src);
      else OWN(load_int64s)(d, (const int64_t *)src, n);
      return 1;
#endif
#undef LOAD
  }
  return 0;
}
#endif

/* load_block of elements apart: backwards and every second to fourth by vectors, as the compiler knows the strides. */
APART("casts")
static __attribute__((noinline)) void OWN(load_apart)(T *restrict d, const T *restrict s, int64_t rows, int64_t cols,
                                                      int64_t row_stride, int64_t col_stride) {
  for (int64_t r = 0; r < rows; r++, d += cols, s += row_stride) {
    if (col_stride == -1)
      for (int64_t c = 0; c < cols; c++) d[c] = s[-c];
    else if (col_stride == 2)
      for (int64_t c = 0; c < cols; c++) d[c] = s[2 * c];
    else if (col_stride == 3)
      for (int64_t c = 0; c < cols; c++) d[c] = s[3 * c];
    else if (col_stride == 4)
      for (int64_t c = 0; c < cols; c++) d[c] = s[4 * c];
    else
      for (int64_t c = 0; c < cols; c++) d[c] = s[c * col_stride];
  }
}

/* d[r * cols + c] = (T)src[r * row_stride + c * col_stride]. What most plans read needs no code of `load_cast`. */
PLACE_1
static void OWN(load_block)(T *d, const char *src, int64_t dtype, int64_t rows, int64_t cols, int64_t row_stride,
                            int64_t col_stride) {
  if (row_stride == cols && col_stride == 1) cols *= rows, rows = 1;
  const T *s = (const T *)src;
  if (!OWN(is_own)(dtype)) {
#if !IS_INTEGER
    const int is_one = cols == 1 || !col_stride;
    if (rows == 1 && (is_one || col_stride == 1) && OWN(load_run)(d, src, dtype, cols, is_one)) return;
#endif
    OWN(load_cast)(d, src, dtype, rows, cols, row_stride, col_stride);
  } else if (!col_stride)
    OWN(repeat_columns)(d, s, rows, cols, row_stride);
  else if (col_stride == 1)
    for (int64_t r = 0; r < rows; r++, d += cols, s += row_stride)
      for (int64_t c = 0; c < cols; c++) d[c] = s[c];
  else
    OWN(load_apart)(d, s, rows, cols, row_stride, col_stride);
}

#if IS_INTEGER
#define WHOLE(x) (x)
#else
#define WHOLE(x) to_int64(x)
#include "store_integers_body.h"
#endif

/* store_block to a buffer of another dtype. */
APART("casts")
static __attribute__((noinline)) void OWN(store_cast)(const T *a, char *dst, int64_t dtype, int64_t rows, int64_t cols,
                                                      int64_t row_stride, int64_t col_stride) {
#if !IS_INTEGER
  if (col_stride == 1)
    switch (dtype) {
#define STORE(bytes, is_unsigned)                                                                                      \
  for (int64_t r = 0; r < rows; r++)                                                                                   \
    OWN(store_integers)(a + r * cols, dst + r * row_stride * bytes, cols, bytes, is_unsigned);                         \
  return;
      case FNN_U8:
      case FNN_I8: STORE(1, 0)
      case FNN_U16:
      case FNN_I16: STORE(2, 0)
      case FNN_U32:
      case FNN_I32: STORE(4, 0)
      case FNN_I64: STORE(8, 0)
#if defined(FNN_ISA_AVX2)
      case FNN_U64: STORE(8, 1)
#endif
#undef STORE
    }
  if (dtype == FNN_F16 || dtype == FNN_BF16) {
    for (int64_t r = 0; r < rows; r++, a += cols) {
      uint16_t *d = (uint16_t *)dst + r * row_stride;
      if (sizeof(T) == 4 && col_stride == 1) write_halves(d, (const float *)a, dtype, cols);
      else if (col_stride == 1) write_halves_wide(d, (const double *)a, dtype, cols);
      else
        for (int64_t c = 0; c < cols; c++) d[c * col_stride] = write_half(to_odd(a[c]), dtype);
    }
    return;
  }
#endif
  switch (dtype) {
#define STORE(code, type, convert)                                                                                     \
  case code:                                                                                                           \
    for (int64_t r = 0; OWN(is_of)(sizeof(type)) && r < rows; r++, a += cols) {                                        \
      type *d = (type *)dst + r * row_stride;                                                                          \
      if (col_stride == 1)                                                                                             \
        for (int64_t c = 0; c < cols; c++) d[c] = (type)convert(a[c]);                                                 \
      else                                                                                                             \
        for (int64_t c = 0; c < cols; c++) d[c * col_stride] = (type)convert(a[c]);                                    \
    }                                                                                                                  \
    break;
#define NONZERO(x) ((x) != 0)
#ifdef STORE_TRUTHS
    case FNN_BOOL:
      for (int64_t r = 0; r < rows; r++, a += cols) {
        uint8_t *d = (uint8_t *)dst + r * row_stride;
        const V zero = {0};
        if (col_stride == 1) OWN(truths_not_equal_1)(cols, d, a, (const T *)&zero);
        else
          for (int64_t c = 0; c < cols; c++) d[c * col_stride] = NONZERO(a[c]);
      }
      break;
#else
    STORE(FNN_BOOL, uint8_t, NONZERO)
#endif
    STORE(FNN_U8, uint8_t, WHOLE)
    STORE(FNN_I8, int8_t, WHOLE)
    STORE(FNN_U16, uint16_t, WHOLE)
    STORE(FNN_I16, int16_t, WHOLE)
    STORE(FNN_I32, int32_t, WHOLE)
    STORE(FNN_U32, uint32_t, WHOLE)
    STORE(FNN_I64, int64_t, WHOLE)
#if IS_INTEGER
    STORE(FNN_U64, uint64_t, WHOLE)
#else
    STORE(FNN_U64, uint64_t, to_uint64)
    STORE(FNN_F32, float, )
    STORE(FNN_F64, double, )
#endif
#undef STORE
#undef NONZERO
#undef WHOLE
  }
}

/* dst[r * row_stride + c * col_stride] = a[r * cols + c], as that dtype. */
PLACE_1
static void OWN(store_block)(const T *a, char *dst, int64_t dtype, int64_t rows, int64_t cols, int64_t row_stride,
                             int64_t col_stride) {
  if (row_stride == cols && col_stride == 1) cols *= rows, rows = 1;
  T *d = (T *)dst;
  if (!OWN(is_own)(dtype) || dtype == FNN_BOOL) {
#if !IS_INTEGER
    if (rows == 1 && cols == 1 && dtype != FNN_F16 && dtype != FNN_BF16) {
      store_scalar(dst, dtype, (double)a[0]);
      return;
    }
#endif
    OWN(store_cast)(a, dst, dtype, rows, cols, row_stride, col_stride);
  } else if (col_stride == 1)
    for (int64_t r = 0; r < rows; r++, a += cols, d += row_stride)
      for (int64_t c = 0; c < cols; c++) d[c] = a[c];
  else
    for (int64_t r = 0; r < rows; r++, a += cols, d += row_stride)
      for (int64_t c = 0; c < cols; c++) d[c * col_stride] = a[c];
}

/* The same past the caches, where vectors of dst are whole. */
static void OWN(stream_block)(const T *a, T *dst, int64_t n) {
  int64_t i = 0;
  for (; i + N <= n; i += N) FN(stream)(dst + i, FN(load)(a + i));
  if (i < n) FN(store_part)(dst + i, FN(load_part)(a + i, n - i), n - i);
}
