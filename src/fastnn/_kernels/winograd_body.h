/* winograd_body.h: transforms of tiles, and the forward convolution and input gradient, for the type of types_f32.h. */

#define WINO_A2 (T)0.390625 /* squares of the points a = 5/8 and b = 3/2 */
#define WINO_B2 (T)2.25
#define WINO_A (T)0.625
#define WINO_B (T)1.5
/* One over the products of a point's distances from the others. */
#define WINO_SCALE_0 (1 / (WINO_A2 * WINO_B2))
#define WINO_SCALE_A (1 / (2 * WINO_A2 * (WINO_A2 - WINO_B2)))
#define WINO_SCALE_B (1 / (2 * WINO_B2 * (WINO_B2 - WINO_A2)))

/* ---- Transforms along one axis: x and y are read and written `step` apart. ---- */

/* B^T x: six values from six. */
FNN_INLINE void OWN(wino_from_input)(V *y, const V *x, const int step) {
  const V x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step];
  const V even_a = x4 - WINO_B2 * x2, odd_a = WINO_A * (x3 - WINO_B2 * x1);
  const V even_b = x4 - WINO_A2 * x2, odd_b = WINO_B * (x3 - WINO_A2 * x1);
  y[0] = WINO_A2 * WINO_B2 * x[0] + (x4 - (WINO_A2 + WINO_B2) * x2);
  y[1] = even_a + odd_a;
  y[2] = even_a - odd_a;
  y[3] = even_b + odd_b;
  y[4] = even_b - odd_b;
  y[5] = WINO_A2 * WINO_B2 * x1 + (x[5 * step] - (WINO_A2 + WINO_B2) * x3);
}

/* A^T x: `out` results, 2 to 5, from six values. */
FNN_INLINE void OWN(wino_to_output)(V *y, const V *x, const int step, const int out) {
  const V even_a = x[step] + x[2 * step], odd_a = x[step] - x[2 * step];
  const V even_b = x[3 * step] + x[4 * step], odd_b = x[3 * step] - x[4 * step];
  y[0] = x[0] + (even_a + even_b);
  y[1] = WINO_A * odd_a + WINO_B * odd_b;
  if (out == 2) {
    y[1] += x[5 * step];
    return;
  }
  y[2] = WINO_A2 * even_a + WINO_B2 * even_b;
  if (out == 3) {
    y[2] += x[5 * step];
    return;
  }
  y[3] = WINO_A * WINO_A2 * odd_a + (out == 4 ? WINO_B * WINO_B2 * odd_b + x[5 * step] : WINO_B * WINO_B2 * odd_b);
  if (out == 5) y[4] = WINO_A2 * WINO_A2 * even_a + (WINO_B2 * WINO_B2 * even_b + x[5 * step]);
}

/* A x: six values from `out` results. */
FNN_INLINE void OWN(wino_from_output)(V *y, const V *x, const int step, const int out) {
  V even_a = x[0], odd_a = x[step], even_b = x[0], odd_b = x[step];
  if (out >= 3) even_a += WINO_A2 * x[2 * step], even_b += WINO_B2 * x[2 * step];
  if (out >= 4) odd_a += WINO_A2 * x[3 * step], odd_b += WINO_B2 * x[3 * step];
  if (out == 5) even_a += WINO_A2 * WINO_A2 * x[4 * step], even_b += WINO_B2 * WINO_B2 * x[4 * step];
  odd_a *= WINO_A, odd_b *= WINO_B;
  y[0] = x[0];
  y[1] = even_a + odd_a;
  y[2] = even_a - odd_a;
  y[3] = even_b + odd_b;
  y[4] = even_b - odd_b;
  y[5] = x[(out - 1) * step];
}

/* G x: six values from `taps` taps, 2 to 5. */
FNN_INLINE void OWN(wino_from_kernel)(V *y, const V *x, const int step, const int taps) {
  V even_a = WINO_SCALE_A * x[0], odd_a = (WINO_SCALE_A * WINO_A) * x[step];
  V even_b = WINO_SCALE_B * x[0], odd_b = (WINO_SCALE_B * WINO_B) * x[step];
  if (taps >= 3) even_a += (WINO_SCALE_A * WINO_A2) * x[2 * step], even_b += (WINO_SCALE_B * WINO_B2) * x[2 * step];
  if (taps >= 4) {
    odd_a += (WINO_SCALE_A * WINO_A * WINO_A2) * x[3 * step];
    odd_b += (WINO_SCALE_B * WINO_B * WINO_B2) * x[3 * step];
  }
  if (taps == 5) {
    even_a += (WINO_SCALE_A * WINO_A2 * WINO_A2) * x[4 * step];
    even_b += (WINO_SCALE_B * WINO_B2 * WINO_B2) * x[4 * step];
  }
  y[0] = WINO_SCALE_0 * x[0];
  y[1] = even_a + odd_a;
  y[2] = even_a - odd_a;
  y[3] = even_b + odd_b;
  y[4] = even_b - odd_b;
  y[5] = x[(taps - 1) * step];
}

/* G^T x: `taps` taps from six values. */
FNN_INLINE void OWN(wino_to_kernel)(V *y, const V *x, const int step, const int taps) {
  const V even_a = x[step] + x[2 * step], odd_a = x[step] - x[2 * step];
  const V even_b = x[3 * step] + x[4 * step], odd_b = x[3 * step] - x[4 * step];
  y[0] = WINO_SCALE_0 * x[0] + (WINO_SCALE_A * even_a + WINO_SCALE_B * even_b);
  y[1] = (WINO_SCALE_A * WINO_A) * odd_a + (WINO_SCALE_B * WINO_B) * odd_b;
  if (taps == 2) {
    y[1] += x[5 * step];
    return;
  }
  if (taps == 3) {
    y[2] = (WINO_SCALE_A * WINO_A2) * even_a + ((WINO_SCALE_B * WINO_B2) * even_b + x[5 * step]);
    return;
  }
  y[2] = (WINO_SCALE_A * WINO_A2) * even_a + (WINO_SCALE_B * WINO_B2) * even_b;
  y[3] = (WINO_SCALE_A * WINO_A * WINO_A2) * odd_a + (WINO_SCALE_B * WINO_B * WINO_B2) * odd_b;
  if (taps == 4) {
    y[3] += x[5 * step];
    return;
  }
  y[4] = (WINO_SCALE_A * WINO_A2 * WINO_A2) * even_a + ((WINO_SCALE_B * WINO_B2 * WINO_B2) * even_b + x[5 * step]);
}

