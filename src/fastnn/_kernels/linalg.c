/* linalg.c: factors, linear equations, inverses and determinants of matrices of float32 and float64.
 *
 * All is computed in float64, as NumPy does. A matrix is copied to scratch of whole vectors and of whole tiles of rows,
 * where what pads it is a part of the identity, which changes nothing: so no loop has a rest. Most of the work is one
 * tile.
 *
 * A unit has one matrix or some small ones. A lone large one lies in shared memory, and the kernel has phases, whose
 * units are strips of columns and rows of tiles; what one thread has to do, a panel, is done beside them. */
#include <math.h>

#include "indices.h"
#include "statuses.h"
#include "vector.h"

#include "types_f64.h"
#include "transpose.h"

enum {
#if defined(FNN_ISA_AVX512)
  ROWS = 8, /* of a tile, of three vectors each: all sums stay in registers */
#else
  ROWS = 4,
#endif
  VECTORS = 3,
  STRIP = VECTORS * N, /* columns of a tile */
  PANEL = 24,    /* columns that are eliminated one by one before their product changes those behind them */
  UNIT = 1 << 16,   /* operations of a unit, if a matrix takes less */
  ALONE = 1 << 18,  /* operations of a lone matrix, at most, that is one unit */
  PARTS = 64        /* units of a phase that threads share */
};
_Static_assert(PANEL % N == 0 && PANEL % ROWS == 0 && ROWS % N == 0, "panels are whole tiles, these whole vectors");

static int64_t padded(int64_t n) { return fnn_round_up(n, ROWS); }

/* Elements from row to row of so many: an odd number of lines, so that rows lie in all sets of a cache. */
static int64_t apart(int64_t columns) {
  enum { LINE = FNN_ALIGN / sizeof(T) };
  return (fnn_ceil_div(columns, LINE) | 1) * LINE;
}

static int64_t matrices_of_unit(double flops) { return flops < UNIT ? (int64_t)(UNIT / (flops + 1)) + 1 : 1; }

/* What a kernel of `matrices` says of its work, for each of which there are so many operations, elements of scratch and
 * elements that it reads and writes. */
static void each_matrix(fnn_work *work, int64_t matrices, double flops, int64_t scratch, int64_t elements,
                        int64_t dtype) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(matrices, matrices_of_unit(flops));
  work->scratch_bytes = scratch * (int64_t)sizeof(T);
  work->flops = flops * (double)matrices;
  work->bytes = (double)(matrices * elements * fnn_dtype_bytes(dtype));
}

/* Whether threads share the only matrix there is. */
static int is_shared(int64_t matrices, double flops) { return matrices == 1 && flops > ALONE; }

/* What such a kernel says. */
static void shared_matrix(fnn_work *work, int64_t phases, int64_t scratch, int64_t shared) {
  work->phases = (int32_t)phases;
  for (int p = 0; p < FNN_MAX_PHASES; p++) work->units[p] = PARTS;
  work->scratch_bytes = scratch * (int64_t)sizeof(T);
  work->shared_bytes = shared * (int64_t)sizeof(T);
}

/* Where the part of units up to `unit` ends, of `count` things. */
static int64_t part(int64_t count, int64_t unit) { return count * unit / PARTS; }

/* The same where unit 0 does something longer, and those after it nothing: half of the threads come to it late. */
static int64_t part_beside(int64_t count, int64_t unit) { return part(count, fnn_max(0, 2 * unit - PARTS)); }

/* ---- the tile ---- */

/* What a tile is solved by, after the product was subtracted: nothing; a lower triangle whose diagonal is 1; a lower
 * one; an upper one. */
enum { NONE, UNIT_LOWER, LOWER, UPPER };

/* Elements (i, j) at at[i * row + j * column]. */
typedef struct {
  const T *at;
  int64_t row, column;
} strided;

/* Of ROWS rows of `vectors` vectors of c, `c_row` apart: c -= a b, where a is (ROWS, k) and b (k, columns), whose rows
 * are b_row apart; then c becomes the solution of d c' = c, of a triangle d (ROWS, ROWS). */
