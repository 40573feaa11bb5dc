/* normalization_body.h: what normalization.c compiles for float32 and for float64 (T, V, M, N, FN, OWN: types_f32.h).
 * Loops over columns take whole vectors and then a partial one; n is how many elements the vector at hand has. */

FNN_INLINE V OWN(load_n)(const T *p, int64_t n) { return n == N ? FN(load)(p) : FN(load_part)(p, n); }
FNN_INLINE void OWN(store_n)(T *p, V v, int64_t n) {
  if (n == N) FN(store)(p, v);
  else FN(store_part)(p, v, n);
}
FNN_INLINE T OWN(root)(T x) { return sizeof(T) == 4 ? (T)sqrtf((float)x) : (T)sqrt(x); }

/* The epilogue on rows [row, last) of the first output. */
FNN_INLINE void OWN(finish)(const fnn_call *call, int64_t at, int64_t row, int64_t last) {
  const int64_t *ints = call->ints;
  if (ints[at])
    call->program[TYPE_DTYPE == FNN_F64](ints + ints[at], call, row, last - row, 0, ints[1], call->scratch);
}

/* ---- batch_norm ----
 * ints: [0] rows [1] cols [2] epilogue   reals: [0] epsilon
 * buffers: x, gamma (cols), beta (cols), y, mean (cols), variance (cols), factor (cols) or NULL
 * y = (x - mean) factor + beta, factor = gamma / sqrt(variance + epsilon); the variance is the biased one. rows >= 1. A
 * program that does this arithmetic has the same bits. */

static void OWN(batch_norm_size)(const int64_t *ints, fnn_work *work) { batch_size(ints, work, 3, sizeof(T)); }

/* `part(call, first, last, col, numbers, vectors, n)` for all columns of rows [first, last): `vectors` of columns at
 * once, the last of n. They are neighbours in memory, and their sums do not wait for each other. */
typedef void OWN(columns)(const fnn_call *call, int64_t first, int64_t last, int64_t col, T *numbers, const int vectors,
                          int64_t n);
FNN_INLINE void OWN(by_columns)(OWN(columns) *part, const fnn_call *call, int64_t first, int64_t last, T *numbers) {
  const int64_t cols = call->ints[1];
  int64_t c = 0;
  for (; c + AT_ONCE * N <= cols; c += AT_ONCE * N) part(call, first, last, c, numbers, AT_ONCE, N);
  for (; c + 2 * N <= cols; c += 2 * N) part(call, first, last, c, numbers, 2, N);
  for (; c < cols; c += N) part(call, first, last, c, numbers, 1, fnn_min(N, cols - c));
}

/* AT_ONCE sums, sum i of vector i % vectors, to one of each vector. */
FNN_INLINE void OWN(join_vectors)(V *sum, const int vectors) {
  for (int half = AT_ONCE / 2; half >= vectors; half /= 2)
    for (int i = 0; i < half; i++) sum[i] += sum[i + half];
}

/* Where what follows rows [first, last) of buffer k is asked for in the order of memory, while their columns from `col`
 * on are read in theirs, a vector for each; NULL: not at all. */
FNN_INLINE const T *OWN(next_block)(const fnn_call *call, int k, int64_t first, int64_t last, int64_t col) {
  if (!asks_ahead(call->ints, (AT_ONCE + 1) * N, sizeof(T))) return NULL;
  return (const T *)call->buf[k] + last * call->ints[1] + col * (last - first);
}
FNN_INLINE void OWN(ask_for)(const T *next, const int vectors, const int writes) {
  for (int i = 0; i < vectors * N; i += FNN_ALIGN / (int)sizeof(T)) __builtin_prefetch(next + i, writes, 2);
}

FNN_INLINE void OWN(add_rows)(V *sum, const T *x, const V *centre, int64_t cols, const int rows, const int vectors,
                              int64_t n) {
  for (int i = 0; i < rows * vectors; i++) {
    V v = OWN(load_n)(x + i / vectors * cols + i % vectors * N, n);
    if (centre) v -= centre[i % vectors];
    sum[i] += centre ? v * v : v;
  }
}

/* Sums of `vectors` of columns over rows [first, last) of x: of the elements, or, where there is a centre, of their
 * squares about it; `next` is asked for meanwhile. Fewer than AT_ONCE vectors are taken of several
 * rows at once, as one sum would wait for itself. */