/* ---- How the forward convolution is cut ---- */

typedef struct {
  conv_shape s;
  int64_t group;                            /* that is done; all else is of one */
  int64_t out;                              /* results along an axis of a tile */
  int64_t points;                           /* of a transformed tile: 36, of lines 6 */
  int64_t tiles_h, tiles_w;                 /* of an image */
  int64_t images, rows, image_units, bands; /* of a unit: whole images, or rows of tiles of one; units along both */
  int64_t block;                            /* tiles that are transformed at once */
  int64_t channels, width;                  /* cin in whole vectors, columns of the widest panel */
  int64_t x_point, y_point;                 /* from one point to the next, of transformed tiles of x and of y */
  int64_t k_blocks, columns;                /* of the kernel's transform: blocks of N channels, vectors */
  int64_t panels, part, k_block;            /* few tiles: panels of columns, and of a unit; channels at once */
  int turned, few;
} OWN(wino_cut);

FNN_INLINE int64_t OWN(wino_ratio)(int64_t a, int64_t b) { return (a + b / 2) / b; } /* to the nearest */

/* Cuts n images of tiles into units of about `tiles` tiles. */
static void OWN(wino_units)(OWN(wino_cut) * c, int64_t tiles) {
  const int64_t image = c->tiles_h * c->tiles_w;
  c->images = 1;
  c->rows = c->tiles_h;
  if (image >= tiles) {
    c->bands = fnn_ceil_div(c->tiles_h, fnn_max(1, OWN(wino_ratio)(tiles, c->tiles_w)));
    c->rows = fnn_ceil_div(c->tiles_h, c->bands); /* bands as equal as they can be */
  } else {
    c->images = fnn_max(1, fnn_min(c->s.n, tiles / image));
  }
  c->bands = fnn_ceil_div(c->tiles_h, c->rows);
  c->image_units = fnn_ceil_div(c->s.n, c->images);
}

/* A plane of `elements` for each of the 36, not a multiple of 4 KiB apart: those would share one set of the cache. */
FNN_INLINE int64_t OWN(wino_plane)(int64_t elements) {
  return fnn_round_up(elements, FNN_ALIGN / (int64_t)sizeof(T)) + FNN_ALIGN / (int64_t)sizeof(T);
}

/* The input gradient is the forward convolution of dy with the kernel turned round and its channels swapped. */
static conv_shape OWN(wino_turned)(conv_shape s) {
  conv_shape t = s;
  t.h = s.oh, t.w = s.ow, t.cin = s.cout, t.cin_g = s.cout_g;
  t.oh = s.h, t.ow = s.w, t.cout = s.cin, t.cout_g = s.cin_g;
  t.pad_top = (s.kh - 1) * s.dilation_h - s.pad_top;
  t.pad_left = s.kw - 1 - s.pad_left;
  return t;
}

/* Few tiles: a unit is one block of about `block` tiles and a part of the columns, in one phase. It transforms what it
 * needs of x and of the kernel for itself, some channels at a time, so that they are still in its cache when they are
 * multiplied. That is cheaper than to wait for other threads and to read what they have written; and so are more tiles
 * where no near cache holds the transformed kernel, of which every unit would read all. More columns share a transform
 * of x; the sums, which are read and written for each block of channels, should stay in a level-2 cache. One block of
 * tiles is two units at least, of narrower panels, unless one thread takes all. */
static void OWN(wino_cut_few)(OWN(wino_cut) * c, int64_t block, int is_alone) {
  OWN(wino_units)(c, block);
  const int shares = c->image_units * c->bands == 1 && !is_alone;
  const int64_t widest = shares ? fnn_min(TILE_VECTORS, fnn_max(1, c->columns / 2)) : TILE_VECTORS;
  c->panels = tile_panels_of(c->s.cout_g, N, widest);
  c->width = tile_panel_of(c->s.cout_g, N, widest, 0).vectors * N;
  const int64_t most_panels = fnn_max(1, WINO_FEW_COLUMNS / c->width);
  c->part = fnn_min(most_panels, c->panels);
  if (shares) c->part = fnn_max(1, c->part / 2);
  c->block = c->images * c->rows * c->tiles_w;
  int64_t most = WINO_FEW_BYTES / (c->points * (int64_t)sizeof(T) * (c->block + c->width)) / N * N;
  if (OWN(TILE_COLS) * sizeof(T) <= FNN_ALIGN) most = fnn_min(most, WINO_FEW_CHANNELS);
  const int64_t blocks = fnn_ceil_div(c->channels, fnn_max(N, most));
  c->k_block = fnn_round_up(fnn_ceil_div(c->channels, blocks), N);
  c->x_point = OWN(wino_plane)(c->block * c->k_block);
  c->y_point = OWN(wino_plane)((c->block + TILE_MOST_ROWS) * OWN(TILE_COLS));
}

