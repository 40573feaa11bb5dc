/* depthwise_tiles_body.h: sums over 3 by 3 taps, and 5 by 5 with a stride of 2, for float32 and for float64. Tiles of
 * two by two results, all channels of one before the next: memory is read and written in its order, and less often.
 * Gradients walk alike: that of the input by four by four elements, that of the kernel is in depthwise_grad_body.h. */

typedef struct {
  const OWN(depthwise_images) * m;
  const T *x; /* under the first tap of the first result, which may be outside */
  T *y;
  int64_t row, col, row_end, col_end; /* edges: of the image, where x is; what is read ends */
  int64_t rows, cols;                 /* edges: results */
  int64_t tiles;                      /* side by side, a vector of all before the next; of results: 1 */
  int64_t x_ahead, y_ahead;           /* 0, or how far the lines are of the next tile, which are asked for */
  int streams;                        /* results go past the caches */
} OWN(depthwise_tile);

/* Asks for the pixels of x that no tile before reads, at x of this one. */
FNN_INLINE void OWN(depthwise_ask_x)(const OWN(depthwise_tile) * r, const T *x, const int taps, const int stride) {
  const int side = 2 * stride, first = taps - stride;
#pragma GCC unroll 16
  for (int p = 0; p < side * side; p++)
    __builtin_prefetch(x + r->x_ahead + (first + p / side) * r->m->x_row + (first + p % side) * r->m->x_pixel);
}

/* With `edges`, some rows or columns are outside x, or results outside y. */
FNN_INLINE void OWN(depthwise_sum_tile)(const OWN(depthwise_tile) * r, const int taps, const int stride,
                                        const int edges) {
  const OWN(depthwise_images) *m = r->m;
  const V nothing = {0};
  const int64_t x_row = m->x_row, x_pixel = m->x_pixel, y_row = m->y_row, y_step = m->y_step;
  for (int64_t j = 0; j < m->channels; j += N) {
    const int64_t at = fnn_min(j, m->channels - N);
    const T *x = r->x + at, *kernel = m->kernel + at;
    T *y = r->y + at;
    const V bias = m->bias ? FN(load)(m->bias + at) : nothing;
    V k[DW_TILED_TAPS * DW_TILED_TAPS], sum[4] = {bias, bias, bias, bias};
#pragma GCC unroll 25
    for (int t = 0; t < taps * taps; t++)
      k[t] = FN(load)(kernel + t / taps * m->kernel_row + t % taps * m->kernel_col);
#pragma GCC unroll 7
    for (int row = 0; row < taps + stride; row++) {
      if (edges && (uint64_t)(r->row + row) >= (uint64_t)r->row_end) continue;
#pragma GCC unroll 7
      for (int col = 0; col < taps + stride; col++) {
        const int is_inside = !edges || (uint64_t)(r->col + col) < (uint64_t)r->col_end;
        const V v = FN(load)(is_inside ? x + row * x_row + col * x_pixel : (const T *)&nothing);
#pragma GCC unroll 4
        for (int p = 0; p < 4; p++) {
          const int ky = row - p / 2 * stride, kx = col - p % 2 * stride;
          if (ky >= 0 && ky < taps && kx >= 0 && kx < taps) sum[p] += v * k[ky * taps + kx];
        }
      }
    }
    if (r->x_ahead) {
      OWN(depthwise_ask_x)(r, x, taps, stride);
#pragma GCC unroll 4
      for (int p = 0; p < 4 && !r->streams; p++) __builtin_prefetch(y + r->y_ahead + p / 2 * y_row + p % 2 * y_step, 1);
    }
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) {
      if (edges && (p / 2 >= r->rows || p % 2 >= r->cols)) continue;
      if (sizeof(V) == 64 && r->streams) FN(stream)(y + p / 2 * y_row + p % 2 * y_step, sum[p]);
      else FN(store)(y + p / 2 * y_row + p % 2 * y_step, sum[p]);
    }
  }
}

#define DW_TILE(taps, stride, edges)                                                                                   \
  static __attribute__((noinline)) void OWN(depthwise_tile_##taps##stride##edges)(const OWN(depthwise_tile) * r) {     \
    OWN(depthwise_sum_tile)(r, taps, stride, edges);                                                                   \
  }
