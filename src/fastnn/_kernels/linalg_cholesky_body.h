/* Kernels of symmetric positive definite matrices; see linalg.c. */

/* ---- cholesky: y with y y^T = (x + x^T) / 2, a lower triangle ----
 * ints: [0] matrices   [1] n   [2] dtype   [3] 1: y^T instead, an upper one
 * buffers: x (matrices, n, n), y (matrices, n, n), which does not overlap it. A matrix that is not positive definite
 * sets the status.
 *
 * Rows of the upper triangle are computed, ROWS at once, from all those before them. What is below is not defined. */
static double cholesky_flops(const int64_t *ints) {
  const double n = (double)ints[1];
  return n * n * (n / 3 + 4);
}

static void cholesky_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], rows = padded(n);
  each_matrix(work, ints[0], cholesky_flops(ints), rows * apart(rows), 2 * n * n, ints[2]);
  if (is_shared(ints[0], cholesky_flops(ints))) shared_matrix(work, panels_of(n) + 2, 0, rows * apart(rows));
}

/* Rows [i, i + N) of the upper triangle of (x + x^T) / 2, padded. */
FNN_INLINE void read_symmetric_as(T *y, int64_t row, const char *x, int64_t at, int64_t n, int64_t i,
                                  const int is_single) {
  for (int64_t j = i; j < padded(n); j += N) {
    V v[N];
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) v[r] = read_part(x, at + (j + r) * n + i, j + r < n ? n - i : 0, is_single);
    OWN(transpose)(v);
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) {
      const V own = read_part(x, at + (i + r) * n + j, i + r < n ? n - j : 0, is_single);
      FN(store)(y + (i + r) * row + j, (own + v[r]) * 0.5);
    }
  }
}
static void read_symmetric(T *y, int64_t row, const char *x, int64_t at, int64_t n, int64_t i, int64_t dtype) {
  if (dtype == FNN_F32) read_symmetric_as(y, row, x, at, n, i, 1);
  else read_symmetric_as(y, row, x, at, n, i, 0);
}

/* Rows [i, i + N) of the triangle, turned or as it is, and zeroes. */
FNN_INLINE void write_triangle_as(char *y, int64_t at, const T *x, int64_t row, int64_t n, int64_t i, int is_upper,
                                  const int is_single) {
  for (int64_t j = 0; j < n; j += N) {
    V v[N];
    const int is_there = is_upper ? j >= i : j <= i;
    const T *from = x + (is_upper ? i * row + j : j * row + i);
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) {
      v[r] = is_there ? FN(load)(from + r * row) : (V){0};
      if (i == j) v[r] = (V)((M)v[r] & (fnn_lanesd() >= r));
    }
    if (!is_upper) OWN(transpose)(v);
#pragma GCC unroll 8
    for (int r = 0; r < N; r++)
      if (i + r < n) write_part(y, at + (i + r) * n + j, n - j, v[r], is_single);
  }
}
static void write_triangle(char *y, int64_t at, const T *x, int64_t row, int64_t n, int64_t i, int is_upper,
                           int64_t dtype) {
  if (dtype == FNN_F32) write_triangle_as(y, at, x, row, n, i, is_upper, 1);
  else write_triangle_as(y, at, x, row, n, i, is_upper, 0);
}

/* Rows [at, at + ROWS) of x in columns [first, end), whole vectors, when those of the diagonal are there. */
static void solve_factor(T *x, int64_t row, int64_t at, int64_t first, int64_t end) {
  for (int64_t j = first; j < end; j += STRIP)
    solve_lower(x + at * row + j, row, (strided){x + at, 1, row}, x + j, row, at, (strided){x + at * (row + 1), 1, row},
                fnn_min(VECTORS, (end - j) / N));
}

/* Rows [first, last) of x, of which the upper triangle counts, become those of the factor, up to column `end`. Returns
 * 0 where there is none. */
