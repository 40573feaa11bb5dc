/* conv2d_shift_body.h: 3 by 3 convolutions of images of few channels along rows of x without gaps, for float32 and for
 * float64.
 *
 * A broadcast element of x meets the three taps of a kernel row, a multiply-add each for a result and the two to its
 * left: sums of three results side by side, in SHIFT_ROWS rows, stay in registers and shift along x by columns. Of a
 * tile each multiply-add has a broadcast of its own where there is one vector of columns; with more, whose tiles
 * broadcast less, rows with a maximum were slower. */

enum { OWN(SHIFT_ROWS) = 4 }; /* of results, one above the other */

/* What the results share. */
typedef struct {
  const T *weights;               /* vectors: the bias, then (c, ky, kx) */
  int64_t channels, x_row, x_tap; /* of x: from a result's row to the next one's, from a tap's row to the next one's */
  int64_t c_row, c_col, c_ahead;  /* c_ahead: 0, or from a result to one that is asked for */
  int64_t cols, last;             /* pixels of a row; columns of the vector */
  T floor;
} OWN(shift);

/* A channel of a column of x: its taps [first, end) of three meet the results of way, way - 1 and way - 2 (mod 3). x is
 * read at a pointer for each kernel row, which move on. What tap 2 ends is stored at c, if that is there, a vector
 * beside three multiply-adds, as a burst of stores would keep them waiting. */
FNN_INLINE void OWN(shift_channel)(const OWN(shift) * t, V (*sums)[OWN(SHIFT_ROWS)], const T **x, const T *weights,
                                   T *c, const int rows, const int is_plain, const int way, const int first,
                                   const int end) {
#pragma GCC unroll 3
  for (int ky = 0; ky < 3; ky++) {
    V w[3];
#pragma GCC unroll 3
    for (int kx = first; kx < end; kx++) w[kx] = FN(load)(weights + (3 * ky + kx) * N);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      const V splat = FN(splat)(x[ky][r * t->x_row]);
#pragma GCC unroll 3
      for (int kx = end - 1; kx >= first; kx--) {
        sums[(way + 3 - kx) % 3][r] += splat * w[kx];
        if (ky < 2 || kx < 2 || !c) continue;
        const V y = sums[(way + 1) % 3][r];
        if (is_plain) FN(store)(c + r * t->c_row, y);
        else FN(store_part)(c + r * t->c_row, FN(max)(FN(splat)(t->floor), y), t->last);
        __asm__ volatile("" ::: "memory"); /* in this order */
      }
    }
    x[ky]++;
    __asm__("" : "+r"(x[ky]));
  }
}

FNN_INLINE void OWN(shift_column)(const OWN(shift) * t, V (*sums)[OWN(SHIFT_ROWS)], const T **x, T *c, const int rows,
                                  const int is_plain, const int way, const int first, const int end) {
  const T *weights = t->weights + N;
#pragma GCC unroll 4
  for (int r = 0; r < rows && first == 0; r++) sums[way][r] = FN(load)(t->weights);
  if (t->c_ahead && end == 3)
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) __builtin_prefetch(c + r * t->c_row + t->c_ahead, 0, 2);
#pragma GCC unroll 1
  for (int64_t k = t->channels - 1; k > 0; k--, weights += 9 * N)
    OWN(shift_channel)(t, sums, x, weights, NULL, rows, is_plain, way, first, end);
  OWN(shift_channel)(t, sums, x, weights, c, rows, is_plain, way, first, end);
}

/* A vector of columns of `rows` rows of results, two at least in each. */
FNN_INLINE void OWN(shift_strip)(const OWN(shift) * t, const T *a, T *c, const int rows, const int is_plain) {
  const int64_t c_col = t->c_col;
  const T *x[3] = {a, a + t->x_tap, a + 2 * t->x_tap};
  V sums[3][OWN(SHIFT_ROWS)];
  OWN(shift_column)(t, sums, x, NULL, rows, is_plain, 0, 0, 1);
  OWN(shift_column)(t, sums, x, NULL, rows, is_plain, 1, 0, 2);
  int64_t p = t->cols - 2;
#pragma GCC unroll 1
  for (; p >= 3; p -= 3)
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++, c += c_col) OWN(shift_column)(t, sums, x, c, rows, is_plain, (2 + i) % 3, 0, 3);
#pragma GCC unroll 1
  for (; p > 0; p--, c += c_col) {
    OWN(shift_column)(t, sums, x, c, rows, is_plain, 2, 0, 3);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) sums[0][r] = sums[1][r], sums[1][r] = sums[2][r];
  }
  OWN(shift_column)(t, sums, x, c, rows, is_plain, 2, 1, 3);
  OWN(shift_column)(t, sums, x, c + c_col, rows, is_plain, 0, 2, 3);
}

#define SHIFT_VARIANT(rows)                                                                                            \
  static __attribute__((noinline)) void OWN(shift_##rows)(const OWN(shift) * t, const T *x, T *c) {                    \
    OWN(shift_strip)(t, x, c, rows, 0);                                                                                \
  }                                                                                                                    \
  static __attribute__((noinline)) void OWN(shift_plain_##rows)(const OWN(shift) * t, const T *x, T *c) {              \
    OWN(shift_strip)(t, x, c, rows, 1);                                                                                \
  }
SHIFT_VARIANT(1) SHIFT_VARIANT(2) SHIFT_VARIANT(3) SHIFT_VARIANT(4)
/* By whether whole vectors are stored as they are: the maximum takes the unit that multiplies. */
static void (*const OWN(shift_variants)[][2])(const OWN(shift) *, const T *, T *) = {
  {OWN(shift_1), OWN(shift_plain_1)}, {OWN(shift_2), OWN(shift_plain_2)},
  {OWN(shift_3), OWN(shift_plain_3)}, {OWN(shift_4), OWN(shift_plain_4)}};
#undef SHIFT_VARIANT

/* Whether these run a convolution that is thin; its units then have rows of whole strips. */
static int OWN(shift_fits)(int64_t stride_w, int64_t cout) { return stride_w == 1 && cout <= N; }

/* All columns, in as few strips as it takes, of rows as equal as they can be. */
static void OWN(shift_run)(const OWN(conv_walk) * walk, int64_t channels, int64_t cols, int64_t ahead) {
  _Alignas(FNN_ALIGN) T weights[(1 + 9 * OWN(THIN_CHANNELS)) * N];
  const OWN(tile_segment) *s = walk->taps;
  const OWN(shift) t = {.weights = weights, .channels = channels, .x_row = walk->a_row, .x_tap = s[3].a_offset,
                        .c_row = walk->c_row, .c_col = walk->c_col, .c_ahead = ahead, .cols = walk->cols, .last = cols,
                        .floor = walk->floor};
  FN(store)(weights, walk->bias ? FN(load_part)(walk->bias, cols) : (V){0});
  for (int64_t k = 0; k < 9 * channels; k++)
    FN(store)(weights + (1 + k) * N, FN(load)(s[k % 9].b + k / 9 * s->b_stride));
  const int is_plain = cols == N && !(t.floor > -INFINITY);
  const int64_t strips = fnn_ceil_div(walk->rows, OWN(SHIFT_ROWS));
  for (int64_t k = 0; k < walk->images * strips; k++) {
    const int64_t image = k / strips, row = walk->rows * (k % strips) / strips;
    const int64_t rows = walk->rows * (k % strips + 1) / strips - row;
    OWN(shift_variants)[rows - 1][is_plain](&t, walk->a + image * walk->a_image + row * walk->a_row,
                                            walk->c + image * walk->c_image + row * walk->c_row);
  }
}
