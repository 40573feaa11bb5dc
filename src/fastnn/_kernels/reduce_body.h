/* reduce_body.h: what reduce.c compiles for each type: T the element, ACC the total, OWN(name) the type's name. */

enum { OWN(LANES) = 128 / (int)sizeof(T) };

#if IS_FLOAT
#define IS_NAN(x) ((x) != (x))
#define ADD(type, a, b) ((a) + (b))
#define MULTIPLY(type, a, b) ((a) * (b))
#else /* integers wrap, which only unsigned ones may do in C */
#define IS_NAN(x) 0
#define ADD(type, a, b) (type)((uint64_t)(a) + (uint64_t)(b))
#define MULTIPLY(type, a, b) (type)((uint64_t)(a) * (uint64_t)(b))
#endif

FNN_INLINE ACC OWN(start)(int kind) {
  if (kind == SUM) return 0;
  if (kind == PROD) return 1;
#if IS_FLOAT
  return kind == MAX ? -INFINITY : INFINITY;
#else
  if (sizeof(T) == 1) return kind == MAX ? 0 : 1;
  return kind == MAX ? INT32_MIN : INT32_MAX;
#endif
}

/* NaN wins: x > a and x < a are false when a is NaN, and x is taken when it is. */
FNN_INLINE T OWN(step)(int kind, T a, T x) {
  switch (kind) {
    case SUM: return ADD(T, a, x);
    case PROD: return MULTIPLY(T, a, x);
    case MAX: return (x > a) | IS_NAN(x) ? x : a;
    default: return (x < a) | IS_NAN(x) ? x : a;
  }
}
FNN_INLINE ACC OWN(total)(int kind, ACC a, ACC x) {
  switch (kind) {
    case SUM: return ADD(ACC, a, x);
    case PROD: return MULTIPLY(ACC, a, x);
    case MAX: return (x > a) | IS_NAN(x) ? x : a;
    default: return (x < a) | IS_NAN(x) ? x : a;
  }
}

/* n elements in a row: lanes of T over blocks of RUN, then totals. */
FNN_INLINE ACC OWN(reduce_row)(int kind, const T *x, int64_t n, ACC total) {
  enum { LANES = OWN(LANES) };
  if (n < LANES) { /* too short for lanes */
    for (int64_t i = 0; i < n; i++) total = OWN(total)(kind, total, (ACC)x[i]);
    return total;
  }
  for (int64_t first = 0; first < n; first += RUN) {
    int64_t end = fnn_min(n, first + RUN), i = first;
    T lane[LANES];
    for (int k = 0; k < LANES; k++) lane[k] = (T)OWN(start)(kind);
    for (; i + LANES <= end; i += LANES)
      for (int k = 0; k < LANES; k++) lane[k] = OWN(step)(kind, lane[k], x[i + k]);
    for (int k = 0; i < end; i++, k++) lane[k] = OWN(step)(kind, lane[k], x[i]);
    for (int half = LANES / 2; half >= 4; half /= 2) /* pairs: log2 roundings more */
      for (int k = 0; k < half; k++) lane[k] = OWN(step)(kind, lane[k], lane[k + half]);
    for (int k = 0; k < 4; k++) total = OWN(total)(kind, total, (ACC)lane[k]);
  }
  return total;
}

/* `rows` contiguous rows of the input, of which columns [0, width) are reduced into totals. Where rows are short and
 * whole, several lie side by side as one long row, whose parts are put together at the end. */
