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
  OWN(THIN_PIXELS) = 4 /* of a row at least */
};

/* Of a tile by so many vectors of columns. A single one has as many sums as keep two multipliers busy. */
FNN_INLINE int OWN(thin_pixels)(int vectors) { return vectors == 1 ? 2 * (int)tile_rows(1) : (int)tile_rows(vectors); }

/* A tile: pixels of a row, the first at `a` and `c`, by vectors of columns from `column` on, of which the last has n
 * columns. `run` are the elements of a row of the window. */
FNN_INLINE void OWN(thin_tile)(const OWN(conv_walk) * walk, const T *a, T *c, int64_t column, int64_t n,
                               const V *bias, int64_t run, const int pixels, const int vectors) {
  const OWN(tile_segment) *s = walk->taps;
  const int64_t step = walk->a_col, c_col = walk->c_col, b_stride = s->b_stride;
  const T *ahead = NULL;
  const int64_t lines = walk->ahead ? OWN(conv_ask)(walk->ahead, 3, &ahead) : 0;
  V acc[TILE_MOST_SUMS];
#pragma GCC unroll 16
  for (int i = 0; i < pixels; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) acc[i * vectors + j] = bias[j];
#pragma GCC unroll 1
  for (int ky = 0; ky < 3; ky++) {
    const T *b = s[3 * ky].b + column, *x[4]; /* of every fourth pixel */
    for (int64_t i = lines; i > 0; i--, ahead += FNN_ALIGN / sizeof(T)) __builtin_prefetch(ahead, 0, 2);
#pragma GCC unroll 4
    for (int q = 0; q < pixels; q += 4) x[q / 4] = a + s[3 * ky].a_offset + q * step;
#pragma GCC unroll 1 /* three at once: up to 13 % slower */
    for (int64_t k = run; k > 0; k--, b += b_stride) {
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
  }
  if (walk->floor > -INFINITY) { /* the maximum takes the unit that multiplies */
    const V floor = FN(splat)(walk->floor);
#pragma GCC unroll 32
    for (int k = 0; k < pixels * vectors; k++) acc[k] = FN(max)(floor, acc[k]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < pixels; i++, c += c_col)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      if (j == vectors - 1 && n < N) FN(store_part)(c + j * N, acc[i * vectors + j], n);
      else FN(store)(c + j * N, acc[i * vectors + j]);
    }
}

/* `cols` columns from `column` on of all pixels: tiles of `most` pixels, then of `least`, of which the last may do some
 * again. */
FNN_INLINE void OWN(thin_panel)(const OWN(conv_walk) * walk, int64_t column, int64_t cols, int64_t channels,
                                const int vectors) {
  const int most = OWN(thin_pixels)(vectors), least = vectors == TILE_VECTORS ? 2 : 4;
  const int64_t n = cols - (vectors - 1) * N;
  V bias[TILE_VECTORS] = {{0}};
#pragma GCC unroll 4
  for (int j = 0; walk->bias && j < vectors; j++)
    bias[j] = FN(load_part)(walk->bias + column + j * N, j < vectors - 1 ? N : n);
  for (int64_t image = 0; image < walk->images; image++) {
    for (int64_t y = 0; y < walk->rows; y++) {
      const T *a = walk->a + image * walk->a_image + y * walk->a_row;
      T *c = walk->c + image * walk->c_image + y * walk->c_row + column;
      int64_t p = 0;
      for (; p + most <= walk->cols; p += most)
        OWN(thin_tile)(walk, a + p * walk->a_col, c + p * walk->c_col, column, n, bias, 3 * channels, most, vectors);
      for (; p < walk->cols; p += least) {
        const int64_t first = fnn_min(p, walk->cols - least);
        OWN(thin_tile)(walk, a + first * walk->a_col, c + first * walk->c_col, column, n, bias, 3 * channels, least,
                       vectors);
      }
    }
  }
}

#define THIN_VARIANT(vectors)                                                                                          \
  static __attribute__((noinline)) void OWN(thin_##vectors)(const OWN(conv_walk) * walk, int64_t column, int64_t cols, \
                                                            int64_t channels) {                                        \
    OWN(thin_panel)(walk, column, cols, channels, vectors);                                                            \
  }
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
THIN_VARIANT(1) THIN_VARIANT(2) THIN_VARIANT(3) THIN_VARIANT(4)
#define THIN_VARIANTS OWN(thin_1), OWN(thin_2), OWN(thin_3), OWN(thin_4)
#else
THIN_VARIANT(1) THIN_VARIANT(2)
#define THIN_VARIANTS OWN(thin_1), OWN(thin_2)
#endif
static void (*const OWN(thin_variants)[TILE_VECTORS])(const OWN(conv_walk) *, int64_t, int64_t, int64_t) = {
  THIN_VARIANTS};
#undef THIN_VARIANTS
#undef THIN_VARIANT

/* Whether these run a convolution, of at most `most` channels. */
static int OWN(thin_fits)(const conv_shape *s, int64_t most) {
  return s->kh == 3 && s->kw == 3 && s->dilation_w == 1 && s->groups == 1 && s->cin > 0 && s->cin <= most &&
         s->ow >= OWN(THIN_PIXELS);
}

/* Columns [begin, begin + cols). */
static void OWN(thin_run)(const OWN(conv_walk) * walk, int64_t channels, int64_t begin, int64_t cols) {
  for (int64_t k = 0; k < tile_panels(cols, N); k++) {
    const tile_panel panel = tile_panel_at(cols, N, k);
    OWN(thin_variants)[panel.vectors - 1](walk, begin + panel.begin, panel.cols, channels);
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

/* What a unit of the kernel gradient contracts for a vector of columns. */
typedef struct {
  OWN(conv_window) x;
  const T *dy;    /* the first pixel's vector; whole vectors may be read */
  int64_t images, rows, cols, x_row, x_tap_row, x_col, dy_pixel; /* steps to the next row, tap, pixel */
  const T *ahead; /* asked for, a vector a pixel: what comes next of dy, in the order of memory */
  T *sums;        /* TILE_COLS apart, (ky, kx, c) */
  T *column_sum;  /* of dy, or NULL */
  int resumes;
} OWN(thin_grad);

FNN_INLINE void OWN(thin_grad_vector)(const OWN(thin_grad) * g, const int run) {
  V acc[3 * 3 * 3], column = {0};
#pragma GCC unroll 27
  for (int k = 0; k < 3 * run; k++) acc[k] = g->resumes ? FN(load)(g->sums + k * OWN(TILE_COLS)) : (V){0};
  if (g->resumes && g->column_sum) column = FN(load)(g->column_sum);
  const int64_t x_col = g->x_col, dy_pixel = g->dy_pixel, tap_row = g->x_tap_row;
  const T *dy = g->dy, *ahead = g->ahead;
  for (int64_t row = 0; row < g->images * g->rows; row++) {
    const T *x = g->x.at + row / g->rows * g->x.image + row % g->rows * g->x_row, *x1 = x + tap_row, *x2 = x1 + tap_row;
    for (int64_t p = 0; p < g->cols; p++, dy += dy_pixel, ahead += N, x += x_col, x1 += x_col, x2 += x_col) {
      __builtin_prefetch(ahead, 0, 2);
      const V d = FN(load)(dy);
      column += d;
#pragma GCC unroll 9
      for (int k = 0; k < run; k++) {
        acc[k] += FN(splat)(x[k]) * d;
        acc[run + k] += FN(splat)(x1[k]) * d;
        acc[2 * run + k] += FN(splat)(x2[k]) * d;
      }
    }
  }
#pragma GCC unroll 27
  for (int k = 0; k < 3 * run; k++) FN(store)(g->sums + k * OWN(TILE_COLS), acc[k]);
  if (g->column_sum) FN(store)(g->column_sum, column);
}

#define THIN_VARIANT(channels)                                                                                         \
  static __attribute__((noinline)) void OWN(thin_grad_##channels)(const OWN(thin_grad) * g) {                          \
    OWN(thin_grad_vector)(g, 3 * channels);                                                                            \
  }
THIN_VARIANT(1) THIN_VARIANT(2) THIN_VARIANT(3)
static void (*const OWN(thin_grad_variants)[])(const OWN(thin_grad) *) = {OWN(thin_grad_1), OWN(thin_grad_2),
                                                                          OWN(thin_grad_3)};
#undef THIN_VARIANT
