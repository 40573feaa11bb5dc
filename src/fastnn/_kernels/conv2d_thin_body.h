/* conv2d_thin_body.h: 3 by 3 convolutions of images of few channels and their kernel gradients, for float32 and for
 * float64.
 *
 * A pixel of such a convolution has 9 to 36 products for each result: a tile of tile.h would take about as long to
 * begin and to end. Here tiles follow each other along a row, without pointers of pixels, and their sums begin at the
 * bias; of the kernel gradient all sums of a vector of columns stay in registers while it walks over the pixels of a
 * unit. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON) || defined(FNN_ISA_AVX2)
  OWN(THIN_CHANNELS) = 4,
#else
  OWN(THIN_CHANNELS) = 0, /* without fused multiply-adds tiles are faster */
#endif
  OWN(THIN_PIXELS) = 4, /* of a row at least */
  OWN(THIN_LAST) = FNN_VECTOR_BYTES == 64 ? 3 : 0, /* of 64 bytes a CPU stores one vector a cycle, of less two */
  OWN(THIN_UNIT_BYTES) = 1 << 18, /* of results at most: what begins a unit takes as long as tens of pixels */
  OWN(THIN_UNIT_PIXELS) = 4096,
  OWN(THIN_FAR_BYTES) = 1 << 24, /* results that are asked for */
  OWN(THIN_PIECES) = 5,
  OWN(THIN_INSIDE) = 16, /* columns in place at least, and rows of a unit: of fewer, copies cost less */
  OWN(THIN_INSIDE_ROWS) = 2,
  OWN(THIN_GRAD_ROWS) = 3, /* of the kernel gradient, each of whose pieces reads and writes all sums */
  OWN(THIN_AHEAD_BYTES) = 4096
};

/* Pixels of a tile at most, by its vectors of columns: even numbers whose sums leave registers for a row of weights and
 * a broadcast. */
FNN_INLINE int OWN(thin_pixels)(int vectors) {
  return TILE_VECTORS == 4 ? (vectors == 1 ? 16 : vectors == 2 ? 12 : vectors == 3 ? 8 : 6) : vectors == 1 ? 12 : 6;
}

/* What the tiles of a panel share, read from memory anew: the compiler would keep it in vector registers, for want of
 * others, and a move from there waits behind the multiply-adds. */
typedef struct {
  const T *weights, *bias; /* of the first column; whole vectors of bias */
  int64_t b_stride, run;   /* of weights; elements of a row of the window */
  int64_t step, down;      /* of x: to the next pixel; from the end of a row of the window to the next row */
  int64_t c_step, c_ahead; /* to the next result; 0, or from a result to one that is asked for */
  int64_t cols, last;      /* pixels of a row; columns of the last vector */
  T floor;
} OWN(thin);

/* A tile: pixels of a row, the first at `a` and `c`. Its last products are made pixel by pixel, so that no more than
 * one vector is stored beside three multiply-adds: a burst of stores keeps them waiting. */
FNN_INLINE void OWN(thin_tile)(const OWN(thin) * t, const T *a, T *c, const int pixels, const int vectors) {
  const int last = OWN(THIN_LAST);
  __asm__("" : "+r"(t));
  const int64_t step = t->step, b_stride = t->b_stride;
  const T *x[4], *b = t->weights; /* of every fourth pixel */
#pragma GCC unroll 4
  for (int q = 0; q < pixels; q += 4) x[q / 4] = a + q * step;
  V acc[TILE_MOST_SUMS];
#pragma GCC unroll 16
  for (int i = 0; i < pixels; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) acc[i * vectors + j] = FN(load)(t->bias + j * N);
#pragma GCC unroll 1
  for (int ky = 0; ky < 3; ky++) {
    if (t->c_ahead) {
      const T *ahead = c + t->c_ahead + ky * (pixels + 2) / 3 * t->c_step;
#pragma GCC unroll 8
      for (int i = 0; i < (pixels + 2) / 3; i++, ahead += t->c_step)
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) __builtin_prefetch(ahead + j * N, 0, 2);
    }
#pragma GCC unroll 1 /* three at once: up to 13 % slower */
    for (int64_t k = t->run - (ky < 2 ? 0 : last); k > 0; k--, b += b_stride) {
      V weights[TILE_VECTORS];
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) weights[j] = FN(load)(b + j * N);
#pragma GCC unroll 16
      for (int i = 0; i < pixels; i++) {
        const V splat = FN(splat)(x[i / 4][i % 4 * step]);
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) acc[i * vectors + j] += splat * weights[j];
      }
