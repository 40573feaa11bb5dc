/* conv2d_dots_body.h: convolutions to few channels, for float32 and for float64.
 *
 * A tile's columns would be the channels of y, at most a vector: each multiply-add would have an element of x of its
 * own to read. Here lanes are what a row of taps reads, which follows each other in x: a sum is a vector, to which each
 * row of taps adds its vectors of x, read where they lie, times those of the kernel, kz and ky ascending. The sum of
 * its lanes and the bias are the element of y. More channels than half of a vector are done in panels, without the rows
 * of taps that are outside x for all pixels of a tile. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  OWN(DOTS_SUMS) = 24, /* with pixels or weights and one of the others 28 of 32 registers */
#else
  OWN(DOTS_SUMS) = 12, /* 16 of 16 */
#endif
  OWN(DOTS_CHANNELS) = OWN(DOTS_SUMS) / 3 < N / 2 ? OWN(DOTS_SUMS) / 3 : N / 2 > 0 ? N / 2 : 1,
  OWN(DOTS_PANEL) = OWN(DOTS_CHANNELS) < 4 ? OWN(DOTS_CHANNELS) : 4, /* of more channels than that a tile has so many */
  OWN(DOTS_PANEL_LEAST) = OWN(DOTS_CHANNELS) < 4 ? 1 : OWN(DOTS_CHANNELS) < 8 ? 2 : 4, /* of which dots_panels are */
  OWN(DOTS_MOST) = 8, /* pixels of a tile */
  OWN(DOTS_SUM) = 3,  /* multiply-adds of a vector in whose time the lanes of one are added */
  OWN(DOTS_COPY) = FNN_VECTOR_BYTES == 64 ? 8 : 0 /* and a vector of a window is copied */
};

FNN_INLINE int OWN(dots_pixels)(int channels) { return (int)fnn_min(OWN(DOTS_MOST), OWN(DOTS_SUMS) / channels); }

FNN_INLINE int64_t OWN(dots_vectors)(const conv_shape *s) { return fnn_ceil_div(s->kw * s->cin, N); }

/* Rows of the kernel's copy: the vectors of all rows of taps. */
FNN_INLINE int64_t OWN(dots_rows)(const conv_shape *s) { return s->taps / s->kw * OWN(dots_vectors)(s); }

/* Whether it takes less time than tiles, by the multiply-adds of both: of few channels four fifths of those; of more,
 * with the copy of the kernel, as few where lines read two steps of k at once, else up to six fifths with the copy of
 * windows, 21 twentieths where all tiles read two steps, of those tiles that leave out the columns of taps outside x.
 * Measured. */
static int OWN(dots_fits)(const conv_shape *s) {
  if (s->groups != 1 || s->dilation_w != 1 || s->cout <= 0 || s->cout > N) return 0;
  const int64_t pixels = s->n * s->oh * s->ow, products = s->taps * s->cin;
  const int64_t of_pixel = (OWN(dots_rows)(s) + OWN(DOTS_SUM)) * s->cout;
  if (s->cout <= OWN(DOTS_CHANNELS)) return !s->is_deep && 5 * of_pixel <= 4 * products;
  const int64_t sums = pixels * of_pixel + products * s->cout;
  if (s->taps == 1 || products <= OWN(LINE_DEEP_MOST)) return 5 * sums <= 4 * pixels * products;
  const conv_axis x = {s->kw, -s->pad_left, s->stride_w, 1, s->w};
  int64_t reached = 0;
  for (int64_t kx = 0; kx < s->kw; kx++) {
    const conv_range results = conv_results_of(&x, kx, kx, s->ow);
    reached += fnn_max(0, results.end - results.begin);
  }
  const int64_t copied = OWN(DOTS_COPY) * pixels * s->stride_h * s->stride_w * s->cin;
  const int64_t most = OWN(line_by_two)(1, s->taps, s->cin, s->cout, pixels) ? 21 : 24; /* of 20 */
  return 20 * (sums + copied / N) <= most * pixels * products / (s->kw * s->ow) * reached;
}

