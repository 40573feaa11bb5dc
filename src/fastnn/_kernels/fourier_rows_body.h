/* fourier_rows_body.h: dft_rows and those of real numbers, whose lanes are columns and rows of one row written as a
 * matrix; for float32 and for float64. */

/* What a row is made from and becomes. */
enum { OWN(FROM_PARTS), OWN(FROM_REAL), OWN(FROM_HALF) };

/* A vector of columns is transposed to rows of the matrix `turned`, of which a line has so many numbers. They are not
 * a power of 2, as then lines would share few places of a cache. */
static int64_t OWN(dft_pitch)(const dft_matrix *a) { return fnn_round_up(a->down, DFT_FILL) + DFT_FILL; }

static int64_t OWN(dft_turned)(const dft_matrix *a) { return 2 * a->across * OWN(dft_pitch)(a); }

/* Of the cosines and sines of halves; a vector may begin at each. */
static int64_t OWN(dft_halves_pitch)(int64_t m) { return fnn_round_up(m + 1, DFT_FILL) + DFT_FILL; }

static void OWN(dft_rows_work)(const dft_matrix *a, fnn_work *work, int64_t of_real) {
  const double size = (double)a->outer * (double)a->m;
  const int64_t room = 2 * fnn_max(a->down, a->across) * OWN(PAIR), turned = OWN(dft_turned)(a);
  work->phases = a->is_whole ? 1 : of_real ? 3 : 2;
  work->units[0] = a->outer * (a->is_whole ? 1 : fnn_ceil_div(a->across, N));
  work->units[1] = a->outer * fnn_ceil_div(a->down, N);
  work->units[2] = a->outer * fnn_ceil_div(a->m / 2 + 1, FNN_BLOCK);
  work->flops = size * (12 + dft_flops(a->down_factors, a->down_factor) +
                        dft_flops(a->across_factors, a->across_factor));
  work->bytes = size * 4 * sizeof(T);
  work->scratch_bytes = (room + (a->is_whole ? turned : 0)) * (int64_t)sizeof(T);
  work->shared_bytes = a->is_whole ? 0 : a->outer * turned * (int64_t)sizeof(T);
}

static void OWN(dft_rows_size)(const int64_t *ints, fnn_work *work) {
  const dft_matrix a = dft_matrix_of(ints);
  OWN(dft_rows_work)(&a, work, 0);
}
static void OWN(rdft_rows_size)(const int64_t *ints, fnn_work *work) {
  const dft_matrix a = dft_matrix_of(ints);
  OWN(dft_rows_work)(&a, work, 1);
}
static void OWN(irdft_rows_size)(const int64_t *ints, fnn_work *work) { OWN(dft_rows_size)(ints, work); }

/* Where the tables are. */
typedef struct {
  const T *down, *across, *near, *far, *halves;
  int64_t pitch; /* of the parts of `near` and `far`, and of a vector's pair of them half */
} OWN(dft_tables);

static OWN(dft_tables) OWN(dft_tables_of)(const dft_matrix *a, const double *reals) {
  OWN(dft_tables) t;
  t.down = (const T *)reals;
  t.across = t.down + 2 * a->down;
  t.near = t.across + 2 * a->across;
  t.pitch = fnn_round_up(a->across, DFT_FILL);
  t.far = t.near + 2 * t.pitch * a->near;
  t.halves = t.far + 2 * t.pitch * fnn_ceil_div(a->down, a->near);
  return t;
}

/* Numbers 0, 2, 4, ... of two vectors and 1, 3, 5, ... of them; and back. */
FNN_INLINE void OWN(dft_unzip)(V *x, V *y) {
  M even;
#pragma GCC unroll 16
  for (int i = 0; i < N; i++) even[i] = 2 * i;
  const V a = *x, b = *y;
  *x = __builtin_shuffle(a, b, even);
  *y = __builtin_shuffle(a, b, even + 1);
}
FNN_INLINE void OWN(dft_zip)(V *x, V *y) {
  M low;
#pragma GCC unroll 16
  for (int i = 0; i < N; i++) low[i] = i / 2 + i % 2 * N;
  const V a = *x, b = *y;
  *x = __builtin_shuffle(a, b, low);
  *y = __builtin_shuffle(a, b, low + N / 2);
}

