/* gemm_ask_body.h: what the tiles of a product ask memory for, or copy, while their multiply-adds are computed, for
 * float32 and for float64. Nothing here changes a result. */

FNN_INLINE void OWN(gemm_prefetch_rows)(const T *at, int64_t stride, int64_t rows, int64_t cols, const int writes) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j += FNN_ALIGN / (int64_t)sizeof(T))
      __builtin_prefetch(at + i * stride + j, writes, 2);
}

/* Fetches what a tile at (row, col) of the program's space and its epilogue will write and read, while the tile's
 * products are computed. */
static void OWN(gemm_prefetch)(const fnn_call *call, int64_t row, int64_t rows, int64_t col, int64_t cols) {
  const int64_t *program = call->ints + call->ints[GEMM_EPILOGUE], n = call->ints[GEMM_N];
  OWN(gemm_prefetch_rows)((const T *)call->buf[2] + row * n + col, n, rows, cols, 1);
  for (int64_t k = 0; call->ints[GEMM_EPILOGUE] && k < program[0]; k++) {
    const int64_t *o = fnn_program_operand(program, k);
    if (o[0] > 2 && o[1] == TYPE_DTYPE && o[2] >= cols && o[3] == 1)
      OWN(gemm_prefetch_rows)((const T *)call->buf[o[0]] + row * o[2] + col, o[2], rows, cols, 0);
  }
}

/* Rows of a matrix that are read next. */
typedef struct {
  const T *at;
  int64_t stride, rows, cols;
} OWN(gemm_ask);

/* Whole rows: where they follow each other without gaps in pieces of TILE_COLS, as more lines at once would take the
 * buffers that the products' own loads wait for. */
static OWN(gemm_ask) OWN(gemm_ask_whole)(const T *at, int64_t stride, int64_t rows, int64_t cols) {
  const int64_t piece = OWN(TILE_COLS);
  if (stride != cols) return (OWN(gemm_ask)){at, stride, rows, cols};
  return (OWN(gemm_ask)){at, piece, fnn_ceil_div(rows * cols, piece), piece};
}

/* What the tiles of a panel ask for where B is read in place: its part of the next block of k, or the first one of the
 * next panel or of the next split. Rows of a part of a matrix are no stream that the hardware would see; those of A,
 * whole, are, but a unit of several panels asks for its next block of both, a part of A by each; of B too where its
 * panels are all, in pieces, as whole rows at once would be more than few tiles of A have time for. */
static void OWN(gemm_ask_next)(OWN(gemm_ask) * asks, const OWN(gemm_cut) * c, const int64_t *ints, const T *a,
                               const T *b, int64_t k_begin, int64_t k_next, int64_t k_end, int64_t panel_index) {
  const int64_t a_col = ints[GEMM_A_COL], b_row = ints[GEMM_B_ROW];
  if (OWN(gemm_is_streamed)(c)) {
    const int64_t first = panel_index / c->group * c->group, panels = fnn_min(c->group, c->panels - first);
    const int64_t index = panel_index - first, is_next = k_next < k_end || first + panels == c->panels;
    const int64_t span = is_next ? fnn_min(c->k_block, c->k - k_next) : 0;
    const int64_t begin = span * index / panels, end = span * (index + 1) / panels;
    const tile_panel panel = tile_panel_of(c->n, N, c->widest, panel_index);
    asks[0] = OWN(gemm_ask_whole)(a + (k_next + begin) * a_col, a_col, end - begin, c->m);
    asks[1] = b_row == c->n && panels == c->panels
                ? OWN(gemm_ask_whole)(b + (k_next + begin) * b_row, b_row, end - begin, c->n)
                : (OWN(gemm_ask)){b + panel.begin + k_next * b_row, b_row, span, panel.cols};
    return;
  }
  const int ends = k_next == k_end, is_last = ends && panel_index + 1 == c->panels;
  const int64_t from = ends && !is_last ? k_begin : k_next;
  const tile_panel next = tile_panel_of(c->n, N, c->widest, is_last ? 0 : panel_index + ends);
  asks[1] = (OWN(gemm_ask)){b + next.begin + from * b_row, b_row, fnn_min(c->k_block, c->k - from), next.cols};
}

/* The same where A or they are packed, or rows of a transposed A lie pages apart: of B its next panel of the block of
 * k, or the first one of the next block, or of the next unit; of A the next block of k or of rows, of which each panel
 * asks for a part. Units of one group follow each other; where A is read in place, those of one block of rows. */