FNN_INLINE void OWN(sum_columns)(V *sum, const T *x, const V *centre, int64_t cols, int64_t first, int64_t last,
                                 const T *next, const int vectors, int64_t n) {
  for (int i = 0; i < AT_ONCE; i++) sum[i] = (V){0};
  const int rows = AT_ONCE / vectors;
  for (; first + rows <= last; first += rows) {
    if (next) OWN(ask_for)(next, AT_ONCE, 0), next += AT_ONCE * N;
    OWN(add_rows)(sum, x + first * cols, centre, cols, rows, vectors, n);
  }
  for (; first < last; first++) OWN(add_rows)(sum, x + first * cols, centre, cols, 1, vectors, n);
  OWN(join_vectors)(sum, vectors);
}

/* Phase 0: the mean of each column over a block of rows, and cols numbers later the sum of squares about it. */
FNN_INLINE void OWN(block_moments)(const fnn_call *call, int64_t first, int64_t last, int64_t col, T *numbers,
                                   const int vectors, int64_t n) {
  const int64_t cols = call->ints[1];
  const T *x = (const T *)call->buf[0] + col;
  V centre[AT_ONCE], square[AT_ONCE];
  OWN(sum_columns)(centre, x, NULL, cols, first, last, NULL, vectors, n);
  for (int i = 0; i < vectors; i++) centre[i] /= (T)(last - first);
  OWN(sum_columns)(square, x, centre, cols, first, last, OWN(next_block)(call, 0, first, last, col), vectors, n);
  for (int i = 0; i < vectors; i++) {
    OWN(store_n)(numbers + col + i * N, centre[i], n);
    OWN(store_n)(numbers + cols + col + i * N, square[i], n);
  }
}

/* `width` columns of blocks of `step` rows, 2 cols numbers apart, joined block by block as they lie. */
FNN_INLINE void OWN(join_moments)(const T *partial, int64_t rows, int64_t step, int64_t cols, int64_t width,
                                  double *mean, double *squares) {
  double count = 0;
  for (int64_t row = 0; row < rows; row += step, partial += 2 * cols) {
    double n = (double)fnn_min(step, rows - row), share = n / (count + n);
    for (int64_t c = 0; c < width; c++) {
      double d = (double)partial[c] - mean[c];
      squares[c] += (double)partial[cols + c] + d * d * count * share;
      mean[c] += d * share;
    }
    count += n;
  }
}

/* Phase 1: `width` columns joined, and what phase 2 multiplies by. */
FNN_INLINE void OWN(batch_moments)(const fnn_call *call, int64_t first, int64_t width) {
  int64_t rows = call->ints[0], cols = call->ints[1], step = batch_rows(call->ints);
  const T *partial = (const T *)call->shared + first;
  T *factor = (T *)call->shared + 2 * fnn_ceil_div(rows, step) * cols;
  double mean[UNIT_COLS] = {0}, squares[UNIT_COLS] = {0};
  OWN(join_moments)(partial, rows, step, cols, width, mean, squares);
  for (int64_t c = 0; c < width; c++) {
    double variance = squares[c] / (double)rows;
    ((T *)call->buf[4])[first + c] = (T)mean[c];
    ((T *)call->buf[5])[first + c] = (T)variance;
    factor[first + c] = (T)((double)((const T *)call->buf[1])[first + c] / sqrt(variance + call->reals[0]));
  }
  if (call->buf[6]) memcpy((T *)call->buf[6] + first, factor + first, (size_t)width * sizeof(T));
}

/* Phase 2; numbers: what to multiply by. */
FNN_INLINE void OWN(normalized)(const fnn_call *call, int64_t first, int64_t last, int64_t col, T *numbers,
                                const int vectors, int64_t n) {
  const int64_t cols = call->ints[1];
  const T *x = (const T *)call->buf[0] + col;
  T *y = (T *)call->buf[3] + col;
  V mean[AT_ONCE], factor[AT_ONCE], offset[AT_ONCE];
  for (int i = 0; i < vectors; i++) {
    mean[i] = OWN(load_n)((const T *)call->buf[4] + col + i * N, n);
    factor[i] = OWN(load_n)(numbers + col + i * N, n);
    offset[i] = OWN(load_n)((const T *)call->buf[2] + col + i * N, n);
  }
  const T *next_x = OWN(next_block)(call, 0, first, last, col), *next_y = OWN(next_block)(call, 3, first, last, col);
  for (int64_t r = first; r < last; r++) {
    if (next_x) {
      const int64_t at = (r - first) * vectors * N;
      OWN(ask_for)(next_x + at, vectors, 0), OWN(ask_for)(next_y + at, vectors, 1);
    }
    for (int i = 0; i < vectors; i++) {
      V d = OWN(load_n)(x + r * cols + i * N, n) - mean[i];
      OWN(store_n)(y + r * cols + i * N, d * factor[i] + offset[i], n);
    }
  }
}

