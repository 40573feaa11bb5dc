/* tile.h: the one microkernel behind every contraction, for the type of types_f32.h or types_f64.h.
 *
 * A tile is some rows by some vectors of the result, all in registers:
 *
 *   acc[i][j] = sum over segments s, in order, and k in [0, s.k), in order, of
 *               a[i][s.a_offset + k * a_stride] * s.b[column + k * s.b_stride + j]
 *
 * A is read by broadcast through a pointer for each row; B is read in place, a whole vector at a time, so a segment
 * of B must hold the tile's full width from `column` on (see OWN(tile_tail) for the last columns of a matrix).
 * Each element is one chain of fused multiply-adds (a product and a sum where the CPU has no FMA), whatever tile it
 * falls in: results do not depend on how a matrix is cut. */
#ifndef FNN_TILE_H
#define FNN_TILE_H

/* A tile has as many rows as its width in vectors allows: accumulators, a row of B and a broadcast must fit the
 * registers. Heights divide TILE_BLOCK. */
enum { TILE_BLOCK = 24, TILE_MOST_ROWS = 8 };
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
/* 8x3 + 3 + 1 and 6x4 + 4 + 1: 29 of 32 at most. More rows for narrower tiles would need more row pointers than there
 * are general registers (measured: 12x2 is slower than 8x2 in convolutions). */
enum { TILE_VECTORS = 4 };
FNN_INLINE int64_t tile_rows(int vectors) { return vectors == 4 ? 6 : 8; }
#else
/* 6x2 + 2 + 1: 15 of 16. */
enum { TILE_VECTORS = 2 };
FNN_INLINE int64_t tile_rows(int vectors) { return vectors ? 6 : 0; }
#endif

/* What tiles of a strip do beside their products. */
enum strip_kind {
  STRIP_PLAIN,
  STRIP_ASKS_C, /* ask for the rows of C after theirs, where these are several lines */
  STRIP_FULL    /* resume, continue, ask for lines from `ahead` on */
};

/* The same of a single tile. */
enum tile_kind { TILE_PLAIN, TILE_COPIES, TILE_SUMS, TILE_PACKS };

enum {
  TILE_COPYING_ROWS = 6, /* tile_rows(TILE_VECTORS), a constant */
  TILE_SUMMING_ROWS = 4  /* at most, as sums of columns take registers too */
};

/* A single row has few sums, and waits for each multiply-add unless its tile is wide: 8 cover two multipliers with a
 * latency of four cycles. */
enum { TILE_ROW_VECTORS = 8, TILE_MOST_SUMS = 24 };

/* Columns in panels of at most `widest` vectors, as equal as they can be: 80 columns of 16 lanes are 48 and 32, not 64
 * and 16. `widest` is TILE_VECTORS, or TILE_ROW_VECTORS for a single row. */
typedef struct {
  int64_t begin, cols; /* valid columns */
  int vectors;
} tile_panel;

FNN_INLINE int64_t tile_panels_of(int64_t cols, int64_t lanes, int64_t widest) {
  return fnn_ceil_div(fnn_ceil_div(cols, lanes), widest);
}

FNN_INLINE tile_panel tile_panel_of(int64_t cols, int64_t lanes, int64_t widest, int64_t index) {
  int64_t vectors = fnn_ceil_div(cols, lanes), panels = tile_panels_of(cols, lanes, widest);
  if (panels == 1) return (tile_panel){0, cols, (int)vectors};
  /* None is wider than the first; the narrower ones lie among them, so that threads get as many vectors each. */
  const int64_t narrow = vectors / panels, wide = vectors % panels; /* a division takes as long as 20 multiply-adds */
  const int64_t before = wide ? fnn_ceil_div(index * wide, panels) : 0;
  const int64_t begin = (index * narrow + before) * lanes;
  const int here = (int)(narrow + (wide ? fnn_ceil_div((index + 1) * wide, panels) - before : 0));
  return (tile_panel){begin, fnn_min(cols - begin, here * lanes), here};
}

/* How many panels of `widest` vectors are a part of the columns, where these are cut for threads to share: two parts at
 * least, but none so narrow that what is done anew for each would show. */
enum { TILE_PART_COLUMNS = 64 };
FNN_INLINE int64_t tile_part_panels(int64_t cols, int64_t lanes, int64_t widest) {
  return fnn_max(1, fnn_min(TILE_PART_COLUMNS / (widest * lanes), tile_panels_of(cols, lanes, widest) / 2));
}

