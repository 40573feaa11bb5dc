/* resize_body.h: resize, for float32 and for float64. */

/* What lies where in scratch. A row of pixels of fewer channels than a vector (`is_thin`) is read from a copy with room
 * behind it, by whole vectors: of each N elements of results tap t has one window of two vectors, from `window` on, out
 * of which `lane` takes its elements. */
typedef struct {
  T *row_weights;     /* (row_taps,): those of the row in work */
  T *col_weights;     /* (ow, col_taps) */
  T *lane_weights;    /* (blocks, col_taps, N) */
  MT *lane;           /* (blocks, col_taps, N) */
  int64_t *window;    /* (blocks, col_taps); the first one is -1 where a window is too short */
  T *wide;            /* a row of x, or of sums of rows */
  T *ring;            /* (row_taps, piece * c): widened rows, row z at z % row_taps */
  const T **rows;     /* (row_taps,) of the ring */
  int64_t blocks, piece, pitch, bytes;
  int is_thin;
} OWN(resize_scratch);

static OWN(resize_scratch) OWN(resize_places)(const resizing *r, char *scratch) {
  OWN(resize_scratch) s = {.is_thin = r->c < N, .blocks = r->c < N ? fnn_ceil_div(r->ow * r->c, N) : 0};
  s.piece = s.is_thin ? r->ow : fnn_min(r->ow, fnn_max(PIECE_BYTES / (r->c * (int64_t)sizeof(T)), 1));
  s.pitch = fnn_round_up(s.piece * r->c, N);
  char *at = scratch;
#define PLACE(name, type, count) s.name = (type *)at, at += fnn_round_up((int64_t)sizeof(type) * (count), FNN_ALIGN)
  PLACE(row_weights, T, r->row_taps);
  PLACE(col_weights, T, r->ow * r->col_taps);
  PLACE(lane_weights, T, s.blocks * r->col_taps * N);
  PLACE(lane, MT, s.blocks * r->col_taps * N);
  PLACE(window, int64_t, s.blocks * r->col_taps);
  PLACE(wide, T, r->w * r->c + 2 * N);
  PLACE(ring, T, r->cols_first ? r->row_taps * s.pitch : 0);
  PLACE(rows, const T *, r->row_taps);
#undef PLACE
  s.bytes = at - scratch;
  return s;
}

static void OWN(resize_size)(const int64_t *ints, fnn_work *work) {
  const resizing r = resize_of(ints);
  resize_size(ints, work, sizeof(T), OWN(resize_places)(&r, 0).bytes);
}

/* The weights of columns, and from where each lane of a block of thin pixels takes its elements: beyond the span of its
 * result it takes the last element again, times 0. */
static void OWN(resize_tables)(const resizing *r, OWN(resize_scratch) * s, const double *weights) {
  for (int64_t k = 0; k < r->ow * r->col_taps; k++) s->col_weights[k] = (T)weights[k];
  for (int64_t b = 0; b < s->blocks; b++)
    for (int64_t t = 0; t < r->col_taps; t++) {
      const int64_t at = (b * r->col_taps + t) * N, last = r->ow * r->c - 1;
      int64_t from[N], least = INT64_MAX, most = 0;
      for (int64_t k = 0; k < N; k++) {
        const int64_t e = fnn_min(b * N + k, last), q = e / r->c;
        const int64_t pixel = r->col_first[q] + fnn_max(fnn_min(t, r->col_count[q] - 1), 0);
        from[k] = fnn_min(pixel, r->w - 1) * r->c + e % r->c;
        least = fnn_min(least, from[k]);
        most = fnn_max(most, from[k]);
        s->lane_weights[at + k] = s->col_weights[q * r->col_taps + t];
      }
      for (int64_t k = 0; k < N; k++) s->lane[at + k] = (MT)(from[k] - least);
      s->window[b * r->col_taps + t] = least;
      if (most - least >= 2 * N) {
        s->window[0] = -1;
        return;
      }
    }
}

/* y[0 .. n) = the sum of weights[t] * row t over t < count, at least 1, where row t is rows[t] or, without rows, lies
 * at x + t * step. */
