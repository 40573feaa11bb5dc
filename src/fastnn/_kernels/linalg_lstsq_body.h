/* linalg_lstsq_body.h: least squares by QR factors, and how far the matrix is from one of less rank; see linalg.c. */

/* Reflections of a matrix, to the right of which, from column padded(n) on, the sides lie that are reflected with it,
 * and the sum of squares of each strip of columns of R^-1. */
typedef struct {
  reflections r;
  int64_t of_inverse, of_sides, size; /* strips, and elements of all */
  T *sums;
} least_squares;

static least_squares least_squares_of(const int64_t *ints, char *memory) {
  const int64_t m = ints[0], n = ints[1], sides = ints[2], columns = padded(n);
  least_squares s = {.of_inverse = fnn_ceil_div(columns, STRIP), .of_sides = fnn_ceil_div(sides, STRIP)};
  s.r = placed((reflections){.m = m, .n = n, .k = n, .columns = columns + (ints[4] ? 0 : fnn_round_up(sides, N))},
               memory, 0);
  s.size = s.r.size + lines(s.of_inverse);
  if (memory) s.sums = (T *)memory + s.r.size;
  return s;
}

static double lstsq_flops(const int64_t *ints) {
  const double m = (double)ints[0], n = (double)ints[1], sides = (double)ints[2];
  return n * n * (2 * m - n / 3) + (4 * m + n) * n * sides + 1000 * n;
}

static void lstsq_size(const int64_t *ints, fnn_work *work) {
  const least_squares s = least_squares_of(ints, NULL);
  const int64_t strip = s.r.rows * STRIP;
  each_matrix(work, 1, lstsq_flops(ints), s.size + strip, ints[0] * ints[1] + (ints[0] + ints[1]) * ints[2], ints[3]);
  if (is_shared(1, lstsq_flops(ints))) shared_matrix(work, s.r.panels + 4, strip, s.size);
}

/* Strip k: first those of R^-1, of which only the sum of squares is wanted, then those of the result. */
static void solve_strip(const fnn_call *call, const least_squares *s, int64_t k, T *y) {
  const int64_t *ints = call->ints, n = ints[1], sides = ints[2], dtype = ints[3], whole = padded(n);
  const reflections *r = &s->r;
  memset(y, 0, (size_t)(r->rows * STRIP) * sizeof(T));
  if (k < s->of_inverse) {
    const int64_t j = k * STRIP, rows = fnn_min(whole, fnn_round_up(j + STRIP, ROWS));
    for (int64_t c = 0; c < fnn_min(STRIP, n - j); c++) y[(j + c) * STRIP + c] = 1;
    substitute_back(y, STRIP, r->a, r->row, rows, VECTORS);
    s->sums[k] = dot_from(y, y, 0, rows * STRIP);
    return;
  }
  const int64_t j = (k - s->of_inverse) * STRIP, count = fnn_min(STRIP, sides - j), vectors = fnn_ceil_div(count, N);
  if (!ints[4]) {
    for (int64_t i = 0; i < n; i++)
      memcpy(y + i * STRIP, r->a + i * r->row + whole + j, (size_t)(vectors * N) * sizeof(T));
    substitute_back(y, STRIP, r->a, r->row, whole, vectors);
  } else {
    read_matrix(y, STRIP, call->buf[1], j, sides, n, count, vectors * N, dtype);
    for (int64_t i = 0; i < whole; i += ROWS) /* of R^T */
      solve_lower(y + i * STRIP, STRIP, (strided){r->a + i, 1, r->row}, y, STRIP, i,
                  (strided){r->a + i * (r->row + 1), 1, r->row}, vectors);
    for (int64_t p = r->panels - 1; p >= 0; p--) reflect_q(r, p, y, STRIP, vectors * N);
  }
  write_matrix(call->buf[2], j, sides, y, STRIP, ints[4] ? r->m : n, count, dtype);
}

/* 1 / (|R| |R^-1|), of norms that are the roots of the sums of all squares: no larger than the quotient of the least
 * and the largest singular value. 0 or NaN where an element of the diagonal is 0. */
static double distance_from_less_rank(const least_squares *s) {
  T of_r = 0, of_inverse = 0;
  for (int64_t i = 0; i < s->r.n; i++) {
    const T *row = s->r.a + i * s->r.row;
    of_r += dot_from(row, row, i / N * N, padded(s->r.n));
  }
  for (int64_t k = 0; k < s->of_inverse; k++) of_inverse += s->sums[k];
  return 1 / (sqrt(of_r) * sqrt(of_inverse));
}

/* ---- lstsq: the x of least norm for which the norm of a x - b is least, of a matrix of full rank ----
 * ints: [0] m   [1] n, not above m   [2] columns of b   [3] dtype   [4] whether a is turned
 * buffers: a (m, n), or if it is turned the transpose of that, given as (m, n); b (m, columns), or (n, columns); x (n,
 * columns), or (m, columns), which overlaps neither; one float64: what the least singular value is of the largest, or
 * less. Where that is so small that rounding may have made it x is of no use. */
static void lstsq(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], sides = ints[2], dtype = ints[3], whole = padded(n);
  const int is_whole = !is_shared(1, lstsq_flops(ints));
  const least_squares s = least_squares_of(ints, is_whole ? call->scratch : call->shared);
  const int64_t strips = s.of_inverse + s.of_sides, p = call->phase - 1;
  T *strip = is_whole ? (T *)call->scratch + s.size : (T *)call->scratch;
  if (is_whole) begin = 0, end = PARTS; /* one unit does all parts of all phases */
  if (p < 0) {
    read_a(&s.r, call->buf[0], n, whole, 0, dtype, begin, end);
    if (!ints[4]) read_a(&s.r, call->buf[1], sides, s.r.columns - whole, whole, dtype, begin, end);
  }
  if (is_whole) reflect_all(&s.r);
  else if (p >= 0 && p <= s.r.panels) reflect_part(&s.r, p, begin, end);
  if ((is_whole || p == s.r.panels) && begin == 0) pad_diagonal(s.r.a, s.r.row, n);
  if (is_whole || p == s.r.panels + 1)
    for (int64_t k = part(strips, begin); k < part(strips, end); k++) solve_strip(call, &s, k, strip);
  if ((is_whole || p == s.r.panels + 2) && begin == 0) *(double *)call->buf[3] = distance_from_less_rank(&s);
}