static void OWN(gemm_ask_packed)(OWN(gemm_ask) * asks, const OWN(gemm_cut) * c, const int64_t *ints, const T *a,
                                 const T *b, const gemm_part *part, int64_t k_begin, int64_t k, int64_t k_end,
                                 int64_t panel_index) {
  const int64_t b_row = ints[GEMM_B_ROW], a_col = ints[GEMM_A_COL], k_next = fnn_min(k_end, k + c->k_block);
  const int is_last = panel_index + 1 == part->panel_end, is_last_unit = part->block_end == c->row_blocks;
  const int ends = k_next == k_end;
  const int64_t k_then = ends ? k_begin : k_next;
  const int64_t next = !is_last ? panel_index + 1 : ends && is_last_unit ? part->panel_end : part->panel_begin;
  const int is_in_place = c->way == GEMM_PLAIN;
  const int is_far = c->packs_b || c->n * c->k * (int64_t)sizeof(T) >= GEMM_AHEAD_BYTES;
  if (is_far && !c->packs_group && !is_in_place && ints[GEMM_B_COL] == 1 && next < c->panels) {
    const tile_panel panel = tile_panel_of(c->n, N, c->widest, next);
    const int64_t from = is_last ? k_then : k;
    asks[1] = (OWN(gemm_ask)){b + panel.begin + from * b_row, b_row, fnn_min(c->k_block, k_end - from), panel.cols};
  }
  if ((c->way != GEMM_PACKED_A && !is_in_place) || (ends && is_last_unit)) return;
  const int64_t first = is_in_place ? 0 : part->panel_begin;
  const int64_t panels = is_in_place ? c->panels : part->panel_end - first;
  const int64_t index = panel_index - first;
  const int64_t row = (ends ? part->block_end : part->block) * c->rows, span = fnn_min(c->k_block, k_end - k_then);
  const int64_t begin = span * index / panels, end = span * (index + 1) / panels;
  const int64_t rows = (part->block_end - part->block) * c->rows;
  asks[0] = (OWN(gemm_ask)){a + row + (k_then + begin) * a_col, a_col, end - begin, fnn_min(rows, c->m - row)};
}

/* The same block of k of the next panel; after a unit's last one the next block of its first one, or what the
 * next unit begins with. */
static void OWN(gemm_ask_beside)(OWN(gemm_ask) * asks, const OWN(gemm_cut) * c, const int64_t *ints, const T *b,
                                 const gemm_part *part, int64_t k, int64_t k_next, int64_t panel_index) {
  const int is_last = panel_index + 1 == part->panel_end, ends = k_next == c->k;
  const int stays = is_last && (!ends || part->block_end < c->row_blocks); /* with its panels */
  const int64_t to = stays ? part->panel_begin : panel_index + 1, b_row = ints[GEMM_B_ROW];
  const int64_t from = !is_last ? k : ends ? 0 : k_next;
  if (to == c->panels) return;
  const tile_panel next = tile_panel_of(c->n, N, c->widest, to);
  asks[1] = (OWN(gemm_ask)){b + next.begin + from * b_row, b_row, fnn_min(c->k_block, c->k - from), next.cols};
}

/* The next rows: of A those of the next block of k or unit, of which each panel asks for a part; of C, and of
 * the first matrix that its program reads, those of the next panel or unit. */
static void OWN(gemm_ask_rows_of)(OWN(gemm_ask) * asks, const OWN(gemm_cut) * c, const int64_t *ints, const T *a,
                                  char *const *bufs, const gemm_part *part, int64_t k_begin, int64_t k_next,
                                  int64_t k_end, int64_t panel_index) {
  const int ends = k_next == k_end, is_last = panel_index + 1 == part->panel_end;
  const int64_t line = FNN_ALIGN / (int64_t)sizeof(T), here = part->block * c->rows, then = part->block_end * c->rows;
  const int64_t row = ends ? then : here, from = ends ? k_begin : k_next, span = fnn_min(c->k_block, k_end - from);
  if (ints[GEMM_A_COL] == 1 && row < c->m) {
    const int64_t panels = part->panel_end - part->panel_begin, index = panel_index - part->panel_begin;
    const int64_t begin = span * index / panels / line * line;
    const int64_t end = is_last ? span : span * (index + 1) / panels / line * line;
    const T *at = a + row * ints[GEMM_A_ROW] + from + begin;
    asks[0] = (OWN(gemm_ask)){at, ints[GEMM_A_ROW], fnn_min(then - here, c->m - row), end - begin};
  }
  const int64_t c_row = is_last ? then : here;
  if (ends && c->turns_back) { /* whose columns of C are stored at once, after the tiles */
    const tile_panel panel = tile_panel_of(c->n, N, c->widest, panel_index);
    T *to = (T *)bufs[2] + panel.begin * c->m + here;
    asks[1] = (OWN(gemm_ask)){to, c->m, panel.cols, fnn_min(c->rows, c->m - here)};
  } else if (ends && c_row < c->m) {
    const tile_panel next = tile_panel_of(c->n, N, c->widest, is_last ? part->panel_begin : panel_index + 1);
    const int64_t rows = fnn_min(then - here, c->m - c_row);
    asks[1] = (OWN(gemm_ask)){(const T *)bufs[2] + c_row * c->n + next.begin, c->n, rows, next.cols};
    const int64_t *program = ints + ints[GEMM_EPILOGUE];
    for (int64_t i = 0; ints[GEMM_EPILOGUE] && i < program[0] && !asks[2].at; i++) {
      const int64_t *o = fnn_program_operand(program, i);
      if (o[0] <= 2 || o[1] != TYPE_DTYPE || o[2] < c->n || o[3] != 1) continue;
      asks[2] = (OWN(gemm_ask)){(const T *)bufs[o[0]] + c_row * o[2] + next.begin, o[2], rows, next.cols};
    }
  }
}