/* `is_alone`: as one thread takes all of it, as it does of a group where there are several. */
static OWN(wino_cut) OWN(wino_cut_of)(const int64_t *ints, int turned, int is_alone) {
  conv_shape s = wino_shape_of(ints);
  if (turned) s = OWN(wino_turned)(s);
  if (s.groups > 1) is_alone = 1;
  OWN(wino_cut) c = {.s = s, .out = wino_out(&s), .points = wino_points(&s), .turned = turned};
  c.tiles_h = fnn_ceil_div(s.oh, wino_tile_rows(&s));
  c.tiles_w = wino_is_line(&s) ? s.dilation_h : fnn_ceil_div(s.ow, c.out);
  c.k_blocks = fnn_ceil_div(s.cin_g, N);
  c.columns = fnn_ceil_div(s.cout_g, N);
  c.channels = c.k_blocks * N;
  c.width = s.cout ? tile_panel_at(s.cout_g, N, 0).vectors * N : 0;
  const int64_t tiles = s.n * c.tiles_h * c.tiles_w;
  const int64_t kernel_bytes = c.points * (int64_t)sizeof(T) * c.channels * c.columns * N;
  const int is_wide = OWN(TILE_COLS) * sizeof(T) > FNN_ALIGN, is_far = is_wide && kernel_bytes >= WINO_FAR_BYTES;
  const int64_t far_blocks = fnn_ceil_div(tiles, is_wide ? WINO_FAR_WIDE : WINO_FAR_NARROW);
  const int is_far_few = kernel_bytes >= 2 * WINO_FAR_BYTES * far_blocks && s.cout_g >= WINO_FAR_COLUMNS;
  c.few = tiles > WINO_FEW_TILES ? is_far_few || (tiles <= WINO_MOST_TILES && 2 * kernel_bytes <= WINO_FEW_BYTES)
                                 : tiles > 0 && c.columns > 1;
  if (c.few) {
    /* Panels of one vector are slow, and cheaper by halves of the tiles, unless the kernel has to be transposed. */
    const int is_thin = !turned && !is_alone && c.columns < 4 && tiles >= WINO_LEAST_TILES;
    const int64_t half = fnn_ceil_div(tiles, 2), all = is_thin ? half : tiles;
    const int64_t more = is_far_few ? WINO_FAR_WIDE : fnn_max(WINO_FEW_TILES, half);
    OWN(wino_cut_few)(&c, tiles <= WINO_FEW_TILES ? all : more, is_alone);
    return c;
  }
  const int64_t all = tiles * s.groups;
  const int64_t wanted = is_far ? WINO_FAR_TILES : fnn_min(WINO_FEW_TILES, all / WINO_FEW_UNITS);
  const int64_t most_tiles = WINO_MOST_TILES / (s.groups == 1 ? 1 : 2); /* other groups take turns with a unit's */
  OWN(wino_units)(&c, fnn_max(fnn_max(WINO_LEAST_TILES, wanted), fnn_min(most_tiles, all / WINO_UNITS)));
  const int64_t unit = c.images * c.rows * c.tiles_w;
  const int64_t tile_bytes = c.points * (int64_t)sizeof(T) * fnn_max(1, c.channels + c.width);
  const int64_t most = is_far ? WINO_FAR_TILES : WINO_BLOCK_BYTES / tile_bytes;
  const int64_t height = fnn_max(1, tile_rows((int)(c.width / N))); /* blocks are multiples of it */
  c.block = fnn_ceil_div(unit, fnn_max(1, OWN(wino_ratio)(unit, fnn_max(2 * height, most))));
  c.block = fnn_min(unit, fnn_round_up(c.block, height));
  c.x_point = OWN(wino_plane)(c.block * c.channels);
  c.y_point = OWN(wino_plane)((c.block + TILE_MOST_ROWS) * OWN(TILE_COLS));
  return c;
}

/* A transformed kernel: for each panel of columns its 36 planes, of cin rows of whole vectors. */
FNN_INLINE int64_t OWN(wino_weights_plane)(const conv_shape *s, int vectors) {
  return OWN(wino_plane)(s->cin_g * vectors * N);
}

/* Elements of a group's transformed kernel. */
static int64_t OWN(wino_weights)(const conv_shape *s) {
  int64_t elements = 0;
  for (int64_t k = 0; k < tile_panels(s->cout_g, N); k++)
    elements += wino_points(s) * OWN(wino_weights_plane)(s, tile_panel_at(s->cout_g, N, k).vectors);
  return elements;
}

/* Scratch: pointers to the block's transformed tiles, zeros, transformed tiles of x and of y, program; of few tiles
 * between the last two the transformed kernel. */
static int64_t OWN(wino_zeros_at)(const OWN(wino_cut) * c) {
  return fnn_round_up((c->block + TILE_MOST_ROWS) * (int64_t)sizeof(T *), FNN_ALIGN);
}
static int64_t OWN(wino_x_at)(const OWN(wino_cut) * c) {
  return OWN(wino_zeros_at)(c) + WINO_IN * fnn_round_up(c->s.cin, N) * (int64_t)sizeof(T);
}
static int64_t OWN(wino_y_at)(const OWN(wino_cut) * c) {
  return OWN(wino_x_at)(c) + c->points * c->x_point * (int64_t)sizeof(T);
}
static int64_t OWN(wino_kernel_at)(const OWN(wino_cut) * c) {
  return OWN(wino_y_at)(c) + (c->few ? c->part : 1) * c->points * c->y_point * (int64_t)sizeof(T);
}
static int64_t OWN(wino_program_at)(const OWN(wino_cut) * c) {
  if (!c->few) return OWN(wino_kernel_at)(c);
  return OWN(wino_kernel_at)(c) + c->points * OWN(wino_plane)(c->k_block * c->width) * (int64_t)sizeof(T);
}

/* Of a group, in the last phase. */
FNN_INLINE int64_t OWN(wino_group_units)(const OWN(wino_cut) * c) {
  return c->image_units * c->bands * (c->few ? fnn_ceil_div(c->panels, c->part) : 1);
}

