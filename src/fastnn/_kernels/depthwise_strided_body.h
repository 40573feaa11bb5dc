/* depthwise_strided_body.h: sums over 3 by 3 and 5 by 5 taps with a stride of 2, for float32 and for float64. Tiles of
 * two by two results, all channels of one before the next: memory is read and written in its order, and less often. The
 * kernel's gradient walks alike (depthwise_grad_body.h). */

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
FNN_INLINE void OWN(depthwise_ask_x)(const OWN(depthwise_tile) * r, const T *x, const int taps) {
#pragma GCC unroll 16
  for (int p = 0; p < 16; p++)
    __builtin_prefetch(x + r->x_ahead + (taps - 2 + p / 4) * r->m->x_row + (taps - 2 + p % 4) * r->m->x_pixel);
}

/* With `edges`, some rows or columns are outside x, or results outside y. */
FNN_INLINE void OWN(depthwise_sum_tile)(const OWN(depthwise_tile) * r, const int taps, const int edges) {
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
    for (int row = 0; row < taps + 2; row++) {
      if (edges && (uint64_t)(r->row + row) >= (uint64_t)r->row_end) continue;
#pragma GCC unroll 7
      for (int col = 0; col < taps + 2; col++) {
        const int is_inside = !edges || (uint64_t)(r->col + col) < (uint64_t)r->col_end;
        const V v = FN(load)(is_inside ? x + row * x_row + col * x_pixel : (const T *)&nothing);
#pragma GCC unroll 4
        for (int p = 0; p < 4; p++) {
          const int ky = row - p / 2 * 2, kx = col - p % 2 * 2;
          if (ky >= 0 && ky < taps && kx >= 0 && kx < taps) sum[p] += v * k[ky * taps + kx];
        }
      }
    }
    if (r->x_ahead) {
      OWN(depthwise_ask_x)(r, x, taps);
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

#define DW_TILE(taps, edges)                                                                                           \
  static __attribute__((noinline)) void OWN(depthwise_tile_##taps##edges)(const OWN(depthwise_tile) * r) {             \
    OWN(depthwise_sum_tile)(r, taps, edges);                                                                           \
  }
DW_TILE(3, 0) DW_TILE(3, 1) DW_TILE(5, 0) DW_TILE(5, 1)
#undef DW_TILE

/* Where pixels share few sets of the first cache, or are so fat that a vector of each is a walk through memory. 5 by 5
 * taps are bound by their sums, for which longer runs of results are better, unless memory is the limit. */
static int OWN(depthwise_is_tiled)(const OWN(depthwise_images) * m) {
  const OWN(depthwise_axis) *rows = &m->rows, *cols = &m->cols;
  const int64_t taps = rows->taps, pixel = m->channels * (int64_t)sizeof(T);
  if (rows->stride != 2 || cols->stride != 2 || rows->step != 1 || cols->step != 1 || cols->taps != taps) return 0;
  const int large = DW_BY_TWO && taps == DW_TILED_TAPS && pixel <= DW_SHARED_BYTES && m->bytes > DW_FAR_BYTES;
  if (taps != DW_TAPS && !large) return 0;
  return pixel % DW_SHARED_BYTES == 0 || pixel >= (m->bytes > DW_ASKED_BYTES ? DW_THIN_BYTES : DW_TILED_BYTES);
}

/* Up to `most` tiles at once. */
static void OWN(depthwise_by_tiles)(const OWN(depthwise_images) * m, int64_t height, int64_t width, int64_t most,
                                    void (*inside)(const OWN(depthwise_tile) *),
                                    void (*at_edge)(const OWN(depthwise_tile) *)) {
  const int64_t taps = m->rows.taps;
  const int asks = m->bytes > DW_ASKED_BYTES || most > 1; /* thin pixels pay for it */
  OWN(depthwise_tile) r = {.m = m, .streams = OWN(depthwise_streams)(m)};
  for (int64_t oy = 0; oy < height; oy += 2) {
    r.rows = fnn_min(2, height - oy);
    r.row = 2 * oy + m->rows.origin;
    r.row_end = fnn_max(0, fnn_min(m->rows.size, r.row + 2 * (r.rows - 1) + taps));
    for (int64_t ox = 0; ox < width; ox += 2 * most) {
      r.cols = fnn_min(2 * most, width - ox);
      r.tiles = (r.cols + 1) / 2;
      r.col = 2 * ox + m->cols.origin;
      r.col_end = fnn_max(0, fnn_min(m->cols.size, r.col + 2 * (r.cols - 1) + taps));
      r.x = m->x + r.row * m->x_row + r.col * m->x_pixel;
      r.y = m->y + oy * m->y_row + ox * m->y_step;
      if (asks) {
        const int is_last = ox + 2 * most >= width; /* the next one is in the row below */
        r.x_ahead = is_last ? 4 * m->x_row - 2 * ox * m->x_pixel : 4 * most * m->x_pixel;
        r.y_ahead = is_last ? 2 * m->y_row - ox * m->y_step : 2 * most * m->y_step;
      }
      const int edges = r.row < 0 || r.col < 0 || r.row_end < r.row + taps + 2 ||
                        r.col_end < r.col + 4 * r.tiles - 2 + taps;
      (edges ? at_edge : inside)(&r);
    }
  }
}

static void OWN(depthwise_correlate_tiles)(const OWN(depthwise_images) * m, int64_t height, int64_t width) {
  if (DW_BY_TWO && m->rows.taps > DW_TAPS)
    OWN(depthwise_by_tiles)(m, height, width, 1, OWN(depthwise_tile_50), OWN(depthwise_tile_51));
  else OWN(depthwise_by_tiles)(m, height, width, 1, OWN(depthwise_tile_30), OWN(depthwise_tile_31));
}
