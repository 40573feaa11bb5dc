/* gemm_cut_body.h: how a product is cut into units, for float32 and for float64: a function of its shapes and strides
 * alone, but for what a larger L2 cache holds (gemm_near_k), which changes no result. */

enum { OWN(GEMM_ROWS) = 2 * TILE_BLOCK };

/* How a product is cut. */
typedef struct {
  int64_t m, n, k, batches;
  int64_t rows, row_blocks; /* of a unit; units along the rows */
  int64_t at_once;          /* so many of these a thread does at once */
  int64_t widest, panels;   /* vectors of the widest panel of columns; panels */
  int64_t group, groups;    /* panels of a unit; units along the columns */
  int64_t splits, split_k;  /* a split is a range of split_k along k */
  int64_t k_block;          /* of a split that is done at a time */
  int64_t b_elements;       /* of a thread's scratch that is of B */
  enum gemm_way way;
  int packs_b, sums_columns;
  int shares_panel;         /* blocks of rows of a panel follow each other, not panels of a block of rows */
  int packs_group;          /* all panels of a unit are packed at once, for all blocks of rows */
  enum gemm_asks asks;      /* what tiles ask for */
  int copies;               /* they pack it too */
  int is_turned, turns_back; /* see gemm_turn; several rows that are columns of C */
  int is_far_row;           /* see gemm_far_row */
  int is_small;             /* see gemm_is_small */
  int packs_all;            /* A and B are packed as a whole, in a first phase: see gemm_packs_all */
  int keeps_tile;           /* C stays in scratch until the program has read it */
} OWN(gemm_cut);

/* Whether sums of B ride along; of a turned product they are sums of A. */
static int OWN(gemm_sums_b)(const OWN(gemm_cut) * c) { return c->sums_columns && !c->is_turned; }

/* In how many splits k may be cut. */
static int64_t OWN(gemm_most_splits)(const OWN(gemm_cut) * c) {
  const int64_t partial_bytes = c->batches * c->m * c->n * (int64_t)sizeof(T);
  return partial_bytes ? fnn_max(1, fnn_min(c->k / GEMM_K_BLOCK, GEMM_SPLIT_BYTES / partial_bytes)) : 1;
}

/* Whether rows of B lie in the same sets of the first cache. */
static int OWN(gemm_shares_sets)(const int64_t *ints) {
  return ints[GEMM_B_ROW] * (int64_t)sizeof(T) % GEMM_ALIASES == 0;
}

/* Whether a row of a panel is several lines. */
static int OWN(gemm_is_broad)(const OWN(gemm_cut) * c) { return c->widest * FNN_VECTOR_BYTES > 2 * FNN_ALIGN; }

/* Whether tiles ask for the next block of a packed A and for the next panel of its B: not narrow ones, which take less
 * time than dividing what they ask for is worth. */
static int OWN(gemm_asks_packed)(const OWN(gemm_cut) * c) {
  const int64_t bytes = (c->m + c->n) * c->k * (int64_t)sizeof(T);
  return c->way == GEMM_PACKED_A && OWN(gemm_is_broad)(c) && bytes >= GEMM_WIDE_BYTES;
}

/* From a step of k of a packed A to the next: an odd number of vectors, or its rows share sets of the first cache. */
static int64_t OWN(gemm_packed_row)(int64_t rows) { return (fnn_ceil_div(rows, N) | 1) * N; }

/* Whether packing a panel of k rows of B pays: its vectors straddle cache lines or lie scattered over many pages, and
 * many rows share it; fewer do where rows of B drive each other out of the caches, or B is large (measured by
 * benchmarks/kernels). Not whole lines that tiles have asked for. */
COMMON
static int OWN(gemm_is_scattered)(const OWN(gemm_cut) * c, const int64_t *ints, int64_t k) {
  const int64_t row_bytes = ints[GEMM_B_ROW] * (int64_t)sizeof(T), span = row_bytes * fnn_min(c->k, k);
  if (c->way == GEMM_SHARED && c->k * (row_bytes & -row_bytes) > GEMM_WAYS_BYTES) return 1;
  const int64_t apart = row_bytes & -row_bytes;
  if (OWN(gemm_asks_packed)(c) && apart % FNN_ALIGN == 0 && fnn_min(c->k, k) * apart <= 2 * GEMM_WAYS_BYTES) return 0;
  const int is_far = OWN(gemm_shares_sets)(ints) || c->n * c->k * (int64_t)sizeof(T) >= GEMM_WIDE_BYTES;
  const int is_straddling = row_bytes % (FNN_VECTOR_BYTES / 4) && c->way == GEMM_PLAIN; /* 7 of 8 vectors, or more */
  const int64_t few = is_straddling ? fnn_min(GEMM_STRADDLING_ROWS, GEMM_PACKING_ROWS) : GEMM_PACKING_ROWS;
  return c->m > (is_far ? OWN(GEMM_ROWS) : few) &&
         ((row_bytes % FNN_VECTOR_BYTES && span > GEMM_STRADDLED_BYTES) ||
          (row_bytes > 1024 && span > GEMM_SCATTERED_BYTES));
}

/* Whether C is so large that tiles ask for their rows. */
static int OWN(gemm_is_far)(const OWN(gemm_cut) * c) {
  return c->panels > 1 && OWN(gemm_is_broad)(c) &&
         c->batches * c->m * c->n * (int64_t)sizeof(T) > GEMM_PREFETCHED_BYTES;
}

/* Whether a transposed A whose columns lie pages apart, and its B, are packed as a whole before the tiles of narrow
 * panels: blocks of rows, or groups of panels, would each do it again. */
static int OWN(gemm_packs_all)(const OWN(gemm_cut) * c) {
  const int64_t size = sizeof(T), copied = c->m + c->n;
  const int is_far = copied * c->k * size > GEMM_PACKED_FAR_BYTES;
  return c->way == GEMM_PACKED_A && !OWN(gemm_is_broad)(c) && !c->is_turned && !c->keeps_tile && c->batches == 1 &&
         c->m > OWN(GEMM_ROWS) && c->k >= GEMM_PACKED_STEPS && copied * c->k * size <= 2 * GEMM_COPIED_BYTES &&
         c->m * c->n >= copied * (is_far ? GEMM_PACKED_FAR_SHARED : GEMM_PACKED_SHARED);
}