FNN_INLINE void OWN(wino_size)(const int64_t *ints, int turned, fnn_work *work) {
  const OWN(wino_cut) c = OWN(wino_cut_of)(ints, turned, 0);
  const conv_shape *s = &c.s;
  if (c.few) {
    work->phases = 1;
  } else {
    work->phases = 2;
    work->units[0] = s->cout ? s->groups * c.k_blocks * tile_panels(s->cout_g, N) : 0;
    work->shared_bytes = s->groups * OWN(wino_weights)(s) * (int64_t)sizeof(T);
  }
  work->units[work->phases - 1] = s->groups * OWN(wino_group_units)(&c);
  const OWN(wino_cut) alone = OWN(wino_cut_of)(ints, turned, 1);
  work->scratch_bytes = fnn_max(OWN(wino_program_at)(&c), OWN(wino_program_at)(&alone));
  if (ints[CONV_EPILOGUE]) work->scratch_bytes += fnn_program_scratch(ints + ints[CONV_EPILOGUE], sizeof(T));
  const double cin = (double)s->cin_g, columns = (double)(c.columns * N);
  const double tiles = (double)(s->n * c.tiles_h * c.tiles_w);
  /* The kernel's transform has 153 operations for 9 taps, and takes half as long again for them where its planes are
   * far apart. Of few tiles they stay in the cache. */
  const double kernel = (double)s->taps / 9 * (c.few ? 115 * (double)(c.image_units * c.bands) : 230);
  const double parts = c.few ? (double)fnn_ceil_div(c.panels, c.part) : 1;
  const double results = 40 * (double)(wino_is_line(s) ? 1 : c.out); /* lines have one transform, not six and `out` */
  const double of_tiles = (wino_is_line(s) ? 22 : 264) * (double)c.channels * parts + results * columns;
  const double transforms = (double)s->groups * (tiles * of_tiles + kernel * cin * columns);
  work->flops = tiles * 2 * (double)c.points * cin * (double)s->cout + WINO_TRANSFORM_COST * transforms;
  work->bytes = conv_elements(s) * (double)sizeof(T);
}

/* ---- The kernel's transform ---- */

/* size by size taps of a channel and a vector of results, `tap_step` apart, to 36 planes. */
FNN_INLINE void OWN(wino_kernel_taps)(T *out, int64_t plane, const T *at, int64_t tap_step, const int size) {
  V g[WINO_MOST_TAPS * WINO_MOST_TAPS], half[WINO_MOST_TAPS][WINO_IN], u[WINO_IN];
  for (int tap = 0; tap < size * size; tap++) g[tap] = FN(load)(at + tap * tap_step);
  for (int x = 0; x < size; x++) OWN(wino_from_kernel)(half[x], g + x, size, size);
  for (int y = 0; y < WINO_IN; y++) {
    OWN(wino_from_kernel)(u, &half[0][y], WINO_IN, size);
    for (int x = 0; x < WINO_IN; x++) FN(store)(out + (y * WINO_IN + x) * plane, u[x]);
  }
}
FNN_INLINE void OWN(wino_kernel_line)(T *out, int64_t plane, const T *at, int64_t tap_step, const int size) {
  V g[WINO_MOST_TAPS], u[WINO_IN];
  for (int tap = 0; tap < size; tap++) g[tap] = FN(load)(at + tap * tap_step);
  OWN(wino_from_kernel)(u, g, 1, size);
  for (int x = 0; x < WINO_IN; x++) FN(store)(out + x * plane, u[x]);
}
static __attribute__((noinline)) void OWN(wino_kernel_vector)(T *out, int64_t plane, const T *at, int64_t tap_step,
                                                              int64_t size, int is_line) {
  switch (is_line ? size : -size) {
    case 2: OWN(wino_kernel_line)(out, plane, at, tap_step, 2); break;
    case 3: OWN(wino_kernel_line)(out, plane, at, tap_step, 3); break;
    case 4: OWN(wino_kernel_line)(out, plane, at, tap_step, 4); break;
    case 5: OWN(wino_kernel_line)(out, plane, at, tap_step, 5); break;
    case -3: OWN(wino_kernel_taps)(out, plane, at, tap_step, 3); break;
    default: OWN(wino_kernel_taps)(out, plane, at, tap_step, 5);
  }
}

/* N channels from k on by a panel of results, to `out`: 36 planes, of rows as wide as the panel. A turned kernel is
 * that of the convolution whose input gradient is computed: (kh, kw, cout / groups, cin), read backwards and
 * transposed. */
static void OWN(wino_kernel_block)(const OWN(wino_cut) * c, T *out, int64_t plane, const T *kernel, int64_t k,
                                   tile_panel panel) {
  const conv_shape *s = &c->s;
  kernel += c->group * (c->turned ? s->cin_g : s->cout_g);
  const int64_t rows = fnn_min(N, s->cin_g - k), width = panel.vectors * N, whole = c->turned ? 0 : panel.cols / N * N;
  const int64_t taps = s->kh * s->kw;
  for (int64_t r = 0; r < rows; r++) {
    const T *at = kernel + (k + r) * s->cout + panel.begin;
    for (int64_t o = 0; o < whole; o += FNN_ALIGN / (int64_t)sizeof(T)) /* the row of each tap after the next */
      for (int64_t tap = 0; tap < taps; tap++) __builtin_prefetch(at + (tap * s->cin_g + 2) * s->cout + o, 0, 3);
    for (int64_t o = 0; o < whole; o += N)
      OWN(wino_kernel_vector)(out + r * width + o, plane, at + o, s->cin_g * s->cout, s->kh, wino_is_line(s));
  }
  _Alignas(FNN_ALIGN) T packed[WINO_MOST_TAPS * WINO_MOST_TAPS][N * N]; /* rows of a vector */
  for (int64_t o = whole; o < panel.cols; o += N) {
    const int64_t cols = fnn_min(N, panel.cols - o);
    for (int64_t tap = 0; tap < taps; tap++) {
      const T *from = c->turned ? kernel + ((taps - 1 - tap) * s->cout_g + panel.begin + o) * s->cin + k
                                : kernel + (tap * s->cin_g + k) * s->cout + panel.begin + o;
      OWN(pack_panel)(packed[tap], from, c->turned ? 1 : s->cout, c->turned ? s->cin : 1, rows,
                      (tile_panel){0, cols, 1});
    }
    for (int64_t r = 0; r < rows; r++)
      OWN(wino_kernel_vector)(out + r * width + o, plane, packed[0] + r * N, N * N, s->kh, wino_is_line(s));
  }
}

/* One unit of a group of the first phase: N channels by a panel of results. */
static void OWN(wino_kernel_unit)(const OWN(wino_cut) * c, T *out, const T *kernel, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t panels = tile_panels(s->cout_g, N), k = unit / panels * N;
  tile_panel panel = tile_panel_at(s->cout_g, N, 0);
  out += c->group * OWN(wino_weights)(s);
  for (int64_t index = 1; index <= unit % panels; index++) {
    out += c->points * OWN(wino_weights_plane)(s, panel.vectors);
    panel = tile_panel_at(s->cout_g, N, index);
  }
  OWN(wino_kernel_block)(c, out + k * panel.vectors * N, OWN(wino_weights_plane)(s, panel.vectors), kernel, k, panel);
}

