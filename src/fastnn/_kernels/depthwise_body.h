/* depthwise_body.h: what depthwise.c compiles for float32 and for float64. */

/* How a call is cut. A unit is a band of rows of the result of one image (of y, or of dx). */
typedef struct {
  depthwise_shape s;
  conv_bands bands;
  int64_t wide;                       /* channels of a wide pixel */
  int64_t window_rows, window_cols;   /* of a unit at most */
  int64_t low_y, high_y, low_x;       /* grad_input: shifts of the taps */
  int64_t blocks;                     /* grad_kernel: of the batch */
  int copies;                         /* windows are copied */
} OWN(depthwise_cut);

/* Cuts by rows of the result, one image a unit; window_row is how many elements of the window a row needs. */
static void OWN(depthwise_bands)(OWN(depthwise_cut) * c, int64_t rows, int64_t cols, int64_t step, int64_t window_row) {
  c->bands = conv_bands_of(c->s.n, rows, cols, c->copies ? window_row * (int64_t)sizeof(T) : 0, step);
  c->bands.images = 1;
  c->bands.image_units = c->s.n;
}

static OWN(depthwise_cut) OWN(depthwise_forward_cut)(const int64_t *ints) {
  OWN(depthwise_cut) c = {.s = depthwise_shape_of(ints)};
  const depthwise_shape *s = &c.s;
  const int64_t reach_h = (s->kh - 1) * s->dilation_h + 1, reach_w = (s->kw - 1) * s->dilation_w + 1;
  c.wide = fnn_round_up(s->channels, N);
  c.copies = c.wide != s->c || s->pad_top > 0 || s->pad_left > 0 ||
             (s->oh - 1) * s->stride_h - s->pad_top + reach_h > s->h ||
             (s->ow - 1) * s->stride_w - s->pad_left + reach_w > s->w;
  c.window_cols = (s->ow - 1) * s->stride_w + reach_w;
  OWN(depthwise_bands)(&c, s->oh, s->ow, 1, s->stride_h * c.window_cols * c.wide);
  c.window_rows = (c.bands.rows - 1) * s->stride_h + reach_h;
  c.blocks = fnn_min(c.bands.image_units * c.bands.bands, CONV_UNITS);
  return c;
}

static OWN(depthwise_cut) OWN(depthwise_input_cut)(const int64_t *ints) {
  OWN(depthwise_cut) c = {.s = depthwise_shape_of(ints)};
  const depthwise_shape *s = &c.s;
  int64_t high_x;
  conv_shifts(s->h, s->pad_top, s->kh, s->dilation_h, s->stride_h, &c.low_y, &c.high_y);
  conv_shifts(s->w, s->pad_left, s->kw, s->dilation_w, s->stride_w, &c.low_x, &high_x);
  c.wide = fnn_round_up(s->channels, N);
  c.window_cols = high_x - c.low_x + fnn_ceil_div(s->w, s->stride_w);
  c.copies = c.wide != s->channels || c.low_y < 0 || c.low_x < 0 ||
             c.high_y + fnn_ceil_div(s->h, s->stride_h) > s->oh || c.low_x + c.window_cols > s->ow;
  OWN(depthwise_bands)(&c, s->h, s->w, s->stride_h, fnn_ceil_div(c.window_cols * c.wide, s->stride_h));
  c.window_rows = c.high_y - c.low_y + fnn_ceil_div(c.bands.rows, s->stride_h);
  return c;
}

/* Scratch: the wide kernel, a window, a vector (grad_input), the program's. */
static int64_t OWN(depthwise_window_at)(const OWN(depthwise_cut) * c) { return c->s.taps * c->wide; }
static int64_t OWN(depthwise_vector_at)(const OWN(depthwise_cut) * c) {
  return OWN(depthwise_window_at)(c) + (c->copies ? c->window_rows * c->window_cols * c->wide : 0);
}
static int64_t OWN(depthwise_program_at)(const OWN(depthwise_cut) * c) {
  return fnn_round_up((OWN(depthwise_vector_at)(c) + N) * (int64_t)sizeof(T), FNN_ALIGN);
}

