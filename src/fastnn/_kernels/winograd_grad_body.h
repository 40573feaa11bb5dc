/* winograd_grad_body.h: the kernel gradient by Winograd's algorithm, for the type of types_f32.h.
 *
 * A unit of the first phase takes a block of tiles of the batch, some channels of a group of x and of dy: for each of
 * the 36, the sum over tiles of the product of transformed x and dy, a matrix (channels of x, channels of dy), whose
 * transform is the block's part of dkernel. It is left in shared memory; the second phase adds the blocks. One block of
 * whole vectors of channels is dkernel itself, and there is no second phase.
 *
 * What would be one unit is two, for two threads: by channels of dy, each transforming x for itself, if there is more
 * than a vector of them, else by tiles. Units that a thread takes one after the other with the same x are done as one,
 * so that one thread loses nothing by the first. By the second it would transform sums of two blocks: these are left
 * in shared memory as they are, and added where the second phase transforms them. */

typedef struct {
  conv_shape s;
  int64_t out, points;                   /* results along an axis of a tile; values of a transformed one */
  int64_t tiles_h, tiles_w, tiles;       /* of an image, along both axes; of the batch */
  int64_t x_channels, dy_channels;       /* of a unit at most */
  int64_t dy_at_once;                    /* of units that are done as one */
  int64_t blocks, x_blocks, dy_blocks;   /* units of a group along the batch and along both channels */
  int64_t batch;                         /* tiles that are transformed at once */
  int64_t x_width, dy_width;             /* channels at once in whole vectors */
  int64_t x_point, dy_point, sums_point; /* from one of the 36 to the next */
  int64_t sums_rows, columns, width;     /* of a panel of sums; cout of each group in whole vectors; of a group */
  int64_t part; /* elements of a block's part: dkernel or its 36 sums, then the sums of dy's columns */
  int is_alone; /* the one part lies where the result does */
  int is_late;  /* two parts of sums, transformed in the second phase */
} OWN(wino_kernel_cut);

static OWN(wino_kernel_cut) OWN(wino_kernel_cut_of)(const int64_t *ints) {
  OWN(wino_kernel_cut) c = {.s = wino_shape_of(ints)};
  const conv_shape *s = &c.s;
  c.out = wino_out(s), c.points = wino_points(s);
  c.tiles_h = fnn_ceil_div(s->oh, wino_tile_rows(s));
  c.tiles_w = wino_is_line(s) ? s->dilation_h : fnn_ceil_div(s->ow, c.out);
  c.tiles = s->n * c.tiles_h * c.tiles_w;
  c.x_channels = fnn_min(s->cin_g, WINO_SUM_CHANNELS);
  c.dy_channels = c.dy_at_once = fnn_min(s->cout_g, WINO_SUM_CHANNELS);
  c.x_blocks = fnn_ceil_div(s->cin_g, fnn_max(1, c.x_channels));
  c.dy_blocks = fnn_ceil_div(s->cout_g, fnn_max(1, c.dy_channels));
  c.x_width = fnn_round_up(c.x_channels, N);
  c.dy_width = fnn_round_up(c.dy_at_once, N);
  c.width = fnn_round_up(s->cout_g, N);
  c.columns = s->groups * c.width;
  const int64_t units = s->kw == 5 ? WINO_UNITS_OF_5 : WINO_UNITS; /* lines have kw 1 */
  const int64_t wanted = fnn_ceil_div(units, fnn_max(1, s->groups * c.x_blocks * c.dy_blocks));
  c.blocks = fnn_max(1, fnn_min(wanted, c.tiles / WINO_SUM_TILES));
  /* Few are as many as two threads share evenly. */
  if (c.blocks > 1 && c.blocks < 8 && s->groups * c.x_blocks * c.dy_blocks % 2) c.blocks -= c.blocks % 2;
  if (s->groups * c.blocks * c.x_blocks * c.dy_blocks == 1 && c.columns == s->cout) {
    c.dy_channels = fnn_round_up(fnn_ceil_div(s->cout, 2), N);
    c.dy_blocks = fnn_ceil_div(s->cout, c.dy_channels);
    c.is_late = c.dy_blocks == 1 && c.tiles >= WINO_SUM_TILES;
    c.blocks += c.is_late;
  }
  const int64_t block = fnn_ceil_div(c.tiles, c.blocks);
  const int64_t most = WINO_BATCH_BYTES / (c.points * (int64_t)sizeof(T) * fnn_max(1, c.x_width + c.dy_width));
  c.batch = fnn_max(1, fnn_ceil_div(block, fnn_max(1, fnn_ceil_div(block, fnn_max(WINO_FEW_TILES / 2, most)))));
  c.x_point = OWN(wino_plane)(c.batch * c.x_width);
  c.dy_point = OWN(wino_plane)(c.batch * c.dy_width);
  c.sums_rows = fnn_round_up(c.x_channels, TILE_BLOCK);
  c.sums_point = OWN(wino_plane)((c.dy_at_once ? tile_panels(c.dy_at_once, N) : 0) * c.sums_rows * OWN(TILE_COLS));
  c.part = (c.is_late ? c.points * c.sums_point : s->kh * s->kw * s->cin_g * c.columns) + c.columns;
  c.part = fnn_round_up(c.part, FNN_ALIGN / (int64_t)sizeof(T));
  c.is_alone = c.blocks == 1 && c.columns == s->cout;
  return c;
}

