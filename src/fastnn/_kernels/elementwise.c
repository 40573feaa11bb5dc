/* elementwise.c: programs of elementwise operations, the opcodes they are made of, and the kernel that runs one
 * over an N-d space with reductions.
 *
 * To add an operation: a vector body in opcodes_body.h (or vmath*.h) for both types, and its name in one of the lists
 * here. Names are those of the op records in fastnn/ops; a test compares the two. */
#include "caches.h"
#include "float_casts.h"
#include "integers.h"
#include "program.h"
#include "vmath_gates.h"
#include "vmath_rare.h"

/* Whether it is worth asking ahead for what a long update writes where it was read: Intel's CPUs wait for these lines;
 * AMD's see such streams by themselves, and what is asked for beside them is in the way. */
static int is_asked_in_place(void) {
#if defined(__x86_64__)
  return __builtin_cpu_is("intel") != 0;
#else
  return 0;
#endif
}

/* X(name): of floats and of integers, which come first, so that both count them alike: one input, two inputs with
 * variants in which the first or the second is a scalar, and three with variants for every set of scalars but all. */
#define ANY_UNARY_OPS(X) X(cast) X(negative) X(abs) X(sign) X(square) X(logical_not)
#define ANY_BINARY_OPS(X) X(add) X(subtract) X(multiply) X(maximum) X(minimum)
#define ANY_TRUTHS2(X)                                                                                                 \
  X(greater, less) X(greater_equal, less_equal) X(less, greater) X(less_equal, greater_equal) X(equal, equal)          \
  X(not_equal, not_equal) X(logical_and, logical_and) X(logical_or, logical_or) X(logical_xor, logical_xor)
#define ANY_TERNARY_OPS(X) X(where) X(clip)

/* Of integers alone: of one input, and of two, with variants for scalars and without. */
#define BITWISE_NOT(X) X(bitwise_not)
#define BITWISE_OPS(X) X(bitwise_and) X(bitwise_or) X(bitwise_xor)
#define OTHER_OPS(X)                                                                                                   \
  X(other_maximum) X(other_minimum) X(other_greater) X(other_greater_equal) X(other_less) X(other_less_equal)
#define OTHER_TERNARY_OPS(X) X(other_clip)
#define SHIFT_OPS(X) X(left_shift) X(right_shift) X(other_right_shift)

/* The same of floats alone. */
#define UNARY_OPS(X)                                                                                                   \
  X(sqrt) X(rsqrt) X(reciprocal) X(floor) X(ceil) X(round) X(trunc) X(relu) X(isnan) X(isinf) X(isfinite) X(relu6)     \
  X(round_to_float16) X(round_to_bfloat16)
#define BINARY_OPS(X) X(divide) X(divide_no_nan) X(relu_grad) X(add_relu)
#define TERNARY_OPS(X) X(multiply_add) X(subtract_product) X(lerp) X(lerp_square) X(divide_by_root)

/* Truths among them, which are mostly stored as bools: of one input, X(name), and of two, X(name, that of b and a). */
#define ANY_TRUTHS1(X) X(logical_not)
#define OTHER_TRUTHS2(X)                                                                                               \
  X(other_greater, other_less) X(other_greater_equal, other_less_equal) X(other_less, other_greater)                   \
  X(other_less_equal, other_greater_equal)
#define FLOAT_TRUTHS(X) X(isnan) X(isinf) X(isfinite)

/* Of two inputs, of which one may be a number a row: of a mean that is subtracted, a weight, a norm. */
#define BY_COLUMN_OPS(X) X(add) X(subtract) X(multiply) X(divide)

/* Vectors of a slow operation that are worked on at once. Each is a chain of operations that wait for each other, of
 * which the CPU keeps too few in mind to find enough that need not. ONE: its body is a function, which keeps none. */
enum { TWO = 2, FOUR = FNN_VECTOR_BYTES == 64 ? 4 : 2, EIGHT = FNN_VECTOR_BYTES == 64 ? 8 : 2, MOST_AT_ONCE = 8 };
enum { ONE = 1, POWER = FOUR }; /* in places of their own */

/* X(name, vectors at once): of one input and slow: arithmetic takes longer than memory. */
#define SLOW_UNARY_OPS(X)                                                                                              \
  X(exp, FOUR) X(expm1, FOUR) X(log, FOUR) X(log1p, FOUR) X(log2, FOUR) X(log10, FOUR) X(tanh, FOUR)                   \
  X(sigmoid, EIGHT) X(erf, FOUR) X(softplus, FOUR) X(exact_gelu, FOUR) X(gelu, EIGHT) X(mish, FOUR) X(arcsin, ONE)     \
  X(arccos, ONE) X(arctan, TWO) X(sinh, ONE) X(cosh, ONE) X(arcsinh, ONE) X(arccosh, ONE) X(arctanh, ONE)              \
  X(exp2, TWO) X(cbrt, TWO) X(real_angle, ONE) X(erfc, TWO) X(erfinv, ONE)

