/* depthwise_large_body.h: sums over more than DW_TAPS taps along an axis, for float32 and for float64. A row of x gives
 * to results of one row or two, which stay in registers; a column outside x is a vector of zeros. */

/* One row of results, or two of which the second meets a row of x `lag` taps before the first does. */
typedef struct {
  const OWN(depthwise_images) * m;
  const T *x; /* column 0 of the row under the first tap of the first row's results */
  T *y;
  int64_t rows, lag;
  int64_t first[2], end[2]; /* the taps along a column that are inside x, of each row */
  int streams;              /* results go past the caches */
} OWN(depthwise_pair);

/* What one row of x gives to `pixels` of the first row (`upper`), of the second (`lower`), or of both, which share what
 * they load. If `kw` is not 0, it is the number of taps, which are neighbours in x, and `stride` that of the results:
 * then each column is loaded once. */
FNN_INLINE void OWN(depthwise_row_of_x)(const OWN(depthwise_images) * m, V (*sum)[DW_PIXELS], const T *x,
                                        int64_t column, const T *kernel, int64_t lag, const int pixels, const int kw,
                                        const int stride, const int upper, const int lower) {
  static const V nothing;
  const int64_t size = m->cols.size, kernel_col = m->kernel_col;
  if (kw) {
    V k0[DW_MOST_TAPS], k1[DW_MOST_TAPS];
#pragma GCC unroll 7
    for (int kx = 0; kx < kw; kx++) {
      if (upper) k0[kx] = FN(load)(kernel + kx * kernel_col);
      if (lower) k1[kx] = FN(load)(kernel + kx * kernel_col - lag);
    }
#pragma GCC unroll 21
    for (int c = 0; c < (pixels - 1) * stride + kw; c++) {
      const int is_inside = (uint64_t)(column + c) < (uint64_t)size;
      const V v = FN(load)(is_inside ? x + c * m->x_pixel : (const T *)&nothing);
#pragma GCC unroll 7
      for (int kx = c % stride; kx < kw; kx += stride) {
        const int p = (c - kx) / stride;
        if (c < kx || p >= pixels) continue;
        if (upper) sum[0][p] += v * k0[kx];
        if (lower) sum[1][p] += v * k1[kx];
      }
    }
    return;
  }
  const int64_t x_step = m->x_step, tap = m->cols.step * m->x_pixel;
  for (int64_t kx = m->cols.taps; kx > 0; kx--, x += tap, kernel += kernel_col, column += m->cols.step) {
    const V k0 = upper ? FN(load)(kernel) : nothing, k1 = lower ? FN(load)(kernel - lag) : nothing;
    const int all_inside = column >= 0 && column + (pixels - 1) * m->cols.stride < size;
#pragma GCC unroll 8
    for (int p = 0; p < pixels; p++) {
      const int is_inside = all_inside || (uint64_t)(column + p * m->cols.stride) < (uint64_t)size;
      const V v = FN(load)(is_inside ? x + p * x_step : (const T *)&nothing);
      if (upper) sum[0][p] += v * k0;
      if (lower) sum[1][p] += v * k1;
    }
  }
}

