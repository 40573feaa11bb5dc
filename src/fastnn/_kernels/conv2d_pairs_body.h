/* conv2d_pairs_body.h: input gradients with a stride of 2 along rows to one vector of channels, or to three channels
 * with lanes of o as in conv2d_lanes_body.h, for float32 and for float64.
 *
 * A tile of pixels of one residue would read an element of dy, or a vector of o, for one tap or two. Here a tile is
 * pairs of neighbouring pixels of dx, one of each residue, and what is read meets up to three taps of a kernel row;
 * three channels of all its pixels follow each other in dx. Order of summation: ky ascending, one or two columns of dy,
 * o ascending, kx descending. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
  OWN(PAIRS_TILE) = 8, /* of two vectors each; with weights of three taps and an element of dy 20 of 32 registers */
  OWN(PAIRS_LANES_TILE) = 4, /* of six; with five vectors of dy and one of weights 30 */
#else
  OWN(PAIRS_TILE) = 6, /* 16 of 16 */
  OWN(PAIRS_LANES_TILE) = 2, /* 16 of 16 */
#endif
#if defined(FNN_ISA_AVX2)
  OWN(PAIRS_HAVE_LANES) = 0, /* measured: 0.8 of tiles of one residue, for want of registers */
#else
  OWN(PAIRS_HAVE_LANES) = 1,
#endif
  OWN(PAIRS_CHANNELS) = 3, /* by lanes: of one channel most of the time goes to their sums */
  OWN(PAIRS_KINDS) = 5,
  OWN(PAIRS_AHEAD_BYTES) = 1 << 13 /* results that are asked for */
};

/* Of a column of dy and the next one, over the tile: a bit for each residue that their taps reach. */
static const int OWN(pairs_masks)[OWN(PAIRS_KINDS)][2] = {{3, 2}, {1, 3}, {3, 0}, {2, 0}, {1, 0}};

typedef struct {
  int64_t dy, weights; /* offsets of what the first pair multiplies */
  int32_t shift, kind; /* the column of dy that it meets, which may be outside; which of pairs_masks */
} OWN(pairs_run);

_Static_assert(sizeof(OWN(pairs_run)) <= sizeof(OWN(tile_segment)), "scratch is counted in segments");

/* Whether lanes are channels of dy. */
static int OWN(pairs_are_lanes)(const conv_shape *s) {
  return OWN(PAIRS_HAVE_LANES) && s->cin == OWN(PAIRS_CHANNELS) && OWN(lanes_fits)(s);
}

/* Whether rows fill their tiles to three quarters: tiles of other ways, which are slower by that, have no such ends. */
static int OWN(pairs_fits)(const conv_shape *s) {
  const int is_lanes = OWN(pairs_are_lanes)(s);
  const int64_t pairs = fnn_ceil_div(s->w, 2), tile = is_lanes ? OWN(PAIRS_LANES_TILE) : OWN(PAIRS_TILE);
  return s->groups == 1 && s->stride_w == 2 && s->dilation_w == 1 && s->kw > 1 && s->cout > 0 &&
         (is_lanes || (s->cin == N && !OWN(lanes_fits)(s))) && pairs >= tile &&
         3 * fnn_round_up(pairs, tile) <= 4 * pairs;
}

/* The tap that reaches a residue from the column of dy `shift` further than the pair; -1: none. */
static int64_t OWN(pairs_tap)(const conv_shape *s, int64_t residue, int64_t shift) {
  const int64_t kx = residue + s->pad_left - 2 * shift;
  return kx >= 0 && kx < s->kw ? kx : -1;
}

static int OWN(pairs_mask)(const conv_shape *s, int64_t shift) {
  return (OWN(pairs_tap)(s, 0, shift) >= 0) + 2 * (OWN(pairs_tap)(s, 1, shift) >= 0);
}

/* Vectors of weights of a channel of dy. */
FNN_INLINE int OWN(pairs_taps)(const int mask, const int next) {
  return (mask == 3 ? 2 : 1) + (next == 0 ? 0 : next == 3 ? 2 : 1);
}