/* Channels in panels that tiles take one after the other, as equal as they can be: a tile of three takes longer. */
FNN_INLINE int64_t OWN(dots_panels)(int64_t cout) {
  const int64_t least = fnn_ceil_div(cout, OWN(DOTS_CHANNELS));
  return least == 1 ? 1 : fnn_max(least, cout / OWN(DOTS_PANEL));
}

/* out[panel][row][o of the panel][lane] = weights[kz, ky][vector, lane][o], zeroes after the last (kx, c): rows
 * (kz, ky, vector) [begin, end). */
static void OWN(dots_weights)(const conv_shape *s, T *out, const T *weights, int64_t begin, int64_t end) {
  const int64_t vectors = OWN(dots_vectors)(s), run = s->kw * s->cin, rows = OWN(dots_rows)(s);
  const int64_t panels = OWN(dots_panels)(s->cout);
  for (int64_t panel = 0; panel < panels; panel++) {
    const int64_t o_begin = s->cout * panel / panels, o_end = s->cout * (panel + 1) / panels;
    T *to = out + (rows * o_begin + begin * (o_end - o_begin)) * N;
    for (int64_t k = begin; k < end; k++, to += (o_end - o_begin) * N) {
      const int64_t first = k % vectors * N, n = fnn_min(N, run - first);
      const T *from = weights + (k / vectors * run + first) * s->cout + o_begin;
      if (o_end - o_begin >= 4) OWN(pack_panel)(to, from, 1, s->cout, o_end - o_begin, (tile_panel){0, n, 1});
      else
        for (int64_t i = 0; i < (o_end - o_begin) * N; i++) to[i] = i % N < n ? from[i % N * s->cout + i / N] : 0;
    }
  }
}

/* What the tiles of a unit share. */
typedef struct {
  const T *weights;
  int64_t rows, x_tap, run; /* of taps; from the pixels of one to the next; elements of one */
  OWN(tile_segment) *reach; /* of panels: the rows of taps that reach a tile's pixels, where their weights and x are */
  int64_t n_reach, row, y_step; /* elements of a row of taps in weights; from a pixel's results to the next one's */
  T bias[OWN(DOTS_SUMS) + N];
  T floor;
} OWN(dots);

/* n lanes of each pixel's vector, times the weights. */
FNN_INLINE void OWN(dots_add)(V *acc, const T *const *a, int64_t at, const T *w, int64_t n, const int pixels,
                              const int channels) {
  V x[OWN(DOTS_MOST)];
#pragma GCC unroll 8
  for (int p = 0; p < pixels; p++) x[p] = n < N ? FN(load_part)(a[p] + at, n) : FN(load)(a[p] + at);
#pragma GCC unroll 8
  for (int o = 0; o < channels; o++) {
    const V weight = FN(load)(w + o * N);
#pragma GCC unroll 8
    for (int p = 0; p < pixels; p++) acc[p * channels + o] += x[p] * weight;
  }
}

