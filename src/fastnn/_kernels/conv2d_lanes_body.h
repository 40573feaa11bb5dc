/* conv2d_lanes_body.h: input gradients of images of few channels whose results have whole vectors of channels, for
 * float32 and for float64.
 *
 * A tile's columns would be the channels of dx, 1 to 4 of a vector's lanes. Here lanes are channels o of dy: a sum is a
 * vector, to which each tap adds its vectors of dy, read where they lie, times those of the kernel: ky ascending, kx
 * descending where they have the same pixels of dx, o ascending; where tiles slide, o before kx. Taps outside dy are
 * left out. The sum of its lanes is the element of dx. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  OWN(LANES_SUMS) = 16, /* or 8 of one channel, 24 of three: with weights and dy 28 of 32 registers */
#else
  OWN(LANES_SUMS) = 8, /* 12 of three: 16 of 16 */
#endif
  OWN(LANES_LEAST) = OWN(LANES_SUMS) / 4, /* pixels of a tile of one channel, or 2 to 4 times as many */
  OWN(LANES_MOST) = 24,
  OWN(LANES_CHANNELS) = 4,
  OWN(LANES_TAPS) = 5, /* of a row that share pixels of dy */
  OWN(LANES_ROW_BYTES) = 1 << 14, /* of dy at most that one channel asks for among its products, not before */
  OWN(LANES_BURST) = 16, /* lines at most that a tile asks for at once, of two channels or three and AVX-512 */
  OWN(LANES_AHEAD_BYTES) = 1 << 14 /* from what tiles read to what they ask for, but a row at least */
};

FNN_INLINE int OWN(lanes_pixels)(int channels) {
  return (int)fnn_min(8, OWN(LANES_SUMS) / (channels == 3 ? 2 : channels));
}

/* Taps of a kernel row whose pixels of dy follow each other. */
typedef struct {
  int64_t dy, weights, n; /* offsets of what they multiply; elements of dy for a pixel of dx */
  int64_t shift;          /* the column of dy that the first tap of the first pixel of dx meets: may be outside */
} OWN(lanes_run);

_Static_assert(sizeof(OWN(lanes_run)) <= sizeof(OWN(tile_segment)), "scratch is counted in segments");

/* `count` pixels of dx, dx_step apart, of a row: those of one residue. */
typedef struct {
  const OWN(lanes_run) * runs;
  int64_t n_runs, count, dy_step, dx_step;
  int64_t begin, end;       /* pixels all of whose taps are inside */
  int64_t dy_cols;          /* columns of dy */
  int64_t asks;             /* the run that asks for what it reads `ahead` elements further, or -1 */
  int64_t ahead;            /* whole rows of dy */
  int64_t ask_step;         /* 0, or tiles ask for a part with each vector of taps, so far apart */
  int64_t before;           /* tiles that slide: the same, but asks before all runs */
  const T *dy, *weights;
  T *dx;
} OWN(lanes_row);

/* The sums of the lanes of acc[pixel][channel], to pixels dx_step apart. */
FNN_INLINE void OWN(lanes_finish)(const V *acc, T *dx, int64_t dx_step, const int pixels, const int channels) {
  const int n = pixels * channels;
  _Alignas(FNN_ALIGN) T sum[OWN(LANES_MOST) + N];
#pragma GCC unroll 12
  for (int i = 0; i < n; i += N) {
    V v[N];
#pragma GCC unroll 16
    for (int k = 0; k < N; k++) v[k] = i + k < n ? acc[i + k] : (V){0};
    FN(store)(sum + i, i + N <= n ? OWN(sum_each)(v, N) : OWN(sum_each)(v, n % N));
  }
  if (dx_step == channels) {
    memcpy(dx, sum, n * sizeof(T));
    return;
  }
#pragma GCC unroll 16
  for (int p = 0; p < pixels; p++) memcpy(dx + p * dx_step, sum + p * channels, channels * sizeof(T));
}

