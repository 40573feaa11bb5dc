/* depthwise_body.h: what depthwise.c compiles for float32 and for float64. */

/* How a call is cut. A unit is a band of rows of the result of one image (of y, or of dx); of grad_kernel it is a group
 * of vectors of channels in a block of such bands. */
typedef struct {
  depthwise_shape s;
  int64_t rows, bands;        /* of a band, of an image */
  int64_t lanes;              /* of a pixel as the loops see it: its channels, a vector of them at least */
  int64_t pixel;              /* elements from a pixel of the window to the next */
  int64_t group, cols;        /* pixels of a row that are one as the loops see it; those of the results */
  int64_t origin;             /* groups: the column of x (or dy) under the first tap of the first result */
  int64_t window_row, result_row; /* wide: elements of a row of the window, of the results (of grad_kernel: of dy) */
  int64_t window_rows;        /* wide: rows of x (or dy) that a band needs at most */
  int64_t vectors, groups, blocks; /* grad_kernel: vectors of a group, groups, blocks of bands */
  int64_t low_y, high_y;      /* grad_input: shifts of the taps */
  int tiled;                  /* grad_input: goes by tiles of 4 by 4 elements; grad_kernel: of 2 by 2 pixels of dy */
  int wide;                   /* pixels are thinner than a vector, or are copied to wide ones */
  int is_far;                 /* grad_kernel: no near cache holds x and dy, of which a pixel has several vectors */
  int asks;                   /* grad_kernel: each band asks for the lines of the next one */
} OWN(depthwise_cut);

static OWN(depthwise_cut) OWN(depthwise_cut_of)(const int64_t *ints) {
  OWN(depthwise_cut) c = {.s = depthwise_shape_of(ints)};
  c.wide = c.s.mult > 1 || c.s.channels < N;
  c.lanes = fnn_max(c.s.channels, N);
  c.group = 1;
  return c;
}

/* Lays out windows of `width` pixels, `pixel` elements apart, for results of `result_width`. Without a stride,
 * neighbours of a row share vectors: as many pixels as fill whole ones are a group, whose kernel is repeated; its taps
 * are a pixel apart all the same, each of them a load, which counts twice where it meets two lines. Pixels that take
 * less as a vector of their own are that: columns of x stay in registers along a row. */
static void OWN(depthwise_lay)(OWN(depthwise_cut) * c, int64_t width, int64_t pixel, int64_t result_width,
                               int64_t origin) {
  const depthwise_shape *s = &c->s;
  c->cols = result_width;
  c->pixel = pixel;
  c->window_row = width * pixel;
  if (s->mult == 1 && s->stride_w == 1 && s->channels &&
      s->channels * (FNN_ALIGN + FNN_VECTOR_BYTES) <= (N + 1) * FNN_ALIGN) {
    const int64_t group = N / (s->channels & -s->channels), cols = fnn_ceil_div(result_width, group);
    if (cols * group * s->channels < result_width * N) {
      c->group = group;
      c->cols = cols;
      c->lanes = group * s->channels;
      c->pixel = s->channels;
      c->origin = origin;
      c->window_row = (cols * group + (s->kw - 1) * s->dilation_w) * s->channels;
    }
  }
  c->result_row = c->cols * c->lanes;
}

/* Elements from a pixel of x to the next as the loops read it: thin ones stay where they lie, if a multiplier does not
 * repeat their channels. */
static int64_t OWN(depthwise_thinnest)(const OWN(depthwise_cut) * c) {
  return c->s.mult == 1 ? c->s.channels : c->lanes;
}

/* Bands of `height` rows of a result, in multiples of `step`. */
static void OWN(depthwise_bands)(OWN(depthwise_cut) * c, int64_t height, int64_t step) {
  const int64_t row_bytes = fnn_max(1, c->result_row * (int64_t)sizeof(T));
  int64_t rows = fnn_min(fnn_ceil_div(c->s.n * height, DW_UNITS), DW_BAND_BYTES / row_bytes);
  rows = fnn_max(1, fnn_min(fnn_round_up(fnn_max(rows, 1), step), height));
  c->bands = fnn_ceil_div(height, rows);
  c->rows = rows;
}

static OWN(depthwise_cut) OWN(depthwise_forward_cut)(const int64_t *ints) {
  OWN(depthwise_cut) c = OWN(depthwise_cut_of)(ints);
  OWN(depthwise_lay)(&c, c.s.w, OWN(depthwise_thinnest)(&c), c.s.ow, -c.s.pad_left);
  OWN(depthwise_bands)(&c, c.s.oh, 2);
  c.window_rows = fnn_min(c.s.h, (c.rows - 1) * c.s.stride_h + (c.s.kh - 1) * c.s.dilation_h + 1);
  return c;
}

/* Whether dx is done by tiles: those of thinner pixels in cache are few vectors, of which the walk costs more. */
static int OWN(depthwise_input_is_tiled)(const OWN(depthwise_cut) * c) {
  const depthwise_shape *s = &c->s;
  const int64_t pixel = s->channels * (int64_t)sizeof(T);
  if (c->wide || s->stride_h != 2 || s->stride_w != 2 || s->dilation_h != 1 || s->dilation_w != 1) return 0;
  if (s->kh != DW_TAPS || s->kw != DW_TAPS || (s->pad_top - s->pad_left) % 2) return 0;
  return pixel >= DW_TILED_BYTES || depthwise_bytes(s, (int64_t)sizeof(T)) > DW_ASKED_BYTES;
}

