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

/* Takes v for `best`, and `at` for `place`, where v is greater, or the first NaN. Kept as a loop, this becomes two
 * comparisons and two masked moves. */
FNN_INLINE void OWN(keep_greater)(V *best, V *place, V v, V at) {
  T x[N], top[N], from[N], to[N];
  memcpy(x, &v, sizeof x);
  memcpy(top, best, sizeof top);
  memcpy(from, &at, sizeof from);
  memcpy(to, place, sizeof to);
#pragma GCC unroll 1
  for (int k = 0; k < N; k++) {
    const int is_better = !(x[k] <= top[k]) & (top[k] == top[k]);
    top[k] = is_better ? x[k] : top[k];
    to[k] = is_better ? from[k] : to[k];
  }
  memcpy(best, top, sizeof top);
  memcpy(place, to, sizeof to);
}

/* The number of the first maximum's position in a window of `rows` by `cols`, exact in T. Rows are searched apart, so
 * that the comparisons are no chain. */
FNN_INLINE V OWN(max_place)(const T *x, int64_t rows, int64_t cols, int64_t line, int64_t pixel, int64_t n) {
  V best = {0}, place = {0};
#pragma GCC unroll 3
  for (int64_t ky = 0; ky < rows; ky++) {
    V row_best = OWN(load_n)(x + ky * line, n), row_place = FN(splat)((T)(ky * cols));
#pragma GCC unroll 3
    for (int64_t kx = 1; kx < cols; kx++) {
      const V v = OWN(load_n)(x + ky * line + kx * pixel, n);
      OWN(keep_greater)(&row_best, &row_place, v, FN(splat)((T)(ky * cols + kx)));
    }
    if (ky) OWN(keep_greater)(&best, &place, row_best, row_place);
    else best = row_best, place = row_place;
  }
  return place;
}

/* dy where the place is `at`, else 0. */
FNN_INLINE V OWN(at_place)(V dy, V place, int64_t at) {
  T d[N], here[N];
  memcpy(d, &dy, sizeof d);
  memcpy(here, &place, sizeof here);
#pragma GCC unroll 1
  for (int k = 0; k < N; k++) d[k] = here[k] == (T)at ? d[k] : 0;
  memcpy(&dy, d, sizeof d);
  return dy;
}