FNN_INLINE void tile(T *c, int64_t c_row, strided a, const T *b, int64_t b_row, int64_t k, strided d,
                     const int vectors, const int triangle) {
  V sum[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++) sum[r][v] = (V){0};
#pragma GCC unroll 1
  for (; k > 0; k--, a.at += a.column, b += b_row) {
    V row[VECTORS];
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++) row[v] = FN(load)(b + v * N);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
      const V factor = FN(splat)(a.at[r * a.row]);
#pragma GCC unroll 3
      for (int v = 0; v < vectors; v++) sum[r][v] += factor * row[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++) sum[r][v] = FN(load)(c + r * c_row + v * N) - sum[r][v];
#pragma GCC unroll 8
  for (int step = 0; triangle != NONE && step < ROWS; step++) {
    const int r = triangle == UPPER ? ROWS - 1 - step : step;
    if (triangle != UNIT_LOWER)
#pragma GCC unroll 3
      for (int v = 0; v < vectors; v++) sum[r][v] /= FN(splat)(d.at[r * (d.row + d.column)]);
#pragma GCC unroll 8
    for (int other = 0; other < ROWS; other++) {
      if (triangle == UPPER ? other >= r : other <= r) continue;
      const V factor = FN(splat)(d.at[other * d.row + r * d.column]);
#pragma GCC unroll 3
      for (int v = 0; v < vectors; v++) sum[other][v] -= factor * sum[r][v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++) FN(store)(c + r * c_row + v * N, sum[r][v]);
}

/* A tile of one to three vectors. */
#define TILE_OF(name, triangle)                                                                                        \
  static void name(T *c, int64_t c_row, strided a, const T *b, int64_t b_row, int64_t k, strided d, int64_t vectors) { \
    if (vectors >= 3) tile(c, c_row, a, b, b_row, k, d, 3, triangle);                                                  \
    else if (vectors == 2) tile(c, c_row, a, b, b_row, k, d, 2, triangle);                                             \
    else tile(c, c_row, a, b, b_row, k, d, 1, triangle);                                                               \
  }
TILE_OF(subtract, NONE)
TILE_OF(solve_unit_lower, UNIT_LOWER)
TILE_OF(solve_lower, LOWER)
TILE_OF(solve_upper, UPPER)
#undef TILE_OF

/* A strip of y (n, vectors), rows y_row apart, becomes the solution of a y' = y, of a lower triangle whose diagonal is
 * 1; of a lower one; or of an upper one. What is on the other side of the diagonal is not read. */
static void substitute(T *y, int64_t y_row, const T *a, int64_t a_row, int64_t n, int64_t vectors) {
  for (int64_t i = 0; i < n; i += ROWS, a += ROWS * a_row)
    solve_unit_lower(y + i * y_row, y_row, (strided){a, a_row, 1}, y, y_row, i, (strided){a + i, a_row, 1}, vectors);
}
static void substitute_lower(T *y, int64_t y_row, const T *a, int64_t a_row, int64_t n, int64_t vectors) {
  for (int64_t i = 0; i < n; i += ROWS, a += ROWS * a_row)
    solve_lower(y + i * y_row, y_row, (strided){a, a_row, 1}, y, y_row, i, (strided){a + i, a_row, 1}, vectors);
}
static void substitute_back(T *y, int64_t y_row, const T *a, int64_t a_row, int64_t n, int64_t vectors) {
  for (int64_t i = n - ROWS; i >= 0; i -= ROWS) {
    const int64_t behind = i + ROWS;
    const T *own = a + i * a_row;
    solve_upper(y + i * y_row, y_row, (strided){own + behind, a_row, 1}, y + behind * y_row, y_row, n - behind,
                (strided){own + i, a_row, 1}, vectors);
  }
}

/* ---- copies ---- */

typedef float singles __attribute__((vector_size(N * 4), aligned(4), may_alias));

/* The elements x[at] to x[at + count - 1], at most a vector, of float32 or float64; zeroes behind them. */
FNN_INLINE V read_part(const char *x, int64_t at, int64_t count, const int is_single) {
  if (count <= 0) return (V){0};
  if (!is_single) return count >= N ? FN(load)((const T *)x + at) : FN(load_part)((const T *)x + at, count);
  const float *from = (const float *)x + at;
  if (count >= N) return __builtin_convertvector(*(const singles *)from, V);
  T part[N] = {0};
  for (int64_t k = 0; k < count; k++) part[k] = from[k];
  return FN(load)(part);
}
FNN_INLINE void write_part(char *y, int64_t at, int64_t count, V v, const int is_single) {
  if (is_single) {
    float *to = (float *)y + at;
    if (count >= N) {
      *(singles *)to = __builtin_convertvector(v, singles);
      return;
    }
    T part[N];
    FN(store)(part, v);
    for (int64_t k = 0; k < count; k++) to[k] = (float)part[k];
  } else if (count >= N) FN(store)((T *)y + at, v);
  else FN(store_part)((T *)y + at, v, count);
}

/* x[at] on, (rows, columns), rows x_row apart, to y, y_row apart, with zeroes around it. */
FNN_INLINE void read_as(T *y, int64_t y_row, const char *x, int64_t at, int64_t x_row, int64_t rows, int64_t columns,
                        int64_t to_columns, const int is_single) {
  for (int64_t i = 0; i < padded(rows); i++, y += y_row, at += x_row)
    for (int64_t j = 0; j < to_columns; j += N)
      FN(store)(y + j, read_part(x, at + j, i < rows ? columns - j : 0, is_single));
}
static void read_matrix(T *y, int64_t y_row, const char *x, int64_t at, int64_t x_row, int64_t rows, int64_t columns,
                        int64_t to_columns, int64_t dtype) {
  if (dtype == FNN_F32) read_as(y, y_row, x, at, x_row, rows, columns, to_columns, 1);
  else read_as(y, y_row, x, at, x_row, rows, columns, to_columns, 0);
}
FNN_INLINE void write_as(char *y, int64_t at, int64_t y_row, const T *x, int64_t x_row, int64_t rows, int64_t columns,
                         const int is_single) {
  for (int64_t i = 0; i < rows; i++, at += y_row, x += x_row)
    for (int64_t j = 0; j < columns; j += N) write_part(y, at + j, columns - j, FN(load)(x + j), is_single);
}
static void write_matrix(char *y, int64_t at, int64_t y_row, const T *x, int64_t x_row, int64_t rows, int64_t columns,
                         int64_t dtype) {
  if (dtype == FNN_F32) write_as(y, at, y_row, x, x_row, rows, columns, 1);
  else write_as(y, at, y_row, x, x_row, rows, columns, 0);
}

static void pad_diagonal(T *x, int64_t row, int64_t n) {
  for (int64_t i = n; i < padded(n); i++) x[i * (row + 1)] = 1;
}

/* y (columns, rows) of x (rows, columns), in whole squares. */
static void turn(T *y, int64_t y_row, const T *x, int64_t x_row, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i += N)
    for (int64_t j = 0; j < columns; j += N) {
      V v[N];
#pragma GCC unroll 8
      for (int r = 0; r < N; r++) v[r] = FN(load)(x + (i + r) * x_row + j);
      OWN(transpose)(v);
#pragma GCC unroll 8
      for (int r = 0; r < N; r++) FN(store)(y + (j + r) * y_row + i, v[r]);
    }
}

static void swap(T *x, T *y, int64_t n) {
  for (int64_t j = 0; j < n; j += N) {
    const V v = FN(load)(x + j);
    FN(store)(x + j, FN(load)(y + j));
    FN(store)(y + j, v);
  }
}

/* ---- elimination ---- */

/* Where the element of largest magnitude is among [begin, end), the first of several; NaN is larger than all. What is
 * behind them is read, up to a vector. */
static int64_t find_pivot(const T *x, int64_t begin, int64_t end) {
  M best = (M){0} - 1, place = {0}, lane = fnn_lanesd() + begin;
  for (int64_t i = begin; i < end; i += N, lane += N) {
    const M bits = (M)FN(load)(x + i) & INT64_MAX, is_better = (bits > best) & (lane < end);
    best = (is_better & bits) | (~is_better & best);
    place = (is_better & lane) | (~is_better & place);
  }
  int64_t most = best[0], at = place[0];
#pragma GCC unroll 8
  for (int k = 1; k < N; k++) {
    const int is_better = (best[k] > most) | ((best[k] == most) & (place[k] < at));
    most = is_better ? best[k] : most, at = is_better ? place[k] : at;
  }
  return at;
}

/* Elements of a panel of so many rows, turned, with room for a vector behind each of its columns and the last. */
static int64_t panel_size(int64_t rows) { return PANEL * (padded(rows) + 2 * N); }

/* Divides by pivot k of a panel and subtracts its multiples from the columns behind it. */
static void eliminate_column(T *panel, int64_t p_row, int64_t k, int64_t wide, int64_t left) {
  T *column = panel + k * p_row;
  const V divisor = FN(splat)(column[k]);
  for (int64_t i = k + 1; i < left; i += N) {
    const V factor = FN(load)(column + i) / divisor;
    FN(store)(column + i, factor);
    T *other = column + p_row;
    for (int64_t j = k + 1; j < wide; j++, other += p_row)
      FN(store)(other + i, FN(load)(other + i) - factor * FN(splat)(other[k]));
  }
}

/* Columns [at, at + wide) of rows [first, end), whole tiles: less L times U of all columns before them. */
static void reduce_panel(T *a, int64_t a_row, int64_t at, int64_t wide, int64_t first, int64_t end) {
  for (int64_t j = at; j < at + wide && at; j += STRIP)
    for (int64_t i = first; i < end; i += ROWS)
      subtract(a + i * a_row + j, a_row, (strided){a + i * a_row, a_row, 1}, a + j, a_row, at, (strided){0},
               fnn_min(VECTORS, (at + wide - j) / N));
}

/* Rows [at, behind) of U in columns [first, end), whole vectors. */
static void solve_rows(T *a, int64_t a_row, int64_t at, int64_t behind, int64_t first, int64_t end) {
  for (int64_t j = first; j < end; j += STRIP)
    for (int64_t i = at; i < behind; i += ROWS)
      solve_unit_lower(a + i * a_row + j, a_row, (strided){a + i * a_row, a_row, 1}, a + j, a_row, i,
                       (strided){a + i * (a_row + 1), a_row, 1}, fnn_min(VECTORS, (end - j) / N));
}

/* Eliminates the panel of columns at `at`, which is reduced, and exchanges rows of the first `columns`. */
static int eliminate_panel(T *a, int64_t a_row, int64_t m, int64_t n, int64_t at, int64_t columns, T *panel,
                           int64_t *pivots, int goes_on) {
  const int64_t wide = fnn_min(PANEL, padded(n) - at), left = padded(m) - at, p_row = left + N;
  int is_regular = 1;
  turn(panel, p_row, a + at * a_row + at, a_row, left, wide);
  for (int64_t k = 0; k < wide; k++) FN(store)(panel + k * p_row + left, (V){0});
  for (int64_t k = 0; k < fnn_min(wide, n - at); k++) {
    const int64_t pivot = find_pivot(panel + k * p_row, k, m - at);
    pivots[at + k] = at + pivot;
    if (panel[k * p_row + pivot] == 0) {
      if (!goes_on) return 0;
      is_regular = 0;
      continue;
    }
    if (pivot != k) {
      for (int64_t j = 0; j < wide; j++) {
        const T x = panel[j * p_row + k];
        panel[j * p_row + k] = panel[j * p_row + pivot], panel[j * p_row + pivot] = x;
      }
      swap(a + (at + k) * a_row, a + (at + pivot) * a_row, columns);
    }
    eliminate_column(panel, p_row, k, wide, left);
  }
  turn(a + at * a_row + at, a_row, panel, p_row, wide, left);
  return is_regular;
}

/* Elimination with the largest elements of the columns as pivots: of a, of m rows, `padded` with those of an
 * identity, `a_row` apart, the first n columns, padded as they are, n <= m. U is on and above its diagonal afterwards,
 * L, whose diagonal is 1, below, and L^-1 times what was in the columns behind it, up to `columns`, rows exchanged: in
 * step k row k and row pivots[k]. Returns 0 where a pivot is 0; then, if it `goes_on`, L is 0 below it.
 *
 * A panel of columns is reduced by all columns before it, and then the rows in which its pivots are: so an element is
 * written once, by one long sum, and the panel twice. */
static int eliminate(T *a, int64_t a_row, int64_t m, int64_t n, int64_t columns, T *panel, int64_t *pivots,
                     int goes_on) {
  int is_regular = 1;
  for (int64_t at = 0; at < padded(n); at += PANEL) {
    const int64_t wide = fnn_min(PANEL, padded(n) - at);
    reduce_panel(a, a_row, at, wide, at, padded(m));
    if (!eliminate_panel(a, a_row, m, n, at, columns, panel, pivots, goes_on)) {
      if (!goes_on) return 0;
      is_regular = 0;
    }
    solve_rows(a, a_row, at, at + wide, at + wide, columns);
  }
  return is_regular;
}

/* ---- elimination that threads share ----
 * Phase 0 reads; in phase 2 p + 1 unit 0 eliminates panel p, and brings the columns of the next one up to it, while the
 * others bring those further to the right up to panel p - 1; phase 2 p + 2 reduces the next panel. After the last it
 * brings columns behind all panels up to that. */

/* Whole lines of shared memory: a, panel, pivots, the order of columns, and what lies behind. */
typedef struct {
  T *a, *panel, *rest;
  int64_t row, *pivots, *order;
} elimination;

static int64_t lines(int64_t elements) { return fnn_round_up(elements, FNN_ALIGN / (int64_t)sizeof(T)); }
static int64_t panels_of(int64_t n) { return fnn_ceil_div(padded(n), PANEL); }
static int64_t elimination_size(int64_t m, int64_t columns) {
  return padded(m) * apart(columns) + lines(panel_size(m)) + 2 * lines(padded(m));
}
static elimination elimination_at(char *shared, int64_t m, int64_t columns) {
  elimination e = {.a = (T *)shared, .row = apart(columns)};
  e.panel = e.a + padded(m) * e.row;
  e.pivots = (int64_t *)(e.panel + lines(panel_size(m)));
  e.order = e.pivots + lines(padded(m));
  e.rest = (T *)(e.order + lines(padded(m)));
  return e;
}

/* Units [begin, end) of phase 0: rows of a matrix (m, n), of whose columns those from m on lie at padded(m). */
static void read_part_of(const elimination *e, const char *x, int64_t m, int64_t n, int64_t columns, int64_t dtype,
                         int64_t begin, int64_t end) {
  const int64_t tiles = padded(m) / ROWS, first = part(tiles, begin) * ROWS, k = fnn_min(m, n);
  const int64_t rows = fnn_min(m, part(tiles, end) * ROWS) - first;
  if (rows <= 0) return;
  read_matrix(e->a + first * e->row, e->row, x, first * n, n, rows, k, padded(k), dtype);
  if (n > m)
    read_matrix(e->a + first * e->row + padded(m), e->row, x, first * n + m, n, rows, n - m, columns - padded(m),
                dtype);
  if (n >= m && first + rows == m) pad_diagonal(e->a, e->row, m);
}

/* Columns [first, end) get the exchanges of rows and the rows of U of the panel at `at`. */
static void bring_up(const elimination *e, int64_t n, int64_t at, int64_t first, int64_t end) {
  if (at < 0) return;
  const int64_t behind = fnn_min(padded(n), at + PANEL);
  for (int64_t k = at; k < fnn_min(behind, n); k++)
    if (e->pivots[k] != k) swap(e->a + k * e->row + first, e->a + e->pivots[k] * e->row + first, end - first);
  solve_rows(e->a, e->row, at, behind, first, end);
}

/* Units [begin, end) of phase `phase` > 0, up to 2 panels_of(n). Returns 0 where a pivot is 0. */
static int eliminate_part(const elimination *e, int64_t phase, int64_t m, int64_t n, int64_t columns, int goes_on,
                          int64_t begin, int64_t end) {
  const int64_t at = (phase - 1) / 2 * PANEL, behind = fnn_min(padded(n), at + PANEL);
  const int64_t next = fnn_min(padded(n), behind + PANEL), is_last = behind == padded(n);
  if (phase % 2 == 0 && !is_last) {
    const int64_t tiles = (padded(m) - behind) / ROWS;
    reduce_panel(e->a, e->row, behind, next - behind, behind + part(tiles, begin) * ROWS,
                 behind + part(tiles, end) * ROWS);
    return 1;
  }
  if (phase % 2 && begin == 0) {
    if (!eliminate_panel(e->a, e->row, m, n, at, behind, e->panel, e->pivots, goes_on) && !goes_on) return 0;
    if (!is_last) bring_up(e, n, at - PANEL, behind, next), bring_up(e, n, at, behind, next);
  }
  const int64_t strips = fnn_ceil_div(columns - next, STRIP), to = phase % 2 ? at - PANEL : at;
  for (int64_t strip = part_beside(strips, begin); strip < part_beside(strips, end); strip++) {
    const int64_t j = next + strip * STRIP;
    bring_up(e, n, to, j, fnn_min(columns, j + STRIP));
  }
  return 1;
}

/* A strip that is one: of so many columns, whose places alternate from both ends, as those at one take longer. */
static int64_t from_both_ends(int64_t k, int64_t count) { return k % 2 ? count - 1 - k / 2 : k / 2; }

/* ---- solve: y with a y = b ----
 * ints: [0] matrices   [1] n   [2] m   [3] dtype   [4], [5] elements from a matrix of a and of b to the next, or 0
 * buffers: a (matrices, n, n), b (matrices, n, m), y (matrices, n, m), which overlaps neither. A matrix with a pivot of
 * 0 sets the status. */
static double solve_flops(const int64_t *ints) {
  const double n = (double)ints[1], m = (double)ints[2];
  return 2 * n * n * (n / 3 + m);
}

static void solve_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], m = ints[2], rows = padded(n);
  each_matrix(work, ints[0], solve_flops(ints), panel_size(n) + rows * (apart(rows + fnn_round_up(m, N)) + 1),
              n * (n + 2 * m), ints[3]);
  if (is_shared(ints[0], solve_flops(ints)))
    shared_matrix(work, 2 * panels_of(n) + 1, rows * STRIP, elimination_size(n, rows));
}