/* The least range of k of a packed A that is cut: of narrow panels, which are each packed for a block of rows, half. */
static int64_t OWN(gemm_packed_k)(const OWN(gemm_cut) * c) {
  return OWN(gemm_is_broad)(c) ? GEMM_PACKED_K : GEMM_PACKED_K / 2;
}

/* Whether a packed A, which several panels share, is so long that splits of k make units, each with as many rows and
 * columns as its caches hold. */
static int OWN(gemm_is_long)(const OWN(gemm_cut) * c) {
  return c->way == GEMM_PACKED_A && !c->packs_all && c->k >= 2 * OWN(gemm_packed_k)(c) && c->panels > 1;
}

/* A transposed A whose columns lie pages apart is packed for a block of rows, once for each group of panels. That pays
 * when many columns of B share it, so a unit has many panels; its rows are as many as leave units for the threads. If B
 * is packed too, once for each block of rows, a unit has as many rows as columns: that is the least to pack.
 * A short k is few products for each element of a large C, of which units are then long rows: streams that the hardware
 * sees. All panels of a unit are packed at once, for all blocks of rows. Of a long k splits make units. Where C is not
 * stored, rows are whole: streams of what the program reads and writes, of which nothing asks for the next part. */
static void OWN(gemm_cut_transposed)(OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t panel = c->widest * N;
  const int packs_b = OWN(gemm_is_scattered)(c, ints, GEMM_K_BLOCK);
  if (c->keeps_tile) {
    const int64_t most = GEMM_KEPT_BYTES / (c->n * (int64_t)sizeof(T)), step = TILE_BLOCK / 2;
    c->rows = fnn_max(step, fnn_min(OWN(GEMM_ROWS), most / step * step));
    c->group = c->panels;
    c->packs_group = 1;
    return;
  }
  c->packs_all = OWN(gemm_packs_all)(c);
  if (c->packs_all) { /* units of rows that stay in the L2 cache */
    c->rows = fnn_round_up(fnn_ceil_div(c->m, fnn_ceil_div(c->m, GEMM_MOST_ROWS)), TILE_BLOCK);
    c->group = fnn_max(1, c->panels / fnn_ceil_div(GEMM_MANY_UNITS, fnn_ceil_div(c->m, c->rows)));
    return;
  }
  c->packs_group = OWN(gemm_is_broad)(c) && OWN(gemm_is_far)(c) && c->k <= GEMM_K_BLOCK && ints[GEMM_B_COL] == 1;
  if (c->packs_group) {
    c->rows = OWN(GEMM_ROWS);
    const int64_t most = GEMM_SHORT_GROUP_BYTES / (fnn_max(1, c->k) * c->widest * FNN_VECTOR_BYTES);
    const int64_t least = fnn_ceil_div(GEMM_MANY_UNITS, c->batches * fnn_ceil_div(c->m, c->rows));
    c->group = fnn_max(1, fnn_min(most, c->panels / least));
    return;
  }
  c->rows = GEMM_MOST_ROWS;
  c->group = fnn_max(1, GEMM_GROUP_COLS / panel);
  if (OWN(gemm_is_long)(c)) {
    c->rows = fnn_round_up(fnn_ceil_div(c->m, fnn_ceil_div(c->m, c->rows)), TILE_BLOCK);
    return;
  }
  const int64_t blocks = c->batches * fnn_ceil_div(c->m, c->rows);
  if (blocks * fnn_ceil_div(c->panels, c->group) < GEMM_MANY_UNITS) c->group = fnn_max(1, c->group / 2);
  while (c->batches * fnn_ceil_div(c->panels, c->group) * fnn_ceil_div(c->m, c->rows) < GEMM_MANY_UNITS) {
    if (packs_b && c->group > 1 && c->group * panel > c->rows) c->group--;
    else if (c->rows > OWN(GEMM_ROWS)) c->rows -= OWN(GEMM_ROWS);
    else break;
  }
}

/* Whether a long A and its B are far away: the panels of a unit share what is read of A, and tiles ask for both. */
static int OWN(gemm_is_streamed)(const OWN(gemm_cut) * c) {
  const int64_t bytes = (c->m + c->n) * c->k * (int64_t)sizeof(T);
  return c->way == GEMM_TALL && OWN(gemm_is_broad)(c) && bytes >= GEMM_TALL_FAR_BYTES;
}

/* Where splits of k make enough units, all rows of a unit share B: it is read once. Narrow panels share an A that no L2
 * cache holds, a block of k at a time. */
static void OWN(gemm_cut_tall)(OWN(gemm_cut) * c) {
  if (!OWN(gemm_is_broad)(c) && c->m * c->k * (int64_t)sizeof(T) >= GEMM_TALL_BYTES)
    c->group = fnn_max(1, fnn_min(c->panels, GEMM_TALL_COLS / (c->widest * N)));
  if (OWN(gemm_is_streamed)(c)) c->group = fnn_max(1, fnn_min(c->panels, GEMM_TALL_PANELS));
  const int64_t groups = fnn_ceil_div(c->panels, c->group);
  const int64_t units = fnn_max(1, c->batches * groups * OWN(gemm_most_splits)(c));
  const int64_t m = fnn_max(1, c->m);
  int64_t blocks = fnn_ceil_div(m, GEMM_MOST_ROWS);
  if (units < GEMM_MANY_UNITS) blocks = fnn_max(blocks, fnn_ceil_div(GEMM_MANY_UNITS, units));
  c->rows = fnn_round_up(fnn_ceil_div(m, blocks), OWN(GEMM_ROWS));
}

/* A product that is little more than its stores is cut into long rows of C, of which a unit's stay in the L2 cache. */
static void OWN(gemm_cut_outer)(OWN(gemm_cut) * c) {
  const int64_t panel_bytes = c->widest * FNN_VECTOR_BYTES;
  c->group = fnn_max(1, fnn_min(c->panels, GEMM_OUTER_COL_BYTES / (c->k * panel_bytes)));
  c->rows = fnn_min(GEMM_MOST_ROWS, fnn_round_up(GEMM_OUTER_BYTES / (c->group * panel_bytes), TILE_BLOCK));
}