static void OWN(depthwise_work)(const int64_t *ints, const OWN(depthwise_cut) * c, fnn_work *work) {
  const depthwise_shape *s = &c->s;
  const double x = (double)(s->n * s->h * s->w * s->c), y = (double)(s->n * s->oh * s->ow * s->channels);
  work->phases = 1;
  work->units[0] = c->bands.image_units * c->bands.bands;
  work->scratch_bytes = OWN(depthwise_program_at)(c);
  if (ints[DW_EPILOGUE]) work->scratch_bytes += fnn_program_scratch(ints + ints[DW_EPILOGUE], sizeof(T));
  work->flops = 2 * y * (double)s->taps;
  work->bytes = (x + y + (double)(s->taps * s->channels)) * (double)sizeof(T);
}

/* The kernel with whole vectors a tap. */
static void OWN(depthwise_widen_kernel)(const OWN(depthwise_cut) * c, T *out, const T *kernel) {
  for (int64_t tap = 0; tap < c->s.taps; tap++, out += c->wide) {
    memcpy(out, kernel + tap * c->s.channels, sizeof(T) * (size_t)c->s.channels);
    memset(out + c->s.channels, 0, sizeof(T) * (size_t)(c->wide - c->s.channels));
  }
}

/* Rows [y, y+rows) and columns [x, x+cols) of one image (h, w, channels) as wide pixels, each channel `mult` times. */
static const T *OWN(depthwise_window)(const OWN(depthwise_cut) * c, const T *image, int64_t h, int64_t w,
                                      int64_t channels, int64_t mult, int64_t y, int64_t rows, int64_t x, T *space) {
  T *out = space;
  for (int64_t row = y; row < y + rows; row++) {
    for (int64_t col = x; col < x + c->window_cols; col++, out += c->wide) {
      if (row < 0 || row >= h || col < 0 || col >= w) {
        memset(out, 0, sizeof(T) * (size_t)c->wide);
        continue;
      }
      const T *from = image + (row * w + col) * channels;
      if (mult == 1) {
        memcpy(out, from, sizeof(T) * (size_t)channels);
      } else {
        for (int64_t k = 0; k < channels; k++)
          for (int64_t m = 0; m < mult; m++) out[k * mult + m] = from[k];
      }
      memset(out + channels * mult, 0, sizeof(T) * (size_t)(c->wide - channels * mult));
    }
  }
  return space;
}

/* acc[p] = the sum over taps (ky < kh, kx < kw) of a vector of x and one of the kernel, for `pixels` (a constant). */
typedef struct {
  const T *x, *kernel; /* of the first pixel and tap */
  int64_t kh, kw, tap_row, tap_col, kernel_row, kernel_col, pixel;
} OWN(depthwise_sums);

