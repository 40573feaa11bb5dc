/* reduce.c: reductions over any axes, positions of extremes, the largest of rows, running sums and products.
 *
 * Rows are taken by vectors, the rest by plain loops, both over fixed numbers of lanes: the same lanes on every
 * instruction set, so a sum has the same bits on all of them. A body is compiled for each type, T with totals in ACC.
 *
 * Accuracy of sums and products: partial results in T over at most RUN = 1024 elements a lane-group (row reductions) or
 * RUN_ROWS = 64 rows (column reductions), totals in float64. The error of a float32 sum is below 33 eps of the sum of
 * magnitudes, whatever its length (that of a float64 sum grows with the number of totals). */
#include "vector.h"

#include <math.h>

enum { SUM, PROD, MAX, MIN };

enum {
  UNIT = 16384,   /* elements of a unit of work */
  FEW_UNITS = 16, /* with fewer outputs than this many units, the reduced range is split and combined in phase 1 */
  WIDTH = 256,    /* outputs that a loop along an axis does at once */
  WIDEST = 2048,  /* that a column reduction does at once: whole rows, as memory likes them, with 24 KiB of sums */
  RUN = 1024,
  RUN_ROWS = 64,
  DECIDING = 16384, /* bools of a row after which any and all ask whether it is decided: a fraction of a microsecond */
  PAIRED = 8,     /* of more rows two are put together before they join the others */
  LANES_BYTES = 128,
  SOME_COLUMNS = 128, /* of rows of at most so many the sums stay in registers for RUN_ROWS rows */
  AHEAD = 8192,   /* bytes that rows of over AHEAD_FROM elements are asked for ahead: CPUs do it late for short rows */
  ASKED_ROW = 1536, /* bytes of rows from which on CPUs see them by themselves: asking is work for nothing there */
  AHEAD_FROM = 65536,
  AHEAD_FAR = 262144, /* rows of so many, which no second cache holds: twice as far, and to that one */
  FAR_BLOCK = 1 << 14, /* elements of all rows of an output: of so many at most the next one's are asked for */
  FAR = 3 << 20,  /* elements: on more pages than CPUs know the places of, which they do not fetch ahead from then */
  SEGMENTS = 32,  /* at most this many sets of totals of a column reduction are kept, each of RUN_ROWS rows or more */
  MAX_DIMS = 8
};

/* What a reduction's ints say: inner run of outputs, then the dimensions that are kept and that are reduced.
 *
 * ints: [0] cols   [1] n_kept   [2] n_reduced (at least 1)   then sizes and strides of the kept dimensions, sizes and
 *       strides of the reduced ones, all in elements, outermost first.
 * cols is the number of outputs that lie next to each other both in the input and in the output: the size of the last
 * dimension if that is kept, else 1. The last reduced dimension has stride cols; more where it is the only one, no
 * other is kept and cols are more than half the lanes: the input's rows have gaps then. */
typedef struct {
  int64_t cols, n_kept, n_reduced;
  const int64_t *kept_sizes, *kept_strides, *sizes, *strides;
  int64_t kept, reduced; /* products: outputs / cols; elements of each output */
  int64_t width, chunks; /* columns of a unit, units to cover them */
  int64_t group;         /* kept indices of a unit */
  int64_t segment, segments; /* reduced elements of a unit, units to cover them */
  int64_t units;
  int64_t ahead;         /* bytes: where what a row will read is asked for */
  int is_far;            /* rows by columns are asked for */
  int asks_next;         /* few rows ask for the next output's */
} space;

static const space ALONE = {0}; /* of one output, whose first element is at 0, and which has room for all lanes */

static int64_t product(const int64_t *sizes, int64_t n) {
  int64_t p = 1;
  for (int64_t k = 0; k < n; k++) p *= sizes[k];
  return p;
}

