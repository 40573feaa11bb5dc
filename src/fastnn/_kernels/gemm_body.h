/* gemm_body.h: what gemm.c compiles for float32 and for float64.
 *
 * A unit is a block of rows by a panel of columns (by a range of k when k is cut). Its panel of B stays in cache while
 * the block's tiles pass over it. */

enum { OWN(GEMM_ROWS) = 8 * TILE_ROWS };

/* How a product is cut. */
typedef struct {
  int64_t m, n, k, batches;
  int64_t row_blocks, panels, splits, split_k; /* a split is a range of split_k along k */
  int packs;                                   /* B cannot be read in place: panels of it are copied to scratch */
  int sums_columns;
} OWN(gemm_cut);

static OWN(gemm_cut) OWN(gemm_cut_of)(const int64_t *ints) {
  OWN(gemm_cut) c = {.m = ints[GEMM_M], .n = ints[GEMM_N], .k = ints[GEMM_K], .batches = 1};
  for (int d = 0; d < GEMM_BATCH_DIMS; d++) c.batches *= ints[GEMM_BATCH + 3 * d];
  c.row_blocks = fnn_ceil_div(c.m, OWN(GEMM_ROWS));
  c.panels = tile_panels(c.n, N);
  c.packs = ints[GEMM_B_COL] != 1 || ints[GEMM_B_ROW] < c.n;
  c.sums_columns = ints[GEMM_COLUMN_SUM] != 0;
  int64_t units = c.batches * c.row_blocks * c.panels;
  c.splits = 1;
  c.split_k = c.k;
  if (units > 0 && units < GEMM_UNITS && c.k >= 2 * GEMM_K_BLOCK) {
    int64_t wanted = fnn_min(c.k / GEMM_K_BLOCK, fnn_ceil_div(GEMM_UNITS, units));
    c.split_k = fnn_round_up(fnn_ceil_div(c.k, wanted), GEMM_K_BLOCK);
    c.splits = fnn_ceil_div(c.k, c.split_k);
  }
  return c;
}

/* A thread's scratch: a panel of B, the panel's bias, the block's sums between blocks of k, the program's. */
typedef struct {
  T *panel, *bias, *partial;
  char *program;
} OWN(gemm_scratch);

enum {
  OWN(GEMM_PANEL) = GEMM_K_BLOCK * OWN(TILE_COLS),
  OWN(GEMM_PARTIAL) = OWN(GEMM_ROWS) * OWN(TILE_COLS),
  OWN(GEMM_SCRATCH) = OWN(GEMM_PANEL) + OWN(TILE_COLS) + OWN(GEMM_PARTIAL)
};

static void OWN(gemm_size)(const int64_t *ints, fnn_work *work) {
  const OWN(gemm_cut) c = OWN(gemm_cut_of)(ints);
  const double m = (double)c.m, n = (double)c.n, k = (double)c.k, batches = (double)c.batches;
  int64_t tiles = c.batches * c.row_blocks * c.panels;
  work->phases = c.splits > 1 ? 2 : 1;
  work->units[0] = tiles * c.splits;
  work->units[1] = tiles;
  work->scratch_bytes = OWN(GEMM_SCRATCH) * (int64_t)sizeof(T);
  if (ints[GEMM_EPILOGUE]) work->scratch_bytes += fnn_program_scratch(ints + ints[GEMM_EPILOGUE], sizeof(T));
  if (c.splits > 1) work->shared_bytes = c.splits * (c.batches * c.m + c.sums_columns) * c.n * (int64_t)sizeof(T);
  work->flops = 2 * batches * m * n * k;
  work->bytes = batches * (m * k + k * n + m * n) * (double)sizeof(T);
}

/* The panel's columns of rows [0, k) of B as whole vectors, zeroes after the valid ones. */
static void OWN(gemm_pack)(T *out, const T *b, int64_t b_row, int64_t b_col, int64_t k, tile_panel panel) {
  const int64_t width = panel.vectors * N;
  b += panel.begin * b_col;
  for (int64_t j = 0; j < panel.cols; j++)
    for (int64_t i = 0; i < k; i++) out[i * width + j] = b[i * b_row + j * b_col];
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = panel.cols; j < width; j++) out[i * width + j] = 0;
}

/* Where rows [begin, end) of B's panel are read: in place, but for the last rows when whole vectors would reach past
 * the end of B; those are copied to `space`. Returns the number of segments. */