/* ---- Tiles of x ---- */

/* The part of an image under a tile that may reach outside it: a pointer for each row, to the first column inside; rows
 * outside are zeros. Columns [first, last) are inside. */
typedef struct {
  const T *rows[WINO_IN];
  int64_t first, last;
} OWN(wino_patch);

FNN_INLINE OWN(wino_patch) OWN(wino_patch_at)(const T *image, int64_t h, int64_t w, int64_t c, int64_t y, int64_t x,
                                              const int size, const T *zeros) {
  OWN(wino_patch) p = {.first = fnn_max(0, fnn_min(size, -x)), .last = fnn_max(0, fnn_min(size, w - x))};
  for (int i = 0; i < size; i++)
    p.rows[i] = y + i < 0 || y + i >= h || p.first >= p.last ? zeros : image + ((y + i) * w + x + p.first) * c;
  return p;
}

/* The 36 values, `point` apart, of a vector of channels of a patch of x (`size` 6) or dy (4, 2); n of them exist. */
FNN_INLINE void OWN(wino_patch_vector)(T *out, int64_t point, const OWN(wino_patch) * d, const int size, int64_t c,
                                       int64_t at, int64_t n, const int part) {
  V half[WINO_IN][WINO_IN]; /* [column][point] */
  for (int64_t x = 0; x < size; x++) {
    if (x < d->first || x >= d->last) {
#pragma GCC unroll 6
      for (int y = 0; y < WINO_IN; y++) half[x][y] = (V){0};
      continue;
    }
    const int64_t from = (x - d->first) * c + at;
    V column[WINO_IN];
#pragma GCC unroll 6
    for (int y = 0; y < size; y++)
      column[y] = part ? FN(load_part)(d->rows[y] + from, n) : FN(load)(d->rows[y] + from);
    if (size == WINO_IN) OWN(wino_from_input)(half[x], column, 1);
    else OWN(wino_from_output)(half[x], column, 1, size);
  }
#pragma GCC unroll 1
  for (int64_t y = 0; y < WINO_IN; y++, out += WINO_IN * point) {
    V v[WINO_IN];
    if (size == WINO_IN) OWN(wino_from_input)(v, &half[0][y], WINO_IN);
    else OWN(wino_from_output)(v, &half[0][y], WINO_IN, size);
#pragma GCC unroll 6
    for (int x = 0; x < WINO_IN; x++) FN(store)(out + x * point, v[x]);
  }
}

/* The same for `count` channels from `begin` on, with zeros up to a whole vector. */
FNN_INLINE void OWN(wino_patch_channels)(T *out, int64_t point, const OWN(wino_patch) * d, const int size, int64_t c,
                                         int64_t begin, int64_t count) {
  int64_t k = 0;
  for (; k + N <= count; k += N) OWN(wino_patch_vector)(out + k, point, d, size, c, begin + k, N, 0);
  if (k < count) OWN(wino_patch_vector)(out + k, point, d, size, c, begin + k, count - k, 1);
}

static __attribute__((noinline)) void OWN(wino_x_tile)(T *out, int64_t point, const OWN(wino_patch) * d, int64_t c,
                                                       int64_t begin, int64_t count) {
  OWN(wino_patch_channels)(out, point, d, WINO_IN, c, begin, count);
}

static __attribute__((noinline)) void OWN(wino_dy_tile)(T *out, int64_t point, const OWN(wino_patch) * d, int64_t size,
                                                        int64_t c, int64_t begin, int64_t count) {
  if (size == 4) OWN(wino_patch_channels)(out, point, d, 4, c, begin, count);
  else OWN(wino_patch_channels)(out, point, d, 2, c, begin, count);
}

/* ---- Lines ---- */

/* Where the elements of a line under a tile are, `step` apart from element `at` on; those outside are zeros. */
FNN_INLINE void OWN(wino_line_at)(const T **rows, const T *line, int64_t length, int64_t c, int64_t at, int64_t step,
                                  const int size, const T *zeros) {
#pragma GCC unroll 6
  for (int i = 0; i < size; i++, at += step) rows[i] = at < 0 || at >= length ? zeros : line + at * c;
}

/* The 6 values, `point` apart, of `count` channels from `begin` on of `size` elements, with zeros up to a whole vector.
 * Adds these to `sums`, if that is not NULL. */
FNN_INLINE void OWN(wino_line_channels)(T *out, int64_t point, const T *const *rows, const int size, int64_t begin,
                                        int64_t count, T *sums) {
  V v[WINO_IN], u[WINO_IN];
  for (int64_t k = 0; k < count; k += N, out += N) {
    const int64_t n = count - k;
#pragma GCC unroll 6
    for (int y = 0; y < size; y++)
      v[y] = n < N ? FN(load_part)(rows[y] + begin + k, n) : FN(load)(rows[y] + begin + k);
    if (size == WINO_IN) OWN(wino_from_input)(u, v, 1);
    else OWN(wino_from_output)(u, v, 1, size);
#pragma GCC unroll 6
    for (int y = 0; y < WINO_IN; y++) FN(store)(out + y * point, u[y]);
    if (!sums) continue;
    V sum = FN(load)(sums + k);
#pragma GCC unroll 5
    for (int y = 0; y < size; y++) sum += v[y];
    FN(store)(sums + k, sum);
  }
}

/* Channels [begin, begin + count) of a tile of x, of `line`. */
static __attribute__((noinline)) void OWN(wino_x_line)(const conv_shape *s, T *out, int64_t point, const T *line,
                                                       wino_tile at, int64_t begin, int64_t count, const T *zeros) {
  const T *rows[WINO_IN];
  const int64_t first = at.row * wino_tile_rows(s) + at.col - s->pad_top;
  OWN(wino_line_at)(rows, line, s->h, s->cin, first, s->dilation_h, WINO_IN, zeros);
  OWN(wino_line_channels)(out, point, rows, WINO_IN, begin, count, NULL);
}

