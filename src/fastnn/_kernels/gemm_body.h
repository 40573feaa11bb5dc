/* gemm_body.h: the products of gemm.c, for float32 and for float64.
 *
 * A unit is a block of rows by a panel of columns, or a few of them (by a range of k when k is cut). A panel of B stays
 * in cache while the block's tiles pass over it. What must be packed is kept in scratch from unit to unit: neighbours
 * share it. */

/* A thread's scratch: a packed panel of B, what tiles have copied of the next one, its bias, a packed block of A or
 * rows of a panel that are columns of C, the unit's sums between blocks of k, its rows of a C that is not stored. */
typedef struct {
  T *b, *next, *bias, *a, *partial, *tile;
  const T *next_of;  /* where in B that is */
  int64_t next_rows; /* so many rows of it; 0: none */
  int is_symmetric;    /* see gemm_is_symmetric */
  int64_t first_panel; /* that the thread does of a phase, where it asks for A; else -1 */
  int64_t *b_of; /* number of the (batch, split, panel) that is packed; -1: none; from chunk to chunk of a thread */
  char *program;
} OWN(gemm_scratch);

static int64_t OWN(gemm_a_elements)(const OWN(gemm_cut) * c) {
  if (c->turns_back) return fnn_min(c->m, c->rows) * c->widest * N;
  if (c->way != GEMM_PACKED_A || c->packs_all) return 0;
  const int64_t tiles = fnn_round_up(c->rows, GEMM_PACKED_HEIGHT);
  return fnn_round_up((OWN(gemm_is_broad)(c) ? OWN(gemm_packed_row)(c->rows) : tiles) * c->k_block, FNN_ALIGN);
}
static int64_t OWN(gemm_scratch_elements)(const OWN(gemm_cut) * c) {
  /* The last tile keeps sums for all its rows, valid or not. */
  const int64_t rows = c->way == GEMM_STREAM ? c->m : c->rows > 1 ? fnn_round_up(c->rows, TILE_BLOCK) : 1;
  const int64_t sums = rows * c->group * fnn_max(OWN(TILE_COLS), c->widest * N);
  const int64_t products = c->b_elements + c->widest * N + OWN(gemm_a_elements)(c) + sums;
  const int64_t bias = c->splits > 1 ? fnn_round_up(c->n, N) : 0; /* all, in their place, where splits are added */
  return fnn_round_up(FNN_ALIGN + fnn_max(products, bias), FNN_ALIGN);
}

/* A unit's rows of a C that only the program reads. */
static int64_t OWN(gemm_tile_elements)(const OWN(gemm_cut) * c) {
  return c->keeps_tile ? fnn_round_up(fnn_min(c->m, c->rows) * c->n, FNN_ALIGN) : 0;
}

/* From a row of an A that is turned as a whole to the next: not a power of two, whose rows share sets of the caches. */
static int64_t OWN(gemm_copied_row)(const OWN(gemm_cut) * c) { return fnn_round_up(c->k, N) + N; }

/* Rows of C of all of the batch, and its columns: where one column is done as a row, C is that. */
static int64_t OWN(gemm_c_rows)(const OWN(gemm_cut) * c) { return c->turns_back ? c->n : c->batches * c->m; }
static int64_t OWN(gemm_c_cols)(const OWN(gemm_cut) * c) { return c->turns_back ? c->m : c->n; }
/* What a split of k leaves, the first one where the result is to be: C, and a row of sums of columns. */
static int64_t OWN(gemm_partial_elements)(const OWN(gemm_cut) * c) {
  return (OWN(gemm_c_rows)(c) + c->sums_columns) * OWN(gemm_c_cols)(c);
}

/* Rows of C of a unit that adds splits of k. */
static int64_t OWN(gemm_added_rows)(const OWN(gemm_cut) * c) {
  return fnn_max(1, GEMM_ADDED_BYTES / (c->splits * fnn_max(1, OWN(gemm_c_cols)(c)) * (int64_t)sizeof(T)));
}

/* Of an A that is packed as a whole: blocks of rows of whole tiles, each of blocks of k. */
static int64_t OWN(gemm_packed_elements)(const OWN(gemm_cut) * c) {
  return fnn_round_up(c->row_blocks * c->rows * c->k, FNN_ALIGN);
}

COMMON
static void OWN(gemm_size)(const int64_t *ints, fnn_work *work) {
  int64_t space[GEMM_INTS];
  const OWN(gemm_cut) c = OWN(gemm_cut_of)(ints, space);
  const double m = (double)c.m, n = (double)c.n, k = (double)c.k, batches = (double)c.batches;
  int64_t tiles = c.batches * c.row_blocks * c.groups;
  work->phases = c.splits > 1 || c.way == GEMM_COPIED_A || c.way == GEMM_COPIED_B || c.packs_all ? 2 : 1;
  work->units[0] = c.way == GEMM_COPIED_A ? c.row_blocks : tiles * c.splits;
  if (c.way == GEMM_COPIED_B) work->units[0] = c.panels;
  if (c.packs_all) work->units[0] = c.row_blocks + c.panels;
  work->units[1] = c.splits > 1 ? fnn_ceil_div(OWN(gemm_c_rows)(&c) + c.sums_columns, OWN(gemm_added_rows)(&c)) : tiles;
  work->scratch_bytes = (OWN(gemm_scratch_elements)(&c) + OWN(gemm_tile_elements)(&c)) * (int64_t)sizeof(T);
  work->memo_bytes = GEMM_MEMO;
  if (ints[GEMM_EPILOGUE]) {
    work->scratch_bytes += fnn_program_scratch(ints + ints[GEMM_EPILOGUE], sizeof(T));
    work->memo_bytes += fnn_program_memo(ints + ints[GEMM_EPILOGUE]);
  }
  if (c.splits > 1) work->shared_bytes = (c.splits - 1) * OWN(gemm_partial_elements)(&c) * (int64_t)sizeof(T);
  if (c.way == GEMM_COPIED_A) work->shared_bytes = c.m * OWN(gemm_copied_row)(&c) * (int64_t)sizeof(T);
  if (c.way == GEMM_COPIED_B) work->shared_bytes = c.panels * c.k * c.widest * FNN_VECTOR_BYTES;
  if (c.packs_all)
    work->shared_bytes = (OWN(gemm_packed_elements)(&c) + c.panels * c.k * c.widest * N) * (int64_t)sizeof(T);
  work->flops = 2 * batches * m * n * k;
  work->bytes = batches * (m * k + k * n + m * n) * (double)sizeof(T);
}

/* Where rows [begin, end) of B's panel are read in place; the last rows, whose whole vectors would reach past the end
 * of B, are copied to `space`. Returns the number of segments. */
