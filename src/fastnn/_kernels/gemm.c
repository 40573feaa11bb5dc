/* gemm.c: matrix products.
 *
 * gemm: C[z] = relu(alpha * A[z] @ B[z] + bias + beta * C[z]) for each z of the batch, then a program.
 *   buffers  0 A, 1 B: any strides, any element alignment; where they are one matrix and its transpose, and C has no
 *              bias, what lies left of its diagonal is copied from the right
 *            2 C: (batch, m, n), contiguous; read only if beta is not 0; must not overlap A, B or the bias
 *            3 bias: (n,) or NULL
 *            4 column_sum: (n,) or NULL: the sum of B over k, the bias gradient that belongs to a kernel gradient;
 *              in one chain, or by sums of four rows, and by splits as C is
 *            5.. whatever the program reads and writes
 *   ints     enum gemm_ints; strides in elements, they may be zero or negative
 *   reals    0 alpha, 1 beta; then the program's
 *   The program's space is (batch * m, n); it runs on each tile of C once that is stored. Where it reads FNN_TILE, C is
 *   not stored, and not given: of a transposed A (A_ROW 1, columns 1 KiB apart or more) and whole rows of B (B_COL 1,
 *   n >= 256), k <= 256, a batch of 1, beta 0.
 *   Order of summation: k ascending, in one chain, or, of some few rows by a B that is contiguous along k as they are,
 *   or of rows by few columns, in one chain a lane, of more than a row in blocks; where the result is small and k is
 *   long, k is cut in fixed blocks whose sums are added in order (a function of the shapes and strides alone).
 *
 * fma_peak: what the machine can do at most: multiply-adds on registers, for benchmarks and shares of peak.
 *   buffers  0: two factors, then a vector for each unit, written
 *   ints     0 units, 1 iterations of GEMM_PEAK_CHAINS vector multiply-adds of a unit */
#include <math.h>

#include "caches.h"
#include "program.h"
#include "vector.h"

enum gemm_ints {
  GEMM_M,
  GEMM_N,
  GEMM_K,
  GEMM_A_ROW, /* stride from a row of A to the next; A_COL along k */
  GEMM_A_COL,
  GEMM_B_ROW, /* stride of B along k; B_COL along n */
  GEMM_B_COL,
  GEMM_RELU,
  GEMM_EPILOGUE,   /* where in ints the program begins; 0: none */
  GEMM_COLUMN_SUM, /* 1: buffer 4 is written; the batch must be 1 */
  GEMM_BATCH,      /* GEMM_BATCH_DIMS times {size, stride of A, stride of B}, outermost first */
  GEMM_BATCH_DIMS = 3,
  GEMM_INTS = GEMM_BATCH + 3 * GEMM_BATCH_DIMS
};

enum { GEMM_MEMO = 384 /* bytes of a gemm_memo, before that of the program */ };