/* X(name, call, vectors at once): such that are quick but of rare numbers, fnn_quick_call of vmath.h. */
#define QUICK_UNARY_OPS(X) X(sin, sin, TWO) X(cos, cos, TWO) X(tan, tan, TWO)
#if defined(FNN_ISA_AVX512)
#define QUICK_BINARY_OPS(X) X(hypot, hypot, TWO) X(power, pow, POWER)
#define SLOW_POWER(X)
#else
#define QUICK_BINARY_OPS(X) X(hypot, hypot, TWO)
#define SLOW_POWER(X) X(power, POWER)
#endif

/* Of two inputs, so slow that a scalar may as well be copied to a block. */
#define SLOW_BINARY_OPS(X)                                                                                             \
  SLOW_POWER(X) X(floor_divide, TWO) X(mod, TWO) X(arctan2, TWO) X(nextafter, ONE) X(fill_nan, ONE) X(fmax, ONE)       \
  X(fmin, ONE) X(ldexp, TWO) X(logaddexp, TWO) X(multiply_sigmoid, FOUR) X(sigmoid_tanh, FOUR) X(add_gelu, EIGHT)      \
  X(exact_gelu_grad, FOUR) X(gelu_grad, FOUR) X(mish_grad, FOUR)

/* X(name, inputs, scalars): with a variant in which the inputs `scalars` (bit k: input k) are, as they are in
 * optimizers, polynomials and activations. */
#define LONG_OPS(X)                                                                                                    \
  X(add_products, 4, 10) X(subtract_products, 4, 10) X(step_by_root, 5, 20) X(step_by_root_of_sum, 5, 20)              \
  X(horner, 4, 10) X(horner3, 5, 26) X(horner4, 6, 58) X(where_greater, 4, 14) X(clip_line, 5, 30) X(hard_gate, 5, 30)

#define OPCODE_NAME(name, ...) #name,
static const char *const opcode_names[] = {
  "store", ANY_UNARY_OPS(OPCODE_NAME) ANY_BINARY_OPS(OPCODE_NAME) ANY_TRUTHS2(OPCODE_NAME) ANY_TERNARY_OPS(OPCODE_NAME)
  BITWISE_NOT(OPCODE_NAME) BITWISE_OPS(OPCODE_NAME) OTHER_OPS(OPCODE_NAME) OTHER_TERNARY_OPS(OPCODE_NAME)
  SHIFT_OPS(OPCODE_NAME)
  UNARY_OPS(OPCODE_NAME) SLOW_UNARY_OPS(OPCODE_NAME) QUICK_UNARY_OPS(OPCODE_NAME)
  BINARY_OPS(OPCODE_NAME) QUICK_BINARY_OPS(OPCODE_NAME) SLOW_BINARY_OPS(OPCODE_NAME)
  TERNARY_OPS(OPCODE_NAME) LONG_OPS(OPCODE_NAME) 0};

/* The first elements of an array, as arguments. */
#define FIRST1(x) x[0]
#define FIRST2(x) FIRST1(x), x[1]
#define FIRST3(x) FIRST2(x), x[2]
#define FIRST4(x) FIRST3(x), x[3]
#define FIRST5(x) FIRST4(x), x[4]
#define FIRST6(x) FIRST5(x), x[5]

enum {
  MAX_DIMS = 6,
  UNIT = 8192 /* elements of a unit of work: 32 KiB of float32 an operand, some microseconds */
};

/* X(dtype, C type). */
#define SHORT_TYPES(X)                                                                                                 \
  X(FNN_BOOL, uint8_t) X(FNN_U8, uint8_t) X(FNN_I8, int8_t) X(FNN_U16, uint16_t) X(FNN_I16, int16_t) X(FNN_I32, int32_t)
#define INTEGER_TYPES(X) SHORT_TYPES(X) X(FNN_U32, uint32_t) X(FNN_U64, uint64_t) X(FNN_I64, int64_t)
#define ALL_TYPES(X) INTEGER_TYPES(X) X(FNN_F32, float) X(FNN_F64, double)

/* Stores of truths: a vector of 1 where a mask holds, else 0. Packing goes by 128 bits of the sources. */
#if defined(FNN_ISA_AVX512)
/* Comparisons as bits: of one as a vector the compiler makes bits, that vector, and bits of it again. Numbers of the
 * comparisons are those of integers and of floats alike. */