static int OWN(gemm_segments_in_place)(OWN(tile_segment) * s, const OWN(gemm_cut) * c, const int64_t *ints, const T *b,
                                       int64_t begin, int64_t end, tile_panel panel, int64_t a_step, T *space) {
  const int64_t b_row = ints[GEMM_B_ROW], width = panel.vectors * N;
  int64_t tail = panel.cols < width ? OWN(tile_tail)(panel.cols, b_row) : 0;
  int64_t in_place = fnn_max(begin, fnn_min(end, c->k - tail));
  int n = 0;
  if (in_place > begin)
    s[n++] = (OWN(tile_segment)){b + panel.begin + begin * b_row, b_row, 0, in_place - begin};
  if (in_place < end) {
    OWN(pack_panel)(space, b + in_place * b_row, b_row, 1, end - in_place, panel);
    s[n++] = (OWN(tile_segment)){space, width, (in_place - begin) * a_step, end - in_place};
  }
  return n;
}

/* sum[j] += the sum of k rows of B's vector j: four rows at once, as one waits for each addition; few of them in turn,
 * as tiles and GEMM_OUTER sum them, or a program that takes a product from one way to another would change its bits. */
FNN_INLINE void OWN(gemm_add_rows)(V *sum, const T *b, int64_t b_row, int64_t k, const int vectors) {
  const int is_long = k > GEMM_OUTER_K;
  V all[2];
#pragma GCC unroll 2
  for (int j = 0; j < vectors; j++) all[j] = sum[j];
  for (; is_long && k >= 4; k -= 4, b += 4 * b_row)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++)
      all[j] += (FN(load)(b + j * N) + FN(load)(b + b_row + j * N)) +
                (FN(load)(b + 2 * b_row + j * N) + FN(load)(b + 3 * b_row + j * N));
  for (; k > 0; k--, b += b_row)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) all[j] += FN(load)(b + j * N);
#pragma GCC unroll 2
  for (int j = 0; j < vectors; j++) sum[j] = all[j];
}

/* The sum over k of a panel of B: to `out`, or added to what is there. */
static __attribute__((noinline)) void OWN(gemm_add_columns)(T *out, int adds, const OWN(tile_segment) * s,
                                                            int64_t n_segments, tile_panel panel) {
  V sum[TILE_ROW_VECTORS] = {{0}};
  if (adds) memcpy(sum, out, sizeof(T) * (size_t)panel.cols);
  for (int64_t i = 0; i < n_segments; i++) {
    int j = 0;
    for (; j + 2 <= panel.vectors; j += 2) OWN(gemm_add_rows)(sum + j, s[i].b + j * N, s[i].b_stride, s[i].k, 2);
    if (j < panel.vectors) OWN(gemm_add_rows)(sum + j, s[i].b + j * N, s[i].b_stride, s[i].k, 1);
  }
  memcpy(out, sum, sizeof(T) * (size_t)panel.cols);
}

/* The same of a turned product: of k numbers. */
COMMON
static __attribute__((noinline)) void OWN(gemm_add_numbers)(T *out, int adds, const T *a, int64_t a_col, int64_t k) {
  T sum = adds ? *out : 0;
  for (; k >= 4; k -= 4, a += 4 * a_col) sum += (a[0] + a[a_col]) + (a[2 * a_col] + a[3 * a_col]);
  for (; k > 0; k--, a += a_col) sum += *a;
  *out = sum;
}

/* Rows [0, rows) and k [0, k) of an A that is contiguous along its rows, `stride` apart. */
static __attribute__((noinline)) void OWN(gemm_pack_a)(T *out, int64_t stride, const T *a, int64_t a_col, int64_t rows,
                                                       int64_t k) {
  for (int64_t i = 0; i < k; i++, a += a_col, out += stride) {
    int64_t j = 0;
    for (; j + N <= rows; j += N) FN(store)(out + j, FN(load)(a + j));
    if (j < rows) FN(store)(out + j, FN(load_part)(a + j, rows - j));
  }
}

/* The same for narrow panels: tile after tile of GEMM_PACKED_HEIGHT rows, of which each is all that its products read
 * of A, a stream that stays in L1 beside its panel. A few steps of k at a time, as these lie pages apart; two elements
 * more than the rows of a tile are as soon stored, where the next step's come over them. */
static __attribute__((noinline)) void OWN(gemm_pack_tiles)(T *out, const T *a, int64_t a_col, int64_t rows, int64_t k) {
  const int64_t height = GEMM_PACKED_HEIGHT, whole = fnn_max(0, rows - 2) / height;
  for (int64_t first = 0; first < k; first += GEMM_PACKED_STEPS) {
    const int64_t end = fnn_min(k, first + GEMM_PACKED_STEPS);
    const T *from = a + first * a_col;
    T *to = out + first * height;
    for (int64_t tile = 0; tile < whole; tile++, from += height, to += height * k) {
      int64_t i = 0;
      for (; i < fnn_min(end, k - 1) - first; i++)
        memcpy(to + i * height, from + i * a_col, (GEMM_PACKED_HEIGHT + 2) * sizeof(T));
      if (end == k) memcpy(to + i * height, from + i * a_col, GEMM_PACKED_HEIGHT * sizeof(T));
    }
    for (int64_t row = whole * height; row < rows; row += height, from += height, to += height * k)
      for (int64_t i = 0; i < end - first; i++) {
        if (rows - row >= height) memcpy(to + i * height, from + i * a_col, GEMM_PACKED_HEIGHT * sizeof(T));
        else memcpy(to + i * height, from + i * a_col, (size_t)(rows - row) * sizeof(T));
      }
  }
}

/* The bias of a panel: of a turned product one number for all. */
static const T *OWN(gemm_bias)(const OWN(gemm_cut) * c, const T *bias, tile_panel panel, T *space) {
  if (!bias || !c->is_turned || c->turns_back) return OWN(tile_bias)(bias, panel, space);
  for (int64_t i = 0; i < panel.vectors * N; i++) space[i] = bias[0];
  return space;
}

/* sums[0..rows, j) += a[0..rows, 0..ways) @ b[0..ways, j), in this order, of a vector of columns. */
FNN_INLINE void OWN(gemm_stream_step)(T *sums, int64_t row, const V x[][GEMM_STREAM_WAYS], const V *b, const int rows,
                                      const int ways) {
  V sum[GEMM_STREAM_ROWS];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) sum[i] = FN(load)(sums + i * row);
#pragma GCC unroll 4
  for (int w = 0; w < ways; w++)
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) sum[i] += x[i][w] * b[w];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) FN(store)(sums + i * row, sum[i]);
}

/* The same of all columns, of which whole vectors of sums are kept. */
FNN_INLINE void OWN(gemm_stream_rows)(T *sums, const T *const *a, int64_t k, int64_t a_col, const T *b, int64_t b_row,
                                      int64_t cols, const int asks, const int rows, const int ways) {
  const int64_t line = FNN_ALIGN / (int64_t)sizeof(T), row = fnn_round_up(cols, N);
  const T *ahead = b + GEMM_STREAM_LATER * b_row;
  V x[GEMM_STREAM_ROWS][GEMM_STREAM_WAYS], y[GEMM_STREAM_WAYS];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int w = 0; w < ways; w++) x[i][w] = FN(splat)(a[i][(k + w) * a_col]);
  int64_t col = 0;
  for (; col + line <= cols; col += line) {
#pragma GCC unroll 4
    for (int w = 0; asks && w < ways; w++) __builtin_prefetch(ahead + w * b_row + col, 0, 2);
#pragma GCC unroll 4
    for (int64_t j = col; j < col + line; j += N) {
#pragma GCC unroll 4
      for (int w = 0; w < ways; w++) y[w] = FN(load)(b + w * b_row + j);
      /* The compiler would rather load them for each row: AVX-512 code, whose vectors are lines, waits for that. */
      if (FNN_VECTOR_BYTES == FNN_ALIGN && rows > 1) __asm__ volatile("" ::: "memory");
      OWN(gemm_stream_step)(sums + j, row, x, y, rows, ways);
    }
  }
  for (; col < cols; col += N) {
    const int64_t n = cols - col;
    for (int w = 0; w < ways; w++) y[w] = n < N ? FN(load_part)(b + w * b_row + col, n) : FN(load)(b + w * b_row + col);
    OWN(gemm_stream_step)(sums + col, row, x, y, rows, ways);
  }
}