/* The runs of a kernel row, as if it met the first row of dy. */
static int64_t OWN(pairs_row)(const conv_shape *s, OWN(pairs_run) * runs) {
  int64_t n = 0, weights = 0, low, high;
  conv_shifts(s->w, s->pad_left, s->kw, 1, 2, &low, &high);
  for (int64_t shift = low; shift <= high; n++) {
    const int mask = OWN(pairs_mask)(s, shift), next = OWN(pairs_mask)(s, shift + 1);
    int kind = 0;
    while (OWN(pairs_masks)[kind][0] != mask || (kind < 2 && OWN(pairs_masks)[kind][1] != next)) kind++;
    runs[n] = (OWN(pairs_run)){shift * s->cout, weights, (int32_t)shift, kind};
    weights += OWN(pairs_taps)(mask, OWN(pairs_masks)[kind][1]) * s->cout * s->cin;
    shift += kind < 2 ? 2 : 1;
  }
  return n;
}

/* Row ky of out[ky][run][o][column of dy, residue][c] = weights[ky][kx][c][o]; of lanes [o / N] and [c][o % N]. */
static void OWN(pairs_weights)(const conv_shape *s, T *out, const T *weights, OWN(pairs_run) * runs, int64_t ky) {
  const int is_lanes = OWN(pairs_are_lanes)(s);
  const int64_t n = OWN(pairs_row)(s, runs);
  if (ky == 0) memset(out + s->taps * s->cout * s->cin, 0, sizeof(T) * (size_t)s->cout);
  for (const OWN(pairs_run) *r = runs; r < runs + n; r++) {
    const int *masks = OWN(pairs_masks)[r->kind], taps = OWN(pairs_taps)(masks[0], masks[1]);
    T *to = out + ky * s->kw * s->cout * s->cin + r->weights;
    for (int64_t k = 0; k < 4; k++) {
      if (!(masks[k / 2] >> k % 2 & 1)) continue;
      const int64_t kx = OWN(pairs_tap)(s, k % 2, r->shift + k / 2);
      const T *from = weights + (ky * s->kw + kx) * s->cin * s->cout;
      if (!is_lanes) OWN(pack_transposed)(to, taps * N, from, s->cout, s->cout, N);
      for (int64_t o = 0; is_lanes && o < s->cout; o += N)
        for (int64_t c = 0; c < s->cin; c++)
          FN(store)(to + o * taps * s->cin + c * N, FN(load)(from + c * s->cout + o));
      to += is_lanes ? s->cin * N : N;
    }
  }
}

/* What the tiles of a row share. */
typedef struct {
  const OWN(pairs_run) * runs;
  int64_t n_runs, cols, k; /* columns and channels of dy */
  const T *dy, *weights, *zeros; /* zeros: a pixel */
} OWN(pairs);

/* A run over a tile: columns q of dy from `a` on, of which [begin, end) are inside. */
FNN_INLINE void OWN(pairs_steps)(V *acc, const T *a, const T *w, int64_t k, int64_t begin, int64_t end, const int mask,
                                 const int next, const int is_edge) {
  const int columns = OWN(PAIRS_TILE) + (next ? 1 : 0);
  const int own = OWN(pairs_taps)(mask, 0), all = OWN(pairs_taps)(mask, next);
  const T *a0 = a, *a3 = a + 3 * k, *a6 = a + 6 * k;
#pragma GCC unroll 1
  for (int64_t o = k; o > 0; o--, w += all * N) {
    V b[4];
#pragma GCC unroll 4
    for (int j = 0; j < all; j++) b[j] = FN(load)(w + j * N);
#pragma GCC unroll 16
    for (int q = 0; q < columns; q++) {
      if (is_edge && (q < begin || q >= end)) continue;
      const V x = FN(splat)((q < 3 ? a0 : q < 6 ? a3 : a6)[q % 3 * k]);
      if (q < OWN(PAIRS_TILE) && mask & 1) acc[2 * q] += x * b[0];
      if (q < OWN(PAIRS_TILE) && mask & 2) acc[2 * q + 1] += x * b[own - 1];
      if (q > 0 && next & 1) acc[2 * q - 2] += x * b[own];
      if (q > 0 && next & 2) acc[2 * q - 1] += x * b[all - 1];
    }
    a0++, a3++, a6++;
    __asm__("" : "+r"(a0), "+r"(a3), "+r"(a6)); /* as in line_steps */
  }
}