FNN_INLINE int64_t tile_panels(int64_t cols, int64_t lanes) { return tile_panels_of(cols, lanes, TILE_VECTORS); }
FNN_INLINE tile_panel tile_panel_at(int64_t cols, int64_t lanes, int64_t index) {
  return tile_panel_of(cols, lanes, TILE_VECTORS, index);
}

#endif

enum { OWN(TILE_COLS) = TILE_VECTORS * N, OWN(TILE_ROW_COLS) = TILE_ROW_VECTORS * N };

typedef struct {
  const T *b;
  int64_t b_stride, a_offset, k;
} OWN(tile_segment);

typedef struct {
  const T *const *a;      /* tile_rows(vectors) of them; rows past `rows` repeat a valid one */
  T *const *c;            /* the result's rows */
  int64_t c_column;       /* the tile's first column there */
  int64_t rows, cols;     /* valid ones; only these are written */
  int64_t a_stride;       /* along k */
  int64_t column;         /* added to every segment's b */
  const OWN(tile_segment) * segments;
  int64_t n_segments;
  /* Each segment, or part of k of a tile of a strip, asks for so many lines of memory that is needed later, from
   * `ahead` on; so many elements lie between those of one and of the next, and so many more after each tile of a
   * strip. */
  const T *ahead;
  int64_t ahead_lines, ahead_skip, ahead_tile_skip;
  int64_t parts; /* of a tile of a strip that asks for such lines; 0: it does not */
  /* Of a tile that copies: each segment first copies a row, TILE_COLS wide, while there are some left. One that packs
   * has `copy` alone. */
  const T *copied;
  T *copy;
  int64_t copied_stride, copied_rows;
  T *column_sums; /* of a tile that sums columns: where the sum of B over k goes, or is added if it resumes */
  /* NULL, or a TILE_COLS for each row of `a`, 64-byte aligned: where the sums are kept between calls. */
  T *partial;
  enum strip_kind strip;
  int asks_c; /* a strip with parts asks for the next tile's rows of C too */
  int resumes, continues; /* start from partial instead of zero; leave the sums there and write no result */
  /* The result: max(alpha * acc + bias + beta * c, floor); c is not read when beta is 0. */
  const T *bias; /* whole vectors of them or NULL */
  T alpha, beta, floor;
} OWN(tile);

/* Finishes the row's vector at column j, of sums y: at the edge of a matrix, or when C is read. */
FNN_INLINE void OWN(tile_finish)(const OWN(tile) * t, V y, T *c, int64_t j) {
  const int64_t n = t->cols - j;
  c += j;
  y *= t->alpha;
  if (t->bias) y += FN(load)(t->bias + j);
  if (t->beta != 0) y += t->beta * (n < N ? FN(load_part)(c, n) : FN(load)(c));
  y = FN(select)(y < t->floor, FN(splat)(t->floor), y);
  if (n < N) FN(store_part)(c, y, n);
  else FN(store)(c, y);
}

/* A row whose sums are in memory. */
COMMON
static void OWN(tile_finish_row)(const OWN(tile) * t, const T *acc, T *c) {
  for (int64_t j = 0; j < t->cols; j += N) OWN(tile_finish)(t, FN(load)(acc + j), c, j);
}

COMMON
static __attribute__((noinline)) void OWN(tile_finish_rows)(const OWN(tile) * t, const T *acc) {
  for (int64_t i = 0; i < t->rows; i++) OWN(tile_finish_row)(t, acc + i * OWN(TILE_COLS), t->c[i] + t->c_column);
}

/* `kind`, `rows` and `vectors` are constants of each caller below. */
FNN_INLINE void OWN(tile_run)(const OWN(tile) * t, const enum tile_kind kind, const int rows, const int vectors) {
  const int copies = kind == TILE_COPIES, sums = kind == TILE_SUMS, packs = kind == TILE_PACKS;
  const int is_split = rows == 1 && vectors == 1; /* GCC 12 parts its products from its sums */
  V acc[TILE_MOST_SUMS];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++)
      acc[i * vectors + j] = t->resumes ? FN(load)(t->partial + i * OWN(TILE_COLS) + j * N) : (V){0};

  V column_sum[TILE_ROW_VECTORS];