/* `count` numbers up to x[0], the last of them first. */
FNN_INLINE V OWN(dft_backwards)(const T *x, int64_t count, M lane) {
  const V v = count == N ? FN(load)(x - (N - 1)) : FN(load_part)(x - (count - 1), count);
  return __builtin_shuffle(v, ((MT)(count - 1) - lane) & (N - 1));
}

/* Columns [column, column + lanes) of what the row is made from, as numbers of scratch. */
static void OWN(dft_columns)(T *to, const dft_matrix *a, const OWN(dft_tables) *t, const T *re, const T *im,
                             int64_t column, int64_t lanes, const int from) {
  const M lane = FN(lanes)();
  for (int64_t d = 0; d < a->down; d++, to += OWN(PAIR)) {
    const int64_t k = d * a->across + column;
    V x, y;
    if (from == OWN(FROM_PARTS)) {
      x = FN(load_part)(re + k, lanes);
      y = FN(load_part)(im + k, lanes);
    } else if (from == OWN(FROM_REAL)) {
      x = lanes == N ? FN(load)(re + 2 * k) : FN(load_part)(re + 2 * k, 2 * lanes);
      y = lanes == N ? FN(load)(re + 2 * k + N) : FN(load_part)(re + 2 * k + N, 2 * lanes - N);
      OWN(dft_unzip)(&x, &y);
    } else { /* as irdft_together */
      V x_re = lanes == N ? FN(load)(re + k) : FN(load_part)(re + k, lanes);
      V x_im = lanes == N ? FN(load)(im + k) : FN(load_part)(im + k, lanes);
      const V other_re = OWN(dft_backwards)(re + a->m - k, lanes, lane);
      V other_im = OWN(dft_backwards)(im + a->m - k, lanes, lane);
      if (k == 0) x_im = FN(select)(lane == 0, (V){0}, x_im), other_im = FN(select)(lane == 0, (V){0}, other_im);
      const V cos = FN(load)(t->halves + k), sin = FN(load)(t->halves + OWN(dft_halves_pitch)(a->m) + k);
      const V apart_re = x_re - other_re, apart_im = x_im + other_im;
      const V odd_re = cos * apart_re + sin * apart_im, odd_im = cos * apart_im - sin * apart_re;
      x = x_re + other_re + odd_im;
      y = odd_re - (x_im - other_im);
    }
    FN(store)(to, x);
    FN(store)(to + N, y);
  }
}

/* A square of the transformed columns, of rows [d, d + rows), turned and transposed. */
FNN_INLINE void OWN(dft_square)(T *to, const dft_matrix *a, const OWN(dft_tables) *t, const T *z, int64_t column,
                                int64_t d, int64_t rows, int64_t lanes, int is_near) {
  const int64_t pitch = OWN(dft_pitch)(a), parts = a->across * pitch;
  V re[N], im[N];
#pragma GCC unroll 16
  for (int r = 0; r < N; r++) {
    re[r] = im[r] = (V){0};
    if (r >= rows) continue;
    const T *near = t->near + (is_near ? d + r : (d + r) % a->near) * 2 * t->pitch + column;
    re[r] = FN(load)(z + r * OWN(PAIR)), im[r] = FN(load)(z + r * OWN(PAIR) + N);
    OWN(dft_turn)(re + r, im + r, FN(load)(near), FN(load)(near + t->pitch));
    if (is_near) continue;
    const T *far = t->far + (d + r) / a->near * 2 * t->pitch + column;
    OWN(dft_turn)(re + r, im + r, FN(load)(far), FN(load)(far + t->pitch));
  }
  OWN(transpose)(re);
  OWN(transpose)(im);
#pragma GCC unroll 16
  for (int lane = 0; lane < N; lane++) {
    if (lane >= lanes) break;
    FN(store)(to + lane * pitch, re[lane]);
    FN(store)(to + lane * pitch + parts, im[lane]);
  }
}