DW_TILE(3, 1, 0) DW_TILE(3, 1, 1) DW_TILE(3, 2, 0) DW_TILE(3, 2, 1) DW_TILE(5, 2, 0) DW_TILE(5, 2, 1)
#undef DW_TILE

/* Where pixels share few sets of the first cache, or are so fat that a vector of each is a walk through memory: without
 * a stride, where columns stay in registers along a row, only out of the caches. 5 by 5 taps are bound by their sums,
 * for which longer runs of results are better, unless memory is the limit. */
static int OWN(depthwise_is_tiled)(const OWN(depthwise_images) * m) {
  const OWN(depthwise_axis) *rows = &m->rows, *cols = &m->cols;
  const int64_t taps = rows->taps, stride = rows->stride, pixel = m->channels * (int64_t)sizeof(T);
  if (stride > 2 || cols->stride != stride || rows->step != 1 || cols->step != 1 || cols->taps != taps) return 0;
  /* Not fat pixels that share few sets, nor results that are apart, as of a stride's input gradient: 0.6 to 1.2 times
   * as fast. */
  const int is_walked = pixel >= DW_WALKED_BYTES && (pixel <= DW_FAT_BYTES || pixel % DW_WALKED_BYTES);
  if (stride == 1) return taps == DW_TAPS && is_walked && m->y_step == m->channels && m->bytes > DW_ASKED_BYTES;
  const int large = DW_BY_TWO && taps == DW_TILED_TAPS && pixel <= DW_SHARED_BYTES && m->bytes > DW_FAR_BYTES;
  if (taps != DW_TAPS && !large) return 0;
  return pixel % DW_SHARED_BYTES == 0 || pixel >= (m->bytes > DW_ASKED_BYTES ? DW_THIN_BYTES : DW_TILED_BYTES);
}

/* How tiles lie: results along an axis, from what one reads of x to what the next does, pixels of x read along an axis;
 * how many are side by side at most. */
typedef struct {
  int64_t side, step, span, most;
  void (*inside)(const OWN(depthwise_tile) *), (*at_edge)(const OWN(depthwise_tile) *);
} OWN(depthwise_tiling);

static void OWN(depthwise_by_tiles)(const OWN(depthwise_images) * m, int64_t height, int64_t width,
                                    OWN(depthwise_tiling) t) {
  const int asks = m->bytes > DW_ASKED_BYTES || t.most > 1; /* thin pixels pay for it */
  const int64_t run = t.side * t.most;
  OWN(depthwise_tile) r = {.m = m, .streams = OWN(depthwise_streams)(m)};
  for (int64_t oy = 0; oy < height; oy += t.side) {
    r.rows = fnn_min(t.side, height - oy);
    r.row = oy / t.side * t.step + m->rows.origin;
    r.row_end = fnn_max(0, fnn_min(m->rows.size, r.row + t.span - (t.side - r.rows) * t.step / t.side));
    for (int64_t ox = 0; ox < width; ox += run) {
      const int64_t x_col = ox / t.side * t.step;
      r.cols = fnn_min(run, width - ox);
      r.tiles = fnn_ceil_div(r.cols, t.side);
      r.col = x_col + m->cols.origin;
      const int64_t end = r.col + t.span + (t.most - 1) * t.step;
      r.col_end = fnn_max(0, fnn_min(m->cols.size, end - (run - r.cols) * t.step / t.side));
      r.x = m->x + r.row * m->x_row + r.col * m->x_pixel;
      r.y = m->y + oy * m->y_row + ox * m->y_step;
      if (asks) {
        const int is_last = ox + run >= width; /* the next one is in the row below */
        r.x_ahead = is_last ? t.step * m->x_row - x_col * m->x_pixel : t.step * t.most * m->x_pixel;
        r.y_ahead = is_last ? t.side * m->y_row - ox * m->y_step : run * m->y_step;
      }
      const int edges = r.row < 0 || r.col < 0 || r.rows < t.side || r.cols < t.side * r.tiles ||
                        r.row_end < r.row + t.span || r.col_end < r.col + t.span + (r.tiles - 1) * t.step;
      (edges ? t.at_edge : t.inside)(&r);
    }
  }
}