/* The same of dy; adds its pixels to `sums`, if that is not NULL. */
static __attribute__((noinline)) void OWN(wino_dy_line)(const conv_shape *s, T *out, int64_t point, const T *line,
                                                        wino_tile at, int64_t begin, int64_t count, const T *zeros,
                                                        T *sums) {
  const T *rows[WINO_LINE_OUT];
  const int64_t first = at.row * wino_tile_rows(s) + at.col, size = wino_out(s);
  OWN(wino_line_at)(rows, line, s->oh, s->cout, first, s->dilation_h, (int)size, zeros);
  switch (size) {
    case 2: OWN(wino_line_channels)(out, point, rows, 2, begin, count, sums); break;
    case 3: OWN(wino_line_channels)(out, point, rows, 3, begin, count, sums); break;
    case 4: OWN(wino_line_channels)(out, point, rows, 4, begin, count, sums); break;
    case 5: OWN(wino_line_channels)(out, point, rows, 5, begin, count, sums); break;
  }
}

/* `count` results of a panel's tile from `out` on, `step` apart, of which `left` more elements of the line exist. */
FNN_INLINE void OWN(wino_line_panel)(T *out, int64_t c, int64_t step, int64_t left, const T *m, int64_t point,
                                     const int size, int64_t cols, const T *bias, T floor) {
  for (int64_t j = 0; j < cols; j += N) {
    V v[WINO_IN], y[WINO_LINE_OUT];
    const V add = bias ? FN(load)(bias + j) : (V){0};
    const int64_t n = cols - j;
    T *at = out + j;
#pragma GCC unroll 6
    for (int i = 0; i < WINO_IN; i++) v[i] = FN(load)(m + i * point + j);
    OWN(wino_to_output)(y, v, 1, size);
#pragma GCC unroll 5
    for (int i = 0; i < size; i++, at += step * c) {
      if (left <= i * step) break;
      const V result = FN(max)(FN(splat)(floor), y[i] + add);
      if (n < N) FN(store_part)(at, result, n);
      else FN(store)(at, result);
    }
  }
}

/* Columns of a tile of y, from their 6 values. */
static __attribute__((noinline)) void OWN(wino_y_line)(const conv_shape *s, T *line, wino_tile at, const T *m,
                                                       int64_t point, tile_panel panel, const T *bias, T floor) {
  const int64_t row = at.row * wino_tile_rows(s) + at.col, left = s->oh - row, step = s->dilation_h;
  T *out = line + row * s->cout + panel.begin;
  switch (wino_out(s)) {
    case 2: OWN(wino_line_panel)(out, s->cout, step, left, m, point, 2, panel.cols, bias, floor); break;
    case 3: OWN(wino_line_panel)(out, s->cout, step, left, m, point, 3, panel.cols, bias, floor); break;
    case 4: OWN(wino_line_panel)(out, s->cout, step, left, m, point, 4, panel.cols, bias, floor); break;
    case 5: OWN(wino_line_panel)(out, s->cout, step, left, m, point, 5, panel.cols, bias, floor); break;
  }
}

/* ---- Tiles of y ---- */

/* rows by cols of the tile of size by size at `out`, rows `row` and columns `col` apart, from the 36 values of a
 * panel. */
FNN_INLINE void OWN(wino_output_vector)(T *out, int64_t row, int64_t col, const T *m, int64_t point, const int size,
                                        int64_t rows, int64_t cols, V bias, T floor, int64_t n, const int part) {
  V half[WINO_IN][WINO_MOST_OUT]; /* [column][row] */
#pragma GCC unroll 1
  for (int64_t x = 0; x < WINO_IN; x++, m += point) {
    V column[WINO_IN];
#pragma GCC unroll 6
    for (int y = 0; y < WINO_IN; y++) column[y] = FN(load)(m + y * WINO_IN * point);
    OWN(wino_to_output)(half[x], column, 1, size);
  }
#pragma GCC unroll 1
  for (int64_t y = 0; y < rows; y++, out += row) {
    V v[WINO_MOST_OUT];
    OWN(wino_to_output)(v, &half[0][y], WINO_MOST_OUT, size);
#pragma GCC unroll 4
    for (int x = 0; x < size; x++) {
      if (x >= cols) break;
      const V sum = v[x] + bias, result = FN(select)(sum < floor, FN(splat)(floor), sum);
      if (part) FN(store_part)(out + x * col, result, n);
      else FN(store)(out + x * col, result);
    }
  }
}

FNN_INLINE void OWN(wino_output_panel)(const conv_shape *s, T *out, const T *m, int64_t point, const int size,
                                       int64_t rows, int64_t cols, tile_panel panel, const T *bias, T floor) {
  int64_t j = 0;
  for (; j + N <= panel.cols; j += N)
    OWN(wino_output_vector)(out + j, s->ow * s->cout, s->cout, m + j, point, size, rows, cols,
                            bias ? FN(load)(bias + j) : (V){0}, floor, N, 0);
  if (j < panel.cols)
    OWN(wino_output_vector)(out + j, s->ow * s->cout, s->cout, m + j, point, size, rows, cols,
                            bias ? FN(load)(bias + j) : (V){0}, floor, panel.cols - j, 1);
}
static __attribute__((noinline)) void OWN(wino_output_tile)(const conv_shape *s, T *out, const T *m, int64_t point,
                                                            int64_t rows, int64_t cols, tile_panel panel,
                                                            const T *bias, T floor) {
  if (s->kh == 3) OWN(wino_output_panel)(s, out, m, point, 4, rows, cols, panel, bias, floor);
  else OWN(wino_output_panel)(s, out, m, point, 2, rows, cols, panel, bias, floor);
}

/* ---- The convolution ---- */

/* Pointers to the transformed tiles of a block, `row` elements for each; those past the last repeat it. */
static const T **OWN(wino_rows)(const fnn_call *call, const OWN(wino_cut) * c, int64_t tiles, int64_t row) {
  const T **x = (const T **)call->scratch;
  for (int64_t i = 0; i < tiles + TILE_MOST_ROWS; i++)
    x[i] = (const T *)(call->scratch + OWN(wino_x_at)(c)) + fnn_min(i, tiles - 1) * row;
  return x;
}

