/* pool2d_body.h: what pool2d.c compiles for float32 and for float64 (T, V, M, N, FN, OWN: types_f32.h). */

static void OWN(max_pool2d_size)(const int64_t *ints, fnn_work *work) { pool_size(ints, work, 0, 1, sizeof(T)); }
static void OWN(average_pool2d_size)(const int64_t *ints, fnn_work *work) { pool_size(ints, work, 0, 1, sizeof(T)); }
static void OWN(max_pool2d_grad_size)(const int64_t *ints, fnn_work *work) { pool_size(ints, work, 1, 2, sizeof(T)); }
static void OWN(average_pool2d_grad_size)(const int64_t *ints, fnn_work *work) {
  pool_size(ints, work, 1, 1, sizeof(T));
}

/* The epilogue on `rows` pixels of the output from pixel `row` on. */
FNN_INLINE void OWN(finish)(const fnn_call *call, int64_t row, int64_t rows) {
  const int64_t *ints = call->ints;
  if (ints[12]) call->program[TYPE_DTYPE == FNN_F64](ints + ints[12], call, row, rows, 0, ints[3], call->scratch);
}

FNN_INLINE V OWN(load_n)(const T *p, int64_t n) { return n == N ? FN(load)(p) : FN(load_part)(p, n); }
FNN_INLINE void OWN(store_n)(T *p, V v, int64_t n) {
  if (n == N) FN(store)(p, v);
  else FN(store_part)(p, v, n);
}

/* ---- forward ---- */

/* One result for n (at most N) channels: x points to the window's first element; `pixel` and `line` are the strides of
 * columns and rows. */
FNN_INLINE V OWN(window_max)(const T *x, int64_t rows, int64_t cols, int64_t line, int64_t pixel, int64_t n) {
  V best = OWN(load_n)(x, n);
  for (int64_t ky = 0; ky < rows; ky++) {
    for (int64_t kx = 0; kx < cols; kx++) {
      V v = OWN(load_n)(x + ky * line + kx * pixel, n);
      best = FN(select)((v > best) | (v != v), v, best); /* NaN wins and stays */
    }
  }
  return best;
}

FNN_INLINE V OWN(window_mean)(const T *x, int64_t rows, int64_t cols, int64_t line, int64_t pixel, int64_t n) {
  V sum = {0};
  for (int64_t ky = 0; ky < rows; ky++)
    for (int64_t kx = 0; kx < cols; kx++) sum += OWN(load_n)(x + ky * line + kx * pixel, n);
  return sum / (T)(rows * cols);
}

typedef V OWN(window_fn)(const T *x, int64_t rows, int64_t cols, int64_t line, int64_t pixel, int64_t n);

FNN_INLINE void OWN(window_channels)(T *y, const T *x, int64_t rows, int64_t cols, const pool *p,
                                     OWN(window_fn) *window) {
  int64_t line = p->w * p->c, i = 0;
  for (; i + N <= p->c; i += N) FN(store)(y + i, window(x + i, rows, cols, line, p->c, N));
  if (i < p->c) FN(store_part)(y + i, window(x + i, rows, cols, line, p->c, p->c - i), p->c - i);
}

FNN_INLINE void OWN(forward)(const fnn_call *call, int64_t begin, int64_t end, OWN(window_fn) *window) {
  pool p = read_pool(call->ints);
  int64_t step = forward_rows(&p);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t first = unit * step, last = fnn_min(p.n * p.oh, first + step);
    for (int64_t row = first; row < last; row++) {
      span ys = window_span(row % p.oh, p.sh, p.top, p.kh, p.h);
      const T *image = (const T *)call->buf[0] + row / p.oh * p.h * p.w * p.c;
      T *y = (T *)call->buf[1] + row * p.ow * p.c;
      for (int64_t ox = 0; ox < p.ow; ox++, y += p.c) {
        span xs = window_span(ox, p.sw, p.left, p.kw, p.w);
        const T *x = image + (ys.first * p.w + xs.first) * p.c;
        int64_t rows = ys.last - ys.first, cols = xs.last - xs.first;
        if (rows == 2 && cols == 2) OWN(window_channels)(y, x, 2, 2, &p, window); /* unrolled */
        else OWN(window_channels)(y, x, rows, cols, &p, window);
      }
    }
    OWN(finish)(call, first * p.ow, (last - first) * p.ow);
  }
}

/* max_pool2d: x, y. The greatest element of each window; NaN where there is one. */
static void OWN(max_pool2d)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(forward)(call, begin, end, OWN(window_max));
}

/* average_pool2d: x, y. The mean of each window: summed row by row in T, then divided. */
static void OWN(average_pool2d)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(forward)(call, begin, end, OWN(window_mean));
}

/* ---- gradients ---- */

FNN_INLINE void OWN(give)(T *dx, V v, int64_t n, int is_first) {
  OWN(store_n)(dx, is_first ? v : OWN(load_n)(dx, n) + v, n);
}

