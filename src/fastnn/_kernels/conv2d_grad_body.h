/* conv2d_grad_body.h: the gradients of the convolution, for float32 and for float64. */

/* ---- conv2d_grad_input ----
 *
 * dx[y] takes dy[oy] through tap ky where y + pad_top - ky * dilation_h = oy * stride_h, and likewise along x. The rows
 * y = residue + stride_h * j of one residue have the same taps, at oy = shift(ky) + j: each pair of residues is a
 * convolution of stride 1 over dy, and no product with a zero is computed. The kernel is transposed first. */

#include "conv2d_scatter_body.h"

#include "conv2d_lanes_body.h"

#include "conv2d_pairs_body.h"

enum { OWN(CONV_TURNED) = 64 /* o of a tap that a unit of the first phase transposes */ };

/* Where groups share vectors, s has one, whose channels of dx are those of all. */
typedef struct {
  conv_shape s;
  conv_bands bands; /* of rows of dx */
  int64_t low_y, high_y, low_x, high_x; /* shifts */
  int64_t window_cols, window_elements;
  int64_t panel_cols; /* of the kernel, transposed panel by panel, or to one of whole vectors; 0: group by group */
  int64_t pairs;      /* of a pixel of dx and a tap, zeros around dy too; of stacks, half of those that tiles do */
  int copies, in_place, by_two;
  OWN(grouped) grouped;
} OWN(conv_input_cut);

/* Of the taps of an axis, from the last on, those that reach results of this residue. */
static conv_axis OWN(conv_input_axis)(int64_t residue, int64_t pad, int64_t taps, int64_t dilation, int64_t stride,
                                      int64_t size) {
  conv_axis axis = {.step = 1, .tap_step = 1, .size = size};
  int64_t shift;
  for (int64_t k = taps - 1; k >= 0; k--) {
    if (!conv_shift(residue, pad, k, dilation, stride, &shift)) continue;
    if (axis.taps == 0) axis.at = shift;
    if (axis.taps == 1) axis.tap_step = shift - axis.at;
    axis.taps++;
  }
  return axis;
}

#include "conv2d_spread_body.h"

/* Rectangles with the same taps along an axis, times their taps, of all residues; of `bands` bands. */
static int64_t OWN(conv_input_sides)(int64_t size, int64_t pad, int64_t taps, int64_t dilation, int64_t stride,
                                     int64_t dy_size, int64_t bands) {
  int64_t sides = 0;
  for (int64_t residue = 0; residue < fnn_min(stride, size); residue++) {
    const conv_axis axis = OWN(conv_input_axis)(residue, pad, taps, dilation, stride, dy_size);
    sides += axis.taps * (conv_sides(&axis, fnn_ceil_div(size - residue, stride)) + bands - 1);
  }
  return sides;
}

static OWN(conv_input_cut) OWN(conv_input_cut_of)(const int64_t *ints) {
  OWN(conv_input_cut) c = {.s = conv_shape_of(ints)};
  const conv_shape *s = &c.s;
  c.grouped = OWN(grouped_of)(s);
  if (c.grouped.n) c.s.groups = 1, c.s.cin_g = s->cin;
  else if (s->groups == 1) {
    const int is_equal = fnn_ceil_div(s->cin, N) % fnn_max(1, tile_panels(s->cin, N)) == 0;
    c.panel_cols = is_equal ? OWN(conv_panel_cols)(s->cin, TILE_VECTORS) : fnn_round_up(s->cin, N);
    c.by_two = OWN(line_by_two)(1, s->taps, s->cout, s->cin, s->n * s->h * s->w);
    if (c.by_two == 3) c.panel_cols = 3 * N / 2;
  }
  conv_shifts(s->h, s->pad_top, s->kh, s->dilation_h, s->stride_h, &c.low_y, &c.high_y);
  conv_shifts(s->w, s->pad_left, s->kw, s->dilation_w, s->stride_w, &c.low_x, &c.high_x);
  c.window_cols = c.high_x - c.low_x + fnn_ceil_div(s->w, s->stride_w);
  const int64_t inside = OWN(conv_inside)(s), all = s->n * s->h * s->w * s->taps / (s->stride_h * s->stride_w);
  c.pairs = all;
  c.copies = c.low_y < 0 || c.low_x < 0 || c.high_y + fnn_ceil_div(s->h, s->stride_h) > s->oh ||
             c.low_x + c.window_cols > s->ow;
  if (c.grouped.is_ragged) c.copies = (int)c.grouped.out;
  const int64_t row = c.window_cols * OWN(grouped_window_pixel)(&c.grouped, s->cout);
  const int64_t row_bytes = c.copies ? fnn_ceil_div(row * (int64_t)sizeof(T), s->stride_h) : 0;
  /* As many pixels of each pair of residues as others have of all: each reads the weights of its taps anew. */
  const int64_t cols = fnn_ceil_div(s->w, s->stride_h * s->stride_w);
  c.bands = conv_bands_of(s->n, s->h, cols, row_bytes, s->stride_h, CONV_PIXELS);
  if (!c.copies) return c;
  if (c.grouped.n && !c.grouped.is_ragged && OWN(grouped_is_far)(s->cout, OWN(GROUPED_PAGE))) c.copies = N;
  c.window_elements = c.bands.images * (c.high_y - c.low_y + fnn_ceil_div(c.bands.rows, s->stride_h)) * row;
  const conv_bands bands = conv_bands_of(s->n, s->h, cols, 0, s->stride_h, CONV_PIXELS);
  const int64_t sides =
    OWN(conv_input_sides)(s->h, s->pad_top, s->kh, s->dilation_h, s->stride_h, s->oh, bands.bands) *
    OWN(conv_input_sides)(s->w, s->pad_left, s->kw, s->dilation_w, s->stride_w, s->ow, 1);
  if (c.grouped.n) return c;
  c.in_place = OWN(conv_saves_copies)(c.bands.image_units * c.bands.bands * c.window_elements,
                                      bands.image_units * sides * s->cout_g * s->cin);
  if (c.in_place) c.bands = bands;
  const int64_t ending = s->n * inside + OWN(CONV_WASTE) * bands.image_units * sides;
  if (OWN(conv_stacks)(&c.bands, s, s->h, s->cin_g, inside, c.in_place ? ending : all)) {
    const int vectors = tile_panel_at(s->cin_g, N, 0).vectors;
    c.in_place = 1, c.pairs = c.bands.image_units * inside * OWN(conv_stacked_rows)(c.bands.images, vectors) / 2;
  }
  if (c.in_place) c.copies = 0, c.window_elements = 0;
  return c;
}