/* Transforms channels [k, k + count) of tiles of x, `at` and those after it. */
static void OWN(wino_x_tiles)(const fnn_call *call, const OWN(wino_cut) * c, const T *const *x, wino_tile at,
                              int64_t tiles, int64_t k, int64_t count) {
  const conv_shape *s = &c->s;
  const T *zeros = (const T *)(call->scratch + OWN(wino_zeros_at)(c));
  for (int64_t i = 0; i < tiles; i++, wino_advance(&at, c->tiles_h, c->tiles_w)) {
    const T *image = (const T *)call->buf[0] + at.image * s->h * s->w * s->cin + c->group * s->cin_g;
    if (wino_is_line(s)) {
      OWN(wino_x_line)(s, (T *)x[i], c->x_point, image, at, k, count, zeros);
      continue;
    }
    const OWN(wino_patch) patch = OWN(wino_patch_at)(image, s->h, s->w, s->cin, at.row * c->out - s->pad_top,
                                                     at.col * c->out - s->pad_left, WINO_IN, zeros);
    OWN(wino_x_tile)((T *)x[i], c->x_point, &patch, s->cin, k, count);
  }
}

/* Transforms back a panel of the results of tile `at` and those after it. */
static void OWN(wino_y_tiles)(const fnn_call *call, const OWN(wino_cut) * c, const T *y, wino_tile at, int64_t tiles,
                              tile_panel panel) {
  const conv_shape *s = &c->s;
  _Alignas(FNN_ALIGN) T bias_space[OWN(TILE_COLS)];
  const T *all = c->turned || !call->buf[3] ? NULL : (const T *)call->buf[3] + c->group * s->cout_g;
  const T *bias = OWN(tile_bias)(all, panel, bias_space);
  const T floor = !c->turned && call->ints[CONV_RELU] ? 0 : -INFINITY;
  for (int64_t i = 0; i < tiles; i++, wino_advance(&at, c->tiles_h, c->tiles_w)) {
    T *image = (T *)call->buf[2] + at.image * s->oh * s->ow * s->cout + c->group * s->cout_g;
    const T *m = y + i * OWN(TILE_COLS);
    if (wino_is_line(s)) {
      OWN(wino_y_line)(s, image, at, m, c->y_point, panel, bias, floor);
      continue;
    }
    const int64_t row = at.row * c->out, col = at.col * c->out;
    OWN(wino_output_tile)(s, image + (row * s->ow + col) * s->cout + panel.begin, m, c->y_point,
                          fnn_min(c->out, s->oh - row), fnn_min(c->out, s->ow - col), panel, bias, floor);
  }
}

/* The 36 products of the block's tiles with `count` rows of a panel of the transformed kernel, TILE_COLS for each tile;
 * added to what is there if it resumes. */
static void OWN(wino_products)(const OWN(wino_cut) * c, T *y, const T *const *x, int64_t tiles, const T *weights,
                               int64_t plane, int64_t count, tile_panel panel, int resumes, wino_span next_x,
                               wino_span next_y) {
  const int64_t height = tile_rows(panel.vectors);
  OWN(tile_segment) segment = {weights, panel.vectors * N, 0, count};
  /* The sums are left where they are kept between calls: there is nothing to finish before the transform. */
  OWN(tile) t = {.a_stride = 1, .segments = &segment, .n_segments = 1, .resumes = resumes, .continues = 1};
  const int64_t calls = c->points * fnn_ceil_div(tiles, height);
  const int64_t asks_x = fnn_ceil_div(next_x.steps, calls), asks_y = fnn_ceil_div(next_y.steps, calls);
  for (int point = 0; point < c->points; point++) {
    for (int64_t i = 0; i < tiles; i += height) {
      wino_ask(&next_x, asks_x);
      wino_ask(&next_y, asks_y);
      t.rows = fnn_min(height, tiles - i);
      t.a = x + i;
      t.partial = y + i * OWN(TILE_COLS);
      OWN(half_call)(&t, panel);
    }
    segment.b += plane;
    segment.a_offset += c->x_point;
    y += c->y_point;
  }
}

/* Tiles [first, first + tiles) of the batch, counted along rows, then images. */
static void OWN(wino_block)(const fnn_call *call, const OWN(wino_cut) * c, int64_t first, int64_t tiles) {
  const conv_shape *s = &c->s;
  const T **x = OWN(wino_rows)(call, c, tiles, c->channels);
  T *y = (T *)(call->scratch + OWN(wino_y_at)(c));
  const wino_tile start = wino_tile_at(c->tiles_h, c->tiles_w, first);
  OWN(wino_x_tiles)(call, c, x, start, tiles, 0, s->cin_g);
  const T *weights = (const T *)call->shared + c->group * OWN(wino_weights)(s);
  const int64_t all = s->n * c->tiles_h * c->tiles_w, next = first + tiles;
  wino_span next_x = wino_span_of(call->buf[0], s->h, s->w, s->cin, s->cin_g, c->group, wino_tile_rows(s), c->tiles_h,
                                  c->tiles_w, next, fnn_min(tiles, all - next));
  wino_span next_y = wino_span_of(call->buf[2], s->oh, s->ow, s->cout, s->cout_g, c->group, wino_tile_rows(s),
                                  c->tiles_h, c->tiles_w, first, tiles);
  for (int64_t k = 0; k < tile_panels(s->cout_g, N); k++) {
    const tile_panel panel = tile_panel_at(s->cout_g, N, k);
    const int64_t plane = OWN(wino_weights_plane)(s, panel.vectors);
    OWN(wino_products)(c, y, x, tiles, weights, plane, s->cin_g, panel, 0, next_x, next_y);
    next_x.steps = next_y.steps = 0;
    weights += c->points * plane;
    OWN(wino_y_tiles)(call, c, y, start, tiles, panel);
  }
}

/* What is transformed after channels from k on of panel p of a kernel that no near cache holds: in a network it comes
 * from far, and products leave the way to memory free. */
