/* conv2d_turned_body.h: kernel gradients of convolutions to few channels, for float32 and for float64.
 *
 * A tile's columns would be the channels of dy, at most a vector. Here they are what a row of taps
 * reads for a pixel, (kx, c), which follows each other in x, and the channels of dy are its rows; the second phase,
 * which adds the blocks, turns the sums. Where the columns of a row of taps are no whole vectors, the last panel does
 * some again. */

enum {
  OWN(TURNED_STRIPS) = 2, /* of a vector of channels at most: tile_rows(1) is at least half of one */
  OWN(TURNED_PIXELS) = 512 /* of which more channels than half a vector pay for a second phase */
};

typedef struct {
  conv_shape s;
  conv_bands bands; /* what is contracted between two visits of a tile */
  int64_t run, widest, panels; /* columns of a row of taps; how they are cut */
  int64_t strips, height, rows; /* of channels of dy that tiles have for rows; channels of one; rows of their sums */
  int64_t blocks, tile_blocks, partial; /* of the batch, of tiles: a unit is a pair; a block's sums */
  int64_t window_cols, window_elements;
  int copies;
} OWN(turned_cut);

/* Rows of the variant of tile.h that does so many, or more. */
FNN_INLINE int64_t OWN(turned_rows)(int64_t channels) {
  return channels <= 2 ? channels : channels <= 4 ? 4 : tile_rows(1);
}

/* Channels of dy that a tile has for rows: as equal as they can be. */
FNN_INLINE int64_t OWN(turned_height)(int64_t cout) { return fnn_ceil_div(cout, fnn_ceil_div(cout, tile_rows(1))); }

/* Whether it takes at most four fifths of the multiply-adds of tiles of channels, of more of these than half a vector
 * seven fifths: a tile of one vector waits for an element with each. A row takes as long as two. Measured. */
static int OWN(turned_fits)(const conv_shape *s) {
  const int64_t run = s->kw * s->cin, height = OWN(turned_height)(fnn_max(1, s->cout));
  const int64_t rows = fnn_ceil_div(s->cout, height) * fnn_max(2, OWN(turned_rows)(height));
  const int has_many = s->taps > 1 && run >= 2 * N && s->n * s->oh * s->ow >= OWN(TURNED_PIXELS);
  const int64_t most = s->cout <= N / 2 ? 4 : has_many ? 7 : 0;
  return !s->is_deep && s->groups == 1 && s->dilation_w == 1 && s->cout > 0 && s->cout <= N && run >= N &&
         !OWN(thin_fits)(s, OWN(THIN_GRAD_CHANNELS)) && 5 * fnn_ceil_div(run, N) * rows <= most * run;
}

static OWN(turned_cut) OWN(turned_cut_of)(const conv_shape *shape) {
  OWN(conv_cut) forward = {.s = *shape};
  OWN(conv_cut_windows)(&forward, 0, 1, 1, 0);
  OWN(turned_cut) c = {.s = *shape, .bands = forward.bands, .run = shape->kw * shape->cin,
                       .height = OWN(turned_height)(shape->cout), .window_cols = forward.window_cols,
                       .window_elements = forward.window_elements, .copies = forward.copies};
  c.strips = fnn_ceil_div(c.s.cout, c.height);
  c.rows = c.strips * OWN(turned_rows)(c.height);
  c.widest = fnn_min(c.run / N, c.height <= tile_rows(TILE_VECTORS) ? TILE_VECTORS : TILE_VECTORS - 1);
  c.panels = tile_panels_of(c.run, N, c.widest);
  const int64_t tiles = c.s.kh * c.panels, bands = c.bands.image_units * c.bands.bands;
  c.partial = tiles * c.rows * OWN(TILE_COLS) + fnn_round_up(c.s.cout, N);
  const int64_t by_size = fnn_ceil_div(c.partial * (int64_t)sizeof(T), OWN(CONV_UNIT_SUMS));
  c.tile_blocks = fnn_min(tiles, fnn_max(by_size, fnn_min(8, fnn_ceil_div(CONV_UNITS / 2, fnn_max(1, bands)))));
  /* Sums of two strips are so many that adding those of another core counts: fewer blocks of these. */
  c.blocks = fnn_min(bands, fnn_ceil_div(CONV_UNITS / c.strips, c.tile_blocks));
  return c;
}