static int OWN(gemm_segments)(OWN(tile_segment) * s, const OWN(gemm_cut) * c, const int64_t *ints, const T *b,
                              int64_t begin, int64_t end, tile_panel panel, T *space) {
  const int64_t b_row = ints[GEMM_B_ROW], a_col = ints[GEMM_A_COL], width = panel.vectors * N;
  if (c->packs) {
    OWN(gemm_pack)(space, b + begin * b_row, b_row, ints[GEMM_B_COL], end - begin, panel);
    s[0] = (OWN(tile_segment)){space, width, begin * a_col, end - begin};
    return 1;
  }
  int64_t tail = panel.cols < width ? OWN(tile_tail)(panel.cols, b_row) : 0;
  int64_t in_place = fnn_max(begin, fnn_min(end, c->k - tail));
  int n = 0;
  if (in_place > begin)
    s[n++] = (OWN(tile_segment)){b + panel.begin + begin * b_row, b_row, begin * a_col, in_place - begin};
  if (in_place < end) {
    OWN(gemm_pack)(space, b + in_place * b_row, b_row, 1, end - in_place, panel);
    s[n++] = (OWN(tile_segment)){space, width, in_place * a_col, end - in_place};
  }
  return n;
}

static void OWN(gemm_add_columns)(V *sum, const OWN(tile_segment) * s, int n_segments, int vectors) {
  for (int i = 0; i < n_segments; i++)
    for (int64_t k = 0; k < s[i].k; k++)
      for (int j = 0; j < vectors; j++) sum[j] += FN(load)(s[i].b + k * s[i].b_stride + j * N);
}

/* Unit (batch z, row block, panel, split) of the products. */
static void OWN(gemm_multiply)(const fnn_call *call, const OWN(gemm_cut) * c, OWN(gemm_scratch) scratch, int64_t z,
                               int64_t row_block, int64_t panel_index, int64_t split) {
  const int64_t *ints = call->ints;
  const T *a = (const T *)call->buf[0], *b = (const T *)call->buf[1];
  for (int64_t d = GEMM_BATCH_DIMS - 1, rest = z; d >= 0; d--) {
    const int64_t *dim = ints + GEMM_BATCH + 3 * d;
    a += rest % dim[0] * dim[1];
    b += rest % dim[0] * dim[2];
    rest /= dim[0];
  }
  const tile_panel panel = tile_panel_at(c->n, N, panel_index);
  const int64_t row_begin = row_block * OWN(GEMM_ROWS), row_end = fnn_min(c->m, row_begin + OWN(GEMM_ROWS));
  const int64_t k_begin = split * c->split_k, k_end = fnn_min(c->k, k_begin + c->split_k);
  const int whole = c->splits == 1, sums = c->sums_columns && row_block == 0;

  OWN(tile_segment) segments[2];
  OWN(tile) t = {.cols = panel.cols, .c_column = panel.begin, .a_stride = ints[GEMM_A_COL], .segments = segments, .alpha = 1,
                 .floor = -INFINITY};
  T *out = (T *)call->shared + split * (c->batches * c->m + c->sums_columns) * c->n, *column_sum = out + c->m * c->n;
  if (whole) {
    out = (T *)call->buf[2];
    column_sum = (T *)call->buf[4];
    t.alpha = (T)call->reals[0];
    t.beta = (T)call->reals[1];
    if (ints[GEMM_RELU]) t.floor = 0;
    t.bias = OWN(tile_bias)((const T *)call->buf[3], panel, scratch.bias);
  }
  const T *a_rows[OWN(GEMM_ROWS)];
  T *c_rows[OWN(GEMM_ROWS)];
  for (int64_t i = 0; i < fnn_round_up(row_end - row_begin, TILE_ROWS); i++) {
    const int64_t row = fnn_min(row_begin + i, row_end - 1);
    a_rows[i] = a + row * ints[GEMM_A_ROW];
    c_rows[i] = out + (z * c->m + row) * c->n;
  }

  V sum[TILE_VECTORS] = {{0}};
  int64_t k = k_begin;
  do { /* once even when k is zero: the result is then bias + beta * c */
    const int64_t k_next = fnn_min(k_end, k + GEMM_K_BLOCK);
    t.n_segments = OWN(gemm_segments)(segments, c, ints, b, k, k_next, panel, scratch.panel);
    t.resumes = k > k_begin;
    t.continues = k_next < k_end;
    t.partial = scratch.partial;
    if (sums) OWN(gemm_add_columns)(sum, segments, (int)t.n_segments, panel.vectors);
    for (int64_t row = row_begin; row < row_end; row += TILE_ROWS) {
      t.rows = fnn_min(TILE_ROWS, row_end - row);
      t.a = a_rows + (row - row_begin);
      t.c = c_rows + (row - row_begin);
      OWN(tile_call)(&t, panel.vectors);
      t.partial += TILE_ROWS * OWN(TILE_COLS);
    }
    k = k_next;
  } while (k < k_end);
  if (sums) memcpy(column_sum + panel.begin, sum, sizeof(T) * (size_t)panel.cols);
}