/* The first n of `pixels` pixels at a, whose results follow each other at y. */
FNN_INLINE void OWN(dots_tile)(const OWN(dots) * t, const T *const *pixels_at, T *y, int64_t n, const int in_panels,
                               const int pixels, const int channels) {
  const int sums = pixels * channels;
  V acc[OWN(DOTS_SUMS)];
  const T *a[OWN(DOTS_MOST)], *w = t->weights;
#pragma GCC unroll 24
  for (int i = 0; i < sums; i++) acc[i] = (V){0};
#pragma GCC unroll 8
  for (int p = 0; p < pixels; p++) a[p] = pixels_at[p];
  const int64_t run = t->run, next = t->x_tap;
  for (const OWN(tile_segment) *row = t->reach, *end = row + t->n_reach; in_panels && row < end; row++) {
    const int64_t end_k = row->a_offset + run;
    int64_t k = row->a_offset;
    for (w = row->b; k + N <= end_k; k += N, w += channels * N) OWN(dots_add)(acc, a, k, w, N, pixels, channels);
    if (k < end_k) OWN(dots_add)(acc, a, k, w, end_k - k, pixels, channels);
  }
  for (int64_t ky = in_panels ? 0 : t->rows; ky > 0; ky--) {
    int64_t k = 0;
    for (; k + N <= run; k += N, w += channels * N) OWN(dots_add)(acc, a, k, w, N, pixels, channels);
    if (k < run) {
      OWN(dots_add)(acc, a, k, w, run - k, pixels, channels);
      w += channels * N;
    }
#pragma GCC unroll 8
    for (int p = 0; p < pixels; p++) a[p] += next;
  }
  _Alignas(FNN_ALIGN) T out[OWN(DOTS_SUMS) + N];
  const V floor = FN(splat)(t->floor);
#pragma GCC unroll 12
  for (int i = 0; i < sums; i += N) {
    V v[N];
#pragma GCC unroll 16
    for (int k = 0; k < N; k++) v[k] = i + k < sums ? acc[i + k] : (V){0};
    const V sum = (i + N <= sums ? OWN(sum_each)(v, N) : OWN(sum_each)(v, sums % N)) + FN(load)(t->bias + i);
    FN(store)(out + i, FN(max)(floor, sum));
  }
  if (in_panels)
    for (int64_t p = 0; p < n; p++) memcpy(y + p * t->y_step, out + p * channels, channels * sizeof(T));
  else if (n == pixels) memcpy(y, out, sums * sizeof(T));
  else memcpy(y, out, (size_t)(n * channels) * sizeof(T));
}

FNN_INLINE void OWN(dots_all)(const OWN(conv_walk) * walk, const OWN(dots) * t, const int channels) {
  const int pixels = OWN(dots_pixels)(channels);
  const T *at[OWN(DOTS_MOST)];
  T *y = walk->c;
  int n = 0;
  for (int64_t image = 0; image < walk->images; image++) {
    for (int64_t row = 0; row < walk->rows; row++) {
      const T *a = walk->a + image * walk->a_image + row * walk->a_row;
      for (int64_t col = 0; col < walk->cols; col++, a += walk->a_col) {
        at[n++] = a;
        if (n < pixels) continue;
        OWN(dots_tile)(t, at, y, n, 0, pixels, channels);
        y += pixels * channels, n = 0;
      }
    }
  }
  if (n == 0) return;
  for (int p = n; p < pixels; p++) at[p] = at[n - 1];
  OWN(dots_tile)(t, at, y, n, 0, pixels, channels);
}

/* Rows of taps [of.begin, of.end) of each plane. */
static void OWN(dots_reach)(const OWN(conv_walk) * walk, OWN(dots) * t, conv_range of) {
  t->n_reach = 0;
  for (int64_t plane = 0; plane < walk->planes; plane++) {
    for (int64_t ky = of.begin; ky < of.end; ky++) {
      const int64_t row = plane * walk->y.taps + ky;
      t->reach[t->n_reach++] = (OWN(tile_segment)){.b = t->weights + row * t->row,
                                                   .a_offset = walk->taps[row * walk->x.taps].a_offset};
    }
  }
}