/* `pixels` results from ox on, and those below them, a vector of channels of each. */
FNN_INLINE void OWN(depthwise_pixels)(const OWN(depthwise_pair) * r, int64_t ox, int64_t at, const int pixels,
                                      const int kw, const int stride) {
  const OWN(depthwise_images) *m = r->m;
  const int64_t column = ox * m->cols.stride + m->cols.origin, tap_row = m->rows.step * m->x_row;
  const int64_t lag = r->lag * m->kernel_row;
  const T *x = r->x + m->cols.origin * m->x_pixel + ox * m->x_step + at, *kernel = m->kernel + at;
  T *y = r->y + ox * m->y_step + at;
  V sum[2][DW_PIXELS];
  const V bias = m->bias ? FN(load)(m->bias + at) : (V){0};
#pragma GCC unroll 16
  for (int p = 0; p < 2 * pixels; p++) sum[p / pixels][p % pixels] = bias;
  const int64_t last = fnn_max(r->end[0], r->end[1] + r->lag);
  for (int64_t row = fnn_min(r->first[0], r->first[1] + r->lag); row < last; row++) {
    const int64_t below = row - r->lag;
    const T *from = x + row * tap_row, *k = kernel + row * m->kernel_row;
    const int upper = row >= r->first[0] && row < r->end[0];
    const int lower = DW_BY_TWO && below >= r->first[1] && below < r->end[1];
    if (upper && lower) OWN(depthwise_row_of_x)(m, sum, from, column, k, lag, pixels, kw, stride, 1, 1);
    else if (upper) OWN(depthwise_row_of_x)(m, sum, from, column, k, lag, pixels, kw, stride, 1, 0);
    else if (lower) OWN(depthwise_row_of_x)(m, sum, from, column, k, lag, pixels, kw, stride, 0, 1);
  }
  if (sizeof(V) == 64 && r->streams) {
#pragma GCC unroll 16
    for (int p = 0; p < 2 * pixels; p++) {
      if (p == pixels && r->rows == 1) return;
      FN(stream)(y + p / pixels * m->y_row + p % pixels * m->y_step, sum[p / pixels][p % pixels]);
    }
    return;
  }
#pragma GCC unroll 8
  for (int p = 0; p < pixels; p++) FN(store)(y + p * m->y_step, sum[0][p]);
  if (r->rows == 1) return;
#pragma GCC unroll 8
  for (int p = 0; p < pixels; p++) FN(store)(y + m->y_row + p * m->y_step, sum[1][p]);
}

#define DW_VARIANT(pixels, kw, stride)                                                                                 \
  static __attribute__((noinline)) void OWN(depthwise_##pixels##_of_##kw##_by_##stride)(                               \
    const OWN(depthwise_pair) * r, int64_t ox, int64_t at) {                                                           \
    OWN(depthwise_pixels)(r, ox, at, pixels, kw, stride);                                                              \
  }