/* Blocks of rows, one after another, share a panel; more of them where panels are few units for threads. */
static void OWN(gemm_cut_shared)(OWN(gemm_cut) * c) {
  const int64_t blocks = fnn_max(fnn_ceil_div(GEMM_MANY_UNITS, c->panels), fnn_ceil_div(c->m, GEMM_MOST_ROWS));
  c->rows = fnn_round_up(fnn_ceil_div(c->m, blocks), tile_rows(tile_panel_of(c->n, N, c->widest, 0).vectors));
}

/* Few units that threads share make two equal halves: an even number of panels, each with all blocks of rows; or else
 * an even number of equal blocks, as of 48, 48 and 32 rows a thread would get 96. */
static void OWN(gemm_cut_evenly)(OWN(gemm_cut) * c) {
  if (c->m <= c->rows || (c->m * c->n * c->k < GEMM_SHARED_PRODUCTS && !c->turns_back)) return;
  const int64_t least = c->k < 2 * GEMM_K_BLOCK ? 2 : fnn_ceil_div(GEMM_FEW_UNITS, c->groups); /* k is not cut */
  const int64_t blocks = fnn_max(fnn_ceil_div(c->m, c->rows) / 2, fnn_ceil_div(least, 2)) * 2;
  if (c->batches * c->groups * blocks >= 2 * GEMM_MANY_UNITS) return;
  c->shares_panel = c->groups % 2 == 0;
  if (!c->shares_panel) c->rows = fnn_round_up(fnn_ceil_div(c->m, blocks), 2);
}

/* Whether a transposed A is turned as a whole: its rows are streams then, a panel of B of all k is packed once for all
 * of them, and no sums are kept between blocks of k. Narrow panels would read the copy more often. */
static int OWN(gemm_copies_a)(const OWN(gemm_cut) * c) {
  const int64_t size = sizeof(T);
  return OWN(gemm_is_broad)(c) && c->batches == 1 && c->k >= 2 * GEMM_K_BLOCK && c->k <= GEMM_K_MOST &&
         c->n >= GEMM_GROUP_COLS && c->m * c->n * size >= GEMM_SPLIT_BYTES && c->m * c->k * size <= GEMM_COPIED_BYTES;
}

/* The rows of few blocks as equal as they can be. */
static int64_t OWN(gemm_block_rows)(const OWN(gemm_cut) * c) {
  return fnn_round_up(fnn_ceil_div(c->m, fnn_ceil_div(c->m, GEMM_MOST_ROWS)), OWN(GEMM_ROWS));
}

/* Whether B is packed as a whole: threads share that, and units are rows of A by as many panels as the L2 cache holds,
 * not one panel for which all rows of A come from afar. */
COMMON
static int OWN(gemm_copies_b)(const OWN(gemm_cut) * c, int64_t least_rows) {
  const int64_t size = sizeof(T), b_bytes = c->n * c->k * size;
  if (c->turns_back) return c->m * c->k * size >= GEMM_AHEAD_BYTES; /* rows that all panels share, and ask for */
  const int is_far = c->m * c->k * size >= GEMM_COPIED_ROWS_BYTES && b_bytes <= GEMM_COPIED_BYTES;
  return c->batches == 1 && c->panels > 1 && c->m >= least_rows && !OWN(gemm_sums_b)(c) &&
         c->m * c->n * size >= GEMM_SPLIT_BYTES && (is_far || b_bytes <= GEMM_COPIED_GROUP_BYTES);
}

/* Units of rows by panels that stay in the L2 cache; of a long k, blocks of which sums are kept in between. */
static void OWN(gemm_cut_copied)(OWN(gemm_cut) * c) {
  const int is_long = c->k > GEMM_COPIED_K;
  const int64_t bytes = GEMM_COPIED_GROUP_BYTES / (fnn_max(1, c->k) * c->widest * FNN_VECTOR_BYTES);
  c->group = fnn_max(1, fnn_min(c->panels, is_long ? GEMM_COPIED_COLS / (c->widest * N) : bytes));
  if (is_long) c->rows = OWN(gemm_block_rows)(c);
  if (c->turns_back) c->rows = GEMM_FLAT_UNIT;
  c->shares_panel = 1;
}

/* Whether so few columns are multiplied by many rows that a tile would leave lanes idle: rows are contiguous along k as
 * they are, and columns are soon transposed. */
static int OWN(gemm_has_few_columns)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int is_few = c->m < GEMM_DOTS_MANY_ROWS;
  const int is_whole = c->k % N == 0 && (FNN_VECTOR_BYTES != 64 || c->n <= 5 * N / 8);
  return ints[GEMM_A_COL] == 1 && (ints[GEMM_B_ROW] == 1 || ints[GEMM_B_COL] == 1) &&
         c->m >= GEMM_DOTS_SHARING_ROWS && c->n <= 5 * N / 4 && (c->n <= gemm_most_of(N) || c->n > N) &&
         c->k >= c->n * (c->n <= N / 2 || is_whole ? GEMM_DOTS_K_COL : GEMM_DOTS_WIDE_K_COL) &&
         (!is_few || c->k * c->m >= c->n * c->n * GEMM_DOTS_K_FEW) && !OWN(gemm_sums_b)(c);
}

/* Whether B stays in L1. */
static int OWN(gemm_is_near)(const OWN(gemm_cut) * c) { return c->n * c->k * (int64_t)sizeof(T) <= GEMM_NEAR_BYTES; }

/* Whether products are so small, and so many, that what tiles are told takes as long as their multiply-adds: each, or a
 * block of many of its rows, is a unit then. */
static int OWN(gemm_are_small)(const OWN(gemm_cut) * c) {
  return c->batches >= GEMM_MANY_UNITS && c->m > 1 &&
         (OWN(gemm_is_near)(c) || (c->panels == 1 && c->m <= GEMM_SMALL_ROWS));
}

/* Whether few rows are dot products with a B in L1 rather than multiplied by columns that are transposed: in half
 * cycles of two multipliers one for each vector and four for adding its lanes, beside ten for each vector that is
 * transposed and one for each row of it. Not a function of how many products there are: one has the bits that many
 * have. */
static int OWN(gemm_dots_are_sooner)(const OWN(gemm_cut) * c) {
  return c->k >= N && c->m * c->n * (fnn_ceil_div(c->k, N) + 4) < fnn_ceil_div(c->n, N) * c->k * (c->m + 10);
}