/* Scratch: pointers to rows of x, zeros, transformed tiles of x and of dy, sums; all of it is the program's in the
 * end, in the second phase if there is one. */
static int64_t OWN(wino_kernel_zeros_at)(const OWN(wino_kernel_cut) * c) {
  return fnn_round_up(c->sums_rows * (int64_t)sizeof(T *), FNN_ALIGN);
}
static int64_t OWN(wino_kernel_x_at)(const OWN(wino_kernel_cut) * c) {
  const int64_t row = WINO_IN * (fnn_max(c->s.cin, c->s.cout) + N);
  return OWN(wino_kernel_zeros_at)(c) + fnn_round_up(row * (int64_t)sizeof(T), FNN_ALIGN);
}
static int64_t OWN(wino_kernel_dy_at)(const OWN(wino_kernel_cut) * c) {
  return OWN(wino_kernel_x_at)(c) + c->points * c->x_point * (int64_t)sizeof(T);
}
static int64_t OWN(wino_kernel_sums_at)(const OWN(wino_kernel_cut) * c) {
  return OWN(wino_kernel_dy_at)(c) + c->points * c->dy_point * (int64_t)sizeof(T);
}

static void OWN(winograd_conv2d_grad_kernel_size)(const int64_t *ints, fnn_work *work) {
  const OWN(wino_kernel_cut) c = OWN(wino_kernel_cut_of)(ints);
  const conv_shape *s = &c.s;
  work->phases = c.is_alone ? 1 : 2;
  work->units[0] = s->groups * c.blocks * c.x_blocks * c.dy_blocks;
  if (!c.is_alone) {
    work->units[1] = c.is_late ? fnn_ceil_div(s->cin, TILE_MOST_ROWS)
                               : fnn_ceil_div(s->kh * s->kw * s->cin_g, TILE_BLOCK);
    work->shared_bytes = c.blocks * c.part * (int64_t)sizeof(T);
  }
  work->scratch_bytes = OWN(wino_kernel_sums_at)(&c) + c.points * c.sums_point * (int64_t)sizeof(T);
  if (ints[CONV_EPILOGUE])
    work->scratch_bytes = fnn_max(work->scratch_bytes, fnn_program_scratch(ints + ints[CONV_EPILOGUE], sizeof(T)));
  const int is_line = wino_is_line(s);
  const double cin = (double)s->cin_g, columns = (double)c.columns;
  const int64_t dy_blocks = fnn_ceil_div(s->cout_g, fnn_max(1, c.dy_at_once));
  const double x_transforms = (is_line ? 22 : 264) * (double)(s->groups * fnn_round_up(s->cin_g, N) * dy_blocks);
  const double dy_transforms = 35 * (double)(is_line ? 1 : c.out) * columns * (double)c.x_blocks;
  /* Of 5 by 5 taps a block's transform takes far longer than its 240 operations. Measured. */
  const double back = (double)(c.is_late ? 1 : c.blocks) * (is_line ? 20 : s->kh == 3 ? 144 : 1200);
  work->flops = (double)c.tiles * 2 * (double)c.points * cin * (double)s->cout +
                WINO_TRANSFORM_COST * ((double)c.tiles * (x_transforms + dy_transforms) + back * cin * columns);
  work->bytes = conv_elements(s) * (double)sizeof(T);
}