#pragma GCC unroll 8
  for (int j = 0; sums && j < vectors; j++)
    column_sum[j] = t->resumes ? FN(load_part)(t->column_sums + j * N, t->cols - j * N) : (V){0};

  const T *a[TILE_MOST_ROWS];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) a[i] = t->a[i];
  const int64_t a_stride = t->a_stride;
  const T *ahead = t->ahead, *copied = t->copied;
  T *copy = t->copy;
  int64_t copied_rows = copies ? t->copied_rows : 0;

  for (const OWN(tile_segment) *s = t->segments, *end = s + t->n_segments; s < end; s++) {
    /* What segments share is read anew: the compiler would keep it in vector registers, and a move from there waits
     * behind the multiply-adds. */
    if (rows * vectors == TILE_MOST_SUMS) __asm__("" : "+r"(t));
    const T *b = s->b + t->column;
    const int64_t b_stride = s->b_stride;
    int64_t at = s->a_offset;
    for (int64_t i = t->ahead_lines; i > 0; i--, ahead += FNN_ALIGN / sizeof(T)) __builtin_prefetch(ahead, 0, 2);
    ahead += t->ahead_skip;
    if (copied_rows > 0) {
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) FN(store)(copy + j * N, FN(load)(copied + j * N));
      copied += t->copied_stride, copy += vectors * N, copied_rows--;
    }
#pragma GCC unroll 2
    for (int64_t k = s->k; k > 0; k--) {
      V b_row[TILE_ROW_VECTORS];
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) {
        b_row[j] = FN(load)(b + j * N);
        if (sums) column_sum[j] += b_row[j];
        if (packs) FN(store)(copy + j * N, b_row[j]);
      }
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) {
        const V x = FN(splat)(a[i][at]);
#pragma GCC unroll 8
        for (int j = 0; j < vectors; j++)
          acc[i * vectors + j] = is_split ? FN(multiply_add)(x, b_row[j], acc[i * vectors + j])
                                          : acc[i * vectors + j] + x * b_row[j];
      }
      if (packs) {
        __builtin_prefetch(ahead, 0, 3);
        ahead += b_stride, copy += vectors * N;
      }
      at += a_stride;
      /* Keeps `at` one register that all rows share: the compiler would rather advance a pointer for each, in every
       * step and anew for every segment, on the ports that the multiply-adds need. */
      __asm__("" : "+r"(at));
      b += b_stride;
    }
  }

#pragma GCC unroll 8
  for (int j = 0; sums && j < vectors; j++) FN(store_part)(t->column_sums + j * N, column_sum[j], t->cols - j * N);
  const int is_part = t->cols < vectors * N; /* which AVX-512 alone stores as fast */
  if (t->continues || (is_part && FNN_VECTOR_BYTES != 64) || t->beta != 0) {
    _Alignas(FNN_ALIGN) T space[TILE_MOST_ROWS * OWN(TILE_COLS)];
    T *out = t->continues ? t->partial : space;
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) FN(store)(out + i * OWN(TILE_COLS) + j * N, acc[i * vectors + j]);
    if (!t->continues) OWN(tile_finish_rows)(t, space);
    return;
  }
  /* Read before anything is stored: the compiler must take it that a result may lie over *t. */
  const int is_plain = t->alpha == 1 && !t->bias && t->floor == -(T)INFINITY;
  const int64_t c_column = t->c_column, c_rows = t->rows, last = t->cols - (vectors - 1) * N;
  const T *bias = t->bias;
  const V alpha = FN(splat)(t->alpha), floor = FN(splat)(t->floor);
  T *const *c_row = t->c;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    if (i >= c_rows) break;
    T *c = c_row[i] + c_column;
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      V y = acc[i * vectors + j];
      if (!is_plain) {
        y *= alpha;
        if (bias) y += FN(load)(bias + j * N);
        y = FN(select)(y < floor, floor, y);
      }
      if (is_part && j + 1 == vectors) FN(store_part)(c + j * N, y, last);
      else FN(store)(c + j * N, y);
    }
  }
}

#define TILE_VARIANT(rows, vectors)                                                                                    \
  COMMON static __attribute__((noinline)) void OWN(tile_##rows##x##vectors)(const OWN(tile) * t) {                     \
    OWN(tile_run)(t, TILE_PLAIN, rows, vectors);                                                                       \
  }
