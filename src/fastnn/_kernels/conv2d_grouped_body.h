/* conv2d_grouped_body.h: convolutions of small groups and their gradients, for float32 and for float64.
 *
 * Of groups of a few channels in and as many out, a vector of channels is some whole groups, both of x and of y. A tile
 * of tile.h, whose columns are those of one group, would leave most lanes of its vectors empty. Here lane (g, o) of a
 * sum takes x at (g, c) times the kernel at (c, (g, o)), for c of all groups at once: a shuffle of a vector of x, which
 * all taps share that reach it from results next to each other, times vectors of the kernel. Where a group is a whole
 * vector the shuffle is a broadcast, and all taps share that: tiles of tile.h have one for each multiply-add. Of ragged
 * groups, whose channels are no whole vectors or not as many in as out, some lanes are idle; what is read of x, and for
 * the kernel gradient of dy, is copied to vectors of whole groups first. Where the last vector's groups leave half of
 * it idle, that half has the same groups of the other half of a row's pixels.
 *
 * Order of summation: ky, runs of such taps, GROUPED_CHANNELS of c at a time, kx, c. The kernel gradient's is that of
 * conv2d.c. */

enum {
#if defined(FNN_ISA_AVX512)
  OWN(GROUPED_LEAST) = 4, /* pixels of a tile, or 2 to 4 times as many: with 6 weights and a vector of x 26 of 32 */
  OWN(GROUPED_CHANNELS) = 2,
#else
  OWN(GROUPED_LEAST) = 2, /* with 3 weights and a vector of x 14 of 16 */
  OWN(GROUPED_CHANNELS) = 1,
#endif
  OWN(GROUPED_MOST) = 4 * OWN(GROUPED_LEAST),
  OWN(GROUPED_LANES) = 8, /* with less tiles are as fast */
  OWN(GROUPED_TAPS) = 3, /* of a run at most */
  OWN(GROUPED_COPIES) = 2, /* taps for each pixel that is copied */
  OWN(GROUPED_PAGE) = 4096, /* bytes after which addresses share a set again */
  OWN(GROUPED_GRAD_FAR) = 512 /* of pixels that kernel gradients, which read them for each few sums, copy */
};

/* Groups that share a vector. */
typedef struct {
  int64_t n, in, out; /* groups of a vector, 0: none fit; their channels of x and of y */
  int64_t vectors;
  int is_ragged; /* vectors have other lanes */
} OWN(grouped);

/* Groups fit if channels are whole vectors of some, or of one, unless rows are shorter than a tile here; ragged ones of
 * at most half a vector if there are taps enough to be worth the copies. Measured. */
FNN_INLINE OWN(grouped) OWN(grouped_of)(const conv_shape *s) {
  const int64_t least = fnn_min(s->cin_g, s->cout_g), most = fnn_max(s->cin_g, s->cout_g);
  if (N < OWN(GROUPED_LANES) || s->groups == 1 || least == 0 || most == 1 || most > N) return (OWN(grouped)){0};
  const int is_ragged = least != most || N % most || s->cout % N;
  const int is_copied = s->taps >= OWN(GROUPED_COPIES) * s->stride_h * s->stride_w && 2 * most <= N;
  if (is_ragged ? !is_copied : most == N && fnn_min(s->w, s->ow) < OWN(GROUPED_LEAST)) return (OWN(grouped)){0};
  const int64_t n = fnn_min(s->groups, N / most);
  return (OWN(grouped)){n, n * s->cin_g, n * s->cout_g, fnn_ceil_div(s->groups, n), is_ragged};
}

/* Elements of a pixel of so many channels in a window. */
FNN_INLINE int64_t OWN(grouped_window_pixel)(const OWN(grouped) * g, int64_t channels) {
  return g->is_ragged ? g->vectors * N : channels;
}

/* Whether neighbouring pixels of so many channels share a set of the first cache, or one of few. */
FNN_INLINE int OWN(grouped_is_far)(int64_t channels, int64_t bytes) {
  return channels * (int64_t)sizeof(T) % bytes == 0;
}

/* Taps of a kernel row that meet the same elements of x at results next to each other. */
typedef struct {
  const T *weights; /* (c, column) of the first */
  int64_t step;     /* to the next one's */
  int64_t x, taps;  /* the first one's offset in x */
} OWN(grouped_run);