#pragma GCC unroll 4
      for (int q = 0; q < pixels; q += 4) {
        x[q / 4]++;
        __asm__("" : "+r"(x[q / 4])); /* as in tile.h: not a register for each pixel */
      }
    }
    __asm__("" : "+r"(t));
    if (ky == 2) break;
#pragma GCC unroll 4
    for (int q = 0; q < pixels; q += 4) x[q / 4] += t->down;
  }
  const int64_t n = t->last, c_step = t->c_step;
  int has_floor = t->floor > -INFINITY; /* the maximum takes the unit that multiplies */
  __asm__("" : "+r"(has_floor)); /* or the compiler compares anew for each pixel */
  const V floor = FN(splat)(t->floor);
  V weights[3 * TILE_VECTORS];
#pragma GCC unroll 3
  for (int k = 0; k < last; k++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) weights[k * vectors + j] = FN(load)(b + k * b_stride + j * N);
#pragma GCC unroll 16
  for (int i = 0; i < pixels; i++, c += c_step) {
#pragma GCC unroll 3
    for (int k = 0; k < last; k++) {
      const V splat = FN(splat)(x[i / 4][i % 4 * step + k]);
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) acc[i * vectors + j] += splat * weights[k * vectors + j];
    }
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      V y = acc[i * vectors + j];
      if (has_floor) y = FN(max)(floor, y);
      if (j == vectors - 1 && n < N) FN(store_part)(c + j * N, y, n);
      else FN(store)(c + j * N, y);
    }
    __asm__ volatile("" ::: "memory"); /* in this order */
  }
}

/* Pixels [begin, end) of a row in tiles of n; the last may do some again. */
FNN_INLINE void OWN(thin_strip)(const OWN(thin) * t, const T *a, T *c, int64_t begin, int64_t end, const int n,
                                const int vectors) {
#pragma GCC unroll 1
  for (int64_t p = begin; p < end; p += n) {
    const int64_t first = fnn_min(p, t->cols - n);
    OWN(thin_tile)(t, a + first * t->step, c + first * t->c_step, n, vectors);
  }
}

FNN_INLINE void OWN(thin_part)(const OWN(thin) * t, const T *a, T *c, int64_t begin, int64_t end, int64_t n,
                               const int vectors) {
  const int most = OWN(thin_pixels)(vectors);
  switch (n) {
#define THIN_CASE(n) case n: if (n <= most) OWN(thin_strip)(t, a, c, begin, end, n, vectors); break;
    THIN_CASE(2) THIN_CASE(4) THIN_CASE(6) THIN_CASE(8) THIN_CASE(10) THIN_CASE(12) THIN_CASE(14) THIN_CASE(16)
#undef THIN_CASE
  }
}

/* `cols` columns from `column` on of all pixels: rows in as few tiles as it takes, as equal as they can be. */
FNN_INLINE void OWN(thin_panel)(const OWN(conv_walk) * walk, int64_t column, int64_t cols, int64_t channels,
                                int64_t ahead, const int vectors) {
  _Alignas(FNN_ALIGN) T bias[OWN(TILE_COLS)];
  const OWN(tile_segment) *s = walk->taps;
  const OWN(thin) t = {
    .weights = s->b + column, .bias = bias, .b_stride = s->b_stride, .run = 3 * channels, .step = walk->a_col,
    .down = s[3].a_offset - 3 * channels, .c_step = walk->c_col, .c_ahead = ahead, .cols = walk->cols,
    .last = cols - (vectors - 1) * N, .floor = walk->floor};
  for (int j = 0; j < vectors; j++)
    FN(store)(bias + j * N, walk->bias ? FN(load_part)(walk->bias + column + j * N, fnn_min(N, cols - j * N)) : (V){0});
  const int64_t tiles = fnn_max(fnn_ceil_div(walk->cols, OWN(thin_pixels)(vectors)), 1 + walk->cols % 2);
  const int64_t pairs = fnn_ceil_div(walk->cols, 2), n = 2 * (pairs / tiles), wide = pairs % tiles * (n + 2);
  for (int64_t image = 0; image < walk->images; image++) {
    for (int64_t y = 0; y < walk->rows; y++) {
      const T *a = walk->a + image * walk->a_image + y * walk->a_row;
      T *c = walk->c + image * walk->c_image + y * walk->c_row + column;
      for (int64_t p = 0, end = wide, size = n + 2; p < walk->cols; p = end, end = walk->cols, size = n)
        OWN(thin_part)(&t, a, c, p, end, size, vectors);
    }
  }
}