/* All few rows of dot products, or blocks that stay in L1 beside their columns; of many, blocks of which there are
 * enough for the threads. */
static int64_t OWN(gemm_dots_rows)(const OWN(gemm_cut) * c) {
  const int64_t rows = fnn_max(1, c->m);
  if (c->n > 3 * N / 4 && rows >= GEMM_DOTS_MANY_ROWS && c->n * c->k * (int64_t)sizeof(T) <= GEMM_DOTS_NEAR_BYTES)
    return 4 * DOTS_ROWS;
  if (rows <= GEMM_DOTS_MOST_ROWS) return fnn_round_up(rows, TILE_BLOCK);
  return fnn_min(GEMM_MOST_ROWS, fnn_round_up(fnn_ceil_div(rows, GEMM_MANY_UNITS), TILE_BLOCK));
}

/* Whether few rows by a B from afar ask for the next panel: k is not cut, and no sums are kept between blocks of it.
 * Not where rows of B share sets of the caches, nor where the fewest rows have few panels, which are no streams. */
static int OWN(gemm_shares_few)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t row_bytes = ints[GEMM_B_ROW] * (int64_t)sizeof(T);
  return FNN_VECTOR_BYTES == 64 && c->k < GEMM_SHARED_K && c->k * (row_bytes & -row_bytes) <= GEMM_WAYS_BYTES &&
         !OWN(gemm_shares_sets)(ints) && c->m <= OWN(GEMM_ROWS) &&
         (c->m > GEMM_SHARED_FEW || c->panels >= GEMM_SHARED_MANY_PANELS);
}

/* The longest k of a product that is done as an outer one: of rows that end with a part of a vector, of whole vectors,
 * of those that are one panel, and of few columns, which would be turned. */
static int64_t OWN(gemm_outer_k)(const OWN(gemm_cut) * c, int is_transposed) {
  if (c->n == 1) return 1;
  if (c->n % N == 0 && c->n > N) return c->panels > 1 ? GEMM_OUTER_WHOLE_K : GEMM_OUTER_STRIP_K;
  if (c->n == N) return fnn_min(GEMM_OUTER_STRIP_K, GEMM_OUTER_NARROW_K);
  return is_transposed && c->n <= gemm_most_of(N) ? GEMM_OUTER_NARROW_K : GEMM_OUTER_K;
}

/* Whether few rows read a B from afar by blocks of k of some panels, for which the hardware asks: where panels are
 * narrow, tiles of the short blocks of GEMM_AHEAD would read and store their sums all the time. Not of a long k by few
 * columns, nor a single tile by rows that share sets and are so short that its blocks are not, nor where no cache holds
 * B and rows are a single tile or columns short: these ask in the order of memory. */
static int OWN(gemm_is_few)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t row_bytes = c->n * (int64_t)sizeof(T);
  const int is_short = OWN(gemm_shares_sets)(ints) && row_bytes * GEMM_K_AHEAD <= GEMM_AHEAD_BLOCK_BYTES;
  const int is_single = c->m <= tile_rows(TILE_VECTORS);
  const int is_long = c->k > GEMM_FEW_COL_K * c->n || c->k * row_bytes >= GEMM_FEW_FAR_BYTES;
  const int is_near = !is_long && !(is_single && is_short);
  return FNN_VECTOR_BYTES == 32 && c->m <= GEMM_AHEAD_ROWS && (is_near || (!is_single && c->k <= c->n));
}

/* Whether more rows do so, of which the first tile packs each panel for the others: a panel of a block is in L1 for
 * these, which ask for the next one. Several blocks of rows would each pack it, which pays where a k is so long that
 * others would, too. Not of the fewest rows a long k by short columns, which no cache holds: these ask in the order of
 * memory. */
static int OWN(gemm_packs_few)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t bytes = c->n * c->k * (int64_t)sizeof(T);
  const int is_long = c->m <= GEMM_AHEAD_ROWS && c->k > c->n && bytes >= GEMM_FEW_FAR_BYTES;
  const int64_t most = c->k > GEMM_K_MOST ? GEMM_SHARED_ROWS : GEMM_MOST_ROWS;
  return FNN_VECTOR_BYTES == 32 && c->m >= GEMM_FEW_LEAST && c->m <= most && c->batches == 1 &&
         ints[GEMM_A_ROW] != 1 && ints[GEMM_B_COL] == 1 && ints[GEMM_B_ROW] >= c->n && !OWN(gemm_sums_b)(c) &&
         !c->turns_back && c->panels >= 2 * GEMM_FEW_UNITS && bytes > GEMM_AHEAD_BYTES &&
         (OWN(gemm_shares_sets)(ints) || !is_long);
}

/* Panels of a unit of such rows: an even number of units, which threads share. */
static int64_t OWN(gemm_few_group)(const OWN(gemm_cut) * c) {
  const int64_t groups = fnn_max(GEMM_FEW_UNITS, fnn_ceil_div(c->panels, GEMM_FEW_PANELS));
  return fnn_ceil_div(c->panels, fnn_round_up(groups, 2));
}