enum {
  /* A transposed A is packed when its columns lie so many bytes apart and so many columns of B share it. A unit is then
   * of so many rows and columns, half the columns and fewer rows where that leaves too few units; its A and its sums
   * fit the L2 cache. */
  GEMM_PAGES_APART = 1024,
  GEMM_SHARING_COLS = 256,
  GEMM_MOST_ROWS = 192,
  GEMM_GROUP_COLS = 512,
  GEMM_MANY_UNITS = 16,
  GEMM_PACKED_K = 1024, /* a range of k at least, of one that is cut to make units of so many rows and columns */
  /* Of an A that no L2 cache holds: so many columns share it where it is packed, a block where panels are narrow. */
  GEMM_TALL_BYTES = 1 << 21,
  GEMM_TALL_SHARING_COLS = 64,
  GEMM_TALL_COLS = 128,
  GEMM_TALL_FAR_BYTES = 1 << 24, /* of A and B that tiles ask for, and so many panels of a unit */
  GEMM_TALL_PANELS = 4,
  GEMM_TALL_BLOCK_BYTES = 5 << 17, /* of whole rows of A and B in a block of k: what is between stays in no set twice */
  GEMM_COPIED_BYTES = 1 << 24,     /* of an A that is turned as a whole, of a B that is packed as a whole */
  GEMM_COPIED_GROUP_BYTES = 1 << 19, /* of its panels that a unit reads, in L2 beside rows of A */
  GEMM_COPIED_ROWS = 2048,           /* least rows that share it, of so many bytes where it is several groups */
  GEMM_COPIED_ROWS_BYTES = 1 << 23,
  GEMM_COPIED_COLS = 256,            /* of a unit of blocks of k */
  GEMM_COPIED_K = 512,               /* of a block, where there are several */
  GEMM_PACKED_GROUP_BYTES = 1 << 17, /* of B that a unit reads by narrow panels, up to which all are packed at once */
  GEMM_SHORT_GROUP_BYTES = 1 << 18,  /* the same of broad panels, of a short k and a large C */
  GEMM_KEPT_BYTES = 3 << 16,         /* of a unit's rows of a C that is not stored */
  GEMM_PART_PRODUCTS = 1 << 22,    /* of units that are done at once, of which the beginning takes some 100 cycles */
  GEMM_PACKED_HEIGHT = 6,          /* rows of a packed A that lie together, and steps of k packed at a time */
  GEMM_PACKED_STEPS = 8,
  /* Of what is packed as a whole: k of a block, whose tile of A and panel of B are in L1 together, panels of B that are
   * packed in turn, and products for each element from which it pays; for each of more bytes, which come from afar. */
  GEMM_PACKED_ALL_K = 320,
  GEMM_PACKED_PANELS = 8,
  GEMM_PACKED_SHARED = 128,
  GEMM_PACKED_FAR_SHARED = 512,
  GEMM_PACKED_FAR_BYTES = 6 << 20,
  GEMM_PACKED_ROWS = 16,           /* of B that all its panels copy in turn */
  GEMM_SHARED_PRODUCTS = 1 << 20,  /* from 10 microseconds on, the work of a unit matters more than its overhead */
  GEMM_K_BLOCK = 256,              /* the least range of a k that is cut: 256 x 64 floats of B are 64 KiB */
  GEMM_K_MOST = 2048,              /* of a range of k that is not cut, at a time */
  GEMM_K_WIDE = 512,               /* the same where B has GEMM_WIDE_BYTES and few rows share it */
  /* Few rows are not enough work to hide how far a B is that is not in the L2 cache: at most so many, that share so
   * many bytes, and so many more for each row. Of fewer still the hardware asks soon enough. */
  GEMM_AHEAD_FEW = 4,
  GEMM_AHEAD_ROWS = FNN_VECTOR_BYTES == 64 ? 64 : 24,
  GEMM_AHEAD_BYTES = 3 << 18,
  GEMM_AHEAD_ROW_BYTES = 1 << 15,
  /* Two threads add ranges of k apart, of more than GEMM_SPLIT_BYTES only where k is long, also beside the rows, and
   * these are neither fewer nor more than so many, or than GEMM_ROWS where rows of B lie in the same sets. Narrow
   * panels need it more. */
  GEMM_AHEAD_LONG_K = FNN_VECTOR_BYTES == 64 ? 512 : 128,
  GEMM_AHEAD_LONG_ROW_K = 8,
  GEMM_AHEAD_LONG_ROWS = 16,
  GEMM_AHEAD_LONG_BYTES = 1 << 24,
  GEMM_K_AHEAD = 64,               /* of k at most, in a block of B that is asked for while the one before is used */
  GEMM_AHEAD_BLOCK_BYTES = 1 << 18, /* of it: two stay in the L2 cache beside the sums */
  GEMM_AHEAD_STEPS = FNN_VECTOR_BYTES == 64 ? 8 : 16, /* of k, after which these ask for some lines */
  GEMM_PART_STEPS = 2,             /* the same of tiles of a strip, which lose less by it */
  GEMM_COPIED_AHEAD = 16,          /* rows of a panel of B, that tiles ask for before they copy them */
  GEMM_COPYING_ROWS = FNN_VECTOR_BYTES == 32 ? 12 : 24, /* of more tiles copy a B whose rows share sets */
  /* Of few rows by narrow panels: k of a block, most panels of a unit; of a B that may be in the last cache, and most k
   * for each of its columns. */
  GEMM_FEW_K = 256,
  GEMM_FEW_PANELS = 16,
  GEMM_FEW_FAR_BYTES = 12 << 20,
  GEMM_FEW_COL_K = 4,
  GEMM_FEW_AHEAD = 16, /* rows for which a tile asks that packs B, of products of more than so many rows */
  GEMM_FEW_LEAST = 16,
  GEMM_WIDE_BYTES = 1 << 22,
  /* More rows that share a B of GEMM_AHEAD_BYTES in so many panels and more, whose k is done at once. */
  GEMM_SHARED_ROWS = 512,
  GEMM_SHARED_K = 1024, /* of a larger L2 cache see gemm_near_k */
  GEMM_SHARED_PANELS = 4,
  GEMM_BEFORE_BYTES = 1 << 19, /* of panels that AVX2 code packs before their tiles, and so many of them */
  GEMM_BEFORE_PANELS = 8,
  GEMM_HIGH_BYTES = 128 << 10, /* of sums, where k is cut into blocks */
  GEMM_SHARED_FEW = 16, /* rows for which panels ask, where there are so many */
  GEMM_SHARED_MANY_PANELS = 24,
  GEMM_WAYS_BYTES = 1 << 20,       /* that rows a power of two apart are spread over, 8 for each of 2,048 sets */
  /* Vectors of a panel of a row by a B from afar, at least and at most: long pieces of its rows, pages apart. */
  GEMM_FAR_LEAST = 4,
  GEMM_FAR_VECTORS = FNN_VECTOR_BYTES == 64 ? 16 : 8,
  GEMM_FAR_ROWS = 8, /* after which what such a panel asks for is read */
  /* Of up to so many rows by a B of GEMM_WIDE_BYTES: columns that a unit does at once, whose sums stay in L1, of one
   * row and of more; rows of B at a time; so many rows later is what it asks for. */
  GEMM_STREAM_ROWS = 4,
  GEMM_STREAM_COLS = 2048,
  GEMM_STREAM_FEW_COLS = 1024,
  GEMM_STREAM_WAYS = 4,
  GEMM_STREAM_LATER = 8,
  GEMM_STREAM_BYTES = 12 << 20,    /* of a B that a single row asks for; of dots if its columns have at most so many */
  GEMM_STREAM_COL_BYTES = 5 << 8,  /* bytes, and how far ahead */
  GEMM_STREAM_AHEAD = 1 << 12,
  GEMM_OUTER_BYTES = 1 << 16,      /* of C that a unit of a product of such a k stores, but for rounding up */
  GEMM_OUTER_COL_BYTES = 1 << 14,  /* of B, which all rows read and which stays in L1 */
  GEMM_ALIASES = 1 << 12,          /* addresses so many bytes apart are one to a load that looks for earlier stores */
  GEMM_SPLIT_BYTES = 1 << 20,      /* few units: k is cut when partial results take no more than this */
  GEMM_ADDED_BYTES = 1 << 16,      /* of partial results that a unit adds then, but for rounding */
  GEMM_FEW_UNITS = 4,              /* with fewer units of many rows k is cut earlier: threads have something to share */
  GEMM_STRADDLED_BYTES = 1 << 14,  /* that a panel of B is spread over, from which packing it pays */
  GEMM_SCATTERED_BYTES = 1 << 19,
  GEMM_PACKING_ROWS = FNN_VECTOR_BYTES == 64 ? 512 : 48, /* that are too few for it; wide panels straddle fewer lines */
  GEMM_STRADDLING_ROWS = 160, /* the same where 7 of 8 vectors straddle lines, or more */
  GEMM_PREFETCHED_BYTES = 1 << 20, /* of a C in panels, above which its short rows are fetched ahead */
  /* Dot products: of up to so many rows, if k is not below so much, and so much more for each row that would share what
   * is transposed instead. A tile of them has so many rows and columns, whose part of B stays in half of L1. AVX2 code
   * has no registers for more rows. */
  GEMM_DOTS_MOST_ROWS = FNN_VECTOR_BYTES == 32 ? 48 : 64,
  GEMM_DOTS_K = 32,
  GEMM_DOTS_ROW_K = 16, /* the same of a single row, also of a column that is turned */
  GEMM_DOTS_K_ROW = FNN_VECTOR_BYTES == 32 ? 8 : 4,
  GEMM_DOTS_K_COL = 8, /* more rows are dot products with up to half a vector of columns, if k is so much for each */
  /* The same of more columns, whose tiles would leave a quarter of their lanes idle, if k is no whole vectors, or, of
   * AVX-512, if they are more than five eighths of one. */
  GEMM_DOTS_WIDE_K_COL = 10,
  GEMM_DOTS_ROW_COLS = FNN_VECTOR_BYTES == 64 ? 4 : 8, /* of a single row */
  GEMM_DOTS_NEAR_BYTES = 3 << 14, /* of columns that blocks of a few rows share in L1 */
  GEMM_DOTS_SHARING_ROWS = 8, /* least rows for which columns are turned */
  GEMM_DOTS_MANY_ROWS = 32,   /* fewer share them if k is so much for each column, squared, over the rows */
  GEMM_DOTS_K_FEW = 48,
  GEMM_DOTS_PRODUCTS = 1 << 18, /* whose k may be cut */
  GEMM_DOTS_UNITS = 8, /* that k of dot products is cut for, where they would be fewer: short ranges are no streams */
  GEMM_NEAR_BYTES = 1 << 15, /* of a B that stays in L1 */
  GEMM_ASKING_PRODUCTS = 1 << 14, /* of one that asks for what the next one reads and writes */
  GEMM_SMALL_ROWS = 64, /* of many products of a panel, each of which is a unit; of a B that is near also more */
  GEMM_TURNED_ROWS = 8,
  GEMM_TURNED_K = 512,
  GEMM_TURNED_LEAST_K = 32, /* of more than three quarters of a vector of columns */
  GEMM_FLAT_ROWS = 192, /* at most, by a B that is turned instead of transposed */
  GEMM_FLAT_UNIT = 64,  /* of its columns, squares of which are turned back */
  GEMM_PEAK_CHAINS = 12 /* more than two multipliers with a latency of four cycles can use; fits 16 registers */
};

