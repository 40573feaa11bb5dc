/* pool2d_body.h: what pool2d.c compiles for float32 and for float64 (T, V, M, N, FN, OWN: types_f32.h). */

static void OWN(max_pool2d_size)(const int64_t *ints, fnn_work *work) { pool_size(ints, work, FORWARD, sizeof(T)); }
static void OWN(average_pool2d_size)(const int64_t *ints, fnn_work *work) { pool_size(ints, work, FORWARD, sizeof(T)); }
static void OWN(max_pool2d_grad_size)(const int64_t *ints, fnn_work *work) {
  pool_size(ints, work, OF_MAX, sizeof(T));
}
static void OWN(average_pool2d_grad_size)(const int64_t *ints, fnn_work *work) {
  pool_size(ints, work, OF_MEAN, sizeof(T));
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

/* Places of a byte: which element of its window each maximum is. */
FNN_INLINE M OWN(load_places)(const uint8_t *places, int64_t n) {
  uint8_t part[16];
  MT lanes[N];
  if (n < N) places = first_bytes(part, places, (int)n, N);
  for (int lane = 0; lane < N; lane++) lanes[lane] = places[lane];
  M v;
  memcpy(&v, lanes, sizeof v);
  return v;
}

/* The same, or int32. */
FNN_INLINE void OWN(store_places)(void *places, int64_t at, M v, int64_t n, const int bytes) {
  uint8_t *narrow = (uint8_t *)places + at, part[N];
  int32_t *wide = (int32_t *)places + at;
  MT lanes[N];
  memcpy(lanes, &v, sizeof lanes);
  if (bytes == 4) {
    for (int64_t lane = 0; lane < n; lane++) wide[lane] = (int32_t)lanes[lane];
    return;
  }
#ifdef FNN_ISA_AVX512 /* which has an instruction for it */
  for (int lane = 0; lane < N; lane++) part[lane] = (uint8_t)lanes[lane];
#else
  enum { S = sizeof(MT) };
  const byte_vector lowest = {0, S, 2 * S, 3 * S, 4 * S, 5 * S, 6 * S, 7 * S};
  const byte_vector all = __builtin_shuffle((byte_vector)v, lowest);
  memcpy(part, &all, sizeof part);
#endif
  if (n == N) {
    memcpy(narrow, part, sizeof part);
    return;
  }
#pragma GCC unroll 1
  for (int lane = 0; lane < N; lane++)
    if ((uint8_t)lane < (uint8_t)n) narrow[lane] = part[lane];
}

/* Takes v for `best`, and `at` for `place`, where v is greater, or the first NaN. Kept as a loop, this becomes two
 * comparisons and two masked moves. */
FNN_INLINE void OWN(keep_greater)(V *best, M *place, V v, M at) {
  T x[N], top[N];
  MT from[N], to[N];
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

/* The greatest of `cols` elements for n (at most N) channels, and its place; that of the first one is `first`. */
FNN_INLINE V OWN(row_max)(const T *x, int64_t cols, int64_t pixel, int64_t n, int64_t first, M *place) {
  V best = OWN(load_n)(x, n);
  *place = (M){0} + (MT)first;
  for (int64_t kx = 1; kx < cols; kx++)
    OWN(keep_greater)(&best, place, OWN(load_n)(x + kx * pixel, n), (M){0} + (MT)(first + kx));
  return best;
}

/* The same of a window, in which a row further is `row` more. Rows are searched apart, so that comparisons are no
 * chain. */
FNN_INLINE V OWN(window_max)(const T *x, int64_t rows, int64_t cols, int64_t line, int64_t pixel, int64_t n,
                             int64_t first, int64_t row, M *place) {
  V best = OWN(row_max)(x, cols, pixel, n, first, place);
  for (int64_t ky = 1; ky < rows; ky++) {
    M row_place;
    const V row_best = OWN(row_max)(x + ky * line, cols, pixel, n, first + ky * row, &row_place);
    OWN(keep_greater)(&best, place, row_best, row_place);
  }
  return best;
}

FNN_INLINE V OWN(window_mean)(const T *x, int64_t rows, int64_t cols, int64_t line, int64_t pixel, int64_t n) {
  V sum = {0};
  for (int64_t ky = 0; ky < rows; ky++)
    for (int64_t kx = 0; kx < cols; kx++) sum += OWN(load_n)(x + ky * line + kx * pixel, n);
  return sum / (T)(rows * cols);
}

/* n elements of a row of y, the channels of a pixel or of neighbours, of windows whose elements in the image are `rows`
 * by `cols`, the first from x on. `places` are of elements of `bytes`, none if that is 0; the first of a window's has
 * the place `first`. With `whole`, n is no less than a vector, and the last one overlaps the one before. */
FNN_INLINE void OWN(max_run)(T *y, char *places, const T *x, int64_t rows, int64_t cols, const pool *p, int64_t n,
                             int64_t first, const int bytes, const int whole) {
  const int64_t line = p->w * p->c, c = p->c;
  M place;
  int64_t i = 0;
  for (; whole ? i < n : i + N <= n; i += N) {
    if (whole) i = fnn_min(i, n - N);
    FN(store)(y + i, OWN(window_max)(x + i, rows, cols, line, c, N, first, p->kw, &place));
    if (bytes) OWN(store_places)(places, i, place, N, bytes);
  }
  if (whole || i == n) return;
  FN(store_part)(y + i, OWN(window_max)(x + i, rows, cols, line, c, n - i, first, p->kw, &place), n - i);
  if (bytes) OWN(store_places)(places, i, place, n - i, bytes);
}

FNN_INLINE void OWN(mean_run)(T *y, char *places, const T *x, int64_t rows, int64_t cols, const pool *p, int64_t n,
                              int64_t first, const int bytes, const int whole) {
  (void)places, (void)first, (void)bytes;
  const int64_t line = p->w * p->c, c = p->c;
  int64_t i = 0;
  for (; whole ? i < n : i + N <= n; i += N) {
    if (whole) i = fnn_min(i, n - N);
    FN(store)(y + i, OWN(window_mean)(x + i, rows, cols, line, c, N));
  }
  if (!whole && i < n) FN(store_part)(y + i, OWN(window_mean)(x + i, rows, cols, line, c, n - i), n - i);
}

typedef void OWN(run_fn)(T *y, char *places, const T *x, int64_t rows, int64_t cols, const pool *p, int64_t n,
                         int64_t first, const int bytes, const int whole);

/* The same with loops over small windows unrolled; those with places of four bytes are large. */
FNN_INLINE void OWN(unrolled)(OWN(run_fn) *run, T *y, char *places, const T *x, int64_t rows, int64_t cols,
                              const pool *p, int64_t n, int64_t first, const int bytes, const int whole) {
  if (rows != cols || rows > 3 || (whole && bytes == 4)) run(y, places, x, rows, cols, p, n, first, bytes, whole);
  else if (rows == 3) run(y, places, x, 3, 3, p, n, first, bytes, whole);
  else if (rows == 2) run(y, places, x, 2, 2, p, n, first, bytes, whole);
  else run(y, places, x, 1, 1, p, n, first, bytes, whole);
}

/* `pixels` of a row of y, whose windows lie in the image as a whole: see is_run. What is written behind them, up to
 * `room` elements from y on, is not there yet. */
FNN_INLINE void OWN(pixels_at_once)(const fnn_call *call, OWN(run_fn) *run, T *y, char *places, const T *x,
                                    int64_t rows, const pool *p, int64_t pixels, int64_t room, int64_t first,
                                    const int bytes) {
  T *all = p->sw == 1 ? y : (T *)call->scratch;
  char *all_places = p->sw == 1 ? places : call->scratch + run_elements(p) * (int64_t)sizeof(T);
  OWN(unrolled)(run, all, all_places, x, rows, p->kw, p, run_length(p, pixels), first, bytes, 1);
  if (p->sw == 1) return;
  pick_pixels((char *)y, all, pixels, p->c * (int64_t)sizeof(T), p->sw, room * (int64_t)sizeof(T));
  if (bytes) pick_pixels(places, all_places, pixels, p->c * bytes, p->sw, room * bytes);
}

/* With `runs`: see is_run. With `asks`: see windows_ahead. */
FNN_INLINE void OWN(forward)(const fnn_call *call, int64_t begin, int64_t end, OWN(run_fn) *run, const int bytes,
                             const int runs, const int asks) {
  const pool p = read_pool(call->ints);
  const span whole = runs ? whole_windows(&p) : (span){p.ow, p.ow};
  const int64_t ahead = asks ? windows_ahead(&p, sizeof(T), run == OWN(mean_run)) : p.ow;
  int64_t step = forward_rows(&p);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t first = unit * step, last = fnn_min(p.n * p.oh, first + step);
    for (int64_t row = first; row < last; row++) {
      span ys = window_span(row % p.oh, p.sh, p.top, p.kh, p.h);
      const T *image = (const T *)call->buf[0] + row / p.oh * p.h * p.w * p.c;
      T *y = (T *)call->buf[1] + row * p.ow * p.c;
      char *places = bytes ? call->buf[2] + row * p.ow * p.c * bytes : NULL;
      int64_t above = (ys.first + p.top - row % p.oh * p.sh) * p.kw;
      for (int64_t ox = 0, next = asks ? fnn_min(ahead, p.ow) : whole.first; ox < p.ow;
           next = asks ? fnn_min(ox + ahead, p.ow) : p.ow) {
        if (asks) {
          const int64_t below = next == p.ow, at = row % p.oh * p.sh - p.top + below * p.sh;
          ask_windows(&p, (const char *)(image + at * p.w * p.c), below ? 0 : next, ahead, sizeof(T));
        }
        for (; ox < next; ox++, y += p.c, places += p.c * bytes) {
          span xs = window_span(ox, p.sw, p.left, p.kw, p.w);
          const T *x = image + (ys.first * p.w + xs.first) * p.c;
          int64_t rows = ys.last - ys.first, cols = xs.last - xs.first, place = above + xs.first + p.left - ox * p.sw;
          if (runs) run(y, places, x, rows, cols, &p, p.c, place, bytes, 0);
          else OWN(unrolled)(run, y, places, x, rows, cols, &p, p.c, place, bytes, 0);
        }
        if (asks) continue;
        if (!runs || ox == p.ow) break;
        const int64_t pixels = whole.last - ox, room = ((last - row) * p.ow - ox) * p.c;
        const T *x = image + (ys.first * p.w + ox * p.sw - p.left) * p.c;
        OWN(pixels_at_once)(call, run, y, places, x, ys.last - ys.first, &p, pixels, room, above, bytes);
        ox += pixels;
        y += pixels * p.c;
        places += pixels * p.c * bytes;
      }
    }
    OWN(finish)(call, first * p.ow, (last - first) * p.ow);
  }
}

FNN_INLINE void OWN(maxima)(const fnn_call *call, int64_t begin, int64_t end, const int runs, const int asks) {
  const pool p = read_pool(call->ints);
  if (!call->buf[2]) OWN(forward)(call, begin, end, OWN(max_run), 0, runs, asks);
  else if (asks || place_bytes(&p) == 1) OWN(forward)(call, begin, end, OWN(max_run), 1, runs, asks);
  else OWN(forward)(call, begin, end, OWN(max_run), 4, runs, 0);
}

/* Functions of their own: in one with these, loops over single pixels are up to 7 % slower. */
static __attribute__((noinline)) void OWN(maxima_of_runs)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(maxima)(call, begin, end, 1, 0);
}
static __attribute__((noinline)) void OWN(means_of_runs)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(forward)(call, begin, end, OWN(mean_run), 0, 1, 0);
}
static __attribute__((noinline)) void OWN(maxima_asked)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(maxima)(call, begin, end, 0, 1);
}
static __attribute__((noinline)) void OWN(means_asked)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(forward)(call, begin, end, OWN(mean_run), 0, 0, 1);
}