/* Panel k of all rows of taps, and the first column that its tile does. */
FNN_INLINE tile_panel OWN(turned_panel)(const OWN(turned_cut) * c, int64_t k, int64_t *first) {
  const tile_panel panel = tile_panel_of(c->run, N, c->widest, k % c->panels);
  *first = fnn_min(panel.begin, c->run - panel.vectors * N);
  return panel;
}

static int64_t OWN(turned_space_at)(const OWN(turned_cut) * c) {
  return OWN(conv_window_at)(c->bands.images * c->bands.rows);
}
static int64_t OWN(turned_program_at)(const OWN(turned_cut) * c) {
  return OWN(turned_space_at)(c) + fnn_round_up(c->window_elements * (int64_t)sizeof(T), FNN_ALIGN);
}

static void OWN(turned_size)(const int64_t *ints, const conv_shape *s, fnn_work *work) {
  const OWN(turned_cut) c = OWN(turned_cut_of)(s);
  work->phases = 2;
  work->units[0] = c.blocks * c.tile_blocks;
  work->units[1] = s->kh * c.panels;
  work->shared_bytes = c.blocks * c.partial * (int64_t)sizeof(T);
  work->scratch_bytes = OWN(turned_program_at)(&c);
  if (ints[CONV_EPILOGUE]) work->scratch_bytes += fnn_program_scratch(ints + ints[CONV_EPILOGUE], sizeof(T));
}

/* Results [y.begin, y.end) by [across.begin, across.end) of each of `images` images become the segments, a row each.
 * Returns how many these are. */
static int64_t OWN(turned_results)(const conv_shape *s, const OWN(conv_window) * x, int64_t images, int64_t rows,
                                   conv_range y, conv_range across, OWN(tile_segment) * segments) {
  const int64_t step = s->stride_w * s->cin, k = across.end - across.begin;
  int64_t n = 0;
  for (int64_t image = 0; image < images && k > 0; image++)
    for (int64_t row = y.begin; row < y.end; row++)
      segments[n++] = (OWN(tile_segment)){x->at + image * x->image + row * s->stride_h * x->row + across.begin * step,
                                          step, ((image * rows + row) * s->ow + across.begin) * s->cout, k};
  return n;
}