#define TILE_VARIANTS(rows) TILE_VARIANT(rows, 1) TILE_VARIANT(rows, 2)
TILE_VARIANTS(1) TILE_VARIANTS(2) TILE_VARIANTS(4)
/* The least variant that holds 1, 2, 3-4, 5-6, 7-8 rows, by vectors. */
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
TILE_VARIANTS(8)
TILE_VARIANT(1, 3) TILE_VARIANT(2, 3) TILE_VARIANT(4, 3) TILE_VARIANT(8, 3)
TILE_VARIANT(1, 4) TILE_VARIANT(2, 4) TILE_VARIANT(4, 4) TILE_VARIANT(6, 4)
static void (*const OWN(tile_variants)[TILE_VECTORS][5])(const OWN(tile) *) = {
  {OWN(tile_1x1), OWN(tile_2x1), OWN(tile_4x1), OWN(tile_8x1), OWN(tile_8x1)},
  {OWN(tile_1x2), OWN(tile_2x2), OWN(tile_4x2), OWN(tile_8x2), OWN(tile_8x2)},
  {OWN(tile_1x3), OWN(tile_2x3), OWN(tile_4x3), OWN(tile_8x3), OWN(tile_8x3)},
  {OWN(tile_1x4), OWN(tile_2x4), OWN(tile_4x4), OWN(tile_6x4)}};
#else
TILE_VARIANTS(6)
TILE_VARIANT(1, 3) TILE_VARIANT(1, 4)
static void (*const OWN(tile_variants)[TILE_VECTORS][5])(const OWN(tile) *) = {
  {OWN(tile_1x1), OWN(tile_2x1), OWN(tile_4x1), OWN(tile_6x1)},
  {OWN(tile_1x2), OWN(tile_2x2), OWN(tile_4x2), OWN(tile_6x2)}};
#endif
TILE_VARIANT(1, 5) TILE_VARIANT(1, 6) TILE_VARIANT(1, 7) TILE_VARIANT(1, 8)
static void (*const OWN(tile_row_variants)[TILE_ROW_VECTORS])(const OWN(tile) *) = {
  OWN(tile_1x1), OWN(tile_1x2), OWN(tile_1x3), OWN(tile_1x4),
  OWN(tile_1x5), OWN(tile_1x6), OWN(tile_1x7), OWN(tile_1x8)};
#undef TILE_VARIANT
#undef TILE_VARIANTS

/* Runs a tile of t->rows rows, 1 .. tile_rows(vectors), by `vectors` vectors; more of them than TILE_VECTORS if it is
 * a single row. */
FNN_INLINE void OWN(tile_call)(const OWN(tile) * t, int vectors) {
  if (vectors > TILE_VECTORS) return OWN(tile_row_variants)[vectors - 1](t);
  static const int8_t variant[9] = {0, 0, 1, 2, 2, 3, 3, 4, 4};
  OWN(tile_variants)[vectors - 1][variant[t->rows]](t);
}

/* A tile of all its rows and of TILE_VECTORS vectors that copies: the multiply-adds leave loads and stores to spare. */
static __attribute__((noinline, unused)) void OWN(tile_copying)(const OWN(tile) * t) {
  OWN(tile_run)(t, TILE_COPIES, TILE_COPYING_ROWS, TILE_VECTORS);
}

/* Such a tile that stores the rows of B that it reads to `copy`, for those after it, and asks for a row from `ahead` on
 * in each step. */
static __attribute__((noinline, unused)) void OWN(tile_packing)(const OWN(tile) * t) {
  OWN(tile_run)(t, TILE_PACKS, TILE_COPYING_ROWS, TILE_VECTORS);
}

#define SUMMING_VARIANT(rows, vectors)                                                                                 \
  COMMON static __attribute__((noinline)) void OWN(summing_##rows##x##vectors)(const OWN(tile) * t) {                  \
    OWN(tile_run)(t, TILE_SUMS, rows, vectors);                                                                        \
  }
SUMMING_VARIANT(2, 1) SUMMING_VARIANT(2, 2) SUMMING_VARIANT(4, 1) SUMMING_VARIANT(4, 2)
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
SUMMING_VARIANT(2, 3) SUMMING_VARIANT(2, 4) SUMMING_VARIANT(4, 3) SUMMING_VARIANT(4, 4)
#define SUMMING                                                                                                        \
  {OWN(summing_2x1), OWN(summing_2x2), OWN(summing_2x3), OWN(summing_2x4)},                                            \
    {OWN(summing_4x1), OWN(summing_4x2), OWN(summing_4x3), OWN(summing_4x4)}
#else
#define SUMMING {OWN(summing_2x1), OWN(summing_2x2)}, {OWN(summing_4x1), OWN(summing_4x2)}
#endif
/* A tile of at most TILE_SUMMING_ROWS rows by at most TILE_VECTORS vectors that sums the columns of B: additions of
 * what it has read, for which many CPUs have units beside those of multiply-adds. */