FNN_INLINE void OWN(depthwise_sum)(const OWN(depthwise_sums) * s, V *acc, const int pixels) {
  V sum[DW_PIXELS];
#pragma GCC unroll 8
  for (int p = 0; p < pixels; p++) sum[p] = (V){0};
  for (int64_t ky = 0; ky < s->kh; ky++) {
    for (int64_t kx = 0; kx < s->kw; kx++) {
      const V k = FN(load)(s->kernel + ky * s->kernel_row + kx * s->kernel_col);
      const T *x = s->x + ky * s->tap_row + kx * s->tap_col;
#pragma GCC unroll 8
      for (int p = 0; p < pixels; p++) sum[p] += FN(load)(x + p * s->pixel) * k;
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < pixels; p++) acc[p] = sum[p];
}

/* The sums of pixels [0, n), n <= DW_PIXELS: all at once or one by one, with the same bits. */
static void OWN(depthwise_pixels)(OWN(depthwise_sums) s, V *acc, int64_t n) {
  if (n == DW_PIXELS) {
    OWN(depthwise_sum)(&s, acc, DW_PIXELS);
    return;
  }
  for (int64_t p = 0; p < n; p++, s.x += s.pixel) OWN(depthwise_sum)(&s, acc + p, 1);
}

static void OWN(depthwise_run_program)(const fnn_call *call, const OWN(depthwise_cut) * c, int64_t row, int64_t rows,
                                       int64_t cols) {
  const int64_t at = call->ints[DW_EPILOGUE];
  if (at && rows && cols)
    call->program[TYPE_DTYPE == FNN_F64](call->ints + at, call, row, rows, 0, cols,
                                         call->scratch + OWN(depthwise_program_at)(c));
}

/* ---- depthwise_conv2d ---- */

static void OWN(depthwise_conv2d_size)(const int64_t *ints, fnn_work *work) {
  const OWN(depthwise_cut) c = OWN(depthwise_forward_cut)(ints);
  OWN(depthwise_work)(ints, &c, work);
}

/* Image `image` and rows [*row, *row + *rows) of a unit. */
FNN_INLINE int64_t OWN(depthwise_unit)(const OWN(depthwise_cut) * c, int64_t unit, int64_t all_rows, int64_t *row,
                                       int64_t *rows) {
  *row = unit % c->bands.bands * c->bands.rows;
  *rows = fnn_min(c->bands.rows, all_rows - *row);
  return unit / c->bands.bands;
}

/* The window of x that result rows [row, row + rows) need; *x_row is its row's length. */
static const T *OWN(depthwise_input_window)(const fnn_call *call, const OWN(depthwise_cut) * c, int64_t image,
                                            int64_t row, int64_t rows, int64_t *x_row) {
  const depthwise_shape *s = &c->s;
  const T *x = (const T *)call->buf[0] + image * s->h * s->w * s->c;
  const int64_t y = row * s->stride_h - s->pad_top;
  *x_row = (c->copies ? c->window_cols : s->w) * c->wide;
  if (!c->copies) return x + (y * s->w - s->pad_left) * s->c;
  return OWN(depthwise_window)(c, x, s->h, s->w, s->c, s->mult, y,
                               (rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1, -s->pad_left,
                               (T *)call->scratch + OWN(depthwise_window_at)(c));
}

static void OWN(depthwise_conv2d)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(depthwise_cut) c = OWN(depthwise_forward_cut)(call->ints);
  const depthwise_shape *s = &c.s;
  T *kernel = (T *)call->scratch;
  OWN(depthwise_widen_kernel)(&c, kernel, (const T *)call->buf[1]);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t row, rows, x_row;
    const int64_t image = OWN(depthwise_unit)(&c, unit, s->oh, &row, &rows);
    const T *x = OWN(depthwise_input_window)(call, &c, image, row, rows, &x_row);
    T *y = (T *)call->buf[2] + (image * s->oh + row) * s->ow * s->channels;
    OWN(depthwise_sums) sums = {.kh = s->kh, .kw = s->kw, .tap_row = s->dilation_h * x_row,
                                .tap_col = s->dilation_w * c.wide, .kernel_row = s->kw * c.wide, .kernel_col = c.wide,
                                .pixel = s->stride_w * c.wide};
    for (int64_t oy = 0; oy < rows; oy++) {
      for (int64_t j = 0; j < s->channels; j += N) {
        for (int64_t ox = 0; ox < s->ow; ox += DW_PIXELS) {
          V acc[DW_PIXELS];
          const int64_t pixels = fnn_min(DW_PIXELS, s->ow - ox), lanes = s->channels - j;
          sums.x = x + oy * s->stride_h * x_row + ox * sums.pixel + j;
          sums.kernel = kernel + j;
          OWN(depthwise_pixels)(sums, acc, pixels);
          T *out = y + (oy * s->ow + ox) * s->channels + j;
          for (int64_t p = 0; p < pixels; p++, out += s->channels) {
            if (lanes < N) FN(store_part)(out, acc[p], lanes);
            else FN(store)(out, acc[p]);
          }
        }
      }
    }
    OWN(depthwise_run_program)(call, &c, (image * s->oh + row) * s->ow, rows * s->ow, s->channels);
  }
}

/* ---- depthwise_conv2d_grad_input ---- */

static void OWN(depthwise_conv2d_grad_input_size)(const int64_t *ints, fnn_work *work) {
  const OWN(depthwise_cut) c = OWN(depthwise_input_cut)(ints);
  OWN(depthwise_work)(ints, &c, work);
}

/* The taps of one residue along an axis: the last one (the least shift), how many, and the distance of neighbours in
 * taps and in shifts. Taps of a residue are evenly spaced. */
typedef struct {
  int64_t last, count, tap_step, shift, shift_step;
} OWN(depthwise_taps);

static OWN(depthwise_taps) OWN(depthwise_taps_of)(int64_t residue, int64_t pad, int64_t taps, int64_t dilation,
                                                  int64_t stride) {
  OWN(depthwise_taps) t = {0};
  int64_t shift;
  for (int64_t k = taps - 1; k >= 0; k--) {
    if (!conv_shift(residue, pad, k, dilation, stride, &shift)) continue;
    if (t.count == 0) {
      t.last = k;
      t.shift = shift;
    } else if (t.count == 1) {
      t.tap_step = t.last - k;
      t.shift_step = shift - t.shift;
    }
    t.count++;
  }
  return t;
}

