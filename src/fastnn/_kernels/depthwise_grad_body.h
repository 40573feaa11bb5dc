/* depthwise_grad_body.h: the kernel gradient, after depthwise_body.h, for float32 and for float64. */

static void OWN(depthwise_conv2d_grad_kernel_size)(const int64_t *ints, fnn_work *work) {
  const OWN(depthwise_cut) c = OWN(depthwise_kernel_cut)(ints);
  OWN(depthwise_work)(ints, &c, work);
  work->phases = 2;
  work->units[0] = c.blocks * c.groups;
  work->units[1] = c.s.taps;
  work->shared_bytes = c.blocks * c.s.taps * fnn_round_up(c.lanes, N) * (int64_t)sizeof(T);
}

/* A rectangle of dy of which each pixel meets x at the same taps, [begin, end) of its vectors. Where the pixels and the
 * taps are neighbours in x (`slides`), it is whole rows of dy, padding and all, or what meets some columns of x. */
typedef struct {
  const T *x, *dy; /* x under the first tap of the first pixel; slides: the first column of x */
  T *sums;         /* of the first tap, in whole vectors */
  int64_t rows, cols, channels, begin, end, kh, kw;
  int64_t tap_row, tap_col, sum_row, sum_col, x_row, x_step, dy_row, dy_step;
  int64_t first;    /* slides: the column of x under the first tap */
  int64_t from, to; /* slides: the columns of x */
  int64_t x_ahead, dy_ahead; /* 0, or how far ahead lines of x and of dy are asked for */
} OWN(depthwise_grad_rect);

/* One row of it, or two of which the second's taps are the first's, a row of x further. */
FNN_INLINE void OWN(depthwise_grad_rows)(const OWN(depthwise_grad_rect) * r, V *sum, const T *x, const T *dy,
                                         const int rows, const int kh, const int kw) {
  const int fetches = r->channels * (int64_t)sizeof(T) % 1024 == 0; /* as in depthwise_grad_slide */
  for (int64_t ox = 0; ox < r->cols; ox++, x += r->x_step, dy += r->dy_step) {
    const V d0 = FN(load)(dy), d1 = rows == 2 ? FN(load)(dy + r->dy_row) : d0;
#pragma GCC unroll 4
    for (int row = 0; row < kh + rows - 1; row++) {
#pragma GCC unroll 3
      for (int kx = 0; kx < kw; kx++) {
        const T *from = x + row * r->tap_row + kx * r->tap_col;
        const V v = FN(load)(from);
        if (fetches && row && kx) __builtin_prefetch(from + N, 0, 2);
        if (row < kh) sum[row * kw + kx] += v * d0;
        if (rows == 2 && row > 0) sum[(row - 1) * kw + kx] += v * d1;
      }
    }
    if (r->x_ahead) { /* for the pixels of x that none before meets */
#pragma GCC unroll 2
      for (int row = kh + rows - 1 - fnn_min(kh + rows - 1, 2); row < kh + rows - 1; row++)
#pragma GCC unroll 2
        for (int kx = kw - fnn_min(kw, 2); kx < kw; kx++)
          __builtin_prefetch(x + row * r->tap_row + kx * r->tap_col + r->x_ahead);
#pragma GCC unroll 2
      for (int row = 0; row < rows; row++) __builtin_prefetch(dy + row * r->dy_row + r->dy_ahead);
    }
  }
}