/* Rows of A, a constant number, by rows of B, four at a time. A panel's part of each row would keep its sums in
 * registers, but such parts of a B that is not in the L2 cache are no stream that the hardware would fetch ahead. What
 * comes from memory it fetches too late: rows of B ask for later ones. */
FNN_INLINE void OWN(gemm_stream_of)(T *sums, const T *const *a, int64_t a_col, const T *b, int64_t b_row, int64_t k,
                                    int64_t cols, const int asks, const int rows) {
  int64_t i = 0;
  for (; i + GEMM_STREAM_WAYS <= k; i += GEMM_STREAM_WAYS)
    OWN(gemm_stream_rows)(sums, a, i, a_col, b + i * b_row, b_row, cols, asks, rows, GEMM_STREAM_WAYS);
  for (; i < k; i++) OWN(gemm_stream_rows)(sums, a, i, a_col, b + i * b_row, b_row, cols, asks, rows, 1);
}

/* Of few rows those of a smaller B ask too. */
static __attribute__((noinline)) void OWN(gemm_stream)(T *sums, const T *const *a, int64_t a_col, const T *b,
                                                       int64_t b_row, int64_t k, int64_t cols, int64_t rows,
                                                       int asks) {
  memset(sums, 0, (size_t)(rows * fnn_round_up(cols, N)) * sizeof(T));
  if (rows == 1 && !asks) OWN(gemm_stream_of)(sums, a, a_col, b, b_row, k, cols, 0, 1);
  else if (rows == 1) OWN(gemm_stream_of)(sums, a, a_col, b, b_row, k, cols, 1, 1);
  else if (rows == 2) OWN(gemm_stream_of)(sums, a, a_col, b, b_row, k, cols, 1, 2);
  else if (rows == 3) OWN(gemm_stream_of)(sums, a, a_col, b, b_row, k, cols, 1, 3);
  else OWN(gemm_stream_of)(sums, a, a_col, b, b_row, k, cols, 1, 4);
}

/* A vector of `cols` columns, or of as many as there are, of some rows of C: x @ b, or max(x @ b + bias, floor). */
FNN_INLINE void OWN(gemm_outer_step)(T *const *to, const V *x, const T *b, int64_t j, int64_t cols, const T *bias,
                                     V floor, const int is_plain, const int rows, const int k) {
  V y[TILE_MOST_ROWS] = {{0}}; /* as in tiles: of two products alone either may be the one that is rounded */
#pragma GCC unroll 14
  for (int w = 0; w < k; w++) {
    const V row = FN(load)(b + w * OWN(gemm_outer_row)(k) + j);
    if (rows > 1) __asm__ volatile("" ::: "memory"); /* the compiler would rather load it for each row */
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) y[i] += x[i * k + w] * row;
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    if (!is_plain && bias) y[i] += FN(load)(bias + j);
    if (!is_plain) y[i] = FN(max)(floor, y[i]);
    if (cols < N) FN(store_part)(to[i] + j, y[i], cols);
    else FN(store)(to[i] + j, y[i]);
  }
}

/* c[0..rows, 0..cols), where b is k rows in L1: rows of C are streams, and what they share of A stays in registers. */
FNN_INLINE void OWN(gemm_outer_rows)(T *c, int64_t c_row, const T *a, int64_t a_row, int64_t a_col, const T *b,
                                     int64_t cols, const T *bias, T floor, const int rows, const int k) {
  V x[TILE_MOST_SUMS];
  T *to[TILE_MOST_ROWS];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    to[i] = c + i * c_row;
    const T *from = a + i * a_row;
#pragma GCC unroll 14
    for (int w = 0; w < k; w++, from += a_col) {
      __asm__("" : "+r"(from)); /* one register, not one for each number */
      x[i * k + w] = FN(splat)(*from);
    }
  }
  const V least = FN(splat)(floor);
  int64_t j = 0;
  if (rows == 1 || bias || floor != -(T)INFINITY) { /* a single row has more to do for each vector */
    for (; j + N <= cols; j += N) OWN(gemm_outer_step)(to, x, b, j, N, bias, least, 0, rows, k);
  } else {
#pragma GCC unroll 2
    for (; j + N <= cols; j += N) OWN(gemm_outer_step)(to, x, b, j, N, NULL, least, 1, rows, k);
  }
  if (j < cols) OWN(gemm_outer_step)(to, x, b, j, cols - j, bias, least, 0, rows, k);
}

#define OUTER(k, most)                                                                                                 \
  COMMON static __attribute__((noinline)) void OWN(gemm_outer_##k)(T * c, int64_t c_row, const T *a, int64_t a_row,    \
                                                                   int64_t a_col, const T *b, int64_t rows,            \
                                                                   int64_t cols, const T *bias, T floor) {             \
    for (; rows >= most; rows -= most, c += most * c_row, a += most * a_row)                                           \
      OWN(gemm_outer_rows)(c, c_row, a, a_row, a_col, b, cols, bias, floor, most, k);                                  \
    for (; most > 1 && rows > 0; rows--, c += c_row, a += a_row)                                                       \
      OWN(gemm_outer_rows)(c, c_row, a, a_row, a_col, b, cols, bias, floor, 1, k);                                     \
  }
/* As many rows as leave registers for their sums beside their part of A. */
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
OUTER(1, 2) OUTER(2, 4) OUTER(3, 4) OUTER(4, 4) OUTER(5, 4) OUTER(6, 4) OUTER(7, 3) OUTER(8, 3) OUTER(9, 2)
OUTER(10, 2) OUTER(11, 2) OUTER(12, 2)
#define OUTER_LONGEST
#else
OUTER(1, 2) OUTER(2, 4) OUTER(3, 3) OUTER(4, 2) OUTER(5, 2) OUTER(6, 2) OUTER(7, 1) OUTER(8, 1) OUTER(9, 1)
OUTER(10, 1) OUTER(11, 1) OUTER(12, 1) OUTER(13, 1) OUTER(14, 1)
#define OUTER_LONGEST OWN(gemm_outer_13), OWN(gemm_outer_14),
#endif
#undef OUTER

/* c[0..rows, 0..cols) = a[0..rows) b[0..cols), each stored once and not read before. A load waits for the last store to
 * an address with the same 12 low bits: b is copied to where that is half of them back, in `space`. */