/* max_pool2d: x, y, places or NULL. The greatest element of each window, NaN where there is one; and of the first such
 * element, row by row, the place ky * kw + kx in the window. */
static void OWN(max_pool2d)(const fnn_call *call, int64_t begin, int64_t end) {
  const pool p = read_pool(call->ints);
  if (is_run(&p, sizeof(T))) OWN(maxima_of_runs)(call, begin, end);
  else if (place_bytes(&p) == 1 && windows_ahead(&p, sizeof(T), 0)) OWN(maxima_asked)(call, begin, end);
  else OWN(maxima)(call, begin, end, 0, 0);
}

/* average_pool2d: x, y. The mean of each window: summed row by row in T, then divided. */
static void OWN(average_pool2d)(const fnn_call *call, int64_t begin, int64_t end) {
  const pool p = read_pool(call->ints);
  if (is_run(&p, sizeof(T))) OWN(means_of_runs)(call, begin, end);
  else if (windows_ahead(&p, sizeof(T), 1)) OWN(means_asked)(call, begin, end);
  else OWN(forward)(call, begin, end, OWN(mean_run), 0, 0, 0);
}

/* ---- the gradient of maxima ---- */

/* dy where the place is `at`, else 0. */
FNN_INLINE V OWN(at_place)(V dy, M place, MT at) {
  T d[N];
  MT here[N];
  memcpy(d, &dy, sizeof d);
  memcpy(here, &place, sizeof here);
#pragma GCC unroll 1
  for (int k = 0; k < N; k++) d[k] = here[k] == at ? d[k] : 0;
  memcpy(&dy, d, sizeof d);
  return dy;
}

