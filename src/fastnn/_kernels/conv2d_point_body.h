/* conv2d_point_body.h: kernel gradients of 1 by 1 convolutions, for float32 and for float64.
 *
 * The rows of a tile, channels of a pixel, follow each other, so that one pointer is enough for all of them, and each
 * step asks for what the next band reads, in the order of memory: a burst of lines now and then would be waited for,
 * and a line of each pixel in turn comes slowly from memory. Where that wastes fewer lanes, channels of dy are the rows
 * and those of x the columns. */

/* A tile over the pixels of a band: rows of them, of images. */
typedef struct {
  const T *a, *b;                         /* the first pixel's rows and columns */
  int64_t a_step, b_step;                 /* to the next pixel */
  int64_t a_row, b_row, a_image, b_image; /* from the end of a row to the next; from there to that of the next image */
  int64_t images, rows, cols;
  int64_t a_ask, b_ask, a_ask_step, b_ask_step; /* bytes from a row to what it asks for, to what the next pixel does */
  int64_t summed;        /* the vector of columns that is summed too: for all of them there are no registers */
  T *sums, *column_sums; /* TILE_COLS apart; NULL, or of that vector */
  int resumes;
} OWN(point);

FNN_INLINE void OWN(point_run)(const OWN(point) * p, const int rows, const int vectors) {
  V acc[TILE_MOST_SUMS], column = {0};
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++)
      acc[i * vectors + j] = p->resumes ? FN(load)(p->sums + i * OWN(TILE_COLS) + j * N) : (V){0};
  const T *a = p->a, *b = p->b;
  for (int64_t image = p->images; image > 0; image--, a += p->a_image, b += p->b_image) {
    for (int64_t row = p->rows; row > 0; row--, a += p->a_row, b += p->b_row) {
      __asm__("" : "+r"(p)); /* as in tile_run */
      const char *a_ask = (const char *)a + p->a_ask, *b_ask = (const char *)b + p->b_ask;
      const int64_t a_step = p->a_step, b_step = p->b_step, a_ask_step = p->a_ask_step, b_ask_step = p->b_ask_step;
      const int64_t summed = p->summed;
#pragma GCC unroll 2
      for (int64_t k = p->cols; k > 0; k--, a += a_step, b += b_step, a_ask += a_ask_step, b_ask += b_ask_step) {
        V b_row[TILE_VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) b_row[j] = FN(load)(b + j * N);
        __builtin_prefetch(a_ask);
        __builtin_prefetch(b_ask);
        column += FN(load)(b + summed);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
          const V x = FN(splat)(a[i]);
#pragma GCC unroll 4
          for (int j = 0; j < vectors; j++) acc[i * vectors + j] += x * b_row[j];
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) FN(store)(p->sums + i * OWN(TILE_COLS) + j * N, acc[i * vectors + j]);
  if (p->column_sums) FN(store)(p->column_sums, p->resumes ? FN(load)(p->column_sums) + column : column);
}

#define POINT_VARIANT(rows, vectors)                                                                                   \
  static __attribute__((noinline)) void OWN(point_##rows##x##vectors)(const OWN(point) * p) {                          \
    OWN(point_run)(p, rows, vectors);                                                                                  \
  }
#define POINT_VARIANTS(vectors, most)                                                                                  \
  POINT_VARIANT(1, vectors) POINT_VARIANT(2, vectors) POINT_VARIANT(4, vectors) POINT_VARIANT(most, vectors)
#define POINTS(vectors, most)                                                                                          \
  {OWN(point_1x##vectors), OWN(point_2x##vectors), OWN(point_4x##vectors), OWN(point_##most##x##vectors)}
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
POINT_VARIANTS(1, 8) POINT_VARIANTS(2, 8) POINT_VARIANTS(3, 8) POINT_VARIANTS(4, 6)
#define ALL_POINTS {POINTS(1, 8), POINTS(2, 8), POINTS(3, 8), POINTS(4, 6)}
#else
POINT_VARIANTS(1, 6) POINT_VARIANTS(2, 6)
#define ALL_POINTS {POINTS(1, 6), POINTS(2, 6)}
#endif
/* By vectors, then by rows, 1, 2, 4 or tile_rows(vectors). */
static void (*const OWN(point_variants)[TILE_VECTORS][4])(const OWN(point) *) = ALL_POINTS;
#undef ALL_POINTS
#undef POINTS
#undef POINT_VARIANTS
#undef POINT_VARIANT

/* Whether channels of dy are the rows. */
static int OWN(point_turns)(const conv_shape *s) {
  return s->cin % N == 0 && s->cout * fnn_ceil_div(s->cin, N) < s->cin * fnn_ceil_div(s->cout, N);
}

/* Whether these tiles fit: columns are whole vectors, rows enough for the products not to wait for each other. */
static int OWN(point_fits)(const conv_shape *s) {
  const int turns = OWN(point_turns)(s);
  return !s->is_deep && s->taps == 1 && s->groups == 1 && s->pad_top == 0 && s->pad_left == 0 &&
         (s->oh - 1) * s->stride_h < s->h &&
         (s->ow - 1) * s->stride_w < s->w && (turns ? s->cin : s->cout) % N == 0 &&
         (turns ? s->cout : s->cin) >= TILE_MOST_ROWS;
}

/* Vectors of a panel at most: as many tiles as vectors, so that each sums one and asks for no more than a line a step,
 * and with not many more rows than there are. */
static int64_t OWN(point_widest)(int64_t rows) {
  int64_t widest = 2, most = fnn_round_up(rows, tile_rows(2));
  for (int vectors = 3; vectors <= TILE_VECTORS; vectors++) {
    const int64_t tiles = fnn_ceil_div(rows, tile_rows(vectors));
    if (tiles >= vectors && 16 * tiles * tile_rows(vectors) <= 17 * most) widest = vectors;
  }
  return widest;
}

/* The tiles of rows [first, last) of a band, of panels of `widest` vectors, whose sums lie `panel_sums` apart; the next
 * band is a_next and b_next elements further on. Sums columns of b to p.column_sums, if that is not NULL. */
static void OWN(point_tiles)(OWN(point) p, int64_t columns, int64_t widest, int64_t first, int64_t last, int64_t a_next,
                             int64_t b_next, int64_t panel_sums) {
  const int64_t size = (int64_t)sizeof(T), panels = tile_panels_of(columns, N, widest);
  const int in_order = 2 * (last - first) >= p.a_step; /* else most of what lies between is not read */
  const OWN(point) all = p;
  int64_t tiles = 0, tile = 0;
  for (int64_t k = 0; k < panels; k++)
    tiles += fnn_ceil_div(last - first, tile_rows(tile_panel_of(columns, N, widest, k).vectors));
  p.a_ask_step = fnn_ceil_div(p.a_step * size, in_order ? tiles : 1);
  p.b_ask_step = fnn_ceil_div(p.b_step * size, tiles);
  for (int64_t k = 0; k < panels; k++) {
    const tile_panel panel = tile_panel_of(columns, N, widest, k);
    const int64_t height = tile_rows(panel.vectors);
    int64_t vector = 0; /* which a tile sums */
    for (int64_t r = first, rows; r < last; r += rows, tile++, vector++) {
      rows = OWN(conv_tap_rows)(last - r, height);
      p.a = all.a + r, p.b = all.b + panel.begin;
      p.a_ask = in_order ? (a_next - r) * size + tile * p.cols * p.a_ask_step : k == 0 ? a_next * size : 0;
      p.b_ask = (b_next - panel.begin) * size + tile * p.cols * p.b_ask_step;
      p.summed = vector < panel.vectors ? vector * N : 0;
      p.column_sums = all.column_sums && vector < panel.vectors ? all.column_sums + panel.begin + p.summed : NULL;
      p.sums = all.sums + k * panel_sums + r * OWN(TILE_COLS);
      OWN(point_variants)[panel.vectors - 1][rows == height ? 3 : rows / 2](&p);
    }
  }
}