static OWN(depthwise_cut) OWN(depthwise_input_cut)(const int64_t *ints) {
  OWN(depthwise_cut) c = OWN(depthwise_cut_of)(ints);
  const depthwise_shape *s = &c.s;
  conv_shifts(s->h, s->pad_top, s->kh, s->dilation_h, s->stride_h, &c.low_y, &c.high_y);
  /* With a stride thin pixels of dy would lie across lines as often as there are taps: 0.85 to 0.94 times as fast. */
  OWN(depthwise_lay)(&c, s->ow, s->stride_w == 1 ? OWN(depthwise_thinnest)(&c) : c.lanes, s->w,
                     s->pad_left - (s->kw - 1) * s->dilation_w);
  c.tiled = OWN(depthwise_input_is_tiled)(&c);
  OWN(depthwise_bands)(&c, s->h, c.tiled ? 4 : s->stride_h == 1 ? 2 : s->stride_h);
  c.window_rows = fnn_min(s->oh, c.high_y - c.low_y + fnn_ceil_div(c.rows, s->stride_h));
  return c;
}

/* Whether the kernel's gradient goes by tiles: where memory is the limit, or pixels of what has a stride share few sets
 * of the first cache. Rows of what is in L2 have fewer edges, and without a stride their columns stay in registers. */
static int OWN(depthwise_grad_is_tiled)(const OWN(depthwise_cut) * c) {
  const depthwise_shape *s = &c->s;
  const int64_t pixel = s->channels * (int64_t)sizeof(T), stride = s->stride_h;
  if (c->wide || stride > 2 || s->stride_w != stride || s->dilation_h != 1 || s->dilation_w != 1) return 0;
  if (s->kh != DW_TAPS || s->kw != DW_TAPS) return 0;
  if (stride == 2 && pixel % DW_SHARED_BYTES == 0) return 1;
  return depthwise_bytes(s, (int64_t)sizeof(T)) >
         (stride == 1 || pixel < DW_THIN_BYTES ? DW_ASKED_BYTES : DW_FAR_BYTES);
}

/* The most rows of a band of all channels that L2 holds beside the next one, or 0. By such bands, if they have rows
 * enough, go large pixels that no near cache holds, and those that are read for several groups of taps and do not share
 * few sets of the first cache. Each asks for the next one: what is asked for a few pixels ahead comes too late. */
static int64_t OWN(depthwise_far_rows)(const OWN(depthwise_cut) * c) {
  const depthwise_shape *s = &c->s;
  const int64_t pixel = s->channels * (int64_t)sizeof(T);
  if (!c->is_far || c->tiled || s->kh < DW_TAPS || s->kw < DW_TAPS || s->stride_w != 1 || s->dilation_w != 1) return 0;
  if (pixel <= DW_FAR_GROUP_BYTES && (s->kw == DW_TAPS || pixel % DW_SHARED_BYTES == 0)) return 0;
  const int64_t rows = fnn_min(DW_KERNEL_PIXELS / s->ow, fnn_ceil_div(s->n * s->oh, DW_KERNEL_UNITS));
  const int64_t most = fnn_min(rows, DW_FAR_BAND_BYTES / ((s->stride_h * s->w + s->ow) * pixel)) & -2;
  return most < DW_FAR_ROWS ? 0 : most;
}