#define THIN_VARIANT(vectors)                                                                                          \
  static __attribute__((noinline)) void OWN(thin_##vectors)(const OWN(conv_walk) * walk, int64_t column, int64_t cols, \
                                                            int64_t channels, int64_t ahead) {                         \
    OWN(thin_panel)(walk, column, cols, channels, ahead, vectors);                                                     \
  }
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
THIN_VARIANT(1) THIN_VARIANT(2) THIN_VARIANT(3) THIN_VARIANT(4)
#define THIN_VARIANTS OWN(thin_1), OWN(thin_2), OWN(thin_3), OWN(thin_4)
#else
THIN_VARIANT(1) THIN_VARIANT(2)
#define THIN_VARIANTS OWN(thin_1), OWN(thin_2)
#endif
static void (*const OWN(thin_variants)[TILE_VECTORS])(const OWN(conv_walk) *, int64_t, int64_t, int64_t,
                                                        int64_t) = {
  THIN_VARIANTS};
#undef THIN_VARIANTS
#undef THIN_VARIANT

/* Pixels of a unit. */
static int64_t OWN(thin_unit_pixels)(const conv_shape *s) {
  const int64_t results = OWN(THIN_UNIT_BYTES) / (fnn_max(1, s->cout) * (int64_t)sizeof(T));
  return fnn_max(CONV_PIXELS, fnn_min(OWN(THIN_UNIT_PIXELS), results));
}

/* Whether these run a convolution, of at most `most` channels. */
static int OWN(thin_fits)(const conv_shape *s, int64_t most) {
  return !s->is_deep && s->kh == 3 && s->kw == 3 && s->dilation_w == 1 && s->groups == 1 && s->cin > 0 &&
         s->cin <= most &&
         s->ow >= OWN(THIN_PIXELS);
}

/* Results whose windows lie inside x and are read in place, or are copied, with zeros around x: where windows are two
 * pixels apart, a copy of all of them would take a tenth of the time. */
typedef struct {
  int64_t row, rows, col, cols;
  int copies;
} OWN(thin_piece);

/* Rows [row, row + rows) of results in such pieces: above, left, inside, right and below; those beside what is inside
 * have `edge` columns at least. All as one of fewer rows than `least`. Returns how many there are. */
static int OWN(thin_pieces)(const conv_shape *s, int copies, int64_t row, int64_t rows, int64_t least, int64_t edge,
                            OWN(thin_piece) * pieces) {
  *pieces = (OWN(thin_piece)){row, rows, 0, s->ow, copies};
  if (!copies || s->stride_h * s->stride_w == 1 || rows < least || s->ow < OWN(THIN_INSIDE)) return 1;
  const int64_t end = row + rows, reach = 2 * s->dilation_h + 1;
  const int64_t left = s->pad_left ? fnn_max(edge, fnn_ceil_div(s->pad_left, s->stride_w)) : 0;
  const int64_t beyond = s->ow - 1 - floor_div(s->w + s->pad_left - 3, s->stride_w);
  const int64_t right = beyond > 0 ? fnn_max(edge, beyond) : 0, cols = s->ow - left - right;
  if (cols < OWN(THIN_INSIDE)) return 1;
  const int64_t top = fnn_min(end, fnn_max(row, fnn_ceil_div(s->pad_top, s->stride_h)));
  const int64_t bottom = fnn_max(top, fnn_min(end, floor_div(s->h + s->pad_top - reach, s->stride_h) + 1));
  const OWN(thin_piece) all[OWN(THIN_PIECES)] = {{row, top - row, 0, s->ow, 1},
                                                 {top, bottom - top, 0, left, 1},
                                                 {top, bottom - top, left, cols, 0},
                                                 {top, bottom - top, left + cols, right, 1},
                                                 {bottom, end - bottom, 0, s->ow, 1}};
  int n = 0;
  for (int k = 0; k < OWN(THIN_PIECES); k++)
    if (all[k].rows && all[k].cols) pieces[n++] = all[k];
  return n;
}