/* Of products whose k is so short: see gemm_outer_k. */
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
enum { GEMM_OUTER_K = 12, GEMM_OUTER_WHOLE_K = 12, GEMM_OUTER_STRIP_K = 12, GEMM_OUTER_NARROW_K = 10 };
#else
enum { GEMM_OUTER_K = 14, GEMM_OUTER_WHOLE_K = 12, GEMM_OUTER_STRIP_K = 6, GEMM_OUTER_NARROW_K = 8 };
#endif

/* How a product is done: the first that fits it. */
enum gemm_way {
  GEMM_DOTS,       /* few rows by columns, or rows by few columns, each contiguous along k: see dots.h */
  GEMM_OUTER,      /* a few columns by as many rows that are contiguous: see gemm_outer */
  GEMM_COPIED_A,   /* such an A as the next, of a long k and many columns of B: turned as a whole in a first phase */
  GEMM_PACKED_A,   /* a transposed A whose columns lie pages apart, shared by many columns of B: by blocks, or whole */
  GEMM_STREAM,     /* a row by a large B as it lies: see gemm_stream */
  GEMM_TALL,       /* a long k of an A that is transposed, and near enough to be read in place */
  GEMM_LARGE,      /* a B larger than the L2 cache, or of a long k: large blocks of rows share what is packed of it */
  GEMM_SHARED,     /* a B that an L2 cache may hold: blocks of rows share a panel in turn and ask for the next one */
  GEMM_AHEAD,      /* few rows by a B that is not in the L2 cache, row by row as it lies: see gemm_ask_ahead */
  GEMM_FEW,        /* few rows by such a B by blocks of k of some panels: see gemm_is_few, gemm_packs_few */
  GEMM_COPIED_B,   /* many rows by a B of several panels, which are all packed in a first phase */
  GEMM_PLAIN,
  GEMM_WAYS
};

