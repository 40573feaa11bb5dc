/* fourier_passes_body.h: transforms of vectors of complex numbers, a factor of their number after the other. A lane is
 * a transform of its own. For float32 and for float64. */

/* Of scratch a vector of real parts is followed by one of imaginary parts. */
enum { OWN(PAIR) = 2 * N };

/* Complex vectors: number t has its parts at re + t * step and im + t * step. */
typedef struct {
  T *re, *im;
  int64_t step;
} OWN(dft_line);

FNN_INLINE OWN(dft_line) OWN(dft_scratch)(T *at) { return (OWN(dft_line)){at, at + N, OWN(PAIR)}; }

/* The transforms of the numbers 0 and 1, and of 0, s, 2 s and 3 s, in place. */
FNN_INLINE void OWN(dft_2)(V *re, V *im) {
  const V x = re[1], y = im[1];
  re[1] = re[0] - x, im[1] = im[0] - y;
  re[0] += x, im[0] += y;
}
FNN_INLINE void OWN(dft_4)(V *re, V *im, const int s) {
  const V re_even = re[0] + re[2 * s], im_even = im[0] + im[2 * s], re_odd = re[s] + re[3 * s],
          im_odd = im[s] + im[3 * s];
  const V re_low = re[0] - re[2 * s], im_low = im[0] - im[2 * s], re_high = im[s] - im[3 * s],
          im_high = re[3 * s] - re[s];
  re[0] = re_even + re_odd, im[0] = im_even + im_odd;
  re[s] = re_low + re_high, im[s] = im_low + im_high;
  re[2 * s] = re_even - re_odd, im[2 * s] = im_even - im_odd;
  re[3 * s] = re_low - re_high, im[3 * s] = im_low - im_high;
}

/* A number times cos + i sin. */
FNN_INLINE void OWN(dft_turn)(V *re, V *im, V cos, V sin) {
  const V x = *re, y = *im;
  *re = x * cos - y * sin;
  *im = x * sin + y * cos;
}

/* A number turned by -e / 16. */
FNN_INLINE void OWN(dft_sixteenths)(V *re, V *im, const int e) {
  const V x = *re, y = *im, half = FN(splat)((T)0.70710678118654752440);
  const V cos = FN(splat)((T)0.92387953251128675613), sin = FN(splat)((T)-0.38268343236508977173);
  if (e == 1) OWN(dft_turn)(re, im, cos, sin);
  if (e == 2) *re = (x + y) * half, *im = (y - x) * half;
  if (e == 3) OWN(dft_turn)(re, im, -sin, -cos);
  if (e == 4) *re = y, *im = -x;
  if (e == 6) *re = (y - x) * half, *im = -(x + y) * half;
  if (e == 9) OWN(dft_turn)(re, im, -cos, -sin);
}

/* The transform of `factor` numbers, in place: that of frequency k is at the place that dft_place tells. Of an odd
 * factor numbers j and factor - j are added and subtracted first, as their cosines are the same and their sines
 * opposite. The cosines and sines are those of j / factor. */
FNN_INLINE void OWN(dft_few)(V *re, V *im, const int factor, const T *cos, const T *sin) {
  if (factor == 2) {
    OWN(dft_2)(re, im);
  } else if (factor % 4 == 0) {
    const int s = factor / 4; /* fours of every s-th number, then transforms of s */
#pragma GCC unroll 4
    for (int j = 0; j < s; j++) OWN(dft_4)(re + j, im + j, s);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
#pragma GCC unroll 4
      for (int j = 1; j < s; j++) OWN(dft_sixteenths)(re + s * k + j, im + s * k + j, j * k * (4 / s));
      if (s == 2) OWN(dft_2)(re + s * k, im + s * k);
      if (s == 4) OWN(dft_4)(re + s * k, im + s * k, 1);
    }
  } else {
    V sum_re[DFT_MAX_FACTOR / 2 + 1], sum_im[DFT_MAX_FACTOR / 2 + 1], apart_re[DFT_MAX_FACTOR / 2 + 1],
      apart_im[DFT_MAX_FACTOR / 2 + 1];
    const V first_re = re[0], first_im = im[0];
#pragma GCC unroll 4
    for (int j = 1; j <= factor / 2; j++) {
      sum_re[j] = re[j] + re[factor - j], sum_im[j] = im[j] + im[factor - j];
      apart_re[j] = re[j] - re[factor - j], apart_im[j] = im[j] - im[factor - j];
      re[0] += sum_re[j], im[0] += sum_im[j];
    }
#pragma GCC unroll 4
    for (int k = 1; k <= factor / 2; k++) {
      V same_re = first_re, same_im = first_im, other_re = {0}, other_im = {0};
#pragma GCC unroll 4
      for (int j = 1, turn = k; j <= factor / 2; j++, turn += turn + k < factor ? k : k - factor) {
        const V c = FN(splat)(cos[turn]), s = FN(splat)(sin[turn]);
        same_re += sum_re[j] * c, same_im += sum_im[j] * c;
        other_re += apart_im[j] * s, other_im += apart_re[j] * s;
      }
      re[k] = same_re - other_re, im[k] = same_im + other_im;
      re[factor - k] = same_re + other_re, im[factor - k] = same_im - other_im;
    }
  }
}