/* Stores the wide vector j of `pixels` results to dx (each `step` elements from the one before), adding the `mult`
 * channels that belong to one of x. A channel's group may begin in one vector and end in a later one. */
static void OWN(depthwise_store_input)(const depthwise_shape *s, T *dx, int64_t step, int64_t j, const V *acc,
                                       int64_t pixels, T *space) {
  const int64_t lanes = fnn_min(N, s->channels - j);
  for (int64_t p = 0; p < pixels; p++, dx += step) {
    if (s->mult == 1) {
      if (lanes < N) FN(store_part)(dx + j, acc[p], lanes);
      else FN(store)(dx + j, acc[p]);
      continue;
    }
    FN(store)(space, acc[p]);
    for (int64_t k = 0; k < lanes; k++) {
      const int64_t channel = (j + k) / s->mult;
      dx[channel] = (j + k) % s->mult ? dx[channel] + space[k] : space[k];
    }
  }
}

static void OWN(depthwise_input_residue)(const fnn_call *call, const OWN(depthwise_cut) * c, const T *dy, int64_t dy_row,
                                         T *dx, int64_t rows, int64_t residue_y, int64_t residue_x) {
  const depthwise_shape *s = &c->s;
  const OWN(depthwise_taps) ty =
    OWN(depthwise_taps_of)(residue_y, s->pad_top, s->kh, s->dilation_h, s->stride_h);
  const OWN(depthwise_taps) tx =
    OWN(depthwise_taps_of)(residue_x, s->pad_left, s->kw, s->dilation_w, s->stride_w);
  OWN(depthwise_sums) sums = {.kh = ty.count, .kw = tx.count, .tap_row = ty.shift_step * dy_row,
                              .tap_col = tx.shift_step * c->wide, .kernel_row = -ty.tap_step * s->kw * c->wide,
                              .kernel_col = -tx.tap_step * c->wide, .pixel = c->wide};
  const T *kernel = (const T *)call->scratch + (ty.last * s->kw + tx.last) * c->wide;
  T *space = (T *)call->scratch + OWN(depthwise_vector_at)(c);
  const int64_t n_rows = fnn_ceil_div(rows - residue_y, s->stride_h), step = s->stride_w * s->c;
  const int64_t cols = fnn_ceil_div(s->w - residue_x, s->stride_w);
  if (!ty.count || !tx.count) sums.kh = sums.kw = 0; /* no tap reaches them: zeros */
  for (int64_t row = 0; row < n_rows; row++) {
    T *out = dx + ((residue_y + row * s->stride_h) * s->w + residue_x) * s->c;
    const T *from = dy;
    if (sums.kh) from += (ty.shift - c->low_y + row) * dy_row + (tx.shift - c->low_x) * c->wide;
    for (int64_t col = 0; col < cols; col += DW_PIXELS) {
      const int64_t pixels = fnn_min(DW_PIXELS, cols - col);
      for (int64_t j = 0; j < s->channels; j += N) {
        V acc[DW_PIXELS];
        sums.x = from + col * c->wide + j;
        sums.kernel = kernel + j;
        OWN(depthwise_pixels)(sums, acc, pixels);
        OWN(depthwise_store_input)(s, out + col * step, step, j, acc, pixels, space);
      }
    }
  }
}

static void OWN(depthwise_conv2d_grad_input)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(depthwise_cut) c = OWN(depthwise_input_cut)(call->ints);
  const depthwise_shape *s = &c.s;
  OWN(depthwise_widen_kernel)(&c, (T *)call->scratch, (const T *)call->buf[1]);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t row, rows;
    const int64_t image = OWN(depthwise_unit)(&c, unit, s->h, &row, &rows), j = row / s->stride_h;
    const T *dy = (const T *)call->buf[0] + image * s->oh * s->ow * s->channels;
    if (c.copies)
      dy = OWN(depthwise_window)(&c, dy, s->oh, s->ow, s->channels, 1, c.low_y + j,
                                 c.high_y - c.low_y + fnn_ceil_div(rows, s->stride_h), c.low_x,
                                 (T *)call->scratch + OWN(depthwise_window_at)(&c));
    else
      dy += ((c.low_y + j) * s->ow + c.low_x) * s->channels;
    const int64_t dy_row = (c.copies ? c.window_cols : s->ow) * c.wide;
    T *dx = (T *)call->buf[2] + (image * s->h + row) * s->w * s->c;
    for (int64_t residue_y = 0; residue_y < fnn_min(s->stride_h, rows); residue_y++)
      for (int64_t residue_x = 0; residue_x < fnn_min(s->stride_w, s->w); residue_x++)
        OWN(depthwise_input_residue)(call, &c, dy, dy_row, dx, rows, residue_y, residue_x);
    OWN(depthwise_run_program)(call, &c, (image * s->h + row) * s->w, rows * s->w, s->c);
  }
}