static void solve_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], m = ints[2], rows = padded(n), strips = fnn_ceil_div(m, STRIP);
  const elimination e = elimination_at(call->shared, n, rows);
  if (call->phase == 0) read_part_of(&e, call->buf[0], n, n, rows, ints[3], begin, end);
  else if (call->phase < 2 * panels_of(n)) {
    if (!eliminate_part(&e, call->phase, n, n, rows, 0, begin, end)) set_status(call, FNN_SINGULAR);
  } else
    for (int64_t strip = part(strips, begin); strip < part(strips, end); strip++) {
      T *y = (T *)call->scratch;
      const int64_t j = strip * STRIP, count = fnn_min(STRIP, m - j), vectors = fnn_ceil_div(count, N);
      read_matrix(y, STRIP, call->buf[1], j, m, n, count, STRIP, ints[3]);
      for (int64_t i = 0; i < n; i++)
        if (e.pivots[i] != i) swap(y + i * STRIP, y + e.pivots[i] * STRIP, STRIP);
      substitute(y, STRIP, e.a, e.row, rows, vectors);
      substitute_back(y, STRIP, e.a, e.row, rows, vectors);
      write_matrix(call->buf[2], j, m, y, STRIP, n, count, ints[3]);
    }
}

static void solve(const fnn_call *call, int64_t begin, int64_t end) {
  if (is_shared(call->ints[0], solve_flops(call->ints))) {
    solve_shared(call, begin, end);
    return;
  }
  const int64_t *ints = call->ints, n = ints[1], m = ints[2], dtype = ints[3];
  const int64_t group = matrices_of_unit(solve_flops(ints)), rows = padded(n), columns = rows + fnn_round_up(m, N);
  const int64_t row = apart(columns);
  T *panel = (T *)call->scratch, *x = panel + panel_size(n);
  int64_t *pivots = (int64_t *)(x + rows * row);
  for (int64_t at = begin * group; at < fnn_min(ints[0], end * group); at++) {
    read_matrix(x, row, call->buf[0], at * ints[4], n, n, n, rows, dtype);
    read_matrix(x + rows, row, call->buf[1], at * ints[5], m, n, m, columns - rows, dtype);
    pad_diagonal(x, row, n);
    if (!eliminate(x, row, n, n, columns, panel, pivots, 0)) {
      set_status(call, FNN_SINGULAR);
      return;
    }
    for (int64_t j = rows; j < columns; j += VECTORS * N)
      substitute_back(x + j, row, x, row, rows, fnn_min(VECTORS, (columns - j) / N));
    write_matrix(call->buf[2], at * n * m, m, x + rows, row, n, m, dtype);
  }
}