static void OWN(batch_norm)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t rows = call->ints[0], cols = call->ints[1], step = batch_rows(call->ints);
  T *shared = (T *)call->shared;
  if (call->phase == 1) {
    for (int64_t c = begin * UNIT_COLS; begin < end; begin++, c += UNIT_COLS)
      OWN(batch_moments)(call, c, fnn_min(UNIT_COLS, cols - c));
    return;
  }
  for (int64_t b = begin; b < end; b++) {
    int64_t first = b * step, last = fnn_min(rows, first + step);
    if (call->phase == 0) {
      OWN(by_columns)(OWN(block_moments), call, first, last, shared + 2 * b * cols);
      continue;
    }
    OWN(by_columns)(OWN(normalized), call, first, last, shared + 2 * fnn_ceil_div(rows, step) * cols);
    OWN(finish)(call, 2, first, last);
  }
}

/* ---- batch_norm_grad ----
 * ints, reals: as batch_norm
 * buffers: dy, x, gamma, mean, variance (as batch_norm gave them), dx, dgamma (cols), dbeta (cols)
 * With r = 1 / sqrt(variance + epsilon): dbeta = sum(dy), dgamma = r sum(dy (x - mean)),
 * dx = gamma r (dy - dbeta / rows - r (x - mean) dgamma / rows). */

static void OWN(batch_norm_grad_size)(const int64_t *ints, fnn_work *work) { batch_size(ints, work, 5, sizeof(T)); }

/* Phase 0: the sum of each column of dy over a block of rows, and cols numbers later that of dy (x - mean). */
FNN_INLINE void OWN(block_sums)(const fnn_call *call, int64_t first, int64_t last, int64_t col, T *numbers,
                                const int vectors, int64_t n) {
  const int64_t cols = call->ints[1];
  const T *dy = (const T *)call->buf[0] + col, *x = (const T *)call->buf[1] + col;
  V sum[AT_ONCE] = {0}, product[AT_ONCE] = {0}, mean[AT_ONCE];
  for (int i = 0; i < vectors; i++) mean[i] = OWN(load_n)((const T *)call->buf[3] + col + i * N, n);
  const T *next_dy = OWN(next_block)(call, 0, first, last, col), *next_x = OWN(next_block)(call, 1, first, last, col);
  for (int64_t r = first; r < last; r++) {
    if (next_x) {
      const int64_t at = (r - first) * vectors * N;
      OWN(ask_for)(next_dy + at, vectors, 0), OWN(ask_for)(next_x + at, vectors, 0);
    }
    for (int i = 0; i < vectors; i++) {
      V g = OWN(load_n)(dy + r * cols + i * N, n);
      sum[i] += g;
      product[i] += g * (OWN(load_n)(x + r * cols + i * N, n) - mean[i]);
    }
  }
  for (int i = 0; i < vectors; i++) {
    OWN(store_n)(numbers + col + i * N, sum[i], n);
    OWN(store_n)(numbers + cols + col + i * N, product[i], n);
  }
}

/* The two sums of `width` columns from the blocks, 2 cols numbers apart, whose first is at `partial`. */
FNN_INLINE void OWN(join_blocks)(const T *partial, int64_t blocks, int64_t cols, int64_t width, double *sum,
                                 double *product) {
  for (; blocks > 0; blocks--, partial += 2 * cols)
    for (int64_t c = 0; c < width; c++) {
      sum[c] += (double)partial[c];
      product[c] += (double)partial[cols + c];
    }
}