static __attribute__((noinline)) void OWN(gemm_outer_column)(T *c, int64_t c_row, const T *a, int64_t a_row, const T *b,
                                                             int64_t rows, int64_t cols, T *space) {
  const uintptr_t apart = (uintptr_t)c - (uintptr_t)space + GEMM_ALIASES / 2;
  space += apart % GEMM_ALIASES / sizeof(T);
  memcpy(space, b, (size_t)cols * sizeof(T));
  memset(space + cols, 0, N * sizeof(T));
  for (int64_t i = 0; i < rows; i++, c += c_row) {
    const V x = FN(splat)(a[i * a_row]);
    int64_t j = 0;
#pragma GCC unroll 4
    for (; j + N <= cols; j += N) FN(store)(c + j, x * FN(load)(space + j));
    if (j < cols) FN(store_part)(c + j, x * FN(load)(space + j), cols - j);
  }
}

/* The same of a few columns of A by as many rows of B. */
COMMON
static __attribute__((noinline)) void OWN(gemm_outer)(T *c, int64_t c_row, const T *a, int64_t a_row, int64_t a_col,
                                                      const T *b, int64_t b_row, int64_t b_col, int64_t rows,
                                                      int64_t cols, int64_t k, const T *bias, T floor, T *sums,
                                                      T *space) {
  static void (*const variants[GEMM_OUTER_K])(T *, int64_t, const T *, int64_t, int64_t, const T *, int64_t, int64_t,
                                              const T *, T) = {
    OWN(gemm_outer_1), OWN(gemm_outer_2), OWN(gemm_outer_3), OWN(gemm_outer_4),  OWN(gemm_outer_5),  OWN(gemm_outer_6),
    OWN(gemm_outer_7), OWN(gemm_outer_8), OWN(gemm_outer_9), OWN(gemm_outer_10), OWN(gemm_outer_11), OWN(gemm_outer_12),
    OUTER_LONGEST
  };
  const uintptr_t apart = (uintptr_t)c - (uintptr_t)space + GEMM_ALIASES / 2;
  space += apart % GEMM_ALIASES / sizeof(T);
  const int64_t width = OWN(gemm_outer_row)(k);
  if (b_col != 1) OWN(pack_transposed)(space, width, b, b_col, k, cols);
  for (int64_t w = 0; b_col == 1 && w < k; w++) {
    memcpy(space + w * width, b + w * b_row, (size_t)cols * sizeof(T));
    memset(space + w * width + cols, 0, N * sizeof(T));
  }
  variants[k - 1](c, c_row, a, a_row, a_col, space, rows, cols, bias, floor);
  if (sums) memcpy(sums, space, (size_t)cols * sizeof(T));
  for (int64_t w = 1; sums && w < k; w++)
    for (int64_t j = 0; j < cols; j++) sums[j] += space[w * width + j];
}
#undef OUTER_LONGEST

/* The columns of panels [begin, end). */
COMMON
static tile_panel OWN(gemm_columns)(const OWN(gemm_cut) * c, int64_t begin, int64_t end) {
  const tile_panel last = tile_panel_of(c->n, N, c->widest, end - 1);
  tile_panel all = tile_panel_of(c->n, N, c->widest, begin);
  all.cols = last.begin + last.cols - all.begin;
  return all;
}

/* Panels [begin, end) of k rows of B, k * widest * N elements apart. A few rows at a time: the lines of several panels
 * follow each other, where those of a narrow one lie a row apart; the next rows are asked for, as pieces of rows are no
 * stream that the hardware sees. */
COMMON
static __attribute__((noinline)) void OWN(gemm_pack_b)(T *out, const OWN(gemm_cut) * c, const int64_t *ints,
                                                       const T *b, int64_t begin, int64_t end, int64_t k) {
  const int is_as_is = ints[GEMM_B_COL] == 1;
  const int64_t step = end - begin > 1 || is_as_is ? GEMM_PACKED_ROWS : k, b_row = ints[GEMM_B_ROW];
  for (int64_t i = 0; i < k; i += step)
    for (int64_t p = begin; p < end; p++) {
      const tile_panel panel = tile_panel_of(c->n, N, c->widest, p);
      T *to = out + (p - begin) * k * c->widest * N + i * panel.vectors * N;
      const T *from = b + i * b_row + panel.begin;
      if (is_as_is)
        OWN(gemm_prefetch_rows)(from + step * b_row, b_row, fnn_min(step, k - i - step), panel.cols, 0);
      OWN(pack_panel)(to, b + i * b_row, b_row, ints[GEMM_B_COL], fnn_min(step, k - i), panel);
    }
}

/* Units [begin, end) of the first phase where A and B are packed as a whole: blocks of rows of A, then panels. */
COMMON
static void OWN(gemm_pack_all)(const fnn_call *call, const OWN(gemm_cut) * c, int64_t begin, int64_t end) {
  T *shared = (T *)call->shared;
  for (int64_t unit = begin; unit < fnn_min(end, c->row_blocks); unit++) {
    const int64_t row = unit * c->rows, rows = fnn_min(c->rows, c->m - row), a_col = call->ints[GEMM_A_COL];
    for (int64_t k = 0; k < c->k; k += c->k_block)
      OWN(gemm_pack_tiles)(shared + row * c->k + k * c->rows, (const T *)call->buf[0] + row + k * a_col, a_col, rows,
                           fnn_min(c->k_block, c->k - k));
  }
  T *const out = shared + OWN(gemm_packed_elements)(c);
  for (int64_t p = fnn_max(begin - c->row_blocks, 0); p < end - c->row_blocks; p += GEMM_PACKED_PANELS)
    OWN(gemm_pack_b)(out + p * c->k * c->widest * N, c, call->ints, (const T *)call->buf[1], p,
                     fnn_min(end - c->row_blocks, p + GEMM_PACKED_PANELS), c->k);
}

/* B of dot products by few columns, those transposed: not again for the rows that follow. */
static __attribute__((noinline)) const T *OWN(gemm_dots_b)(const OWN(gemm_scratch) * scratch, int64_t b_of, const T *b,
                                                           int64_t b_row, int64_t cols, int64_t k) {
  if (*scratch->b_of != b_of) OWN(pack_transposed)(scratch->b, fnn_round_up(k, N), b, b_row, cols, k);
  *scratch->b_of = b_of;
  return scratch->b;
}

/* To the operands of batch z. */
FNN_INLINE void OWN(gemm_go_to)(const int64_t *ints, int64_t z, const T **a, const T **b) {
  for (int64_t d = GEMM_BATCH_DIMS - 1, rest = z; rest > 0; d--) { /* no division for the first one */
    const int64_t *dim = ints + GEMM_BATCH + 3 * d;
    *a += rest % dim[0] * dim[1];
    *b += rest % dim[0] * dim[2];
    rest /= dim[0];
  }
}

#include "gemm_small_body.h"

/* The result's factors and floor; of the first of several splits the factors, where C is read: it is so no more. */
FNN_INLINE void OWN(gemm_finish_by)(OWN(tile) * t, const fnn_call *call, const OWN(gemm_cut) * c, int64_t split) {
  if (c->splits > 1 && (split > 0 || call->reals[1] == 0)) return;
  t->alpha = (T)call->reals[0];
  t->beta = (T)call->reals[1];
  if (c->splits == 1 && call->ints[GEMM_RELU]) t->floor = 0;
}