/* A unit's share of what the next ones read of B: [k, k_next) of the next panel, or as much of the next split. In a
 * network it is seldom in this core's cache: the optimizer has just written it, or other layers' B came since. The
 * first panel that a thread does asks for A too, where that is one piece of memory: from the rows of the next tile
 * on. */
static void OWN(gemm_ask_shared)(OWN(gemm_ask) * asks, const OWN(gemm_cut) * c, const int64_t *ints, const T *a,
                                 const T *b, int64_t k, int64_t k_next, int64_t panel_index, const gemm_part *part,
                                 int is_first) {
  const int64_t a_row = ints[GEMM_A_ROW], b_row = ints[GEMM_B_ROW], piece = OWN(TILE_COLS);
  const int64_t rows_here = (part->block_end - part->block) * c->rows;
  const int splits = c->asks == GEMM_ASKS_SPLIT;
  const int64_t row = part->block * c->rows + tile_rows(tile_panel_of(c->n, N, c->widest, panel_index).vectors);
  if (is_first && a_row == c->k && ints[GEMM_A_COL] == 1 && row < c->m)
    asks[0] = (OWN(gemm_ask)){a + row * a_row, piece, fnn_min(rows_here, c->m - row) * a_row / piece, piece};
  const int64_t next_panel = panel_index + !splits, next_k = k + (splits ? c->split_k : 0);
  const int64_t rows = fnn_min(k_next - k, c->k - next_k);
  if (next_panel == c->panels || rows <= 0) return;
  const tile_panel next = tile_panel_of(c->n, N, c->widest, next_panel);
  const int64_t begin = rows * part->block / c->row_blocks, end = rows * part->block_end / c->row_blocks;
  asks[1] = (OWN(gemm_ask)){b + next.begin + (next_k + begin) * b_row, b_row, end - begin, next.cols};
}

/* Cuts a tile's segments into short ones of so many steps, each of which asks for some lines: more at once would take
 * the buffers that the products' own loads wait for. */
static void OWN(gemm_cut_segments)(OWN(tile) * t, OWN(tile_segment) * segments, int64_t steps) {
  const OWN(tile_segment) long_ones[2] = {segments[0], segments[t->n_segments - 1]};
  const int64_t n_long = t->n_segments;
  int64_t n = 0;
  for (int64_t i = 0; i < n_long; i++) {
    const OWN(tile_segment) *s = long_ones + i;
    for (int64_t at = 0; at < s->k; at += steps)
      segments[n++] = (OWN(tile_segment)){s->b + at * s->b_stride, s->b_stride, s->a_offset + at * t->a_stride,
                                          fnn_min(steps, s->k - at)};
  }
  t->n_segments = n;
}

/* How many rows a tile asks for, so that `tiles` ask for all, those of A first: not more than there are so many
 * steps of k. */
static int64_t OWN(gemm_asks_a_tile)(const OWN(gemm_ask) * asks, int64_t k, int64_t tiles, int64_t steps) {
  const int64_t most = fnn_max(1, k / steps);
  int64_t n = fnn_min(most, fnn_ceil_div(asks[0].rows + asks[1].rows + asks[2].rows, tiles));
  for (; n > 0 && n < most; n++) {
    int64_t wanted = 0;
    for (int i = 0; i < GEMM_MOST_ASKS; i++) wanted += fnn_ceil_div(asks[i].rows, n);
    if (wanted <= tiles) break;
  }
  return n;
}