/* n elements of each pixel's dy, `step` apart, times those of the kernel; at an edge of pixels [begin, end). Each
 * vector of them asks for what is at *ask, then `ask_step` further, if that is not NULL. */
FNN_INLINE void OWN(lanes_add)(V *acc, const T *d, const T *w, int64_t n, int64_t step, int64_t begin, int64_t end,
                               const T **ask, int64_t ask_step, const int pixels, const int channels,
                               const int is_edge) {
  for (int64_t o = 0; o < n; o += N, d += N, w += channels * N) {
    V weight[OWN(LANES_CHANNELS)];
    if (ask) {
      __builtin_prefetch(*ask, 0, 2);
      *ask += ask_step;
    }
#pragma GCC unroll 4
    for (int c = 0; c < channels; c++) weight[c] = FN(load)(w + c * N);
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++) {
      if (is_edge && (p < begin || p >= end)) continue;
      const V x = FN(load)(d + p * step);
      __asm__ volatile("" ::: "memory"); /* the compiler would rather load it for each channel */
#pragma GCC unroll 4
      for (int c = 0; c < channels; c++) acc[p * channels + c] += x * weight[c];
    }
  }
}

/* At an edge pixels of dy that are outside are left out: of the taps that meet such. */
FNN_INLINE void OWN(lanes_tile)(const OWN(lanes_row) * r, int64_t first, const int pixels, const int channels,
                                const int is_edge, const int is_asking) {
  const int64_t step = r->dy_step;
  V acc[OWN(LANES_MOST)];
#pragma GCC unroll 24
  for (int i = 0; i < pixels * channels; i++) acc[i] = (V){0};
  const T *ask = NULL;
  if (is_asking) {
    ask = r->dy + first * step + r->runs[r->asks].dy + r->ahead;
  } else if (r->asks >= 0) { /* in the loop over runs it made that slower */
    const T *next = r->dy + first * step + r->runs[r->asks].dy + r->ahead;
    for (int64_t i = 0; i < pixels * step; i += FNN_ALIGN / sizeof(T)) __builtin_prefetch(next + i);
  }
  for (int64_t k = 0; k < r->n_runs; k++) {
    const int64_t n = r->runs[k].n;
    const T *d = r->dy + first * step + r->runs[k].dy, *w = r->weights + r->runs[k].weights;
    if (!is_edge) {
      OWN(lanes_add)(acc, d, w, n, step, 0, pixels, is_asking ? &ask : NULL, r->ask_step, pixels, channels, 0);
      continue;
    }
    int64_t col = first + r->runs[k].shift;
    for (int64_t tap = 0; tap < n; tap += step, col++, d += step, w += channels * step) {
      if (col >= 0 && col + pixels <= r->dy_cols)
        OWN(lanes_add)(acc, d, w, step, step, 0, pixels, NULL, 0, pixels, channels, 0);
      else OWN(lanes_add)(acc, d, w, step, step, -col, r->dy_cols - col, NULL, 0, pixels, channels, 1);
    }
  }
  OWN(lanes_finish)(acc, r->dx + first * r->dx_step, r->dx_step, pixels, channels);
}

/* The last tile may do some pixels again. */
FNN_INLINE void OWN(lanes_all)(const OWN(lanes_row) * r, const int channels, const int is_asking) {
  const int pixels = OWN(lanes_pixels)(channels);
  const int64_t step = r->count < pixels ? 1 : pixels;
  for (int64_t p = 0; p < r->count; p += step) {
    const int64_t first = fnn_min(p, r->count - step);
    if (step == 1) OWN(lanes_tile)(r, first, 1, channels, 1, 0);
    else if (first >= r->begin && first + pixels <= r->end)
      OWN(lanes_tile)(r, first, pixels, channels, 0, is_asking);
    else OWN(lanes_tile)(r, first, pixels, channels, 1, 0);
  }
}

#define LANES_VARIANT(channels)                                                                                        \
  static __attribute__((noinline)) void OWN(lanes_##channels)(const OWN(lanes_row) * r) {                              \
    OWN(lanes_all)(r, channels, 0);                                                                                    \
  }
