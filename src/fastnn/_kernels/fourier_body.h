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
    for (int64_t k = 0; k < a.factors; k++) work->flops += size * (double)(a.factor[k] == 4 ? 9 : 8 * a.factor[k]);
    work->bytes += size * 4 * sizeof(T);
    longest = fnn_max(longest, a.n);
  }
  work->scratch_bytes = 4 * longest * N * (int64_t)sizeof(T);
}

/* n vectors of real parts, n of imaginary parts behind them. */
typedef struct {
  T *re, *im;
} OWN(complexes);

/* Stores a number times cos + i sin, or as it is. */
FNN_INLINE void OWN(dft_put)(OWN(complexes) to, int64_t at, V re, V im, int turns, V cos, V sin) {
  FN(store)(to.re + at * N, turns ? re * cos - im * sin : re);
  FN(store)(to.im + at * N, turns ? re * sin + im * cos : im);
}

/* One pass: `done` is the product of the factors before, `rest` of those after this one. Of table entries there are n. */
static void OWN(dft_pass)(OWN(complexes) to, OWN(complexes) from, int64_t factor, int64_t done, int64_t rest,
                          const double *table) {
  const int64_t apart = done * rest, n = apart * factor;
  T cos[DFT_MAX_FACTOR], sin[DFT_MAX_FACTOR]; /* of the transform of `factor` numbers */
  FNN_REQUIRE(factor <= DFT_MAX_FACTOR);
  for (int64_t j = 0; j < factor; j++) {
    cos[j] = (T)table[2 * j * (n / factor)];
    sin[j] = (T)table[2 * j * (n / factor) + 1];
  }
  for (int64_t p = 0; p < rest; p++) {
    V turn_cos[DFT_MAX_FACTOR], turn_sin[DFT_MAX_FACTOR];
    for (int64_t k = 0; k < factor; k++) {
      turn_cos[k] = FN(splat)((T)table[2 * p * k * done]);
      turn_sin[k] = FN(splat)((T)table[2 * p * k * done + 1]);
    }
    for (int64_t q = 0; q < done; q++) {
      const T *re = from.re + (q + done * p) * N, *im = from.im + (q + done * p) * N;
      const int64_t at = q + done * factor * p;
      if (factor == 2) {
        const V re0 = FN(load)(re), im0 = FN(load)(im), re1 = FN(load)(re + apart * N), im1 = FN(load)(im + apart * N);
        FN(store)(to.re + at * N, re0 + re1);
        FN(store)(to.im + at * N, im0 + im1);
        OWN(dft_put)(to, at + done, re0 - re1, im0 - im1, p > 0, turn_cos[1], turn_sin[1]);
      } else if (factor == 4) {
        const V re0 = FN(load)(re), re1 = FN(load)(re + apart * N), re2 = FN(load)(re + 2 * apart * N),
                re3 = FN(load)(re + 3 * apart * N), im0 = FN(load)(im), im1 = FN(load)(im + apart * N),
                im2 = FN(load)(im + 2 * apart * N), im3 = FN(load)(im + 3 * apart * N);
        const V re_even = re0 + re2, im_even = im0 + im2, re_odd = re1 + re3, im_odd = im1 + im3;
        const V re_low = re0 - re2, im_low = im0 - im2, re_high = im1 - im3, im_high = re3 - re1;
        FN(store)(to.re + at * N, re_even + re_odd);
        FN(store)(to.im + at * N, im_even + im_odd);
        OWN(dft_put)(to, at + done, re_low + re_high, im_low + im_high, p > 0, turn_cos[1], turn_sin[1]);
        OWN(dft_put)(to, at + 2 * done, re_even - re_odd, im_even - im_odd, p > 0, turn_cos[2], turn_sin[2]);
        OWN(dft_put)(to, at + 3 * done, re_low - re_high, im_low - im_high, p > 0, turn_cos[3], turn_sin[3]);
      } else {
        for (int64_t k = 0; k < factor; k++) {
          V sum_re = FN(load)(re), sum_im = FN(load)(im);
          for (int64_t j = 1, turn = k; j < factor; j++, turn = turn + k < factor ? turn + k : turn + k - factor) {
            const V x_re = FN(load)(re + j * apart * N), x_im = FN(load)(im + j * apart * N);
            const V c = FN(splat)(cos[turn]), s = FN(splat)(sin[turn]);
            sum_re += x_re * c - x_im * s;
            sum_im += x_re * s + x_im * c;
          }
          OWN(dft_put)(to, at + k * done, sum_re, sum_im, p > 0, turn_cos[k], turn_sin[k]);
        }
      }
    }
  }
}

/* The first `lanes` lanes of n vectors, times `scale`, to rows of n elements. */
static void OWN(dft_turn_back)(T *rows, const T *from, int64_t n, int64_t lanes, T scale) {
  for (int64_t t = 0; t < n; t += N) {
    const int64_t some = fnn_min(N, n - t);
    V v[N];
#pragma GCC unroll 16
    for (int j = 0; j < N; j++) v[j] = j < some ? FN(load)(from + (t + j) * N) * FN(splat)(scale) : (V){0};
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
  const double *table = call->reals + 1;
  for (int32_t phase = 0; phase < call->phase; phase++) table += 2 * dft_axis_of(call->ints, phase).n;
  const int is_first = call->phase == 0, is_last = call->phase + 1 == call->ints[0];
  const T *x[2] = {(const T *)call->buf[is_first ? 0 : 2], (const T *)call->buf[is_first ? 1 : 3]};
  T *y[2] = {(T *)call->buf[2], (T *)call->buf[3]};
  const T scale = is_last ? (T)call->reals[0] : 1;
  T *scratch = (T *)call->scratch;
  for (int64_t unit = begin; unit < end; unit++) {
    OWN(complexes) from = {scratch, scratch + a.n * N}, to = {scratch + 2 * a.n * N, scratch + 3 * a.n * N};
    const int64_t groups = fnn_ceil_div(a.inner, N), i = unit % groups * N;
    const int64_t at = a.inner == 1 ? unit * N * a.n : unit / groups * a.n * a.inner + i;
    const int64_t lanes = fnn_min(N, a.inner == 1 ? a.outer - unit * N : a.inner - i);
    for (int part = 0; part < 2; part++) {
      T *into = part ? from.im : from.re;
      if (a.inner == 1)
        OWN(pack_transposed)(into, N, x[part] + at, a.n, a.n, lanes);
      else
        for (int64_t t = 0; t < a.n; t++) FN(store)(into + t * N, FN(load_part)(x[part] + at + t * a.inner, lanes));
    }
    for (int64_t k = 0, done = 1; k < a.factors; done *= a.factor[k++]) {
      OWN(dft_pass)(to, from, a.factor[k], done, a.n / (done * a.factor[k]), table);
      const OWN(complexes) other = from;
      from = to;
      to = other;
    }
    for (int part = 0; part < 2; part++) {
      const T *out = part ? from.im : from.re;
      if (a.inner == 1)
        OWN(dft_turn_back)(y[part] + at, out, a.n, lanes, scale);
      else
        for (int64_t t = 0; t < a.n; t++)
          FN(store_part)(y[part] + at + t * a.inner, FN(load)(out + t * N) * FN(splat)(scale), lanes);
    }
  }
}