enum {
  GEMM_MOST_ASKS = 3, /* parts of matrices that the tiles of a panel ask for */
  GEMM_PIECES = 4     /* of memory, that those of small products ask for: of A, of B, of C; then none */
};

/* What tiles ask memory for while their multiply-adds are computed. */
enum gemm_asks {
  GEMM_ASKS_NOTHING,
  GEMM_ASKS_COLUMNS, /* the next columns of a B that is contiguous along k, or more of these; of a single row any */
  GEMM_ASKS_NEXT,    /* the next block of k, panel, or split of B */
  GEMM_ASKS_PACKED,  /* what is packed next */
  GEMM_ASKS_ROWS,    /* the next rows of A and of C */
  GEMM_ASKS_BESIDE,  /* the next panel of a block of k, or what follows the last one */
  GEMM_ASKS_PANEL,   /* the next panel of B */
  GEMM_ASKS_SPLIT    /* the next split of B */
};

static const int64_t gemm_most_k[GEMM_WAYS] = {
  [GEMM_DOTS] = INT64_MAX, [GEMM_OUTER] = GEMM_K_MOST, [GEMM_COPIED_A] = GEMM_K_MOST, [GEMM_PACKED_A] = GEMM_K_BLOCK,
  [GEMM_STREAM] = INT64_MAX, [GEMM_TALL] = GEMM_K_MOST, [GEMM_LARGE] = GEMM_K_WIDE, [GEMM_AHEAD] = GEMM_K_AHEAD,
  [GEMM_FEW] = GEMM_FEW_K, [GEMM_SHARED] = GEMM_K_MOST, [GEMM_COPIED_B] = GEMM_COPIED_K, [GEMM_PLAIN] = GEMM_K_MOST,
};