LANES_VARIANT(1) LANES_VARIANT(2) LANES_VARIANT(3) LANES_VARIANT(4)
static void (*const OWN(lanes_variants)[])(const OWN(lanes_row) *) = {OWN(lanes_1), OWN(lanes_2), OWN(lanes_3),
                                                                      OWN(lanes_4)};
#undef LANES_VARIANT
#if defined(FNN_ISA_AVX512)
static __attribute__((noinline)) void OWN(lanes_asking_2)(const OWN(lanes_row) * r) { OWN(lanes_all)(r, 2, 1); }
static __attribute__((noinline)) void OWN(lanes_asking_3)(const OWN(lanes_row) * r) { OWN(lanes_all)(r, 3, 1); }
static void (*const OWN(lanes_asking)[])(const OWN(lanes_row) *) = {NULL, OWN(lanes_asking_2), OWN(lanes_asking_3),
                                                                    NULL};
#else
static void (*const OWN(lanes_asking)[OWN(LANES_CHANNELS)])(const OWN(lanes_row) *) = {NULL};
#endif

/* One channel: pixels next to each other share those of dy, which would be read for each. A run, which asks for what
 * the next tile reads, or for what lies further ahead: both, or a branch for each pixel, would cost more. */
FNN_INLINE void OWN(lanes_slide_run)(V *acc, const T *d, const T *w, int64_t step, int64_t begin, int64_t end,
                                     int64_t ahead, const int pixels, const int taps, const int asks) {
  for (int64_t o = 0; o < step; o += N, d += N, w += N) {
    V weight[OWN(LANES_TAPS)];
#pragma GCC unroll 5
    for (int t = 0; t < taps; t++) weight[t] = FN(load)(w + t * step);
    const T *at = d;
#pragma GCC unroll 20
    for (int j = 0; j < pixels + taps - 1; j++, at += step) {
      if ((j < taps - 1 && j < begin) || (j >= pixels && j >= end)) continue;
      const V x = FN(load)(at);
      if (j >= taps - 1 && asks) __builtin_prefetch(at + ahead, 0, 2);
      else if (j >= taps - 1) __builtin_prefetch(at + pixels * step);
      __asm__ volatile("" : "+r"(at) : : "memory"); /* read once, at an address that needs no register of its own */
#pragma GCC unroll 5
      for (int t = 0; t < taps; t++)
        if (j >= t && j - t < pixels) acc[j - t] += x * weight[t];
    }
  }
}

FNN_INLINE void OWN(lanes_slide)(const OWN(lanes_row) * r, int64_t first, const int pixels, const int taps) {
  const int64_t step = r->dy_step, begin = r->begin - first, end = r->end + taps - 1 - first; /* of what is inside */
  V acc[OWN(LANES_MOST)];
#pragma GCC unroll 16
  for (int p = 0; p < pixels; p++) acc[p] = (V){0};
  if (r->before >= 0) {
    const T *next = r->dy + (first + taps - 1) * step + r->runs[r->before].dy + r->ahead;
    for (int64_t i = 0; i < pixels * step; i += FNN_ALIGN / sizeof(T)) __builtin_prefetch(next + i, 0, 2);
  }
  for (int64_t k = 0; k < r->n_runs; k++) {
    const T *d = r->dy + first * step + r->runs[k].dy, *w = r->weights + r->runs[k].weights;
    if (k == r->asks) OWN(lanes_slide_run)(acc, d, w, step, begin, end, r->ahead, pixels, taps, 1);
    else OWN(lanes_slide_run)(acc, d, w, step, begin, end, r->ahead, pixels, taps, 0);
  }
  OWN(lanes_finish)(acc, r->dx + first * r->dx_step, r->dx_step, pixels, 1);
}