/* ---- inv: y = x^-1 ----
 * ints: [0] matrices   [1] n   [2] dtype
 * buffers: x (matrices, n, n), y (matrices, n, n), which does not overlap it. A matrix with a pivot of 0 sets the
 * status. With P x = L U it is U^-1 L^-1 P, and L^-1 is a lower triangle. */
static double inv_flops(const int64_t *ints) { return 2.0 * (double)ints[1] * (double)ints[1] * (double)ints[1]; }

static void inv_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], rows = padded(n);
  each_matrix(work, ints[0], inv_flops(ints), panel_size(n) + 2 * rows * apart(rows) + 2 * rows, 2 * n * n, ints[2]);
  if (is_shared(ints[0], inv_flops(ints)))
    shared_matrix(work, 2 * panels_of(n) + 2, 0, elimination_size(n, rows) + fnn_round_up(rows, STRIP) * rows);
}

/* The columns of the inverse of P x, column j of which is column order[j] of that of x. */
static void order_columns(int64_t *order, const int64_t *pivots, int64_t n) {
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = 0; i < n; i++) {
    const int64_t number = order[i];
    order[i] = order[pivots[i]], order[pivots[i]] = number;
  }
}

/* Row i of y from columns [j, j + count) of a row of the inverse of P x. */
static void write_ordered(char *y, int64_t to, const T *from, const int64_t *order, int64_t count, int64_t dtype) {
  if (dtype == FNN_F32)
    for (int64_t j = 0; j < count; j++) ((float *)y)[to + order[j]] = (float)from[j];
  else
    for (int64_t j = 0; j < count; j++) ((T *)y)[to + order[j]] = from[j];
}