#include "gemm_turned_body.h"

/* The first tile of a panel reads B as it lies, and stores it for the others. */
static void OWN(gemm_pack_first)(OWN(tile) * t, OWN(tile_segment) * segments, T *packed) {
  t->rows = TILE_COPYING_ROWS;
  t->ahead = segments[0].b + GEMM_FEW_AHEAD * segments[0].b_stride, t->ahead_skip = 0, t->copy = packed;
  OWN(tile_packing)(t);
  t->a += t->rows, t->c += t->rows, t->partial += t->rows * OWN(TILE_COLS);
  segments[0].b = packed, segments[0].b_stride = OWN(TILE_COLS);
}

/* A part of the products. */
COMMON
static void OWN(gemm_multiply)(const fnn_call *call, const OWN(gemm_cut) * c, OWN(gemm_scratch) * scratch,
                               const gemm_part *part) {
  const int64_t *ints = call->ints;
  const T *a = (const T *)call->buf[0], *b = (const T *)call->buf[1];
  const int64_t z = part->z, split = part->split, panel_begin = part->panel_begin, panel_end = part->panel_end;
  OWN(gemm_go_to)(ints, z, &a, &b);
  const int64_t row_begin = part->block * c->rows, rows = fnn_min(c->m, part->block_end * c->rows) - row_begin;
  const int64_t k_begin = split * c->split_k, k_end = fnn_min(c->k, k_begin + c->split_k);
  const int is_bare = !call->buf[3] && !ints[GEMM_RELU];
  if (c->way == GEMM_OUTER && call->reals[0] == 1 && call->reals[1] == 0) {
    const tile_panel all = OWN(gemm_columns)(c, panel_begin, panel_end);
    T *to = (T *)call->buf[2] + (z * c->m + row_begin) * c->n + all.begin;
    T *sums = c->sums_columns && part->block == 0 ? (T *)call->buf[4] + all.begin : NULL;
    a += row_begin * ints[GEMM_A_ROW];
    if (c->k == 1 && is_bare) {
      OWN(gemm_outer_column)(to, c->n, a, ints[GEMM_A_ROW], b + all.begin, rows, all.cols, scratch->b);
      if (sums) memcpy(sums, b + all.begin, (size_t)all.cols * sizeof(T));
      return;
    }
    /* All of a unit's bias: what follows in scratch has no use here. */
    const T *bias = OWN(gemm_bias)(c, (const T *)call->buf[3], all, scratch->bias);
    b += all.begin * ints[GEMM_B_COL];
    OWN(gemm_outer)(to, c->n, a, ints[GEMM_A_ROW], ints[GEMM_A_COL], b, ints[GEMM_B_ROW], ints[GEMM_B_COL], rows,
                    all.cols, c->k, bias, ints[GEMM_RELU] ? 0 : -INFINITY, sums, scratch->b);
    return;
  }
  const int whole = c->splits == 1, is_symmetric = scratch->is_symmetric;
  const int sums = c->sums_columns && !c->is_turned && part->block_end == c->row_blocks;

  OWN(tile_segment) segments[GEMM_K_MOST / GEMM_AHEAD_STEPS + 2];
  OWN(tile) t = {.a_stride = ints[GEMM_A_COL], .segments = segments, .alpha = 1, .floor = -INFINITY};
  T *out = (T *)call->buf[2], *column_sum = (T *)call->buf[4];
  if (split > 0) {
    out = (T *)call->shared + (split - 1) * OWN(gemm_partial_elements)(c);
    column_sum = out + c->batches * c->m * c->n;
  }
  if (!c->turns_back) OWN(gemm_finish_by)(&t, call, c, split);
  const int is_as_is = t.alpha == 1 && t.beta == 0 && !(whole && call->buf[3]) && t.floor == -(T)INFINITY;
  const int is_scaled = t.alpha != 1 || t.beta != 0;
  const T *a_rows[GEMM_MOST_ROWS];
  T *c_rows[GEMM_MOST_ROWS];
  const int64_t c_row = c->turns_back ? c->widest * N : c->n;
  T *first_row = c->turns_back ? scratch->a : c->keeps_tile ? scratch->tile : out + (z * c->m + row_begin) * c->n;
  for (int64_t i = 0; i < rows; i++) c_rows[i] = first_row + i * c_row;
  for (int64_t i = rows; i < fnn_round_up(rows, TILE_BLOCK); i++) c_rows[i] = c_rows[rows - 1];

  int64_t k = k_begin;
  do { /* once even when k is zero: the result is then bias + beta * c */
    const int64_t k_next = fnn_min(k_end, k + c->k_block);
    t.resumes = k > k_begin;
    t.continues = k_next < k_end;
    t.partial = scratch->partial;
    const int prefetches = whole && !t.continues && !c->turns_back && !c->keeps_tile && OWN(gemm_is_far)(c);
    const T *from = a + row_begin * ints[GEMM_A_ROW] + k * ints[GEMM_A_COL];
    const int packs_tiles = c->way == GEMM_PACKED_A && !OWN(gemm_is_broad)(c);
    if (packs_tiles) t.a_stride = GEMM_PACKED_HEIGHT;
    if (c->packs_all) {
      from = (const T *)call->shared + row_begin * c->k + k * c->rows;
    } else if (packs_tiles) {
      OWN(gemm_pack_tiles)(scratch->a, from, ints[GEMM_A_COL], rows, k_next - k);
    } else if (c->way == GEMM_PACKED_A) {
      t.a_stride = OWN(gemm_packed_row)(rows);
      OWN(gemm_pack_a)(scratch->a, t.a_stride, from, ints[GEMM_A_COL], rows, k_next - k);
    }
    if (c->way == GEMM_PACKED_A && !c->packs_all) from = scratch->a;
    for (int64_t i = 0; c->sums_columns && c->is_turned && panel_begin == 0 && i < rows; i++)
      OWN(gemm_add_numbers)(column_sum + i, t.resumes, from + i * ints[GEMM_A_ROW], ints[GEMM_A_COL], k_next - k);
    int64_t a_row = ints[GEMM_A_ROW];
    if (c->way == GEMM_COPIED_A) {
      a_row = OWN(gemm_copied_row)(c);
      t.a_stride = 1;
      from = (const T *)call->shared + row_begin * a_row + k;
    }
    for (int64_t i = 0; i < rows; i++) a_rows[i] = from + i * a_row;
    for (int64_t i = 0; packs_tiles && i < rows; i++)
      a_rows[i] = from + i / GEMM_PACKED_HEIGHT * (k_next - k) * GEMM_PACKED_HEIGHT + i % GEMM_PACKED_HEIGHT;
    for (int64_t i = rows; i < fnn_round_up(rows, TILE_BLOCK); i++) a_rows[i] = a_rows[rows - 1];
    tile_panel all = {0};
    if (c->way == GEMM_STREAM) {
      all = OWN(gemm_columns)(c, panel_begin, panel_end);
      const int asks = c->n * c->k * (int64_t)sizeof(T) >= GEMM_STREAM_BYTES;
      OWN(gemm_stream)(t.partial, a_rows, ints[GEMM_A_COL], b + all.begin + k * ints[GEMM_B_ROW], ints[GEMM_B_ROW],
                       k_next - k, all.cols, rows, asks);
    }
    for (int64_t panel_index = panel_begin; panel_index < panel_end; panel_index++) {
      const tile_panel panel = tile_panel_of(c->n, N, c->widest, panel_index);
      if (is_symmetric && OWN(gemm_is_mirrored)(panel, row_begin)) continue;
      const int64_t height = tile_rows(panel.vectors);
      if (whole && !c->turns_back) t.bias = OWN(gemm_bias)(c, (const T *)call->buf[3], panel, scratch->bias);
      t.cols = panel.cols;
      if (c->way == GEMM_STREAM) {
        const T *sums = t.partial + panel.begin - all.begin;
        for (int64_t i = 0; i < rows; i++, sums += fnn_round_up(all.cols, N))
          OWN(tile_finish_row)(&t, sums, c_rows[i] + panel.begin);
        continue;
      }
      if (c->way == GEMM_DOTS) {
        const T *from_b = b + panel.begin * ints[GEMM_B_COL] + k * ints[GEMM_B_ROW];
        int64_t b_col = ints[GEMM_B_COL];
        if (c->packs_b) {
          b_col = fnn_round_up(k_next - k, N);
          from_b = OWN(gemm_dots_b)(scratch, z * c->splits + split, from_b, ints[GEMM_B_ROW], t.cols, k_next - k);
        }
        const int asks = c->asks == GEMM_ASKS_COLUMNS;
        if (c->m > 1 && is_as_is) { /* no sums to finish */
          OWN(dots)(c_rows[0] + panel.begin, c_row, a_rows, rows, from_b, b_col, k_next - k, t.cols, asks);
          continue;
        }
        if (c->m == 1 && asks) OWN(gemm_dots_stream)(t.partial, a_rows, from_b, b_col, k_next - k, t.cols);
        else if (c->m == 1) OWN(gemm_dots_row)(t.partial, a_rows, from_b, b_col, k_next - k, t.cols);
        else OWN(dots)(t.partial, OWN(TILE_COLS), a_rows, rows, from_b, b_col, k_next - k, t.cols, asks);
        for (int64_t i = 0; i < rows; i++)
          OWN(tile_finish_row)(&t, t.partial + i * OWN(TILE_COLS), c_rows[i] + panel.begin);
        continue;
      }
      const int packs_first =
        FNN_VECTOR_BYTES == 32 && c->way == GEMM_FEW && c->packs_b && panel.cols == OWN(TILE_COLS);
      if (c->way == GEMM_COPIED_B || c->packs_all) {
        const T *all_b = (const T *)call->shared + (c->packs_all ? OWN(gemm_packed_elements)(c) : 0);
        const T *packed = all_b + panel_index * c->k * c->widest * N + k * panel.vectors * N;
        segments[0] = (OWN(tile_segment)){packed, panel.vectors * N, 0, k_next - k};
        t.n_segments = 1;
      } else if (packs_first) {
        segments[0] = (OWN(tile_segment)){b + panel.begin + k * ints[GEMM_B_ROW], ints[GEMM_B_ROW], 0, k_next - k};
        t.n_segments = 1;
        *scratch->b_of = -1;
      } else if (c->packs_b) {
        const int64_t first = c->packs_group ? panel_begin : panel_index, end = c->packs_group ? panel_end : first + 1;
        const int64_t b_of = (z * c->splits + split) * c->panels + first;
        const T *from_b = b + k * ints[GEMM_B_ROW];
        if (scratch->next_rows && scratch->next_of == from_b + panel.begin) {
          T *const packed = scratch->b;
          const int64_t done = scratch->next_rows;
          scratch->b = scratch->next, scratch->next = packed;
          OWN(gemm_pack_b)(scratch->b + done * panel.vectors * N, c, ints, from_b + done * ints[GEMM_B_ROW], first, end,
                           k_next - k - done);
        } else if (*scratch->b_of != b_of) {
          OWN(gemm_pack_b)(scratch->b, c, ints, from_b, first, end, k_next - k);
        }
        *scratch->b_of = c->split_k <= c->k_block ? b_of : -1; /* all of a range may serve the next unit too */
        const T *packed = scratch->b + (panel_index - first) * (k_next - k) * c->widest * N;
        segments[0] = (OWN(tile_segment)){packed, panel.vectors * N, 0, k_next - k};
        t.n_segments = 1;
      } else {
        t.n_segments = OWN(gemm_segments_in_place)(segments, c, ints, b, k, k_next, panel, t.a_stride, scratch->b);
      }
      t.c_column = c->turns_back ? 0 : panel.begin;
      t.ahead_lines = 0;
      const int is_strip = OWN(tile_fits_strip)(&t, panel.vectors) && !c->copies;
      int64_t lines = 0;
      if (c->way == GEMM_AHEAD)
        lines = OWN(gemm_ask_ahead)(&t, c, b + k_next * ints[GEMM_B_ROW], fnn_min(c->k, k_next + c->k_block) - k_next,
                                    panel_index, fnn_ceil_div(rows, height));
      if (c->way == GEMM_AHEAD && !is_strip) OWN(gemm_cut_asking)(&t, segments, lines);
      /* A tile of one or two rows waits for B: the last 7 or 8 are 4 and 4 then, not 6 and 2. */
      const int is_lone = height == 6 && rows > height && rows % height > 0 && rows % height <= 2;
      const int64_t tiles = rows / height - is_lone, least = is_lone ? 4 : height;
      /* By the last tile, where it is a low one. */
      const int64_t last = rows - tiles * height - is_lone * least;
      const int is_summing = sums && last > 0 && last <= TILE_SUMMING_ROWS && panel.vectors <= TILE_VECTORS;
      if (sums) t.column_sums = column_sum + panel.begin;
      if (sums && !is_summing) OWN(gemm_add_columns)(t.column_sums, t.resumes, segments, t.n_segments, panel);
      OWN(gemm_ask) asked[GEMM_MOST_ASKS] = {{0}};
      if (c->asks == GEMM_ASKS_NEXT)
        OWN(gemm_ask_next)(asked, c, ints, a, b, k_begin, k_next, k_end, panel_index);
      else if (c->asks == GEMM_ASKS_PACKED)
        OWN(gemm_ask_packed)(asked, c, ints, a, b, part, k_begin, k, k_end, panel_index);
      else if (c->asks == GEMM_ASKS_PANEL || c->asks == GEMM_ASKS_SPLIT)
        OWN(gemm_ask_shared)(asked, c, ints, a, b, k, k_next, panel_index, part, panel_index == scratch->first_panel);
      else if (c->asks == GEMM_ASKS_BESIDE)
        OWN(gemm_ask_beside)(asked, c, ints, b, part, k, k_next, panel_index);
      else if (c->asks == GEMM_ASKS_ROWS)
        OWN(gemm_ask_rows_of)(asked, c, ints, a, call->buf, part, k_begin, k_next, k_end, panel_index);
      const int is_amid = t.continues && panel_index + 1 < panel_end;
      if (c->way == GEMM_COPIED_B && is_amid) /* for the same part of the next panel */
        asked[1] = OWN(gemm_ask_whole)(segments[0].b + c->k * c->widest * N, panel.vectors * N, k_next - k,
                                       panel.vectors * N);
      const int copies = c->copies && panel.cols == OWN(TILE_COLS) && asked[1].cols == OWN(TILE_COLS);
      const int asks_copied = copies && c->way != GEMM_AHEAD;
      if (asks_copied) {
        const int64_t n = OWN(gemm_asks_a_tile)(asked, k_next - k, tiles, GEMM_AHEAD_STEPS);
        if (n > 0) OWN(gemm_cut_segments)(&t, segments, fnn_max(GEMM_AHEAD_STEPS, (k_next - k) / n / 2 * 2));
      }
      scratch->next_of = asked[1].at;
      scratch->next_rows = copies ? fnn_min(asked[1].rows, tiles * t.n_segments) : 0;
      t.a = a_rows, t.c = c_rows;
      t.asks_c = prefetches && c->asks != GEMM_ASKS_ROWS;
      t.strip = t.resumes || t.continues ? STRIP_FULL : t.asks_c ? STRIP_ASKS_C : STRIP_PLAIN;
      int64_t row = 0;
      if (packs_first) {
        OWN(gemm_pack_first)(&t, segments, scratch->b);
        row = height;
      }
      const int asks_operands = prefetches && ints[GEMM_EPILOGUE] && c->way != GEMM_COPIED_B;
      if (tiles > packs_first && !asks_operands && !copies && OWN(tile_fits_strip)(&t, panel.vectors)) {
        if (c->asks == GEMM_ASKS_COLUMNS)
          OWN(gemm_asking_columns)(&t, c, b, ints[GEMM_B_COL], k_begin, k_next, k_end, panel_index, part, tiles,
                                   panel.vectors);
        else if (c->way == GEMM_AHEAD) OWN(gemm_ahead_strip)(&t, lines, tiles, panel.vectors);
        else OWN(gemm_asking_strip)(&t, asked, tiles - packs_first, panel.vectors);
        row = tiles * height;
      }
      if (c->way == GEMM_AHEAD && is_strip && row < rows) OWN(gemm_cut_asking)(&t, segments, lines);
      for (int64_t step; row < rows; row += step) {
        step = row < tiles * height ? height : least;
        t.rows = fnn_min(step, rows - row);
        if (prefetches) OWN(gemm_prefetch)(call, z * c->m + row_begin + row, t.rows, panel.begin, panel.cols);
        if (copies && t.rows == height)
          OWN(gemm_copy_rows)(&t, asked + 1, row / height, asks_copied ? GEMM_COPIED_AHEAD : 0, scratch->next);
        else if (is_summing && row + last == rows) OWN(tile_summing)(&t, panel.vectors);
        else if (c->is_far_row) OWN(gemm_far_row)(&t, panel.vectors);
        else if (is_scaled) OWN(tile_call)(&t, panel.vectors);
        else OWN(half_call)(&t, panel);
        t.ahead += t.n_segments * t.ahead_lines * (FNN_ALIGN / (int64_t)sizeof(T));
        t.a += step, t.c += step, t.partial += step * OWN(TILE_COLS);
      }
      if (c->turns_back && !t.continues)
        OWN(gemm_turn_back)(call, c, split, out + panel.begin * c->m, scratch, row_begin, rows, panel.cols);
      if (is_symmetric && !t.continues)
        OWN(gemm_mirror_panel)(c, out + z * c->m * c->n, panel, row_begin, row_begin + rows);
    }
    k = k_next;
  } while (k < k_end);
}