/* Adds the splits of k for one row of a panel and finishes it. */
static void OWN(gemm_add_splits)(const OWN(tile) * finish, const T *partial, int64_t split_stride, int64_t splits,
                                 T *out) {
  _Alignas(FNN_ALIGN) T sums[OWN(TILE_COLS)];
  for (int j = 0; j * N < finish->cols; j++) {
    const int64_t n = finish->cols - j * N;
    V sum = {0};
    for (int64_t split = 0; split < splits; split++) {
      const T *p = partial + split * split_stride + j * N;
      sum += n < N ? FN(load_part)(p, n) : FN(load)(p);
    }
    FN(store)(sums + j * N, sum);
  }
  OWN(tile_finish_row)(finish, sums, out);
}

/* Unit (batch z, row block, panel) of the second phase. */
static void OWN(gemm_combine)(const fnn_call *call, const OWN(gemm_cut) * c, OWN(gemm_scratch) scratch, int64_t z,
                              int64_t row_block, int64_t panel_index) {
  const tile_panel panel = tile_panel_at(c->n, N, panel_index);
  const int64_t row_begin = row_block * OWN(GEMM_ROWS), row_end = fnn_min(c->m, row_begin + OWN(GEMM_ROWS));
  const int64_t split_stride = (c->batches * c->m + c->sums_columns) * c->n;
  const T *partial = (const T *)call->shared;
  const OWN(tile) finish = {.cols = panel.cols, .alpha = (T)call->reals[0], .beta = (T)call->reals[1],
                            .floor = call->ints[GEMM_RELU] ? 0 : -INFINITY,
                            .bias = OWN(tile_bias)((const T *)call->buf[3], panel, scratch.bias)};
  for (int64_t row = row_begin; row < row_end; row++) {
    int64_t at = (z * c->m + row) * c->n + panel.begin;
    OWN(gemm_add_splits)(&finish, partial + at, split_stride, c->splits, (T *)call->buf[2] + at);
  }
  if (c->sums_columns && row_block == 0) {
    const OWN(tile) plain = {.cols = panel.cols, .alpha = 1, .floor = -INFINITY};
    OWN(gemm_add_splits)(&plain, partial + c->m * c->n + panel.begin, split_stride, c->splits,
                         (T *)call->buf[4] + panel.begin);
  }
}

static void OWN(gemm)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints;
  const OWN(gemm_cut) c = OWN(gemm_cut_of)(ints);
  FNN_REQUIRE(!c.sums_columns || c.batches == 1);
  T *space = (T *)call->scratch;
  const OWN(gemm_scratch) scratch = {.panel = space, .bias = space + OWN(GEMM_PANEL),
                                     .partial = space + OWN(GEMM_PANEL) + OWN(TILE_COLS),
                                     .program = (char *)(space + OWN(GEMM_SCRATCH))};
  for (int64_t unit = begin; unit < end; unit++) {
    /* Splits vary slowest, then batches, row blocks and panels: neighbours share rows of A. */
    const int64_t panel = unit % c.panels, row_block = unit / c.panels % c.row_blocks;
    const int64_t z = unit / (c.panels * c.row_blocks) % c.batches;
    if (call->phase == 1) OWN(gemm_combine)(call, &c, scratch, z, row_block, panel);
    else OWN(gemm_multiply)(call, &c, scratch, z, row_block, panel, unit / (c.panels * c.row_blocks * c.batches));
    if (ints[GEMM_EPILOGUE] && (call->phase == 1 || c.splits == 1)) {
      const tile_panel p = tile_panel_at(c.n, N, panel);
      const int64_t row = row_block * OWN(GEMM_ROWS), rows = fnn_min(c.m - row, OWN(GEMM_ROWS));
      call->program[TYPE_DTYPE == FNN_F64](ints + ints[GEMM_EPILOGUE], call, z * c.m + row, rows, p.begin, p.cols,
                                           scratch.program);
    }
  }
}