/* The inverse of L U, the factors in `a`, whose rows are as far apart. */
static void invert_factors(T *inverse, const T *a, int64_t row, int64_t n) {
  const int64_t rows = padded(n);
  memset(inverse, 0, (size_t)(rows * row) * sizeof(T));
  for (int64_t i = 0; i < rows; i++) inverse[i * (row + 1)] = 1;
  for (int64_t j = 0; j < rows; j += STRIP) {
    const int64_t vectors = fnn_min(VECTORS, (rows - j) / N), from = j / ROWS * ROWS;
    substitute(inverse + from * row + j, row, a + from * (row + 1), row, rows - from, vectors);
    substitute_back(inverse + j, row, a, row, rows, vectors);
  }
}

/* Strips of the inverse lie behind each other. They are written by rows: their columns have other places. */
static void inv_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], rows = padded(n), strips = fnn_ceil_div(rows, STRIP);
  const int64_t last = 2 * panels_of(n);
  const elimination e = elimination_at(call->shared, n, rows);
  if (call->phase == 0) read_part_of(&e, call->buf[0], n, n, rows, ints[2], begin, end);
  else if (call->phase < last) {
    if (!eliminate_part(&e, call->phase, n, n, rows, 0, begin, end)) set_status(call, FNN_SINGULAR);
    else if (call->phase == last - 1 && begin == 0) order_columns(e.order, e.pivots, n);
  } else if (call->phase == last)
    for (int64_t k = part(strips, begin); k < part(strips, end); k++) {
      const int64_t strip = from_both_ends(k, strips), j = strip * STRIP, from = j / ROWS * ROWS;
      const int64_t columns = fnn_min(STRIP, rows - j), vectors = columns / N;
      T *y = e.rest + strip * rows * STRIP;
      memset(y, 0, (size_t)(rows * STRIP) * sizeof(T));
      for (int64_t c = 0; c < columns; c++) y[(j + c) * STRIP + c] = 1;
      substitute(y + from * STRIP, STRIP, e.a + from * (e.row + 1), e.row, rows - from, vectors);
      substitute_back(y, STRIP, e.a, e.row, rows, vectors);
    }
  else
    for (int64_t i = part(n, begin); i < part(n, end); i++)
      for (int64_t j = 0; j < n; j += STRIP)
        write_ordered(call->buf[1], i * n, e.rest + j * rows + i * STRIP, e.order + j, fnn_min(STRIP, n - j), ints[2]);
}

