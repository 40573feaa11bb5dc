/* conv2d_scatter_body.h: input gradients of images whose channels are far from whole vectors, for float32 and for
 * float64.
 *
 * A tile's columns would be the channels of dx, with idle lanes for each tap. Here they are the products of a pixel of
 * dy with all taps: products[p, (ky, kx, c)] = sum over o of dy[p, o] * kernel[ky, kx, c, o], o ascending, of which
 * each element of dx adds those that reach it, ky and kx ascending. Products are kept for as many rows as stay in
 * L2. */

enum {
  OWN(SCATTER_CHANNELS) = 4,  /* more are added by vectors, the last in part: only where a store can be masked */
#if defined(FNN_ISA_AVX512)
  OWN(SCATTER_MORE) = 1,
#else
  OWN(SCATTER_MORE) = 0,
#endif
  OWN(SCATTER_PIXELS) = 4,    /* of dx at once: their sums do not wait for each other */
  OWN(SCATTER_COLUMNS) = 256, /* products of a pixel of few channels at most */
  /* What takes the time of so many multiply-adds: to keep and add a vector of products; a row of a tile. Measured. */
  OWN(SCATTER_SUM) = 10,
  OWN(SCATTER_TILE) = 80,
  OWN(SCATTER_STEPS) = 8      /* a band is so many times the rows that it has in common with the next, or more */
};

typedef T OWN(four) __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));

/* How it is cut. */
typedef struct {
  conv_shape s;
  conv_bands bands;         /* of rows of dx */
  int64_t columns;          /* products of a pixel, in whole vectors */
  int64_t left, right, row; /* pixels of zeroes around a row of products; its elements */
  int64_t part_rows, rows;  /* rows of dx done together; of products that they need */
} OWN(scatter_cut);

/* Whether it takes less than tiles of channels do: a fifth of its time goes to the sums of few channels. Of more, a
 * quarter of the lanes must be saved, and the products that rows of dx share be kept in L2. */
static int OWN(scatter_fits)(const conv_shape *s) {
  const int64_t vectors = fnn_ceil_div(s->cin, N), columns = fnn_round_up(s->taps * s->cin, N);
  const int64_t channels = s->taps * vectors * N;
  if (s->groups != 1 || s->cin == 0) return 0;
  if (s->cin <= OWN(SCATTER_CHANNELS)) return columns <= OWN(SCATTER_COLUMNS) && 5 * columns <= 4 * channels;
  const int64_t kept = 2 * (s->kh - 1) * s->dilation_h / s->stride_h + 1;
  const int64_t tiles = vectors * (OWN(conv_inside)(s) * s->cout + OWN(SCATTER_TILE) * s->h * s->w);
  const int64_t products = columns / N * s->cout + OWN(SCATTER_SUM) * s->taps * vectors;
  return OWN(SCATTER_MORE) && 4 * columns <= 3 * channels &&
         kept * s->ow * columns * (int64_t)sizeof(T) <= CONV_WINDOW_BYTES && s->oh * s->ow * products < tiles;
}

static OWN(scatter_cut) OWN(scatter_cut_of)(const int64_t *ints) {
  OWN(scatter_cut) c = {.s = conv_shape_of(ints)};
  const conv_shape *s = &c.s;
  int64_t low, high;
  conv_shifts(s->w, s->pad_left, s->kw, s->dilation_w, s->stride_w, &low, &high);
  c.columns = fnn_round_up(s->taps * s->cin, N);
  c.left = fnn_max(0, -low);
  c.right = fnn_max(0, high + fnn_ceil_div(s->w, s->stride_w) - s->ow);
  c.row = (c.left + s->ow + c.right) * c.columns;
  const int64_t reach = (s->kh - 1) * s->dilation_h; /* rows of dx next to each other share reach / stride_h of dy */
  c.bands = conv_bands_of(s->n, s->h, s->w, 0, 1, CONV_PIXELS);
  if (c.bands.rows < s->h) {
    const int64_t least = fnn_max(c.bands.rows, OWN(SCATTER_STEPS) * fnn_max(0, reach + 1 - s->stride_h));
    c.bands.bands = fnn_max(1, s->h / least);
    c.bands.rows = fnn_ceil_div(s->h, c.bands.bands);
    c.bands.bands = fnn_ceil_div(s->h, c.bands.rows);
  }
  const int64_t kept = CONV_WINDOW_BYTES / (c.row * (int64_t)sizeof(T)); /* rows */
  c.part_rows = fnn_min(c.bands.rows, fnn_max(1, kept * s->stride_h - reach));
  c.rows = (c.part_rows - 1 + reach) / s->stride_h + 1;
  return c;
}