static int factor(T *x, int64_t row, int64_t first, int64_t last, int64_t end) {
  for (int64_t at = first; at < last; at += ROWS) {
    T own[ROWS * ROWS] __attribute__((aligned(FNN_ALIGN)));
    T *from = x + at * row + at;
    for (int r = 0; r < ROWS; r++) memcpy(own + r * ROWS, from + r * row, ROWS * sizeof(T));
    subtract(own, ROWS, (strided){x + at, 1, row}, x + at, row, at, (strided){0}, ROWS / N);
    for (int k = 0; k < ROWS; k++) {
      const T square = own[k * ROWS + k];
      if (square <= 0) return 0; /* NaN becomes the result, as in NumPy */
      const T root = sqrt(square);
      own[k * ROWS + k] = root;
      for (int j = k + 1; j < ROWS; j++) own[k * ROWS + j] /= root;
      for (int i = k + 1; i < ROWS; i++)
        for (int j = i; j < ROWS; j++) own[i * ROWS + j] -= own[k * ROWS + i] * own[k * ROWS + j];
    }
    for (int r = 0; r < ROWS; r++) memcpy(from + r * row, own + r * ROWS, ROWS * sizeof(T));
    solve_factor(x, row, at, at + ROWS, end);
  }
  return 1;
}

/* Panel p of rows, columns [first, end). */
static void solve_panel(T *x, int64_t row, int64_t rows, int64_t p, int64_t first, int64_t end) {
  for (int64_t i = p * PANEL; i < fnn_min(rows, (p + 1) * PANEL); i += ROWS) solve_factor(x, row, i, first, end);
}

/* Phase p + 1 has panel p - 1 of rows behind its diagonal; where it is done for the columns of panel p, unit 0 has what
 * lies around the diagonal of that. */
static void cholesky_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], rows = padded(n), row = apart(rows), vectors = rows / N;
  const int64_t p = call->phase - 1, at = p * PANEL, behind = fnn_min(rows, at + PANEL);
  T *x = (T *)call->shared;
  if (p < 0)
    for (int64_t k = part(vectors, begin); k < part(vectors, end); k++)
      read_symmetric(x, row, call->buf[0], 0, n, from_both_ends(k, vectors) * N, ints[2]);
  else if (at < rows) {
    const int64_t strips = p ? fnn_ceil_div(rows - behind, STRIP) : 0;
    if (begin == 0) {
      if (p == 0) pad_diagonal(x, row, n);
      else solve_panel(x, row, rows, p - 1, at, behind);
      if (!factor(x, row, at, behind, behind)) {
        set_status(call, FNN_NOT_POSITIVE);
        return;
      }
    }
    for (int64_t strip = part_beside(strips, begin); strip < part_beside(strips, end); strip++) {
      const int64_t j = behind + strip * STRIP;
      solve_panel(x, row, rows, p - 1, j, fnn_min(rows, j + STRIP));
    }
  } else
    for (int64_t i = part(vectors, begin) * N; i < fnn_min(n, part(vectors, end) * N); i += N)
      write_triangle(call->buf[1], 0, x, row, n, i, ints[3] != 0, ints[2]);
}

static void cholesky(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], group = matrices_of_unit(cholesky_flops(ints));
  const int64_t rows = padded(n), row = apart(rows);
  if (is_shared(ints[0], cholesky_flops(ints))) {
    cholesky_shared(call, begin, end);
    return;
  }
  T *x = (T *)call->scratch;
  for (int64_t matrix = begin * group; matrix < fnn_min(ints[0], end * group); matrix++) {
    const int64_t at = matrix * n * n;
    for (int64_t i = 0; i < rows; i += N) read_symmetric(x, row, call->buf[0], at, n, i, ints[2]);
    pad_diagonal(x, row, n);
    if (!factor(x, row, 0, rows, rows)) {
      set_status(call, FNN_NOT_POSITIVE);
      return;
    }
    for (int64_t i = 0; i < n; i += N) write_triangle(call->buf[1], at, x, row, n, i, ints[3] != 0, ints[2]);
  }
}

/* ---- cholesky_inverse: y = (x x^T)^-1, of a lower triangle x, or (x^T x)^-1 of an upper one ----
 * ints: [0] matrices   [1] n   [2] dtype   [3] 1: the upper triangle counts
 * buffers: x (matrices, n, n), y (matrices, n, n), which does not overlap it. An element of the diagonal that is 0 sets
 * the status.
 *
 * Both triangles lie in one matrix. A strip of columns is solved by one, then by the other, of rows that its diagonal
 * and what is below it need; what is above that is the same. */
static double cholesky_inverse_flops(const int64_t *ints) { return cholesky_flops(ints) * 2; }

static void cholesky_inverse_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], rows = padded(n), size = rows * apart(rows);
  const int64_t strip = 2 * rows * STRIP + N; /* as it is and turned, of which vectors are read from anywhere */
  each_matrix(work, ints[0], cholesky_inverse_flops(ints), strip + size, 2 * n * n, ints[2]);
  if (is_shared(ints[0], cholesky_inverse_flops(ints))) shared_matrix(work, 3, strip, size);
}