static void inv(const fnn_call *call, int64_t begin, int64_t end) {
  if (is_shared(call->ints[0], inv_flops(call->ints))) {
    inv_shared(call, begin, end);
    return;
  }
  const int64_t *ints = call->ints, n = ints[1], group = matrices_of_unit(inv_flops(ints));
  const int64_t rows = padded(n), row = apart(rows);
  T *panel = (T *)call->scratch, *a = panel + panel_size(n), *inverse = a + rows * row;
  int64_t *pivots = (int64_t *)(inverse + rows * row), *order = pivots + rows;
  for (int64_t at = begin * group; at < fnn_min(ints[0], end * group); at++) {
    read_matrix(a, row, call->buf[0], at * n * n, n, n, n, rows, ints[2]);
    pad_diagonal(a, row, n);
    if (!eliminate(a, row, n, n, rows, panel, pivots, 0)) {
      set_status(call, FNN_SINGULAR);
      return;
    }
    invert_factors(inverse, a, row, n);
    order_columns(order, pivots, n);
    for (int64_t i = 0; i < n; i++)
      write_ordered(call->buf[1], (at * n + i) * n, inverse + i * row, order, n, ints[2]);
  }
}

/* ---- solve_triangular: y with a y = b, of one triangle of a ----
 * ints: those of solve, [6] 1: the lower one
 * buffers: those of solve. An element of the diagonal that is 0 sets the status. */
static double triangular_flops(const int64_t *ints) { return (double)ints[1] * (double)ints[1] * (double)ints[2]; }

static void solve_triangular_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], m = ints[2], rows = padded(n), size = rows * apart(rows);
  each_matrix(work, ints[0], triangular_flops(ints), size + rows * apart(m), n * (n / 2 + 2 * m), ints[3]);
  if (is_shared(ints[0], triangular_flops(ints))) shared_matrix(work, 3, rows * STRIP, size);
}

static int has_zero(const T *a, int64_t row, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (a[i * (row + 1)] == 0) return 1;
  return 0;
}

/* y (rows, columns) becomes the solution. */
static void substitute_strips(T *y, int64_t y_row, const T *a, int64_t row, int64_t rows, int64_t columns,
                              int64_t is_lower) {
  for (int64_t j = 0; j < columns; j += STRIP) {
    const int64_t vectors = fnn_min(VECTORS, (columns - j) / N);
    if (is_lower) substitute_lower(y + j, y_row, a, row, rows, vectors);
    else substitute_back(y + j, y_row, a, row, rows, vectors);
  }
}

/* Units [begin, end) of a phase that reads a matrix (n, n). */
static void read_part_of_square(T *a, int64_t row, const char *x, int64_t n, int64_t dtype, int64_t begin,
                                int64_t end) {
  const int64_t tiles = padded(n) / ROWS, first = part(tiles, begin) * ROWS;
  const int64_t count = fnn_min(n, part(tiles, end) * ROWS) - first;
  if (count <= 0) return;
  read_matrix(a + first * row, row, x, first * n, n, count, n, padded(n), dtype);
  if (first + count == n) pad_diagonal(a, row, n);
}