/* Phase 1: dgamma, dbeta, and the three numbers a column with dx = k0 dy + k1 + k2 (x - mean). */
FNN_INLINE void OWN(join_sums)(const fnn_call *call, int64_t first, int64_t width) {
  int64_t rows = call->ints[0], cols = call->ints[1], blocks = fnn_ceil_div(rows, batch_rows(call->ints));
  T *k = (T *)call->shared + 2 * blocks * cols;
  double sum[UNIT_COLS] = {0}, product[UNIT_COLS] = {0};
  OWN(join_blocks)((const T *)call->shared + first, blocks, cols, width, sum, product);
  for (int64_t i = 0, c = first; i < width; i++, c++) {
    double r = 1 / sqrt((double)((const T *)call->buf[4])[c] + call->reals[0]);
    double scale = (double)((const T *)call->buf[2])[c] * r;
    ((T *)call->buf[6])[c] = (T)(product[i] * r);
    ((T *)call->buf[7])[c] = (T)sum[i];
    k[c] = (T)scale;
    k[cols + c] = (T)(-scale * sum[i] / (double)rows);
    k[2 * cols + c] = (T)(-scale * r * r * product[i] / (double)rows);
  }
}

/* Phase 2; numbers: the three a column, cols apart. */
FNN_INLINE void OWN(input_gradient)(const fnn_call *call, int64_t first, int64_t last, int64_t col, T *numbers,
                                    const int vectors, int64_t n) {
  const int64_t cols = call->ints[1];
  const T *dy = (const T *)call->buf[0] + col, *x = (const T *)call->buf[1] + col, *k = numbers + col;
  T *dx = (T *)call->buf[5] + col;
  V mean[AT_ONCE], k0[AT_ONCE], k1[AT_ONCE], k2[AT_ONCE];
  for (int i = 0; i < vectors; i++) {
    mean[i] = OWN(load_n)((const T *)call->buf[3] + col + i * N, n);
    k0[i] = OWN(load_n)(k + i * N, n);
    k1[i] = OWN(load_n)(k + cols + i * N, n);
    k2[i] = OWN(load_n)(k + 2 * cols + i * N, n);
  }
  const T *next_dy = OWN(next_block)(call, 0, first, last, col), *next_x = OWN(next_block)(call, 1, first, last, col);
  const T *next_dx = OWN(next_block)(call, 5, first, last, col);
  for (int64_t r = first; r < last; r++) {
    if (next_x) {
      const int64_t at = (r - first) * vectors * N;
      OWN(ask_for)(next_dy + at, vectors, 0), OWN(ask_for)(next_x + at, vectors, 0);
      OWN(ask_for)(next_dx + at, vectors, 1);
    }
    for (int i = 0; i < vectors; i++) {
      V g = OWN(load_n)(dy + r * cols + i * N, n), d = OWN(load_n)(x + r * cols + i * N, n) - mean[i];
      OWN(store_n)(dx + r * cols + i * N, k0[i] * g + (k1[i] + k2[i] * d), n);
    }
  }
}

static void OWN(batch_norm_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t rows = call->ints[0], cols = call->ints[1], step = batch_rows(call->ints);
  T *shared = (T *)call->shared;
  if (call->phase == 1) {
    for (int64_t c = begin * UNIT_COLS; begin < end; begin++, c += UNIT_COLS)
      OWN(join_sums)(call, c, fnn_min(UNIT_COLS, cols - c));
    return;
  }
  for (int64_t b = begin; b < end; b++) {
    int64_t first = b * step, last = fnn_min(rows, first + step);
    if (call->phase == 0) {
      OWN(by_columns)(OWN(block_sums), call, first, last, shared + 2 * b * cols);
      continue;
    }
    OWN(by_columns)(OWN(input_gradient), call, first, last, shared + 2 * fnn_ceil_div(rows, step) * cols);
    OWN(finish)(call, 2, first, last);
  }
}

/* ---- layer_norm ----
 * ints: [0] rows [1] cols [2] is_centered [3] epilogue   reals: [0] epsilon
 * buffers: x, gamma (cols), beta (cols), y, mean (rows), r (rows)
 * mean of each row (0 unless is_centered), r = 1 / sqrt(mean((x - mean)^2) + epsilon), y = (x - mean) r gamma + beta.
 * cols >= 1. A row's sums: N lanes in T, then the lanes. */

static void OWN(layer_norm_size)(const int64_t *ints, fnn_work *work) { layer_size(ints, work, 2, sizeof(T)); }

