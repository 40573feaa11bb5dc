/* linalg_cofactors_body.h: the derivatives of determinants by the elements of their matrices; see linalg.c.
 *
 * Cofactors are polynomials of the elements, so a singular matrix has them, too. det(x) x^-T loses no digits to a small
 * last pivot, which is divided by and multiplied with: most matrices take that. Where another pivot is small, or the
 * last one 0, all that is left of the matrix is searched for the largest, and the last is not divided by (G. W.
 * Stewart, On the adjugate matrix, Linear Algebra and its Applications 283, 1998). */

/* factor * x of `count` elements, by three factors none of which is too large or too small for its type. */
static void scale(T *x, int64_t count, scaled factor) {
  const int64_t most = 2000, exponent = fnn_max(-most, fnn_min(most, factor.exponent));
  const T half = ldexp(1, (int)(exponent / 2)), other = ldexp(1, (int)(exponent - exponent / 2));
  for (int64_t j = 0; j < count; j++) x[j] = x[j] * factor.fraction * half * other;
}

/* Whether det(x) x^-T is exact enough, from the pivots of elimination by columns. */
static int is_far_from_singular(const T *a, int64_t row, int64_t n) {
  T most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(a[i * (row + 1)]));
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(a[i * (row + 1)]) >= most * (i < n - 1 ? 0x1p-26 : 0x1p-500))) return 0;
  return 1;
}

/* Where the element of largest magnitude of the rows and columns from k on is; NaN is larger than all. */
static void find_largest(const T *a, int64_t row, int64_t n, int64_t k, int64_t *at_row, int64_t *at_column) {
  T most = -1;
  for (int64_t i = k; i < n; i++) {
    const int64_t j = find_pivot(a + i * row, k, n);
    const T found = fabs(a[i * row + j]);
    if (!(found <= most)) most = found, *at_row = i, *at_column = j;
  }
}

/* det(a) times the inverse of a, which is overwritten, in `other`, whose row i is that of columns_at[i]. Of
 * P a Q = L [U w; 0 d] it is det(U) times [d U^-1 K - U^-1 w k; k], where K and k are the rows of L^-1 P. */
static void adjugate_by_largest(T *a, T *other, int64_t row, int64_t n, int64_t *columns_at) {
  scaled product = {1, 0};
  memset(other, 0, (size_t)(padded(n) * row) * sizeof(T));
  for (int64_t i = 0; i < n; i++) columns_at[i] = i, other[i * (row + 1)] = 1;
  for (int64_t k = 0; k < n; k++) {
    int64_t i = k, j = k;
    find_largest(a, row, n, k, &i, &j);
    if (i != k) {
      swap(a + i * row, a + k * row, n), swap(other + i * row, other + k * row, n);
      product.fraction = -product.fraction;
    }
    if (j != k) {
      const int64_t number = columns_at[j];
      columns_at[j] = columns_at[k], columns_at[k] = number;
      for (int64_t r = 0; r < n; r++) {
        const T x = a[r * row + j];
        a[r * row + j] = a[r * row + k], a[r * row + k] = x;
      }
      product.fraction = -product.fraction;
    }
    if (k == n - 1) break;
    const T pivot = a[k * (row + 1)];
    product = times(product, pivot); /* 0 where less than n - 1 rows are independent */
    for (int64_t r = k + 1; r < n && pivot != 0; r++) {
      const T factor = a[r * row + k] / pivot;
      for (int64_t c = k + 1; c < n; c++) a[r * row + c] -= factor * a[k * row + c];
      for (int64_t c = 0; c < n; c++) other[r * row + c] -= factor * other[k * row + c];
    }
  }
  const T *last = other + (n - 1) * row, d = a[(n - 1) * (row + 1)];
  for (int64_t i = n - 2; i >= 0 && product.fraction != 0; i--) {
    T *own = other + i * row;
    const T *u = a + i * row;
    for (int64_t c = 0; c < n; c++) own[c] = d * own[c] - u[n - 1] * last[c];
    for (int64_t r = i + 1; r < n - 1; r++)
      for (int64_t c = 0; c < n; c++) own[c] -= u[r] * other[r * row + c];
    for (int64_t c = 0; c < n; c++) own[c] /= u[i];
  }
  for (int64_t i = 0; i < n; i++) scale(other + i * row, n, product);
}

/* ---- cofactors: y[i, j], what the determinant of x changes by with x[i, j] ----
 * ints: [0] matrices   [1] n   [2] dtype
 * buffers: x (matrices, n, n), y (matrices, n, n), which does not overlap it. */
static void cofactors_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], rows = padded(n);
  each_matrix(work, ints[0], inv_flops(ints), panel_size(n) + 2 * rows * apart(rows) + 2 * rows, 2 * n * n, ints[2]);
}

static void cofactors(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], group = matrices_of_unit(inv_flops(ints));
  const int64_t rows = padded(n), row = apart(rows);
  T *panel = (T *)call->scratch, *a = panel + panel_size(n), *other = a + rows * row;
  int64_t *pivots = (int64_t *)(other + rows * row), *order = pivots + rows;
  for (int64_t at = begin * group; at < fnn_min(ints[0], end * group); at++) {
    read_matrix(a, row, call->buf[0], at * n * n, n, n, n, rows, ints[2]);
    pad_diagonal(a, row, n);
    const int is_regular = eliminate(a, row, n, n, rows, panel, pivots, 0) && is_far_from_singular(a, row, n);
    if (is_regular) {
      invert_factors(other, a, row, n);
      const scaled product = product_of_pivots(a, row, pivots, n);
      for (int64_t i = 0; i < n; i++) scale(other + i * row, n, product);
      order_columns(order, pivots, n);
    } else {
      read_matrix(a, row, call->buf[0], at * n * n, n, n, n, rows, ints[2]);
      adjugate_by_largest(a, other, row, n, order);
    }
    turn(a, row, other, row, rows, rows);
    for (int64_t j = 0; j < n; j++)
      if (is_regular) write_matrix(call->buf[1], (at * n + order[j]) * n, n, a + j * row, row, 1, n, ints[2]);
      else write_ordered(call->buf[1], (at * n + j) * n, a + j * row, order, n, ints[2]);
  }
}