/* Of an image: dy and places, (oh, ow, c) both; a row of them has `line` elements. Places are bytes but to max_scatter,
 * which is told. Cells have a run of `run` channels: those of all in a row where each is one element wide. */
typedef struct {
  const T *dy;
  const void *places;
  int64_t c, line, run;
} OWN(max_results);

/* A vector of dx: the sum of what `rows` by `cols` windows, the first of them at `at`, give it. It is element `place`
 * of that window, `down` less of each window below and `right` less of each further to the right. */
FNN_INLINE V OWN(max_sum)(const OWN(max_results) * m, int64_t at, int64_t rows, int64_t cols, int64_t place,
                          int64_t down, int64_t right, int64_t n) {
  V sum = {0};
#pragma GCC unroll 4
  for (int64_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int64_t q = 0; q < cols; q++) {
      const int64_t here = at + r * m->line + q * m->c;
      sum += OWN(at_place)(OWN(load_n)(m->dy + here, n), OWN(load_places)((const uint8_t *)m->places + here, n),
                           (MT)(place - r * down - q * right));
    }
  }
  return sum;
}

/* Columns [from, to) of row y of dx, of which `dx` is the first element. */
FNN_INLINE void OWN(max_elements)(const pool *p, const OWN(max_results) * m, T *dx, int64_t y, int64_t from,
                                  int64_t to) {
  if (from == to) return;
  const int64_t c = p->c, kw = p->kw, sw = p->sw, ow = p->ow;
  const int64_t oy = fnn_max(0, fnn_ceil_div(y + p->top - p->kh + 1, p->sh)), down = p->sh * kw;
  const int64_t rows = fnn_max(0, fnn_min(p->oh, (y + p->top) / p->sh + 1) - oy);
  /* Window ox is the last that may reach x, as its column kx; before it are `most` others that do, or one less. */
  const int64_t most = (kw - 1) / sw, rest = (kw - 1) % sw, row_place = (y + p->top - oy * p->sh) * kw;
  const int64_t run_end = sw == 1 ? fnn_min(to, ow - p->left) : 0; /* till there windows are one further a pixel */
  int64_t ox = (from + p->left) / sw, kx = (from + p->left) % sw;
  for (int64_t x = from, pixels; x < to; x += pixels) {
    const int64_t first = fnn_max(0, ox - most + (kx > rest)), cols = fnn_max(0, fnn_min(ow, ox + 1) - first);
    const int64_t place = row_place + kx + (ox - first) * sw, at = oy * m->line + first * c;
    pixels = cols == kw && x < run_end ? run_end - x : 1;
    const int64_t run = pixels * c;
    int64_t i = 0;
    for (; i + N <= run; i += N)
      FN(store)(dx + x * c + i, OWN(max_sum)(m, at + i, rows, cols, place, down, sw, N));
    if (i < run) FN(store_part)(dx + x * c + i, OWN(max_sum)(m, at + i, rows, cols, place, down, sw, run - i), run - i);
    if (++kx == sw) kx = 0, ox += pixels;
  }
}