static enum gemm_way OWN(gemm_way_of)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t a_row = ints[GEMM_A_ROW], a_col = ints[GEMM_A_COL], b_row = ints[GEMM_B_ROW], b_col = ints[GEMM_B_COL];
  const int64_t size = sizeof(T), few = c->m == 1 ? GEMM_DOTS_ROW_K : GEMM_DOTS_K + (c->m - 1) * GEMM_DOTS_K_ROW;
  const int is_sooner = c->m > 1 && OWN(gemm_is_near)(c) ? OWN(gemm_dots_are_sooner)(c) : c->k >= few;
  const int is_few = c->m <= GEMM_DOTS_MOST_ROWS && is_sooner && !c->turns_back;
  if (a_col == 1 && b_row == 1 && is_few && !OWN(gemm_sums_b)(c)) return GEMM_DOTS;
  if (OWN(gemm_has_few_columns)(c, ints)) return GEMM_DOTS;
  /* Programs want tiles in L1. */
  const int64_t most_k = OWN(gemm_outer_k)(c, a_row == 1);
  const int is_thin = (c->k == 1 && b_col == 1) || (c->k > 1 && c->k <= most_k && c->batches == 1);
  if (is_thin && !c->turns_back && c->m > 1 && !ints[GEMM_EPILOGUE]) return GEMM_OUTER;
  const int is_paged = a_col * size >= GEMM_PAGES_APART, is_large = c->n * c->k * size >= GEMM_WIDE_BYTES;
  const int64_t sharing = c->m * c->k * size >= GEMM_TALL_BYTES ? GEMM_TALL_SHARING_COLS : GEMM_SHARING_COLS;
  if (a_row == 1 && is_paged && c->n >= sharing) return OWN(gemm_copies_a)(c) ? GEMM_COPIED_A : GEMM_PACKED_A;
  /* As many rows as there may be are tiles of AVX-512 as fast where a last cache is not far. */
  const int is_near = FNN_VECTOR_BYTES == 64 && c->m == GEMM_STREAM_ROWS && c->n * c->k * size < 2 * GEMM_WIDE_BYTES;
  const int are_rows = c->m > 1 && c->m <= GEMM_STREAM_ROWS && a_row != 1 && !c->turns_back && !is_near;
  const int is_stream = b_col == 1 && (b_row >= c->n || c->k == 1) && is_large && !OWN(gemm_sums_b)(c);
  if (is_stream && (c->m == 1 || are_rows)) return GEMM_STREAM;
  if (a_row == 1 && !is_paged && c->k >= 4 * GEMM_K_BLOCK) return GEMM_TALL;
  if (a_row == 1) return GEMM_PLAIN;
  const int64_t blocks = fnn_ceil_div(c->m, GEMM_MOST_ROWS);
  /* Each small block of rows would pack a panel again. */
  const int is_long = c->k > OWN(gemm_most_splits)(c) * GEMM_K_MOST && c->n * c->k * size >= GEMM_AHEAD_BYTES;
  const int has_units = c->panels * blocks >= GEMM_MANY_UNITS / (is_long || blocks == 1 ? 2 : 1);
  const int shares_blocks = (is_large || is_long) && has_units &&
                            (blocks == 1 || c->k > (b_col == 1 ? gemm_near_k() : GEMM_K_MOST));
  if (b_col != 1 && OWN(gemm_copies_b)(c, GEMM_COPIED_ROWS)) return GEMM_COPIED_B;
  if (b_col != 1) return shares_blocks && c->m > 1 ? GEMM_LARGE : GEMM_PLAIN;
  if (OWN(gemm_packs_few)(c, ints)) return GEMM_FEW;
  const int64_t far = fnn_max(GEMM_AHEAD_BYTES, c->m * GEMM_AHEAD_ROW_BYTES);
  const int shares_sets = OWN(gemm_shares_sets)(ints);
  const int64_t most_rows = shares_sets ? fnn_max(GEMM_AHEAD_ROWS, OWN(GEMM_ROWS)) : GEMM_AHEAD_ROWS;
  const int is_far = c->m > GEMM_AHEAD_FEW && c->m <= most_rows && b_row == c->n && c->n * c->k * size > far;
  const int64_t partial_bytes = 2 * c->m * c->n * size;
  const int64_t few_rows = shares_sets ? OWN(GEMM_ROWS) : GEMM_AHEAD_LONG_ROWS;
  const int is_deep = c->m <= few_rows && partial_bytes <= GEMM_AHEAD_LONG_BYTES &&
                      c->k >= fnn_max(GEMM_AHEAD_LONG_K, c->m * GEMM_AHEAD_LONG_ROW_K);
  const int is_cut = c->k >= 2 * GEMM_K_AHEAD && (partial_bytes <= GEMM_SPLIT_BYTES || is_deep);
  if (is_far && is_cut && c->batches == 1 && !OWN(gemm_sums_b)(c))
    return OWN(gemm_shares_few)(c, ints) ? GEMM_SHARED : OWN(gemm_is_few)(c, ints) ? GEMM_FEW : GEMM_AHEAD;
  if (c->m <= OWN(GEMM_ROWS) || b_row < c->n) return GEMM_PLAIN;
  /* Narrow panels would have all of A read again for each, which a long k brings from afar. */
  const int is_narrow_and_long = FNN_VECTOR_BYTES == 32 && c->k > GEMM_K_MOST;
  if (OWN(gemm_copies_b)(c, is_narrow_and_long ? GEMM_SHARED_ROWS : GEMM_COPIED_ROWS)) return GEMM_COPIED_B;
  if (shares_blocks) return GEMM_LARGE;
  const int is_shared = c->k <= GEMM_SHARED_K && c->m <= GEMM_SHARED_ROWS && c->panels >= GEMM_SHARED_PANELS;
  return is_shared && c->n * c->k * size >= GEMM_AHEAD_BYTES ? GEMM_SHARED : GEMM_PLAIN;
}

/* Whether tiles ask for the next block of rows of a transposed A, of what the L2 cache does not hold together: pieces
 * of lines that lie pages apart are no streams. */
static int OWN(gemm_asks_transposed)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t bytes = (c->m * c->k + c->n * c->k + c->m * c->n) * (int64_t)sizeof(T);
  const int is_paged = ints[GEMM_A_ROW] == 1 && ints[GEMM_A_COL] * (int64_t)sizeof(T) >= GEMM_PAGES_APART;
  const int is_in_place = c->way == GEMM_PLAIN && !c->shares_panel && c->splits == 1;
  return is_paged && (c->packs_group || is_in_place) && OWN(gemm_is_broad)(c) && c->batches == 1 && c->row_blocks > 1 &&
         bytes >= GEMM_PREFETCHED_BYTES;
}

/* Whether the columns of a row of dot products are so short that they are one stream from afar, for which the hardware
 * is late where a vector is a line. Longer ones are several streams, which it sees. */
static int OWN(gemm_is_one_stream)(const OWN(gemm_cut) * c, const int64_t *ints) {
  return FNN_VECTOR_BYTES == FNN_ALIGN && ints[GEMM_B_COL] * (int64_t)sizeof(T) <= GEMM_STREAM_COL_BYTES &&
         c->n * c->k * (int64_t)sizeof(T) >= GEMM_STREAM_BYTES;
}

/* Of dots, several columns at a time; those of few rows the hardware sees soon enough where a last cache may hold
 * them. */