/* Adds to a row, of the first split of k or finished but for these, what the others left, and finishes it. */
static void OWN(gemm_add_splits)(const OWN(tile) * finish, const T *partial, int64_t split_stride, int64_t splits,
                                 T *out) {
  for (int64_t j = 0; j < finish->cols; j += N) {
    const int64_t n = finish->cols - j;
    V sum = {0};
    if (finish->beta == 0) sum += n < N ? FN(load_part)(out + j, n) : FN(load)(out + j);
    for (int64_t split = 1; split < splits; split++) {
      const T *p = partial + (split - 1) * split_stride + j;
      sum += n < N ? FN(load_part)(p, n) : FN(load)(p);
    }
    OWN(tile_finish)(finish, sum, out, j);
  }
}

/* Rows [begin, end) of the second phase: those of all of the batch, then the sums of columns. Whole rows, one after
 * another, are streams. */
static void OWN(gemm_combine)(const fnn_call *call, const OWN(gemm_cut) * c, T *bias_space, int64_t begin,
                              int64_t end) {
  const int64_t rows = OWN(gemm_c_rows)(c), cols = OWN(gemm_c_cols)(c), split_stride = OWN(gemm_partial_elements)(c);
  const T *partial = (const T *)call->shared;
  const tile_panel all = {0, cols, (int)fnn_ceil_div(cols, N)};
  const OWN(tile) finish = {.cols = cols, .alpha = (T)call->reals[0], .beta = call->reals[1] != 0,
                            .floor = call->ints[GEMM_RELU] ? 0 : -INFINITY,
                            .bias = OWN(gemm_bias)(c, (const T *)call->buf[3], all, bias_space)};
  const OWN(tile) plain = {.cols = c->is_turned ? c->m : cols, .alpha = 1, .floor = -INFINITY};
  for (int64_t at = begin * cols; begin < end; begin++, at += cols) {
    const int is_sum = begin == rows;
    OWN(gemm_add_splits)(is_sum ? &plain : &finish, partial + at, split_stride, c->splits,
                         is_sum ? (T *)call->buf[4] : (T *)call->buf[2] + at);
  }
}