/* n channels of a cell, s by s elements of dx, that all windows reach which could: `at` is the one that begins where
 * the cell does. Windows are k by k, s apart, constants of each caller. */
FNN_INLINE void OWN(max_cell)(const OWN(max_results) * m, T *dx, int64_t line, int64_t at, int64_t n, const int k,
                              const int s) {
  V sum[4];
#pragma GCC unroll 4
  for (int e = 0; e < s * s; e++) {
    const int y = e / s, x = e % s, above = (k - 1 - y) / s, before = (k - 1 - x) / s;
    sum[e] = OWN(max_sum)(m, at - above * m->line - before * m->c, above + 1, before + 1,
                          (y + above * s) * k + x + before * s, s * k, s, n);
  }
#pragma GCC unroll 4
  for (int e = 0; e < s * s; e++) OWN(store_n)(dx + e / s * line + e % s * m->c, sum[e], n);
}

/* The same of sh by sw elements where windows do not overlap. No place is -1. */
FNN_INLINE void OWN(max_cell_apart)(const OWN(max_results) * m, T *dx, int64_t line, int64_t at, int64_t n,
                                    const pool *p) {
  const V dy = OWN(load_n)(m->dy + at, n);
  const M place = OWN(load_places)((const uint8_t *)m->places + at, n);
#pragma GCC unroll 2
  for (int64_t y = 0; y < p->sh; y++) {
#pragma GCC unroll 2
    for (int64_t x = 0; x < p->sw; x++) {
      const MT wanted = y < p->kh && x < p->kw ? (MT)(y * p->kw + x) : -1;
      OWN(store_n)(dx + y * line + x * m->c, OWN(at_place)(dy, place, wanted), n);
    }
  }
}