FNN_INLINE void OWN(tile_summing)(const OWN(tile) * t, int vectors) {
  static void (*const variants[2][TILE_VECTORS])(const OWN(tile) *) = {SUMMING};
  variants[t->rows > 2][vectors - 1](t);
}
#undef SUMMING
#undef SUMMING_VARIANT

/* ---- strips: tiles one after another, without what tile_run does anew for each ---- */

/* Whether tiles can be a strip: whole vectors of one segment; at most a bias is added. */
FNN_INLINE int OWN(tile_fits_strip)(const OWN(tile) * t, int vectors) {
  return vectors <= TILE_VECTORS && t->cols == vectors * N && t->n_segments == 1 && t->alpha == 1 && t->beta == 0;
}

FNN_INLINE void OWN(strip_begin)(V *acc, const T **a, const T *const *a_rows, const int rows, const int vectors) {
  T zero = 0;
  __asm__("" : "+m"(zero)); /* or the compiler keeps a vector of zeros, for which there is no register */
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    a[i] = a_rows[i];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) acc[i * vectors + j] = FN(splat)(zero);
  }
}

/* `steps` of a tile's products from k = *at on, each of which clears a vector from *clears on, if it clears: stores one
 * at a time do not keep multiply-adds waiting, as more than the CPU can hold do. */
FNN_INLINE void OWN(strip_steps)(V *acc, const T *const *a, int64_t *at, int64_t a_stride, const T **b,
                                 int64_t b_stride, int64_t steps, T **clears, const int is_clearing, const int rows,
                                 const int vectors) {
  int64_t k = *at;
  const T *b_at = *b;
  T *clear = *clears;
#pragma GCC unroll 2
  for (; steps > 0; steps--, k += a_stride, b_at += b_stride) {
    V b_row[TILE_VECTORS];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) b_row[j] = FN(load)(b_at + j * N);
    if (is_clearing) {
      FN(store)(clear, (V){0});
      clear += N;
      __asm__("" : "+r"(clear));
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const V x = FN(splat)(a[i][k]);
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) acc[i * vectors + j] += x * b_row[j];
    }
    __asm__("" : "+r"(k)); /* as in tile_run */
  }
  *at = k, *b = b_at, *clears = clear;
}

/* `bias` and `c_column` are those of t, which the compiler would read again after each store. streams: the results go
 * past the caches. */
FNN_INLINE void OWN(strip_end)(const OWN(tile) * t, const V *acc, T *const *c_rows, const T *bias, int64_t c_column,
                               const int has_floor, const int streams, const int rows, const int vectors) {
  const V floor = FN(splat)(t->floor);
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    T *c = c_rows[i] + c_column;
    __asm__("" : "+r"(c)); /* one register, not one for each vector */
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      V y = acc[i * vectors + j];
      if (bias) y += FN(load)(bias + j * N);
      if (has_floor) y = FN(max)(floor, y);
      if (streams) FN(stream)(c + j * N, y);
      else FN(store)(c + j * N, y);
    }
  }
}