/* The same by columns of x: each is read once, as are those of dy, which wait in registers for kw columns. */
FNN_INLINE void OWN(depthwise_grad_slide)(const OWN(depthwise_grad_rect) * r, V *sum, const T *x, const T *dy,
                                          const int rows, const int kh, const int kw) {
  const int64_t begin = r->from, end = r->to;
  /* Pixels that are a multiple of 2 KiB apart share one or two sets of the first cache, and what it fetched beside a
   * line is gone before the next vector's turn: that line is asked for again, into the second. */
  const int fetches = r->channels * (int64_t)sizeof(T) % 2048 == 0;
  V d[2][DW_TAPS]; /* of columns ox, ox - 1, ... */
#pragma GCC unroll 6
  for (int t = 0; t < rows * (kw - 1); t++) {
    const int64_t ox = begin - r->first - 1 - t / rows;
    d[t % rows][t / rows] = ox >= 0 && ox < r->cols ? FN(load)(dy + t % rows * r->dy_row + ox * r->dy_step) : (V){0};
  }
  x += begin * r->x_step;
  for (int64_t ox = begin - r->first; ox < end - r->first; ox++, x += r->x_step) {
    const int is_inside = ox >= kw - 1 && ox < r->cols;
#pragma GCC unroll 2
    for (int row = 0; row < rows; row++) {
#pragma GCC unroll 3
      for (int kx = kw - 1; kx > 0; kx--) d[row][kx] = d[row][kx - 1];
      d[row][0] = ox < r->cols ? FN(load)(dy + row * r->dy_row + ox * r->dy_step) : (V){0};
      if (r->x_ahead) __builtin_prefetch(dy + row * r->dy_row + ox * r->dy_step + r->dy_ahead);
    }
#pragma GCC unroll 4
    for (int row = 0; row < kh + rows - 1; row++) {
      const V v = FN(load)(x + row * r->tap_row);
      if (fetches && row >= kh - 1) __builtin_prefetch(x + row * r->tap_row + N, 0, 2);
      if (r->x_ahead && row >= kh - 1) __builtin_prefetch(x + row * r->tap_row + r->x_ahead);
#pragma GCC unroll 3
      for (int kx = 0; kx < kw; kx++) {
        if (!is_inside && (ox < kx || ox - kx >= r->cols)) continue;
        if (row < kh) sum[row * kw + kx] += v * d[0][kx];
        if (rows == 2 && row > 0) sum[(row - 1) * kw + kx] += v * d[1][kx];
      }
    }
  }
}

FNN_INLINE void OWN(depthwise_grad)(const OWN(depthwise_grad_rect) * r, const int kh, const int kw, const int slides) {
  for (int64_t j = r->begin * N; j < r->end * N; j += N) {
    const int64_t at = fnn_min(j, r->channels - N);
    const T *x = r->x + at, *dy = r->dy + at;
    V sum[DW_TAPS * DW_TAPS];
    int64_t row = 0;
#pragma GCC unroll 9
    for (int k = 0; k < kh * kw; k++) sum[k] = FN(load)(r->sums + k / kw * r->sum_row + k % kw * r->sum_col + j);
    if (r->x_row == r->tap_row && (DW_BY_TWO || !slides)) {
      for (; row + 2 <= r->rows; row += 2, x += 2 * r->x_row, dy += 2 * r->dy_row) {
        if (slides) OWN(depthwise_grad_slide)(r, sum, x, dy, 2, kh, kw);
        else OWN(depthwise_grad_rows)(r, sum, x, dy, 2, kh, kw);
      }
    }
    for (; row < r->rows; row++, x += r->x_row, dy += r->dy_row) {
      if (slides) OWN(depthwise_grad_slide)(r, sum, x, dy, 1, kh, kw);
      else OWN(depthwise_grad_rows)(r, sum, x, dy, 1, kh, kw);
    }
#pragma GCC unroll 9
    for (int k = 0; k < kh * kw; k++) FN(store)(r->sums + k / kw * r->sum_row + k % kw * r->sum_col + j, sum[k]);
  }
}

#define DW_VARIANT(kh, kw)                                                                                             \
  static __attribute__((noinline)) void OWN(depthwise_grad_##kh##kw)(const OWN(depthwise_grad_rect) * r) {             \
    OWN(depthwise_grad)(r, kh, kw, 0);                                                                                 \
  }                                                                                                                    \
  static __attribute__((noinline)) void OWN(depthwise_grad_slide_##kh##kw)(const OWN(depthwise_grad_rect) * r) {       \
    OWN(depthwise_grad)(r, kh, kw, 1);                                                                                 \
  }
DW_VARIANT(1, 1) DW_VARIANT(1, 2) DW_VARIANT(1, 3)
DW_VARIANT(2, 1) DW_VARIANT(2, 2) DW_VARIANT(2, 3)
DW_VARIANT(3, 1) DW_VARIANT(3, 2) DW_VARIANT(3, 3)
#undef DW_VARIANT
static void (*const OWN(depthwise_grad_variants)[])(const OWN(depthwise_grad_rect) *) = {
  OWN(depthwise_grad_11), OWN(depthwise_grad_12), OWN(depthwise_grad_13),
  OWN(depthwise_grad_21), OWN(depthwise_grad_22), OWN(depthwise_grad_23),
  OWN(depthwise_grad_31), OWN(depthwise_grad_32), OWN(depthwise_grad_33)};