/* A tile asks for rows from `row` on, one in each segment or part. */
FNN_INLINE void OWN(gemm_ask_rows)(OWN(tile) * t, const OWN(gemm_ask) * ask, int64_t row) {
  const int64_t line = FNN_ALIGN / (int64_t)sizeof(T);
  t->ahead = ask->at + row * ask->stride;
  const int straddles = (uintptr_t)ask->at % FNN_ALIGN || ask->stride % line;
  t->ahead_lines = row < ask->rows ? fnn_ceil_div(ask->cols, line) + straddles : 0;
  t->ahead_skip = ask->stride - t->ahead_lines * line;
}

/* So many tiles of a strip, and t at those after it. */
static void OWN(gemm_strip)(OWN(tile) * t, int64_t tiles, int vectors) {
  const int64_t rows = tiles * tile_rows(vectors);
  OWN(tile_strip)(t, tiles, vectors);
  t->a += rows, t->c += rows, t->partial += rows * OWN(TILE_COLS);
}

/* The same, which ask for rows. */
COMMON
static void OWN(gemm_asking_strip)(OWN(tile) * t, const OWN(gemm_ask) * asks, int64_t tiles, int vectors) {
  const enum strip_kind plain = t->strip;
  const int64_t k = t->segments[0].k, c_parts = t->asks_c ? fnn_min(tile_rows(vectors), k) : 0;
  const int asks_any = asks[0].rows + asks[1].rows + asks[2].rows > 0;
  t->strip = STRIP_FULL;
  t->parts = asks_any ? fnn_max(c_parts, OWN(gemm_asks_a_tile)(asks, k, tiles, GEMM_PART_STEPS)) : 0;
  for (int i = 0; asks_any && i < GEMM_MOST_ASKS; i++) {
    const int64_t n = t->parts ? fnn_min(tiles, fnn_ceil_div(asks[i].rows, t->parts)) : 0;
    if (n == 0) continue;
    OWN(gemm_ask_rows)(t, asks + i, 0);
    OWN(gemm_strip)(t, n, vectors);
    tiles -= n;
  }
  t->strip = plain;
  t->parts = c_parts, t->ahead_lines = 0;
  if (tiles > 0) OWN(gemm_strip)(t, tiles, vectors);
}

/* The same of a B whose columns are contiguous along k: each tile asks for some lines of all columns of what is packed
 * next, the next block of k or the first one of the next panel. Blocks of rows that share a panel share this too.
 * Columns without gaps between them are asked for in the order of memory, a part of them by each tile. */
static void OWN(gemm_asking_columns)(OWN(tile) * t, const OWN(gemm_cut) * c, const T *b, int64_t b_col, int64_t k_begin,
                                     int64_t k_next, int64_t k_end, int64_t panel_index, const gemm_part *part,
                                     int64_t tiles, int vectors) {
  const int ends = k_next == k_end, is_dense = b_col == c->k_block;
  const int64_t from = ends ? k_begin : k_next, line = FNN_ALIGN / (int64_t)sizeof(T);
  OWN(gemm_ask) asks[GEMM_MOST_ASKS] = {{0}};
  if (panel_index + ends < c->panels) {
    const tile_panel next = tile_panel_of(c->n, N, c->widest, panel_index + ends);
    const int64_t length = fnn_min(c->k_block, k_end - from);
    const int64_t lines = fnn_ceil_div(is_dense ? length * next.cols : length, line);
    const int64_t begin = lines * part->block / c->row_blocks, end = lines * part->block_end / c->row_blocks;
    const T *at = b + next.begin * b_col + from + begin * line;
    if (is_dense) {
      asks[0] = (OWN(gemm_ask)){at - (uintptr_t)at % FNN_ALIGN / sizeof(T), line, end - begin, line};
    } else {
      t->strip = STRIP_FULL;
      t->parts = fnn_min(next.cols, fnn_max(1, t->segments[0].k / GEMM_PART_STEPS));
      t->ahead = at;
      t->ahead_lines = fnn_ceil_div(end - begin, tiles);
      t->ahead_skip = b_col - t->ahead_lines * line;
      t->ahead_tile_skip = t->ahead_lines * line - t->parts * b_col;
      const int64_t n = t->ahead_lines ? fnn_ceil_div(end - begin, t->ahead_lines) : 0;
      if (n > 0) OWN(gemm_strip)(t, n, vectors);
      t->ahead_tile_skip = 0;
      tiles -= n;
    }
  }
  OWN(gemm_asking_strip)(t, asks, tiles, vectors);
}