static void OWN(conv2d_grad_input_size)(const int64_t *ints, fnn_work *work) {
  const conv_shape s = conv_shape_of(ints);
  work->phases = 2;
  work->flops = conv_flops(&s);
  work->bytes = conv_elements(&s) * (double)sizeof(T);
  const int has_pairs = OWN(pairs_fits)(&s);
  if (OWN(lanes_fits)(&s) || has_pairs) {
    const conv_bands bands = conv_bands_of(s.n, s.h, s.w, 0, s.stride_h, CONV_PIXELS);
    work->units[0] = has_pairs ? s.kh : 1;
    work->units[1] = bands.image_units * bands.bands;
    work->shared_bytes = (s.taps * s.cin + 1) * s.cout * (int64_t)sizeof(T);
    work->scratch_bytes = OWN(conv_scratch_bytes)(ints, s.taps + s.kw, 0);
    return;
  }
  if (OWN(scatter_fits)(&s)) {
    const OWN(scatter_cut) c = OWN(scatter_cut_of)(ints);
    work->units[0] = 1;
    work->units[1] = c.bands.image_units * c.bands.bands;
    work->shared_bytes = c.columns * s.cout * (int64_t)sizeof(T);
    work->scratch_bytes = OWN(conv_scratch_bytes)(ints, s.taps, c.rows * c.row + N);
    return;
  }
  const OWN(conv_input_cut) c = OWN(conv_input_cut_of)(ints);
  if (OWN(spread_fits)(&s, c.pairs)) {
    OWN(spread_size)(ints, work);
    return;
  }
  work->units[0] = s.groups * s.taps * fnn_ceil_div(s.cout_g, OWN(CONV_TURNED));
  work->units[1] = c.bands.image_units * c.bands.bands;
  const int64_t turned = c.grouped.n ? c.grouped.vectors * N * s.cout_g
                                     : fnn_round_up(s.cin_g, fnn_max(1, c.panel_cols)) * s.cout;
  work->shared_bytes = (s.taps * turned + N) * (int64_t)sizeof(T);
  work->scratch_bytes = OWN(conv_scratch_bytes)(ints, 2 * s.taps, c.window_elements);
}

/* out[g][taps - 1 - tap][o][i] = weights[tap][i][g * cout_g + o], and zeroes after the last: a block of o of a tap. Of
 * grouped_walk g are the groups of a vector, out[vector][taps - 1 - tap][o][g][i]; in panels of i
 * out[panel][taps - 1 - tap][o][i of panel]. */
static void OWN(conv_transpose_weights)(const conv_shape *s, const OWN(conv_input_cut) * c, T *out, const T *weights,
                                        int64_t unit) {
  const int64_t panel_cols = c->panel_cols, shared = c->grouped.n; /* groups of a vector */
  const int64_t blocks = fnn_ceil_div(s->cout_g, OWN(CONV_TURNED)), g = unit / blocks / s->taps;
  const int64_t tap = unit / blocks % s->taps, first = unit % blocks * OWN(CONV_TURNED);
  const int64_t n = fnn_min(OWN(CONV_TURNED), s->cout_g - first);
  const int64_t width = shared ? N : s->cin_g, lane = shared ? g % shared * s->cin_g : 0;
  T *to = out + (shared ? g / shared : g) * width * s->taps * s->cout_g + (tap * s->cout_g + first) * width + lane;
  const T *from = weights + (s->taps - 1 - tap) * s->cin_g * s->cout + g * s->cout_g + first;
  for (int64_t i = 0; panel_cols && i < s->cin; i += panel_cols) {
    T *panel = out + i * s->taps * s->cout + (tap * s->cout + first) * panel_cols;
    const int64_t cols = fnn_min(panel_cols, s->cin - i);
    if (c->by_two == 3) {
      OWN(line_turn_columns)(panel, from, s->cout, s->cin, n);
      break;
    }
    OWN(pack_panel)(panel, from, 1, s->cout, n, (tile_panel){i, cols, (int)(panel_cols / N)});
    if (c->by_two) OWN(line_turn_rows)(panel, n, c->by_two);
  }
  if (panel_cols) return;
  if (s->cin_g % N == 0) {
    OWN(pack_panel)(to, from, 1, s->cout, n, (tile_panel){0, s->cin_g, (int)(s->cin_g / N)});
  } else {
    for (int64_t o = 0; o < n; o++)
      for (int64_t i = 0; i < s->cin_g; i++) to[o * width + i] = from[i * s->cout + o];
  }
  if (unit == s->groups * s->taps * blocks - 1 && !shared) memset(to + n * s->cin_g, 0, sizeof(T) * N);
}

/* The taps of one pair of residues over the window of dy. */
static void OWN(conv_input_taps)(const OWN(conv_input_cut) * c, int64_t residue_y, int64_t residue_x,
                                 const OWN(conv_window) * dy, const T *weights, OWN(tile_segment) * taps) {
  const conv_shape *s = &c->s;
  const int64_t width = c->grouped.n ? N : c->panel_cols ? c->panel_cols : s->cin_g;
  int64_t shift_y, shift_x;
  for (int64_t ky = s->kh - 1; ky >= 0; ky--) {
    if (!conv_shift(residue_y, s->pad_top, ky, s->dilation_h, s->stride_h, &shift_y)) continue;
    for (int64_t kx = s->kw - 1; kx >= 0; kx--) {
      if (!conv_shift(residue_x, s->pad_left, kx, s->dilation_w, s->stride_w, &shift_x)) continue;
      const int64_t turned = s->taps - 1 - (ky * s->kw + kx);
      *taps++ = (OWN(tile_segment)){weights + turned * s->cout_g * width, width,
                                    (shift_y - c->low_y) * dy->row + (shift_x - c->low_x) * dy->pixel, s->cout_g};
    }
  }
}

