/* conv2d_lanes_body.h: input gradients of images of few channels whose results have whole vectors of channels, for
 * float32 and for float64.
 *
 * A tile's columns would be the channels of dx, 1 to 4 of a vector's lanes. Here lanes are channels o of dy: a sum is a
 * vector, to which each tap adds its vectors of dy, read where they lie, times those of the kernel: ky ascending, kx
 * descending where they have the same pixels of dx, o ascending. The sum of its lanes is the element of dx. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  OWN(LANES_SUMS) = 16, /* of two and four channels, 8 of one, 24 of three: with weights and dy 28 of 32 registers */
#else
  OWN(LANES_SUMS) = 8, /* 12 of three: 16 of 16 */
#endif
  OWN(LANES_MOST) = 24,
  OWN(LANES_CHANNELS) = 4
};

FNN_INLINE int OWN(lanes_pixels)(int channels) {
  return (int)fnn_min(8, OWN(LANES_SUMS) / (channels == 3 ? 2 : channels));
}

/* Taps of a kernel row whose pixels of dy follow each other. */
typedef struct {
  int64_t dy, weights, n; /* offsets of what they multiply; elements of dy for a pixel of dx */
} OWN(lanes_run);

/* `count` pixels of dx, dx_step apart, whose taps are the same; dy_step apart there. */
typedef struct {
  const OWN(lanes_run) * runs;
  int64_t n_runs, count, dy_step, dx_step;
  const T *dy, *weights;
  T *dx;
  OWN(conv_ahead) * ahead; /* each run asks for its lines */
} OWN(lanes_row);

FNN_INLINE void OWN(lanes_tile)(const OWN(lanes_row) * r, int64_t first, const int pixels, const int channels) {
  const int64_t step = r->dy_step;
  const T *dy = r->dy + first * step, *ahead;
  const int64_t lines = OWN(conv_ask)(r->ahead, r->n_runs, &ahead);
  V acc[OWN(LANES_MOST)];
#pragma GCC unroll 24
  for (int i = 0; i < pixels * channels; i++) acc[i] = (V){0};
  for (int64_t k = 0; k < r->n_runs; k++) {
    const T *d = dy + r->runs[k].dy, *w = r->weights + r->runs[k].weights;
    for (int64_t i = 0; i < lines; i++, ahead += FNN_ALIGN / sizeof(T)) __builtin_prefetch(ahead, 0, 2);
    for (int64_t o = 0; o < r->runs[k].n; o += N, w += channels * N) {
      V weight[OWN(LANES_CHANNELS)];
#pragma GCC unroll 4
      for (int c = 0; c < channels; c++) weight[c] = FN(load)(w + c * N);
#pragma GCC unroll 16
      for (int p = 0; p < pixels; p++) {
        const V x = FN(load)(d + p * step + o);
        __asm__ volatile("" ::: "memory"); /* the compiler would rather load it for each channel */
#pragma GCC unroll 4
        for (int c = 0; c < channels; c++) acc[p * channels + c] += x * weight[c];
      }
    }
  }
  const int n = pixels * channels;
  T *dx = r->dx + first * r->dx_step;
  _Alignas(FNN_ALIGN) T sum[OWN(LANES_MOST) + N];
#pragma GCC unroll 12
  for (int i = 0; i < n; i += N) {
    V v[N];
#pragma GCC unroll 16
    for (int k = 0; k < N; k++) v[k] = i + k < n ? acc[i + k] : (V){0};
    FN(store)(sum + i, i + N <= n ? OWN(sum_each)(v, N) : OWN(sum_each)(v, n % N));
  }
  if (r->dx_step == channels) {
    memcpy(dx, sum, n * sizeof(T));
    return;
  }
#pragma GCC unroll 16
  for (int p = 0; p < pixels; p++) memcpy(dx + p * r->dx_step, sum + p * channels, channels * sizeof(T));
}