FNN_INLINE void OWN(lanes_slide_all)(const OWN(lanes_row) * r, const int taps) {
  enum { LEAST = OWN(LANES_LEAST) };
  const int64_t most = fnn_min(4 * LEAST, r->count / LEAST * LEAST);
  for (int64_t p = 0, n; p < r->count; p += n) {
    n = fnn_min(most, fnn_round_up(r->count - p, LEAST));
    const int64_t first = fnn_min(p, r->count - n);
    switch (n / LEAST) {
      case 1: OWN(lanes_slide)(r, first, LEAST, taps); break;
      case 2: OWN(lanes_slide)(r, first, 2 * LEAST, taps); break;
      case 3: OWN(lanes_slide)(r, first, 3 * LEAST, taps); break;
      default: OWN(lanes_slide)(r, first, 4 * LEAST, taps);
    }
  }
}

#define SLIDE_VARIANT(taps)                                                                                            \
  static __attribute__((noinline)) void OWN(lanes_slide_##taps)(const OWN(lanes_row) * r) {                            \
    OWN(lanes_slide_all)(r, taps);                                                                                     \
  }
SLIDE_VARIANT(2) SLIDE_VARIANT(3) SLIDE_VARIANT(4) SLIDE_VARIANT(5)
static void (*const OWN(slide_variants)[])(const OWN(lanes_row) *) = {OWN(lanes_slide_2), OWN(lanes_slide_3),
                                                                      OWN(lanes_slide_4), OWN(lanes_slide_5)};
#undef SLIDE_VARIANT

/* Whether it takes less than the other ways. Where taps do not overlap, an element of dx is one product: to pick it
 * costs less than to sum lanes, by about a multiply-add and a half of a vector for a pixel. */