/* A row's sum of f(x, mean), 0 in the lanes that hold no element; by `ways` sums, as one would wait for itself. */
FNN_INLINE T OWN(row_sum_by)(const int ways, const T *x, int64_t cols, T mean, V (*f)(V, T)) {
  V sum[AT_ONCE] = {0};
  int64_t c = 0;
  for (; c + ways * N <= cols; c += ways * N)
    for (int i = 0; i < ways; i++) sum[i] += f(FN(load)(x + c + i * N), mean);
  for (; ways > 1 && c + N <= cols; c += N) sum[0] += f(FN(load)(x + c), mean);
  if (c < cols) sum[0] += FN(first_lanes)(f(FN(load_part)(x + c, cols - c), mean), cols - c, 0);
  if (ways > 1) OWN(join_vectors)(sum, 1);
  return FN(sum_lanes)(sum[0]);
}
FNN_INLINE T OWN(row_sum)(const T *x, int64_t cols, T mean, V (*f)(V, T)) {
  return cols < 2 * AT_ONCE * N ? OWN(row_sum_by)(1, x, cols, mean, f) : OWN(row_sum_by)(AT_ONCE, x, cols, mean, f);
}
FNN_INLINE V OWN(itself)(V x, T mean) { return (void)mean, x; }
FNN_INLINE V OWN(squared)(V x, T mean) {
  const V d = x - mean;
  return d * d;
}

FNN_INLINE void OWN(scaled)(const T *x, T mean, T r, const T *gamma, const T *beta, T *y, int64_t n) {
  V scaled = (OWN(load_n)(x, n) - mean) * r;
  OWN(store_n)(y, scaled * OWN(load_n)(gamma, n) + OWN(load_n)(beta, n), n);
}

static void OWN(layer_norm)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t rows = call->ints[0], cols = call->ints[1], step = layer_rows(call->ints);
  const T *gamma = (const T *)call->buf[1], *beta = (const T *)call->buf[2];
  for (int64_t b = begin; b < end; b++) {
    int64_t first = b * step, last = fnn_min(rows, first + step);
    for (int64_t row = first; row < last; row++) {
      const T *x = (const T *)call->buf[0] + row * cols;
      T *y = (T *)call->buf[3] + row * cols;
      T mean = call->ints[2] ? OWN(row_sum)(x, cols, 0, OWN(itself)) / (T)cols : 0;
      T r = 1 / OWN(root)(OWN(row_sum)(x, cols, mean, OWN(squared)) / (T)cols + (T)call->reals[0]);
      int64_t c = 0;
      for (; c + N <= cols; c += N) OWN(scaled)(x + c, mean, r, gamma + c, beta + c, y + c, N);
      for (; c < cols; c += N) OWN(scaled)(x + c, mean, r, gamma + c, beta + c, y + c, fnn_min(N, cols - c));
      ((T *)call->buf[4])[row] = mean;
      ((T *)call->buf[5])[row] = r;
    }
    OWN(finish)(call, 3, first, last);
  }
}

/* ---- layer_norm_grad ----
 * ints: as layer_norm
 * buffers: dy, x, gamma, mean, r (as layer_norm gave them), dx, dgamma (cols), dbeta (cols)
 * With s = (x - mean) r and g = dy gamma: dx = r (g - mean(g) - s mean(g s)), without mean(g) unless is_centered;
 * dgamma = sum(dy s), dbeta = sum(dy) over the rows. */

static void OWN(layer_norm_grad_size)(const int64_t *ints, fnn_work *work) { layer_grad_size(ints, work, sizeof(T)); }

/* n columns of `rows` rows, of which each is `cols` elements after the one before: what they add to the sums of the
 * rows and of the columns. */
FNN_INLINE void OWN(add_sums)(const int rows, const T *dy, const T *x, int64_t cols, const T *gamma, const T *mean,
                              const T *r, T *dgamma, T *dbeta, V *sum, V *product, int64_t n) {
  const V scale = OWN(load_n)(gamma, n);
  V columns = OWN(load_n)(dgamma, n), shift = OWN(load_n)(dbeta, n);
  for (int i = 0; i < rows; i++) {
    V d = OWN(load_n)(dy + i * cols, n), s = (OWN(load_n)(x + i * cols, n) - mean[i]) * r[i], g = d * scale;
    sum[i] += g; /* 0 in the lanes that hold no element */
    product[i] += n < N ? FN(first_lanes)(g * s, n, 0) : g * s;
    columns += d * s;
    shift += d;
  }
  OWN(store_n)(dgamma, columns, n);
  OWN(store_n)(dbeta, shift, n);
}

