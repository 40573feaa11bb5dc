/* gather_body.h: what gather.c compiles for float32 and for float64. */

static void OWN(take_sum_size)(const int64_t *ints, fnn_work *work) { take_sum_size(ints, work, sizeof(T)); }

/* Elements of result b from c on: whole vectors, then the `part` first elements of one more. */
FNN_INLINE void OWN(take_sum_of)(const fnn_call *call, int64_t b, int64_t c, const int vectors, const int64_t part) {
  const int64_t *ints = call->ints, m = ints[3];
  const T *weights = (const T *)call->buf[2];
  const char *rows[SUM_BLOCK];
  V sums[2][SUM_VECTORS + 1] = {{{0}}};
  for (int64_t j = 0; j < m; j += SUM_BLOCK) {
    const int64_t count = fnn_min(SUM_BLOCK, m - j);
    if (!rows_of_sum(call, rows, b * m + j, count, (int64_t)sizeof(T) * ints[1], c == 0)) return;
    for (int64_t k = 0; k < count; k += 2) {
#define ADD(odd)                                                                                                       \
  {                                                                                                                    \
    const T *row = (const T *)rows[k + odd] + c;                                                                       \
    const V weight = FN(splat)(weights ? weights[b * m + j + k + odd] : 1);                                            \
    for (int v = 0; v < vectors; v++) sums[odd][v] = FN(multiply_add)(FN(load)(row + v * N), weight, sums[odd][v]);    \
    if (part)                                                                                                          \
      sums[odd][vectors] = FN(multiply_add)(FN(load_part)(row + vectors * N, part), weight, sums[odd][vectors]);       \
  }
      ADD(0)
      if (k + 1 < count) ADD(1)
#undef ADD
    }
  }
  T *y = (T *)call->buf[3] + b * ints[1] + c;
  for (int v = 0; v < vectors; v++) FN(store)(y + v * N, sums[0][v] + sums[1][v]);
  if (part) FN(store_part)(y + vectors * N, sums[0][vectors] + sums[1][vectors], part);
}

static void OWN(take_sum)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t inner = call->ints[1], step = sum_unit_results(call->ints);
  for (int64_t b = begin * step; b < fnn_min(call->ints[2], end * step); b++) {
    int64_t c = 0;
    for (; c + SUM_VECTORS * N <= inner; c += SUM_VECTORS * N) OWN(take_sum_of)(call, b, c, SUM_VECTORS, 0);
    const int64_t part = (inner - c) % N;
    switch ((inner - c) / N) {
      case 0:
        if (part) OWN(take_sum_of)(call, b, c, 0, part);
        break;
      case 1: OWN(take_sum_of)(call, b, c, 1, part); break;
      case 2: OWN(take_sum_of)(call, b, c, 2, part); break;
      case 3: OWN(take_sum_of)(call, b, c, 3, part); break;
    }
  }
}

static void OWN(take_grad_size)(const int64_t *ints, fnn_work *work) { take_grad_size(ints, work, sizeof(T)); }

/* to[i - first] += dy[j] for the i and j of one tile, which begins at row `first`. Without an order these are all j. */
FNN_INLINE void OWN(add_each)(const fnn_call *call, T *restrict to, const T *restrict dy, int64_t first,
                              const int64_t *order, int64_t count, const int64_t dtype, const int64_t inner) {
  const int64_t *ints = call->ints;
  for (int64_t k = 0; k < count; k++) {
    if (order && k + GRAD_AHEAD < count)
      for (int64_t c = 0; c < inner; c += 64 / (int64_t)sizeof(T))
        __builtin_prefetch(dy + order[k + GRAD_AHEAD] * inner + c);
    int64_t j = order ? order[k] : k, i = index_at(call->buf[1], dtype, j, ints[1]);
    if (i < 0) {
      set_status(call, FNN_INDEX_OUT_OF_RANGE);
      return;
    }
    T *sum = to + (i - first) * inner;
    const T *row = dy + j * inner;
    for (int64_t c = 0; c < inner; c++) sum[c] += row[c];
  }
}