FNN_INLINE void OWN(strip_run)(const OWN(tile) * t, int64_t tiles, const enum strip_kind kind, const int rows,
                             const int vectors) {
  const OWN(tile_segment) s = t->segments[0];
  const T *const *a_rows = t->a, *bias = t->bias, *panel = s.b + t->column, *ahead = t->ahead;
  T *const *c_rows = t->c;
  const int64_t a_stride = t->a_stride, c_column = t->c_column;
  const int is_full = kind == STRIP_FULL;
  const int64_t parts = is_full ? t->parts : kind == STRIP_ASKS_C ? rows : 0, part = parts ? s.k / parts : 0;
  const int has_floor = t->floor != -(T)INFINITY;
  T *sums = is_full ? t->partial : NULL;
  for (; tiles > 0; tiles--, a_rows += rows, c_rows += rows) {
    V acc[TILE_MOST_SUMS];
    const T *a[TILE_MOST_ROWS], *b = panel;
    int64_t at = s.a_offset;
    T *clears = NULL;
    OWN(strip_begin)(acc, a, a_rows, rows, vectors);
    if (is_full && t->resumes) {
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < vectors; j++) acc[i * vectors + j] = FN(load)(sums + i * OWN(TILE_COLS) + j * N);
    }
    /* A row of the next tile after each part, as all at once would be waited for; of the next panel after the last. */
    T *const *next = tiles > 1 ? c_rows + rows : t->c;
    const int64_t next_column = c_column + (tiles > 1 ? 0 : vectors * N);
#pragma GCC unroll 1
    for (int64_t i = 0; part > 0 && i < parts; i++) {
      if (is_full) {
        for (int64_t l = t->ahead_lines; l > 0; l--, ahead += FNN_ALIGN / sizeof(T)) __builtin_prefetch(ahead, 0, 3);
        ahead += t->ahead_skip;
      }
      if (!is_full || (t->asks_c && i < rows)) {
#pragma GCC unroll 8
        for (int j = 0; j < vectors; j++) __builtin_prefetch(next[i] + next_column + j * N, 1, 2);
      }
      OWN(strip_steps)(acc, a, &at, a_stride, &b, s.b_stride, part, &clears, 0, rows, vectors);
    }
    OWN(strip_steps)(acc, a, &at, a_stride, &b, s.b_stride, s.k - part * parts, &clears, 0, rows, vectors);
    if (is_full) ahead += t->ahead_tile_skip;
    if (is_full && t->continues) {
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < vectors; j++) FN(store)(sums + i * OWN(TILE_COLS) + j * N, acc[i * vectors + j]);
    } else if (has_floor) OWN(strip_end)(t, acc, c_rows, bias, c_column, 1, 0, rows, vectors);
    else OWN(strip_end)(t, acc, c_rows, bias, c_column, 0, 0, rows, vectors);
    if (is_full) sums += rows * OWN(TILE_COLS);
  }
}

#define STRIP_VARIANT(name, kind, rows, vectors)                                                                       \
  COMMON static __attribute__((noinline)) void OWN(name##_##rows##x##vectors)(const OWN(tile) * t, int64_t tiles) {    \
    OWN(strip_run)(t, tiles, kind, rows, vectors);                                                                     \
  }
#define STRIP_VARIANTS(rows, vectors)                                                                                  \
  STRIP_VARIANT(strip, STRIP_PLAIN, rows, vectors) STRIP_VARIANT(full, STRIP_FULL, rows, vectors)
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
STRIP_VARIANTS(8, 1) STRIP_VARIANTS(8, 2) STRIP_VARIANTS(8, 3) STRIP_VARIANTS(6, 4)
STRIP_VARIANT(asking, STRIP_ASKS_C, 8, 3) STRIP_VARIANT(asking, STRIP_ASKS_C, 6, 4)
#define STRIPS                                                                                                         \
  {OWN(strip_8x1), OWN(strip_8x2), OWN(strip_8x3), OWN(strip_6x4)},                                                    \
    {OWN(strip_8x1), OWN(strip_8x2), OWN(asking_8x3), OWN(asking_6x4)},                                                \
    {OWN(full_8x1), OWN(full_8x2), OWN(full_8x3), OWN(full_6x4)}
#else
STRIP_VARIANTS(6, 1) STRIP_VARIANTS(6, 2)
#define STRIPS                                                                                                         \
  {OWN(strip_6x1), OWN(strip_6x2)}, {OWN(strip_6x1), OWN(strip_6x2)}, {OWN(full_6x1), OWN(full_6x2)}
#endif
/* So many tiles of tile_rows(vectors) rows each, from t->a, t->c and (STRIP_FULL) t->partial on. */
FNN_INLINE void OWN(tile_strip)(const OWN(tile) * t, int64_t tiles, int vectors) {
  static void (*const variants[3][TILE_VECTORS])(const OWN(tile) *, int64_t) = {STRIPS};
  variants[t->strip][vectors - 1](t, tiles);
}
#undef STRIPS
#undef STRIP_VARIANTS
#undef STRIP_VARIANT

/* How many of the last k rows of a row-major B a panel may not read in place, because its whole vectors reach past
 * the last row's end: `cols` columns are valid from the panel's first on and row_stride >= cols. */
FNN_INLINE int64_t OWN(tile_tail)(int64_t cols, int64_t row_stride) {
  return fnn_ceil_div(fnn_round_up(cols, N) - cols, row_stride);
}

/* The bias of a panel as whole vectors in `space` (of the panel's vectors, aligned); NULL when there is none. */
FNN_INLINE const T *OWN(tile_bias)(const T *bias, tile_panel panel, T *space) {
  if (!bias) return NULL;
  memset(space, 0, sizeof(T) * (size_t)(panel.vectors * N));
  memcpy(space, bias + panel.begin, sizeof(T) * (size_t)panel.cols);
  return space;
}
