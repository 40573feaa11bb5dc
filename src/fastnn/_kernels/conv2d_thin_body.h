/* conv2d_thin_body.h: 3 by 3 convolutions of images of few channels and their kernel gradients, for float32 and for
 * float64.
 *
 * A pixel of such a convolution has 9 to 36 products for each result: a tile of tile.h would take about as long to
 * begin and to end. Here a vector of columns has all its weights in registers while it walks over the pixels of a unit,
 * THIN_PIXELS at a time; or all sums of its weights' gradients. The sums are those of a tile, in the same order, with
 * the same bits. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  OWN(THIN_CHANNELS) = 4, /* 27 weights and 4 sums in 32 registers; 36 weights are read for each 4 pixels */
#elif defined(FNN_ISA_AVX2)
  OWN(THIN_CHANNELS) = 1, /* 9 and 4 in 16 */
#else
  OWN(THIN_CHANNELS) = 0, /* without fused multiply-adds and broadcasts tiles are faster */
#endif
  OWN(THIN_PIXELS) = 4 /* sums at once, which cover the latency of a multiply-add; a row has at least so many pixels */
};

/* A vector of columns from `column` on, n of them valid, of all pixels. `run` are the elements of a row of the window,
 * a constant of each caller. */
FNN_INLINE void OWN(thin_vector)(const OWN(conv_walk) * walk, int64_t column, int64_t n, const int run) {
  enum { PIXELS = OWN(THIN_PIXELS) };
  const OWN(tile_segment) *s = walk->taps;
  const int64_t offsets[3] = {s[0].a_offset, s[3].a_offset, s[6].a_offset}, step = walk->a_col, c_col = walk->c_col;
  const V bias = walk->bias ? FN(load_part)(walk->bias + column, n) : (V){0}, floor = FN(splat)(walk->floor);
  V weights[3 * 3 * 4];
#pragma GCC unroll 3
  for (int ky = 0; ky < 3; ky++)
#pragma GCC unroll 12
    for (int k = 0; k < run; k++) weights[ky * run + k] = FN(load)(s[3 * ky].b + k * s->b_stride + column);
  for (int64_t row = 0; row < walk->images * walk->rows; row++) {
    const int64_t image = row / walk->rows, y = row % walk->rows;
    const T *a = walk->a + image * walk->a_image + y * walk->a_row;
    T *c = walk->c + image * walk->c_image + y * walk->c_row + column;
    for (int64_t p = 0; p < walk->cols; p += PIXELS) {
      const int64_t first = fnn_min(p, walk->cols - PIXELS); /* the last may do some pixels again */
      const T *x[PIXELS];
      V acc[PIXELS] = {{0}};
#pragma GCC unroll 4
      for (int i = 0; i < PIXELS; i++) x[i] = a + (first + i) * step;
#pragma GCC unroll 3
      for (int ky = 0; ky < 3; ky++) {
        int64_t at = offsets[ky];
        /* As in tile.h: one register that all pixels share, where the compiler would compute each address anew. */
        __asm__("" : "+r"(at));
#pragma GCC unroll 12
        for (int k = 0; k < run; k++)
#pragma GCC unroll 4
          for (int i = 0; i < PIXELS; i++) acc[i] += FN(splat)(x[i][at + k]) * weights[ky * run + k];
      }
#pragma GCC unroll 4
      for (int i = 0; i < PIXELS; i++) {
        const V sum = FN(max)(floor, acc[i] + bias);
        if (n < N) FN(store_part)(c + (first + i) * c_col, sum, n);
        else FN(store)(c + (first + i) * c_col, sum);
      }
    }
  }
}

#define THIN_VARIANT(channels)                                                                                         \
  static __attribute__((noinline)) void OWN(thin_##channels)(const OWN(conv_walk) * walk, int64_t column, int64_t n) { \
    OWN(thin_vector)(walk, column, n, 3 * channels);                                                                   \
  }
THIN_VARIANT(1) THIN_VARIANT(2) THIN_VARIANT(3) THIN_VARIANT(4)
static void (*const OWN(thin_variants)[])(const OWN(conv_walk) *, int64_t, int64_t) = {OWN(thin_1), OWN(thin_2),
                                                                                       OWN(thin_3), OWN(thin_4)};
#undef THIN_VARIANT

/* Whether these run a convolution, of at most `most` channels. */
static int OWN(thin_fits)(const conv_shape *s, int64_t most) {
  return s->kh == 3 && s->kw == 3 && s->dilation_w == 1 && s->groups == 1 && s->cin > 0 && s->cin <= most &&
         s->ow >= OWN(THIN_PIXELS);
}

/* Columns [begin, begin + cols). */
static void OWN(thin_run)(const OWN(conv_walk) * walk, int64_t channels, int64_t begin, int64_t cols) {
  for (int64_t j = 0; j < cols; j += N) OWN(thin_variants)[channels - 1](walk, begin + j, fnn_min(N, cols - j));
}

/* ---- The kernel gradient ---- */

#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
enum { OWN(THIN_GRAD_CHANNELS) = 3 }; /* 27 sums, those of dy and dy itself in 32 registers */
#else
enum { OWN(THIN_GRAD_CHANNELS) = OWN(THIN_CHANNELS) };
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
