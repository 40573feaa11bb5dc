/* conv2d_dots_body.h: convolutions to few channels, for float32 and for float64.
 *
 * A tile's columns would be the channels of y, at most half of a vector's lanes. Here lanes are what a row of taps
 * reads, which follows each other in x: a sum is a vector, to which each row of taps adds its vectors of x, read where
 * they lie, times those of the kernel, ky ascending. The sum of its lanes and the bias are the element of y. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  OWN(DOTS_SUMS) = 24, /* with pixels or weights and one of the others 28 of 32 registers */
#else
  OWN(DOTS_SUMS) = 12, /* 16 of 16 */
#endif
  OWN(DOTS_CHANNELS) = OWN(DOTS_SUMS) / 3 < N / 2 ? OWN(DOTS_SUMS) / 3 : N / 2 > 0 ? N / 2 : 1,
  OWN(DOTS_MOST) = 8, /* pixels of a tile */
  OWN(DOTS_SUM) = 3   /* multiply-adds of a vector in whose time the lanes of one are added */
};

FNN_INLINE int OWN(dots_pixels)(int channels) { return (int)fnn_min(OWN(DOTS_MOST), OWN(DOTS_SUMS) / channels); }

FNN_INLINE int64_t OWN(dots_vectors)(const conv_shape *s) { return fnn_ceil_div(s->kw * s->cin, N); }

/* Whether it takes at most four fifths of the multiply-adds of tiles. */
static int OWN(dots_fits)(const conv_shape *s) {
  const int64_t sums = s->kh * OWN(dots_vectors)(s) + OWN(DOTS_SUM);
  return !s->is_deep && s->groups == 1 && s->dilation_w == 1 && s->cout > 0 && s->cout <= OWN(DOTS_CHANNELS) &&
         5 * sums * s->cout <= 4 * s->taps * s->cin;
}

/* out[ky][vector][o][lane] = weights[ky][vector, lane][o], zeroes after the last (kx, c): (ky, vector) [begin, end). */
static void OWN(dots_weights)(const conv_shape *s, T *out, const T *weights, int64_t begin, int64_t end) {
  const int64_t vectors = OWN(dots_vectors)(s), run = s->kw * s->cin;
  out += begin * s->cout * N;
  for (int64_t k = begin; k < end; k++) {
    const int64_t first = k % vectors * N, n = fnn_min(N, run - first);
    const T *from = weights + (k / vectors * run + first) * s->cout;
    for (int64_t o = 0; o < s->cout; o++, out += N)
      for (int64_t lane = 0; lane < N; lane++) out[lane] = lane < n ? from[lane * s->cout + o] : 0;
  }
}

/* What the tiles of a unit share. */
typedef struct {
  const T *weights;
  int64_t rows, x_tap, run; /* of taps; from the pixels of one to the next; elements of one */
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
FNN_INLINE void OWN(dots_tile)(const OWN(dots) * t, const T *const *pixels_at, T *y, int64_t n, const int pixels,
                               const int channels) {
  const int sums = pixels * channels;
  V acc[OWN(DOTS_SUMS)];
  const T *a[OWN(DOTS_MOST)], *w = t->weights;
#pragma GCC unroll 24
  for (int i = 0; i < sums; i++) acc[i] = (V){0};
#pragma GCC unroll 8
  for (int p = 0; p < pixels; p++) a[p] = pixels_at[p];
  const int64_t run = t->run, next = t->x_tap;
  for (int64_t ky = t->rows; ky > 0; ky--) {
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
  if (n == pixels) memcpy(y, out, sums * sizeof(T));
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
        OWN(dots_tile)(t, at, y, n, pixels, channels);
        y += pixels * channels, n = 0;
      }
    }
  }
  if (n == 0) return;
  for (int p = n; p < pixels; p++) at[p] = at[n - 1];
  OWN(dots_tile)(t, at, y, n, pixels, channels);
}

#define DOTS_VARIANT(channels)                                                                                         \
  static __attribute__((noinline)) void OWN(dots_##channels)(const OWN(conv_walk) * walk, const OWN(dots) * t) {       \
    if (channels <= OWN(DOTS_CHANNELS)) OWN(dots_all)(walk, t, channels <= OWN(DOTS_CHANNELS) ? channels : 1);         \
  }
DOTS_VARIANT(1) DOTS_VARIANT(2) DOTS_VARIANT(3) DOTS_VARIANT(4)
DOTS_VARIANT(5) DOTS_VARIANT(6) DOTS_VARIANT(7) DOTS_VARIANT(8)
static void (*const OWN(dots_variants)[])(const OWN(conv_walk) *, const OWN(dots) *) = {
  OWN(dots_1), OWN(dots_2), OWN(dots_3), OWN(dots_4), OWN(dots_5), OWN(dots_6), OWN(dots_7), OWN(dots_8)};
#undef DOTS_VARIANT

/* All pixels of a walk, whose results follow each other. */
static void OWN(dots_run)(const OWN(conv_walk) * walk, const conv_shape *s, const T *weights) {
  OWN(dots) t = {.weights = weights, .rows = s->kh, .x_tap = s->kh > 1 ? walk->taps[s->kw].a_offset : 0,
                 .run = s->kw * s->cin, .floor = walk->floor};
  const int64_t sums = OWN(dots_pixels)((int)s->cout) * s->cout;
  for (int64_t i = 0; walk->bias && i < sums; i++) t.bias[i] = walk->bias[i % s->cout];
  OWN(dots_variants)[s->cout - 1](walk, &t);
}