#define DW_VARIANTS(kw, stride)                                                                                        \
  DW_VARIANT(1, kw, stride) DW_VARIANT(2, kw, stride) DW_VARIANT(3, kw, stride) DW_VARIANT(4, kw, stride)              \
  DW_VARIANT(5, kw, stride) DW_VARIANT(6, kw, stride) DW_VARIANT(7, kw, stride) DW_VARIANT(8, kw, stride)              \
  static void (*const OWN(depthwise_of_##kw##_by_##stride)[])(const OWN(depthwise_pair) *, int64_t, int64_t) = {       \
    OWN(depthwise_1_of_##kw##_by_##stride), OWN(depthwise_2_of_##kw##_by_##stride),                                    \
    OWN(depthwise_3_of_##kw##_by_##stride), OWN(depthwise_4_of_##kw##_by_##stride),                                    \
    OWN(depthwise_5_of_##kw##_by_##stride), OWN(depthwise_6_of_##kw##_by_##stride),                                    \
    OWN(depthwise_7_of_##kw##_by_##stride), OWN(depthwise_8_of_##kw##_by_##stride)};
DW_VARIANTS(0, 1) DW_VARIANTS(3, 1) DW_VARIANTS(4, 1)
DW_VARIANTS(5, 1) DW_VARIANTS(5, 2) DW_VARIANTS(7, 1) DW_VARIANTS(7, 2)
#undef DW_VARIANTS
#undef DW_VARIANT

/* What some pixels read first, and what they write. */
typedef struct {
  const T *x, *y;
  int64_t x_rows, x_cols, y_rows, y_cols;
} OWN(depthwise_next);

/* That of part `part` of a pair's rows, cut into `parts`, or of the first one below them. */
static OWN(depthwise_next) OWN(depthwise_next_of)(const OWN(depthwise_pair) * r, int64_t part, int64_t parts,
                                                  int64_t width) {
  const OWN(depthwise_images) *m = r->m;
  const OWN(depthwise_axis) *rows = &m->rows, *cols = &m->cols;
  const int64_t below = part == parts ? r->rows : 0, i = part % parts;
  const int64_t ox = width * i / parts, end = width * (i + 1) / parts;
  /* The rows above read the first rows of x, the pixels before the first columns. */
  const int64_t down = fnn_max(0, (rows->taps - 1) * rows->step + 1 - rows->stride);
  const int64_t right = i ? fnn_max(0, (cols->taps - 1) * cols->step + 1 - cols->stride) : 0;
  const int64_t first = ox * cols->stride + right, last = (end - 1) * cols->stride + (cols->taps - 1) * cols->step;
  return (OWN(depthwise_next)){
    .x = r->x + (below * rows->stride + down) * m->x_row + (cols->origin + first) * m->x_pixel,
    .y = r->y + below * m->y_row + ox * m->y_step, .x_rows = r->rows * rows->stride, .x_cols = last + 1 - first,
    .y_rows = r->streams ? 0 : r->rows, .y_cols = end - ox};
}

static void OWN(depthwise_ask)(const OWN(depthwise_images) * m, const OWN(depthwise_next) * next, int64_t at) {
  for (int64_t row = 0; row < next->x_rows; row++)
    for (int64_t c = 0; c < next->x_cols; c++) __builtin_prefetch(next->x + row * m->x_row + c * m->x_pixel + at);
  for (int64_t row = 0; row < next->y_rows; row++)
    for (int64_t p = 0; p < next->y_cols; p++) __builtin_prefetch(next->y + row * m->y_row + p * m->y_step + at, 1);
}

/* Rows are cut evenly: few results at once are few sums, each of which waits for its last product. What no cache holds
 * is taken part by part, all vectors of one before the next, in the order of memory; with a stride that pays earlier,
 * as most of it is read once or twice. */
static void OWN(depthwise_correlate_any)(const OWN(depthwise_images) * m, int64_t height, int64_t width) {
  void (*const *variants)(const OWN(depthwise_pair) *, int64_t, int64_t) = OWN(depthwise_of_0_by_1);
  const int meets = m->cols.step == 1 && m->x_step == m->cols.stride * m->x_pixel; /* results read the same columns */
  if (meets && m->cols.taps == 3 && m->cols.stride == 1) variants = OWN(depthwise_of_3_by_1);
  if (meets && m->cols.taps == 4 && m->cols.stride == 1) variants = OWN(depthwise_of_4_by_1);
  if (meets && m->cols.taps == 5 && m->cols.stride == 1) variants = OWN(depthwise_of_5_by_1);
  if (meets && m->cols.taps == 5 && m->cols.stride == 2) variants = OWN(depthwise_of_5_by_2);
  if (meets && m->cols.taps == 7 && m->cols.stride == 1) variants = OWN(depthwise_of_7_by_1);
  if (DW_BY_TWO && sizeof(T) == 4 && meets && m->cols.taps == 7 && m->cols.stride == 2)
    variants = OWN(depthwise_of_7_by_2); /* of float32 and 32 registers alone, as they are 28 KB */
  const int asks = m->bytes > (m->cols.stride > 1 ? DW_ASKED_BYTES : CONV_UNCACHED_BYTES);
  const int64_t parts = fnn_ceil_div(width, DW_PIXELS), at_once = asks ? 1 : parts;
  OWN(depthwise_pair) r = {.m = m, .lag = m->rows.stride / m->rows.step, .streams = OWN(depthwise_streams)(m)};
  for (int64_t oy = 0; oy < height; oy += r.rows) {
    r.rows = 1 + (DW_BY_TWO && oy + 1 < height && m->rows.stride % m->rows.step == 0);
    OWN(depthwise_reach)(&m->rows, oy, &r.first[0], &r.end[0]);
    r.first[1] = r.end[1] = r.first[0] - r.lag;
    if (r.rows == 2) OWN(depthwise_reach)(&m->rows, oy + 1, &r.first[1], &r.end[1]);
    r.x = m->x + (oy * m->rows.stride + m->rows.origin) * m->x_row;
    r.y = m->y + oy * m->y_row;
    for (int64_t begin = 0; begin < parts; begin += at_once) {
      OWN(depthwise_next) next = {0};
      if (asks) next = OWN(depthwise_next_of)(&r, begin + 1, parts, width);
      for (int64_t j = 0; j < m->channels; j += N) {
        const int64_t at = fnn_min(j, m->channels - N);
        for (int64_t part = begin; part < begin + at_once; part++) {
          const int64_t ox = width * part / parts, end = width * (part + 1) / parts;
          if (asks && j % (FNN_ALIGN / (int64_t)sizeof(T)) == 0) OWN(depthwise_ask)(m, &next, at);
          variants[end - ox - 1](&r, ox, at);
        }
      }
    }
  }
}