/* dx and x point to the window's first element. */
FNN_INLINE void OWN(give_max)(T *dx, const T *x, V dy, window_part g, int64_t n, int is_first) {
  V best = OWN(load_n)(x, n), place = {0}; /* place: the number of the first maximum's position, exact in T */
  for (int64_t ky = 0; ky < g.all; ky++) {
    for (int64_t kx = 0; kx < g.cols; kx++) {
      V v = OWN(load_n)(x + ky * g.line + kx * g.pixel, n);
      M is_better = (v > best) | ((v != v) & (best == best));
      best = FN(select)(is_better, v, best);
      place = FN(select)(is_better, FN(splat)((T)(ky * g.cols + kx)), place);
    }
  }
  for (int64_t ky = g.skip; ky < g.skip + g.rows; ky++)
    for (int64_t kx = 0; kx < g.cols; kx++)
      OWN(give)(dx + ky * g.line + kx * g.pixel, (V)((M)dy & (place == (T)(ky * g.cols + kx))), n, is_first);
}

FNN_INLINE void OWN(give_mean)(T *dx, const T *x, V dy, window_part g, int64_t n, int is_first) {
  (void)x;
  V share = dy / (T)(g.all * g.cols);
  for (int64_t ky = g.skip; ky < g.skip + g.rows; ky++)
    for (int64_t kx = 0; kx < g.cols; kx++) OWN(give)(dx + ky * g.line + kx * g.pixel, share, n, is_first);
}

typedef void OWN(give_fn)(T *dx, const T *x, V dy, window_part g, int64_t n, int is_first);

FNN_INLINE void OWN(give_channels)(T *dx, const T *x, const T *dy, window_part g, int64_t c, int is_first,
                                   OWN(give_fn) *give) {
  int64_t i = 0;
  for (; i + N <= c; i += N) give(dx + i, x + i, FN(load)(dy + i), g, N, is_first);
  if (i < c) give(dx + i, x + i, FN(load_part)(dy + i, c - i), g, c - i, is_first);
}

/* Rows [first, last) of image `i` of dx, from all windows that reach them, in order. */
FNN_INLINE void OWN(gradient_band)(const fnn_call *call, const pool *p, int64_t i, int64_t first, int64_t last,
                                   const T *x, T *dx, OWN(give_fn) *give) {
  int64_t line = p->w * p->c, is_first = is_disjoint(p);
  const T *dy = (const T *)call->buf[0] + i * p->oh * p->ow * p->c;
  T *image_dx = dx + i * p->h * line;
  const T *image = x + i * p->h * line;
  if (!is_tiling(p)) memset(image_dx + first * line, 0, (size_t)((last - first) * line) * sizeof(T));
  int64_t oy = fnn_max(0, first + p->top - p->kh + 1), until = fnn_min(p->oh, (last - 1 + p->top) / p->sh + 1);
  for (oy = fnn_ceil_div(oy, p->sh); oy < until; oy++) {
    span ys = window_span(oy, p->sh, p->top, p->kh, p->h);
    int64_t from = fnn_max(ys.first, first), to = fnn_min(ys.last, last);
    for (int64_t ox = 0; ox < p->ow; ox++) {
      span xs = window_span(ox, p->sw, p->left, p->kw, p->w);
      window_part g = {ys.last - ys.first, from - ys.first, to - from, xs.last - xs.first, line, p->c};
      int64_t at = ys.first * line + xs.first * p->c;
      const T *from_dy = dy + (oy * p->ow + ox) * p->c;
      if (g.all == 2 && g.rows == 2 && g.cols == 2 && is_first)
        OWN(give_channels)(image_dx + at, image + at, from_dy, (window_part){2, 0, 2, 2, line, p->c}, p->c, 1, give);
      else
        OWN(give_channels)(image_dx + at, image + at, from_dy, g, p->c, (int)is_first, give);
    }
  }
}

FNN_INLINE void OWN(gradient)(const fnn_call *call, int64_t begin, int64_t end, const T *x, T *dx,
                              OWN(give_fn) *give) {
  pool p = read_pool(call->ints);
  band_split split = gradient_bands(&p);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t image = unit / split.bands * split.images, last_image = fnn_min(p.n, image + split.images);
    int64_t row = unit % split.bands * split.rows, last_row = fnn_min(p.h, row + split.rows);
    for (int64_t i = image; i < last_image; i++) OWN(gradient_band)(call, &p, i, row, last_row, x, dx, give);
    OWN(finish)(call, (image * p.h + row) * p.w, (last_image - image) * (last_row - row) * p.w);
  }
}

/* max_pool2d_grad: dy, x, dx. Each dy is added to the first maximum of its window, row by row (a NaN is greater than
 * all numbers); the positions are found again from x. */
static void OWN(max_pool2d_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(gradient)(call, begin, end, (const T *)call->buf[1], (T *)call->buf[2], OWN(give_max));
}

/* average_pool2d_grad: dy, dx. Each dy, divided by the elements of its window, is added to all of them. */
static void OWN(average_pool2d_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(gradient)(call, begin, end, (const T *)call->buf[1], (T *)call->buf[1], OWN(give_mean));
}