/* What a piece reads of `images` images; `space` is for a copy. */
static OWN(conv_window) OWN(thin_window)(const conv_shape *s, const T *x, int64_t images, const OWN(thin_piece) * p,
                                         T *space) {
  return OWN(conv_window_of)(x, images, s->h, s->w, s->cin, p->row * s->stride_h - s->pad_top,
                             (p->rows - 1) * s->stride_h + 2 * s->dilation_h + 1, p->col * s->stride_w - s->pad_left,
                             (p->cols - 1) * s->stride_w + 3, p->copies, space);
}

#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
#include "conv2d_shift_body.h"
#endif

/* The rows of a unit are a multiple of so many. */
static int64_t OWN(thin_row_step)(const conv_shape *s) {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  if (OWN(shift_fits)(s->stride_w, s->cout)) return OWN(SHIFT_ROWS);
#endif
  (void)s;
  return 1;
}

/* Columns [begin, begin + cols) of a piece. Results that no cache holds are asked for so many elements ahead. */
static void OWN(thin_run)(const OWN(conv_walk) * walk, int64_t channels, int64_t begin, int64_t cols,
                          int64_t results) {
  const int64_t ahead = results * (int64_t)sizeof(T) < OWN(THIN_FAR_BYTES) ? 0 : OWN(THIN_AHEAD_BYTES) / sizeof(T);
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  if (OWN(shift_fits)(walk->a_col / channels, walk->c_col)) {
    OWN(shift_run)(walk, channels, cols, ahead); /* one panel, of all columns */
    return;
  }
#endif
  for (int64_t k = 0; k < tile_panels(cols, N); k++) {
    const tile_panel panel = tile_panel_at(cols, N, k);
    OWN(thin_variants)[panel.vectors - 1](walk, begin + panel.begin, panel.cols, channels, ahead);
  }
}

/* The same of all pieces of a unit, whose walk it is but for these, from row `row` of images at x on. */
static void OWN(thin_unit)(const conv_shape *s, OWN(conv_walk) * walk, OWN(tile_segment) * taps, const T *x,
                           int64_t row, int64_t begin, int64_t cols, int copies, T *space) {
  OWN(thin_piece) pieces[OWN(THIN_PIECES)];
  const int edge = OWN(thin_pixels)(tile_panel_at(s->cout, N, 0).vectors); /* a tile */
  const int n = OWN(thin_pieces)(s, copies, row, walk->rows, OWN(THIN_INSIDE_ROWS), edge, pieces);
  T *c = walk->c;
  for (const OWN(thin_piece) *p = pieces; p < pieces + n; p++) {
    const OWN(conv_window) window = OWN(thin_window)(s, x, walk->images, p, space);
    for (int64_t k = 3; k < 6; k++) taps[k].a_offset = s->dilation_h * window.row;
    walk->a = window.at, walk->a_image = window.image, walk->a_row = s->stride_h * window.row;
    walk->rows = p->rows, walk->cols = p->cols, walk->c = c + (p->row - row) * walk->c_row + p->col * walk->c_col;
    OWN(thin_run)(walk, s->cin, begin, cols, s->n * s->oh * s->ow * s->cout);
  }
}

/* ---- The kernel gradient ---- */

#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
enum { OWN(THIN_GRAD_CHANNELS) = 3 }; /* 27 sums, those of dy and dy itself in 32 registers */
#elif defined(FNN_ISA_AVX2)
enum { OWN(THIN_GRAD_CHANNELS) = 1 }; /* 9 sums in 16 */
#else
enum { OWN(THIN_GRAD_CHANNELS) = 0 };
#endif