/* One unit: images [image, image + images) by rows [row, row + rows) of dx. */
static void OWN(conv_input_unit)(const fnn_call *call, const OWN(conv_input_cut) * c, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t image = unit / c->bands.bands * c->bands.images, row = unit % c->bands.bands * c->bands.rows;
  const int64_t images = fnn_min(c->bands.images, s->n - image), rows = fnn_min(c->bands.rows, s->h - row);
  const int64_t steps = fnn_ceil_div(rows, s->stride_h), first_j = row / s->stride_h; /* bands begin at residue 0 */
  const OWN(conv_window) dy = OWN(conv_window_of)(
    (const T *)call->buf[0] + image * s->oh * s->ow * s->cout, images, s->oh, s->ow, s->cout, c->low_y + first_j,
    c->high_y - c->low_y + steps, c->low_x, c->window_cols, c->copies,
    (T *)(call->scratch + OWN(conv_window_at)(2 * s->taps)));
  OWN(tile_segment) *taps = (OWN(tile_segment) *)call->scratch;
  T *dx = (T *)call->buf[2] + (image * s->h + row) * s->w * s->cin;
  const int merges = s->stride_w == 1 && s->dilation_w == 1 && s->groups == 1;
  const int64_t n_dy = images * steps * s->ow, n_dx = images * rows * s->w * s->cin;
  const T *next = (const T *)call->buf[0] + ((image + images - 1) * s->oh + first_j + steps) * s->ow * s->cout;
  OWN(conv_ahead) ahead = OWN(conv_ahead_of)(next, n_dy * s->cout, dx + n_dx, n_dx,
                                             s->groups * tile_panels(s->cin_g, N) * n_dy / TILE_MOST_ROWS,
                                             merges ? s->kh : s->taps);
  /* Pixels without a tap are cleared at once, not by tiles of no products; where a single tap reaches the others, which
   * tiles take in the order of memory, by these as they go. */
  const int has_gaps = s->stride_h > s->kh || s->stride_w > s->kw;
  const int clears = has_gaps && s->taps == 1 && s->groups == 1 && !c->grouped.n && !c->copies && !c->in_place &&
                     !s->pad_top && !s->pad_left && s->cin % N == 0;
  const int asks = OWN(conv_asks)(s);
  const int64_t pixel_bytes = s->cin * (int64_t)sizeof(T);
  const int streams =
    asks && !call->ints[CONV_EPILOGUE] && conv_streams(dx, pixel_bytes, s->n * s->h * s->w * pixel_bytes);
  if (has_gaps && !clears) memset(dx, 0, sizeof(T) * (size_t)n_dx);
  for (int64_t residue_y = 0; residue_y < fnn_min(s->stride_h, rows); residue_y++) {
    conv_axis y = OWN(conv_input_axis)(residue_y, s->pad_top, s->kh, s->dilation_h, s->stride_h, s->oh);
    y.at += first_j;
    for (int64_t residue_x = 0; residue_x < fnn_min(s->stride_w, s->w); residue_x++) {
      const conv_axis x = OWN(conv_input_axis)(residue_x, s->pad_left, s->kw, s->dilation_w, s->stride_w, s->ow);
      if (has_gaps && y.taps * x.taps == 0) continue;
      OWN(conv_walk) walk = {
        .planes = 1, .a_image = dy.image, .a_row = dy.row, .a_col = dy.pixel,
        .c_image = s->h * s->w * s->cin, .c_row = s->stride_h * s->w * s->cin, .c_col = s->stride_w * s->cin,
        .images = images, .rows = fnn_ceil_div(rows - residue_y, s->stride_h),
        .cols = fnn_ceil_div(s->w - residue_x, s->stride_w), .y = y, .x = x,
        .taps = taps, .segments = taps + s->taps, .k = s->cout_g,
        .merges = merges, .in_place = c->in_place, .by_two = c->by_two,
        .columns = s->cin_g,
        .depth = c->grouped.n || (c->panel_cols && c->panel_cols < s->cin) ? s->taps * s->cout_g : 1,
        .widest = TILE_VECTORS, .panels = tile_panels(s->cin_g, N),
        .floor = -INFINITY, .clears = clears ? dx : NULL, .clears_end = dx + n_dx,
        .fetches = asks ? OWN(CONV_ASK_TILES) * TILE_MOST_ROWS * s->cout : 0,
        .streams = streams,
        .asks = asks ? OWN(CONV_BLOCK) * s->cin : 0,
        .ahead = c->copies || c->in_place ? &ahead : NULL};
      for (int64_t g = 0; g < s->groups; g++) {
        const T *weights = (const T *)call->shared + g * s->taps * s->cout_g * s->cin_g;
        OWN(conv_input_taps)(c, residue_y, residue_x, &dy, weights, taps);
        walk.a = dy.at + g * s->cout_g;
        walk.c = dx + (residue_y * s->w + residue_x) * s->cin + g * s->cin_g;
        if (c->grouped.n) OWN(grouped_walk)(&walk, dy.vector, c->grouped.n, c->grouped.in);
        else OWN(conv_run)(&walk);
      }
    }
  }
  OWN(conv_run_program)(call, (image * s->h + row) * s->w, images * rows * s->w, 0, s->cin,
                        call->scratch + OWN(conv_program_at)(2 * s->taps, c->window_elements));
  if (streams) fnn_end_streams();
}

static void OWN(conv2d_grad_input)(const fnn_call *call, int64_t begin, int64_t end) {
  const conv_shape s = conv_shape_of(call->ints);
  if (OWN(pairs_fits)(&s)) {
    const conv_bands bands = conv_bands_of(s.n, s.h, s.w, 0, s.stride_h, CONV_PIXELS);
    for (int64_t unit = begin; unit < end; unit++) {
      if (call->phase == 0)
        OWN(pairs_weights)(&s, (T *)call->shared, (const T *)call->buf[1], (OWN(pairs_run) *)call->scratch, unit);
      else OWN(pairs_unit)(call, &s, bands, unit);
    }
    return;
  }
  if (OWN(lanes_fits)(&s)) {
    const conv_bands bands = conv_bands_of(s.n, s.h, s.w, 0, s.stride_h, CONV_PIXELS);
    for (int64_t unit = begin; unit < end; unit++) {
      if (call->phase == 0) OWN(lanes_weights)(&s, (T *)call->shared, (const T *)call->buf[1]);
      else OWN(lanes_unit)(call, &s, bands, unit);
    }
    return;
  }
  if (OWN(scatter_fits)(&s)) {
    const OWN(scatter_cut) c = OWN(scatter_cut_of)(call->ints);
    for (int64_t unit = begin; unit < end; unit++) {
      if (call->phase == 0) OWN(scatter_weights)(&c, (T *)call->shared, (const T *)call->buf[1]);
      else OWN(scatter_unit)(call, &c, unit);
    }
    return;
  }
  const OWN(conv_input_cut) c = OWN(conv_input_cut_of)(call->ints);
  if (OWN(spread_fits)(&s, c.pairs)) {
    const OWN(spread_cut) spread = OWN(spread_cut_of)(call->ints);
    for (int64_t unit = begin; unit < end; unit++) {
      if (call->phase == 0) OWN(spread_weights)(&spread, (T *)call->shared, (const T *)call->buf[1], unit);
      else OWN(spread_unit)(call, &spread, unit);
    }
    return;
  }
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0)
      OWN(conv_transpose_weights)(&s, &c, (T *)call->shared, (const T *)call->buf[1], unit);
    else
      OWN(conv_input_unit)(call, &c, unit);
  }
}

/* ---- conv2d_grad_kernel ----
 *
 * dkernel[(ky, kx, c), o] is the sum over result pixels of x at the pixel's tap times dy: tile rows are (ky, kx, c), B
 * is dy, k runs along a row of result pixels and each row is a segment. A unit of the first phase adds a block of the
 * batch for a block of tile rows, and leaves its sums in shared memory; the second phase adds the blocks. */

enum {
  OWN(CONV_UNIT_SUMS) = 256 << 10, /* bytes of a unit's sums */
  OWN(CONV_BAND_BYTES) = 640 << 10, /* of what it contracts between two visits of a tile */
  OWN(CONV_NEAR_BYTES) = 32 << 10,  /* of that what L1 keeps for the tiles of a panel: it, and a line of x a pixel */
  OWN(CONV_FAR_PIXELS_BYTES) = 1 << 24, /* of x and dy, from which a band is so short: visits of sums cost less there */
  OWN(CONV_POINT_BYTES) = 16 << 10, /* as CONV_NEAR_BYTES, where each step asks for what comes next */
  OWN(CONV_SUM_PIXELS) = 512, /* of a unit, of fewer of which writing and adding its sums shows, */
  OWN(CONV_SUM_BYTES) = 4 << 20 /* unless x and dy have more: units of some rows each read all pixels anew */
};