/* One unit of the first phase: a block of bands for a block of tiles. */
static void OWN(turned_unit)(const fnn_call *call, const OWN(turned_cut) * c, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t block = unit / c->tile_blocks, tile_block = unit % c->tile_blocks, tiles = s->kh * c->panels;
  const int64_t first_tile = tiles * tile_block / c->tile_blocks, last_tile = tiles * (tile_block + 1) / c->tile_blocks;
  OWN(tile_segment) *segments = (OWN(tile_segment) *)call->scratch;
  T *space = (T *)(call->scratch + OWN(turned_space_at)(c));
  T *partial = (T *)call->shared + block * c->partial;
  T *column_sum = partial + c->partial - fnn_round_up(s->cout, N);
  const int64_t bands = c->bands.image_units * c->bands.bands;
  const int64_t begin = bands * block / c->blocks, end = bands * (block + 1) / c->blocks;
  for (int64_t band = begin; band < end; band++) {
    const int64_t image = band / c->bands.bands * c->bands.images, row = band % c->bands.bands * c->bands.rows;
    const int64_t images = fnn_min(c->bands.images, s->n - image), rows = fnn_min(c->bands.rows, s->oh - row);
    const OWN(conv_window) x =
      OWN(conv_window_of_x)(call, s, 0, image, images, row, rows, c->window_cols, c->copies, space);
    const T *dy = (const T *)call->buf[1] + (image * s->oh + row) * s->ow * s->cout;
    if (call->buf[3] && tile_block == 0)
      OWN(conv_add_columns)(s, column_sum, dy, images * rows * s->ow, band == begin);
    const conv_axis y_axis = {s->kh, row * s->stride_h - s->pad_top, s->stride_h, s->dilation_h, s->h};
    const conv_axis x_axis = {s->kw, -s->pad_left, s->stride_w, s->dilation_w, s->w};
    OWN(turned_results)(s, &x, images, rows, (conv_range){0, rows}, (conv_range){0, s->ow}, segments);
    const T *next =
      (const T *)call->buf[0] + ((image + images - 1) * s->h + (row + rows) * s->stride_h) * s->w * s->cin;
    OWN(conv_ahead) ahead = OWN(conv_ahead_of)(next, images * rows * s->stride_h * s->w * s->cin, NULL, 0,
                                               c->strips * (last_tile - first_tile), images * rows);
    const T *a[OWN(TURNED_STRIPS) * TILE_MOST_ROWS];
    for (int64_t i = 0; i < c->strips * TILE_MOST_ROWS; i++)
      a[i] = dy + fnn_min(i / TILE_MOST_ROWS * c->height + i % TILE_MOST_ROWS, s->cout - 1);
    OWN(tile) t = {.a_stride = s->cout, .segments = segments, .n_segments = images * rows,
                   .resumes = band > begin, .continues = 1};
    for (int64_t k = first_tile; k < last_tile; k++) {
      int64_t first;
      const tile_panel panel = OWN(turned_panel)(c, k, &first);
      t.column = k / c->panels * s->dilation_h * x.row + first;
      if (c->copies) { /* what meets zeros is left out */
        const int64_t ky = k / c->panels;
        const conv_range y = conv_results_of(&y_axis, ky, ky, rows);
        const conv_range across =
          conv_results_of(&x_axis, first / s->cin, (first + panel.vectors * N - 1) / s->cin, s->ow);
        t.n_segments = OWN(turned_results)(s, &x, images, rows, y, across, segments);
      }
      t.cols = panel.vectors * N;
      for (int64_t strip = 0; strip < c->strips; strip++) {
        t.a = a + strip * TILE_MOST_ROWS;
        t.rows = fnn_min(c->height, s->cout - strip * c->height);
        t.partial = partial + (k * c->rows + strip * OWN(turned_rows)(c->height)) * OWN(TILE_COLS);
        t.ahead_lines = OWN(conv_ask)(&ahead, t.n_segments, &t.ahead);
        OWN(tile_call)(&t, panel.vectors);
      }
    }
  }
}

/* One unit of the second phase: a tile. The first also finishes dbias. */
static void OWN(turned_combine)(const fnn_call *call, const OWN(turned_cut) * c, int64_t k) {
  const conv_shape *s = &c->s;
  int64_t first;
  const tile_panel panel = OWN(turned_panel)(c, k, &first);
  const T *partial = (const T *)call->shared, *column_sum = partial + c->partial - fnn_round_up(s->cout, N);
  const int64_t row = k / c->panels * c->run + panel.begin;
  T *out = (T *)call->buf[2] + row * s->cout;
  _Alignas(FNN_ALIGN) T sum[OWN(TILE_COLS)];
  for (int64_t o = 0; o < s->cout; o++) {
    const int64_t of = k * c->rows + o / c->height * OWN(turned_rows)(c->height) + o % c->height;
    OWN(conv_add_blocks)(sum, c->blocks, c->partial, partial + of * OWN(TILE_COLS), panel.vectors);
    for (int64_t i = 0; i < panel.cols; i++) out[i * s->cout + o] = sum[panel.begin - first + i];
  }
  OWN(conv_run_program)(call, row, panel.cols, 0, s->cout, call->scratch + OWN(turned_program_at)(c));
  if (k || !call->buf[3]) return;
  OWN(conv_add_blocks)(sum, c->blocks, c->partial, column_sum, 1);
  memcpy(call->buf[3], sum, (size_t)s->cout * sizeof(T));
}