FNN_INLINE void OWN(lanes_all)(const OWN(lanes_row) * r, const int channels) {
  const int pixels = OWN(lanes_pixels)(channels);
  const int64_t step = r->count < pixels ? 1 : pixels;
  for (int64_t p = 0; p < r->count; p += step) {
    if (step == 1) OWN(lanes_tile)(r, p, 1, channels);
    else OWN(lanes_tile)(r, fnn_min(p, r->count - pixels), pixels, channels); /* the last may do some again */
  }
}

#define LANES_VARIANT(channels)                                                                                        \
  static __attribute__((noinline)) void OWN(lanes_##channels)(const OWN(lanes_row) * r) {                              \
    OWN(lanes_all)(r, channels);                                                                                       \
  }
LANES_VARIANT(1) LANES_VARIANT(2) LANES_VARIANT(3) LANES_VARIANT(4)
static void (*const OWN(lanes_variants)[])(const OWN(lanes_row) *) = {OWN(lanes_1), OWN(lanes_2), OWN(lanes_3),
                                                                      OWN(lanes_4)};
#undef LANES_VARIANT

/* Whether it takes less than the other ways: where few vectors are added for a pixel, the sums of lanes are most of it;
 * units of few rows have their edges pixel by pixel, one sum at a time with one channel. */
static int OWN(lanes_fits)(const conv_shape *s) {
  const int fits = s->groups == 1 && s->cin > 0 && s->cin <= OWN(LANES_CHANNELS) && s->cout > 0 && s->cout % N == 0 &&
                   s->ow >= OWN(LANES_SUMS) &&
                   (s->cin > 1 || s->n * s->h * s->w >= CONV_UNITS * CONV_FEW_PIXELS);
  return fits && (s->taps * s->cout > 4 * N * s->stride_h * s->stride_w || !OWN(scatter_fits)(s));
}

/* The order of the taps of a kernel row: those that reach the same pixels, at the pixels of dy one after another. */
static int64_t OWN(lanes_kx)(const conv_shape *s, int64_t k) {
  for (int64_t residue = 0; residue < s->stride_w && residue < s->kw; residue++) {
    const int64_t n = (s->kw - 1 - residue) / s->stride_w + 1;
    if (k < n) return residue + (n - 1 - k) * s->stride_w;
    k -= n;
  }
  return 0;
}

/* out[ky][kx in that order][o / N][c][o % N] = weights[ky][kx][c][o]. */
static void OWN(lanes_weights)(const conv_shape *s, T *out, const T *weights) {
  for (int64_t k = 0; k < s->taps; k++) {
    const T *from = weights + (k / s->kw * s->kw + OWN(lanes_kx)(s, k % s->kw)) * s->cin * s->cout;
    for (int64_t o = 0; o < s->cout; o += N)
      for (int64_t c = 0; c < s->cin; c++, out += N) FN(store)(out, FN(load)(from + c * s->cout + o));
  }
}

/* The taps that reach pixel (y, x) of dx. */
static int64_t OWN(lanes_runs)(const conv_shape *s, OWN(lanes_run) * runs, int64_t y, int64_t x) {
  int64_t n = 0, oy, ox;
  for (int64_t ky = 0; ky < s->kh; ky++) {
    if (!conv_shift(y, s->pad_top, ky, s->dilation_h, s->stride_h, &oy) || oy < 0 || oy >= s->oh) continue;
    int64_t end = -1, last = -1; /* of the last run */
    for (int64_t k = 0; k < s->kw; k++) {
      const int64_t kx = OWN(lanes_kx)(s, k);
      if (!conv_shift(x, s->pad_left, kx, s->dilation_w, s->stride_w, &ox) || ox < 0 || ox >= s->ow) continue;
      const int64_t at = (oy * s->ow + ox) * s->cout;
      if (at == end && last == k - 1) runs[n - 1].n += s->cout;
      else runs[n++] = (OWN(lanes_run)){at, (ky * s->kw + k) * s->cin * s->cout, s->cout};
      end = at + s->cout, last = k;
    }
  }
  return n;
}