static space read_space(const int64_t *ints) {
  space s = {.cols = ints[0], .n_kept = ints[1], .n_reduced = ints[2], .kept_sizes = ints + 3};
  s.kept_strides = s.kept_sizes + s.n_kept;
  s.sizes = s.kept_strides + s.n_kept;
  s.strides = s.sizes + s.n_reduced;
  FNN_REQUIRE(s.n_reduced >= 1 && s.n_kept <= MAX_DIMS && s.n_reduced <= MAX_DIMS);
  s.kept = product(s.kept_sizes, s.n_kept);
  s.reduced = product(s.sizes, s.n_reduced);
  s.width = fnn_min(s.cols, WIDEST);
  s.chunks = s.cols ? fnn_ceil_div(s.cols, s.width) : 0;
  s.group = 1;
  s.segment = fnn_max(s.reduced, 1);
  s.segments = 1;
  int64_t elements = fnn_max(s.reduced * s.width, 1);
  if (elements < UNIT) {
    if (s.chunks == 1) s.group = UNIT / elements;
  } else if (s.kept * s.chunks < FEW_UNITS) {
    s.segment = fnn_max(1, UNIT / s.width);
    if (s.cols > 1) s.segment = fnn_max(fnn_max(s.segment, RUN_ROWS), fnn_ceil_div(s.reduced, SEGMENTS));
    s.segments = fnn_ceil_div(s.reduced, s.segment);
  }
  s.units = fnn_ceil_div(s.kept, s.group) * s.chunks * s.segments;
  const int64_t all = s.kept * s.cols * s.reduced;
  s.ahead = all >= AHEAD_FAR ? 2 * AHEAD : all > AHEAD_FROM ? AHEAD : 0;
  s.is_far = all >= FAR;
  s.asks_next = s.is_far && s.reduced * s.cols <= FAR_BLOCK;
  return s;
}

static int64_t offset_of(int64_t index, const int64_t *sizes, const int64_t *strides, int64_t n) {
  int64_t offset = 0;
  for (int64_t k = n - 1; k > 0; k--) {
    offset += index % sizes[k] * strides[k];
    index /= sizes[k];
  }
  return n ? offset + index * strides[0] : 0;
}

/* Whether the sums of a vector of columns stay in registers over all rows. Not of more than PAIRED rows that lie pages
 * apart, which the first cache keeps in one set, nor of as many that are narrow, or that come from afar and are more
 * than can be asked for one output ahead. As it says in which order rows are added, it does not ask how wide vectors
 * are. */
static int are_few_rows(const space *s, int64_t element_bytes) {
  const int64_t row_bytes = s->cols * element_bytes;
  if (s->n_reduced > 1 || s->cols == 1 || s->segments > 1 || s->reduced > RUN_ROWS) return 0;
  if (s->is_far && !s->asks_next && s->reduced > PAIRED) return 0;
  return s->reduced <= PAIRED || (row_bytes > LANES_BYTES / 2 && row_bytes < 4096);
}

/* How many rows of at most half the lanes fill them: a power of two. */
static int64_t narrow_together(int64_t width, int64_t lanes) {
  int64_t together = 2;
  while (2 * together * width <= lanes) together *= 2;
  return together;
}

/* Whether all rows of an output are such, and so few that its lanes are put together once. */
static int are_narrow_rows(const space *s, int64_t lanes) {
  if (s->n_reduced > 1 || s->segments > 1 || s->cols == 1 || s->cols > lanes / 2) return 0;
  return s->reduced <= RUN_ROWS * narrow_together(s->cols, lanes);
}

static void reduce_size(const int64_t *ints, int64_t element_bytes, fnn_work *work) {
  space s = read_space(ints);
  work->phases = s.segments > 1 ? 2 : 1;
  work->units[0] = s.units;
  work->units[1] = s.kept * s.chunks; /* each combines the segments of its columns */
  work->shared_bytes = s.segments > 1 ? s.kept * s.chunks * s.segments * s.width * 8 : 0;
  work->flops = (double)(s.kept * s.cols) * (double)s.reduced;
  work->bytes = work->flops * (double)element_bytes;
}

/* Units of kernels along one axis: groups of outer indices, or chunks of WIDTH inner ones. */
static int64_t axis_group(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[1] * ints[2])); }
static int64_t axis_chunks(const int64_t *ints) { return fnn_ceil_div(ints[2], WIDTH); }

/* Bit k: lane k of a comparison. */
FNN_INLINE uint32_t bits_of_32(fnn_vi32 mask) {
#if defined(FNN_ISA_AVX512)
  return (uint16_t)__builtin_ia32_cvtd2mask512((int __attribute__((vector_size(64))))mask);
#elif defined(FNN_ISA_AVX2)
  return (uint32_t)__builtin_ia32_movmskps256((fnn_vf)mask);
#elif defined(__x86_64__)
  return (uint32_t)__builtin_ia32_movmskps((fnn_vf)mask);
#else
  uint32_t bits = 0;
  for (int lane = 0; lane < FNN_VF; lane++) bits |= (uint32_t)(mask[lane] & 1) << lane;
  return bits;
#endif
}
FNN_INLINE uint32_t bits_of_64(fnn_vi64 mask) {
#if defined(FNN_ISA_AVX512)
  return (uint8_t)__builtin_ia32_cvtq2mask512((long long __attribute__((vector_size(64))))mask);
#elif defined(FNN_ISA_AVX2)
  return (uint32_t)__builtin_ia32_movmskpd256((fnn_vd)mask);
#else
  return (uint32_t)((mask[0] & 1) | (mask[1] & 2));
#endif
}