/* What a unit of the kernel gradient contracts for one or two vectors of columns. */
typedef struct {
  OWN(conv_window) x;
  const T *dy;    /* the first pixel's vectors; whole vectors may be read */
  int64_t images, rows, cols, x_row, x_tap_row, x_col; /* steps to the next row, tap, pixel */
  int64_t dy_pixel, dy_row, dy_image; /* to the next pixel, from the end of a row to the next, from that of an image */
  const T *ahead; /* asked for, as many vectors a pixel as it has: what comes next of dy, in the order of memory */
  T *sums;        /* TILE_COLS apart, (ky, kx, c) */
  T *column_sum;  /* of dy, or NULL */
  int resumes;
} OWN(thin_grad);

FNN_INLINE void OWN(thin_grad_vectors)(const OWN(thin_grad) * g, const int run, const int vectors) {
  V acc[3 * 3 * 3], column[2] = {{0}};
#pragma GCC unroll 27
  for (int k = 0; k < 3 * run; k++)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++)
      acc[k * vectors + j] = g->resumes ? FN(load)(g->sums + k * OWN(TILE_COLS) + j * N) : (V){0};
#pragma GCC unroll 2
  for (int j = 0; g->resumes && g->column_sum && j < vectors; j++) column[j] = FN(load)(g->column_sum + j * N);
  const int64_t x_col = g->x_col, dy_pixel = g->dy_pixel, tap_row = g->x_tap_row;
  const T *dy = g->dy, *ahead = g->ahead;
  for (int64_t image = 0, row = 0; image < g->images; dy += g->dy_row) {
    const T *x = g->x.at + image * g->x.image + row * g->x_row, *x1 = x + tap_row, *x2 = x1 + tap_row;
    for (int64_t p = 0; p < g->cols; p++, dy += dy_pixel, x += x_col, x1 += x_col, x2 += x_col) {
      V d[2];
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++, ahead += N) {
        __builtin_prefetch(ahead, 0, 2);
        d[j] = FN(load)(dy + j * N);
        column[j] += d[j];
      }
#pragma GCC unroll 9
      for (int k = 0; k < run; k++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) {
          acc[k * vectors + j] += FN(splat)(x[k]) * d[j];
          acc[(run + k) * vectors + j] += FN(splat)(x1[k]) * d[j];
          acc[(2 * run + k) * vectors + j] += FN(splat)(x2[k]) * d[j];
        }
    }
    if (++row == g->rows) row = 0, image++, dy += g->dy_image;
  }
#pragma GCC unroll 27
  for (int k = 0; k < 3 * run; k++)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) FN(store)(g->sums + k * OWN(TILE_COLS) + j * N, acc[k * vectors + j]);
#pragma GCC unroll 2
  for (int j = 0; g->column_sum && j < vectors; j++) FN(store)(g->column_sum + j * N, column[j]);
}

#define THIN_VARIANT(channels, vectors)                                                                                \
  static __attribute__((noinline)) void OWN(thin_grad_##channels##x##vectors)(const OWN(thin_grad) * g) {              \
    OWN(thin_grad_vectors)(g, 3 * channels, vectors);                                                                  \
  }
THIN_VARIANT(1, 1) THIN_VARIANT(1, 2) THIN_VARIANT(2, 1) THIN_VARIANT(3, 1)
#undef THIN_VARIANT

/* The sums of the first of `cols` columns: of two vectors of them where there are registers for it, as each element of
 * x that is read is then multiplied twice. Returns the columns done. */
static int64_t OWN(thin_grad_run)(const OWN(thin_grad) * g, int64_t channels, int64_t cols) {
  static void (*const variants[])(const OWN(thin_grad) *) = {OWN(thin_grad_1x1), OWN(thin_grad_2x1),
                                                             OWN(thin_grad_3x1)};
  if (channels == 1 && cols > N && OWN(THIN_GRAD_CHANNELS) == 3) {
    OWN(thin_grad_1x2)(g);
    return 2 * N;
  }
  variants[channels - 1](g);
  return N;
}