FNN_INLINE int OWN(dft_place)(int k, const int factor) {
  return factor % 4 == 0 ? k % 4 * (factor / 4) + k / 4 : k;
}

/* The butterflies of one p of a pass. */
FNN_INLINE void OWN(dft_butterflies)(OWN(dft_line) to, OWN(dft_line) from, const int factor, int64_t done,
                                     int64_t apart, const T *turns, int64_t turn, const T *cos, const T *sin) {
  for (int64_t q = 0; q < done; q++, to.re += to.step, to.im += to.step, from.re += from.step, from.im += from.step) {
    V re[DFT_MAX_FACTOR], im[DFT_MAX_FACTOR];
#pragma GCC unroll 16
    for (int j = 0; j < factor; j++) re[j] = FN(load)(from.re + j * apart), im[j] = FN(load)(from.im + j * apart);
    OWN(dft_few)(re, im, factor, cos, sin);
#pragma GCC unroll 16
    for (int k = 0; k < factor; k++) {
      V *a = re + OWN(dft_place)(k, factor), *b = im + OWN(dft_place)(k, factor);
      if (turns && k) OWN(dft_turn)(a, b, FN(splat)(turns[k * turn]), FN(splat)(turns[k * turn + 1]));
      FN(store)(to.re + k * done * to.step, *a);
      FN(store)(to.im + k * done * to.step, *b);
    }
  }
}

/* One pass: `done` is the product of the factors before, `rest` of those after this one. The table has n entries. */
FNN_INLINE void OWN(dft_pass_by)(OWN(dft_line) to, OWN(dft_line) from, const int factor, int64_t done, int64_t rest,
                                 const T *table) {
  const int64_t apart = done * rest * from.step;
  T cos[DFT_MAX_FACTOR], sin[DFT_MAX_FACTOR]; /* of the transform of `factor` numbers */
  if (factor % 2)
    for (int64_t j = 0; j < factor; j++) {
      cos[j] = table[2 * j * done * rest];
      sin[j] = table[2 * j * done * rest + 1];
    }
  OWN(dft_butterflies)(to, from, factor, done, apart, NULL, 0, cos, sin);
  for (int64_t p = 1; p < rest; p++) {
    from.re += done * from.step, from.im += done * from.step;
    to.re += factor * done * to.step, to.im += factor * done * to.step;
    OWN(dft_butterflies)(to, from, factor, done, apart, table, 2 * p * done, cos, sin);
  }
}

static __attribute__((noinline)) void OWN(dft_pass)(OWN(dft_line) to, OWN(dft_line) from, int64_t factor, int64_t done,
                                                    int64_t rest, const T *table) {
  FNN_REQUIRE(factor <= DFT_MAX_FACTOR);
  switch (factor) {
  case 2: OWN(dft_pass_by)(to, from, 2, done, rest, table); break;
  case 3: OWN(dft_pass_by)(to, from, 3, done, rest, table); break;
  case 4: OWN(dft_pass_by)(to, from, 4, done, rest, table); break;
  case 5: OWN(dft_pass_by)(to, from, 5, done, rest, table); break;
  case 7: OWN(dft_pass_by)(to, from, 7, done, rest, table); break;
  case 8: OWN(dft_pass_by)(to, from, 8, done, rest, table); break;
  case 16: OWN(dft_pass_by)(to, from, 16, done, rest, table); break;
  default: OWN(dft_pass_by)(to, from, (int)factor, done, rest, table);
  }
}

/* All passes of a transform of n numbers, by way of `here` and `there`, which have room for n pairs. Neither may be
 * `from` or `to`, but for two: `to` may be `here` of an odd number of passes, `there` of an even one, and `from`
 * `there`. */
FNN_INLINE void OWN(dft_through)(OWN(dft_line) to, OWN(dft_line) from, T *here, T *there, int64_t n, int64_t factors,
                            const int64_t *factor, const T *table){
  for (int64_t k = 0, done = 1; k < factors; done *= factor[k++]) {
    const OWN(dft_line) next = k + 1 < factors ? OWN(dft_scratch)(k % 2 ? there : here) : to;
    OWN(dft_pass)(next, from, factor[k], done, n / (done * factor[k]), table);
    from = next;
  }
}