/* `count` runs of cells in a row. */
#define MAX_CELLS(name, cell, ...)                                                                                     \
  static __attribute__((noinline)) void OWN(name)(const OWN(max_results) * m, T *dx, int64_t line, int64_t at,         \
                                                  int64_t count, const pool *p) {                                      \
    for (; count-- > 0; dx += p->sw * m->c, at += m->c) {                                                              \
      int64_t i = 0;                                                                                                   \
      for (; i + N <= m->run; i += N) OWN(cell)(m, dx + i, line, at + i, N, __VA_ARGS__);                              \
      if (i < m->run) OWN(cell)(m, dx + i, line, at + i, m->run - i, __VA_ARGS__);                                     \
    }                                                                                                                  \
  }
MAX_CELLS(max_cells_21, max_cell, 2, 1)
MAX_CELLS(max_cells_31, max_cell, 3, 1)
MAX_CELLS(max_cells_41, max_cell, 4, 1)
MAX_CELLS(max_cells_32, max_cell, 3, 2)
MAX_CELLS(max_cells_22, max_cell_apart, &(const pool){.kh = 2, .kw = 2, .sh = 2, .sw = 2})
MAX_CELLS(max_cells_apart, max_cell_apart, p)
#undef MAX_CELLS

typedef void OWN(max_cells_fn)(const OWN(max_results) * m, T *dx, int64_t line, int64_t at, int64_t count,
                               const pool *p);

/* The one for such windows, if is_scattered does not say that none is needed. */
static OWN(max_cells_fn) *OWN(max_cells_of)(const pool *p) {
  const int is_square = p->kh == p->kw && p->sh == p->sw;
  if (is_square && p->kh == 2 && p->sh == 1) return OWN(max_cells_21);
  if (is_square && p->kh == 3 && p->sh == 1) return OWN(max_cells_31);
  if (is_square && p->kh == 4 && p->sh == 1) return OWN(max_cells_41);
  if (is_square && p->kh == 3 && p->sh == 2) return OWN(max_cells_32);
  if (is_square && p->kh == 2 && p->sh == 2) return OWN(max_cells_22);
  return OWN(max_cells_apart);
}

/* Rows [top, bottom) of the image `dx`, which are whole rows of cells, by all windows that reach each element. */
FNN_INLINE void OWN(max_gather)(const pool *p, const OWN(max_results) * m, T *dx, int64_t top, int64_t bottom,
                                OWN(max_cells_fn) * cells, span whole_rows, span whole) {
  const int64_t line = p->w * p->c, count = p->sw == 1 ? 1 : whole.last - whole.first;
  for (int64_t y = top, next; y < bottom; y = next) {
    const int64_t cell = (y + p->top) / p->sh;
    const int is_whole = whole.first < whole.last && cell >= whole_rows.first && cell < whole_rows.last;
    const int64_t from = is_whole ? whole.first * p->sw - p->left : p->w;
    const int64_t to = is_whole ? whole.last * p->sw - p->left : p->w;
    next = is_whole ? y + p->sh : y + 1;
    if (is_whole)
      cells(m, dx + y * line + from * p->c, line, cell * m->line + whole.first * p->c, count, p);
    for (int64_t row = y; row < next; row++) {
      OWN(max_elements)(p, m, dx + row * line, row, 0, from);
      OWN(max_elements)(p, m, dx + row * line, row, to, p->w);
    }
  }
}

/* Adds the dy of `runs` of n windows a pixel apart, `step` elements of dx apart, to where their maxima are: `offsets`
 * bytes further by their places. With `some`, only those whose mask is set: of others the offset leads to an element
 * here that 0 is added to, since a branch would be foretold as often as not. */
FNN_INLINE void OWN(max_add)(T *dx, const T *dy, const uint8_t *places, const int64_t *offsets, const MT *masks,
                             int64_t runs, int64_t n, int64_t step, const int some) {
  for (; runs > 0; runs--, dx += step, dy += n, places += n) {
    for (int64_t i = 0, count; i < n; i += count) {
      count = i + 4 <= n ? 4 : 1;
#pragma GCC unroll 4
      for (int64_t k = i; k < i + count; k++) {
        T add = dy[k], *to = (T *)((char *)(dx + k) + offsets[places[k]]);
        if (some) {
          MT bits;
          memcpy(&bits, &add, sizeof bits);
          bits &= masks[places[k]];
          memcpy(&add, &bits, sizeof add);
        }
        *to += add;
      }
    }
  }
}