FNN_INLINE void OWN(resize_sum)(T *restrict y, int64_t n, const T *const *rows, const T *x, int64_t step,
                                const T *weights, int64_t count) {
#define ROW(t) ((rows ? rows[t] : x + (t) * step) + e)
  int64_t e = 0;
  for (; e + 4 * N <= n; e += 4 * N) {
    V sums[4];
    for (int k = 0; k < 4; k++) sums[k] = FN(load)(ROW(0) + k * N) * weights[0];
    for (int64_t t = 1; t < count; t++) {
      const T *row = ROW(t);
      const V weight = FN(splat)(weights[t]);
      for (int k = 0; k < 4; k++) sums[k] = FN(multiply_add)(FN(load)(row + k * N), weight, sums[k]);
    }
    for (int k = 0; k < 4; k++) FN(store)(y + e + k * N, sums[k]);
  }
  while (e < n) { /* the last vector begins where it ends with the row, and does some elements again */
    if (n >= N) e = fnn_min(e, n - N);
    V sum = (n >= N ? FN(load)(ROW(0)) : FN(load_part)(ROW(0), n)) * weights[0];
    for (int64_t t = 1; t < count; t++)
      sum = FN(multiply_add)(n >= N ? FN(load)(ROW(t)) : FN(load_part)(ROW(t), n), FN(splat)(weights[t]), sum);
    if (n >= N)
      FN(store)(y + e, sum);
    else
      FN(store_part)(y, sum, n);
    e += N;
  }
#undef ROW
}

/* The same for any count, none included. */
FNN_INLINE void OWN(resize_sums)(T *restrict y, int64_t n, const T *const *rows, const T *x, int64_t step,
                                 const T *weights, int64_t count) {
  switch (count) {
  case 0: memset(y, 0, (size_t)n * sizeof(T)); break;
  case 1: OWN(resize_sum)(y, n, rows, x, step, weights, 1); break;
  case 2: OWN(resize_sum)(y, n, rows, x, step, weights, 2); break;
  default: OWN(resize_sum)(y, n, rows, x, step, weights, count);
  }
}

FNN_INLINE void OWN(resize_store)(T *y, V v, int64_t n) {
  if (n >= N)
    FN(store)(y, v);
  else
    FN(store_part)(y, v, n);
}

/* A row of thin pixels, y (ow, c), from x (w, c), which may be read further by two vectors. */
FNN_INLINE void OWN(resize_lanes)(T *restrict y, const T *x, const resizing *r, const OWN(resize_scratch) * s,
                                  int64_t taps) {
  const int64_t n = r->ow * r->c, *window = s->window;
  const T *weights = s->lane_weights;
  const MT *lanes = s->lane;
  for (int64_t at = 0; at < n; at += N) {
    V sum = {0};
    for (int64_t t = 0; t < taps; t++, weights += N, lanes += N) {
      const T *from = x + *window++;
      M lane;
      memcpy(&lane, lanes, sizeof lane);
      const V v = __builtin_shuffle(FN(load)(from), FN(load)(from + N), lane);
      sum = t ? FN(multiply_add)(v, FN(load)(weights), sum) : v * FN(load)(weights);
    }
    OWN(resize_store)(y + at, sum, n - at);
  }
}

/* The same by a whole vector a pixel, of which the next pixel overwrites the rest. */
static void OWN(resize_thin)(T *restrict y, const T *x, const resizing *r, const OWN(resize_scratch) * s) {
  for (int64_t q = 0; q < r->ow; q++) {
    const T *weights = s->col_weights + q * r->col_taps, *from = x + r->col_first[q] * r->c;
    V sum = {0};
    for (int64_t t = 0; t < r->col_count[q]; t++)
      sum = t ? FN(multiply_add)(FN(load)(from + t * r->c), FN(splat)(weights[t]), sum) : FN(load)(from) * weights[0];
    OWN(resize_store)(y + q * r->c, sum, (r->ow - q) * r->c);
  }
}