/* n columns of dx. */
FNN_INLINE void OWN(layer_gradient)(const int rows, const T *dy, const T *x, int64_t cols, const T *gamma,
                                    const T *mean, const T *r, const T *centre, const T *along, T *dx, int64_t n) {
  const V scale = OWN(load_n)(gamma, n);
  for (int i = 0; i < rows; i++) {
    V s = (OWN(load_n)(x + i * cols, n) - mean[i]) * r[i], g = OWN(load_n)(dy + i * cols, n) * scale;
    OWN(store_n)(dx + i * cols, r[i] * (g - centre[i] - s * along[i]), n);
  }
}

/* Several rows at once: their sums do not wait for each other, and gamma and the sums of columns are read once. */
FNN_INLINE void OWN(layer_rows_at)(const int rows, const fnn_call *call, int64_t row, T *dgamma, T *dbeta) {
  const int64_t cols = call->ints[1];
  const T *dy = (const T *)call->buf[0] + row * cols, *x = (const T *)call->buf[1] + row * cols;
  const T *gamma = (const T *)call->buf[2];
  T *dx = (T *)call->buf[5] + row * cols;
  T mean[LAYER_ROWS], r[LAYER_ROWS], centre[LAYER_ROWS], along[LAYER_ROWS];
  V sum[LAYER_ROWS], product[LAYER_ROWS];
  for (int i = 0; i < rows; i++) {
    mean[i] = ((const T *)call->buf[3])[row + i], r[i] = ((const T *)call->buf[4])[row + i];
    sum[i] = product[i] = (V){0};
  }
  int64_t c = 0;
  const int asks = rows > 1 && asks_ahead(call->ints, LAYER_NEAR / (rows * (int)sizeof(T)), sizeof(T));
  for (; c + N <= cols; c += N) {
    if (asks) { /* in the order of memory, as above */
      const int64_t ahead = LAYER_AHEAD / (int64_t)sizeof(T) + rows * c;
      OWN(ask_for)(dy + ahead, rows, 0), OWN(ask_for)(x + ahead, rows, 0), OWN(ask_for)(dx + ahead, rows, 1);
    }
    OWN(add_sums)(rows, dy + c, x + c, cols, gamma + c, mean, r, dgamma + c, dbeta + c, sum, product, N);
  }
  if (c < cols)
    OWN(add_sums)(rows, dy + c, x + c, cols, gamma + c, mean, r, dgamma + c, dbeta + c, sum, product, cols - c);
  for (int i = 0; i < rows; i++) {
    centre[i] = call->ints[2] ? FN(sum_lanes)(sum[i]) / (T)cols : 0;
    along[i] = FN(sum_lanes)(product[i]) / (T)cols;
  }
  /* Not whole vectors apart from the last: 4096x768 took 1.05 times as long. */
  for (c = 0; c < cols; c += N)
    OWN(layer_gradient)(rows, dy + c, x + c, cols, gamma + c, mean, r, centre, along, dx + c, fnn_min(N, cols - c));
}

static void OWN(layer_norm_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t rows = call->ints[0], cols = call->ints[1], step = layer_rows(call->ints);
  const int is_short = LAYER_ROWS * cols * (int64_t)sizeof(T) <= LAYER_BYTES;
  T *shared = (T *)call->shared;
  if (call->phase == 1) {
    for (int64_t c = begin * UNIT_COLS; begin < end; begin++, c += UNIT_COLS) {
      int64_t width = fnn_min(UNIT_COLS, cols - c);
      double dgamma[UNIT_COLS] = {0}, dbeta[UNIT_COLS] = {0};
      OWN(join_blocks)(shared + c, fnn_ceil_div(rows, step), cols, width, dgamma, dbeta);
      for (int64_t i = 0; i < width; i++) {
        ((T *)call->buf[6])[c + i] = (T)dgamma[i];
        ((T *)call->buf[7])[c + i] = (T)dbeta[i];
      }
    }
    return;
  }
  for (int64_t b = begin; b < end; b++) {
    T *dgamma = shared + 2 * b * cols, *dbeta = dgamma + cols;
    memset(dgamma, 0, (size_t)(2 * cols) * sizeof(T));
    int64_t first = b * step, last = fnn_min(rows, first + step);
    int64_t row = first;
    for (; is_short && row + LAYER_ROWS <= last; row += LAYER_ROWS)
      OWN(layer_rows_at)(LAYER_ROWS, call, row, dgamma, dbeta);
    for (; row < last; row++) OWN(layer_rows_at)(1, call, row, dgamma, dbeta);
    OWN(finish)(call, 3, first, last);
  }
}