FNN_INLINE void OWN(reduce_rows)(int kind, const T *x, int64_t rows, int64_t stride, int64_t width, ACC *total) {
  T partial[WIDEST];
  int64_t together = stride == width ? fnn_max(1, WIDTH / width) : 1, wide = together * width;
  /* Parts of rows wider than WIDEST, which the CPU does not fetch ahead from one to the next, are taken four at once;
   * not for extremes, whose comparisons within comparisons do not become vectors. */
  const int is_cut = (kind == SUM || kind == PROD) && stride > width;
  for (int64_t row = 0; row < rows;) {
    int64_t end = fnn_min(rows, row + RUN_ROWS * together);
    for (int64_t c = 0; c < wide; c++) partial[c] = (T)OWN(start)(kind);
    for (; is_cut && row + 4 <= end; row += 4) {
      const T *p = x + row * stride, *q = p + 2 * stride;
      for (int64_t c = 0; c < wide; c++) {
        const T pair = OWN(step)(kind, p[c], p[c + stride]), next = OWN(step)(kind, q[c], q[c + stride]);
        partial[c] = OWN(step)(kind, partial[c], OWN(step)(kind, pair, next));
      }
    }
    for (; row + together <= end; row += together) {
      const T *p = x + row * stride;
      for (int64_t c = 0; c < wide; c++) partial[c] = OWN(step)(kind, partial[c], p[c]);
    }
    for (int64_t part = 0; part < together; part++)
      for (int64_t c = 0; c < width; c++) total[c] = OWN(total)(kind, total[c], (ACC)partial[part * width + c]);
    if (end == rows) /* fewer than `together` are left */
      for (; row < rows; row++)
        for (int64_t c = 0; c < width; c++) total[c] = OWN(total)(kind, total[c], (ACC)x[row * stride + c]);
  }
}

/* Reduced elements [begin, end) of `width` neighbouring outputs whose first element is x. */
FNN_INLINE void OWN(reduce_range)(int kind, const space *s, const T *x, int64_t begin, int64_t end, int64_t width,
                                  ACC *total) {
  int64_t last = s->sizes[s->n_reduced - 1];
  while (begin < end) {
    int64_t inside = begin % last, n = fnn_min(last - inside, end - begin);
    const T *p = x + offset_of(begin, s->sizes, s->strides, s->n_reduced);
    if (s->cols == 1) total[0] = OWN(reduce_row)(kind, p, n, total[0]);
    else OWN(reduce_rows)(kind, p, n, s->cols, width, total);
    begin += n;
  }
}

/* sum, prod, max, min of float32, float64 and int32, any and all of bool (which are max and min of 0 and 1).
 * Buffers: {input, output}, contiguous, not overlapping; ints: see `space`. An empty range gives 0, 1, the least, the
 * largest number. NaN gives NaN. The order depends on the sizes alone. */
FNN_INLINE void OWN(reduce)(const fnn_call *call, int64_t begin, int64_t end, int kind) {
  space s = read_space(call->ints);
  const T *x = (const T *)call->buf[0];
  T *y = (T *)call->buf[1];
  ACC total[WIDEST];
  if (call->phase == 1) { /* put the segments together */
    for (int64_t unit = begin; unit < end; unit++) {
      int64_t col = unit % s.chunks * s.width, width = fnn_min(s.width, s.cols - col);
      const ACC *partial = (const ACC *)call->shared + unit * s.segments * s.width;
      for (int64_t c = 0; c < width; c++) total[c] = partial[c];
      for (int64_t k = 1; k < s.segments; k++)
        for (int64_t c = 0; c < width; c++) total[c] = OWN(total)(kind, total[c], partial[k * s.width + c]);
      for (int64_t c = 0; c < width; c++) y[unit / s.chunks * s.cols + col + c] = (T)total[c];
    }
    return;
  }
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t segment = unit % s.segments, chunk = unit / s.segments % s.chunks, index = unit / s.segments / s.chunks;
    int64_t col = chunk * s.width, width = fnn_min(s.width, s.cols - col);
    int64_t from = segment * s.segment, to = fnn_min(s.reduced, from + s.segment);
    for (int64_t kept = index * s.group; kept < fnn_min(s.kept, (index + 1) * s.group); kept++) {
      for (int64_t c = 0; c < width; c++) total[c] = OWN(start)(kind);
      const T *p = x + offset_of(kept, s.kept_sizes, s.kept_strides, s.n_kept) + col;
      OWN(reduce_range)(kind, &s, p, from, to, width, total);
      if (s.segments > 1)
        memcpy((ACC *)call->shared + ((kept * s.chunks + chunk) * s.segments + segment) * s.width, total,
               (size_t)width * sizeof(ACC));
      else
        for (int64_t c = 0; c < width; c++) y[kept * s.cols + col + c] = (T)total[c];
    }
  }
}

#define REDUCTION(name, kind)                                                                                          \
  static __attribute__((unused)) void OWN(name)(const fnn_call *call, int64_t begin, int64_t end) {                    \
    OWN(reduce)(call, begin, end, kind);                                                                               \
  }
