/* fourier_body.h: dft, for float32 and for float64. */

static int64_t OWN(dft_units)(const dft_axis *a) {
  return a->inner == 1 ? fnn_ceil_div(a->outer, N) : a->outer * fnn_ceil_div(a->inner, N);
}

static void OWN(dft_size)(const int64_t *ints, fnn_work *work) {
  int64_t longest = 0;
  work->phases = (int32_t)ints[0];
  for (int32_t phase = 0; phase < work->phases; phase++) {
    const dft_axis a = dft_axis_of(ints, phase);
    const double size = (double)a.outer * (double)a.n * (double)a.inner;
    work->units[phase] = OWN(dft_units)(&a);
    work->flops += size * dft_flops(a.factors, a.factor);
    work->bytes += size * 4 * sizeof(T);
    longest = fnn_max(longest, a.n);
  }
  work->scratch_bytes = 4 * longest * N * (int64_t)sizeof(T);
}

FNN_INLINE void OWN(dft_store)(T *to, int64_t at, V re, V im) {
  FN(store)(to + at * OWN(PAIR), re);
  FN(store)(to + at * OWN(PAIR) + N, im);
}

/* All passes of a transform of n numbers in `from`. Returns where the result is, `from` or `to`. */
static T *OWN(dft_passes)(T *to, T *from, int64_t n, int64_t factors, const int64_t *factor, const T *table) {
  T *found = factors % 2 ? to : from;
  OWN(dft_through)(OWN(dft_scratch)(found), OWN(dft_scratch)(from), to, from, n, factors, factor, table);
  return found;
}

/* The first `lanes` lanes of n vectors that are `width` apart, times `scale`, to rows of n elements. */
static void OWN(dft_turn_back)(T *rows, const T *from, int64_t width, int64_t n, int64_t lanes, T scale) {
  for (int64_t t = 0; t < n; t += N) {
    const int64_t some = fnn_min(N, n - t);
    V v[N];
#pragma GCC unroll 16
    for (int j = 0; j < N; j++) v[j] = j < some ? FN(load)(from + (t + j) * width) * FN(splat)(scale) : (V){0};
    OWN(transpose)(v);
    if (lanes == N && some == N) {
#pragma GCC unroll 16
      for (int lane = 0; lane < N; lane++) FN(store)(rows + lane * n + t, v[lane]);
    } else {
      for (int64_t lane = 0; lane < lanes; lane++) FN(store_part)(rows + lane * n + t, v[lane], some);
    }
  }
}

static void OWN(dft)(const fnn_call *call, int64_t begin, int64_t end) {
  const dft_axis a = dft_axis_of(call->ints, call->phase);
  const T *table = (const T *)(call->reals + 1);
  for (int32_t phase = 0; phase < call->phase; phase++) table += 2 * dft_axis_of(call->ints, phase).n;
  const int is_first = call->phase == 0, is_last = call->phase + 1 == call->ints[0];
  const T *x[2] = {(const T *)call->buf[is_first ? 0 : 2], (const T *)call->buf[is_first ? 1 : 3]};
  T *y[2] = {(T *)call->buf[2], (T *)call->buf[3]};
  const T scale = is_last ? (T)call->reals[0] : 1;
  T *scratch = (T *)call->scratch;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t groups = fnn_ceil_div(a.inner, N), i = unit % groups * N;
    const int64_t at = a.inner == 1 ? unit * N * a.n : unit / groups * a.n * a.inner + i;
    const int64_t lanes = fnn_min(N, a.inner == 1 ? a.outer - unit * N : a.inner - i);
    T *found;
    if (a.inner > 1 && lanes == N && a.factors > 0) {
      /* Columns of whole vectors are read where they lie, and written unless they are scaled: the first pass has read
       * all of them before the last one writes, so x may be y. */
      T *here = scratch, *there = scratch + a.n * OWN(PAIR);
      const OWN(dft_line) from = {(T *)x[0] + at, (T *)x[1] + at, a.inner}, to = {y[0] + at, y[1] + at, a.inner};
      found = a.factors % 2 ? here : there;
      OWN(dft_through)(scale == 1 ? to : OWN(dft_scratch)(found), from, here, there, a.n, a.factors, a.factor, table);
      if (scale == 1) continue;
    } else {
      for (int part = 0; part < 2; part++) {
        T *into = scratch + part * N;
        if (a.inner == 1)
          OWN(pack_transposed)(into, OWN(PAIR), x[part] + at, a.n, a.n, lanes);
        else
          for (int64_t t = 0; t < a.n; t++)
            FN(store)(into + t * OWN(PAIR), FN(load_part)(x[part] + at + t * a.inner, lanes));
      }
      found = OWN(dft_passes)(scratch + a.n * OWN(PAIR), scratch, a.n, a.factors, a.factor, table);
    }
    for (int part = 0; part < 2; part++) {
      const T *out = found + part * N;
      if (a.inner == 1)
        OWN(dft_turn_back)(y[part] + at, out, OWN(PAIR), a.n, lanes, scale);
      else
        for (int64_t t = 0; t < a.n; t++)
          FN(store_part)(y[part] + at + t * a.inner, FN(load)(out + t * OWN(PAIR)) * FN(splat)(scale), lanes);
    }
  }
}