/* Transforms a vector of columns and makes them rows of `turned`, whose imaginary parts are behind all real ones. */
static void OWN(dft_down)(T *turned, const dft_matrix *a, const OWN(dft_tables) *t, const T *re, const T *im,
                          int64_t column, T *scratch, const int from) {
  const int64_t lanes = fnn_min(N, a->across - column);
  T *here = scratch, *there = scratch + a->down * OWN(PAIR), *found = a->down_factors % 2 ? here : there;
  OWN(dft_line) x = {(T *)re + column, (T *)im + column, a->across};
  if (from != OWN(FROM_PARTS) || lanes < N) {
    OWN(dft_columns)(there, a, t, re, im, column, lanes, from);
    x = OWN(dft_scratch)(there);
  }
  OWN(dft_through)(OWN(dft_scratch)(found), x, here, there, a->down, a->down_factors, a->down_factor, t->down);
  T *to = turned + column * OWN(dft_pitch)(a);
  for (int64_t d = 0; d < a->down; d += N) {
    const int64_t rows = fnn_min(N, a->down - d);
    const T *z = found + d * OWN(PAIR);
    if (rows < N || lanes < N) OWN(dft_square)(to + d, a, t, z, column, d, rows, lanes, a->near >= a->down);
    else if (a->near < a->down) OWN(dft_square)(to + d, a, t, z, column, d, N, N, 0);
    else OWN(dft_square)(to + d, a, t, z, column, d, N, N, 1);
  }
}

/* Transforms a vector of the rows, which are columns of `turned`, to the numbers y. Of pairs they alternate in re. */
static void OWN(dft_across)(T *re, T *im, const dft_matrix *a, const OWN(dft_tables) *t, const T *turned, int64_t row,
                            T *scratch, int is_pairs) {
  const int64_t lanes = fnn_min(N, a->down - row), pitch = OWN(dft_pitch)(a), parts = a->across * pitch;
  T *here = scratch, *there = scratch + a->across * OWN(PAIR), *found = a->across_factors % 2 ? here : there;
  const OWN(dft_line) x = {(T *)turned + row, (T *)turned + parts + row, pitch};
  const int is_direct = lanes == N && !is_pairs;
  const OWN(dft_line) y = is_direct ? (OWN(dft_line)){re + row, im + row, a->down} : OWN(dft_scratch)(found);
  OWN(dft_through)(y, x, here, there, a->across, a->across_factors, a->across_factor, t->across);
  if (is_direct) return;
  for (int64_t k = 0; k < a->across; k++, found += OWN(PAIR)) {
    V z_re = FN(load)(found), z_im = FN(load)(found + N);
    const int64_t at = k * a->down + row;
    if (!is_pairs) {
      FN(store_part)(re + at, z_re, lanes);
      FN(store_part)(im + at, z_im, lanes);
      continue;
    }
    OWN(dft_zip)(&z_re, &z_im);
    if (lanes == N) {
      FN(store)(re + 2 * at, z_re);
      FN(store)(re + 2 * at + N, z_im);
    } else {
      FN(store_part)(re + 2 * at, z_re, 2 * lanes);
      FN(store_part)(re + 2 * at + N, z_im, 2 * lanes - N);
    }
  }
}

/* Frequencies [k, k + count) and as many down from m - k, count at most N, as rdft_apart makes them of those of pairs,
 * in the place of these. */