/* Adds the products of `tiles` transformed tiles to the sums of `rows` channels of x and `cols` of dy. */
static void OWN(wino_kernel_products)(const OWN(wino_kernel_cut) * c, const fnn_call *call, T *sums, int64_t tiles,
                                      int64_t rows, int64_t cols, int resumes, wino_span next_x, wino_span next_dy) {
  const T **x = (const T **)call->scratch;
  for (int64_t i = 0; i < c->sums_rows; i++)
    x[i] = (const T *)(call->scratch + OWN(wino_kernel_x_at)(c)) + fnn_min(i, rows - 1);
  OWN(tile_segment) segment = {(const T *)(call->scratch + OWN(wino_kernel_dy_at)(c)), c->dy_width, 0, tiles};
  OWN(tile) t = {.a_stride = c->x_width, .segments = &segment, .n_segments = 1, .resumes = resumes, .continues = 1};
  const int64_t calls = c->points * tile_panels(cols, N) * fnn_ceil_div(rows, TILE_MOST_ROWS);
  const int64_t asks_x = fnn_ceil_div(next_x.steps, calls), asks_dy = fnn_ceil_div(next_dy.steps, calls);
  for (int point = 0; point < c->points; point++) {
    for (int64_t k = 0; k < tile_panels(cols, N); k++) {
      const tile_panel panel = tile_panel_at(cols, N, k);
      const int64_t height = tile_rows(panel.vectors);
      t.column = panel.begin;
      for (int64_t i = 0; i < rows; i += height) {
        wino_ask(&next_x, asks_x);
        wino_ask(&next_dy, asks_dy);
        t.rows = fnn_min(height, rows - i);
        t.a = x + i;
        t.partial = sums + (k * c->sums_rows + i) * OWN(TILE_COLS);
        OWN(tile_call)(&t, panel.vectors);
      }
    }
    segment.b += c->dy_point;
    segment.a_offset += c->x_point;
    sums += c->sums_point;
  }
}

/* G^T M G of sums, or of both blocks' sums, written to a part from channels `x_channel` and `dy_channel` on. */
FNN_INLINE void OWN(wino_taps_back)(const OWN(wino_kernel_cut) * c, T *part, const T *sums, int64_t x_channel,
                                    int64_t rows, int64_t dy_channel, int64_t cols, const int is_late,
                                    const int size, const int is_line) {
  for (int64_t k = 0; k < tile_panels(cols, N); k++) {
    const tile_panel panel = tile_panel_at(cols, N, k);
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < panel.vectors * N; j += N) {
        const T *m = sums + (k * c->sums_rows + i) * OWN(TILE_COLS) + j;
        T *out = part + (x_channel + i) * c->columns + dy_channel + panel.begin + j;
        V half[WINO_IN][WINO_MOST_TAPS]; /* [column][row] */
        const int64_t down = (is_line ? 1 : WINO_IN) * c->sums_point;
        for (int x = 0; x < (is_line ? 1 : WINO_IN); x++, m += c->sums_point) {
          V column[WINO_IN];
#pragma GCC unroll 6
          for (int y = 0; y < WINO_IN; y++) {
            column[y] = FN(load)(m + y * down);
            if (is_late) column[y] += FN(load)(m + y * down + c->part);
          }
          OWN(wino_to_kernel)(half[x], column, 1, size);
        }
        for (int y = 0; is_line && y < size; y++) FN(store)(out + y * c->s.cin_g * c->columns, half[0][y]);
        for (int y = 0; !is_line && y < size; y++) {
          V v[WINO_MOST_TAPS];
          OWN(wino_to_kernel)(v, &half[0][y], WINO_MOST_TAPS, size);
#pragma GCC unroll 5
          for (int x = 0; x < size; x++) FN(store)(out + (y * size + x) * c->s.cin_g * c->columns, v[x]);
        }
      }
    }
  }
}
FNN_INLINE void OWN(wino_kernel_back)(const OWN(wino_kernel_cut) * c, T *part, const T *sums, int64_t x_channel,
                                      int64_t rows, int64_t dy_channel, int64_t cols, const int is_late) {
  switch (wino_is_line(&c->s) ? c->s.kh : -c->s.kh) {
    case 2: OWN(wino_taps_back)(c, part, sums, x_channel, rows, dy_channel, cols, is_late, 2, 1); break;
    case 3: OWN(wino_taps_back)(c, part, sums, x_channel, rows, dy_channel, cols, is_late, 3, 1); break;
    case 4: OWN(wino_taps_back)(c, part, sums, x_channel, rows, dy_channel, cols, is_late, 4, 1); break;
    case 5: OWN(wino_taps_back)(c, part, sums, x_channel, rows, dy_channel, cols, is_late, 5, 1); break;
    case -3: OWN(wino_taps_back)(c, part, sums, x_channel, rows, dy_channel, cols, is_late, 3, 0); break;
    default: OWN(wino_taps_back)(c, part, sums, x_channel, rows, dy_channel, cols, is_late, 5, 0);
  }
}