/* The numbers of the lanes of a vector, of which the longest has 64. */
#define TO_63                                                                                                          \
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,    \
    31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,    \
    59, 60, 61, 62, 63

/* Of accuracies. */
FNN_COMMON
static void argmax_f32(const fnn_call *call, int64_t begin, int64_t end);
FNN_COMMON
static void same_argmax_f32(const fnn_call *call, int64_t begin, int64_t end);

#define T float
#define LANE int32_t
#define ACC double
#define OWN(name) name##_f32
#define IS_FLOAT 1
#define OF_NUMBERS 0
#include "reduce_body.h"
#define T double
#define LANE int64_t
#define ACC double
#define OWN(name) name##_f64
#define IS_FLOAT 1
#define OF_NUMBERS 0
#include "reduce_body.h"
#define T int32_t
#define LANE int32_t
#define ACC int64_t
#define OWN(name) name##_i32
#define IS_FLOAT 0
#define OF_NUMBERS 0
#include "reduce_body.h"
#define T int64_t
#define LANE int64_t
#define ACC int64_t
#define OWN(name) name##_i64
#define IS_FLOAT 0
#define OF_NUMBERS 0
#include "reduce_body.h"
#define T uint8_t
#define LANE int8_t
#define ACC int64_t
#define OWN(name) name##_bool
#define IS_FLOAT 0
#define OF_NUMBERS 0
#include "reduce_body.h"
#define T float
#define LANE int32_t
#define ACC double
#define OWN(name) name##_numbers_f32
#define IS_FLOAT 1
#define OF_NUMBERS 1
#include "reduce_body.h"
#define T double
#define LANE int64_t
#define ACC double
#define OWN(name) name##_numbers_f64
#define IS_FLOAT 1
#define OF_NUMBERS 1
#include "reduce_body.h"

/* ---- count: y[r] = how many of row r are true ----
 * ints: [0] rows   [1] n, of a row.   buffers: x (rows, n) of bytes 0 or 1, y (rows), int32.
 * A unit is a part of a row, whose count phase 1 adds to those of the others, or several rows. */

enum { COUNTED = 1 << 16 }; /* bytes of a unit */

static int64_t count_parts(const int64_t *ints) { return fnn_max(1, fnn_ceil_div(ints[1], COUNTED)); }

static void count_size(const int64_t *ints, fnn_work *work) {
  const int64_t parts = count_parts(ints);
  work->phases = parts > 1 ? 2 : 1;
  work->units[0] = parts > 1 ? ints[0] * parts : fnn_ceil_div(ints[0], COUNTED / fnn_max(1, ints[1]));
  work->units[1] = 1;
  work->shared_bytes = parts > 1 ? ints[0] * parts * (int64_t)sizeof(int32_t) : 0;
  work->flops = work->bytes = (double)ints[0] * (double)ints[1];
}

static int32_t count_true(const uint8_t *x, int64_t n) {
  enum { MOST = 255 }; /* in a byte */
  typedef uint8_t vector __attribute__((vector_size(FNN_VECTOR_BYTES)));
  int32_t total = 0;
  for (; n >= FNN_VECTOR_BYTES;) {
    const int64_t steps = fnn_min(MOST, n / FNN_VECTOR_BYTES);
    vector sums = {0}, v;
    for (int64_t k = 0; k < steps; k++, x += FNN_VECTOR_BYTES) {
      memcpy(&v, x, sizeof v);
      sums += v;
    }
    uint8_t lanes[FNN_VECTOR_BYTES];
    memcpy(lanes, &sums, sizeof lanes);
    for (int k = 0; k < FNN_VECTOR_BYTES; k++) total += lanes[k];
    n -= steps * FNN_VECTOR_BYTES;
  }
  for (int64_t i = 0; i < n; i++) total += x[i];
  return total;
}