/* out[o, (tap, c)] = weights[tap, c, o], and zeroes after the last of a row. */
static void OWN(scatter_weights)(const OWN(scatter_cut) * c, T *out, const T *weights) {
  const tile_panel panel = {0, c->s.taps * c->s.cin, (int)(c->columns / N)};
  OWN(pack_panel)(out, weights, 1, c->s.cout, c->s.cout, panel);
}

/* `count` pixels of dx, `step` elements apart: each the sum of n products, at `offsets` from `products`; those of the
 * next pixel are `columns` further. */
typedef struct {
  const T *products;
  const int64_t *offsets;
  T *dx;
  int64_t n, count, columns, step;
} OWN(scatter_row);

FNN_INLINE void OWN(scatter_pixels)(const OWN(scatter_row) * r, int64_t first, const int pixels, const int channels) {
  const T *from = r->products + first * r->columns;
  T *dx = r->dx + first * r->step;
  const int64_t columns = r->columns, step = r->step;
  OWN(four) sum[OWN(SCATTER_PIXELS)] = {{0}};
  for (int64_t k = 0; k < r->n; k++) {
    const T *at = from + r->offsets[k];
#pragma GCC unroll 4
    for (int i = 0; i < pixels; i++) sum[i] += *(const OWN(four) *)(at + i * columns);
  }
#pragma GCC unroll 4
  for (int i = 0; i < pixels; i++) memcpy(dx + i * step, &sum[i], channels * sizeof(T));
}

FNN_INLINE void OWN(scatter_run)(const OWN(scatter_row) * r, const int channels) {
  int64_t p = 0;
  for (; p + OWN(SCATTER_PIXELS) <= r->count; p += OWN(SCATTER_PIXELS))
    OWN(scatter_pixels)(r, p, OWN(SCATTER_PIXELS), channels);
  for (; p < r->count; p++) OWN(scatter_pixels)(r, p, 1, channels);
}

#define SCATTER_VARIANT(channels)                                                                                      \
  static __attribute__((noinline)) void OWN(scatter_##channels)(const OWN(scatter_row) * r) {                          \
    OWN(scatter_run)(r, channels);                                                                                     \
  }
SCATTER_VARIANT(1) SCATTER_VARIANT(2) SCATTER_VARIANT(3) SCATTER_VARIANT(4)
static void (*const OWN(scatter_variants)[])(const OWN(scatter_row) *) = {OWN(scatter_1), OWN(scatter_2),
                                                                          OWN(scatter_3), OWN(scatter_4)};
#undef SCATTER_VARIANT

/* The same of a vector of channels, n of them valid. */
FNN_INLINE void OWN(scatter_vectors)(const OWN(scatter_row) * r, int64_t first, int64_t channel, int64_t n,
                                     const int pixels) {
  const T *from = r->products + first * r->columns + channel;
  T *dx = r->dx + first * r->step + channel;
  const int64_t columns = r->columns, step = r->step;
  V sum[OWN(SCATTER_PIXELS)] = {{0}};
  for (int64_t k = 0; k < r->n; k++) {
    const T *at = from + r->offsets[k];
#pragma GCC unroll 4
    for (int i = 0; i < pixels; i++) sum[i] += FN(load)(at + i * columns);
  }
#pragma GCC unroll 4
  for (int i = 0; i < pixels; i++) {
    if (n < N) FN(store_part)(dx + i * step, sum[i], n);
    else FN(store)(dx + i * step, sum[i]);
  }
}

static __attribute__((noinline)) void OWN(scatter_wide)(const OWN(scatter_row) * r, int64_t channels) {
  for (int64_t c = 0; c < channels; c += N) {
    int64_t p = 0;
    for (; p + OWN(SCATTER_PIXELS) <= r->count; p += OWN(SCATTER_PIXELS))
      OWN(scatter_vectors)(r, p, c, channels - c, OWN(SCATTER_PIXELS));
    for (; p < r->count; p++) OWN(scatter_vectors)(r, p, c, channels - c, 1);
  }
}