static void OWN(depthwise_correlate_tiles)(const OWN(depthwise_images) * m, int64_t height, int64_t width) {
  const int64_t stride = m->rows.stride;
  OWN(depthwise_tiling) t = {2, 2 * stride, m->rows.taps + stride, 1, OWN(depthwise_tile_320), OWN(depthwise_tile_321)};
  if (stride == 1) {
    t.inside = OWN(depthwise_tile_310);
    t.at_edge = OWN(depthwise_tile_311);
  } else if (DW_BY_TWO && m->rows.taps > DW_TAPS) {
    t.inside = OWN(depthwise_tile_520);
    t.at_edge = OWN(depthwise_tile_521);
  }
  OWN(depthwise_by_tiles)(m, height, width, t);
}

/* The input gradient of 3 by 3 taps with a stride of 2: four by four elements of dx from three by three pixels of dy,
 * which are x and y of r. Element e meets pixel p through tap e + first - 2 * p. */
FNN_INLINE void OWN(depthwise_input_tile)(const OWN(depthwise_tile) * r, const int first, const int edges) {
  enum { TAPS = DW_TAPS };
  const OWN(depthwise_images) *m = r->m;
  const V nothing = {0};
  for (int64_t j = 0; j < m->channels; j += N) {
    const int64_t at = fnn_min(j, m->channels - N);
    const T *dy = r->x + at, *kernel = m->kernel + at;
    T *dx = r->y + at;
    V k[TAPS * TAPS], v[9];
#pragma GCC unroll 9
    for (int t = 0; t < 9; t++) {
      const int is_inside = !edges || ((uint64_t)(r->row + t / 3) < (uint64_t)r->row_end &&
                                       (uint64_t)(r->col + t % 3) < (uint64_t)r->col_end);
      k[t] = FN(load)(kernel + t / TAPS * m->kernel_row + t % TAPS * m->kernel_col);
      v[t] = FN(load)(is_inside ? dy + t / 3 * m->x_row + t % 3 * m->x_pixel : (const T *)&nothing);
    }
#pragma GCC unroll 16
    for (int e = 0; e < 16; e++) {
      if (edges && (e / 4 >= r->rows || e % 4 >= r->cols)) continue;
      V sum = nothing;
#pragma GCC unroll 9
      for (int t = 0; t < 9; t++) {
        const int ky = e / 4 + first - t / 3 * 2, kx = e % 4 + first - t % 3 * 2;
        if (ky >= 0 && ky < TAPS && kx >= 0 && kx < TAPS) sum += v[t] * k[ky * TAPS + kx];
      }
      T *to = dx + e / 4 * m->y_row + e % 4 * m->y_step;
      if (sizeof(V) == 64 && r->streams) FN(stream)(to, sum);
      else FN(store)(to, sum);
      if (r->x_ahead && !r->streams) __builtin_prefetch(to + r->y_ahead, 1);
    }
#pragma GCC unroll 4
    for (int p = 0; r->x_ahead && p < 4; p++)
      __builtin_prefetch(dy + r->x_ahead + (1 + p / 2) * m->x_row + (1 + p % 2) * m->x_pixel);
  }
}

#define DW_TILE(first, edges)                                                                                          \
  static __attribute__((noinline)) void OWN(depthwise_input_tile_##first##edges)(const OWN(depthwise_tile) * r) {      \
    OWN(depthwise_input_tile)(r, first, edges);                                                                        \
  }
DW_TILE(1, 0) DW_TILE(1, 1) DW_TILE(2, 0) DW_TILE(2, 1)
#undef DW_TILE
/* Of even paddings, of odd ones. */
static const OWN(depthwise_tiling) OWN(depthwise_input_tiling)[] = {
  {4, 2, 3, 1, OWN(depthwise_input_tile_20), OWN(depthwise_input_tile_21)},
  {4, 2, 3, 1, OWN(depthwise_input_tile_10), OWN(depthwise_input_tile_11)}};