/* A tile whose segments copy such rows to `out`, and ask for some that are `further` on. */
static void OWN(gemm_copy_rows)(OWN(tile) * t, const OWN(gemm_ask) * ask, int64_t tile, int64_t further, T *out) {
  const int64_t row = tile * t->n_segments;
  if (further) OWN(gemm_ask_rows)(t, ask, row);
  t->copied = ask->at + row * ask->stride;
  t->copied_stride = ask->stride;
  t->copied_rows = ask->rows - row;
  t->copy = out + row * OWN(TILE_COLS);
  t->ahead += further * ask->stride;
  OWN(tile_copying)(t);
}

/* All tiles of a block of k together ask for the next `rows` of B, in the order of memory: lines of a panel's rows
 * would be no stream that the hardware sees. Returns how many lines each asks for, from t->ahead on. */
static int64_t OWN(gemm_ask_ahead)(OWN(tile) * t, const OWN(gemm_cut) * c, const T *next, int64_t rows, int64_t panel,
                                   int64_t tiles) {
  const int64_t line = FNN_ALIGN / (int64_t)sizeof(T), lines = fnn_ceil_div(rows * c->n, line * c->panels * tiles);
  t->ahead = next + panel * tiles * lines * line;
  return lines;
}

/* A tile asks for so many lines, some in each segment. */
static void OWN(gemm_cut_asking)(OWN(tile) * t, OWN(tile_segment) * segments, int64_t lines) {
  OWN(gemm_cut_segments)(t, segments, GEMM_AHEAD_STEPS);
  t->ahead_lines = fnn_ceil_div(lines, fnn_max(1, t->n_segments));
}

/* Each tile of a strip does, some in each part of k. */
static void OWN(gemm_ahead_strip)(OWN(tile) * t, int64_t lines, int64_t tiles, int vectors) {
  t->strip = STRIP_FULL;
  t->ahead_lines = fnn_ceil_div(lines, fnn_max(1, t->segments[0].k / GEMM_PART_STEPS));
  t->parts = lines ? fnn_ceil_div(lines, t->ahead_lines) : 0;
  OWN(gemm_strip)(t, tiles, vectors);
  t->ahead += tiles * t->parts * t->ahead_lines * (FNN_ALIGN / (int64_t)sizeof(T));
}

/* A row by a panel of a B that is in no near cache, of which it asks for rows: parts of rows are no stream. */
FNN_INLINE void OWN(gemm_far_run)(const OWN(tile) * t, const int vectors) {
  V sum[GEMM_FAR_VECTORS];
#pragma GCC unroll 16
  for (int j = 0; j < vectors; j++) sum[j] = t->resumes ? FN(load)(t->partial + j * N) : (V){0};
  for (const OWN(tile_segment) *s = t->segments, *end = s + t->n_segments; s < end; s++) {
    const T *a = t->a[0] + s->a_offset, *b = s->b;
    for (int64_t k = s->k; k > 0; k--, a += t->a_stride, b += s->b_stride) {
      const V x = FN(splat)(*a);
#pragma GCC unroll 16
      for (int j = 0; j < vectors; j++) {
        sum[j] += x * FN(load)(b + j * N);
        if (j * FNN_VECTOR_BYTES % FNN_ALIGN == 0) __builtin_prefetch(b + GEMM_FAR_ROWS * s->b_stride + j * N);
      }
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < vectors; j++) FN(store)(t->partial + j * N, sum[j]);
  if (!t->continues) OWN(tile_finish_row)(t, t->partial, t->c[0] + t->c_column);
}

#define FAR(vectors)                                                                                                   \
  static __attribute__((noinline)) void OWN(far_##vectors)(const OWN(tile) * t) { OWN(gemm_far_run)(t, vectors); }
FAR(4) FAR(5) FAR(6) FAR(7) FAR(8)
#if defined(FNN_ISA_AVX512)
FAR(9) FAR(10) FAR(11) FAR(12) FAR(13) FAR(14) FAR(15) FAR(16)
#define FAR_WIDE , OWN(far_9), OWN(far_10), OWN(far_11), OWN(far_12), OWN(far_13), OWN(far_14), OWN(far_15), OWN(far_16)
#else
#define FAR_WIDE
#endif
static void OWN(gemm_far_row)(const OWN(tile) * t, int vectors) {
  static void (*const variants[])(const OWN(tile) *) = {OWN(far_4), OWN(far_5), OWN(far_6), OWN(far_7),
                                                        OWN(far_8) FAR_WIDE};
  variants[vectors - GEMM_FAR_LEAST](t);
}
#undef FAR
#undef FAR_WIDE