/* The longest k of which a packed panel stays in the L2 cache beside rows of A. Results do not depend on it. */
static int64_t gemm_near_k(void) {
  return fnn_max(GEMM_SHARED_K, fnn_min((fnn_cache_bytes(2) >> 20) * GEMM_SHARED_K, GEMM_K_MOST));
}

/* Three quarters of a vector, an even number of lanes. */
static int64_t gemm_most_of(int64_t lanes) { return 3 * lanes / 8 * 2; }

/* A product of few columns, of lanes of a vector, written as one of few rows, or of few rows by a transposed B: the
 * operands change places, and a vector holds many rows of the result instead of one. What came is returned where that
 * does not pay; else `space`, without the program. */
FNN_COMMON
static const int64_t *gemm_turn(const int64_t *ints, int64_t *space, int64_t lanes) {
  /* Else packing A takes as long; as dots it is not packed. */
  const int is_dots = ints[GEMM_A_COL] == 1 && ints[GEMM_B_ROW] == 1;
  const int is_short = ints[GEMM_A_ROW] == 1 || ints[GEMM_K] <= GEMM_TURNED_K || is_dots;
  const int sums_strided = ints[GEMM_COLUMN_SUM] && ints[GEMM_A_ROW] != 1; /* no kernel gradient */
  const int is_column = ints[GEMM_N] == 1 && ints[GEMM_M] >= GEMM_TURNED_ROWS && is_short && !sums_strided;
  const int64_t batches = ints[GEMM_BATCH] * ints[GEMM_BATCH + 3] * ints[GEMM_BATCH + 6];
  const int64_t m = ints[GEMM_M], n = ints[GEMM_N], k = ints[GEMM_K], idle = fnn_round_up(m, lanes) - m;
  /* A vector holds many rows of a transposed A. More than three quarters of one of columns have many rows and a long k,
   * and leave a quarter of their own lanes idle, or are tiles of a single vector that loads hold. */
  const int is_most = n > gemm_most_of(lanes), is_single = FNN_VECTOR_BYTES == 64 && n <= lanes;
  const int pays = !is_most || (m >= 8 * lanes && k >= GEMM_TURNED_LEAST_K && n <= 3 * lanes / 2 &&
                                (is_single || 4 * n <= 3 * fnn_round_up(n, lanes)));
  const int is_narrow = n > 1 && m >= 2 * lanes && k > GEMM_OUTER_NARROW_K && pays && ints[GEMM_A_ROW] == 1 &&
                        batches == 1 && !ints[GEMM_EPILOGUE];
  /* Few rows by a B that is contiguous along k: they and the result are less to transpose than B. At most a 16th of the
   * lanes are idle, and not where tiles are short too. */
  const int fits = idle == 0 || (16 * idle <= m + idle && k >= 16 * lanes);
  const int is_flat = is_dots && ints[GEMM_B_COL] != 1 && batches == 1 && !ints[GEMM_COLUMN_SUM] && m > lanes &&
                      m <= GEMM_FLAT_ROWS && fits && n * k >= 2 * m * (n + k);
  if (!is_column && !is_narrow && !is_flat) return ints;
  memcpy(space, ints, GEMM_INTS * sizeof *ints);
  space[GEMM_M] = ints[GEMM_N];
  space[GEMM_N] = ints[GEMM_M];
  space[GEMM_A_ROW] = is_column ? 0 : ints[GEMM_B_COL];
  space[GEMM_A_COL] = ints[GEMM_B_ROW];
  space[GEMM_B_ROW] = ints[GEMM_A_COL];
  space[GEMM_B_COL] = ints[GEMM_A_ROW];
  space[GEMM_EPILOGUE] = 0;
  for (int d = 0; d < GEMM_BATCH_DIMS; d++) {
    space[GEMM_BATCH + 3 * d + 1] = ints[GEMM_BATCH + 3 * d + 2];
    space[GEMM_BATCH + 3 * d + 2] = ints[GEMM_BATCH + 3 * d + 1];
  }
  return space;
}

/* What is done at once: blocks of rows [block, block_end) by panels [panel_begin, panel_end), of product z of a batch,
 * over a split of k. */
typedef struct {
  int64_t z, block, block_end, panel_begin, panel_end, split;
} gemm_part;

#include "types_f32.h"
#include "tile.h"
#include "tile_half.h"
#include "pack.h"
#include "dots.h"
#include "gemm_cut_body.h"
#include "gemm_ask_body.h"
#include "gemm_dots_body.h"
#include "gemm_body.h"
#include "types_f64.h"
#include "tile.h"
#include "tile_half.h"
#include "pack.h"
#include "dots.h"
#include "gemm_cut_body.h"
#include "gemm_ask_body.h"
#include "gemm_dots_body.h"
#include "gemm_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {{"gemm_f32", gemm_f32, gemm_size_f32},
                                    {"gemm_f64", gemm_f64, gemm_size_f64},
                                    {"fma_peak_f32", fma_peak_f32, fma_peak_size_f32},
                                    {"fma_peak_f64", fma_peak_f64, fma_peak_size_f64},
                                    {0}};
const fnn_table FNN_TABLE(gemm) = {entries, 0, 0};