/* Adds the pixels of a tile of dy, `count` channels from `begin` on, to `sums`. */
static void OWN(wino_add_columns)(T *sums, const OWN(wino_patch) * d, int64_t size, int64_t c, int64_t begin,
                                  int64_t count) {
  for (int64_t k = 0; k < count; k += N) {
    V v = FN(load)(sums + k);
    for (int64_t x = 0; x < d->last; x++) {
      for (int64_t y = 0; y < size; y++) {
        const T *at = d->rows[y] + x * c + begin + k;
        v += count - k < N ? FN(load_part)(at, count - k) : FN(load)(at);
      }
    }
    FN(store)(sums + k, v);
  }
}

/* The program on the finished taps of some channels of x and of dy. */
static void OWN(wino_kernel_program)(const fnn_call *call, const OWN(wino_kernel_cut) * c, int64_t x_channel,
                                     int64_t rows, int64_t dy_channel, int64_t cols) {
  const int64_t program = call->ints[CONV_EPILOGUE];
  for (int64_t tap = 0; program && tap < c->s.kh * c->s.kw; tap++)
    call->program[0](call->ints + program, call, tap * c->s.cin_g + x_channel, rows, dy_channel, cols, call->scratch);
}

/* `units` units of the first phase with the same tiles and channels of x. */
static void OWN(wino_kernel_sums)(const fnn_call *call, const OWN(wino_kernel_cut) * c, int64_t unit, int64_t units) {
  const conv_shape *s = &c->s;
  const int64_t group_units = c->blocks * c->x_blocks * c->dy_blocks, group = unit / group_units;
  const int64_t block = unit % group_units / (c->x_blocks * c->dy_blocks);
  const int64_t x_channel = unit / c->dy_blocks % c->x_blocks * c->x_channels;
  const int64_t dy_channel = unit % c->dy_blocks * c->dy_channels, column = group * c->width + dy_channel;
  const int64_t rows = fnn_min(c->x_channels, s->cin_g - x_channel);
  const int64_t cols = fnn_min(units * c->dy_channels, s->cout_g - dy_channel);
  const int64_t begin = c->tiles * block / c->blocks, end = c->tiles * (block + 1) / c->blocks;
  const T *all_x = (const T *)call->buf[0] + group * s->cin_g, *all_dy = (const T *)call->buf[1] + group * s->cout_g;
  T *zeros = (T *)(call->scratch + OWN(wino_kernel_zeros_at)(c));
  T *part = c->is_alone ? (T *)call->buf[2] : (T *)call->shared + block * c->part;
  T *sums = c->is_late ? part : (T *)(call->scratch + OWN(wino_kernel_sums_at)(c));
  T *all_sums = c->is_alone ? (T *)call->buf[3] : part + c->part - c->columns;
  T *column_sums = call->buf[3] && x_channel == 0 ? all_sums + column : NULL;
  if (column_sums) memset(column_sums, 0, sizeof(T) * (size_t)fnn_round_up(cols, N));
  if (begin == end) memset(sums, 0, sizeof(T) * (size_t)(c->points * c->sums_point)); /* an empty batch */
  wino_tile at = wino_tile_at(c->tiles_h, c->tiles_w, begin);
  for (int64_t first = begin; first < end; first += c->batch) {
    const int64_t tiles = fnn_min(c->batch, end - first);
    T *x = (T *)(call->scratch + OWN(wino_kernel_x_at)(c)), *dy = (T *)(call->scratch + OWN(wino_kernel_dy_at)(c));
    for (int64_t i = 0; i < tiles; i++, x += c->x_width, dy += c->dy_width) {
      const T *image = all_x + at.image * s->h * s->w * s->cin;
      const T *dy_image = all_dy + at.image * s->oh * s->ow * s->cout;
      if (wino_is_line(s)) {
        OWN(wino_x_line)(s, x, c->x_point, image, at, x_channel, rows, zeros);
        OWN(wino_dy_line)(s, dy, c->dy_point, dy_image, at, dy_channel, cols, zeros, column_sums);
        wino_advance(&at, c->tiles_h, c->tiles_w);
        continue;
      }
      const int64_t row = at.row * c->out, col = at.col * c->out;
      const OWN(wino_patch) of_x = OWN(wino_patch_at)(image, s->h, s->w, s->cin, row - s->pad_top, col - s->pad_left,
                                                      WINO_IN, zeros);
      OWN(wino_x_tile)(x, c->x_point, &of_x, s->cin, x_channel, rows);
      const OWN(wino_patch) of_dy = OWN(wino_patch_at)(dy_image, s->oh, s->ow, s->cout, row, col, (int)c->out, zeros);
      OWN(wino_dy_tile)(dy, c->dy_point, &of_dy, c->out, s->cout, dy_channel, cols);
      if (column_sums) OWN(wino_add_columns)(column_sums, &of_dy, c->out, s->cout, dy_channel, cols);
      wino_advance(&at, c->tiles_h, c->tiles_w);
    }
    const int64_t next = first + tiles, more = fnn_min(c->batch, c->tiles - next);
    OWN(wino_kernel_products)(
      c, call, sums, tiles, rows, cols, first > begin,
      wino_span_of(call->buf[0], s->h, s->w, s->cin, s->cin_g, group, wino_tile_rows(s), c->tiles_h, c->tiles_w, next,
                   more),
      wino_span_of(call->buf[1], s->oh, s->ow, s->cout, s->cout_g, group, wino_tile_rows(s), c->tiles_h, c->tiles_w,
                   next, more));
  }
  if (c->is_late) return;
  OWN(wino_kernel_back)(c, part, sums, x_channel, rows, column, cols, 0);
  if (c->is_alone) OWN(wino_kernel_program)(call, c, x_channel, rows, column, cols);
}