_Static_assert(sizeof(OWN(grouped_run)) <= sizeof(OWN(tile_segment)), "scratch is counted in segments");

/* The runs of `rows` by `cols` taps, for results x_step apart. */
static int64_t OWN(grouped_runs)(OWN(grouped_run) * runs, const OWN(tile_segment) * taps, int64_t rows, int64_t cols,
                                 int64_t x_step) {
  if (rows == 0) return 0; /* of strides and dilations that share a factor */
  const int64_t apart = cols > 1 ? taps[1].a_offset - taps[0].a_offset : x_step;
  const int64_t step = x_step % apart ? cols : x_step / apart;
  int64_t n = 0;
  for (int64_t row = 0; row < rows; row++, taps += cols) {
    for (int64_t residue = 0; residue < fnn_min(step, cols); residue++) {
      for (int64_t k = residue; k < cols; k += OWN(GROUPED_TAPS) * step) {
        const int64_t count = fnn_min(OWN(GROUPED_TAPS), fnn_ceil_div(cols - k, step));
        const T *next = count > 1 ? taps[k + step].b : taps[k].b;
        runs[n++] = (OWN(grouped_run)){taps[k].b, next - taps[k].b, taps[k].a_offset, count};
      }
    }
  }
  return n;
}

/* For channel 0 of each group: the lanes of `in` channels a group that lanes of `out` a group take. Every `cycle` lanes
 * have their own: N, or half of that where two halves are of different pixels. */
FNN_INLINE M OWN(grouped_lanes)(int64_t in, int64_t out, int64_t cycle) {
  M lane;
  for (int i = 0; i < N; i++) lane[i] = (MT)(i - i % cycle + i % cycle / out * in);
  return lane;
}

/* What a vector of a sum is of. A tile's is a constant there. */
typedef enum {
  OWN(GROUPED_SOME),  /* groups of a pixel */
  OWN(GROUPED_ONE),   /* a group of a pixel */
  OWN(GROUPED_HALVES) /* of two pixels, in each half the same groups */
} OWN(grouped_kind);

/* A vector of columns of a row of results. */
typedef struct {
  const OWN(grouped_run) * runs;
  int64_t n_runs, channels, width; /* of a group; of a row of the kernel */
  int64_t x_step, x_down, y_step, y_down;
  int64_t weights, cols; /* of the vector, from the first one's; its columns, of each half */
  OWN(grouped_kind) kind;
  int64_t x_half, y_half; /* from the pixel of the lower half to the upper one's */
  const T *x;
  T *y;
  M lanes;
  V bias, floor;
} OWN(grouped_row);

/* Channels [c, c + channels) of each group. */
FNN_INLINE void OWN(grouped_channels)(V *acc, const OWN(grouped_row) * r, const OWN(grouped_run) * run, int64_t first,
                                      int64_t c, M lanes, const int channels, const int rows, const int pixels,
                                      const int taps, const OWN(grouped_kind) kind) {
  const int64_t step = r->x_step, half = r->x_half;
  const T *w = run->weights + r->weights + c * r->width;
  V weight[OWN(GROUPED_TAPS) * OWN(GROUPED_CHANNELS)];
#pragma GCC unroll 3
  for (int t = 0; t < taps; t++)
#pragma GCC unroll 2
    for (int k = 0; k < channels; k++) {
      const T *at = w + t * run->step + k * r->width;
      weight[t * channels + k] = kind == OWN(GROUPED_HALVES) ? FN(load_twice)(at) : FN(load)(at);
    }
#pragma GCC unroll 2
  for (int row = 0; row < rows; row++) {
    const T *at = r->x + run->x + first * step + row * r->x_down;
#pragma GCC unroll 18
    for (int j = 0; j < pixels + taps - 1; j++, at += step) {
      V x = kind == OWN(GROUPED_ONE) ? (V){0} : FN(load)(at);
      if (kind == OWN(GROUPED_HALVES)) x = FN(halves)(x, FN(load_twice)(at + half));
      /* Read once, at an address that needs no register of its own. */
      __asm__ volatile("" : "+r"(at) : : "memory");
#pragma GCC unroll 2
      for (int k = 0; k < channels; k++) {
        const V of_all = kind == OWN(GROUPED_ONE) ? FN(splat)(at[c + k]) : __builtin_shuffle(x, lanes + k);
#pragma GCC unroll 3
        for (int t = 0; t < taps; t++)
          if (j >= t && j - t < pixels) acc[row * pixels + j - t] += of_all * weight[t * channels + k];
      }
    }
  }
}