/* Rows y, y + stride_h ..., which the same ky reach, of columns x, x + stride_w ..., which the same kx reach, of an
 * image. A column is done downwards. */
static void OWN(lanes_rectangle)(const conv_shape *s, OWN(lanes_row) r, int64_t rows, int64_t cols) {
  const int64_t down = s->ow * s->cout, dx_down = s->stride_h * s->w * s->cin;
  const int is_column = cols == 1;
  r.count = is_column ? rows : cols;
  r.dy_step = is_column ? down : s->cout;
  r.dx_step = is_column ? dx_down : s->stride_w * s->cin;
  for (int64_t i = 0; i < (is_column ? 1 : rows); i++, r.dy += down, r.dx += dx_down)
    OWN(lanes_variants)[s->cin - 1](&r);
}

/* One unit: images [image, image + images) by rows [row, row + rows) of dx. */
static void OWN(lanes_unit)(const fnn_call *call, const conv_shape *s, conv_bands bands, int64_t unit) {
  const int64_t image = unit / bands.bands * bands.images, row = unit % bands.bands * bands.rows;
  const int64_t images = fnn_min(bands.images, s->n - image), rows = fnn_min(bands.rows, s->h - row);
  const T *dy = (const T *)call->buf[0] + image * s->oh * s->ow * s->cout;
  T *dx = (T *)call->buf[2] + image * s->h * s->w * s->cin;
  const int64_t dy_rows = fnn_ceil_div(rows, s->stride_h), n = images * dy_rows * s->ow * s->cout;
  OWN(conv_ahead) ahead = OWN(conv_ahead_of)(
    dy + ((images - 1) * s->oh + (row + rows) / s->stride_h) * s->ow * s->cout, n, NULL, 0,
    images * dy_rows * s->ow / OWN(lanes_pixels)((int)s->cin), s->kh);
  OWN(lanes_row) r = {.runs = (OWN(lanes_run) *)call->scratch, .weights = (const T *)call->shared, .ahead = &ahead};
  for (int64_t y0 = row; y0 < row + fnn_min(s->stride_h, rows); y0++) {
    const int64_t residue = y0 % s->stride_h, end_j = fnn_ceil_div(row + rows - residue, s->stride_h);
    for (int64_t j = row / s->stride_h, next_j; j < end_j; j = next_j) {
      const OWN(conv_taps) taps = OWN(conv_taps_of_row)(s, residue, j);
      for (next_j = j + 1; next_j < end_j; next_j++) {
        const OWN(conv_taps) next = OWN(conv_taps_of_row)(s, residue, next_j);
        if (next.first != taps.first || next.last != taps.last) break;
      }
      const int64_t y = residue + j * s->stride_h;
      for (int64_t x0 = 0; x0 < fnn_min(s->stride_w, s->w); x0++) {
        int64_t low, high;
        conv_shifts_of(x0, s->pad_left, s->kw, s->dilation_w, s->stride_w, &low, &high);
        const int64_t cols = fnn_ceil_div(s->w - x0, s->stride_w);
        const int64_t begin = fnn_min(cols, fnn_max(0, -low)), end = fnn_min(cols, s->ow - high);
        for (int64_t k = 0, next; k < cols; k = next) {
          const int64_t x = x0 + k * s->stride_w;
          next = k == begin && end > begin ? end : k + 1; /* between begin and end all taps are inside */
          r.n_runs = OWN(lanes_runs)(s, (OWN(lanes_run) *)call->scratch, y, x);
          for (int64_t i = 0; i < images; i++) {
            r.dy = dy + i * s->oh * s->ow * s->cout;
            r.dx = dx + ((i * s->h + y) * s->w + x) * s->cin;
            OWN(lanes_rectangle)(s, r, next_j - j, next - k);
          }
        }
      }
    }
  }
  OWN(conv_run_program)(call, (image * s->h + row) * s->w, images * rows * s->w, 0, s->cin,
                        call->scratch + OWN(conv_program_at)(s->taps, 0));
}