/* Rows [top, bottom) of the image `dx` by the results, in their order: each is added to where its maximum is. */
FNN_INLINE void OWN(max_scatter)(const pool *p, const OWN(max_results) * m, T *dx, int64_t top, int64_t bottom,
                                 const int bytes) {
  const int64_t c = p->c, line = p->w * c, first = top * line, end = bottom * line, places = p->kh * p->kw;
  int64_t offsets[256], here[256]; /* of places of a byte, from the beginning of their window */
  MT masks[256];
  for (int64_t place = 0; place < places && bytes == 1; place++)
    offsets[place] = (place / p->kw * line + place % p->kw * c) * (int64_t)sizeof(T);
  memset(dx + first, 0, (size_t)(end - first) * sizeof(T));
  const int64_t last = fnn_min(p->oh, (bottom - 1 + p->top) / p->sh + 1);
  const int64_t runs = p->sw == 1 ? 1 : p->ow, run = p->ow * c / runs, step = p->sw * c;
  for (int64_t oy = fnn_max(0, fnn_ceil_div(top + p->top - p->kh + 1, p->sh)); oy < last; oy++) {
    const int64_t row = oy * p->sh - p->top, at = row * line - p->left * c, k = oy * m->line;
    const span rows = window_span(oy, p->sh, p->top, p->kh, p->h);
    const T *dy = m->dy + k;
    const uint8_t *narrow = (const uint8_t *)m->places + k;
    if (bytes == 1 && rows.first >= top && rows.last <= bottom) {
      if (run == 1) OWN(max_add)(dx + at, dy, narrow, offsets, masks, runs, 1, step, 0);
      else if (run == 2) OWN(max_add)(dx + at, dy, narrow, offsets, masks, runs, 2, step, 0);
      else if (run == 3) OWN(max_add)(dx + at, dy, narrow, offsets, masks, runs, 3, step, 0);
      else OWN(max_add)(dx + at, dy, narrow, offsets, masks, runs, run, step, 0);
    } else if (bytes == 1) {
      for (int64_t place = 0; place < places; place++) {
        const int64_t y = place / p->kw, inside = fnn_max(top - row, fnn_min(bottom - 1 - row, y));
        here[place] = offsets[place] + (inside - y) * line * (int64_t)sizeof(T);
        masks[place] = -(MT)(inside == y);
      }
      OWN(max_add)(dx + at, dy, narrow, here, masks, runs, run, step, 1);
    } else {
      const int32_t *wide = (const int32_t *)m->places + k;
      for (int64_t i = 0; i < p->ow * c; i++) {
        const int64_t to = at + i / c * step + i % c + wide[i] / p->kw * line + wide[i] % p->kw * c;
        if (to >= first && to < end) dx[to] += dy[i];
      }
    }
  }
}

/* max_pool2d_grad: dy, places, dx. An element of dx is the sum, in the order of the windows, of the dy of those whose
 * first maximum it is. */
static void OWN(max_pool2d_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const pool p = read_pool(call->ints);
  const band_split split = max_bands(&p, sizeof(T));
  const int bytes = place_bytes(&p), is_gathered = !is_scattered(&p, sizeof(T));
  OWN(max_cells_fn) *const cells = OWN(max_cells_of)(&p);
  const span whole_rows = whole_cells(p.h, p.oh, p.kh, p.sh, p.top);
  const span whole = whole_cells(p.w, p.ow, p.kw, p.sw, p.left);
  const int64_t run = p.sw == 1 ? (whole.last - whole.first) * p.c : p.c;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t image = unit / split.bands * split.images, last_image = fnn_min(p.n, image + split.images);
    const int64_t first = unit % split.bands * split.rows, last = first + split.rows; /* rows of cells */
    const int64_t top = fnn_max(0, first * p.sh - p.top);
    const int64_t bottom = fnn_max(top, fnn_min(p.h, last * p.sh - p.top));
    for (int64_t i = image; i < last_image; i++) {
      const int64_t at = i * p.oh * p.ow * p.c;
      const OWN(max_results) m = {(const T *)call->buf[0] + at, call->buf[1] + at * bytes, p.c, p.ow * p.c, run};
      T *dx = (T *)call->buf[2] + i * p.h * p.w * p.c;
      if (is_gathered) OWN(max_gather)(&p, &m, dx, top, bottom, cells, whole_rows, whole);
      else if (bytes == 1) OWN(max_scatter)(&p, &m, dx, top, bottom, 1);
      else OWN(max_scatter)(&p, &m, dx, top, bottom, 4);
    }
    OWN(finish)(call, (image * p.h + top) * p.w, (last_image - image) * (bottom - top) * p.w);
  }
}

/* ---- the gradient of means ---- */