/* Pairs from `first` on, of whose pixels dx has `pixels`. */
static __attribute__((noinline)) void OWN(pairs_tile)(const OWN(pairs) * t, int64_t first, T *dx, int64_t pixels) {
  const int n = OWN(PAIRS_TILE);
  V acc[2 * OWN(PAIRS_TILE)];
#pragma GCC unroll 16
  for (int i = 0; i < 2 * n; i++) acc[i] = (V){0};
  for (const OWN(pairs_run) *r = t->runs, *last = r + t->n_runs; r < last; r++) {
    const T *a = t->dy + r->dy + first * t->k, *w = t->weights + r->weights;
    const int64_t begin = -first - r->shift, end = begin + t->cols, k = t->k;
    const int is_edge = begin > 0 || end < n + (r->kind < 2);
#define PAIRS_KIND(kind, mask, next)                                                                                   \
  case kind:                                                                                                           \
    if (is_edge) OWN(pairs_steps)(acc, a, w, k, begin, end, mask, next, 1);                                            \
    else OWN(pairs_steps)(acc, a, w, k, begin, end, mask, next, 0);                                                    \
    break;
    switch (r->kind) {
      PAIRS_KIND(0, 3, 2) PAIRS_KIND(1, 1, 3) PAIRS_KIND(2, 3, 0) PAIRS_KIND(3, 2, 0) PAIRS_KIND(4, 1, 0)
    }
#undef PAIRS_KIND
  }
#pragma GCC unroll 16
  for (int i = 0; i < 2 * n; i++)
    if (i < 2 * n - 1 || i < pixels) FN(store)(dx + i * N, acc[i]);
}

/* The same with lanes of o, of columns of dy at `at`: of weights, which are more, a vector at a time. */
FNN_INLINE void OWN(pairs_lanes)(V *acc, const T *const *at, const T *w, int64_t k, const int mask, const int next) {
  enum { TILE = OWN(PAIRS_LANES_TILE), CHANNELS = OWN(PAIRS_CHANNELS) };
  const int own = OWN(pairs_taps)(mask, 0), all = OWN(pairs_taps)(mask, next);
#pragma GCC unroll 1
  for (int64_t o = 0; o < k; o += N, w += all * CHANNELS * N) {
    V x[TILE + 1];
#pragma GCC unroll 5
    for (int q = 0; q < TILE + (next ? 1 : 0); q++) x[q] = FN(load)(at[q] + o);
#pragma GCC unroll 9
    for (int j = 0; j < all * CHANNELS; j++) {
      const int tap = j / CHANNELS, is_next = tap >= own;
      /* that the tap reaches, of those of a column of dy (`own` of them) and of the next one */
      const int residue = is_next ? (next == 3 ? tap - own : next / 2) : mask == 3 ? tap : mask / 2;
      const V b = FN(load)(w + j * N);
#pragma GCC unroll 4
      for (int p = 0; p < TILE; p++) acc[(2 * p + residue) * CHANNELS + j % CHANNELS] += x[p + is_next] * b;
    }
  }
}

/* A row of dx, of w pixels. Columns outside dy are zeros: to leave them out would take as much code again. Asks for
 * what lies `ahead` elements further than the first run, unless that is 0. */