static void count(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t rows = call->ints[0], n = call->ints[1], parts = count_parts(call->ints);
  const uint8_t *x = (const uint8_t *)call->buf[0];
  int32_t *y = (int32_t *)call->buf[1], *counts = (int32_t *)call->shared;
  if (call->phase == 1) {
    for (int64_t row = 0; row < rows; row++) {
      uint32_t total = 0; /* wraps around */
      for (int64_t k = 0; k < parts; k++) total += (uint32_t)counts[row * parts + k];
      y[row] = (int32_t)total;
    }
  } else if (parts > 1) {
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t at = unit % parts * COUNTED;
      counts[unit] = count_true(x + unit / parts * n + at, fnn_min(COUNTED, n - at));
    }
  } else {
    const int64_t group = COUNTED / fnn_max(1, n);
    for (int64_t row = begin * group; row < fnn_min(rows, end * group); row++) y[row] = count_true(x + row * n, n);
  }
}

static void sum_squares_size(const int64_t *ints, int64_t element_bytes, fnn_work *work) {
  work->phases = 2;
  work->units[0] = fnn_ceil_div(ints[0], UNIT);
  work->units[1] = 1;
  work->shared_bytes = work->units[0] * (int64_t)sizeof(double);
  work->flops = 2.0 * (double)ints[0];
  work->bytes = (double)ints[0] * (double)element_bytes;
}

/* The space of kernels along one axis. ints: [0] outer   [1] size of the axis   [2] inner   [3] reverse (running). */
FNN_COMMON
static void axis_size(const int64_t *ints, int64_t element_bytes, fnn_work *work) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], axis_group(ints)) * axis_chunks(ints);
  work->flops = (double)ints[0] * (double)ints[1] * (double)ints[2];
  work->bytes = work->flops * (double)element_bytes;
}

#define SIZE(type, bytes)                                                                                              \
  static void reduce_size_##type(const int64_t *ints, fnn_work *work) { reduce_size(ints, bytes, work); }
#define AXIS_SIZE(type, bytes)                                                                                         \
  FNN_COMMON static void axis_size_##type(const int64_t *ints, fnn_work *work) { axis_size(ints, bytes, work); }
#define SQUARES_SIZE(type, bytes)                                                                                      \
  static void sum_squares_size_##type(const int64_t *ints, fnn_work *work) { sum_squares_size(ints, bytes, work); }
SIZE(f32, 4)
SIZE(f64, 8)
SIZE(i32, 4)
SIZE(i64, 8)
SIZE(bool, 1)
AXIS_SIZE(f32, 4)
AXIS_SIZE(f64, 8)
AXIS_SIZE(i32, 4)
AXIS_SIZE(i64, 8)
SQUARES_SIZE(f32, 4)
SQUARES_SIZE(f64, 8)

#define REDUCTIONS(type)                                                                                               \
  {"sum_" #type, sum_##type, reduce_size_##type}, {"prod_" #type, prod_##type, reduce_size_##type},                    \
    {"max_" #type, max_##type, reduce_size_##type}, {"min_" #type, min_##type, reduce_size_##type}
#define ALONG_AXIS(type)                                                                                               \
  {"argmax_" #type, argmax_##type, axis_size_##type}, {"argmin_" #type, argmin_##type, axis_size_##type},              \
    {"cumsum_" #type, cumsum_##type, axis_size_##type}, {"same_argmax_" #type, same_argmax_##type, axis_size_##type},  \
    {"cumprod_" #type, cumprod_##type, axis_size_##type}, {"top_k_" #type, top_k_##type, axis_size_##type}

#define OF_NUMBERS(type)                                                                                               \
  {"sum_numbers_" #type, sum_numbers_##type, reduce_size_##type},                                                      \
    {"max_numbers_" #type, max_numbers_##type, reduce_size_##type},                                                    \
    {"min_numbers_" #type, min_numbers_##type, reduce_size_##type}

static const fnn_entry entries[] = {REDUCTIONS(f32),
                                    REDUCTIONS(f64),
                                    REDUCTIONS(i32),
                                    REDUCTIONS(i64),
                                    OF_NUMBERS(f32),
                                    OF_NUMBERS(f64),
                                    {"any", max_bool, reduce_size_bool},
                                    {"all", min_bool, reduce_size_bool},
                                    {"count", count, count_size},
                                    ALONG_AXIS(f32),
                                    ALONG_AXIS(f64),
                                    ALONG_AXIS(i32),
                                    ALONG_AXIS(i64),
                                    {"sum_squares_f32", sum_squares_f32, sum_squares_size_f32},
                                    {"sum_squares_f64", sum_squares_f64, sum_squares_size_f64},
                                    {"linear_recurrence_f32", linear_recurrence_f32, axis_size_f32},
                                    {"linear_recurrence_f64", linear_recurrence_f64, axis_size_f64},
                                    {0}};
const fnn_table FNN_TABLE(reduce) = {entries, 0, 0};