static enum gemm_asks OWN(gemm_asks_of)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t size = sizeof(T), b_bytes = c->n * c->k * size;
  if (c->way == GEMM_DOTS) {
    const int64_t least = c->m <= GEMM_AHEAD_FEW ? GEMM_AHEAD_LONG_BYTES : GEMM_WIDE_BYTES;
    return (c->m > 1 ? b_bytes >= least : OWN(gemm_is_one_stream)(c, ints)) ? GEMM_ASKS_COLUMNS : GEMM_ASKS_NOTHING;
  }
  if (ints[GEMM_B_ROW] == 1 && ints[GEMM_B_COL] != 1 && (c->way == GEMM_LARGE || c->way == GEMM_PLAIN)) {
    const int is_near = c->k_block * c->widest * FNN_VECTOR_BYTES <= GEMM_AHEAD_BLOCK_BYTES;
    const int shares = c->m > 1 && c->m <= GEMM_SHARED_ROWS && b_bytes >= GEMM_AHEAD_BYTES;
    return is_near && shares ? GEMM_ASKS_COLUMNS : GEMM_ASKS_NOTHING;
  }
  if (c->way == GEMM_FEW && c->packs_b) return GEMM_ASKS_BESIDE;
  if (c->way == GEMM_SHARED) return GEMM_ASKS_PANEL;
  if (c->way == GEMM_COPIED_B) return GEMM_ASKS_ROWS;
  if (c->copies || OWN(gemm_asks_packed)(c) || OWN(gemm_asks_transposed)(c, ints)) return GEMM_ASKS_PACKED;
  if (c->splits == 1 || c->packs_b) return GEMM_ASKS_NOTHING;
  const int is_transposed = ints[GEMM_A_ROW] == 1 && ints[GEMM_A_COL] * size < GEMM_PAGES_APART;
  if (is_transposed && (c->n >= GEMM_SHARING_COLS || OWN(gemm_is_streamed)(c))) return GEMM_ASKS_NEXT;
  return c->way == GEMM_PLAIN && c->m > 1 && b_bytes >= GEMM_AHEAD_BYTES ? GEMM_ASKS_SPLIT : GEMM_ASKS_NOTHING;
}

/* Whether a single row is multiplied by a B as it lies, in no near cache, nor so large as that of gemm_stream. */
static int OWN(gemm_is_far_row)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t bytes = c->n * c->k * (int64_t)sizeof(T);
  return c->m == 1 && ints[GEMM_B_COL] == 1 && ints[GEMM_B_ROW] >= c->n && !OWN(gemm_sums_b)(c) &&
         c->n > TILE_ROW_VECTORS * N && bytes >= GEMM_AHEAD_BYTES && bytes < GEMM_WIDE_BYTES;
}

/* Vectors of the widest panel: of a B from afar an even number of panels, which two threads share. */
static int64_t OWN(gemm_widest)(const OWN(gemm_cut) * c) {
  const int64_t vectors = fnn_ceil_div(c->n, N), pairs = fnn_ceil_div(vectors, 2 * GEMM_FAR_VECTORS);
  if (c->is_far_row) return fnn_ceil_div(vectors, 2 * pairs);
  /* Tiles of fewer vectors have more rows. */
  const int is_high = c->turns_back && c->m > tile_rows(TILE_VECTORS) && c->m <= TILE_MOST_ROWS;
  return c->m == 1 ? TILE_ROW_VECTORS : is_high ? TILE_VECTORS - 1 : TILE_VECTORS;
}

/* Whether few rows are one or two tiles of fewer vectors, not two or three of all: not where sums of all columns lie
 * further away. Where rows of B share sets of the first cache low tiles wait for it as long as high ones. */
static int OWN(gemm_is_high)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int64_t high = tile_rows(TILE_VECTORS - 1), low = tile_rows(TILE_VECTORS), tiles = fnn_ceil_div(c->m, high);
  const int is_full = c->m >= tiles * high - 1 || OWN(gemm_shares_sets)(ints);
  const int is_near = c->m * c->n * (int64_t)sizeof(T) <= GEMM_HIGH_BYTES;
  return is_near && is_full && tiles <= 2 && fnn_ceil_div(c->m, low) > tiles;
}

/* Panels of a unit of few rows by a large B: of a k that is not cut an even number of equal units. */
static int64_t OWN(gemm_stream_group)(const OWN(gemm_cut) * c) {
  if (c->m > 1) {
    const int64_t pairs = fnn_ceil_div(c->n, 2 * GEMM_STREAM_FEW_COLS);
    return c->n <= GEMM_STREAM_FEW_COLS ? c->panels : fnn_ceil_div(c->panels, 2 * pairs);
  }
  const int64_t most = GEMM_STREAM_COLS / (c->widest * N), groups = fnn_ceil_div(c->panels, most);
  if (c->k >= 2 * GEMM_K_BLOCK) return fnn_max(1, fnn_min(c->panels, most));
  return fnn_max(1, fnn_ceil_div(c->panels, fnn_max(2, fnn_round_up(groups, 2))));
}

/* Whether products are done by gemm_small. Parts of vectors are read and stored as fast as whole by AVX-512 alone. */
static int OWN(gemm_is_small)(const OWN(gemm_cut) * c) {
  if (!OWN(gemm_are_small)(c) || c->k > c->k_block || OWN(gemm_sums_b)(c)) return 0;
  if (c->way == GEMM_DOTS) return c->row_blocks == 1;
  return c->way == GEMM_PLAIN && (FNN_VECTOR_BYTES == 64 || c->n % N == 0);
}

/* From a row of what gemm_outer copies of B to the next, a constant of k. */
FNN_INLINE int64_t OWN(gemm_outer_row)(int64_t k) {
  return fnn_round_up(GEMM_OUTER_COL_BYTES / (int64_t)sizeof(T) / k, N) + N;
}

/* A packed panel of B, or all of a unit's; where it is read in place, the last rows, of which at most N reach past the
 * end of B; a unit's part of the rows of an outer product. */
static int64_t OWN(gemm_b_elements)(const OWN(gemm_cut) * c) {
  if (c->way == GEMM_OUTER && c->k > 0)
    return (c->k - 1) * OWN(gemm_outer_row)(c->k) + (c->group * c->widest + 1) * N + GEMM_ALIASES / (int64_t)sizeof(T);
  if (c->way == GEMM_DOTS && c->packs_b) return fnn_round_up(fnn_round_up(c->k_block, N) * c->n, FNN_ALIGN);
  const int64_t panels = c->packs_group ? c->group : 1 + c->copies;
  return (c->packs_b ? c->k_block : N) * panels * c->widest * N;
}