static OWN(depthwise_cut) OWN(depthwise_kernel_cut)(const int64_t *ints) {
  OWN(depthwise_cut) c = OWN(depthwise_cut_of)(ints);
  const depthwise_shape *s = &c.s;
  OWN(depthwise_lay)(&c, s->w, OWN(depthwise_thinnest)(&c), s->ow, -s->pad_left);
  const int64_t vectors = fnn_ceil_div(c.lanes, N);
  /* Thin pixels of more than two vectors are none: parts end before what they ask for is there. */
  c.is_far = !c.wide && vectors > 1 && (vectors == 2 || c.lanes * (int64_t)sizeof(T) >= DW_THIN_BYTES) &&
             depthwise_bytes(s, (int64_t)sizeof(T)) > DW_FAR_BYTES;
  c.tiled = OWN(depthwise_grad_is_tiled)(&c);
  const int64_t most = OWN(depthwise_far_rows)(&c);
  c.asks = most > 0;
  c.vectors = c.wide || c.asks ? vectors : (c.is_far ? DW_FAR_GROUP_BYTES : DW_GROUP_BYTES) / FNN_VECTOR_BYTES;
  c.groups = fnn_ceil_div(vectors, c.vectors);
  c.rows = fnn_min(DW_KERNEL_PIXELS / s->ow, fnn_ceil_div(s->n * s->oh * c.groups, DW_KERNEL_UNITS));
  if (c.asks) {
    c.rows = most;
    for (int64_t rows = most - 2; rows > most / 2; rows -= 2) /* a short last band would ask for little */
      if (fnn_round_up(s->oh, rows) < fnn_round_up(s->oh, c.rows)) c.rows = rows;
  }
  c.rows = fnn_max(1, fnn_min(fnn_round_up(c.rows, 2), s->oh));
  c.bands = fnn_ceil_div(s->oh, c.rows);
  c.window_rows = fnn_min(s->h, (c.rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1);
  c.blocks = fnn_min(s->n * c.bands, fnn_ceil_div(DW_KERNEL_UNITS, c.groups));
  return c;
}

/* Scratch: the wide kernel and bias, the wide window, the wide results (of grad_kernel: the wide dy); the program's. */
static int64_t OWN(depthwise_window_at)(const OWN(depthwise_cut) * c) { return (c->s.taps + 1) * c->lanes; }
static int64_t OWN(depthwise_results_at)(const OWN(depthwise_cut) * c) {
  return OWN(depthwise_window_at)(c) + c->window_rows * c->window_row + N;
}
static int64_t OWN(depthwise_program_at)(const OWN(depthwise_cut) * c) {
  if (!c->wide) return 0;
  return fnn_round_up((OWN(depthwise_results_at)(c) + c->rows * c->result_row + N) * (int64_t)sizeof(T), FNN_ALIGN);
}

static void OWN(depthwise_work)(const int64_t *ints, const OWN(depthwise_cut) * c, fnn_work *work) {
  const depthwise_shape *s = &c->s;
  const double x = (double)(s->n * s->h * s->w * s->c), y = (double)(s->n * s->oh * s->ow * s->channels);
  work->phases = 1;
  work->units[0] = s->n * c->bands;
  work->scratch_bytes = OWN(depthwise_program_at)(c);
  if (ints[DW_EPILOGUE]) work->scratch_bytes += fnn_program_scratch(ints + ints[DW_EPILOGUE], sizeof(T));
  work->flops = 2 * y * (double)s->taps;
  work->bytes = (x + y + (double)(s->taps * s->channels)) * (double)sizeof(T);
}

/* ---- wide pixels ---- */

/* Each of some channels `mult` times, and the sums of each one's `mult`: by shuffles, where the compiler knows it. */
FNN_INLINE void OWN(depthwise_spread)(T *restrict to, const T *restrict from, int64_t channels, const int64_t mult) {
  for (int64_t k = 0; k < channels; k++)
    for (int64_t m = 0; m < mult; m++) to[k * mult + m] = from[k];
}
FNN_INLINE void OWN(depthwise_fold)(T *restrict to, const T *restrict from, int64_t channels, const int64_t mult) {
  for (int64_t k = 0; k < channels; k++) {
    T sum = from[k * mult];
    for (int64_t m = 1; m < mult; m++) sum += from[k * mult + m];
    to[k] = sum;
  }
}

/* `pixels` of `channels`, each channel `mult` times, as wide ones. What fills a vector that nobody reads the results of
 * is what lies there, or zeros. */
static void OWN(depthwise_widen)(T *to, int64_t lanes, const T *from, int64_t pixels, int64_t channels, int64_t mult) {
  for (int64_t p = 0; p < pixels; p++, from += channels, to += lanes) {
    if (mult == 1 && lanes == N && (pixels - p) * channels >= N) {
      FN(store)(to, FN(load)(from));
      continue;
    }
    if (mult == 1) {
      memcpy(to, from, sizeof(T) * (size_t)channels);
    } else if (mult == 2) {
      OWN(depthwise_spread)(to, from, channels, 2);
    } else if (mult == 3) {
      OWN(depthwise_spread)(to, from, channels, 3);
    } else if (mult == 4) {
      OWN(depthwise_spread)(to, from, channels, 4);
    } else {
      OWN(depthwise_spread)(to, from, channels, mult);
    }
    memset(to + channels * mult, 0, sizeof(T) * (size_t)(lanes - channels * mult));
  }
}

/* The reverse: the sums of each channel's `mult`. */
static void OWN(depthwise_narrow)(T *to, const T *from, int64_t lanes, int64_t pixels, int64_t channels, int64_t mult) {
  const int64_t whole = mult == 1 && channels ? fnn_max(0, pixels + 1 - fnn_ceil_div(N, channels)) : 0;
  int64_t p = 0;
  for (; p < whole; p++, from += lanes, to += channels) FN(store)(to, FN(load)(from)); /* the next pixels come after */
  for (; p < pixels; p++, from += lanes, to += channels) {
    if (mult == 1) memcpy(to, from, sizeof(T) * (size_t)channels);
    else if (mult == 2) OWN(depthwise_fold)(to, from, channels, 2);
    else if (mult == 3) OWN(depthwise_fold)(to, from, channels, 3);
    else if (mult == 4) OWN(depthwise_fold)(to, from, channels, 4);
    else OWN(depthwise_fold)(to, from, channels, mult);
  }
}

/* Rows of `width` elements as ones of `stored`, from element `origin` on, with zeros for those outside. */
static void OWN(depthwise_pad)(T *to, int64_t stored, const T *from, int64_t rows, int64_t width, int64_t origin) {
  const int64_t before = fnn_min(stored, fnn_max(0, -origin)), first = fnn_max(0, origin);
  const int64_t inside = fnn_max(0, fnn_min(stored - before, width - first)), after = stored - before - inside;
  for (; rows > 0; rows--, from += width, to += stored) {
    memset(to, 0, sizeof(T) * (size_t)before);
    if (inside) memcpy(to + before, from + first, sizeof(T) * (size_t)inside);
    memset(to + before + inside, 0, sizeof(T) * (size_t)after);
  }
}

/* ---- sums over taps ---- */

/* One axis of a convolution: result o reads x at o * stride + k * step + origin through tap k, if that is inside. */
typedef struct {
  int64_t size, taps, stride, step, origin;
} OWN(depthwise_axis);

/* The taps [*first, *end) that find x for result o. Returns where the next result with other ones may be. */
static int64_t OWN(depthwise_reach)(const OWN(depthwise_axis) * a, int64_t o, int64_t *first, int64_t *end) {
  const int64_t at = o * a->stride + a->origin, last = at + (a->taps - 1) * a->step;
  *first = 0;
  *end = a->taps;
  if (at >= 0 && last < a->size) return o + 1 + (a->size - 1 - last) / a->stride;
  if (at < 0) *first = fnn_min(a->taps, fnn_ceil_div(-at, a->step));
  if (last >= a->size) *end = fnn_max(*first, at < a->size ? fnn_min(a->taps, fnn_ceil_div(a->size - at, a->step)) : 0);
  return o + 1;
}

/* A rectangle of results that the same taps reach: one row, or two of which the second's taps are the first's, a row
 * of x further. Where results and taps are neighbours in x (`slides`), it is a whole row of results or a part, padding
 * and all. Offsets and strides in elements. */
typedef struct {
  const T *x, *kernel; /* x under the first tap of the first result */
  const T *bias;       /* of a pixel, or NULL */
  T *y;
  int64_t rows, cols, channels, kh, kw;
  int64_t tap_row, tap_col, kernel_row, kernel_col, x_step, y_row, y_step;
  int64_t first, size; /* slides: the column of x under the first tap, how many columns there are */
  int64_t ahead;       /* 0, or the results whose lines of x and y are asked for come so many later */
  int keeps;           /* slides: the row of a vector of channels is written when it is complete */
} OWN(depthwise_rect);

/* Whether pixels of y lie where those of x do in a page, all of them: then what is loaded next waits for what was just
 * stored, since processors compare 12 bits of addresses first. */
static int OWN(depthwise_collides)(const OWN(depthwise_rect) * r) {
  const int64_t pixel = r->channels * (int64_t)sizeof(T), spread = fnn_min(4096, pixel & -pixel);
  return spread >= 2048 && ((uintptr_t)r->x - (uintptr_t)r->y) % (uintptr_t)spread < FNN_VECTOR_BYTES;
}

/* Where the sums of a vector of channels begin. */
FNN_INLINE V OWN(depthwise_bias)(const OWN(depthwise_rect) * r, int64_t at) {
  return r->bias ? FN(load)(r->bias + at) : (V){0};
}

/* The weights of a vector of channels stay in registers while it moves along the row. The last vector overlaps the one
 * before, so that none is partial. With `both`, pixels are of two vectors, which are done at once, so that memory is
 * read and written in its order: the columns stay in registers, and a weight that does not is loaded for two rows, in
 * the shadow of their multiply-adds. */
FNN_INLINE void OWN(depthwise_rows)(const OWN(depthwise_rect) * r, const int rows, const int kh, const int kw,
                                    const int slides, const int both, const int streams) {
  const V nothing = {0};
  const int keeps = slides && kw == DW_TAPS && r->keeps && !both && !streams;
  const int n = kh + rows - 1; /* rows of x */
  const int64_t inside = slides ? fnn_max(0, fnn_min(r->cols, r->size - (kw - 1) - r->first)) : r->cols;
  for (int64_t j = 0; j < r->channels; j += (1 + both) * N) {
    const int64_t at = both ? 0 : fnn_min(j, r->channels - N), second = r->channels - N;
    const T *x = r->x + at;
    T *y = r->y + at;
    const V bias[2] = {OWN(depthwise_bias)(r, at), both ? OWN(depthwise_bias)(r, second) : nothing};
    V k[2][DW_TAPS * DW_TAPS], v[2][DW_TAPS + 1][DW_TAPS];
#pragma GCC unroll 18
    for (int t = 0; t < (1 + both) * kh * kw; t++) {
      const int tap = t % (kh * kw), w = t / (kh * kw);
      k[w][tap] = FN(load)(r->kernel + tap / kw * r->kernel_row + tap % kw * r->kernel_col + (w ? second : at));
    }
    if (slides) { /* the columns before the one that the first result's last tap reads */
#pragma GCC unroll 16
      for (int t = 0; t < (1 + both) * n * (kw - 1); t++) {
        const int w = t / (n * (kw - 1)), row = t / (kw - 1) % n, kx = t % (kw - 1);
        const int is_inside = r->first + kx >= 0 && r->first + kx < r->size;
        v[w][row][kx + 1] = is_inside ? FN(load)(x + row * r->tap_row + kx * r->tap_col + w * second) : nothing;
      }
    }
    int64_t tap_row = r->tap_row, tap_col = r->tap_col, x_step = r->x_step, x_second = second;
    V kept[2 * DW_KEPT];
    T *const results = y;
    const int64_t y_row = keeps ? DW_KEPT * N : r->y_row, y_step = keeps ? N : r->y_step;
    if (keeps) y = (T *)kept;
    for (int64_t ox = 0, end = inside;;) {
      for (; ox < end; ox++, x += x_step, y += y_step) {
#pragma GCC unroll 2
        for (int w = 0; w < 1 + both; w++) {
          V sum[2] = {bias[w], bias[w]};
#pragma GCC unroll 4
          for (int row = 0; row < n; row++) {
#pragma GCC unroll 3
            for (int kx = 0; kx < kw; kx++) {
              v[w][row][kx] = slides && kx < kw - 1 ? v[w][row][kx + 1]
                                                    : FN(load)(x + row * tap_row + kx * tap_col + w * x_second);
              if (row < kh) sum[0] += v[w][row][kx] * k[w][row * kw + kx];
              if (rows == 2 && row > 0) sum[1] += v[w][row][kx] * k[w][(row - 1) * kw + kx];
            }
          }
#pragma GCC unroll 2
          for (int row = 0; row < rows; row++) {
            if (streams) FN(stream)(y + row * y_row + w * second, sum[row]);
            else FN(store)(y + row * y_row + w * second, sum[row]);
          }
        }
        if (r->ahead) { /* for the pixels of x that no result before reads */
#pragma GCC unroll 4
          for (int row = slides ? kh - 1 : n - fnn_min(n, 2); row < n; row++)
#pragma GCC unroll 2
            for (int kx = slides ? kw - 1 : kw - fnn_min(kw, 2); kx < kw; kx++)
              __builtin_prefetch(x + row * tap_row + kx * tap_col + r->ahead * x_step);
#pragma GCC unroll 2
          for (int row = 0; !streams && row < rows; row++)
            __builtin_prefetch(y + row * y_row + r->ahead * y_step, 1);
        }
      }
      if (!slides || end == r->cols) break;
      end = r->cols; /* the rest in the padding at the right */
      x = (const T *)&nothing;
      tap_row = tap_col = x_step = x_second = 0;
    }
    if (!keeps) continue;
    for (int64_t ox = 0; ox < r->cols; ox++) {
      FN(store)(results + ox * r->y_step, kept[ox]);
      if (rows == 2) FN(store)(results + r->y_row + ox * r->y_step, kept[DW_KEPT + ox]);
    }
  }
}

#define DW_VARIANT(name, kh, kw, streams)                                                                              \
  static __attribute__((noinline)) void OWN(depthwise_##name##_rows_##kh##kw)(const OWN(depthwise_rect) * r) {         \
    if (r->rows == 2) OWN(depthwise_rows)(r, 2, kh, kw, 0, 0, streams);                                                \
    else OWN(depthwise_rows)(r, 1, kh, kw, 0, 0, streams);                                                             \
  }                                                                                                                    \
  static __attribute__((noinline)) void OWN(depthwise_##name##_slide_##kh##kw)(const OWN(depthwise_rect) * r) {        \
    if (r->rows == 2) OWN(depthwise_rows)(r, 2, kh, kw, 1, 0, streams);                                                \
    else OWN(depthwise_rows)(r, 1, kh, kw, 1, 0, streams);                                                             \
  }
#define DW_VARIANTS(name, streams)                                                                                     \
  DW_VARIANT(name, 1, 1, streams) DW_VARIANT(name, 1, 2, streams) DW_VARIANT(name, 1, 3, streams)                      \
  DW_VARIANT(name, 2, 1, streams) DW_VARIANT(name, 2, 2, streams) DW_VARIANT(name, 2, 3, streams)                      \
  DW_VARIANT(name, 3, 1, streams) DW_VARIANT(name, 3, 2, streams) DW_VARIANT(name, 3, 3, streams)
#define DW_TABLE(name)                                                                                                 \
  {OWN(depthwise_##name##_11), OWN(depthwise_##name##_12), OWN(depthwise_##name##_13),                                 \
   OWN(depthwise_##name##_21), OWN(depthwise_##name##_22), OWN(depthwise_##name##_23),                                 \
   OWN(depthwise_##name##_31), OWN(depthwise_##name##_32), OWN(depthwise_##name##_33)}
typedef void OWN(depthwise_variant)(const OWN(depthwise_rect) *);
DW_VARIANTS(near, 0)
#if defined(FNN_ISA_AVX512) /* whose vectors are lines */
DW_VARIANTS(far, 1)
static OWN(depthwise_variant) *const OWN(depthwise_rows_variants)[][9] = {DW_TABLE(near_rows), DW_TABLE(far_rows)};
static OWN(depthwise_variant) *const OWN(depthwise_slide_variants)[][9] = {DW_TABLE(near_slide), DW_TABLE(far_slide)};
#else
static OWN(depthwise_variant) *const OWN(depthwise_rows_variants)[][9] = {DW_TABLE(near_rows)};
static OWN(depthwise_variant) *const OWN(depthwise_slide_variants)[][9] = {DW_TABLE(near_slide)};
#endif
#undef DW_VARIANT
#undef DW_VARIANTS
#undef DW_TABLE

/* Two rows of pixels of two vectors, where no row of taps is outside. */
static __attribute__((noinline)) void OWN(depthwise_both)(const OWN(depthwise_rect) * r) {
  OWN(depthwise_rows)(r, 2, DW_TAPS, DW_TAPS, 1, 1, 0);
}

/* Results that no tap reaches. */
static void OWN(depthwise_no_taps)(const OWN(depthwise_rect) * r) {
  for (int64_t row = 0; row < r->rows; row++)
    for (int64_t ox = 0; ox < r->cols; ox++)
      for (int64_t j = 0; j < r->channels; j += N) {
        const int64_t at = fnn_min(j, r->channels - N);
        FN(store)(r->y + row * r->y_row + ox * r->y_step + at, OWN(depthwise_bias)(r, at));
      }
}

/* What two images of one convolution have to do with each other: where a row, a pixel, a tap lies. */
typedef struct {
  const T *x, *kernel, *bias; /* x[0, 0] of rows.size by cols.size pixels; the first tap; of a pixel, or NULL */
  T *y;
  OWN(depthwise_axis) rows, cols;
  int64_t channels, x_row, kernel_row, kernel_col, y_row, y_step;
  int64_t x_pixel, x_step; /* from a column to the next; from what a result reads to what the next one does */
  int64_t bytes; /* of x and y, or 0 where these are copies */
  int is_last;   /* nothing here reads y afterwards */
} OWN(depthwise_images);

/* How many results of a row are done for all channels before the next ones. Pixels a large power of two apart share few
 * sets of the first cache; a part's take half of those sets' lines, in x and in y, so that the lines that were fetched
 * beside them are still there when their channels come. Without strides columns stay in registers instead, and only
 * long rows have parts (depthwise_pixels_of_part): memory is read and written in its order, as the hardware fetches
 * ahead, not a line of each pixel. */
static int64_t OWN(depthwise_part)(const OWN(depthwise_images) * m, int64_t width, int slides) {
  enum { WAY_BYTES = 4096, WAYS = 8 };
  const int64_t pixel = m->channels * (int64_t)sizeof(T), spread = fnn_min(WAY_BYTES, pixel & -pixel);
  const int64_t lines = WAYS / 2 * WAY_BYTES / spread, apart = m->y_step / m->channels;
  if (m->cols.stride == 1 && apart == 1)
    return !slides || m->channels <= N || width * pixel <= DW_ROW_BYTES ? width
           : pixel < DW_FAT_BYTES                                       ? depthwise_pixels_of_part(pixel)
                                                                        : 2 * DW_PART;
  if (spread < WAY_BYTES / WAYS) return width;
  const int64_t of_x = (lines / fnn_max(1, m->rows.taps) - m->cols.taps) / m->cols.stride + 1;
  return fnn_max(1, fnn_min(of_x, lines / apart));
}

static int OWN(depthwise_streams)(const OWN(depthwise_images) * m) {
  return m->is_last && conv_streams(m->y, m->channels * (int64_t)sizeof(T), m->bytes);
}

#include "depthwise_large_body.h"
#include "depthwise_tiles_body.h"

static void OWN(depthwise_correlate)(const OWN(depthwise_images) * m, int64_t height, int64_t width) {
  if (OWN(depthwise_is_tiled)(m)) {
    OWN(depthwise_correlate_tiles)(m, height, width);
    return;
  }
  if (m->rows.taps > DW_TAPS || m->cols.taps > DW_TAPS) {
    OWN(depthwise_correlate_any)(m, height, width);
    return;
  }
  OWN(depthwise_rect) r = {.channels = m->channels, .tap_row = m->rows.step * m->x_row,
                           .tap_col = m->cols.step * m->x_pixel, .kernel_row = m->kernel_row,
                           .kernel_col = m->kernel_col, .x_step = m->x_step, .y_row = m->y_row,
                           .y_step = m->y_step, .size = m->cols.size, .bias = m->bias};
  const int slides = m->x_step == m->x_pixel && m->cols.step == 1 && m->cols.taps && m->cols.origin > -m->cols.taps;
  const int64_t part = OWN(depthwise_part)(m, width, slides);
  const int streams = OWN(depthwise_streams)(m);
  /* Parts of few pixels end before the hardware has seen where they lead: they ask for the next one. */
  if (m->bytes > DW_ASKED_BYTES && part <= (m->bytes > CONV_UNCACHED_BYTES ? 2 : 1) * DW_PART) r.ahead = part;
  for (int64_t oy = 0, ky, ky_end; oy < height; oy += r.rows) {
    const int64_t same_rows = fnn_min(height, OWN(depthwise_reach)(&m->rows, oy, &ky, &ky_end)) - oy;
    r.kh = ky_end - ky;
    const int pairs = same_rows >= 2 && m->rows.stride == m->rows.step;
    if (slides && r.kh) {
      r.rows = 1 + pairs;
      r.x = m->x + (oy * m->rows.stride + ky * m->rows.step + m->rows.origin) * m->x_row +
            m->cols.origin * m->x_pixel;
      r.kernel = m->kernel + ky * m->kernel_row;
      r.y = m->y + oy * m->y_row;
      r.keeps = !streams && width <= DW_KEPT && OWN(depthwise_collides)(&r);
      const int both = DW_BY_TWO && part < width && m->channels <= 2 * N && pairs && r.kh == DW_TAPS &&
                       m->cols.taps == DW_TAPS;
      const int64_t most = both || (r.keeps && r.y_step == m->channels) ? width : part;
      for (int64_t ox = 0; ox < width; ox += most, r.x += most * r.x_step, r.y += most * r.y_step) {
        r.first = m->cols.origin + ox;
        r.cols = fnn_min(most, width - ox);
        if (both) OWN(depthwise_both)(&r);
        else OWN(depthwise_slide_variants)[streams][(r.kh - 1) * DW_TAPS + m->cols.taps - 1](&r);
      }
      continue;
    }
    for (int64_t ox = 0, next, kx, kx_end; ox < width; ox = next) {
      next = fnn_min(fnn_min(width, ox + part), OWN(depthwise_reach)(&m->cols, ox, &kx, &kx_end));
      r.kw = kx_end - kx;
      r.cols = next - ox;
      r.y = m->y + oy * m->y_row + ox * m->y_step;
      r.rows = 1 + pairs;
      if (!r.kh || !r.kw) {
        OWN(depthwise_no_taps)(&r);
        continue;
      }
      r.x = m->x + (oy * m->rows.stride + ky * m->rows.step + m->rows.origin) * m->x_row +
            ox * m->x_step + (kx * m->cols.step + m->cols.origin) * m->x_pixel;
      r.kernel = m->kernel + ky * m->kernel_row + kx * m->kernel_col;
      OWN(depthwise_rows_variants)[streams][(r.kh - 1) * DW_TAPS + r.kw - 1](&r);
    }
  }
}

static void OWN(depthwise_run_program)(const fnn_call *call, int64_t row, int64_t rows, int64_t cols, int64_t scratch) {
  const int64_t at = call->ints[DW_EPILOGUE];
  if (at && rows && cols)
    call->program[TYPE_DTYPE == FNN_F64](call->ints + at, call, row, rows, 0, cols, call->scratch + scratch);
}

/* `taps` of the kernel, or a bias, for each pixel of a group. */
static void OWN(depthwise_repeat)(T *to, const OWN(depthwise_cut) * c, const T *from, int64_t taps) {
  if (c->group == 1) {
    OWN(depthwise_widen)(to, c->lanes, from, taps, c->s.channels, 1);
    return;
  }
  for (int64_t tap = 0; tap < taps; tap++, from += c->s.channels, to += c->lanes)
    for (int64_t k = 0; k < c->lanes; k++) to[k] = k < c->s.channels ? from[k] : to[k - c->s.channels];
}

/* The kernel's taps as the loops see them. */
static const T *OWN(depthwise_taps_of)(const fnn_call *call, const OWN(depthwise_cut) * c) {
  if (!c->wide) return (const T *)call->buf[1];
  OWN(depthwise_repeat)((T *)call->scratch, c, (const T *)call->buf[1], c->s.taps);
  return (const T *)call->scratch;
}

/* The bias, or NULL. */
static const T *OWN(depthwise_bias_of)(const fnn_call *call, const OWN(depthwise_cut) * c) {
  if (!call->ints[DW_BIAS]) return 0;
  const T *bias = (const T *)call->buf[call->ints[DW_BIAS]];
  if (!c->wide) return bias;
  T *space = (T *)call->scratch + c->s.taps * c->lanes;
  OWN(depthwise_repeat)(space, c, bias, 1);
  return space;
}

/* `pixels` thinner than a vector as they lie, as long as what is read as part of the last one is before `end`; else a
 * copy at `space`. */
static const T *OWN(depthwise_thin)(T *space, const T *from, int64_t pixels, int64_t channels, const T *end) {
  const int64_t elements = pixels * channels;
  if (elements - channels + N <= end - from) return from;
  if (elements) memcpy(space, from, sizeof(T) * (size_t)elements);
  memset(space + elements, 0, sizeof(V));
  return space;
}

/* Rows [*low, high) of an image (height, width, channels) as the loops see them; makes [*low, high) those that exist,
 * and returns the first of them. Without wide pixels they are all there. */
static const T *OWN(depthwise_window)(const fnn_call *call, const OWN(depthwise_cut) * c, const T *image,
                                      int64_t height, int64_t width, int64_t mult, int64_t *low, int64_t *high) {
  if (!c->wide) {
    *low = 0;
    *high = height;
    return image;
  }
  *low = fnn_max(0, fnn_min(*low, height));
  *high = fnn_max(*low, fnn_min(*high, height));
  T *space = (T *)call->scratch + OWN(depthwise_window_at)(c);
  const int64_t channels = c->s.channels / mult;
  if (c->group > 1) {
    OWN(depthwise_pad)(space, c->window_row, image + *low * width * channels, *high - *low, width * channels,
                       c->origin * channels);
    return space;
  }
  if (c->pixel < c->lanes)
    return OWN(depthwise_thin)(space, image + *low * width * channels, (*high - *low) * width, channels,
                               (const T *)call->buf[0] + c->s.n * height * width * channels);
  OWN(depthwise_widen)(space, c->lanes, image + *low * width * channels, (*high - *low) * width, channels, mult);
  return space;
}

/* Rows of results as they are in memory. */
static void OWN(depthwise_take)(T *to, const T *from, const OWN(depthwise_cut) * c, int64_t rows, int64_t width,
                                int64_t channels, int64_t mult) {
  if (c->group == 1) {
    OWN(depthwise_narrow)(to, from, c->lanes, rows * width, channels, mult);
    return;
  }
  for (int64_t row = 0; row < rows; row++)
    memcpy(to + row * width * channels, from + row * c->result_row, sizeof(T) * (size_t)(width * channels));
}

/* The axis of columns: groups lie in windows that have all columns which they meet. */
static OWN(depthwise_axis) OWN(depthwise_columns)(const OWN(depthwise_cut) * c, OWN(depthwise_axis) a) {
  if (c->group > 1) {
    a.size = INT64_MAX / 2;
    a.origin = 0;
  }
  return a;
}

/* ---- depthwise_conv2d ---- */

static void OWN(depthwise_conv2d_size)(const int64_t *ints, fnn_work *work) {
  const OWN(depthwise_cut) c = OWN(depthwise_forward_cut)(ints);
  OWN(depthwise_work)(ints, &c, work);
}

/* The window of x that rows [row, row + rows) of the results need, and the axes that say how. */
static const T *OWN(depthwise_input_window)(const fnn_call *call, const OWN(depthwise_cut) * c, int64_t image,
                                            int64_t row, int64_t rows, OWN(depthwise_axis) * y,
                                            OWN(depthwise_axis) * x) {
  const depthwise_shape *s = &c->s;
  const int64_t first = row * s->stride_h - s->pad_top;
  int64_t low = first, high = first + (rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1;
  const T *from = OWN(depthwise_window)(call, c, (const T *)call->buf[0] + image * s->h * s->w * s->c, s->h, s->w,
                                        s->mult, &low, &high);
  *y = (OWN(depthwise_axis)){high - low, s->kh, s->stride_h, s->dilation_h, first - low};
  *x = OWN(depthwise_columns)(c, (OWN(depthwise_axis)){s->w, s->kw, s->stride_w, s->dilation_w, -s->pad_left});
  return from;
}

static void OWN(depthwise_conv2d)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(depthwise_cut) c = OWN(depthwise_forward_cut)(call->ints);
  const depthwise_shape *s = &c.s;
  OWN(depthwise_images) m = {.kernel = OWN(depthwise_taps_of)(call, &c), .channels = c.lanes, .x_row = c.window_row,
                             .kernel_row = s->kw * c.lanes, .kernel_col = c.lanes, .y_row = c.result_row,
                             .y_step = c.lanes, .x_pixel = c.pixel, .x_step = s->stride_w * c.group * c.pixel,
                             .bias = OWN(depthwise_bias_of)(call, &c),
                             .bytes = c.group > 1 ? 0 : depthwise_bytes(s, (int64_t)sizeof(T))};
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t image = unit / c.bands, row = unit % c.bands * c.rows, rows = fnn_min(c.rows, s->oh - row);
    T *y = (T *)call->buf[2] + (image * s->oh + row) * s->ow * s->channels;
    m.x = OWN(depthwise_input_window)(call, &c, image, row, rows, &m.rows, &m.cols);
    m.y = c.result_row > s->ow * s->channels ? (T *)call->scratch + OWN(depthwise_results_at)(&c) : y;
    m.is_last = m.y == y && !call->ints[DW_EPILOGUE];
    OWN(depthwise_correlate)(&m, rows, c.cols);
    if (m.y != y) OWN(depthwise_take)(y, m.y, &c, rows, s->ow, s->channels, 1);
    OWN(depthwise_run_program)(call, (image * s->oh + row) * s->ow, rows * s->ow, s->channels,
                               OWN(depthwise_program_at)(&c));
  }
  if (m.bytes > CONV_UNCACHED_BYTES) fnn_end_streams();
}

/* ---- depthwise_conv2d_grad_input ---- */

static void OWN(depthwise_conv2d_grad_input_size)(const int64_t *ints, fnn_work *work) {
  const OWN(depthwise_cut) c = OWN(depthwise_input_cut)(ints);
  OWN(depthwise_work)(ints, &c, work);
}

/* The taps of one residue along an axis, which are evenly spaced: the last one of the kernel comes first, `tap_step`
 * leads to the next. */
static OWN(depthwise_axis) OWN(depthwise_residue)(int64_t size, int64_t residue, int64_t pad, int64_t taps,
                                                  int64_t dilation, int64_t stride, int64_t *last, int64_t *tap_step) {
  OWN(depthwise_axis) a = {.size = size, .stride = 1, .step = 1};
  int64_t shift;
  *last = *tap_step = 0;
  for (int64_t k = taps - 1; k >= 0; k--) {
    if (!conv_shift(residue, pad, k, dilation, stride, &shift)) continue;
    if (a.taps == 0) {
      *last = k;
      a.origin = shift;
    } else if (a.taps == 1) {
      *tap_step = *last - k;
      a.step = shift - a.origin;
    }
    a.taps++;
  }
  return a;
}

/* Whether bands of dx ask for the next one: thin pixels that no cache holds, of which each residue of the stride has
 * some. Fatter ones are runs that hardware follows; what goes past the caches is not to come into them. */
static int OWN(depthwise_input_asks)(const OWN(depthwise_cut) * c) {
  return !c->wide && !c->tiled && c->s.stride_w > 1 && c->s.c * (int64_t)sizeof(T) <= DW_SHARED_BYTES &&
         depthwise_bytes(&c->s, (int64_t)sizeof(T)) > DW_ASKED_BYTES;
}

/* Asks for part `part` of `parts` of n elements, for the second cache. */
static void OWN(depthwise_ask_part)(const T *from, int64_t n, int64_t part, int64_t parts) {
  enum { LINE = FNN_ALIGN / sizeof(T) };
  const int64_t lines = fnn_ceil_div(n, LINE);
  for (int64_t k = lines * part / parts; k < lines * (part + 1) / parts; k++) __builtin_prefetch(from + k * LINE, 0, 2);
}

static void OWN(depthwise_conv2d_grad_input)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(depthwise_cut) c = OWN(depthwise_input_cut)(call->ints);
  const depthwise_shape *s = &c.s;
  const T *kernel = OWN(depthwise_taps_of)(call, &c);
  OWN(depthwise_images) m = {.channels = c.lanes, .x_row = c.window_row, .y_row = s->stride_h * c.result_row,
                             .y_step = s->stride_w * c.lanes, .x_pixel = c.pixel, .x_step = c.group * c.pixel,
                             .bytes = c.group > 1 ? 0 : depthwise_bytes(s, (int64_t)sizeof(T))};
  const int asks = OWN(depthwise_input_asks)(&c);
  if (c.tiled) {
    m.y_row = c.result_row;
    m.y_step = m.kernel_col = c.lanes;
    m.kernel_row = s->kw * c.lanes;
  }
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t image = unit / c.bands, row = unit % c.bands * c.rows, rows = fnn_min(c.rows, s->h - row);
    int64_t low = c.low_y + row / s->stride_h, high = c.high_y + row / s->stride_h + fnn_ceil_div(rows, s->stride_h);
    const int64_t end_row = fnn_max(0, high); /* of dy */
    T *dx = (T *)call->buf[2] + (image * s->h + row) * s->w * s->c;
    T *to = c.wide && c.result_row != s->w * s->c ? (T *)call->scratch + OWN(depthwise_results_at)(&c) : dx;
    m.x = OWN(depthwise_window)(call, &c, (const T *)call->buf[0] + image * s->oh * s->ow * s->channels, s->oh, s->ow,
                                1, &low, &high);
    if (c.tiled) {
      m.rows = (OWN(depthwise_axis)){.size = s->oh, .origin = floor_div(row + s->pad_top - 1, 2)};
      m.cols = (OWN(depthwise_axis)){.size = s->ow, .origin = floor_div(s->pad_left - 1, 2)};
      m.kernel = kernel;
      m.y = dx;
      m.is_last = !call->ints[DW_EPILOGUE];
      OWN(depthwise_by_tiles)(&m, rows, s->w, OWN(depthwise_input_tiling)[s->pad_top & 1]);
    }
    for (int64_t ry = 0; !c.tiled && ry < fnn_min(s->stride_h, rows); ry++) {
      for (int64_t rx = 0; rx < fnn_min(s->stride_w, s->w); rx++) {
        int64_t ky, kx, step_y, step_x;
        m.rows = OWN(depthwise_residue)(high - low, ry, s->pad_top, s->kh, s->dilation_h, s->stride_h, &ky, &step_y);
        m.cols = OWN(depthwise_residue)(s->ow, rx, s->pad_left, s->kw, s->dilation_w, s->stride_w, &kx, &step_x);
        m.cols = OWN(depthwise_columns)(&c, m.cols);
        m.rows.origin += row / s->stride_h - low;
        m.kernel = kernel + (ky * s->kw + kx) * c.lanes;
        m.kernel_row = -step_y * s->kw * c.lanes;
        m.kernel_col = -step_x * c.lanes;
        m.y = to + ry * c.result_row + rx * c.lanes;
        m.is_last = to == dx && !call->ints[DW_EPILOGUE];
        if (asks && !OWN(depthwise_streams)(&m)) {
          const int64_t part = ry * s->stride_w + rx, parts = s->stride_h * s->stride_w;
          const int64_t dy_rows = fnn_ceil_div(rows, s->stride_h);
          OWN(depthwise_ask_part)(dx + rows * s->w * s->c, rows * s->w * s->c, part, parts);
          OWN(depthwise_ask_part)(m.x + end_row * s->ow * s->c, dy_rows * s->ow * s->c, part, parts);
        }
        OWN(depthwise_correlate)(&m, fnn_ceil_div(rows - ry, s->stride_h), fnn_ceil_div(c.cols - rx, s->stride_w));
      }
    }
    if (to != dx) OWN(depthwise_take)(dx, to, &c, rows, s->w, s->c, s->mult);
    OWN(depthwise_run_program)(call, (image * s->h + row) * s->w, rows * s->w, s->c,
                               OWN(depthwise_program_at)(&c));
  }
  if (m.bytes > CONV_UNCACHED_BYTES) fnn_end_streams();
}