/* Adds the blocks' parts of a row of cout elements, in order. */
static void OWN(wino_add_parts)(const OWN(wino_kernel_cut) * c, T *out, const T *part) {
  for (int64_t o = 0; o < c->columns; o += N) {
    V v = {0};
    for (int64_t block = 0; block < c->blocks; block++) v += FN(load)(part + block * c->part + o);
    const int64_t left = c->s.cout_g - o % c->width;
    if (left < N) FN(store_part)(out, v, left);
    else FN(store)(out, v);
    out += fnn_min(left, N);
  }
}

/* One unit of the second phase: TILE_BLOCK rows of dkernel, or all taps of some channels. The first also finishes
 * dbias. Not a part of the first phase's function, which is slower beside it (measured: 3 %). */
static __attribute__((noinline)) void OWN(wino_kernel_combine)(const fnn_call *call, const OWN(wino_kernel_cut) * c,
                                                                int64_t unit) {
  const conv_shape *s = &c->s;
  const T *parts = (const T *)call->shared;
  if (unit == 0 && call->buf[3]) OWN(wino_add_parts)(c, (T *)call->buf[3], parts + c->part - c->columns);
  if (c->is_late) {
    const int64_t channel = unit * TILE_MOST_ROWS, rows = fnn_min(TILE_MOST_ROWS, s->cin - channel);
    OWN(wino_kernel_back)(c, (T *)call->buf[2], parts + channel * OWN(TILE_COLS), channel, rows, 0, s->cout, 1);
    OWN(wino_kernel_program)(call, c, channel, rows, 0, s->cout);
    return;
  }
  const int64_t row = unit * TILE_BLOCK, rows = fnn_min(TILE_BLOCK, s->kh * s->kw * s->cin_g - row);
  for (int64_t i = row; i < row + rows; i++)
    OWN(wino_add_parts)(c, (T *)call->buf[2] + i * s->cout, parts + i * c->columns);
  if (call->ints[CONV_EPILOGUE])
    call->program[0](call->ints + call->ints[CONV_EPILOGUE], call, row, rows, 0, s->cout, call->scratch);
}

static void OWN(winograd_conv2d_grad_kernel)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(wino_kernel_cut) c = OWN(wino_kernel_cut_of)(call->ints);
  const int64_t zeros = WINO_IN * (fnn_max(c.s.cin, c.s.cout) + N);
  for (int64_t unit = begin, units = 1; unit < end; unit += units) {
    if (call->phase == 0) {
      units = fnn_min(end - unit, fnn_min(c.dy_blocks - unit % c.dy_blocks, c.dy_at_once / c.dy_channels));
      if (unit == begin || call->ints[CONV_EPILOGUE])
        memset(call->scratch + OWN(wino_kernel_zeros_at)(&c), 0, sizeof(T) * (size_t)zeros);
      OWN(wino_kernel_sums)(call, &c, unit, units);
    } else {
      OWN(wino_kernel_combine)(call, &c, unit);
    }
  }
}