/* ---- depthwise_conv2d_grad_kernel ---- */

static void OWN(depthwise_conv2d_grad_kernel_size)(const int64_t *ints, fnn_work *work) {
  const OWN(depthwise_cut) c = OWN(depthwise_forward_cut)(ints);
  OWN(depthwise_work)(ints, &c, work);
  work->phases = 2;
  work->units[0] = c.blocks;
  work->units[1] = c.s.taps;
  work->shared_bytes = c.blocks * c.s.taps * c.wide * (int64_t)sizeof(T);
}

/* The sum over a row of `pixels` of x times dy, vector by vector, in four chains. */
FNN_INLINE V OWN(depthwise_row)(V sum, const T *x, int64_t x_pixel, const T *dy, int64_t dy_pixel, int64_t pixels,
                                int64_t lanes) {
  V chain[4] = {sum, {0}, {0}, {0}};
  int64_t p = 0;
  if (lanes >= N) {
    for (; p + 4 <= pixels; p += 4)
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) chain[k] += FN(load)(x + (p + k) * x_pixel) * FN(load)(dy + (p + k) * dy_pixel);
    for (; p < pixels; p++) chain[0] += FN(load)(x + p * x_pixel) * FN(load)(dy + p * dy_pixel);
  } else {
    for (; p < pixels; p++) chain[0] += FN(load)(x + p * x_pixel) * FN(load_part)(dy + p * dy_pixel, lanes);
  }
  return (chain[0] + chain[1]) + (chain[2] + chain[3]);
}

static void OWN(depthwise_kernel_block)(const fnn_call *call, const OWN(depthwise_cut) * c, int64_t block) {
  const depthwise_shape *s = &c->s;
  const int64_t bands = c->bands.image_units * c->bands.bands;
  const int64_t begin = bands * block / c->blocks, end = bands * (block + 1) / c->blocks;
  T *partial = (T *)call->shared + block * s->taps * c->wide;
  memset(partial, 0, sizeof(T) * (size_t)(s->taps * c->wide));
  for (int64_t band = begin; band < end; band++) {
    int64_t row, rows, x_row;
    const int64_t image = OWN(depthwise_unit)(c, band, s->oh, &row, &rows);
    const T *x = OWN(depthwise_input_window)(call, c, image, row, rows, &x_row);
    const T *dy = (const T *)call->buf[1] + (image * s->oh + row) * s->ow * s->channels;
    for (int64_t tap = 0; tap < s->taps; tap++) {
      const T *at = x + tap / s->kw * s->dilation_h * x_row + tap % s->kw * s->dilation_w * c->wide;
      for (int64_t j = 0; j < s->channels; j += N) {
        V sum = FN(load)(partial + tap * c->wide + j);
        for (int64_t oy = 0; oy < rows; oy++)
          sum = OWN(depthwise_row)(sum, at + oy * s->stride_h * x_row + j, s->stride_w * c->wide,
                                   dy + oy * s->ow * s->channels + j, s->channels, s->ow, s->channels - j);
        FN(store)(partial + tap * c->wide + j, sum);
      }
    }
  }
}

static void OWN(depthwise_conv2d_grad_kernel)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(depthwise_cut) c = OWN(depthwise_forward_cut)(call->ints);
  const depthwise_shape *s = &c.s;
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0) {
      OWN(depthwise_kernel_block)(call, &c, unit);
      continue;
    }
    for (int64_t j = 0; j < s->channels; j += N) { /* unit is a tap: add the blocks */
      V sum = {0};
      for (int64_t block = 0; block < c.blocks; block++)
        sum += FN(load)((const T *)call->shared + (block * s->taps + unit) * c.wide + j);
      T *out = (T *)call->buf[2] + unit * s->channels + j;
      if (s->channels - j < N) FN(store_part)(out, sum, s->channels - j);
      else FN(store)(out, sum);
    }
  }
}