FNN_INLINE void OWN(grouped_taps)(V *acc, const OWN(grouped_row) * r, const OWN(grouped_run) * run, int64_t first,
                                  const int rows, const int pixels, const int taps, const OWN(grouped_kind) kind) {
  enum { CHANNELS = OWN(GROUPED_CHANNELS) };
  M lanes = r->lanes;
  int64_t c = 0;
  for (; c + CHANNELS <= r->channels; c += CHANNELS, lanes += CHANNELS)
    OWN(grouped_channels)(acc, r, run, first, c, lanes, CHANNELS, rows, pixels, taps, kind);
  if (CHANNELS > 1 && kind != OWN(GROUPED_ONE) && c < r->channels)
    OWN(grouped_channels)(acc, r, run, first, c, lanes, 1, rows, pixels, taps, kind);
}

FNN_INLINE void OWN(grouped_tile)(const OWN(grouped_row) * r, int64_t first, const int rows, const int pixels,
                                  const OWN(grouped_kind) kind) {
  V acc[16];
#pragma GCC unroll 16
  for (int p = 0; p < rows * pixels; p++) acc[p] = (V){0};
  for (const OWN(grouped_run) *run = r->runs, *end = run + r->n_runs; run < end; run++) {
    if (run->taps == 3) OWN(grouped_taps)(acc, r, run, first, rows, pixels, 3, kind);
    else if (run->taps == 2) OWN(grouped_taps)(acc, r, run, first, rows, pixels, 2, kind);
    else OWN(grouped_taps)(acc, r, run, first, rows, pixels, 1, kind);
  }
  /* Read before anything is stored: the compiler must take it that a result may lie over *r. */
  const int64_t step = r->y_step, down = r->y_down, cols = r->cols, half = r->y_half;
  const V bias = r->bias, floor = r->floor;
#pragma GCC unroll 2
  for (int row = 0; row < rows; row++) {
    T *y = r->y + first * step + row * down;
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++, y += step) {
      __asm__("" : "+r"(y));
      __builtin_prefetch(y + rows * down, 1);
      const V v = FN(max)(floor, acc[row * pixels + p] + bias);
      if (kind == OWN(GROUPED_ONE) || cols == N) FN(store)(y, v);
      else FN(store_part)(y, v, cols);
      if (kind == OWN(GROUPED_HALVES)) FN(store_part)(y + half, FN(across)(v, N / 2), cols);
    }
  }
}

