/* conv2d_spread_body.h: input gradients whose tiles would meet many zeros or leave many lanes idle; of float32 alone,
 * as others are rare and the code is not short.
 *
 * A row of taps after the other, pixels of dy are multiplied with all its taps and channels of dx at once,
 * products[p, (kx, c)] = sum over o of dy[p, o] * kernel[ky, kx, c, o], o ascending, which are then added where they
 * belong: no pixel of dy meets a row outside dx, no vector but the last of a row of taps has idle lanes, and all pixels
 * share what a tile reads of the kernel. An element of dx adds what reaches it by ky ascending and kx descending. */

enum {
#if defined(FNN_ISA_AVX512)
  OWN(SPREAD_PARTS) = 1, /* channels are no whole vectors: only where a store can be masked */
#else
  OWN(SPREAD_PARTS) = 0,
#endif
  OWN(SPREAD_PIXELS) = 4, /* of dx at once: their sums do not wait for each other */
  OWN(SPREAD_SHARE) = 96, /* pixels of dy that a unit has at least, if there are as many: they share the kernel */
  OWN(SPREAD_UNITS) = 8,  /* wanted */
  OWN(SPREAD_SUM) = 10    /* multiply-adds in whose time a vector of products is kept and added: measured */
};

typedef struct {
  conv_shape s;
  conv_bands bands; /* of rows of dx */
  int64_t columns, panel_cols, panels; /* products of a pixel with a row of taps, in whole vectors */
  int64_t lines;                       /* rows of dy whose products L2 keeps */
} OWN(spread_cut);

/* Columns of dx a stride apart, from `residue` on: which taps reach them, and where what the first reads is. */
typedef struct {
  conv_axis axis;
  const int64_t *offsets; /* of each tap, from the products of the first */
  int64_t residue;
} OWN(spread_residue);

/* Whether it takes less than tiles of channels, which do about the geometric mean of `pairs` of a pixel of dx and a tap
 * and those that are inside; of one vector without AVX-512 each multiply-add has an element of its own to read.
 * Measured. */
static int OWN(spread_fits)(const conv_shape *s, int64_t pairs) {
  if (TYPE_DTYPE != FNN_F32 || s->groups != 1 || s->cin <= OWN(SCATTER_CHANNELS)) return 0;
  if (!OWN(SPREAD_PARTS) && s->cin % N) return 0;
  const conv_axis y = {s->kh, -s->pad_top, s->stride_h, s->dilation_h, s->h};
  const int64_t vectors = fnn_ceil_div(s->cin, N), columns = fnn_ceil_div(s->kw * s->cin, N);
  const int64_t of_pixel = columns * s->cout, adds = OWN(SPREAD_SUM) * s->kw * vectors;
  const double pixels = (double)(s->n * conv_pairs(&y, s->oh) * s->ow), products = pixels * (double)of_pixel;
  const double tiles = (double)(pairs * vectors * s->cout) * (vectors == 1 && !OWN(SPREAD_PARTS) ? 1.67 : 1);
  const double all = products + pixels * (double)adds;
  return 10 * tiles * products > 11 * all * all;
}

static OWN(spread_cut) OWN(spread_cut_of)(const int64_t *ints) {
  OWN(spread_cut) c = {.s = conv_shape_of(ints)};
  const conv_shape *s = &c.s;
  c.columns = fnn_round_up(s->kw * s->cin, N);
  c.panel_cols = OWN(conv_panel_cols)(c.columns, TILE_VECTORS);
  c.panels = fnn_ceil_div(c.columns, c.panel_cols);
  const int64_t shared = OWN(SPREAD_SHARE) * s->h * s->w / (s->oh * s->ow);
  const int64_t pixels = fnn_min(fnn_max(CONV_PIXELS, shared), s->n * s->h * s->w / OWN(SPREAD_UNITS));
  c.bands = conv_bands_by(s->n, s->h, s->w, 0, 1, fnn_max(CONV_FEW_PIXELS, pixels));
  c.lines = fnn_max(1, CONV_WINDOW_BYTES / (s->ow * c.columns * (int64_t)sizeof(T)));
  return c;
}