/* The same with a constant type of index, and for single elements, such as counts are. */
static void OWN(add_rows)(const fnn_call *call, T *restrict to, const T *restrict dy, int64_t first,
                          const int64_t *order, int64_t count) {
#define ADD(dtype)                                                                                                     \
  if (call->ints[2] == 1) OWN(add_each)(call, to, dy, first, order, count, dtype, 1);                                  \
  else OWN(add_each)(call, to, dy, first, order, count, dtype, call->ints[2])
  WITH_INDEX_TYPE(call->ints[4], ADD)
#undef ADD
}

static void OWN(take_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  if (call->phase == 0) {
    sort_by_tile(call);
    return;
  }
  const int64_t *ints = call->ints, n = ints[1], inner = ints[2], m = ints[3];
  grad_tiling t = grad_tiles(ints);
  const int64_t *ends = (const int64_t *)call->shared, *order = ends + t.tiles;
  fnn_call finish = *call;
  finish.tile = call->scratch;
  finish.is_far = ints[5] && grad_program_bytes(ints) > FNN_FAR_BYTES;
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t outer = unit / t.tiles, tile = unit % t.tiles, first = tile * t.rows, rows = fnn_min(n - first, t.rows);
    int64_t from = tile ? ends[tile - 1] : 0, until = t.tiles > 1 ? ends[tile] : m, row = outer * n + first;
    T *dx = call->buf[2] ? (T *)call->buf[2] + row * inner : (T *)call->scratch;
    memset(dx, 0, (size_t)(rows * inner) * sizeof(T));
    const T *dy = (const T *)call->buf[0] + outer * m * inner;
    OWN(add_rows)(call, dx, dy, first, t.tiles > 1 ? order + from : NULL, until - from);
    if (!ints[5]) continue;
    int64_t parts = inner / ints[6]; /* rows of the program's space in one of dx */
    call->program[TYPE_DTYPE == FNN_F64](ints + ints[5], &finish, row * parts, rows * parts, 0, ints[6],
                                         call->scratch + fnn_round_up(t.rows * inner * sizeof(T), FNN_ALIGN));
  }
}

static void OWN(along_grad_size)(const int64_t *ints, fnn_work *work) { along_grad_size(ints, work, sizeof(T)); }

/* Columns [col, col + width) of outer indices [first, last). */
FNN_INLINE void OWN(along_grad)(const fnn_call *call, int64_t first, int64_t last, int64_t col, int64_t width,
                                const int64_t dtype) {
  const int64_t n = call->ints[1], inner = call->ints[2], m = call->ints[3];
  int64_t is_bad = 0;
  for (int64_t o = first; o < last; o++) {
    T *dx = (T *)call->buf[2] + o * n * inner + col;
    if (width == inner) memset(dx, 0, (size_t)(n * inner) * sizeof(T));
    else
      for (int64_t k = 0; k < n; k++) memset(dx + k * inner, 0, (size_t)width * sizeof(T));
    for (int64_t j = o * m; j < (o + 1) * m; j++)
      for (int64_t c = 0; c < width; c++) {
        const int64_t at = j * inner + col + c, k = index_at(call->buf[1], dtype, at, n);
        if (k < 0) is_bad = 1;
        else dx[k * inner + c] += ((const T *)call->buf[0])[at];
      }
  }
  if (is_bad) set_status(call, FNN_INDEX_OUT_OF_RANGE);
}

static void OWN(take_along_axis_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, chunks = along_chunks(ints), group = along_group(ints);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = unit / chunks * group, last = fnn_min(ints[0], first + group), col = unit % chunks * WIDTH;
    const int64_t width = fnn_min(WIDTH, ints[2] - col);
#define OF_TYPE(dtype) OWN(along_grad)(call, first, last, col, width, dtype)
    WITH_INDEX_TYPE(ints[4], OF_TYPE)
#undef OF_TYPE
  }
}