FNN_INLINE void OWN(give_mean)(T *dx, V dy, window_part g, int64_t n, int is_first) {
  const V share = dy / (T)(g.all * g.cols);
  for (int64_t ky = g.skip; ky < g.skip + g.rows; ky++) {
    for (int64_t kx = 0; kx < g.cols; kx++) {
      T *to = dx + ky * g.line + kx * g.pixel;
      OWN(store_n)(to, is_first ? share : OWN(load_n)(to, n) + share, n);
    }
  }
}

FNN_INLINE void OWN(give_channels)(T *dx, const T *dy, window_part g, int64_t c, int is_first) {
  int64_t i = 0;
  for (; i + N <= c; i += N) OWN(give_mean)(dx + i, FN(load)(dy + i), g, N, is_first);
  if (i < c) OWN(give_mean)(dx + i, FN(load_part)(dy + i, c - i), g, c - i, is_first);
}

/* Rows [first, last) of image `i` of dx, from all windows that reach them, in order. Rows that no further window
 * reaches go through the epilogue a unit's worth at a time, while they are in the cache; returns how many did. */
FNN_INLINE int64_t OWN(mean_band)(const fnn_call *call, const pool *p, int64_t i, int64_t first, int64_t last) {
  int64_t line = p->w * p->c, is_first = is_disjoint(p), is_adjacent = p->sh == p->kh && p->sw == p->kw;
  int64_t covered = is_adjacent ? fnn_min(p->w, p->ow * p->sw - p->left) * p->c : 0; /* windows write these anyway */
  const T *dy = (const T *)call->buf[0] + i * p->oh * p->ow * p->c;
  T *dx = (T *)call->buf[1] + i * p->h * line;
  int64_t oy = fnn_max(0, first + p->top - p->kh + 1), until = fnn_min(p->oh, (last - 1 + p->top) / p->sh + 1);
  int64_t cleared = first, finished = first;
  for (oy = fnn_ceil_div(oy, p->sh); oy < until; oy++) {
    span ys = window_span(oy, p->sh, p->top, p->kh, p->h);
    int64_t from = fnn_max(ys.first, first), to = fnn_min(ys.last, last);
    if (from - finished >= fnn_max(1, UNIT / line)) {
      OWN(finish)(call, (i * p->h + finished) * p->w, (from - finished) * p->w);
      finished = from;
    }
    for (; cleared < to; cleared++) memset(dx + cleared * line + covered, 0, (size_t)(line - covered) * sizeof(T));
    for (int64_t ox = 0; ox < p->ow; ox++) {
      span xs = window_span(ox, p->sw, p->left, p->kw, p->w);
      const T *from_dy = dy + (oy * p->ow + ox) * p->c;
      T *to_dx = dx + ys.first * line + xs.first * p->c;
      window_part g = {ys.last - ys.first, from - ys.first, to - from, xs.last - xs.first, line, p->c};
      if (g.all == 2 && g.rows == 2 && g.cols == 2 && is_first) /* unrolled */
        OWN(give_channels)(to_dx, from_dy, (window_part){2, 0, 2, 2, line, p->c}, p->c, 1);
      else OWN(give_channels)(to_dx, from_dy, g, p->c, (int)is_first);
    }
  }
  memset(dx + cleared * line, 0, (size_t)((last - cleared) * line) * sizeof(T));
  return finished - first;
}

/* Sums of dy's rows `oys`, each dy divided by the elements of its window: what a row of dx that these windows reach has
 * of each column of them. */
FNN_INLINE void OWN(mean_sums)(const pool *p, const T *dy, T *sums, span oys) {
  const int64_t c = p->c, n = p->ow * c;
  const int64_t before = (p->kw - 1) / p->sw * c, after = fnn_max(0, mean_cells(p) - p->ow) * c;
  memset(sums - before, 0, (size_t)before * sizeof(T));
  memset(sums + n, 0, (size_t)after * sizeof(T));
  if (oys.first >= oys.last) memset(sums, 0, (size_t)n * sizeof(T));
  for (int64_t oy = oys.first; oy < oys.last; oy++) {
    const span ys = window_span(oy, p->sh, p->top, p->kh, p->h);
    const T share = 1 / (T)((ys.last - ys.first) * p->kw), *row = dy + oy * n;
    int64_t i = 0;
    for (; i + N <= n; i += N)
      FN(store)(sums + i, (oy == oys.first ? (V){0} : FN(load)(sums + i)) + FN(load)(row + i) * share);
    for (; i < n; i++) sums[i] = (oy == oys.first ? 0 : sums[i]) + row[i] * share;
  }
  const int64_t first = fnn_min(p->ow, fnn_ceil_div(p->left, p->sw)); /* whole windows: from here ... */
  const int64_t room = p->w + p->left - p->kw;
  const int64_t last = room < 0 ? first : fnn_max(first, fnn_min(p->ow, room / p->sw + 1)); /* ... to before here */
  for (int64_t ox = first ? 0 : last; ox < p->ow; ox = ox + 1 == first ? last : ox + 1) {
    const span xs = window_span(ox, p->sw, p->left, p->kw, p->w);
    for (int64_t i = ox * c; i < (ox + 1) * c; i++) sums[i] *= (T)p->kw / (T)(xs.last - xs.first);
  }
}