/* Columns [begin, end) of a row of results, y (end - begin, c), from x, which begins with column x_begin. */
static void OWN(resize_cols)(T *restrict y, const T *x, const resizing *r, const OWN(resize_scratch) * s, int64_t begin,
                             int64_t end, int64_t x_begin) {
  const int64_t c = r->c, taps = r->col_taps;
  if (!s->is_thin) {
    const int64_t *first = r->col_first, *count = r->col_count;
    const T *weights = s->col_weights;
    if (c < N) __builtin_unreachable(); /* so that no part of a vector is asked for */
    const int is_copy = taps == 1 && c < 4 * N; /* short pixels, each of one of x or of none */
    for (int64_t q = begin; q < end && is_copy; q++, y += c) {
      const T *from = x + (first[q] - x_begin) * c;
      for (int64_t e = 0; e < c; e += N) {
        const int64_t at = fnn_min(e, c - N);
        FN(store)(y + at, count[q] ? FN(load)(from + at) * weights[q] : (V){0});
      }
    }
    for (int64_t q = begin; q < end && !is_copy; q++, y += c)
      OWN(resize_sums)(y, c, 0, x + (first[q] - x_begin) * c, c, weights + q * taps, count[q]);
    return;
  }
  if (x != s->wide) memcpy(s->wide, x, (size_t)(r->w * c) * sizeof(T));
  if (taps < 1 || s->window[0] < 0)
    OWN(resize_thin)(y, s->wide, r, s);
  else if (taps == 1)
    OWN(resize_lanes)(y, s->wide, r, s, 1);
  else if (taps == 2)
    OWN(resize_lanes)(y, s->wide, r, s, 2);
  else
    OWN(resize_lanes)(y, s->wide, r, s, taps);
}

/* Columns [left, right) of rows [top, bottom) of the results y (oh, ow, c) from x (h, w, c). */
static void OWN(resize_part)(T *y, const T *x, const resizing *r, const OWN(resize_scratch) * s,
                             const double *row_weights, int64_t top, int64_t bottom, int64_t left, int64_t right) {
  const int64_t c = r->c, n = (right - left) * c;
  const int64_t x_left = r->col_first[left], x_right = r->col_first[right - 1] + r->col_count[right - 1];
  const int64_t x_begin = s->is_thin ? 0 : x_left, x_n = s->is_thin ? r->w * c : fnn_max(x_right - x_left, 0) * c;
  int64_t next = 0; /* the first row of x that is not in the ring */
  for (int64_t p = top; p < bottom; p++) {
    const int64_t first = r->row_first[p], count = r->row_count[p];
    T *to = y + (p * r->ow + left) * c;
    for (int64_t t = 0; t < count; t++) s->row_weights[t] = (T)row_weights[p * r->row_taps + t];
    if (!r->cols_first) {
      const T *from = x + (first * r->w + x_begin) * c;
      if (!r->is_rows) OWN(resize_sums)(s->wide, x_n, 0, from, r->w * c, s->row_weights, count);
      OWN(resize_cols)(to, r->is_rows ? from : s->wide, r, s, left, right, x_begin);
      continue;
    }
    for (next = fnn_max(next, first); next < first + count; next++)
      OWN(resize_cols)(s->ring + next % r->row_taps * s->pitch, x + next * r->w * c, r, s, left, right, 0);
    for (int64_t t = 0; t < count; t++) s->rows[t] = s->ring + (first + t) % r->row_taps * s->pitch;
    OWN(resize_sums)(to, n, s->rows, 0, 0, s->row_weights, count);
  }
}

static void OWN(resize)(const fnn_call *call, int64_t begin, int64_t end) {
  const resizing r = resize_of(call->ints);
  OWN(resize_scratch) s = OWN(resize_places)(&r, call->scratch);
  if (!call->follows) OWN(resize_tables)(&r, &s, call->reals + r.oh * r.row_taps);
  while (begin < end) {
    const int64_t image = begin / r.oh, top = begin % r.oh, bottom = fnn_min(r.oh, end - image * r.oh);
    const T *x = (const T *)call->buf[0] + image * r.h * r.w * r.c;
    T *y = (T *)call->buf[1] + image * r.oh * r.ow * r.c;
    const int64_t rows = r.cols_first ? bottom - top : 1; /* of a piece: a ring serves many */
    for (int64_t p = top; p < bottom; p += rows)
      for (int64_t left = 0; left < r.ow; left += s.piece)
        OWN(resize_part)(y, x, &r, &s, call->reals, p, p + rows, left, fnn_min(r.ow, left + s.piece));
    begin += bottom - top;
  }
}
