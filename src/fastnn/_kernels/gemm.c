/* gemm.c: matrix products.
 *
 * gemm: C[z] = relu(alpha * A[z] @ B[z] + bias + beta * C[z]) for each z of the batch, then a program.
 *   buffers  0 A, 1 B: any strides, any element alignment
 *            2 C: (batch, m, n), contiguous; read only if beta is not 0; must not overlap A, B or the bias
 *            3 bias: (n,) or NULL
 *            4 column_sum: (n,) or NULL: the sum of B over k, the bias gradient that belongs to a kernel gradient
 *            5.. whatever the program reads and writes
 *   ints     enum gemm_ints; strides in elements, they may be zero or negative
 *   reals    0 alpha, 1 beta; then the program's
 *   The program's space is (batch * m, n); it runs on each tile of C once that is stored.
 *   Order of summation: k ascending, in one chain; where the result is small and k is long, k is cut in fixed blocks
 *   whose sums are added in order (a function of the shapes alone). */
#include <math.h>

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

enum {
  GEMM_K_BLOCK = 512, /* 512 x 48 floats of B are 96 KiB: with the rows of A they stay in L2 while a unit runs */
  GEMM_UNITS = 16     /* cut k when a product has fewer units than this */
};

#include "types_f32.h"
#include "tile.h"
#include "gemm_body.h"
#include "types_f64.h"
#include "tile.h"
#include "gemm_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {{"gemm_f32", gemm_f32, gemm_size_f32}, {"gemm_f64", gemm_f64, gemm_size_f64}, {0}};
const fnn_table FNN_TABLE(gemm) = {entries, 0, 0};