/* For each kind of vector a function of its own: one function for all had slower loops. */
typedef void (*OWN(grouped_tiles))(const OWN(grouped_row) *, int64_t first);
#define GROUPED_KIND(name, kind, rows, pixels)                                                                         \
  static __attribute__((noinline)) void OWN(name##_##kind)(const OWN(grouped_row) * r, int64_t first) {                \
    OWN(grouped_tile)(r, first, rows, pixels, OWN(GROUPED_##kind));                                                    \
  }
#define GROUPED_VARIANT(name, rows, pixels)                                                                            \
  GROUPED_KIND(name, SOME, rows, pixels)                                                                               \
  GROUPED_KIND(name, ONE, rows, pixels)                                                                                \
  GROUPED_KIND(name, HALVES, rows, pixels)                                                                             \
  static const OWN(grouped_tiles) OWN(name)[] = {OWN(name##_SOME), OWN(name##_ONE), OWN(name##_HALVES)};
GROUPED_VARIANT(grouped_pixel, 1, 1)
GROUPED_VARIANT(grouped_1, 1, OWN(GROUPED_LEAST)) GROUPED_VARIANT(grouped_2, 1, 2 * OWN(GROUPED_LEAST))
GROUPED_VARIANT(grouped_3, 1, 3 * OWN(GROUPED_LEAST)) GROUPED_VARIANT(grouped_4, 1, 4 * OWN(GROUPED_LEAST))
static const OWN(grouped_tiles) *const OWN(grouped_variants)[] = {OWN(grouped_1), OWN(grouped_2), OWN(grouped_3),
                                                                  OWN(grouped_4)};
GROUPED_VARIANT(grouped_pairs_4, 2, 4) GROUPED_VARIANT(grouped_pairs_5, 2, 5)
#if defined(FNN_ISA_AVX512)
GROUPED_VARIANT(grouped_pairs_7, 2, 7)
#define GROUPED_PAIRS {4, OWN(grouped_pairs_4)}, {5, OWN(grouped_pairs_5)}, {7, OWN(grouped_pairs_7)}
#else
#define GROUPED_PAIRS {4, OWN(grouped_pairs_4)}, {5, OWN(grouped_pairs_5)}
#endif
#undef GROUPED_VARIANT
#undef GROUPED_KIND
/* Tiles of two rows of so many pixels. */
typedef struct {
  int64_t pixels;
  const OWN(grouped_tiles) *tiles; /* by kind */
} OWN(grouped_pair);
static const OWN(grouped_pair) OWN(grouped_pairs)[] = {GROUPED_PAIRS};
#undef GROUPED_PAIRS

/* The last tile of a row may do some pixels again. */
static void OWN(grouped_line)(const OWN(grouped_row) * r, int64_t count) {
  enum { LEAST = OWN(GROUPED_LEAST) };
  if (count < LEAST) {
    for (int64_t p = 0; p < count; p++) OWN(grouped_pixel)[r->kind](r, p);
    return;
  }
  const int64_t most = fnn_min(OWN(GROUPED_MOST), count / LEAST * LEAST);
  for (int64_t p = 0, n; p < count; p += n) {
    n = fnn_min(most, fnn_round_up(count - p, LEAST));
    if (n > 2 * LEAST && count > p + n && count <= p + n + LEAST) n -= LEAST; /* few sums would wait for each other */
    OWN(grouped_variants)[n / LEAST - 1][r->kind](r, fnn_min(p, count - n));
  }
}

/* The same of two rows. */
static void OWN(grouped_lines)(const OWN(grouped_row) * r, const OWN(grouped_pair) * pair, int64_t count) {
  for (int64_t p = 0; p < count; p += pair->pixels) pair->tiles[r->kind](r, fnn_min(p, count - pair->pixels));
}

/* Short rows are taken two at a time where tiles of one would do more pixels again, or be less than 8 sums; not where
 * all pixels share a set of the first cache, which holds those of one. */
static const OWN(grouped_pair) *OWN(grouped_pair_of)(int64_t count, int64_t x_step) {
  const OWN(grouped_pair) *best = NULL;
  if (x_step * (int64_t)sizeof(T) % OWN(GROUPED_PAGE) == 0) return NULL;
  int64_t least = count < 8 ? INT64_MAX : fnn_round_up(count, OWN(GROUPED_LEAST));
  for (size_t i = 0; count < 16 && i < sizeof(OWN(grouped_pairs)) / sizeof(*OWN(grouped_pairs)); i++) {
    const OWN(grouped_pair) *pair = OWN(grouped_pairs) + i;
    if (pair->pixels > count || fnn_round_up(count, pair->pixels) >= least) continue;
    best = pair, least = fnn_round_up(count, pair->pixels);
  }
  return best;
}

/* Up to two rows of so many pixels, as a pair of rows if there is one for them. */
static void OWN(grouped_band)(OWN(grouped_row) * r, const OWN(grouped_pair) * pair, int64_t rows, int64_t count) {
  if (rows == 2 && pair) {
    OWN(grouped_lines)(r, pair, count);
    return;
  }
  OWN(grouped_line)(r, count);
  if (rows == 1) return;
  r->x += r->x_down, r->y += r->y_down;
  OWN(grouped_line)(r, count);
}

/* A walk whose columns are those of all groups, over pixels that are x_vector from the channels of a vector to the
 * next; `groups` of a vector have `columns`. */
static void OWN(grouped_walk)(const OWN(conv_walk) * walk, int64_t x_vector, int64_t groups, int64_t columns) {
  if (N < OWN(GROUPED_LANES)) return; /* none fits: the compiler leaves out what is above */
  OWN(grouped_run) *runs = (OWN(grouped_run) *)walk->segments;
  const int64_t n_runs = OWN(grouped_runs)(runs, walk->taps, walk->y.taps, walk->x.taps, walk->a_col);
  const int64_t out = columns / groups, last = (walk->columns - 1) % columns + 1; /* columns */
  const int is_halved = last / out * fnn_max(walk->k, out) <= N / 2;
  const int64_t half = fnn_ceil_div(walk->cols, 2), apart = walk->cols - half; /* pixels */
  const OWN(grouped_pair) *pair = OWN(grouped_pair_of)(walk->cols, walk->a_col);
  const OWN(grouped_pair) *pair_of_halves = is_halved ? OWN(grouped_pair_of)(half, walk->a_col) : NULL;
  OWN(grouped_row) r = {.channels = walk->k, .width = walk->taps->b_stride,
                        .x_step = walk->a_col, .x_down = walk->a_row, .y_step = walk->c_col, .y_down = walk->c_row,
                        .kind = walk->k == N ? OWN(GROUPED_ONE) : OWN(GROUPED_SOME),
                        .lanes = OWN(grouped_lanes)(walk->k, out, N), .floor = FN(splat)(walk->floor)};
  OWN(grouped_row) halves = r;
  halves.kind = OWN(GROUPED_HALVES), halves.lanes = OWN(grouped_lanes)(walk->k, out, N / 2);
  halves.x_half = apart * r.x_step, halves.y_half = apart * r.y_step;
  for (int64_t row = 0, rows; row < walk->images * walk->rows; row += rows) {
    const int64_t image = row / walk->rows, y = row % walk->rows;
    rows = (pair || pair_of_halves) && y + 1 < walk->rows ? 2 : 1;
    const conv_range taps = conv_union(conv_taps_of(&walk->y, y), conv_taps_of(&walk->y, y + rows - 1));
    r.runs = halves.runs = runs + taps.begin * n_runs / fnn_max(1, walk->y.taps);
    r.n_runs = halves.n_runs = fnn_max(0, taps.end - taps.begin) * n_runs / fnn_max(1, walk->y.taps);
    const T *x_at = walk->a + image * walk->a_image + y * walk->a_row;
    T *y_at = walk->c + image * walk->c_image + y * walk->c_row;
    int64_t weights = 0;
    for (int64_t column = 0; column < walk->columns; column += columns) {
      const int is_last = is_halved && column + columns >= walk->columns;
      OWN(grouped_row) *of = is_last ? &halves : &r;
      of->weights = weights, of->x = x_at, of->y = y_at;
      of->cols = fnn_min(columns, walk->columns - column);
      of->bias = walk->bias ? FN(load_part)(walk->bias + column, of->cols) : (V){0};
      if (is_last) of->bias = FN(halves)(of->bias, FN(across)(of->bias, N / 2));
      OWN(grouped_band)(of, is_last ? pair_of_halves : pair, rows, is_last ? half : walk->cols);
      x_at += x_vector, y_at += columns, weights += N * walk->depth;
    }
  }
}

/* ---- The kernel gradient ---- */

enum {
#if defined(FNN_ISA_AVX512)
  OWN(GROUPED_GRAD_CHANNELS) = 4 /* 12 sums, 4 of what lanes take, 3 of dy, x: 21 of 32 registers */
#else
  OWN(GROUPED_GRAD_CHANNELS) = 2 /* 13 of 16 */
#endif
};

/* What is contracted for a vector of columns. The sums of a run are `sums` after its weights, TILE_COLS apart. */
typedef struct {
  const OWN(grouped_run) * runs;
  int64_t n_runs, channels, sums;
  const T *x, *dy;
  int64_t images, rows, cols, x_image, x_row, x_step, dy_step;
  M lanes;
  OWN(conv_ahead) * ahead;
  int resumes;
} OWN(grouped_grad);

/* Asks for what is needed later, once a row. */
FNN_INLINE void OWN(grouped_ask)(OWN(conv_ahead) * ahead) {
  const T *at;
  for (int64_t i = OWN(conv_ask)(ahead, 1, &at); i > 0; i--, at += FNN_ALIGN / sizeof(T)) __builtin_prefetch(at, 0, 2);
}

/* Element j of a row of x, which tap t meets at result j - t. At an edge there may be no such result. */
FNN_INLINE void OWN(grouped_grad_element)(V *acc, const OWN(grouped_grad) * g, const T *x, const T *dy, int64_t j,
                                          const M *lanes, const int taps, const int channels, const int is_one,
                                          const int is_edge) {
  const V v = is_one ? (V){0} : FN(load)(x);
#pragma GCC unroll 3
  for (int t = 0; t < taps; t++) {
    if (is_edge && (j < t || j - t >= g->cols)) continue;
    const V d = FN(load)(dy - t * g->dy_step);
#pragma GCC unroll 4
    for (int k = 0; k < channels; k++)
      acc[t * channels + k] += (is_one ? FN(splat)(x[k]) : __builtin_shuffle(v, lanes[k])) * d;
  }
}

/* Channels [c, c + channels) of each group. */
FNN_INLINE void OWN(grouped_grad_taps)(const OWN(grouped_grad) * g, const OWN(grouped_run) * run, int64_t c,
                                       const int taps, const int channels, const int is_one) {
  enum { MOST = OWN(GROUPED_TAPS) * OWN(GROUPED_GRAD_CHANNELS) };
  T *sums = (T *)run->weights + g->sums + c * OWN(TILE_COLS);
  const int64_t cols = g->cols;
  M lanes[OWN(GROUPED_GRAD_CHANNELS)];
  V acc[MOST];
#pragma GCC unroll 4
  for (int k = 0; k < channels; k++) lanes[k] = g->lanes + (MT)(c + k);
#pragma GCC unroll 12
  for (int i = 0; i < taps * channels; i++)
    acc[i] = g->resumes ? FN(load)(sums + i / channels * run->step + i % channels * OWN(TILE_COLS)) : (V){0};
  const T *dy = g->dy;
  for (int64_t row = 0; row < g->images * g->rows; row++) {
    const T *x = g->x + row / g->rows * g->x_image + row % g->rows * g->x_row + run->x + (is_one ? c : 0);
    int64_t j = 0;
    OWN(grouped_ask)(g->ahead);
    for (; j < taps - 1; j++, x += g->x_step, dy += g->dy_step)
      OWN(grouped_grad_element)(acc, g, x, dy, j, lanes, taps, channels, is_one, 1);
    for (; j < cols; j++, x += g->x_step, dy += g->dy_step)
      OWN(grouped_grad_element)(acc, g, x, dy, j, lanes, taps, channels, is_one, 0);
    for (; j < cols + taps - 1; j++, x += g->x_step, dy += g->dy_step)
      OWN(grouped_grad_element)(acc, g, x, dy, j, lanes, taps, channels, is_one, 1);
    dy -= (taps - 1) * g->dy_step;
  }
#pragma GCC unroll 12
  for (int i = 0; i < taps * channels; i++)
    FN(store)(sums + i / channels * run->step + i % channels * OWN(TILE_COLS), acc[i]);
}

#define GROUPED_VARIANT(taps, most)                                                                                    \
  static __attribute__((noinline)) void OWN(grouped_grad_##taps##_##most)(                                             \
    const OWN(grouped_grad) * g, const OWN(grouped_run) * run, int64_t c) {                                            \
    if (g->channels == N) OWN(grouped_grad_taps)(g, run, c, taps, most, 1);                                            \
    else OWN(grouped_grad_taps)(g, run, c, taps, most, 0);                                                             \
  }
#define GROUPED_VARIANTS(most)                                                                                         \
  GROUPED_VARIANT(1, most) GROUPED_VARIANT(2, most) GROUPED_VARIANT(3, most)                                           \
  static void (*const OWN(grouped_grad_##most)[3])(const OWN(grouped_grad) *, const OWN(grouped_run) *, int64_t) =     \
    {OWN(grouped_grad_1_##most), OWN(grouped_grad_2_##most), OWN(grouped_grad_3_##most)};
GROUPED_VARIANTS(1)
GROUPED_VARIANTS(2)
#if defined(FNN_ISA_AVX512)
GROUPED_VARIANTS(4)
#endif
#undef GROUPED_VARIANTS
#undef GROUPED_VARIANT

static void OWN(grouped_grad_run)(const OWN(grouped_grad) * g) {
  if (N < OWN(GROUPED_LANES)) return; /* as in grouped_walk */
  for (const OWN(grouped_run) *run = g->runs; run < g->runs + g->n_runs; run++) {
    int64_t c = 0;
#if defined(FNN_ISA_AVX512)
    for (; c + 4 <= g->channels; c += 4) OWN(grouped_grad_4)[run->taps - 1](g, run, c);
#endif
    for (; c + 2 <= g->channels; c += 2) OWN(grouped_grad_2)[run->taps - 1](g, run, c);
    if (c < g->channels) OWN(grouped_grad_1)[run->taps - 1](g, run, c);
  }
}