/* ---- real numbers to half of their frequencies, and back ---- */

static void OWN(rdft_size)(const int64_t *ints, fnn_work *work) {
  const rdft_shape s = rdft_shape_of(ints);
  const double size = (double)s.outer * (double)s.length;
  work->phases = 1;
  work->units[0] = fnn_ceil_div(s.outer, N);
  work->flops += size * (12 + dft_flops(s.factors, s.factor));
  work->bytes = (double)s.outer * (double)(s.n + s.given) * 2 * sizeof(T);
  work->scratch_bytes = 2 * (s.length + 1) * OWN(PAIR) * (int64_t)sizeof(T);
}

/* `count` vectors of rows of `given` elements, which are cut or filled with zeros. */
static void OWN(rdft_read)(T *to, int64_t width, const T *rows, int64_t given, int64_t count, int64_t lanes) {
  OWN(pack_transposed)(to, width, rows, given, fnn_min(given, count), lanes);
  for (int64_t t = given; t < count; t++) FN(store)(to + t * width, (V){0});
}

/* Twice the frequencies of n = 2 m real numbers from those of m pairs of neighbours: the even numbers have E = Z(k) and
 * the conjugate of Z(m - k) added, the odd ones O their difference by i; what is wanted is E + turn O. The frequencies
 * [k, k + some), at most N, go times `scale` to the first `lanes` rows of m + 1. */
FNN_INLINE void OWN(rdft_apart_of)(T *const rows[2], const T *from, int64_t m, const T *turns, int64_t k, int64_t some,
                                   int64_t lanes, T scale) {
  V re[N], im[N];
#pragma GCC unroll 16
  for (int j = 0; j < N; j++) {
    re[j] = im[j] = (V){0};
    if (j >= some) continue;
    const int64_t here = k + j;
    const T *z = from + (here == m ? 0 : here) * OWN(PAIR), *other = from + (here == 0 ? 0 : m - here) * OWN(PAIR);
    const V z_re = FN(load)(z), z_im = FN(load)(z + N), other_re = FN(load)(other), other_im = FN(load)(other + N);
    V odd_re = z_im + other_im, odd_im = other_re - z_re;
    OWN(dft_turn)(&odd_re, &odd_im, FN(splat)(turns[2 * here]), FN(splat)(turns[2 * here + 1]));
    re[j] = (z_re + other_re + odd_re) * FN(splat)(scale);
    im[j] = (z_im - other_im + odd_im) * FN(splat)(scale);
  }
  OWN(transpose)(re);
  OWN(transpose)(im);
#pragma GCC unroll 16
  for (int lane = 0; lane < N; lane++) {
    if (lane >= lanes) break;
    if (some == N) {
      FN(store)(rows[0] + lane * (m + 1) + k, re[lane]);
      FN(store)(rows[1] + lane * (m + 1) + k, im[lane]);
    } else {
      FN(store_part)(rows[0] + lane * (m + 1) + k, re[lane], some);
      FN(store_part)(rows[1] + lane * (m + 1) + k, im[lane], some);
    }
  }
}

static void OWN(rdft_apart)(T *const rows[2], const T *from, int64_t m, const T *turns, int64_t lanes, T scale) {
  for (int64_t k = 0; k <= m; k += N) {
    const int64_t some = fnn_min(N, m + 1 - k);
    if (some == N && lanes == N) OWN(rdft_apart_of)(rows, from, m, turns, k, N, N, scale);
    else OWN(rdft_apart_of)(rows, from, m, turns, k, some, lanes, scale);
  }
}