#define COMPARISON(name, V, W, B, lanes, number)                                                                       \
  FNN_INLINE B name(V a, V b) { return _mm512_cmp_##lanes##_mask((W)a, (W)b, number); }
#define COMPARISONS(prefix, suffix, V, W, B, lanes)                                                                    \
  COMPARISON(fnn_##prefix##less_bits##suffix, V, W, B, lanes, 1)                                                       \
  COMPARISON(fnn_##prefix##less_equal_bits##suffix, V, W, B, lanes, 2)
#define ALL_COMPARISONS(suffix, V, W, B, lanes)                                                                        \
  typedef B fnn_truth_bits##suffix;                                                                                    \
  COMPARISON(fnn_equal_bits##suffix, V, W, B, lanes, 0)                                                                \
  COMPARISON(fnn_not_equal_bits##suffix, V, W, B, lanes, 4)                                                            \
  COMPARISONS(, suffix, V, W, B, lanes)
ALL_COMPARISONS(f, fnn_vf, __m512, __mmask16, ps)
ALL_COMPARISONS(d, fnn_vd, __m512d, __mmask8, pd)
ALL_COMPARISONS(l, fnn_vi64, __m512i, __mmask8, epi64)
ALL_COMPARISONS(i, fnn_vi32, __m512i, __mmask16, epi32)
ALL_COMPARISONS(s, fnn_vi16, __m512i, __mmask32, epi16)
COMPARISONS(other_, l, fnn_vi64, __m512i, __mmask8, epu64)
COMPARISONS(other_, i, fnn_vi32, __m512i, __mmask16, epu32)
COMPARISONS(other_, s, fnn_vi16, __m512i, __mmask32, epu16)
#undef COMPARISON
#undef COMPARISONS
#undef ALL_COMPARISONS
FNN_INLINE void store_bits(uint8_t *d, __mmask64 bits) {
  _mm512_storeu_si512(d, _mm512_maskz_mov_epi8(bits, _mm512_set1_epi8(1)));
}
FNN_INLINE void store_truths(uint8_t *d, const __mmask16 *m) {
  store_bits(d, _mm512_kunpackd(_mm512_kunpackw(m[3], m[2]), _mm512_kunpackw(m[1], m[0])));
}
FNN_INLINE void store_wide_truths(uint8_t *d, const __mmask8 *holds) {
  __mmask16 m[4];
  for (int k = 0; k < 4; k++) m[k] = _mm512_kunpackb(holds[2 * k + 1], holds[2 * k]);
  store_truths(d, m);
}
FNN_INLINE void store_short_truths(uint8_t *d, const __mmask32 *m) { store_bits(d, _mm512_kunpackd(m[1], m[0])); }
/* The vector at p, from four loads: of an array that begins at byte 16 of a line, as NumPy's large ones do, no 16 bytes
 * are in two lines, but every second half of a vector is. Two arrays of 8-byte numbers are as fast by whole ones. */
FNN_INLINE __m256i load_two(const __m128i *p) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(p)), _mm_loadu_si128(p + 1), 1);
}
FNN_INLINE __m512i load_quarters(const void *p) {
  const __m128i *from = p;
  return _mm512_inserti64x4(_mm512_castsi256_si512(load_two(from)), load_two(from + 2), 1);
}
#define LOAD_COMPARED(p)                                                                                               \
  (N >= FNN_VF ? (V)load_quarters(p) : has_number ? FNN_LOAD_STREAM(V, FN(load), p) : FN(load)(p))
#elif defined(__x86_64__)
enum { PARTS = FNN_VECTOR_BYTES / 16 };
typedef long long whole __attribute__((vector_size(FNN_VECTOR_BYTES)));
FNN_INLINE void store_truths(uint8_t *d, const fnn_vi32 *holds) {
  const fnn_vi32 number = fnn_lanesf(), order = number % PARTS * 4 + number / PARTS;
  const whole low = FNN_X86(packs_epi32)((whole)holds[0], (whole)holds[1]);
  const whole high = FNN_X86(packs_epi32)((whole)holds[2], (whole)holds[3]);
  fnn_storeb(d, (fnn_vu8)__builtin_shuffle((fnn_vi32)FNN_X86(packs_epi16)(low, high), order) & 1);
}
/* Packing takes a mask of 64 bits to one of 8. */
FNN_INLINE void store_wide_truths(uint8_t *d, const fnn_vi64 *holds) {
  typedef int16_t pairs __attribute__((vector_size(FNN_VECTOR_BYTES)));
  pairs order;
  for (int k = 0; k < FNN_VECTOR_BYTES / 2; k++) order[k] = (int16_t)(k % PARTS * 8 + k / PARTS);
  whole v[4];
  for (int k = 0; k < 4; k++) v[k] = FNN_X86(packs_epi32)((whole)holds[2 * k], (whole)holds[2 * k + 1]);
  const whole low = FNN_X86(packs_epi32)(v[0], v[1]), high = FNN_X86(packs_epi32)(v[2], v[3]);
  fnn_storeb(d, (fnn_vu8)__builtin_shuffle((pairs)FNN_X86(packs_epi16)(low, high), order) & 1);
}
FNN_INLINE void store_short_truths(uint8_t *d, const fnn_vi16 *holds) {
  whole packed = FNN_X86(packs_epi16)((whole)holds[0], (whole)holds[1]);
#if defined(FNN_ISA_AVX2)
  packed = (whole)_mm256_permute4x64_epi64((__m256i)packed, 0xd8);
#endif
  fnn_storeb(d, (fnn_vu8)packed & 1);
}
#else
FNN_INLINE void store_short_truths(uint8_t *d, const fnn_vi16 *holds) {
  for (int k = 0; k < FNN_VECTOR_BYTES; k++) d[k] = holds[k / (FNN_VECTOR_BYTES / 2)][k % (FNN_VECTOR_BYTES / 2)] != 0;
}
FNN_INLINE void store_truths(uint8_t *d, const fnn_vi32 *holds) {
  for (int k = 0; k < FNN_VECTOR_BYTES; k++) d[k] = holds[k / FNN_VF][k % FNN_VF] != 0;
}
FNN_INLINE void store_wide_truths(uint8_t *d, const fnn_vi64 *holds) {
  for (int k = 0; k < FNN_VECTOR_BYTES; k++) d[k] = holds[k / FNN_VD][k % FNN_VD] != 0;
}
#endif
#ifndef LOAD_COMPARED
#define LOAD_COMPARED(p) FN(load)(p)
#endif

enum { OF_ROWS = 4 };

/* How the fused kernel's space is cut: a unit is a tile of rows by columns of one outer index, or all of several. */
typedef struct {
  int64_t outer, rows, cols;    /* the space */
  int64_t tile_rows, tile_cols; /* of a unit */
  int64_t row_tiles, col_tiles; /* of one outer index */
  int64_t group;                /* outer indices of a unit, 1 unless an outer index is a single tile */
  int64_t units;
} tiling;

FNN_COMMON
static tiling tile_space(int64_t outer, int64_t rows, int64_t cols) {
  tiling t = {.outer = outer, .rows = rows, .cols = cols, .tile_rows = 1, .tile_cols = cols, .group = 1};
  if (!outer || !rows || !cols) return t;
  if (cols >= UNIT) t.tile_cols = UNIT;
  else t.tile_rows = fnn_min(rows, UNIT / cols);
  t.row_tiles = fnn_ceil_div(rows, t.tile_rows);
  t.col_tiles = fnn_ceil_div(cols, t.tile_cols);
  int64_t tiles = t.row_tiles * t.col_tiles;
  if (tiles == 1) t.group = fnn_max(1, UNIT / (rows * cols));
  t.units = fnn_ceil_div(outer, t.group) * tiles;
  return t;
}

static int64_t outer_size(const int64_t *ints) {
  int64_t n = 1;
  for (int64_t d = 0; d < ints[2]; d++) n *= ints[6 + d];
  return n;
}

/* Bytes that a program reads and writes in its space. A broadcast operand stays in cache: it counts what it holds. */
static double space_bytes(const int64_t *program, const tiling *t) {
  double bytes = 0;
  for (int64_t k = 0; k < program[0]; k++) {
    const int64_t *operand = fnn_program_operand(program, k);
    if (operand[0] < 0) continue;
    double rows = operand[2] ? (double)t->rows : 1, cols = operand[3] ? (double)t->cols : 1;
    bytes += rows * cols * (double)t->outer * (double)fnn_dtype_bytes(operand[1]);
  }
  return bytes;
}

/* What a program in a space of its own reads and writes is far where it is more than this: FNN_FAR_BYTES, or 7/8 of the
 * last cache if that is more; of a cache larger than 32 MiB as of that, as others work there too. */
static double far_bytes(void) {
  return (double)fnn_max(FNN_FAR_BYTES, fnn_min(fnn_cache_bytes(3), 2 * FNN_FAR_BYTES) / 8 * 7);
}

FNN_COMMON
static void fused_size(const int64_t *ints, fnn_work *work, int64_t element_bytes) {
  const int64_t *a = ints + ints[0], *b = ints[1] ? ints + ints[1] : 0;
  int64_t reductions = ints[5];
  const int64_t *kinds = ints + 6 + ints[2] * (1 + a[0]);
  int is_whole = 0; /* whether a reduction is of the whole space */
  for (int64_t k = 0; k < reductions; k++) is_whole |= kinds[4 * k] < OF_ROWS;
  tiling t = tile_space(outer_size(ints), ints[3], ints[4]);
  double elements = (double)t.outer * (double)t.rows * (double)t.cols;
  work->phases = is_whole || b ? 2 : 1;
  work->units[0] = t.units;
  work->units[1] = 1;
  work->scratch_bytes = fnn_program_scratch(a, element_bytes);
  if (b) work->scratch_bytes = fnn_max(work->scratch_bytes, fnn_program_scratch(b, element_bytes));
  work->memo_bytes = fnn_program_memo(a) + (b ? fnn_program_memo(b) : 0);
  work->shared_bytes = t.units * reductions * (int64_t)sizeof(double);
  work->flops = elements * (double)(a[1] + reductions);
  work->bytes = space_bytes(a, &t);
}

/* Reductions: 0 sum, 1 max, 2 min; of each row by itself OF_ROWS more. NaN wins. */
static double reduce_start(int64_t kind) { return kind == 0 ? 0.0 : kind == 1 ? -INFINITY : INFINITY; }
static double reduce_step(int64_t kind, double a, double b) {
  if (kind == 0) return a + b;
  return (kind == 1 ? a > b : a < b) || a != a ? a : b;
}

FNN_COMMON
static void store_scalar(char *p, int64_t dtype, double x) {
  switch (dtype) {
    case FNN_F64: *(double *)p = x; return;
    case FNN_F32: *(float *)p = (float)x; return;
    case FNN_BOOL: *(uint8_t *)p = x != 0; return;
    case FNN_U64: *(uint64_t *)p = to_uint64(x); return;
  }
  int64_t i = to_int64(x);
  memcpy(p, &i, (size_t)fnn_dtype_bytes(dtype)); /* little-endian: the low bytes come first */
}

/* U: the vector in which sums and products are taken. Those of integers wrap around there. */
#define U V
#define IS_INTEGER 0
#include "types_f32.h"
#define STORE_TRUTHS store_truths
#define PLACE_SLOW FNN_COMMON
#define PLACE_POWER APART("slow")
#include "opcodes_body.h"
#include "elementwise_body.h"
#include "types_f64.h"
#undef STORE_TRUTHS
#define STORE_TRUTHS store_wide_truths
#undef PLACE_SLOW
#undef PLACE_POWER
#define PLACE_SLOW APART("slow")
#define PLACE_POWER FNN_COMMON /* which optimizers run */
#include "opcodes_body.h"
#include "elementwise_body.h"
#include "types_i64.h"
#define HAS_SHIFTS
#include "opcodes_body.h"
#include "elementwise_body.h"
#include "types_i32.h"
#undef STORE_TRUTHS
#define STORE_TRUTHS store_truths
#include "opcodes_body.h"
#include "elementwise_body.h"
#undef HAS_SHIFTS
#define NO_STREAMS /* less code: what goes past the caches is copied from scratch */
#include "types_i16.h"
#undef STORE_TRUTHS
#define STORE_TRUTHS store_short_truths
#include "opcodes_body.h"
#include "elementwise_body.h"
#undef NO_STREAMS
#include "types_u8.h"
#undef STORE_TRUTHS /* bools are its own numbers */
#include "opcodes_body.h"
#include "elementwise_body.h"

FNN_COMMON
static void fused_size_f32(const int64_t *ints, fnn_work *work) { fused_size(ints, work, sizeof(float)); }
FNN_COMMON
static void fused_size_f64(const int64_t *ints, fnn_work *work) { fused_size(ints, work, sizeof(double)); }

static fnn_program_fn *const programs[] = {run_program_f32, run_program_f64};
static const fnn_entry entries[] = {
  {"fused_f32", fused_f32, fused_size_f32}, {"fused_f64", fused_f64, fused_size_f64},
  {"fused_i64", fused_units_i64, fused_size_f64}, {"fused_i32", fused_units_i32, fused_size_f32},
  {"fused_i16", fused_units_i16, fused_size_f32}, {"fused_u8", fused_units_u8, fused_size_f32}, {0}};
const fnn_table FNN_TABLE(elementwise) = {entries, programs, opcode_names};