typedef struct {
  conv_shape s;
  conv_bands bands;                           /* what is contracted between two visits of a tile */
  int64_t blocks, row_blocks;                 /* of the batch, of tile rows: a unit is a pair */
  int64_t rows, panels, unit_rows;            /* of a group: rows rounded up to TILE_BLOCK, panels; rows of a unit */
  int64_t widest;                             /* vectors of a panel */
  int64_t partial, window_cols, window_elements, dy_elements;
  int copies, in_place, copies_dy;
  OWN(grouped) grouped;
  int is_point, is_turned; /* by conv2d_point_body.h, where channels of dy may be the rows */
  int asks_rows; /* of x whole, as units read about all; else the pixels that a unit reads */
  int along;     /* the axis along which a segment has its results: the last one that has several */
  int is_direct; /* units have all pixels: their tiles write results, which the second phase need not add */
} OWN(conv_kernel_cut);

/* Rows of a tile that ends with the `left` rows of a tap that are to do: as many as a variant has. */
FNN_INLINE int64_t OWN(conv_tap_rows)(int64_t left, int64_t height) {
  return left >= height ? height : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Whether such tiles, which meet the results that one tap reaches and no zeros around x, are about as fast as others:
 * no more than an eighth more of them, whose multiply-adds take no more than a twentieth longer. A tile of less than 8
 * sums takes as long as one of 8, as two multipliers wait for them. */
static int OWN(conv_taps_fit)(const conv_shape *s) {
  const int vectors = tile_panel_at(s->cout_g, N, 0).vectors;
  const int64_t height = tile_rows(vectors), whole = s->cin_g / height;
  int64_t tiles = whole, sums = whole * height * vectors;
  for (int64_t left = s->cin_g % height, rows; left > 0; left -= rows, tiles++) {
    rows = OWN(conv_tap_rows)(left, height);
    sums += fnn_max(8, rows * vectors);
  }
  return 8 * tiles * height <= 9 * s->cin_g && 20 * sums <= 21 * s->cin_g * vectors;
}

#include "conv2d_point_body.h"

static int64_t OWN(conv_pixel_bytes)(const conv_shape *s) { /* of x and dy */
  const int64_t elements = s->volumes * s->depth * s->h * s->w * s->cin + s->n * s->oh * s->ow * s->cout;
  return elements * (int64_t)sizeof(T);
}

/* Units whose sums stay in L2, and bands whose pixels, of x what a unit's taps read, do so beside them: units of few
 * rows would read all pixels from memory anew. Of x and dy that are far, L1 keeps what all tiles of a panel read. */
static void OWN(conv_cut_sums)(OWN(conv_kernel_cut) * c) {
  const conv_shape *s = &c->s;
  const int64_t size = (int64_t)sizeof(T), most = fnn_max(1, c->rows / (3 * TILE_BLOCK));
  c->row_blocks = fnn_min(most, fnn_ceil_div(c->rows * s->cout * size, OWN(CONV_UNIT_SUMS)));
  const int64_t unit_rows = fnn_ceil_div(c->rows, c->row_blocks), taps = fnn_ceil_div(unit_rows, s->cin_g);
  const int64_t cols = fnn_min(fnn_min(s->kw, taps), s->stride_w);
  const int64_t rows = fnn_min(fnn_ceil_div(taps, s->kw), s->stride_h);
  const int64_t read = fnn_min(unit_rows * s->groups, rows * cols * s->cin), pixel = (s->cout + read) * size;
  const int64_t equal = s->n * s->oh * s->ow / fnn_ceil_div(CONV_UNITS / 2, c->row_blocks);
  const int64_t panel = tile_panel_at(s->cout_g, N, 0).vectors * N * size + FNN_ALIGN;
  /* Rows of dy a power of two apart share sets of L1: fewer fit, but not less than the least band. */
  const int64_t apart = s->cout * size & -(s->cout * size), most_apart = OWN(CONV_NEAR_BYTES) / CONV_FEW_PIXELS;
  const int64_t near = OWN(CONV_NEAR_BYTES) / (apart <= most_apart ? fnn_max(panel, apart) : panel);
  const int is_far = OWN(conv_pixel_bytes)(s) >= OWN(CONV_FAR_PIXELS_BYTES);
  const int64_t most_pixels = fnn_min(is_far ? near : CONV_PIXELS, OWN(CONV_BAND_BYTES) / pixel);
  const int64_t pixels = fnn_max(CONV_FEW_PIXELS, fnn_min(most_pixels, equal));
  const int64_t row = c->copies ? c->window_cols * s->cin : 0;
  c->bands = OWN(conv_bands_of_results)(s, s->kd * row * s->stride_h * size, 1, pixels);
  const int64_t window_rows = (c->bands.rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1;
  c->window_elements = OWN(conv_planes)(s, c->bands.images) * window_rows * row;
  const int64_t units = fnn_ceil_div(CONV_UNITS / 2, fnn_max(1, c->bands.image_units * c->bands.bands));
  c->row_blocks = fnn_max(c->row_blocks, fnn_min(fnn_min(8, most), units));
  c->asks_rows = c->copies || 2 * read >= s->stride_h * s->stride_w * s->cin;
}

/* The same for tiles of conv2d_point_body.h. Pixels without strides are the rows of an image. */
static void OWN(conv_cut_points)(OWN(conv_kernel_cut) * c, int64_t columns) {
  conv_shape *s = &c->s;
  if (s->stride_h == 1 && s->stride_w == 1) {
    s->h = s->oh = s->n * s->oh * s->ow;
    s->n = s->depth = s->od = s->w = s->ow = 1;
  }
  const int64_t size = (int64_t)sizeof(T), most = fnn_max(1, c->rows / (3 * TILE_BLOCK));
  c->row_blocks = fnn_min(most, fnn_ceil_div(c->rows * columns * size, OWN(CONV_UNIT_SUMS)));
  const int64_t panel = tile_panel_of(columns, N, c->widest, 0).vectors * N * size + FNN_ALIGN;
  const int64_t equal = s->n * s->oh * s->ow / fnn_ceil_div(CONV_UNITS / 2, c->row_blocks);
  const int64_t pixels = fnn_max(CONV_FEW_PIXELS, fnn_min(OWN(CONV_POINT_BYTES) / panel, equal));
  c->bands = conv_bands_by(s->n, s->oh, s->ow, 0, 1, pixels);
  const int64_t units = fnn_ceil_div(CONV_UNITS / 2, fnn_max(1, c->bands.image_units * c->bands.bands));
  c->row_blocks = fnn_max(c->row_blocks, fnn_min(fnn_min(8, most), units));
}

static OWN(conv_kernel_cut) OWN(conv_kernel_cut_of)(conv_shape shape) {
  OWN(conv_cut) forward = {.s = shape};
  const int ends = OWN(conv_taps_fit)(&forward.s);
  const int is_thin = OWN(thin_fits)(&forward.s, OWN(THIN_GRAD_CHANNELS));
  OWN(conv_cut_windows)(&forward, is_thin, 1, is_thin || !ends, ends);
  OWN(conv_kernel_cut) c = {.s = forward.s, .bands = forward.bands, .window_cols = forward.window_cols,
                            .window_elements = forward.window_elements, .copies = forward.copies,
                            .in_place = forward.in_place, .grouped = forward.grouped};
  const conv_shape *s = &c.s;
  c.is_point = !c.grouped.n && OWN(point_fits)(s);
  c.is_turned = c.is_point && OWN(point_turns)(s);
  const int64_t rows = c.is_turned ? s->cout : s->taps * s->cin_g, columns = c.is_turned ? s->cin : s->cout_g;
  c.copies_dy = !c.is_point && s->cout_g % N != 0; /* whole vectors may reach past the end of dy */
  if (c.grouped.is_ragged) c.copies_dy = (int)c.grouped.out;
  else if (c.grouped.n && c.copies && OWN(grouped_is_far)(s->cin, OWN(GROUPED_GRAD_FAR))) c.copies = c.copies_dy = N;
  c.rows = fnn_round_up(rows, TILE_BLOCK);
  c.widest = c.is_point ? OWN(point_widest)(rows) : TILE_VECTORS;
  c.panels = c.grouped.is_ragged ? c.grouped.vectors : tile_panels_of(columns, N, c.widest);
  c.row_blocks = c.asks_rows = 1;
  if (c.is_point) OWN(conv_cut_points)(&c, columns);
  else if (!c.grouped.n && !is_thin) OWN(conv_cut_sums)(&c);
  c.along = s->ow > 1 ? CONV_ALONG_COLS : c.bands.rows > 1 ? CONV_ALONG_ROWS : CONV_ALONG_IMAGES;
  const int64_t bands = c.bands.image_units * c.bands.bands;
  c.unit_rows = fnn_round_up(fnn_ceil_div(c.rows, c.row_blocks), TILE_BLOCK);
  c.row_blocks = fnn_ceil_div(c.rows, c.unit_rows);
  c.blocks = fnn_min(bands, fnn_ceil_div(CONV_UNITS, c.row_blocks));
  if (bands < 2 * c.blocks && bands > c.blocks) c.blocks = fnn_ceil_div(bands, 2); /* or some have twice the work */
  /* Few bands are as unequal as their rows. */
  for (int64_t equal = 8; equal >= 4 && bands > 1 && bands < OWN(CONV_FEW_BANDS); equal -= 2) {
    if (c.rows % (equal * TILE_BLOCK) || c.grouped.n || c.row_blocks > 8) continue;
    c.blocks = 1, c.row_blocks = equal, c.unit_rows = c.rows / equal;
    break;
  }
  /* Sums of few pixels are written and read again for about as long as it takes to multiply for them: no unit has a
   * part of the pixels then, if there are rows enough. */
  const int is_plain = !c.is_point && !c.grouped.n && !is_thin;
  if (is_plain && !c.copies && c.blocks > 1 && OWN(conv_pixel_bytes)(s) <= OWN(CONV_SUM_BYTES) &&
      s->n * s->oh * s->ow < OWN(CONV_SUM_PIXELS) * c.blocks && c.rows >= CONV_UNITS / 2 * 3 * TILE_BLOCK) {
    c.unit_rows = fnn_round_up(fnn_ceil_div(c.rows, fnn_max(c.row_blocks, CONV_UNITS / 2)), TILE_BLOCK);
    c.blocks = 1, c.row_blocks = fnn_ceil_div(c.rows, c.unit_rows);
  }
  c.is_direct = is_plain && c.blocks == 1;
  const int64_t dy_pixel = OWN(grouped_window_pixel)(&c.grouped, s->cout);
  if (c.copies_dy) c.dy_elements = c.bands.images * c.bands.rows * s->ow * dy_pixel + N;
  /* A block's sums: its tiles, then the column sums of dy. */
  c.partial = s->groups * c.panels * c.rows * OWN(TILE_COLS) + fnn_round_up(s->cout, N);
  return c;
}

/* Scratch: segments, pointers to the unit's tile rows, window, dy, program. */
static int64_t OWN(conv_kernel_rows_at)(const OWN(conv_kernel_cut) * c) {
  return OWN(conv_window_at)(c->grouped.n ? 2 * c->s.taps : c->bands.images * c->bands.rows);
}
static int64_t OWN(conv_kernel_space_at)(const OWN(conv_kernel_cut) * c) {
  return OWN(conv_kernel_rows_at)(c) + fnn_round_up(c->unit_rows * (int64_t)sizeof(T *), FNN_ALIGN);
}
static int64_t OWN(conv_kernel_program_at)(const OWN(conv_kernel_cut) * c) {
  return OWN(conv_kernel_space_at)(c) +
         fnn_round_up((fnn_round_up(c->window_elements, N) + c->dy_elements) * (int64_t)sizeof(T), FNN_ALIGN);
}

/* Pointers to tile rows [first, last) of group 0, (kz, ky, kx, c) of a window; rows past the end repeat the last. */
static void OWN(conv_kernel_rows)(const conv_shape *s, const T **rows, OWN(conv_window) x, int64_t first,
                                  int64_t last) {
  const int64_t end = s->taps * s->cin_g, tap = first / s->cin_g;
  int64_t kz = tap / s->kw / s->kh, ky = tap / s->kw % s->kh, kx = tap % s->kw, c = first % s->cin_g;
  for (int64_t r = first; r < last; r++) {
    if (r >= end) {
      rows[r - first] = rows[r - first - 1];
      continue;
    }
    rows[r - first] =
      x.at + kz * s->dilation_d * x.image + ky * s->dilation_h * x.row + kx * s->dilation_w * s->cin + c;
    if (++c == s->cin_g) {
      c = 0;
      if (++kx == s->kw) kx = 0, ky++;
      if (ky == s->kh) ky = 0, kz++;
    }
  }
}

enum { OWN(CONV_COLUMN_SUMS) = 4 /* of pixels in turns: one would wait for each addition */ };

/* Adds the columns of `pixels` rows of dy to sum[0 .. cout). In a larger function GCC would not keep the mask. */
static __attribute__((noinline)) void OWN(conv_add_columns)(const conv_shape *s, T *sum, const T *dy, int64_t pixels,
                                                            int starts) {
  enum { SUMS = OWN(CONV_COLUMN_SUMS) };
  for (int64_t o = 0; o < s->cout; o += N) {
    const int64_t n = fnn_min(N, s->cout - o);
    const T *at = dy + o;
    V v[SUMS] = {{0}};
    if (!starts) v[0] = FN(load)(sum + o);
    int64_t p = 0;
    for (; p + SUMS <= pixels; p += SUMS)
#pragma GCC unroll 4
      for (int i = 0; i < SUMS; i++, at += s->cout) v[i] += n < N ? FN(load_part)(at, n) : FN(load)(at);
    for (; p < pixels; p++, at += s->cout) v[0] += n < N ? FN(load_part)(at, n) : FN(load)(at);
    FN(store)(sum + o, (v[0] + v[1]) + (v[2] + v[3]));
  }
}

/* What tiles contract between two visits, and the results of which the segments are. */
typedef struct {
  const conv_shape *s;
  OWN(conv_window) window; /* of x */
  const T *dy;
  int64_t images, rows;
  conv_axis z, y, x;
  int along;           /* which axis the results of a segment follow */
  int64_t x_step;      /* from one of these to the next */
  int64_t first, last; /* taps that reach these results */
  conv_range images_now, rows_now, cols_now;
  OWN(tile_segment) * segments;
  int64_t n_segments;
} OWN(conv_band);

/* Results [y.begin, y.end) by [x.begin, x.end) of images [z.begin, z.end) become the segments, each of those along one
 * axis. */
static void OWN(conv_band_results)(OWN(conv_band) * band, conv_range z, conv_range y, conv_range x) {
  const conv_shape *s = band->s;
  const conv_range axes[] = {z, y, x};
  const int64_t x_steps[] = {s->stride_d * band->window.image, s->stride_h * band->window.row, s->stride_w * s->cin};
  const int64_t dy_steps[] = {band->rows * s->ow * s->cout, s->ow * s->cout, s->cout};
  const int along = band->along, outer = along == CONV_ALONG_IMAGES, inner = along == CONV_ALONG_COLS ? 1 : 2;
  const int64_t begin = axes[along].begin, k = axes[along].end - begin;
  int64_t n = 0;
  for (int64_t i = axes[outer].begin; i < axes[outer].end && k > 0; i++)
    for (int64_t j = axes[inner].begin; j < axes[inner].end; j++)
      band->segments[n++] = (OWN(tile_segment)){
        band->dy + i * dy_steps[outer] + j * dy_steps[inner] + begin * dy_steps[along], dy_steps[along],
        i * x_steps[outer] + j * x_steps[inner] + begin * x_steps[along], k};
  band->images_now = z, band->rows_now = y, band->cols_now = x;
  band->x_step = x_steps[along];
  band->n_segments = n;
}

/* The same for the results that taps [first, last] reach. */
static void OWN(conv_band_taps)(OWN(conv_band) * band, int64_t first, int64_t last) {
  const conv_shape *s = band->s;
  if (first == band->first && last == band->last) return;
  band->first = first, band->last = last;
  const int64_t face = s->kh * s->kw, first_y = first / s->kw, last_y = last / s->kw;
  const int is_plane = first / face == last / face, is_row = first_y == last_y;
  const conv_range z = conv_results_of(&band->z, first / face, last / face, band->images);
  const conv_range y =
    conv_results_of(&band->y, is_plane ? first_y % s->kh : 0, is_plane ? last_y % s->kh : s->kh - 1, band->rows);
  const conv_range x = conv_results_of(&band->x, is_row ? first % s->kw : 0, is_row ? last % s->kw : s->kw - 1, s->ow);
  if (!conv_same(z, band->images_now) || !conv_same(y, band->rows_now) || !conv_same(x, band->cols_now))
    OWN(conv_band_results)(band, z, y, x);
}

/* Asks for the channels that rows [first, last) read of result pixel `index` of the band whose window is at `x`, which
 * counts the pixels of each tap in turn. */
static void OWN(conv_ask_pixel)(const OWN(conv_band) * band, const T *x, int64_t first, int64_t last, int64_t index) {
  const conv_shape *s = band->s;
  const int64_t pixels = band->images * band->rows * s->ow, tap = first / s->cin_g + index / pixels;
  const int64_t row = index % pixels / s->ow, col = index % s->ow;
  const int64_t begin = fnn_max(0, first - tap * s->cin_g), end = fnn_min(s->cin_g, last - tap * s->cin_g);
  const T *at = x + row / band->rows * band->window.image +
                (row % band->rows * s->stride_h + tap / s->kw * s->dilation_h) * band->window.row +
                (col * s->stride_w + tap % s->kw * s->dilation_w) * s->cin;
  for (int64_t i = begin; i < end; i += FNN_ALIGN / (int64_t)sizeof(T)) __builtin_prefetch(at + i, 0, 2);
}

/* The sum over blocks, `step` elements apart, of what starts at `partial`, `vectors` vectors, in order. */
static void OWN(conv_add_blocks)(T *sum, int64_t blocks, int64_t step, const T *partial, int64_t vectors) {
  for (int64_t j = 0; j < vectors; j++) {
    V v = {0};
    for (int64_t block = 0; block < blocks; block++) v += FN(load)(partial + block * step + j * N);
    FN(store)(sum + j * N, v);
  }
}

/* Panel k of a group's sums. */
static tile_panel OWN(conv_kernel_panel)(const OWN(conv_kernel_cut) * c, int64_t k) {
  if (!c->grouped.is_ragged) return tile_panel_of(c->is_turned ? c->s.cin : c->s.cout_g, N, c->widest, k);
  return (tile_panel){k * c->grouped.out, fnn_min(c->grouped.out, c->s.cout - k * c->grouped.out), 1};
}

/* One unit of the second phase: TILE_BLOCK rows of a panel of dkernel. The first also finishes dbias. */
static void OWN(conv_kernel_combine)(const fnn_call *call, const OWN(conv_kernel_cut) * c, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t blocks = c->rows / TILE_BLOCK, row = unit % blocks * TILE_BLOCK, g = unit / blocks / c->panels;
  const tile_panel panel = OWN(conv_kernel_panel)(c, unit / blocks % c->panels);
  const int64_t rows = fnn_min(TILE_BLOCK, (c->is_turned ? s->cout : s->taps * s->cin_g) - row);
  const int64_t col = g * s->cout_g + panel.begin;
  const T *partial = (const T *)call->shared;
  _Alignas(FNN_ALIGN) T sum[OWN(TILE_COLS)];
  const OWN(tile) plain = {.cols = panel.cols, .alpha = 1, .floor = -INFINITY};
  for (int64_t i = 0; i < rows && !c->is_direct; i++) {
    OWN(conv_add_blocks)(sum, c->blocks, c->partial, partial + (unit * TILE_BLOCK + i) * OWN(TILE_COLS),
                         panel.vectors);
    if (!c->is_turned) OWN(tile_finish_row)(&plain, sum, (T *)call->buf[2] + (row + i) * s->cout + col);
    else for (int64_t j = 0; j < panel.cols; j++) ((T *)call->buf[2])[(col + j) * s->cout + row + i] = sum[j];
  }
  char *space = call->scratch + OWN(conv_kernel_program_at)(c);
  if (c->is_turned) OWN(conv_run_program)(call, col, panel.cols, row, rows, space);
  else OWN(conv_run_program)(call, row, rows, col, panel.cols, space);
  if (unit || !call->buf[3]) return;
  const T *column_sum = partial + c->partial - fnn_round_up(s->cout, N);
  for (int64_t o = 0; o < s->cout; o += N) {
    const OWN(tile) rest = {.cols = fnn_min(N, s->cout - o), .alpha = 1, .floor = -INFINITY};
    OWN(conv_add_blocks)(sum, c->blocks, c->partial, column_sum + o, 1);
    OWN(tile_finish_row)(&rest, sum, (T *)call->buf[3] + o);
  }
}

#include "conv2d_turned_body.h"

/* Rows [first, last) of a band of a unit by conv2d_point_body.h: n_rows rows of results of `images` images, x_next
 * elements of x from the next band. Sums columns of dy to column_sum, if that is not NULL and c is not turned. */
static void OWN(conv_point_band)(const OWN(conv_kernel_cut) * c, OWN(conv_window) x, const T *dy, int64_t x_next,
                                 int64_t images, int64_t n_rows, int64_t first, int64_t last, int resumes, T *partial,
                                 T *column_sum) {
  const conv_shape *s = &c->s;
  const int64_t x_step = s->stride_w * s->cin, row_step = s->stride_h * x.row, x_row = row_step - s->ow * x_step;
  const int64_t x_image = x.image - n_rows * row_step, dy_next = images * n_rows * s->ow * s->cout;
  OWN(point) p = {.a = x.at, .b = dy, .a_step = x_step, .b_step = s->cout, .a_row = x_row, .a_image = x_image,
                  .images = images, .rows = n_rows, .cols = s->ow, .sums = partial, .resumes = resumes};
  if (s->ow == 1 && images == 1) p.cols = n_rows, p.rows = 1, p.a_step = row_step;
  if (c->is_turned) {
    const OWN(point) q = p;
    p.a = q.b, p.a_step = q.b_step, p.a_row = 0, p.a_image = 0;
    p.b = q.a, p.b_step = q.a_step, p.b_row = q.a_row, p.b_image = q.a_image;
    OWN(point_tiles)(p, s->cin, c->widest, first, fnn_min(last, s->cout), dy_next, x_next, c->rows * OWN(TILE_COLS));
  } else {
    p.column_sums = column_sum;
    OWN(point_tiles)(p, s->cout, c->widest, first, fnn_min(last, s->cin), x_next, dy_next, c->rows * OWN(TILE_COLS));
  }
}

/* One unit of the first phase: a block of bands for a block of tile rows. */
static void OWN(conv_kernel_unit)(const fnn_call *call, const OWN(conv_kernel_cut) * c, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t block = unit / c->row_blocks, row_block = unit % c->row_blocks;
  const int64_t bands = c->bands.image_units * c->bands.bands;
  const int64_t first_row = row_block * c->unit_rows, last_row = fnn_min(c->rows, first_row + c->unit_rows);
  OWN(tile_segment) *segments = (OWN(tile_segment) *)call->scratch;
  const T **rows = (const T **)(call->scratch + OWN(conv_kernel_rows_at)(c));
  T *space = (T *)(call->scratch + OWN(conv_kernel_space_at)(c));
  T *dy_space = space + fnn_round_up(c->window_elements, N);
  T *partial = (T *)call->shared + block * c->partial;
  T *column_sum = partial + c->partial - fnn_round_up(s->cout, N);

  const int64_t begin = bands * block / c->blocks, end = bands * (block + 1) / c->blocks;
  for (int64_t band = begin; band < end; band++) {
    const OWN(conv_band_at) at = OWN(conv_band_of)(s, &c->bands, band);
    const int64_t image = at.volume * s->od + at.image, row = at.row, images = at.images, n_rows = at.rows;
    const int64_t plane = at.image * s->stride_d - s->pad_front, planes = OWN(conv_planes)(s, images);
    const int is_thin = !c->grouped.n && OWN(thin_fits)(s, OWN(THIN_GRAD_CHANNELS)); /* then windows are of pieces */
    const OWN(conv_window) x = OWN(conv_window_of_x)(call, s, at.volume, plane, planes, row, n_rows, c->window_cols,
                                                      is_thin ? 0 : c->copies, space);
    if (!c->grouped.n && !c->is_point) OWN(conv_kernel_rows)(s, rows, x, first_row, last_row);
    const T *dy = (const T *)call->buf[1] + (image * s->oh + row) * s->ow * s->cout;
    const int64_t pixels = images * n_rows * s->ow;
    const T *next_dy = dy + pixels * s->cout;
    const int sums = call->buf[3] && row_block == 0;
    const int tiles_sum = c->is_point && !c->is_turned && s->cin > tile_rows(2); /* as many as a panel has vectors */
    if (sums && !is_thin && !tiles_sum) OWN(conv_add_columns)(s, column_sum, dy, pixels, band == begin);
    const int64_t next_row = row + n_rows < s->oh ? row + n_rows : 0, next_image = image + (next_row ? 0 : images);
    if (c->is_point) {
      const int64_t x_next = (next_image - image) * x.image + (next_row - row) * s->stride_h * x.row;
      OWN(conv_point_band)(c, x, dy, x_next, images, n_rows, first_row, last_row, band > begin, partial,
                           sums && tiles_sum ? column_sum : NULL);
      continue;
    }
    if (c->copies_dy && !c->grouped.n) {
      memcpy(dy_space, dy, sizeof(T) * (size_t)(pixels * s->cout));
      memset(dy_space + pixels * s->cout, 0, sizeof(T) * N);
      dy = dy_space;
    }
    if (is_thin) { /* few rows: they are one row block */
      const T *images_at = (const T *)call->buf[0] + image * s->h * s->w * s->cin;
      OWN(thin_piece) pieces[OWN(THIN_PIECES)];
      const int n_pieces = OWN(thin_pieces)(s, c->copies, row, n_rows, OWN(THIN_GRAD_ROWS), 1, pieces);
      OWN(thin_grad) g = {.images = images, .x_col = s->stride_w * s->cin, .dy_pixel = s->cout, .ahead = next_dy,
                          .resumes = band > begin};
      for (const OWN(thin_piece) *p = pieces; p < pieces + n_pieces; p++, g.resumes = 1) {
        g.x = OWN(thin_window)(s, images_at, images, p, space);
        g.x_row = s->stride_h * g.x.row, g.x_tap_row = s->dilation_h * g.x.row, g.rows = p->rows, g.cols = p->cols;
        g.dy_row = (s->ow - p->cols) * s->cout, g.dy_image = (n_rows - p->rows) * s->ow * s->cout;
        for (int64_t k = 0; k < c->panels; k++) {
          const tile_panel panel = tile_panel_at(s->cout, N, k);
          for (int64_t j = 0, done; j < panel.cols; j += done) {
            g.dy = dy + ((p->row - row) * s->ow + p->col) * s->cout + panel.begin + j;
            g.sums = partial + k * c->rows * OWN(TILE_COLS) + j;
            g.column_sum = call->buf[3] ? column_sum + panel.begin + j : NULL;
            done = OWN(thin_grad_run)(&g, s->cin, panel.cols - j);
            g.ahead += images * p->rows * p->cols * done;
          }
        }
      }
      continue;
    }
    const int64_t last_plane = at.volume * s->depth + plane + planes - 1;
    const T *next_x =
      (const T *)call->buf[0] + (last_plane * s->h + (row + n_rows) * s->stride_h) * s->w * s->cin;
    const int has_gaps = s->stride_h > s->kh; /* rows of x that are not read */
    OWN(conv_ahead) ahead = OWN(conv_ahead_of)(
      next_x, has_gaps || !c->asks_rows ? 0 : images * s->stride_d * n_rows * s->stride_h * s->w * s->cin, next_dy,
      pixels * s->cout, s->groups * c->panels * (last_row - first_row) / TILE_MOST_ROWS,
      pixels / (c->along == CONV_ALONG_IMAGES ? images : c->along == CONV_ALONG_ROWS ? n_rows : s->ow));
    if (c->grouped.n) {
      OWN(grouped_run) *runs = (OWN(grouped_run) *)(segments + s->taps);
      const OWN(conv_window) d =
        OWN(conv_window_of)((const T *)call->buf[1] + image * s->oh * s->ow * s->cout, images, s->oh, s->ow, s->cout,
                            row, n_rows, 0, s->ow, c->copies_dy, dy_space);
      for (int64_t k = 0; k < s->taps; k++)
        segments[k] = (OWN(tile_segment)){partial + k * s->cin_g * OWN(TILE_COLS), OWN(TILE_COLS),
                                          k / s->kw * s->dilation_h * x.row + k % s->kw * s->dilation_w * x.pixel, 0};
      OWN(grouped_grad) g = {.runs = runs, .channels = s->cin_g, .x = x.at, .dy = d.at, .images = images,
                             .rows = n_rows, .cols = s->ow, .x_image = x.image, .x_row = s->stride_h * x.row,
                             .x_step = s->stride_w * x.pixel, .dy_step = d.pixel, .ahead = &ahead,
                             .resumes = band > begin,
                             .lanes = OWN(grouped_lanes)(s->cin_g, c->grouped.out / c->grouped.n, N)};
      g.n_runs = OWN(grouped_runs)(runs, segments, s->kh, s->kw, g.x_step);
      for (int64_t k = 0; k < c->panels; k++) {
        const tile_panel panel = OWN(conv_kernel_panel)(c, k);
        for (int64_t j = 0; j < panel.cols; j += N, g.x += x.vector, g.dy += d.vector) {
          g.sums = k * c->rows * OWN(TILE_COLS) + j;
          OWN(grouped_grad_run)(&g);
        }
      }
      continue;
    }
    OWN(conv_band) now = {.s = s, .window = x, .dy = dy, .images = images, .rows = n_rows, .first = -1,
                          .segments = segments, .along = c->along,
                          .z = {s->kd, plane, s->stride_d, s->dilation_d, s->depth},
                          .y = {s->kh, row * s->stride_h - s->pad_top, s->stride_h, s->dilation_h, s->h},
                          .x = {s->kw, -s->pad_left, s->stride_w, s->dilation_w, s->w}};
    OWN(conv_band_results)(&now, (conv_range){0, images}, (conv_range){0, n_rows}, (conv_range){0, s->ow});
    const T *asked = (const T *)call->buf[0] +
                     ((next_image * s->h + next_row * s->stride_h - s->pad_top) * s->w - s->pad_left) * s->cin;
    int64_t asks = 0, last_ask = 0, tile_asks = 0;
    if (!c->asks_rows && !has_gaps && s->groups == 1 && !s->is_deep && band + 1 < end) {
      const int64_t last_tap = (fnn_min(last_row, s->taps * s->cin) - 1) / s->cin;
      last_ask = pixels * (last_tap + 1 - first_row / s->cin);
      tile_asks = fnn_ceil_div(last_ask * TILE_MOST_ROWS, c->panels * (last_row - first_row));
    }
    for (int64_t g = 0; g < s->groups; g++) {
      T *results[TILE_MOST_ROWS];
      OWN(tile) t = {.a_stride = now.x_step, .segments = segments, .resumes = band > begin, .c = results, .alpha = 1,
                     .floor = -INFINITY, .continues = !c->is_direct || band + 1 < end};
      for (int64_t k = 0; k < c->panels; k++) {
        const tile_panel panel = tile_panel_at(s->cout_g, N, k);
        const int64_t height = tile_rows(panel.vectors), end_row = fnn_min(last_row, s->taps * s->cin_g);
        t.column = g * s->cout_g + panel.begin, t.cols = panel.cols;
        int64_t first = first_row / s->cin_g, last = first; /* taps of a tile's rows */
        for (int64_t r = first_row; r < end_row; r += t.rows) {
          t.a = rows + (r - first_row);
          t.partial = partial + ((g * c->panels + k) * c->rows + r) * OWN(TILE_COLS);
          while (r >= (first + 1) * s->cin_g) first++;
          t.rows = c->in_place ? OWN(conv_tap_rows)(fnn_min(end_row, (first + 1) * s->cin_g) - r, height)
                               : fnn_min(height, end_row - r);
          while (r + t.rows > (last + 1) * s->cin_g) last++;
          if (c->copies || c->in_place) OWN(conv_band_taps)(&now, first, last);
          t.n_segments = now.n_segments;
          t.ahead_lines = OWN(conv_ask)(&ahead, t.n_segments, &t.ahead);
          for (int64_t i = 0; i < tile_asks && asks < last_ask; i++)
            OWN(conv_ask_pixel)(&now, asked, first_row, last_row, asks++);
          for (int64_t i = 0; i < TILE_MOST_ROWS && !t.continues; i++) /* tiles write rows past their last too */
            results[i] = i < t.rows ? (T *)call->buf[2] + (r + i) * s->cout + t.column
                                    : t.partial + i * OWN(TILE_COLS);
          OWN(half_call)(&t, panel);
        }
      }
      for (int64_t i = 0; i < last_row - first_row; i++) rows[i] += s->cin_g; /* the next group's */
    }
  }
  if (c->blocks != 1) return;
  for (int64_t k = 0; k < s->groups * c->panels; k++)
    for (int64_t r = first_row; r < last_row; r += TILE_BLOCK)
      OWN(conv_kernel_combine)(call, c, (k * c->rows + r) / TILE_BLOCK);
}

static void OWN(conv_kernel_size)(const int64_t *ints, conv_shape s, fnn_work *work) {
  work->flops = conv_flops(&s);
  work->bytes = conv_elements(&s) * (double)sizeof(T);
  if (OWN(turned_fits)(&s)) {
    OWN(turned_size)(ints, &s, work);
    return;
  }
  const OWN(conv_kernel_cut) c = OWN(conv_kernel_cut_of)(s);
  work->phases = c.blocks == 1 ? 1 : 2;
  work->units[0] = c.blocks * c.row_blocks;
  work->units[1] = c.s.groups * c.panels * (c.rows / TILE_BLOCK);
  work->shared_bytes = c.blocks * c.partial * (int64_t)sizeof(T);
  work->scratch_bytes = OWN(conv_kernel_program_at)(&c);
  if (ints[CONV_EPILOGUE]) work->scratch_bytes += fnn_program_scratch(ints + ints[CONV_EPILOGUE], sizeof(T));
}

static void OWN(conv2d_grad_kernel_size)(const int64_t *ints, fnn_work *work) {
  OWN(conv_kernel_size)(ints, conv_shape_of(ints), work);
}
static void OWN(conv3d_grad_kernel_size)(const int64_t *ints, fnn_work *work) {
  OWN(conv_kernel_size)(ints, conv_deep_shape_of(ints), work);
}

static void OWN(conv_kernel_units)(const fnn_call *call, conv_shape s, int64_t begin, int64_t end) {
  if (OWN(turned_fits)(&s)) {
    const OWN(turned_cut) c = OWN(turned_cut_of)(&s);
    for (int64_t unit = begin; unit < end; unit++) {
      if (call->phase == 0) OWN(turned_unit)(call, &c, unit);
      else OWN(turned_combine)(call, &c, unit);
    }
    return;
  }
  const OWN(conv_kernel_cut) c = OWN(conv_kernel_cut_of)(s);
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0) OWN(conv_kernel_unit)(call, &c, unit);
    else OWN(conv_kernel_combine)(call, &c, unit);
  }
}

static void OWN(conv2d_grad_kernel)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(conv_kernel_units)(call, conv_shape_of(call->ints), begin, end);
}
static void OWN(conv3d_grad_kernel)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(conv_kernel_units)(call, conv_deep_shape_of(call->ints), begin, end);
}