/* What the shapes alone decide, kept in a step's memo. */
typedef struct {
  int64_t is_known;
  int64_t turned[GEMM_INTS];
  OWN(gemm_cut) cut;
} OWN(gemm_memo);

_Static_assert(sizeof(OWN(gemm_memo)) <= GEMM_MEMO, "gemm_size counts on it");

COMMON
static void OWN(gemm)(const fnn_call *outer, int64_t begin, int64_t end) {
  OWN(gemm_memo) space_of_memo, *memo = outer->memo ? (OWN(gemm_memo) *)outer->memo : &space_of_memo;
  if (!outer->memo || !memo->is_known) {
    memo->cut = OWN(gemm_cut_of)(outer->ints, memo->turned);
    memo->is_known = 1;
  }
  const OWN(gemm_cut) *c = &memo->cut;
  const int64_t program = outer->ints[GEMM_EPILOGUE];
  fnn_call turned, epilogue;
  char *bufs[5];
  const fnn_call *call = outer;
  if (c->is_turned) {
    char *const sums = c->sums_columns ? outer->buf[4] : 0;
    memcpy(bufs, (char *[]){outer->buf[1], outer->buf[0], outer->buf[2], outer->buf[3], sums}, sizeof bufs);
    turned = *outer;
    turned.ints = memo->turned;
    turned.buf = bufs;
    call = &turned;
  }
  if (program) {
    epilogue = *outer;
    if (epilogue.memo) epilogue.memo += GEMM_MEMO;
    const double elements = (double)c->m * (double)c->n;
    epilogue.is_far = c->keeps_tile && elements * (double)fnn_program_bytes(outer->ints + program) > FNN_FAR_BYTES;
  }
  FNN_REQUIRE(!c->keeps_tile || (c->packs_group && c->groups == 1 && c->splits == 1 && c->batches == 1));
  FNN_REQUIRE(c->m >= 0 && c->n >= 0 && c->k >= 0 && (!c->sums_columns || c->batches == 1));
  T *space = (T *)call->scratch;
  OWN(gemm_scratch) scratch = {.b_of = (int64_t *)space, .b = space + FNN_ALIGN};
  scratch.next = scratch.b + c->b_elements / 2;
  if (!call->follows || c->copies) *scratch.b_of = -1; /* no two units share what tiles pack */
  scratch.bias = scratch.b + c->b_elements;
  scratch.a = scratch.bias + c->widest * N;
  scratch.partial = scratch.a + OWN(gemm_a_elements)(c);
  scratch.tile = space + OWN(gemm_scratch_elements)(c);
  scratch.program = (char *)(scratch.tile + OWN(gemm_tile_elements)(c));
  epilogue.tile = (char *)scratch.tile;
  if (program && !outer->memo) { /* threads share the step: the program is decoded once a call, not for each block */
    epilogue.memo = scratch.program + fnn_program_blocks(outer->ints + program, sizeof(T));
    memset(epilogue.memo, 0, (size_t)fnn_program_memo(outer->ints + program));
  }
  if (c->way == GEMM_COPIED_A && call->phase == 0) {
    const int64_t width = OWN(gemm_copied_row)(c);
    for (int64_t row = begin * c->rows; row < fnn_min(c->m, end * c->rows); row += c->rows)
      OWN(pack_transposed)((T *)call->shared + row * width, width, (const T *)call->buf[0] + row,
                           call->ints[GEMM_A_COL], fnn_min(c->rows, c->m - row), c->k);
    return;
  }
  if (c->packs_all && call->phase == 0) {
    OWN(gemm_pack_all)(call, c, begin, end);
    return;
  }
  if (c->way == GEMM_COPIED_B && call->phase == 0) {
    for (int64_t p = begin; p < end; p += c->group)
      OWN(gemm_pack_b)((T *)call->shared + p * c->k * c->widest * N, c, call->ints, (const T *)call->buf[1], p,
                       fnn_min(end, p + c->group), c->k);
    return;
  }
  fnn_program_fn *run = program ? outer->program[TYPE_DTYPE == FNN_F64] : NULL;
  const int64_t *of = outer->ints + program;
  if (c->splits > 1 && call->phase == 1) {
    const int64_t height = OWN(gemm_added_rows)(c), most = OWN(gemm_c_rows)(c);
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t row = unit * height, row_end = fnn_min(row + height, most);
      OWN(gemm_combine)(call, c, scratch.b, row, fnn_min(row + height, most + c->sums_columns));
      if (!program || row >= row_end) continue;
      if (c->is_turned && !c->turns_back) run(of, &epilogue, row * c->n, (row_end - row) * c->n, 0, 1, scratch.program);
      else run(of, &epilogue, row, row_end - row, 0, OWN(gemm_c_cols)(c), scratch.program);
    }
    return;
  }
  const int is_plain = call->reals[0] == 1 && call->reals[1] == 0 && !call->buf[3] && !call->ints[GEMM_RELU];
  const int is_small = c->is_small && is_plain; /* all columns are a unit */
  scratch.first_panel = call->follows || c->asks != GEMM_ASKS_PANEL ? -1 : begin / c->row_blocks * c->group;
  scratch.is_symmetric = !is_small && OWN(gemm_is_symmetric)(call, c);
  const int64_t most = program || is_small || scratch.is_symmetric ? 1 : c->at_once, each = c->groups * c->row_blocks;
  for (int64_t unit = begin, done = 1; unit < end; unit += done) {
    /* Splits and batches vary slowest; then what neighbours share: a panel of B, or rows of A. */
    int64_t outer = unit, group = 0, block = 0, blocks = 1, groups = 1;
    if (each > 1) { /* divisions take as long as a small product */
      const int64_t inner = unit % each;
      outer = unit / each, group = c->shares_panel ? inner / c->row_blocks : inner % c->groups;
      block = c->shares_panel ? inner % c->row_blocks : inner / c->groups;
    }
    /* Blocks of rows of a group of panels, or of all of them. */
    const int64_t beside = c->shares_panel ? 1 : c->groups;
    if (most > 1 && (beside == 1 || group == 0) && end - unit >= beside)
      blocks = fnn_min(fnn_min(most, c->row_blocks - block), (end - unit) / beside), groups = beside;
    done = blocks * groups;
    const int64_t panel_begin = group * c->group, panel_end = fnn_min(c->panels, panel_begin + groups * c->group);
    gemm_part part = {outer, block, block + blocks, panel_begin, panel_end, 0};
    if (c->splits > 1) part.z = outer % c->batches, part.split = outer / c->batches;
    if (is_small) OWN(gemm_small)(call, c, scratch.b, part.z, block);
    else OWN(gemm_multiply)(call, c, &scratch, &part);
    if (c->splits > 1 || !program) continue;
    const int64_t row = block * c->rows, rows = fnn_min(c->m - row, c->rows);
    if (c->keeps_tile) {
      run(of, &epilogue, row, rows, 0, c->n, scratch.program);
      continue;
    }
    for (int64_t panel = panel_begin; panel < panel_end; panel++) {
      const tile_panel p = tile_panel_of(c->n, N, c->widest, panel);
      if (c->turns_back) run(of, &epilogue, p.begin, p.cols, row, rows, scratch.program);
      else if (c->is_turned) run(of, &epilogue, part.z * c->n + p.begin, p.cols, 0, 1, scratch.program);
      else run(of, &epilogue, part.z * c->m + row, rows, p.begin, p.cols, scratch.program);
    }
  }
}

/* ---- fma_peak ---- */

static void OWN(fma_peak_size)(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = ints[0];
  work->flops = 2.0 * (double)(ints[0] * ints[1] * GEMM_PEAK_CHAINS * N);
}

static void OWN(fma_peak)(const fnn_call *call, int64_t begin, int64_t end) {
  T *out = (T *)call->buf[0];
  for (int64_t unit = begin; unit < end; unit++) {
    V acc[GEMM_PEAK_CHAINS];
    for (int k = 0; k < GEMM_PEAK_CHAINS; k++) acc[k] = FN(splat)((T)k); /* different: equal chains would be one */
    const V x = FN(splat)(out[0]), y = FN(splat)(out[1]);
    for (int64_t i = 0; i < call->ints[1]; i++)
#pragma GCC unroll 16
      for (int k = 0; k < GEMM_PEAK_CHAINS; k++) acc[k] = acc[k] * x + y;
    for (int k = 1; k < GEMM_PEAK_CHAINS; k++) acc[0] += acc[k];
    FN(store)(out + 2 + unit * N, acc[0]);
  }
}