/* dx and x point to the window's first element. */
FNN_INLINE void OWN(give_max)(T *dx, const T *x, V dy, window_part g, int64_t n, int is_first) {
  const V place = OWN(max_place)(x, g.all, g.cols, g.line, g.pixel, n);
  for (int64_t ky = g.skip; ky < g.skip + g.rows; ky++)
    for (int64_t kx = 0; kx < g.cols; kx++)
      OWN(give)(dx + ky * g.line + kx * g.pixel, OWN(at_place)(dy, place, ky * g.cols + kx), n, is_first);
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

/* Whole windows of a row of results, `count` of them: x and dx point to the first one's first element, dy to its
 * result. Rows [from, to) of the windows lie in the band. */
typedef struct {
  const T *x, *dy;
  T *dx;
  int64_t count, c, line, from, to;
} OWN(max_row);

/* Channels [i, i + n) of them. What neighbours share of dx stays in registers from one window to the next: a sum
 * through memory would wait for the one before. `k` and `stride`, those of rows and columns, are constants of each
 * caller; where windows share nothing, dx is not read. */
FNN_INLINE void OWN(give_max_row)(const OWN(max_row) * g, int64_t i, int64_t n, const int k, const int stride) {
  const int shared = k - stride;
  const int64_t c = g->c, line = g->line, from = g->from, to = g->to;
  const T *x = g->x + i, *dy = g->dy + i, *ahead = g->x + i * g->count * stride;
  T *dx = g->dx + i;
  V sum[3][3] = {{{0}}};
#pragma GCC unroll 3
  for (int ky = 0; ky < k; ky++)
#pragma GCC unroll 3
    for (int kx = 0; kx < shared; kx++)
      if (ky >= from && ky < to) sum[ky][kx] = OWN(load_n)(dx + ky * line + kx * c, n);
  for (int64_t w = 0; w < g->count; w++, x += stride * c, dx += stride * c, dy += c, ahead += stride * N) {
    /* Asks for the rows that the next windows below add, in the order of memory: together the channels' calls ask for
     * all of it once. */
#pragma GCC unroll 3
    for (int ky = k; ky < k + stride; ky++)
#pragma GCC unroll 3
      for (int kx = 0; kx < stride; kx++) __builtin_prefetch(ahead + ky * line + kx * N);
    if (shared) __builtin_prefetch(dy + AHEAD * c);
    const V d = OWN(load_n)(dy, n), place = OWN(max_place)(x, k, k, line, c, n);
#pragma GCC unroll 3
    for (int ky = 0; ky < k; ky++) {
      if (ky < from || ky >= to) continue;
      T *out = dx + ky * line;
#pragma GCC unroll 3
      for (int kx = 0; kx < k; kx++) {
        const V part = OWN(at_place)(d, place, ky * k + kx);
        if (!shared) sum[ky][kx] = part;
        else sum[ky][kx] = (kx < shared ? sum[ky][kx] : OWN(load_n)(out + kx * c, n)) + part;
        if (kx < stride) OWN(store_n)(out + kx * c, sum[ky][kx], n);
      }
#pragma GCC unroll 3
      for (int kx = 0; kx < shared; kx++) sum[ky][kx] = sum[ky][kx + stride];
    }
  }
#pragma GCC unroll 3
  for (int ky = 0; ky < k; ky++)
#pragma GCC unroll 3
    for (int kx = 0; kx < shared; kx++)
      if (ky >= from && ky < to) OWN(store_n)(dx + ky * line + kx * c, sum[ky][kx], n);
}

/* Windows run together are few, so that memory is read nearly in its order. */
#define MAX_ROW(k, stride)                                                                                             \
  static __attribute__((noinline)) void OWN(max_row_##k##stride)(const OWN(max_row) * all) {                           \
    OWN(max_row) g = *all;                                                                                             \
    const int64_t run = k > stride ? fnn_max(1, RUN / (stride * g.c)) : 1;                                             \
    for (int64_t w = 0; w < all->count; w += run) {                                                                    \
      int64_t i = 0;                                                                                                   \
      g.count = k > stride ? fnn_min(run, all->count - w) : 1;                                                         \
      for (; i + N <= g.c; i += N) OWN(give_max_row)(&g, i, N, k, stride);                                             \
      if (i < g.c) OWN(give_max_row)(&g, i, g.c - i, k, stride);                                                       \
      g.x += run * stride * g.c, g.dx += run * stride * g.c, g.dy += run * g.c;                                        \
    }                                                                                                                  \
  }
MAX_ROW(2, 2) MAX_ROW(3, 1) MAX_ROW(3, 2)
#undef MAX_ROW

typedef void OWN(max_row_fn)(const OWN(max_row) * row);

/* The one for such windows, or NULL. */
static OWN(max_row_fn) *OWN(max_row_of)(const pool *p) {
  if (p->kh != p->kw || p->sh != p->sw) return NULL;
  if (p->kh == 2 && p->sh == 2) return OWN(max_row_22);
  if (p->kh == 3 && p->sh == 1) return OWN(max_row_31);
  return p->kh == 3 && p->sh == 2 ? OWN(max_row_32) : NULL;
}

/* Rows [first, last) of image `i` of dx, from all windows that reach them, in order. Rows that no further window
 * reaches go through the epilogue a unit's worth at a time, while they are in the cache; returns how many did. */
FNN_INLINE int64_t OWN(gradient_band)(const fnn_call *call, const pool *p, int64_t i, int64_t first, int64_t last,
                                      const T *x, T *dx, OWN(give_fn) *give, OWN(max_row_fn) *give_row) {
  int64_t line = p->w * p->c, is_first = is_disjoint(p), is_adjacent = p->sh == p->kh && p->sw == p->kw;
  int64_t covered = is_adjacent ? fnn_min(p->w, p->ow * p->sw - p->left) * p->c : 0; /* windows write these anyway */
  const T *dy = (const T *)call->buf[0] + i * p->oh * p->ow * p->c;
  T *image_dx = dx + i * p->h * line;
  const T *image = x + i * p->h * line;
  span whole = whole_windows(p->w, p->ow, p->kw, p->sw, p->left);
  int64_t oy = fnn_max(0, first + p->top - p->kh + 1), until = fnn_min(p->oh, (last - 1 + p->top) / p->sh + 1);
  int64_t cleared = first, finished = first;
  for (oy = fnn_ceil_div(oy, p->sh); oy < until; oy++) {
    span ys = window_span(oy, p->sh, p->top, p->kh, p->h);
    int64_t from = fnn_max(ys.first, first), to = fnn_min(ys.last, last);
    if (from - finished >= fnn_max(1, UNIT / line)) {
      OWN(finish)(call, (i * p->h + finished) * p->w, (from - finished) * p->w);
      finished = from;
    }
    for (; cleared < to; cleared++)
      memset(image_dx + cleared * line + covered, 0, (size_t)(line - covered) * sizeof(T));
    for (int64_t ox = 0; ox < p->ow; ox++) {
      span xs = window_span(ox, p->sw, p->left, p->kw, p->w);
      int64_t at = ys.first * line + xs.first * p->c;
      const T *from_dy = dy + (oy * p->ow + ox) * p->c;
      window_part g = {ys.last - ys.first, from - ys.first, to - from, xs.last - xs.first, line, p->c};
      if (give_row && ox == whole.first && ox < whole.last && g.all == p->kh) {
        OWN(max_row) row = {image + at, from_dy, image_dx + at, whole.last - ox, p->c, line, g.skip, g.skip + g.rows};
        give_row(&row);
        ox = whole.last - 1;
      } else if (!give_row && g.all == 2 && g.rows == 2 && g.cols == 2 && is_first) { /* unrolled */
        OWN(give_channels)(image_dx + at, image + at, from_dy, (window_part){2, 0, 2, 2, line, p->c}, p->c, 1, give);
      } else {
        OWN(give_channels)(image_dx + at, image + at, from_dy, g, p->c, (int)is_first, give);
      }
    }
  }
  memset(image_dx + cleared * line, 0, (size_t)((last - cleared) * line) * sizeof(T));
  return finished - first;
}

FNN_INLINE void OWN(gradient)(const fnn_call *call, int64_t begin, int64_t end, const T *x, T *dx,
                              OWN(give_fn) *give, OWN(max_row_fn) *give_row) {
  pool p = read_pool(call->ints);
  band_split split = gradient_bands(&p);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t image = unit / split.bands * split.images, last_image = fnn_min(p.n, image + split.images);
    int64_t row = unit % split.bands * split.rows, last_row = fnn_min(p.h, row + split.rows), done = 0;
    for (int64_t i = image; i < last_image; i++) /* done: 0 of several images, which are small */
      done = OWN(gradient_band)(call, &p, i, row, last_row, x, dx, give, give_row);
    OWN(finish)(call, (image * p.h + row + done) * p.w, ((last_image - image) * (last_row - row) - done) * p.w);
  }
}

/* max_pool2d_grad: dy, x, dx. Each dy is added to the first maximum of its window, row by row (a NaN is greater than
 * all numbers); the positions are found again from x. */
static void OWN(max_pool2d_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const pool p = read_pool(call->ints);
  OWN(gradient)(call, begin, end, (const T *)call->buf[1], (T *)call->buf[2], OWN(give_max),
                OWN(max_row_of)(&p));
}

/* average_pool2d_grad: dy, dx. Each dy, divided by the elements of its window, is added to all of them. */
static void OWN(average_pool2d_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(gradient)(call, begin, end, (const T *)call->buf[1], (T *)call->buf[1], OWN(give_mean),
                NULL);
}