static void solve_triangular_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], m = ints[2], rows = padded(n), row = apart(rows);
  const int64_t strips = fnn_ceil_div(m, STRIP);
  T *a = (T *)call->shared, *y = (T *)call->scratch;
  if (call->phase == 0) read_part_of_square(a, row, call->buf[0], n, ints[3], begin, end);
  else if (call->phase == 1) {
    if (begin == 0 && has_zero(a, row, n)) set_status(call, FNN_SINGULAR);
  } else
    for (int64_t strip = part(strips, begin); strip < part(strips, end); strip++) {
      const int64_t j = strip * STRIP, count = fnn_min(STRIP, m - j);
      read_matrix(y, STRIP, call->buf[1], j, m, n, count, STRIP, ints[3]);
      substitute_strips(y, STRIP, a, row, rows, fnn_round_up(count, N), ints[6]);
      write_matrix(call->buf[2], j, m, y, STRIP, n, count, ints[3]);
    }
}

static void solve_triangular(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], m = ints[2], dtype = ints[3], rows = padded(n), row = apart(rows);
  const int64_t group = matrices_of_unit(triangular_flops(ints)), columns = fnn_round_up(m, N), y_row = apart(m);
  if (is_shared(ints[0], triangular_flops(ints))) {
    solve_triangular_shared(call, begin, end);
    return;
  }
  T *a = (T *)call->scratch, *y = a + rows * row;
  for (int64_t at = begin * group; at < fnn_min(ints[0], end * group); at++) {
    read_matrix(a, row, call->buf[0], at * ints[4], n, n, n, rows, dtype);
    pad_diagonal(a, row, n);
    if (has_zero(a, row, n)) {
      set_status(call, FNN_SINGULAR);
      return;
    }
    read_matrix(y, y_row, call->buf[1], at * ints[5], m, n, m, columns, dtype);
    substitute_strips(y, y_row, a, row, rows, columns, ints[6]);
    write_matrix(call->buf[2], at * n * m, m, y, y_row, n, m, dtype);
  }
}

/* ---- lu_factor: P x = L U ----
 * ints: [0] matrices   [1] m   [2] n   [3] dtype
 * buffers: x (matrices, m, n), y (matrices, m, n) with U and, below its diagonal, L, pivots int32 (matrices,
 * min(m, n)), the rows with which rows changed places; none overlaps another. Below a pivot of 0 L is 0.
 *
 * Columns behind the m-th lie behind those that pad these. */
static double lu_flops(const int64_t *ints) {
  const double m = (double)ints[1], n = (double)ints[2], k = m < n ? m : n;
  return k * k * ((m < n ? n : m) - k / 3);
}

static int64_t lu_columns(const int64_t *ints) {
  const int64_t m = ints[1], n = ints[2];
  return n <= m ? padded(n) : padded(m) + fnn_round_up(n - m, N);
}

static void lu_factor_size(const int64_t *ints, fnn_work *work) {
  const int64_t rows = padded(ints[1]);
  each_matrix(work, ints[0], lu_flops(ints), panel_size(ints[1]) + rows * apart(lu_columns(ints)) + rows,
              2 * ints[1] * ints[2], ints[3]);
  if (is_shared(ints[0], lu_flops(ints)))
    shared_matrix(work, 2 * panels_of(fnn_min(ints[1], ints[2])) + 2, 0,
                  elimination_size(ints[1], lu_columns(ints)));
}

/* Rows [first, end) of the result. */
static void write_factors(const fnn_call *call, int64_t at, const T *x, int64_t row, int64_t first, int64_t end) {
  const int64_t *ints = call->ints, m = ints[1], n = ints[2], to = at * m * n + first * n, dtype = ints[3];
  x += first * row;
  write_matrix(call->buf[1], to, n, x, row, end - first, fnn_min(m, n), dtype);
  if (n > m) write_matrix(call->buf[1], to + m, n, x + padded(m), row, end - first, n - m, dtype);
}

static void lu_factor_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, m = ints[1], n = ints[2], k = fnn_min(m, n), columns = lu_columns(ints);
  const int64_t last = 2 * panels_of(k);
  const elimination e = elimination_at(call->shared, m, columns);
  if (call->phase == 0) read_part_of(&e, call->buf[0], m, n, columns, ints[3], begin, end);
  else if (call->phase <= last) eliminate_part(&e, call->phase, m, k, columns, 1, begin, end);
  else {
    write_factors(call, 0, e.a, e.row, part(m, begin), part(m, end));
    for (int64_t i = part(k, begin); i < part(k, end); i++) ((int32_t *)call->buf[2])[i] = (int32_t)e.pivots[i];
  }
}

static void lu_factor(const fnn_call *call, int64_t begin, int64_t end) {
  if (is_shared(call->ints[0], lu_flops(call->ints))) {
    lu_factor_shared(call, begin, end);
    return;
  }
  const int64_t *ints = call->ints, m = ints[1], n = ints[2], k = fnn_min(m, n), dtype = ints[3];
  const int64_t group = matrices_of_unit(lu_flops(ints)), columns = lu_columns(ints), row = apart(columns);
  T *panel = (T *)call->scratch, *x = panel + panel_size(m);
  int64_t *pivots = (int64_t *)(x + padded(m) * row);
  for (int64_t at = begin * group; at < fnn_min(ints[0], end * group); at++) {
    const int64_t from = at * m * n;
    read_matrix(x, row, call->buf[0], from, n, m, k, padded(k), dtype);
    if (n > m) read_matrix(x + padded(m), row, call->buf[0], from + m, n, m, n - m, columns - padded(m), dtype);
    if (n >= m) pad_diagonal(x, row, m);
    eliminate(x, row, m, k, columns, panel, pivots, 1);
    write_factors(call, at, x, row, 0, m);
    for (int64_t i = 0; i < k; i++) ((int32_t *)call->buf[2])[at * k + i] = (int32_t)pivots[i];
  }
}

