/* resize.c: images of another size, and the gradient, by bands of weights: each row of results is a sum of a few
 * neighbouring rows of x, each column a sum of a few neighbouring columns.
 *
 * resize  buffers 0 x (n, h, w, c), 1 y (n, oh, ow, c), not over x
 *   y[i, p, q, k] = sum over s < row_count[p] and t < col_count[q] of
 *                   row_weight[p, s] * col_weight[q, t] * x[i, row_first[p] + s, col_first[q] + t, k]
 *   ints   [0] n [1] h [2] w [3] c [4] oh [5] ow [6] row_taps [7] col_taps [8] is_rows: each row of results is one of
 *          x, times 1; then row_first (oh), row_count (oh), col_first (ow), col_count (ow): firsts and ends of spans do
 *          not fall, counts are `taps` at most
 *   reals  row_weight (oh, row_taps), col_weight (ow, col_taps)
 * Only what lies in the span of a result reaches it, be it not finite. A unit is a row of results. Of the two axes that
 * comes first which leaves the other less to do: columns where images grow, so that each row of x is widened once for
 * all rows of results that read it (a ring in scratch keeps as many as one of them reads), else rows. Columns are done
 * in pieces whose rows stay in L1. */
#include "vector.h"

enum { PIECE_BYTES = 8 << 10 }; /* of a row of results */

typedef struct {
  int64_t n, h, w, c, oh, ow, row_taps, col_taps, is_rows;
  const int64_t *row_first, *row_count, *col_first, *col_count;
  int cols_first; /* which axis is first */
} resizing;

static int64_t resize_total(const int64_t *counts, int64_t n) {
  int64_t total = 0;
  for (int64_t k = 0; k < n; k++) total += counts[k];
  return total;
}

/* Halves of products where columns are first, or rows: one of columns, which are short, takes half more time. Rows that
 * results only copy are read in place, but for the copy that thin pixels need. */
static int64_t resize_cost(const resizing *r, int cols_first) {
  const int64_t rows = resize_total(r->row_count, r->oh), cols = resize_total(r->col_count, r->ow);
  const int64_t row = r->is_rows && r->c >= FNN_VF ? 0 : r->w;
  return 3 * cols * (cols_first ? r->h : r->oh) + 2 * rows * (cols_first ? r->ow : row);
}

static resizing resize_of(const int64_t *ints) {
  resizing r = {ints[0], ints[1], ints[2], ints[3], ints[4], ints[5], ints[6], ints[7], ints[8], 0, 0, 0, 0, 0};
  r.row_first = ints + 9;
  r.row_count = r.row_first + r.oh;
  r.col_first = r.row_count + r.oh;
  r.col_count = r.col_first + r.ow;
  r.cols_first = resize_cost(&r, 1) < resize_cost(&r, 0);
  return r;
}

static void resize_size(const int64_t *ints, fnn_work *work, int64_t element_bytes, int64_t scratch_bytes) {
  const resizing r = resize_of(ints);
  work->phases = 1;
  work->units[0] = r.ow * r.c > 0 ? r.n * r.oh : 0;
  work->scratch_bytes = scratch_bytes;
  work->flops = (double)r.n * (double)r.c * (double)resize_cost(&r, r.cols_first);
  work->bytes = (double)r.n * (double)r.c * (double)(r.h * r.w + r.oh * r.ow) * (double)element_bytes;
}

#include "types_f32.h"
#include "resize_body.h"
#include "types_f64.h"
#include "resize_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {{"resize_f32", resize_f32, resize_size_f32},
                                    {"resize_f64", resize_f64, resize_size_f64},
                                    {0}};
const fnn_table FNN_TABLE(resize) = {entries, 0, 0};