static void (*const OWN(depthwise_grad_slide_variants)[])(const OWN(depthwise_grad_rect) *) = {
  OWN(depthwise_grad_slide_11), OWN(depthwise_grad_slide_12), OWN(depthwise_grad_slide_13),
  OWN(depthwise_grad_slide_21), OWN(depthwise_grad_slide_22), OWN(depthwise_grad_slide_23),
  OWN(depthwise_grad_slide_31), OWN(depthwise_grad_slide_32), OWN(depthwise_grad_slide_33)};

/* Adds what a band gives to the sums of the taps of `rows` and `cols` (DW_TAPS each at most). What no near cache holds
 * is taken in parts, all vectors of a part before the next: of two short rows, so that it is read in the order of
 * memory, as the hardware fetches ahead, not a line of each pixel; or, if bands ask for the next one, of all rows of as
 * many pixels as the first cache keeps a line of, for the next rows and vectors. The order of the sums is the same. */
static void OWN(depthwise_grad_taps)(OWN(depthwise_grad_rect) r, const OWN(depthwise_axis) * rows,
                                     const OWN(depthwise_axis) * cols, int64_t height, int64_t width, int is_far,
                                     int asks) {
  const OWN(depthwise_grad_rect) all = r;
  const int64_t x_row = r.tap_row / rows->step, x_pixel = r.tap_col / cols->step;
  int64_t most_rows = height, most_cols = width + cols->taps;
  if (asks) {
    const int shares = r.channels * (int64_t)sizeof(T) % DW_SHARED_BYTES == 0;
    most_cols = shares ? DW_SHARED_PIXELS : fnn_max(DW_SHARED_PIXELS, DW_NEAR_LINES / (2 * height));
  } else if (is_far) {
    most_rows = 2;
    most_cols = depthwise_pixels_of_part(r.channels * (int64_t)sizeof(T));
  }
  for (int64_t oy = 0, next_row, ky, ky_end; oy < height; oy = next_row) {
    next_row = fnn_min(fnn_min(height, oy + most_rows), OWN(depthwise_reach)(rows, oy, &ky, &ky_end));
    r.kh = ky_end - ky;
    r.rows = next_row - oy;
    if (r.x_step == x_pixel && cols->step == 1 && r.kh) {
      const int64_t end = fnn_min(cols->size, width + cols->origin + cols->taps - 1);
      r.first = cols->origin;
      r.cols = width;
      r.x = all.x + (oy * rows->stride + ky * rows->step + rows->origin) * x_row;
      r.dy = all.dy + oy * r.dy_row;
      r.sums = all.sums + ky * r.sum_row;
      for (r.from = fnn_max(0, r.first); r.from < end; r.from = r.to) {
        r.to = fnn_min(end, r.from + most_cols);
        OWN(depthwise_grad_slide_variants)[(r.kh - 1) * DW_TAPS + cols->taps - 1](&r);
      }
      continue;
    }
    for (int64_t ox = 0, next, kx, kx_end; ox < width; ox = next) {
      next = fnn_min(fnn_min(width, ox + most_cols), OWN(depthwise_reach)(cols, ox, &kx, &kx_end));
      r.kw = kx_end - kx;
      r.cols = next - ox;
      if (!r.kh || !r.kw) continue;
      r.x = all.x + (oy * rows->stride + ky * rows->step + rows->origin) * x_row +
            ox * r.x_step + (kx * cols->step + cols->origin) * x_pixel;
      r.dy = all.dy + oy * r.dy_row + ox * r.dy_step;
      r.sums = all.sums + ky * r.sum_row + kx * r.sum_col;
      OWN(depthwise_grad_variants)[(r.kh - 1) * DW_TAPS + r.kw - 1](&r);
    }
  }
}