/* ---- determinant ----
 * ints: [0] matrices   [1] n   [2] dtype
 * buffers: x (matrices, n, n), its determinant (matrices), or NULL, the sign of that and the logarithm of its magnitude
 * (matrices each), or NULL; none overlaps x. The sign of a singular matrix is 0. */
static void determinant_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], rows = padded(n);
  const double flops = solve_flops((int64_t[]){1, n, 0});
  each_matrix(work, ints[0], flops, panel_size(n) + rows * apart(rows) + rows, n * n, ints[2]);
  if (is_shared(ints[0], flops)) shared_matrix(work, 2 * panels_of(n), 0, elimination_size(n, rows));
}

static void write_number(char *y, int64_t at, double number, int64_t dtype) {
  if (dtype == FNN_F32) ((float *)y)[at] = (float)number;
  else ((double *)y)[at] = number;
}

/* fraction * 2^exponent: products of pivots may leave the numbers that there are, and come back. */
typedef struct {
  T fraction;
  int64_t exponent;
} scaled;

static scaled times(scaled x, T y) {
  int own = 0;
  x.fraction = frexp(x.fraction * y, &own);
  x.exponent += own;
  return x;
}

/* The determinant, from U and the exchanges of rows. */
static scaled product_of_pivots(const T *x, int64_t row, const int64_t *pivots, int64_t n) {
  scaled product = {1, 0};
  for (int64_t i = 0; product.fraction != 0 && i < n; i++)
    product = times(product, x[i * (row + 1)] * (pivots[i] == i ? 1 : -1));
  return product;
}

/* That of matrix `at`, whose factor U and exchanges of rows are given. */
static void write_determinant(const fnn_call *call, int64_t at, const T *x, int64_t row, const int64_t *pivots,
                              int is_regular) {
  const int64_t n = call->ints[1], dtype = call->ints[2], most = 4096; /* beyond any exponent of float64 */
  const scaled product = is_regular ? product_of_pivots(x, row, pivots, n) : (scaled){0, 0};
  if (call->buf[1]) {
    const int64_t exponent = fnn_max(-most, fnn_min(most, product.exponent));
    write_number(call->buf[1], at, ldexp(product.fraction, (int)exponent), dtype);
  }
  if (call->buf[2]) {
    T logarithm = is_regular ? 0 : -INFINITY;
    for (int64_t i = 0; is_regular && i < n; i++) logarithm += log(fabs(x[i * (row + 1)]));
    write_number(call->buf[2], at, product.fraction == 0 ? 0 : product.fraction < 0 ? -1 : 1, dtype);
    write_number(call->buf[3], at, logarithm, dtype);
  }
}

static void determinant_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], rows = padded(n);
  const elimination e = elimination_at(call->shared, n, rows);
  if (call->phase == 0) read_part_of(&e, call->buf[0], n, n, rows, ints[2], begin, end);
  else eliminate_part(&e, call->phase, n, n, rows, 1, begin, end);
  if (call->phase == 2 * panels_of(n) - 1 && begin == 0)
    write_determinant(call, 0, e.a, e.row, e.pivots, !has_zero(e.a, e.row, n));
}

static void determinant(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], rows = padded(n), row = apart(rows);
  const double flops = solve_flops((int64_t[]){1, n, 0});
  if (is_shared(ints[0], flops)) {
    determinant_shared(call, begin, end);
    return;
  }
  const int64_t group = matrices_of_unit(flops);
  T *panel = (T *)call->scratch, *x = panel + panel_size(n);
  int64_t *pivots = (int64_t *)(x + rows * row);
  for (int64_t at = begin * group; at < fnn_min(ints[0], end * group); at++) {
    read_matrix(x, row, call->buf[0], at * n * n, n, n, n, rows, ints[2]);
    pad_diagonal(x, row, n);
    const int is_regular = eliminate(x, row, n, n, rows, panel, pivots, 0);
    write_determinant(call, at, x, row, pivots, is_regular);
  }
}

#include "linalg_cholesky_body.h"
#include "linalg_cofactors_body.h"
#include "linalg_qr_body.h"
#include "linalg_lstsq_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {{"cholesky", cholesky, cholesky_size},
                                    {"cholesky_inverse", cholesky_inverse, cholesky_inverse_size},
                                    {"cofactors", cofactors, cofactors_size},
                                    {"determinant", determinant, determinant_size},
                                    {"inv", inv, inv_size},
                                    {"lstsq", lstsq, lstsq_size},
                                    {"lu_factor", lu_factor, lu_factor_size},
                                    {"qr", qr, qr_size},
                                    {"solve", solve, solve_size},
                                    {"solve_triangular", solve_triangular, solve_triangular_size},
                                    {0}};
const fnn_table FNN_TABLE(linalg) = {entries, 0, 0};