/* Row y of dx, from products whose first row is row `first` of dy. */
static void OWN(scatter_add)(const OWN(scatter_cut) * c, T *dx, const T *products, int64_t *offsets, int64_t first,
                             int64_t y) {
  const conv_shape *s = &c->s;
  for (int64_t residue = 0; residue < fnn_min(s->stride_w, s->w); residue++) {
    OWN(scatter_row) r = {products, offsets, dx + residue * s->cin, 0, fnn_ceil_div(s->w - residue, s->stride_w),
                          c->columns, s->stride_w * s->cin};
    for (int64_t ky = 0; ky < s->kh; ky++) {
      int64_t oy, shift;
      if (!conv_shift(y, s->pad_top, ky, s->dilation_h, s->stride_h, &oy) || oy < 0 || oy >= s->oh) continue;
      for (int64_t kx = 0; kx < s->kw; kx++)
        if (conv_shift(residue, s->pad_left, kx, s->dilation_w, s->stride_w, &shift))
          offsets[r.n++] = (oy - first) * c->row + (c->left + shift) * c->columns + (ky * s->kw + kx) * s->cin;
    }
    if (s->cin > OWN(SCATTER_CHANNELS)) OWN(scatter_wide)(&r, s->cin);
    else OWN(scatter_variants)[s->cin - 1](&r);
  }
}

/* Rows [row, row + rows) of an image of dx, `part_rows` at a time. Products that the next ones need too move to the
 * front. */
static void OWN(scatter_band)(const OWN(scatter_cut) * c, T *dx, const T *dy, const T *weights, int64_t row,
                              int64_t rows, T *products, int64_t *offsets) {
  const conv_shape *s = &c->s;
  OWN(tile_segment) segments[2] = {{weights, c->columns, 0, s->cout}};
  int64_t first = 0, last = 0; /* rows of dy whose products there are */
  for (int64_t y = row; y < row + rows; y += c->part_rows) {
    const int64_t end = fnn_min(row + rows, y + c->part_rows), at = y + s->pad_top - (s->kh - 1) * s->dilation_h;
    const int64_t from = fnn_min(s->oh, fnn_max(0, -floor_div(-at, s->stride_h)));
    const int64_t to = fnn_max(from, fnn_min(s->oh, (end - 1 + s->pad_top) / s->stride_h + 1));
    const int64_t kept = fnn_max(0, last - from);
    if (kept) memmove(products, products + (from - first) * c->row, sizeof(T) * (size_t)(kept * c->row));
    const OWN(conv_walk) walk = {
      .planes = 1,
      .a = dy + (from + kept) * s->ow * s->cout, .c = products + kept * c->row + c->left * c->columns,
      .a_row = s->ow * s->cout, .a_col = s->cout, .c_row = c->row, .c_col = c->columns,
      .images = 1, .rows = to - from - kept, .cols = s->ow, .y = {1, 0, 1, 1, s->oh}, .x = {1, 0, 1, 1, s->ow},
      .taps = segments, .segments = segments + 1, .k = s->cout,
      .columns = c->columns, .depth = 1, .widest = TILE_VECTORS, .panels = tile_panels(c->columns, N),
      .floor = -INFINITY, .fetches = 2 * TILE_MOST_ROWS * s->cout};
    if (walk.rows > 0) OWN(conv_run)(&walk);
    first = from, last = fnn_max(last, to);
    for (int64_t k = y; k < end; k++) OWN(scatter_add)(c, dx + k * s->w * s->cin, products, offsets, first, k);
  }
}

/* One unit of the second phase. */
static void OWN(scatter_unit)(const fnn_call *call, const OWN(scatter_cut) * c, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t image = unit / c->bands.bands * c->bands.images, row = unit % c->bands.bands * c->bands.rows;
  const int64_t images = fnn_min(c->bands.images, s->n - image), rows = fnn_min(c->bands.rows, s->h - row);
  T *products = (T *)(call->scratch + OWN(conv_window_at)(s->taps));
  for (int64_t k = 0; k < c->rows; k++) {
    memset(products + k * c->row, 0, sizeof(T) * (size_t)(c->left * c->columns));
    memset(products + (k + 1) * c->row - c->right * c->columns, 0, sizeof(T) * (size_t)(c->right * c->columns));
  }
  T *dx = (T *)call->buf[2] + image * s->h * s->w * s->cin;
  for (int64_t i = 0; i < images; i++)
    OWN(scatter_band)(c, dx + i * s->h * s->w * s->cin,
                      (const T *)call->buf[0] + (image + i) * s->oh * s->ow * s->cout, (const T *)call->shared, row,
                      rows, products, (int64_t *)call->scratch);
  OWN(conv_run_program)(call, (image * s->h + row) * s->w, images * rows * s->w, 0, s->cin,
                        call->scratch + OWN(conv_program_at)(s->taps, c->rows * c->row + N));
}