static int OWN(lanes_fits)(const conv_shape *s) {
  const int64_t strides = s->stride_h * s->stride_w, padding = fnn_round_up(s->taps * s->cin, N) - s->taps * s->cin;
  const int picks = s->kh <= s->stride_h && s->kw <= s->stride_w && s->taps * s->cout <= 4 * N * strides &&
                    2 * padding * s->cout <= 3 * N * strides && OWN(scatter_fits)(s);
  return s->groups == 1 && s->cin > 0 && s->cin <= OWN(LANES_CHANNELS) && s->cout > 0 && s->cout % N == 0 &&
         fnn_ceil_div(s->w, s->stride_w) >= OWN(lanes_pixels)((int)s->cin) && !picks;
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

/* The runs of a row of taps at pixels x, x + stride_w ..., as if it were the first and met the first row of dy. */
static int64_t OWN(lanes_row_runs)(const conv_shape *s, OWN(lanes_run) * runs, int64_t x) {
  int64_t n = 0, last = -2, last_shift = 0, shift;
  for (int64_t k = 0; k < s->kw; k++) {
    if (!conv_shift(x, s->pad_left, OWN(lanes_kx)(s, k), s->dilation_w, s->stride_w, &shift)) continue;
    if (last == k - 1 && shift == last_shift + 1) runs[n - 1].n += s->cout;
    else runs[n++] = (OWN(lanes_run)){shift * s->cout, k * s->cin * s->cout, s->cout, shift};
    last = k, last_shift = shift;
  }
  return n;
}

/* The runs of all rows of taps that reach row y of dx, from the n of one. */
static int64_t OWN(lanes_runs)(const conv_shape *s, OWN(lanes_run) * runs, const OWN(lanes_run) * row, int64_t n,
                               int64_t y) {
  int64_t n_runs = 0, oy;
  for (int64_t ky = 0; ky < s->kh; ky++) {
    if (!conv_shift(y, s->pad_top, ky, s->dilation_h, s->stride_h, &oy) || oy < 0 || oy >= s->oh) continue;
    for (int64_t k = 0; k < n; k++, n_runs++) {
      runs[n_runs] = row[k];
      runs[n_runs].dy += oy * s->ow * s->cout;
      runs[n_runs].weights += ky * s->kw * s->cin * s->cout;
    }
  }
  return n_runs;
}

/* One unit: images [image, image + images) by rows [row, row + rows) of dx. */
static void OWN(lanes_unit)(const fnn_call *call, const conv_shape *s, conv_bands bands, int64_t unit) {
  const int64_t image = unit / bands.bands * bands.images, row = unit % bands.bands * bands.rows;
  const int64_t images = fnn_min(bands.images, s->n - image), rows = fnn_min(bands.rows, s->h - row);
  OWN(lanes_run) *runs = (OWN(lanes_run) *)call->scratch, *row_runs = runs + s->taps;
  OWN(lanes_row) r = {.runs = runs, .dy_step = s->cout, .dx_step = s->stride_w * s->cin, .dy_cols = s->ow,
                      .weights = (const T *)call->shared};
  const int64_t dy_down = s->ow * s->cout;
  r.ahead = fnn_max(1, OWN(LANES_AHEAD_BYTES) / (dy_down * (int64_t)sizeof(T))) * dy_down;
  for (int64_t x = 0; x < fnn_min(s->stride_w, s->w); x++) {
    const int64_t n = OWN(lanes_row_runs)(s, row_runs, x), taps = n ? row_runs->n / s->cout : 0;
    r.count = r.end = fnn_ceil_div(s->w - x, s->stride_w), r.begin = 0;
    for (int64_t k = 0; k < n; k++) {
      r.begin = fnn_max(r.begin, -row_runs[k].shift);
      r.end = fnn_min(r.end, s->ow + 1 - row_runs[k].shift - row_runs[k].n / s->cout);
    }
    /* Each pixel between the first and the last taps - 1 of a row has all its taps inside. */
    const int slides = s->cin == 1 && n == 1 && taps > 1 && taps <= OWN(LANES_TAPS) && r.count >= OWN(LANES_LEAST) &&
                       r.begin < taps && r.end > r.count - taps;
    int64_t down = 0; /* from the rows of dy that the runs are of */
    for (int64_t y = row; y < row + rows; y++, down += dy_down) {
      const int is_inside = y > row && y + s->pad_top < s->oh && y - 1 + s->pad_top >= (s->kh - 1) * s->dilation_h;
      if (s->stride_h > 1 || !is_inside) { /* else they are those of the row before, a row of dy further */
        r.n_runs = OWN(lanes_runs)(s, runs, row_runs, n, y);
        r.asks = r.n_runs == 0 || x || y % s->stride_h ? -1 : 0; /* only once where other residues read the same */
        /* A burst of many lines would be waited for, but each vector of few taps would ask for several. */
        const int64_t pixels = OWN(lanes_pixels)((int)s->cin), line = FNN_ALIGN / (int64_t)sizeof(T);
        int64_t all = 0; /* taps */
        for (int64_t k = 0; k < r.n_runs; k++) all += runs[k].n / s->cout;
        r.ask_step = r.asks < 0 || pixels * s->cout <= OWN(LANES_BURST) * line ? 0 : fnn_ceil_div(pixels * N, all);
        if (r.ask_step > line || !OWN(lanes_asking)[s->cin - 1]) r.ask_step = 0;
        r.before = slides && dy_down * (int64_t)sizeof(T) > OWN(LANES_ROW_BYTES) ? r.asks : -1;
        if (r.before >= 0) r.asks = -1;
        down = 0;
      }
      for (int64_t i = image; i < image + images; i++) {
        r.dy = (const T *)call->buf[0] + i * s->oh * s->ow * s->cout + down;
        r.dx = (T *)call->buf[2] + ((i * s->h + y) * s->w + x) * s->cin;
        if (slides) OWN(slide_variants)[taps - 2](&r);
        else (r.ask_step ? OWN(lanes_asking) : OWN(lanes_variants))[s->cin - 1](&r);
      }
    }
  }
  OWN(conv_run_program)(call, (image * s->h + row) * s->w, images * rows * s->w, 0, s->cin,
                        call->scratch + OWN(conv_program_at)(s->taps + s->kw, 0));
}