FNN_INLINE void OWN(dft_halves_of)(T *re, T *im, int64_t m, const T *turns, int64_t k, int64_t count) {
  const M lane = FN(lanes)(), back = ((MT)(count - 1) - lane) & (N - 1);
  const int64_t last = m - k - (count - 1);
  const int is_whole = count == N;
  const T *sines = turns + OWN(dft_halves_pitch)(m);
  const V x_re = is_whole ? FN(load)(re + k) : FN(load_part)(re + k, count);
  const V x_im = is_whole ? FN(load)(im + k) : FN(load_part)(im + k, count);
  const V other_re = OWN(dft_backwards)(re + m - k, count, lane),
          other_im = OWN(dft_backwards)(im + m - k, count, lane);
  const V even_re = x_re + other_re, even_im = x_im - other_im, odd_re = x_im + other_im, odd_im = other_re - x_re;
  V turned_re = odd_re, turned_im = odd_im;
  OWN(dft_turn)(&turned_re, &turned_im, FN(load)(turns + k), FN(load)(sines + k));
  const V down_re = __builtin_shuffle(even_re - turned_re, back),
          down_im = __builtin_shuffle(turned_im - even_im, back);
  if (is_whole) {
    FN(store)(re + k, even_re + turned_re);
    FN(store)(im + k, even_im + turned_im);
    FN(store)(re + last, down_re);
    FN(store)(im + last, down_im);
  } else {
    FN(store_part)(re + k, even_re + turned_re, count);
    FN(store_part)(im + k, even_im + turned_im, count);
    FN(store_part)(re + last, down_re, count);
    FN(store_part)(im + last, down_im, count);
  }
}

static void OWN(dft_halves)(T *re, T *im, int64_t m, const T *turns, int64_t begin, int64_t end) {
  if (begin == 0) {
    const T x = re[0], y = im[0];
    re[0] = 2 * (x + y), im[0] = 0, re[m] = 2 * (x - y), im[m] = 0;
    begin = 1;
  }
  for (; begin + N <= end; begin += N) OWN(dft_halves_of)(re, im, m, turns, begin, N);
  if (begin < end) OWN(dft_halves_of)(re, im, m, turns, begin, end - begin);
}

FNN_INLINE void OWN(dft_rows_as)(const fnn_call *call, int64_t begin, int64_t end, const int from) {
  const dft_matrix a = dft_matrix_of(call->ints);
  const OWN(dft_tables) t = OWN(dft_tables_of)(&a, call->reals);
  const int64_t groups = fnn_ceil_div(a.across, N), lines = fnn_ceil_div(a.down, N), turned = OWN(dft_turned)(&a);
  const int64_t half = a.m / 2 + 1, parts = fnn_ceil_div(half, FNN_BLOCK);
  const int64_t units = a.is_whole ? 1 : call->phase == 0 ? groups : call->phase == 1 ? lines : parts;
  const int64_t out = from == OWN(FROM_PARTS) ? a.m : from == OWN(FROM_REAL) ? a.m + 1 : 2 * a.m;
  T *scratch = (T *)call->scratch;
  T *room = scratch + (a.is_whole ? turned : 0);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t row = unit / units, part = unit % units;
    const T *re = (const T *)call->buf[0] + row * a.given;
    const T *im = from == OWN(FROM_REAL) ? NULL : (const T *)call->buf[1] + row * a.given;
    T *y_re = (T *)call->buf[from == OWN(FROM_REAL) ? 1 : 2] + row * out;
    T *y_im = from == OWN(FROM_HALF) ? NULL : (T *)call->buf[from == OWN(FROM_REAL) ? 2 : 3] + row * out;
    T *between = a.is_whole ? scratch : (T *)call->shared + row * turned;
    if (call->phase == 0)
      for (int64_t g = a.is_whole ? 0 : part; g < (a.is_whole ? groups : part + 1); g++)
        OWN(dft_down)(between, &a, &t, re, im, g * N, room, from);
    if (a.is_whole || call->phase == 1)
      for (int64_t g = a.is_whole ? 0 : part; g < (a.is_whole ? lines : part + 1); g++)
        OWN(dft_across)(y_re, y_im, &a, &t, between, g * N, room, from == OWN(FROM_HALF));
    if (from == OWN(FROM_REAL) && (a.is_whole || call->phase == 2)) {
      const int64_t first = a.is_whole ? 0 : part * FNN_BLOCK;
      OWN(dft_halves)(y_re, y_im, a.m, t.halves, first, a.is_whole ? half : fnn_min(half, first + FNN_BLOCK));
    }
  }
}

static void OWN(dft_rows)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(dft_rows_as)(call, begin, end, OWN(FROM_PARTS));
}
static void OWN(rdft_rows)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(dft_rows_as)(call, begin, end, OWN(FROM_REAL));
}
static void OWN(irdft_rows)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(dft_rows_as)(call, begin, end, OWN(FROM_HALF));
}