/* What tiles give to the sums of 3 by 3 taps, as in depthwise_sum_tile: `kernel` is these, y dy. */
FNN_INLINE void OWN(depthwise_grad_tile)(const OWN(depthwise_tile) * r, const int stride, const int edges) {
  enum { TAPS = DW_TAPS };
  const OWN(depthwise_images) *m = r->m;
  const V nothing = {0};
  const int64_t x_row = m->x_row, x_pixel = m->x_pixel, dy_row = m->y_row, dy_step = m->y_step;
  for (int64_t j = 0; j < m->channels; j += N) {
    const int64_t at = fnn_min(j, m->channels - N);
    const T *x = r->x + at, *dy = r->y + at;
    T *sums = (T *)m->kernel + j;
    V sum[TAPS * TAPS];
#pragma GCC unroll 9
    for (int t = 0; t < TAPS * TAPS; t++) sum[t] = FN(load)(sums + t / TAPS * m->kernel_row + t % TAPS * m->kernel_col);
    for (int64_t ox = 0; ox < r->tiles; ox++, x += 2 * stride * x_pixel, dy += 2 * dy_step) {
      V d[4];
#pragma GCC unroll 4
      for (int p = 0; p < 4; p++) {
        const int is_inside = !edges || (p / 2 < r->rows && 2 * ox + p % 2 < r->cols);
        d[p] = FN(load)(is_inside ? dy + p / 2 * dy_row + p % 2 * dy_step : (const T *)&nothing);
      }
#pragma GCC unroll 5
      for (int row = 0; row < TAPS + stride; row++) {
        if (edges && (uint64_t)(r->row + row) >= (uint64_t)r->row_end) continue;
#pragma GCC unroll 5
        for (int col = 0; col < TAPS + stride; col++) {
          const int is_inside = !edges || (uint64_t)(r->col + 2 * stride * ox + col) < (uint64_t)r->col_end;
          const V v = FN(load)(is_inside ? x + row * x_row + col * x_pixel : (const T *)&nothing);
#pragma GCC unroll 4
          for (int p = 0; p < 4; p++) {
            const int ky = row - p / 2 * stride, kx = col - p % 2 * stride;
            if (ky >= 0 && ky < TAPS && kx >= 0 && kx < TAPS) sum[ky * TAPS + kx] += v * d[p];
          }
        }
      }
      if (r->x_ahead) {
        OWN(depthwise_ask_x)(r, x, TAPS, stride);
#pragma GCC unroll 4
        for (int p = 0; p < 4; p++) __builtin_prefetch(dy + r->y_ahead + p / 2 * dy_row + p % 2 * dy_step);
      }
    }
#pragma GCC unroll 9
    for (int t = 0; t < TAPS * TAPS; t++) FN(store)(sums + t / TAPS * m->kernel_row + t % TAPS * m->kernel_col, sum[t]);
  }
}
#define DW_TILE(stride, edges)                                                                                         \
  static __attribute__((noinline)) void OWN(depthwise_grad_tile_##stride##edges)(const OWN(depthwise_tile) * r) {      \
    OWN(depthwise_grad_tile)(r, stride, edges);                                                                        \
  }
DW_TILE(1, 0) DW_TILE(1, 1) DW_TILE(2, 0) DW_TILE(2, 1)
#undef DW_TILE
/* Without a stride, with one of 2. */
static void (*const OWN(depthwise_grad_tiles)[][2])(const OWN(depthwise_tile) *) = {
  {OWN(depthwise_grad_tile_10), OWN(depthwise_grad_tile_11)},
  {OWN(depthwise_grad_tile_20), OWN(depthwise_grad_tile_21)}};

/* Some taps of an axis. */
static OWN(depthwise_axis) OWN(depthwise_some_taps)(OWN(depthwise_axis) a, int64_t first) {
  a.origin += first * a.step;
  a.taps = fnn_min(DW_TAPS, a.taps - first);
  return a;
}