/* A panel of channels, without the rows of taps that are outside x for all pixels of a tile. */
FNN_INLINE void OWN(dots_panel)(const OWN(conv_walk) * walk, OWN(dots) * t, const int channels) {
  const int pixels = OWN(dots_pixels)(channels);
  const T *at[OWN(DOTS_MOST)];
  T *y = walk->c;
  conv_range taps, now = {0, 0};
  t->n_reach = 0;
  int64_t n = 0, left = walk->images * walk->rows * walk->cols;
  for (int64_t image = 0; image < walk->images; image++) {
    for (int64_t row = 0; row < walk->rows; row++) {
      const T *a = walk->a + image * walk->a_image + row * walk->a_row;
      const conv_range of_row = conv_taps_of(&walk->y, row);
      taps = n ? conv_union(taps, of_row) : of_row;
      for (int64_t col = 0; col < walk->cols; col++, a += walk->a_col) {
        at[n++] = a;
        if (n < pixels && n < left) continue;
        for (int64_t p = n; p < pixels; p++) at[p] = a;
        if (!conv_same(taps, now)) OWN(dots_reach)(walk, t, now = taps);
        OWN(dots_tile)(t, at, y, n, 1, pixels, channels);
        y += n * t->y_step, left -= n, n = 0;
        taps = of_row;
      }
    }
  }
}

#define DOTS_VARIANT(channels)                                                                                         \
  static __attribute__((noinline)) void OWN(dots_##channels)(const OWN(conv_walk) * walk, OWN(dots) * t) {             \
    if (channels <= OWN(DOTS_CHANNELS)) OWN(dots_all)(walk, t, channels <= OWN(DOTS_CHANNELS) ? channels : 1);         \
  }
#define PANEL_VARIANT(channels)                                                                                        \
  static __attribute__((noinline)) void OWN(dots_panel_##channels)(const OWN(conv_walk) * walk, OWN(dots) * t) {       \
    const int is_one = channels >= OWN(DOTS_PANEL_LEAST) && channels <= OWN(DOTS_CHANNELS);                            \
    if (is_one) OWN(dots_panel)(walk, t, is_one ? channels : 1);                                                       \
  }
DOTS_VARIANT(1) DOTS_VARIANT(2) DOTS_VARIANT(3) DOTS_VARIANT(4)
DOTS_VARIANT(5) DOTS_VARIANT(6) DOTS_VARIANT(7) DOTS_VARIANT(8)
PANEL_VARIANT(1) PANEL_VARIANT(2) PANEL_VARIANT(3) PANEL_VARIANT(4) PANEL_VARIANT(5) PANEL_VARIANT(6)
static void (*const OWN(dots_variants)[2][8])(const OWN(conv_walk) *, OWN(dots) *) = {
  {OWN(dots_1), OWN(dots_2), OWN(dots_3), OWN(dots_4), OWN(dots_5), OWN(dots_6), OWN(dots_7), OWN(dots_8)},
  {OWN(dots_panel_1), OWN(dots_panel_2), OWN(dots_panel_3), OWN(dots_panel_4), OWN(dots_panel_5),
   OWN(dots_panel_6)}};
#undef PANEL_VARIANT
#undef DOTS_VARIANT

/* All pixels of a walk, whose results follow each other; plane `first` of taps is the first that reaches them. */
static void OWN(dots_run)(const OWN(conv_walk) * walk, const conv_shape *s, const T *weights, int64_t first) {
  const int64_t panels = OWN(dots_panels)(s->cout), rows = OWN(dots_rows)(s);
  for (int64_t panel = 0; panel < panels; panel++) {
    const int64_t begin = s->cout * panel / panels, channels = s->cout * (panel + 1) / panels - begin;
    const int64_t row = OWN(dots_vectors)(s) * channels * N;
    OWN(dots) t = {.weights = weights + rows * begin * N + first * s->kh * row, .rows = s->kh,
                   .x_tap = s->kh > 1 ? walk->taps[s->kw].a_offset : 0, .run = s->kw * s->cin,
                   .reach = walk->segments, .row = row, .y_step = s->cout, .floor = walk->floor};
    const int64_t sums = OWN(dots_pixels)((int)channels) * channels;
    for (int64_t i = 0; walk->bias && i < sums; i++) t.bias[i] = walk->bias[begin + i % channels];
    OWN(conv_walk) part = *walk;
    part.c += begin;
    OWN(dots_variants)[panels > 1][channels - 1](&part, &t);
  }
}