static wino_span OWN(wino_next_kernel)(const OWN(wino_cut) * c, const void *kernel, int64_t k, int64_t p, int64_t begin,
                                       int64_t end) {
  const conv_shape *s = &c->s;
  const int64_t size = (int64_t)sizeof(T), tap = s->cin_g * s->cout * size, taps = s->kh * s->kw;
  if (++p == end) p = begin, k += c->k_block;
  if (c->turned || k >= s->cin_g || taps * tap < WINO_ASKED_BYTES) return (wino_span){0};
  const tile_panel panel = tile_panel_of(s->cout_g, N, c->width / N, p);
  const T *at = (const T *)kernel + k * s->cout + c->group * s->cout_g + panel.begin;
  const int64_t rows = fnn_min(c->k_block, s->cin_g - k), lines = fnn_ceil_div(panel.cols * size, FNN_ALIGN);
  return (wino_span){(const char *)at, rows, s->cout * size, lines, taps, tap};
}

/* Few tiles: panels [begin, end) of columns of [first, first + tiles). */
static void OWN(wino_few_block)(const fnn_call *call, const OWN(wino_cut) * c, int64_t first, int64_t tiles,
                                int64_t begin, int64_t end) {
  const conv_shape *s = &c->s;
  const T **x = OWN(wino_rows)(call, c, tiles, c->k_block);
  const wino_tile start = wino_tile_at(c->tiles_h, c->tiles_w, first);
  T *y = (T *)(call->scratch + OWN(wino_y_at)(c)), *weights = (T *)(call->scratch + OWN(wino_kernel_at)(c));
  for (int64_t k = 0; k < s->cin_g; k += c->k_block) {
    const int64_t count = fnn_min(c->k_block, s->cin_g - k);
    OWN(wino_x_tiles)(call, c, x, start, tiles, k, count);
    for (int64_t p = begin; p < end; p++) {
      const tile_panel panel = tile_panel_of(s->cout_g, N, c->width / N, p);
      const int64_t width = panel.vectors * N, plane = OWN(wino_plane)(c->k_block * width);
      for (int64_t i = 0; i < count; i += N)
        OWN(wino_kernel_block)(c, weights + i * width, plane, (const T *)call->buf[1], k + i, panel);
      OWN(wino_products)(c, y + (p - begin) * c->points * c->y_point, x, tiles, weights, plane, count, panel, k > 0,
                         OWN(wino_next_kernel)(c, call->buf[1], k, p, begin, end), (wino_span){0});
    }
  }
  for (int64_t p = begin; p < end; p++, y += c->points * c->y_point)
    OWN(wino_y_tiles)(call, c, y, start, tiles, tile_panel_of(s->cout_g, N, c->width / N, p));
}

/* One unit of a group of the last phase: images [image, image + images) by rows of tiles [row, row + rows), all columns
 * or, where there are few tiles, a part of them. */
static void OWN(wino_unit)(const fnn_call *call, const OWN(wino_cut) * c, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t band = unit % (c->image_units * c->bands), part = unit / (c->image_units * c->bands);
  const int64_t image = band / c->bands * c->images, row = band % c->bands * c->rows;
  const int64_t images = fnn_min(c->images, s->n - image), rows = fnn_min(c->rows, c->tiles_h - row);
  const int64_t first = (image * c->tiles_h + row) * c->tiles_w, tiles = images * rows * c->tiles_w;
  int64_t column = 0, columns = s->cout_g;
  if (c->few) {
    const int64_t begin = part * c->part, end = fnn_min(c->panels, begin + c->part);
    const tile_panel last = tile_panel_of(s->cout_g, N, c->width / N, end - 1);
    column = tile_panel_of(s->cout_g, N, c->width / N, begin).begin;
    columns = last.begin + last.cols - column;
    OWN(wino_few_block)(call, c, first, tiles, begin, end);
  } else {
    for (int64_t i = 0; i < tiles; i += c->block) OWN(wino_block)(call, c, first + i, fnn_min(c->block, tiles - i));
  }
  const int64_t at = call->ints[CONV_EPILOGUE], y = row * wino_tile_rows(s);
  if (!at) return;
  const int64_t pixels = ((images - 1) * s->oh + fnn_min(s->oh - y, rows * wino_tile_rows(s))) * s->ow;
  call->program[0](call->ints + at, call, (image * s->oh + y) * s->ow, pixels, c->group * s->cout_g + column, columns,
                   call->scratch + OWN(wino_program_at)(c));
}

FNN_INLINE void OWN(wino_run)(const fnn_call *call, int turned, int64_t begin, int64_t end) {
  OWN(wino_cut) c = OWN(wino_cut_of)(call->ints, turned, 0);
  if (c.few && c.s.groups == 1 && begin == 0 && end == OWN(wino_group_units)(&c)) {
    c = OWN(wino_cut_of)(call->ints, turned, 1);
    end = OWN(wino_group_units)(&c);
  }
  const int is_first = !c.few && call->phase == 0;
  const int64_t units = is_first ? c.k_blocks * tile_panels(c.s.cout_g, N) : 1;
  if (!is_first) memset(call->scratch + OWN(wino_zeros_at)(&c), 0, sizeof(T) * (size_t)(WINO_IN * c.s.cin));
  for (int64_t unit = begin; unit < end; unit++) {
    c.group = is_first ? unit / units : unit % c.s.groups;
    if (is_first) OWN(wino_kernel_unit)(&c, (T *)call->shared, (const T *)call->buf[1], unit % units);
    else OWN(wino_unit)(call, &c, unit / c.s.groups);
  }
}

static void OWN(winograd_conv2d_size)(const int64_t *ints, fnn_work *work) { OWN(wino_size)(ints, 0, work); }
static void OWN(winograd_conv2d)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(wino_run)(call, 0, begin, end);
}

static void OWN(winograd_conv2d_grad_input_size)(const int64_t *ints, fnn_work *work) { OWN(wino_size)(ints, 1, work); }
static void OWN(winograd_conv2d_grad_input)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(wino_run)(call, 1, begin, end);
}