static void OWN(depthwise_kernel_block)(const fnn_call *call, const OWN(depthwise_cut) * c, int64_t block,
                                        int64_t group) {
  const depthwise_shape *s = &c->s;
  const int64_t bands = s->n * c->bands, stored = fnn_round_up(c->lanes, N);
  OWN(depthwise_grad_rect) r = {.channels = c->lanes, .begin = group * c->vectors,
                                .end = fnn_min((group + 1) * c->vectors, stored / N),
                                .tap_row = s->dilation_h * c->window_row,
                                .tap_col = s->dilation_w * c->pixel, .sum_row = s->kw * stored,
                                .sum_col = stored, .x_row = s->stride_h * c->window_row,
                                .x_step = s->stride_w * c->group * c->pixel,
                                .dy_row = c->group == 1 ? s->ow * s->channels : c->result_row,
                                .dy_step = c->group * s->channels};
  /* As in depthwise_correlate; what is in the last cache comes soon enough for pixels that are read one by one. */
  if (c->is_far && !c->asks && c->lanes * (int64_t)sizeof(T) >= DW_THIN_BYTES &&
      (s->stride_w == 1 || depthwise_bytes(s, (int64_t)sizeof(T)) > DW_ASKED_BYTES)) {
    r.x_ahead = DW_PART * r.x_step;
    r.dy_ahead = DW_PART * r.dy_step;
  }
  T *sums = (T *)call->shared + block * s->taps * stored;
  for (int64_t tap = 0; tap < s->taps; tap++)
    memset(sums + tap * stored + r.begin * N, 0, sizeof(V) * (size_t)(r.end - r.begin));
  for (int64_t band = bands * block / c->blocks; band < bands * (block + 1) / c->blocks; band++) {
    const int64_t image = band / c->bands, row = band % c->bands * c->rows, rows = fnn_min(c->rows, s->oh - row);
    OWN(depthwise_axis) y_axis, x_axis;
    r.x = OWN(depthwise_input_window)(call, c, image, row, rows, &y_axis, &x_axis);
    r.dy = (const T *)call->buf[1] + (image * s->oh + row) * s->ow * s->channels;
    T *space = c->wide ? (T *)call->scratch + OWN(depthwise_results_at)(c) : NULL;
    if (c->group > 1 && c->result_row > s->ow * s->channels) {
      OWN(depthwise_pad)(space, c->result_row, r.dy, rows, s->ow * s->channels, 0);
      r.dy = space;
    } else if (c->wide && c->group == 1) {
      r.dy = OWN(depthwise_thin)(space, r.dy, rows * s->ow, s->channels,
                                 (const T *)call->buf[1] + s->n * s->oh * s->ow * s->channels);
    }
    const int64_t at = r.begin * N;
    const OWN(depthwise_images) m = {.x = r.x + at, .kernel = sums + at, .y = (T *)r.dy + at, .rows = y_axis,
                                     .cols = x_axis, .channels = fnn_min(r.end * N, c->lanes) - at,
                                     .x_row = c->window_row, .kernel_row = r.sum_row, .kernel_col = r.sum_col,
                                     .y_row = r.dy_row, .y_step = r.dy_step, .x_pixel = c->pixel, .x_step = r.x_step,
                                     .bytes = depthwise_bytes(s, (int64_t)sizeof(T))};
    if (c->tiled) {
      const int64_t run = fnn_max(1, DW_RUN_BYTES / (s->channels * (int64_t)sizeof(T)));
      const int64_t stride = s->stride_w;
      const OWN(depthwise_tiling) t = {2, 2 * stride, DW_TAPS + stride, run, OWN(depthwise_grad_tiles)[stride - 1][0],
                                       OWN(depthwise_grad_tiles)[stride - 1][1]};
      OWN(depthwise_by_tiles)(&m, rows, c->cols, t);
      continue;
    }
    for (int64_t ky = 0; ky < s->kh; ky += DW_TAPS) {
      for (int64_t kx = 0; kx < s->kw; kx += DW_TAPS) {
        const OWN(depthwise_axis) ys = OWN(depthwise_some_taps)(y_axis, ky), xs = OWN(depthwise_some_taps)(x_axis, kx);
        r.sums = sums + ky * r.sum_row + kx * r.sum_col;
        if (c->asks) { /* for the same pixels of the next band, once */
          r.x_ahead = ky + kx ? 0 : rows * r.x_row;
          r.dy_ahead = ky + kx ? 0 : rows * r.dy_row;
        }
        OWN(depthwise_grad_taps)(r, &ys, &xs, rows, c->cols, c->is_far, c->asks);
      }
    }
  }
}

static void OWN(depthwise_conv2d_grad_kernel)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(depthwise_cut) c = OWN(depthwise_kernel_cut)(call->ints);
  const depthwise_shape *s = &c.s;
  const int64_t stored = fnn_round_up(c.lanes, N);
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0) {
      OWN(depthwise_kernel_block)(call, &c, unit / c.groups, unit % c.groups);
      continue;
    }
    T *out = (T *)call->buf[2] + unit * s->channels, groups[N * N];
    for (int64_t j = 0; j < c.lanes; j += N) { /* unit is a tap: add the blocks */
      V sum = {0};
      for (int64_t block = 0; block < c.blocks; block++)
        sum += FN(load)((const T *)call->shared + (block * s->taps + unit) * stored + j);
      FN(store)(s->channels < N ? groups + j : out + fnn_min(j, s->channels - N), sum);
    }
    if (s->channels >= N) continue;
    for (int64_t k = 0; k < s->channels; k++) { /* and the pixels of a group */
      out[k] = groups[k];
      for (int64_t p = 1; p < c.group; p++) out[k] += groups[p * s->channels + k];
    }
  }
}