static void OWN(rdft)(const fnn_call *call, int64_t begin, int64_t end) {
  const rdft_shape s = rdft_shape_of(call->ints);
  const T *table = (const T *)(call->reals + 1);
  const int64_t m = s.length, count = s.n / 2 + 1;
  const int is_even = s.n % 2 == 0;
  const T scale = (T)(is_even ? call->reals[0] / 2 : call->reals[0]);
  T *here = (T *)call->scratch, *there = here + (m + 1) * OWN(PAIR);
  for (int64_t row = begin * N; row < fnn_min(s.outer, end * N); row += N) {
    const int64_t lanes = fnn_min(N, s.outer - row);
    OWN(rdft_read)(here, is_even ? N : OWN(PAIR), (const T *)call->buf[0] + row * s.given, s.given, s.n, lanes);
    if (!is_even)
      for (int64_t t = 0; t < m; t++) FN(store)(here + t * OWN(PAIR) + N, (V){0});
    const T *found = OWN(dft_passes)(there, here, m, s.factors, s.factor, table);
    T *const y[2] = {(T *)call->buf[1] + row * count, (T *)call->buf[2] + row * count};
    if (is_even) {
      OWN(rdft_apart)(y, found, m, table + 2 * m, lanes, scale);
      continue;
    }
    for (int part = 0; part < 2; part++)
      OWN(dft_turn_back)(y[part], found + part * N, OWN(PAIR), count, lanes, scale);
  }
}

/* The transform is that of numbers whose parts are exchanged, with exchanged parts. So the m pairs of neighbours of
 * n = 2 m real numbers come in their order if the second of a pair is its real part: their frequencies are O + i E. */
static void OWN(irdft_together)(T *to, const T *from, int64_t m, const T *turns) {
  for (int64_t k = 0; k < m; k++) {
    const T *x = from + k * OWN(PAIR), *other = from + (m - k) * OWN(PAIR);
    const V re = FN(load)(x), im = FN(load)(x + N), other_re = FN(load)(other), other_im = FN(load)(other + N);
    const V apart_re = re - other_re, apart_im = im + other_im;
    const V cos = FN(splat)(turns[2 * k]), sin = FN(splat)(turns[2 * k + 1]);
    const V odd_re = cos * apart_re + sin * apart_im, odd_im = cos * apart_im - sin * apart_re;
    OWN(dft_store)(to, k, re + other_re + odd_im, odd_re - (im - other_im));
  }
}

/* All n frequencies from the first half, with exchanged parts. */
static void OWN(irdft_all)(T *to, const T *from, int64_t n) {
  for (int64_t k = 0; k < n; k++) {
    const T *x = from + fnn_min(k, n - k) * OWN(PAIR);
    OWN(dft_store)(to, k, k <= n / 2 ? FN(load)(x + N) : -FN(load)(x + N), FN(load)(x));
  }
}

static void OWN(irdft)(const fnn_call *call, int64_t begin, int64_t end) {
  const rdft_shape s = rdft_shape_of(call->ints);
  const T *table = (const T *)(call->reals + 1);
  const int64_t m = s.length, count = s.n / 2 + 1;
  const int is_even = s.n % 2 == 0;
  T *here = (T *)call->scratch, *there = here + (m + 1) * OWN(PAIR);
  for (int64_t row = begin * N; row < fnn_min(s.outer, end * N); row += N) {
    const int64_t lanes = fnn_min(N, s.outer - row);
    for (int part = 0; part < 2; part++)
      OWN(rdft_read)(here + part * N, OWN(PAIR), (const T *)call->buf[part] + row * s.given, s.given, count, lanes);
    FN(store)(here + N, (V){0}); /* the mean is real, and so is the frequency that is its own conjugate */
    if (is_even) FN(store)(here + m * OWN(PAIR) + N, (V){0});
    if (is_even) OWN(irdft_together)(there, here, m, table + 2 * m);
    else OWN(irdft_all)(there, here, s.n);
    const T *found = OWN(dft_passes)(here, there, m, s.factors, s.factor, table);
    OWN(dft_turn_back)((T *)call->buf[2] + row * s.n, is_even ? found : found + N, is_even ? N : OWN(PAIR), s.n, lanes,
                       (T)call->reals[0]);
  }
}