/* Of dy: which rows tap row ky brings to rows [row, row + rows) of dx. */
static conv_range OWN(spread_rows)(const conv_shape *s, int64_t ky, int64_t row, int64_t rows) {
  const int64_t at = row + s->pad_top - ky * s->dilation_h;
  return (conv_range){fnn_max(0, -floor_div(-at, s->stride_h)),
                      fnn_min(s->oh, floor_div(at + rows - 1, s->stride_h) + 1)};
}

static int64_t OWN(spread_space_at)(const conv_shape *s) {
  return fnn_round_up(s->kw * (int64_t)(sizeof(OWN(spread_residue)) + sizeof(int64_t)), FNN_ALIGN);
}
static int64_t OWN(spread_program_at)(const OWN(spread_cut) * c) {
  const int64_t lines = fnn_min(c->lines, c->bands.images * c->s.oh);
  return OWN(spread_space_at)(&c->s) +
         fnn_round_up((lines * c->s.ow * c->columns + N) * (int64_t)sizeof(T), FNN_ALIGN);
}

static void OWN(spread_size)(const int64_t *ints, fnn_work *work) {
  const OWN(spread_cut) c = OWN(spread_cut_of)(ints);
  work->units[0] = c.s.kh * c.panels;
  work->units[1] = c.bands.image_units * c.bands.bands;
  work->shared_bytes = c.s.kh * c.panels * c.panel_cols * c.s.cout * (int64_t)sizeof(T);
  work->scratch_bytes = OWN(spread_program_at)(&c);
  if (ints[CONV_EPILOGUE]) work->scratch_bytes += fnn_program_scratch(ints + ints[CONV_EPILOGUE], sizeof(T));
}

/* out[ky][panel][o][(kx, c) of the panel] = weights[ky, kx, c, o], and zeroes after the last (kx, c). */
static void OWN(spread_weights)(const OWN(spread_cut) * c, T *out, const T *weights, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t begin = unit % c->panels * c->panel_cols, cols = s->kw * s->cin;
  OWN(pack_panel)(out + unit * c->panel_cols * s->cout, weights + unit / c->panels * cols * s->cout, 1, s->cout,
                  s->cout, (tile_panel){begin, fnn_min(c->panel_cols, cols - begin), (int)(c->panel_cols / N)});
}

/* Adds to `pixels` pixels of dx, `step` elements apart, n products each, those of the next pixel `columns` further;
 * `channels` of a vector are valid. */
FNN_INLINE void OWN(spread_pixels)(T *dx, int64_t step, const T *products, int64_t columns, const int64_t *offsets,
                                   int64_t n, int64_t channels, const int pixels) {
  V sum[OWN(SPREAD_PIXELS)];
#pragma GCC unroll 4
  for (int i = 0; i < pixels; i++)
    sum[i] = channels < N ? FN(load_part)(dx + i * step, channels) : FN(load)(dx + i * step);
  for (int64_t k = 0; k < n; k++) {
    const T *at = products + offsets[k];
#pragma GCC unroll 4
    for (int i = 0; i < pixels; i++) sum[i] += FN(load)(at + i * columns);
  }
#pragma GCC unroll 4
  for (int i = 0; i < pixels; i++) {
    if (channels < N) FN(store_part)(dx + i * step, sum[i], channels);
    else FN(store)(dx + i * step, sum[i]);
  }
}

/* Adds the products of a row of dy to the row of dx at `dx`, whose columns are `n` residues. */
static __attribute__((noinline)) void OWN(spread_row)(const OWN(spread_cut) * c, const OWN(spread_residue) * residues,
                                                      int64_t n, const T *products, T *dx) {
  const conv_shape *s = &c->s;
  const int64_t step = s->stride_w * s->cin;
  for (const OWN(spread_residue) *r = residues; r < residues + n; r++) {
    const int64_t count = fnn_ceil_div(s->w - r->residue, s->stride_w);
    for (int64_t p = 0, next; p < count; p = next) {
      const conv_range taps = conv_taps_of(&r->axis, p);
      next = fnn_min(count, conv_taps_change(&r->axis, p));
      if (taps.end <= taps.begin) continue;
      for (int64_t channel = 0; channel < s->cin; channel += N) {
        T *to = dx + r->residue * s->cin + p * step + channel;
        const T *from = products + p * c->columns + channel;
        int64_t left = next - p;
        for (; left >= OWN(SPREAD_PIXELS); left -= OWN(SPREAD_PIXELS)) {
          OWN(spread_pixels)(to, step, from, c->columns, r->offsets + taps.begin, taps.end - taps.begin,
                             s->cin - channel, OWN(SPREAD_PIXELS));
          to += OWN(SPREAD_PIXELS) * step, from += OWN(SPREAD_PIXELS) * c->columns;
        }
        for (; left > 0; left--, to += step, from += c->columns)
          OWN(spread_pixels)(to, step, from, c->columns, r->offsets + taps.begin, taps.end - taps.begin,
                             s->cin - channel, 1);
      }
    }
  }
}