/* How many blocks of rows a thread that has several does at once, where no scratch depends on them: what a part costs
 * beside its tiles shows. */
COMMON
static int64_t OWN(gemm_blocks_at_once)(const OWN(gemm_cut) * c) {
  const int fits = c->way == GEMM_PLAIN || c->way == GEMM_SHARED || c->way == GEMM_COPIED_B;
  if (!fits || c->k > c->k_block || c->turns_back || c->keeps_tile) return 1;
  if (c->panels > 1 && !OWN(gemm_is_broad)(c)) return 1; /* narrow panels read rows of A from L1 */
  const int64_t cols = c->shares_panel ? c->group * c->widest * N : c->n, products = c->rows * cols * c->k;
  return fnn_max(1, fnn_min(GEMM_MOST_ROWS / c->rows, GEMM_PART_PRODUCTS / fnn_max(1, products)));
}

/* Whether AVX2 code packs some panels before their tiles, which are slower while they copy: that is little where blocks
 * of rows share them, and where rows of B lie in the same sets few of them wait in the caches to be copied. */
static int OWN(gemm_packs_before)(const OWN(gemm_cut) * c, const int64_t *ints) {
  const int is_scattered = ints[GEMM_B_ROW] * (int64_t)sizeof(T) % (2 * GEMM_ALIASES) == 0;
  const int pays = c->m > GEMM_MOST_ROWS || (c->m > OWN(GEMM_ROWS) && is_scattered);
  return FNN_VECTOR_BYTES == 32 && c->way == GEMM_LARGE && pays && c->k <= GEMM_K_MOST && ints[GEMM_B_COL] == 1;
}

/* Panels that it packs at a time: long pieces of rows of B, which stay in the L2 cache, and units for the threads. */
static int64_t OWN(gemm_group_before)(const OWN(gemm_cut) * c) {
  const int64_t most = GEMM_BEFORE_BYTES / (fnn_max(1, c->k) * c->widest * FNN_VECTOR_BYTES);
  return fnn_max(1, fnn_min(fnn_min(GEMM_BEFORE_PANELS, most), c->panels / GEMM_MANY_UNITS));
}