static __attribute__((noinline)) void OWN(pairs_lanes_row)(const OWN(pairs) * t, T *dx, int64_t w, int64_t ahead) {
  enum { TILE = OWN(PAIRS_LANES_TILE), CHANNELS = OWN(PAIRS_CHANNELS) };
  const int64_t count = fnn_ceil_div(w, 2), k = t->k;
  for (int64_t p = 0; p < count; p += TILE) { /* the last tile may do some pairs again */
    const int64_t first = fnn_min(p, count - TILE);
    V acc[2 * TILE * CHANNELS];
#pragma GCC unroll 24
    for (int i = 0; i < 2 * TILE * CHANNELS; i++) acc[i] = (V){0};
    if (ahead) {
      const T *next = t->dy + t->runs->dy + first * k + ahead;
      for (int64_t i = 0; i < TILE * k; i += FNN_ALIGN / sizeof(T)) __builtin_prefetch(next + i, 0, 2);
    }
    for (const OWN(pairs_run) *r = t->runs, *last = r + t->n_runs; r < last; r++) {
      const T *from = t->dy + r->dy + first * k, *weights = t->weights + r->weights, *at[TILE + 1];
      const int64_t column = first + r->shift;
      if (column >= 0 && column + TILE < t->cols) {
#pragma GCC unroll 5
        for (int q = 0; q <= TILE; q++) at[q] = from + q * k;
      } else {
        for (int q = 0; q <= TILE; q++) at[q] = (uint64_t)(column + q) < (uint64_t)t->cols ? from + q * k : t->zeros;
      }
      switch (r->kind) {
        case 0: OWN(pairs_lanes)(acc, at, weights, k, 3, 2); break;
        case 1: OWN(pairs_lanes)(acc, at, weights, k, 1, 3); break;
        case 2: OWN(pairs_lanes)(acc, at, weights, k, 3, 0); break;
        case 3: OWN(pairs_lanes)(acc, at, weights, k, 2, 0); break;
        default: OWN(pairs_lanes)(acc, at, weights, k, 1, 0);
      }
    }
    T last_pixels[2 * TILE * CHANNELS], *to = dx + 2 * first * CHANNELS;
    const int is_whole = w >= 2 * (first + TILE);
    OWN(lanes_finish)(acc, is_whole ? to : last_pixels, CHANNELS, 2 * TILE, CHANNELS);
    if (!is_whole) memcpy(to, last_pixels, (2 * TILE - 1) * CHANNELS * sizeof(T));
  }
}

/* One unit: images [image, image + images) by rows [row, row + rows) of dx. */
static void OWN(pairs_unit)(const fnn_call *call, const conv_shape *s, conv_bands bands, int64_t unit) {
  const int64_t image = unit / bands.bands * bands.images, row = unit % bands.bands * bands.rows;
  const int64_t images = fnn_min(bands.images, s->n - image), rows = fnn_min(bands.rows, s->h - row);
  OWN(pairs_run) *runs = (OWN(pairs_run) *)call->scratch, *row_runs = runs + s->taps;
  const int64_t n = OWN(pairs_row)(s, row_runs), count = fnn_ceil_div(s->w, 2), dy_row = s->ow * s->cout;
  const int64_t ahead = fnn_max(1, OWN(LANES_AHEAD_BYTES) / (dy_row * (int64_t)sizeof(T))) * dy_row;
  const int is_lanes = OWN(pairs_are_lanes)(s);
  OWN(pairs) t = {.runs = runs, .cols = s->ow, .k = s->cout, .weights = (const T *)call->shared,
                  .zeros = (const T *)call->shared + s->taps * s->cout * s->cin};
  for (int64_t y = row; y < row + rows; y++) {
    t.n_runs = 0;
    for (int64_t ky = 0, oy; ky < s->kh; ky++) {
      if (!conv_shift(y, s->pad_top, ky, s->dilation_h, s->stride_h, &oy) || oy < 0 || oy >= s->oh) continue;
      for (int64_t k = 0; k < n; k++) {
        runs[t.n_runs] = row_runs[k];
        runs[t.n_runs].dy += oy * dy_row;
        runs[t.n_runs++].weights += ky * s->kw * s->cout * s->cin;
      }
    }
    for (int64_t i = image; i < image + images; i++) {
      t.dy = (const T *)call->buf[0] + i * s->oh * dy_row;
      T *dx = (T *)call->buf[2] + (i * s->h + y) * s->w * s->cin;
      if (is_lanes) {
        const int64_t asks = t.n_runs && y % s->stride_h == 0 ? ahead : 0; /* once where other rows read the same */
        OWN(pairs_lanes_row)(&t, dx, s->w, asks);
        continue;
      }
      for (int64_t p = 0; p < count; p += OWN(PAIRS_TILE)) { /* the last tile may do some pairs again */
        const int64_t first = fnn_min(p, count - OWN(PAIRS_TILE));
        const T *next = dx + 2 * first * N + OWN(PAIRS_AHEAD_BYTES) / sizeof(T);
        for (int64_t e = 0; e < 2 * OWN(PAIRS_TILE) * N; e += FNN_ALIGN / sizeof(T)) __builtin_prefetch(next + e, 0, 2);
        OWN(pairs_tile)(&t, first, dx + 2 * first * N, s->w - 2 * first);
      }
    }
  }
  OWN(conv_run_program)(call, (image * s->h + row) * s->w, images * rows * s->w, 0, s->cin,
                        call->scratch + OWN(conv_program_at)(s->taps + s->kw, 0));
}