/* n channels of a cell of dx from such sums: `sums` is that of the window that begins where the cell does. That one and
 * the `most` before it reach elements up to `rest`, one less those after; `dx` is where elements [from, to) begin. */
FNN_INLINE void OWN(mean_cell)(const T *sums, T *dx, int64_t c, int64_t n, int64_t most, int64_t rest, int64_t from,
                               int64_t to) {
  V few = {0}, all = OWN(load_n)(sums - most * c, n);
  for (int64_t q = most - 1; q >= 0; q--) few += OWN(load_n)(sums - q * c, n);
  all += few;
  for (int64_t x = from; x < to; x++) OWN(store_n)(dx + (x - from) * c, x <= rest ? all : few, n);
}

/* A row of dx. Beside the sums, as far as a cell may ask, are zeroes. Where cells are one element wide, their channels
 * are a run. */
FNN_INLINE void OWN(mean_row)(const pool *p, const T *sums, T *dx) {
  const int64_t c = p->c, w = p->w, sw = p->sw, most = (p->kw - 1) / sw, rest = (p->kw - 1) % sw;
  const int64_t run = sw == 1 ? w * c : c, cells = sw == 1 ? p->left + 1 : mean_cells(p);
  for (int64_t cell = p->left / sw; cell < cells; cell++) {
    const int64_t x = cell * sw - p->left, from = fnn_max(0, -x), to = sw == 1 ? 1 : fnn_min(sw, w - x);
    const T *own = sums + cell * c;
    T *here = dx + (x + from) * c;
    int64_t i = 0;
    for (; i + N <= run; i += N) OWN(mean_cell)(own + i, here + i, c, N, most, rest, from, to);
    if (i < run) OWN(mean_cell)(own + i, here + i, c, run - i, most, rest, from, to);
  }
}

/* As mean_band, where is_summed says so. */
FNN_INLINE int64_t OWN(mean_rows)(const fnn_call *call, const pool *p, int64_t i, int64_t first, int64_t last) {
  const int64_t line = p->w * p->c;
  const T *dy = (const T *)call->buf[0] + i * p->oh * p->ow * p->c;
  T *dx = (T *)call->buf[1] + i * p->h * line, *sums = (T *)call->scratch + (p->kw - 1) / p->sw * p->c;
  span known = {-1, -1};
  int64_t finished = first;
  for (int64_t y = first; y < last; y++) {
    if (y - finished >= fnn_max(1, UNIT / line)) {
      OWN(finish)(call, (i * p->h + finished) * p->w, (y - finished) * p->w);
      finished = y;
      known.first = -1; /* the program has the same scratch */
    }
    const int64_t reached = y + p->top;
    const span oys = {fnn_max(0, fnn_ceil_div(reached - p->kh + 1, p->sh)), fnn_min(p->oh, reached / p->sh + 1)};
    if (oys.first != known.first || oys.last != known.last) OWN(mean_sums)(p, dy, sums, oys);
    known = oys;
    OWN(mean_row)(p, sums, dx + y * line);
  }
  return finished - first;
}

/* average_pool2d_grad: dy, dx. Each dy, divided by the elements of its window, is added to all of them: in the order of
 * the windows, or those of windows above each other first. */
static void OWN(average_pool2d_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  pool p = read_pool(call->ints);
  band_split split = mean_bands(&p);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t image = unit / split.bands * split.images, last_image = fnn_min(p.n, image + split.images);
    int64_t row = unit % split.bands * split.rows, last_row = fnn_min(p.h, row + split.rows), done = 0;
    for (int64_t i = image; i < last_image; i++) /* done: 0 of several images, which are small */
      done = is_summed(&p, sizeof(T)) ? OWN(mean_rows)(call, &p, i, row, last_row)
                                      : OWN(mean_band)(call, &p, i, row, last_row);
    OWN(finish)(call, (image * p.h + row + done) * p.w, ((last_image - image) * (last_row - row) - done) * p.w);
  }
}