COMMON
static OWN(gemm_cut) OWN(gemm_cut_of)(const int64_t *given, int64_t *space) {
  const int64_t *ints = gemm_turn(given, space, N);
  OWN(gemm_cut) c = {.m = ints[GEMM_M], .n = ints[GEMM_N], .k = ints[GEMM_K], .batches = 1, .splits = 1,
                     .rows = OWN(GEMM_ROWS), .group = 1};
  for (int d = 0; d < GEMM_BATCH_DIMS; d++) c.batches *= ints[GEMM_BATCH + 3 * d];
  c.sums_columns = ints[GEMM_COLUMN_SUM] != 0;
  c.keeps_tile = given[GEMM_EPILOGUE] && fnn_program_has_tile(given + given[GEMM_EPILOGUE]);
  c.is_turned = ints != given;
  c.turns_back = c.is_turned && c.m > 1;
  c.is_far_row = OWN(gemm_is_far_row)(&c, ints);
  c.widest = OWN(gemm_widest)(&c);
  c.panels = c.groups = tile_panels_of(c.n, N, c.widest);
  c.way = OWN(gemm_way_of)(&c, ints);
  if (c.way == GEMM_AHEAD && OWN(gemm_is_high)(&c, ints)) {
    c.widest--;
    c.panels = c.groups = tile_panels_of(c.n, N, c.widest);
  }
  const int packs_before = OWN(gemm_packs_before)(&c, ints);
  switch (c.way) {
    case GEMM_DOTS: c.rows = OWN(gemm_dots_rows)(&c); break;
    case GEMM_OUTER: OWN(gemm_cut_outer)(&c); break;
    case GEMM_COPIED_A: break;
    case GEMM_PACKED_A: OWN(gemm_cut_transposed)(&c, ints); break;
    case GEMM_STREAM:
      c.rows = fnn_max(1, c.m);
      c.group = OWN(gemm_stream_group)(&c);
      break;
    case GEMM_TALL: OWN(gemm_cut_tall)(&c); break;
    case GEMM_AHEAD:
      c.rows = fnn_round_up(c.m, TILE_BLOCK);
      c.group = c.panels;
      break;
    case GEMM_FEW:
      c.rows = fnn_round_up(fnn_ceil_div(c.m, fnn_ceil_div(c.m, GEMM_MOST_ROWS)), TILE_BLOCK);
      c.group = OWN(gemm_few_group)(&c);
      break;
    case GEMM_LARGE:
      c.rows = OWN(gemm_block_rows)(&c);
      if (packs_before) c.group = OWN(gemm_group_before)(&c);
      break;
    case GEMM_SHARED: OWN(gemm_cut_shared)(&c); break;
    case GEMM_COPIED_B:
      OWN(gemm_cut_copied)(&c);
      if (c.panels == 1) c.widest = (int)fnn_ceil_div(c.n, N); /* the copy has no columns that nobody asked for */
      break;
    default: OWN(gemm_cut_evenly)(&c);
  }
  const int is_by_dots = c.way == GEMM_DOTS && c.m <= GEMM_MOST_ROWS;
  if ((is_by_dots || c.way == GEMM_PLAIN) && OWN(gemm_are_small)(&c)) {
    c.rows = fnn_round_up(fnn_ceil_div(c.m, fnn_ceil_div(c.m, GEMM_MOST_ROWS)), TILE_BLOCK);
    c.group = c.panels;
  }
  c.groups = fnn_ceil_div(c.panels, c.group);
  c.group = fnn_ceil_div(c.panels, fnn_max(1, c.groups)); /* as equal as they can be: threads share them */
  c.row_blocks = fnn_ceil_div(c.m, c.rows);
  const int64_t units = c.batches * c.row_blocks * c.groups;
  c.split_k = c.k;
  /* A long A, and a B that is read in place, want short ranges of k at all events. */
  const int is_packed = c.way == GEMM_LARGE || c.way == GEMM_PACKED_A || (c.way == GEMM_PLAIN && ints[GEMM_B_COL] != 1);
  const int is_uneven = c.way == GEMM_STREAM && c.panels % (2 * c.group) != 0; /* no two threads would share it */
  const int cuts_early = units < GEMM_FEW_UNITS && (c.m > 1 || is_uneven);
  const int has_units = units >= GEMM_MANY_UNITS && is_packed, is_long = OWN(gemm_is_long)(&c);
  const int is_little = c.way == GEMM_DOTS && c.batches * c.m * c.n * c.k < GEMM_DOTS_PRODUCTS;
  const int is_whole = c.way == GEMM_COPIED_B || c.way == GEMM_FEW;
  if (is_long) {
    /* An even number, which two threads share. */
    const int64_t splits = fnn_min(GEMM_MANY_UNITS / fnn_max(1, units), c.k / OWN(gemm_packed_k)(&c)) / 2 * 2;
    c.split_k = fnn_round_up(fnn_ceil_div(c.k, fnn_max(1, splits)), N);
    c.splits = fnn_ceil_div(c.k, c.split_k);
  } else if (units > 0 && !has_units && !is_little && !is_whole && !c.packs_all &&
             c.k >= (cuts_early ? 2 : 4) * GEMM_K_BLOCK) {
    /* Columns that are contiguous along k are streams, the longer the better. */
    const int64_t most = c.way == GEMM_DOTS ? fnn_ceil_div(GEMM_DOTS_UNITS, units) : c.k;
    /* What splits leave is added: where blocks of k need none, there are no more than make units for the threads. */
    const int is_tall = c.way == GEMM_TALL, is_few = c.m > 1 && c.m <= GEMM_STREAM_ROWS && c.way != GEMM_DOTS;
    const int64_t least = is_tall ? GEMM_MANY_UNITS : GEMM_FEW_UNITS;
    const int64_t wanted = is_tall || is_few ? fnn_ceil_div(least, units) : c.k;
    const int64_t splits = fnn_min(fnn_min(most, wanted), OWN(gemm_most_splits)(&c));
    c.split_k = fnn_round_up(fnn_ceil_div(c.k, splits), N);
    c.splits = fnn_ceil_div(c.k, c.split_k);
  }
  if (c.way == GEMM_AHEAD) {
    c.split_k = fnn_round_up(fnn_ceil_div(c.k, 2), N);
    c.splits = 2;
  }
  /* What a single row transposes is read once: from the L2 cache. */
  const int transposes_for_one = c.m == 1 && ints[GEMM_B_COL] != 1 && c.way != GEMM_DOTS;
  const int is_short = transposes_for_one || (c.way == GEMM_TALL && c.group > 1);
  c.k_block = fnn_min(c.split_k, is_short ? GEMM_K_BLOCK : packs_before ? GEMM_K_MOST : gemm_most_k[c.way]);
  if (c.way == GEMM_PACKED_A && c.k_block < c.split_k) /* parts as equal as they can be */
    c.k_block = fnn_round_up(fnn_ceil_div(c.split_k, fnn_ceil_div(c.split_k, c.k_block)), GEMM_PACKED_STEPS);
  if (c.packs_all) c.k_block = fnn_ceil_div(c.k, fnn_ceil_div(c.k, GEMM_PACKED_ALL_K));
  if (c.way == GEMM_TALL) {
    const int64_t row_bytes = (ints[GEMM_A_COL] + ints[GEMM_B_ROW]) * (int64_t)sizeof(T);
    c.k_block = fnn_min(c.k_block, fnn_max(GEMM_K_BLOCK, GEMM_TALL_BLOCK_BYTES / row_bytes / N * N));
  }
  if (c.way == GEMM_AHEAD) {
    /* Of many rows, or high tiles, sums are read less often. */
    const int64_t most = (c.m > TILE_BLOCK || c.widest < TILE_VECTORS ? 2 : 1) * GEMM_AHEAD_BLOCK_BYTES;
    while (c.k_block > GEMM_K_AHEAD / 4 && c.k_block * c.n * (int64_t)sizeof(T) > most)
      c.k_block = fnn_round_up(c.k_block / 2, GEMM_AHEAD_STEPS);
  }
  if (c.way == GEMM_COPIED_B && c.k > GEMM_COPIED_K)
    c.k_block = fnn_round_up(fnn_ceil_div(c.k, fnn_ceil_div(c.k, GEMM_COPIED_K)), N);
  c.packs_b = c.way != GEMM_DOTS && c.way != GEMM_COPIED_B &&
              (ints[GEMM_B_COL] != 1 || (ints[GEMM_B_ROW] < c.n && c.k > 1) ||
               OWN(gemm_is_scattered)(&c, ints, c.k_block));
  /* A line a row at a time is the dearest way to read a B whose rows lie in the same sets of the caches. */
  const int64_t group_bytes = c.k_block * c.group * c.widest * FNN_VECTOR_BYTES;
  c.packs_group |= c.way == GEMM_PACKED_A && !OWN(gemm_is_broad)(&c) && ints[GEMM_B_COL] == 1 &&
                   c.k_block == c.split_k && group_bytes <= GEMM_PACKED_GROUP_BYTES;
  c.packs_group |= packs_before && c.packs_b;
  c.packs_b |= c.way == GEMM_FEW && OWN(gemm_packs_few)(&c, ints);
  /* Few rows of B that lie in the same sets are in the first cache at once. */
  c.packs_b |= c.way == GEMM_AHEAD && c.m > GEMM_COPYING_ROWS && OWN(gemm_shares_sets)(ints);
  if (c.packs_all) c.packs_b = c.packs_group = 0;
  c.packs_b |= c.packs_group || c.way == GEMM_COPIED_A || (c.way == GEMM_DOTS && ints[GEMM_B_ROW] != 1);
  c.shares_panel |= c.packs_b || c.way == GEMM_SHARED || OWN(gemm_asks_packed)(&c);
  c.copies = (c.way == GEMM_LARGE || c.way == GEMM_AHEAD) && c.packs_b && ints[GEMM_B_COL] == 1 && !packs_before;
  c.asks = OWN(gemm_asks_of)(&c, ints);
  c.is_small = OWN(gemm_is_small)(&c);
  c.b_elements = OWN(gemm_b_elements)(&c);
  c.at_once = OWN(gemm_blocks_at_once)(&c);
  return c;
}