REDUCTION(sum, SUM)
REDUCTION(prod, PROD)
REDUCTION(max, MAX)
REDUCTION(min, MIN)
#undef REDUCTION

/* Where the extreme of n elements is: the first one, or the first NaN. */
FNN_INLINE int64_t OWN(arg_row)(int kind, const T *x, int64_t n) {
  T best = (T)OWN(reduce_row)(kind, x, n, OWN(start)(kind));
  int64_t i = 0;
  while (i < n - 1 && !(x[i] == best || IS_NAN(x[i]))) i++;
  return i;
}

/* argmax, argmin: the index of the first extreme, or of the first NaN, along one axis (not empty).
 * Buffers: {input [outer, n, inner], output int32 [outer, inner]}. */
FNN_INLINE void OWN(arg)(const fnn_call *call, int64_t begin, int64_t end, int kind) {
  const int64_t *ints = call->ints;
  int64_t outer = ints[0], n = ints[1], inner = ints[2], group = axis_group(ints), chunks = axis_chunks(ints);
  FNN_REQUIRE(n > 0 && n <= INT32_MAX);
  int32_t *y = (int32_t *)call->buf[1];
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t first = unit / chunks * group, col = unit % chunks * WIDTH, width = fnn_min(WIDTH, inner - col);
    for (int64_t o = first; o < fnn_min(outer, first + group); o++) {
      const T *x = (const T *)call->buf[0] + o * n * inner + col;
      int32_t *found = y + o * inner + col;
      if (inner == 1) {
        found[0] = (int32_t)OWN(arg_row)(kind, x, n);
        continue;
      }
      T best[WIDTH];
      for (int64_t c = 0; c < width; c++) best[c] = x[c], found[c] = 0;
      for (int64_t i = 1; i < n; i++) {
        const T *row = x + i * inner;
        for (int64_t c = 0; c < width; c++) {
          int better = ((kind == MAX ? row[c] > best[c] : row[c] < best[c]) | IS_NAN(row[c])) & !IS_NAN(best[c]);
          best[c] = better ? row[c] : best[c];
          found[c] = better ? (int32_t)i : found[c];
        }
      }
    }
  }
}
static __attribute__((unused)) void OWN(argmax)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(arg)(call, begin, end, MAX);
}
static __attribute__((unused)) void OWN(argmin)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(arg)(call, begin, end, MIN);
}

/* same_argmax: whether the rows of two arrays have their largest element in the same place.
 * Buffers: {a [outer, n], b [outer, n], output bool [outer]}; ints as along one axis, with inner 1. */
static __attribute__((unused)) void OWN(same_argmax)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t outer = call->ints[0], n = call->ints[1], group = axis_group(call->ints);
  const T *a = (const T *)call->buf[0], *b = (const T *)call->buf[1];
  for (int64_t row = begin * group; row < fnn_min(outer, end * group); row++)
    ((uint8_t *)call->buf[2])[row] = OWN(arg_row)(MAX, a + row * n, n) == OWN(arg_row)(MAX, b + row * n, n);
}

/* cumsum: the sum of all elements up to each (from the end with ints[3]) along one axis, running totals in ACC.
 * Buffers: {input [outer, n, inner], output, the same}; the output may be the input. */
static __attribute__((unused)) void OWN(cumsum)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints;
  int64_t outer = ints[0], n = ints[1], inner = ints[2], group = axis_group(ints), chunks = axis_chunks(ints);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t first = unit / chunks * group, col = unit % chunks * WIDTH, width = fnn_min(WIDTH, inner - col);
    for (int64_t o = first; o < fnn_min(outer, first + group); o++) {
      const T *x = (const T *)call->buf[0] + o * n * inner + col;
      T *y = (T *)call->buf[1] + o * n * inner + col;
      ACC total[WIDTH];
      for (int64_t c = 0; c < width; c++) total[c] = 0;
      for (int64_t i = 0; i < n; i++) {
        int64_t row = (ints[3] ? n - 1 - i : i) * inner;
        for (int64_t c = 0; c < width; c++) {
          total[c] = ADD(ACC, total[c], (ACC)x[row + c]);
          y[row + c] = (T)total[c];
        }
      }
    }
  }
}

#undef T
#undef ACC
#undef OWN
#undef IS_FLOAT
#undef IS_NAN
#undef ADD
#undef MULTIPLY