/* One unit of the second phase. */
static void OWN(spread_unit)(const fnn_call *call, const OWN(spread_cut) * c, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t image = unit / c->bands.bands * c->bands.images, row = unit % c->bands.bands * c->bands.rows;
  const int64_t images = fnn_min(c->bands.images, s->n - image), rows = fnn_min(c->bands.rows, s->h - row);
  OWN(spread_residue) *residues = (OWN(spread_residue) *)call->scratch;
  int64_t *offsets = (int64_t *)(residues + s->kw), n_residues = 0;
  T *products = (T *)(call->scratch + OWN(spread_space_at)(s));
  for (int64_t residue = 0, shift; residue < fnn_min(s->stride_w, s->w); residue++) {
    const conv_axis axis =
      OWN(conv_input_axis)(residue, s->pad_left, s->kw, s->dilation_w, s->stride_w, s->ow);
    if (axis.taps == 0) continue;
    residues[n_residues++] = (OWN(spread_residue)){axis, offsets, residue};
    for (int64_t kx = s->kw - 1; kx >= 0; kx--)
      if (conv_shift(residue, s->pad_left, kx, s->dilation_w, s->stride_w, &shift))
        *offsets++ = shift * c->columns + kx * s->cin;
  }
  T *dx = (T *)call->buf[2] + (image * s->h + row) * s->w * s->cin;
  memset(dx, 0, sizeof(T) * (size_t)(images * rows * s->w * s->cin));
  const int64_t whole = fnn_min(images, fnn_max(1, c->lines / s->oh)); /* images whose products L2 keeps */
  for (int64_t i = 0; i < images; i += whole) {
    const int64_t some = fnn_min(whole, images - i);
    for (int64_t ky = 0; ky < s->kh; ky++) {
      const T *weights = (const T *)call->shared + ky * c->panels * c->panel_cols * s->cout;
      OWN(tile_segment) segments[2] = {{weights, c->panel_cols, 0, s->cout}};
      const conv_range reach = OWN(spread_rows)(s, ky, row, rows);
      for (int64_t first = reach.begin, last; first < reach.end; first = last) {
        last = fnn_min(reach.end, first + fnn_max(1, c->lines / some));
        const int64_t image_products = (last - first) * s->ow * c->columns;
        const OWN(conv_walk) walk = {
          .planes = 1, .a = (const T *)call->buf[0] + ((image + i) * s->oh + first) * s->ow * s->cout, .c = products,
          .a_image = s->oh * s->ow * s->cout, .a_row = s->ow * s->cout, .a_col = s->cout,
          .c_image = image_products, .c_row = s->ow * c->columns, .c_col = c->columns,
          .images = some, .rows = last - first, .cols = s->ow, .y = {1, 0, 1, 1, s->oh}, .x = {1, 0, 1, 1, s->ow},
          .taps = segments, .segments = segments + 1, .k = s->cout, .columns = c->columns, .depth = s->cout,
          .panel_cols = c->panel_cols, .widest = TILE_VECTORS, .panels = c->panels, .floor = -INFINITY};
        OWN(conv_run)(&walk);
        for (int64_t k = 0; k < some; k++)
          for (int64_t oy = first; oy < last; oy++) {
            const int64_t y = oy * s->stride_h + ky * s->dilation_h - s->pad_top - row;
            OWN(spread_row)(c, residues, n_residues, products + k * image_products + (oy - first) * s->ow * c->columns,
                            dx + ((i + k) * s->h + y) * s->w * s->cin);
          }
      }
    }
  }
  OWN(conv_run_program)(call, (image * s->h + row) * s->w, images * rows * s->w, 0, s->cin,
                        call->scratch + OWN(spread_program_at)(c));
}