/* Rows and columns [i, i + N) get what is on the other side of the diagonal. */
static void mirror(T *a, int64_t row, int64_t i, int64_t is_upper) {
  for (int64_t j = 0; j <= i; j += N) {
    const T *from = a + (is_upper ? j * row + i : i * row + j);
    T *to = a + (is_upper ? i * row + j : j * row + i);
    V v[N];
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) v[r] = FN(load)(from + r * row);
    OWN(transpose)(v);
#pragma GCC unroll 8
    for (int r = 0; r < N; r++) {
      if (i == j) {
        const M is_own = is_upper ? fnn_lanesd() >= r : fnn_lanesd() <= r;
        v[r] = (V)((is_own & (M)FN(load)(from + r * row)) | (~is_own & (M)v[r]));
      }
      FN(store)(to + r * row, v[r]);
    }
  }
}

/* Columns [j, j + STRIP) of the inverse from their diagonal on, and those rows of it. */
FNN_INLINE void invert_strip(char *to, int64_t at, T *y, const T *a, int64_t row, int64_t n, int64_t j,
                             const int is_single) {
  const int64_t rows = padded(n), from = j / ROWS * ROWS, count = fnn_min(STRIP, n - j), left = rows - from;
  const int64_t vectors = fnn_ceil_div(count, N), dtype = is_single ? FNN_F32 : FNN_F64;
  T *turned = y + rows * STRIP;
  memset(y, 0, (size_t)(left * STRIP) * sizeof(T));
  for (int64_t c = 0; c < count; c++) y[(j - from + c) * STRIP + c] = 1;
  substitute_lower(y, STRIP, a + from * (row + 1), row, left, vectors);
  substitute_back(y, STRIP, a + from * (row + 1), row, left, vectors);
  write_matrix(to, at + j * n + j, n, y + (j - from) * STRIP, STRIP, n - j, count, dtype);
  turn(turned, rows, y, STRIP, left, vectors * N);
  for (int64_t c = j; c < j + count; c++)
    for (int64_t i = c + 1; i < n; i += N)
      write_part(to, at + c * n + i, n - i, FN(load)(turned + (c - j) * rows + i - from), is_single);
}

static void invert_strips(const fnn_call *call, int64_t at, T *y, const T *a, int64_t row, int64_t first, int64_t end) {
  for (int64_t strip = first; strip < end; strip++)
    if (call->ints[2] == FNN_F32) invert_strip(call->buf[1], at, y, a, row, call->ints[1], strip * STRIP, 1);
    else invert_strip(call->buf[1], at, y, a, row, call->ints[1], strip * STRIP, 0);
}

static void cholesky_inverse_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], rows = padded(n), row = apart(rows);
  const int64_t vectors = rows / N, strips = fnn_ceil_div(n, STRIP);
  T *a = (T *)call->shared;
  if (call->phase == 0) read_part_of_square(a, row, call->buf[0], n, ints[2], begin, end);
  else if (call->phase == 1)
    for (int64_t k = part(vectors, begin); k < part(vectors, end); k++)
      mirror(a, row, from_both_ends(k, vectors) * N, ints[3]);
  else {
    if (begin == 0 && has_zero(a, row, n)) set_status(call, FNN_SINGULAR);
    for (int64_t k = part(strips, begin); k < part(strips, end); k++) {
      const int64_t strip = from_both_ends(k, strips);
      invert_strips(call, 0, (T *)call->scratch, a, row, strip, strip + 1);
    }
  }
}

static void cholesky_inverse(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], group = matrices_of_unit(cholesky_inverse_flops(ints));
  const int64_t rows = padded(n), row = apart(rows);
  if (is_shared(ints[0], cholesky_inverse_flops(ints))) {
    cholesky_inverse_shared(call, begin, end);
    return;
  }
  T *a = (T *)call->scratch, *y = a + rows * row;
  for (int64_t matrix = begin * group; matrix < fnn_min(ints[0], end * group); matrix++) {
    const int64_t at = matrix * n * n;
    read_matrix(a, row, call->buf[0], at, n, n, n, rows, ints[2]);
    pad_diagonal(a, row, n);
    if (has_zero(a, row, n)) {
      set_status(call, FNN_SINGULAR);
      return;
    }
    for (int64_t i = 0; i < rows; i += N) mirror(a, row, i, ints[3]);
    invert_strips(call, at, y, a, row, 0, fnn_ceil_div(n, STRIP));
  }
}
