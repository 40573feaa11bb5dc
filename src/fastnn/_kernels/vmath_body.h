/* vmath_body.h: the part of vmath.h that is written once for both types; see types_f32.h for T, V, M, N and FN. */

FNN_INLINE V FN(splat1)(T x) { return (V){0} + x; }

/* One lane at a time through the C library or an instruction that vectors have but vector types do not. */
#define LANES1(name, call)                                                                                             \
  FNN_INLINE V FN(name)(V x) {                                                                                         \
    V y = x;                                                                                                           \
    for (int k = 0; k < N; k++) y[k] = (T)call(x[k]);                                                                  \
    return y;                                                                                                          \
  }

/* The compiler turns the loops of these five into single instructions. */
#define LIBM(name) _Generic((T)0, float: name##f, double: name)
LANES1(sqrt, LIBM(__builtin_sqrt))
LANES1(floor, LIBM(__builtin_floor))
LANES1(ceil, LIBM(__builtin_ceil))
LANES1(trunc, LIBM(__builtin_trunc))
LANES1(rint, LIBM(__builtin_rint)) /* half to even */

FNN_INLINE V FN(exp)(V x) {
  x = FN(max)(FN(splat)(FN(EXP_LEAST)), x);
  return FN(exp_inside)(FN(min)(FN(splat)(FN(EXP_MOST)), x));
}

/* e^-|x|. */
FNN_INLINE V FN(exp_minus_abs)(V x) { return FN(exp_inside)(FN(max)(FN(splat)(FN(EXP_LEAST)), -FN(abs)(x))); }

FNN_INLINE V FN(expm1)(V x) {
  x = FN(max)(FN(splat)(-44), x); /* e^-44 is far less than half an ulp of 1 */
  V k, root, p = FN(exp_parts)(FN(min)(FN(splat)(FN(EXP_MOST)), x), &k, &root, 2, 4);
  V scale = FN(whole_exp2)(k - 1, root); /* one less, so that the largest k is in range */
  V y = (scale * p + (scale - (T)0.5)) * 2;
  return FN(copysign)(FN(select)(k == 0, p, y), x); /* -0 gives -0 */
}

/* sigmoid = e / (e + 1) with e = e^x, so that the small tail keeps its digits; e^40 is far more than 1 has. */
FNN_INLINE V FN(sigmoid_exp)(V x) {
  return FN(exp_inside)(FN(min)(FN(splat)(40), FN(max)(FN(splat)(FN(EXP_LEAST)), x)));
}

FNN_INLINE V FN(sigmoid)(V x) {
  V e = FN(sigmoid_exp)(x);
  return e / (e + 1);
}

/* |tanh| = -e / (e + 2) with e = e^-2|x| - 1, exact in the limit of small x, and 1 to the last bit at 22. */
FNN_INLINE V FN(tanh_exp)(V x) {
  V k, root, p = FN(exp_parts)(FN(max)(FN(splat)(-44), -FN(abs)(x + x)), &k, &root, 1, 4);
  V scale = FN(whole_exp2)(k, root);
  return scale * p + (scale - 1);
}

FNN_INLINE V FN(tanh)(V x) {
  V e = FN(tanh_exp)(x);
  return FN(copysign)(e / (e + 2), x);
}

/* sigmoid(a) tanh(b) */
FNN_INLINE V FN(sigmoid_tanh)(V a, V b) {
  V e = FN(sigmoid_exp)(a), f = FN(tanh_exp)(b);
  return FN(copysign)(e * f / ((e + 1) * (f + 2)), b);
}

/* 1 + x is rounded: what it is off by is put back. */
FNN_INLINE V FN(log1p)(V x) {
  const V u = x + 1;
  return FN(select)(x == 0, x, FN(log_of_parts)(u, x - (u - 1))); /* keeps the sign of zero */
}

/* log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|. Where 1 + e is above sqrt(2) that is log(2) + log((1 + e) / 2). */
FNN_INLINE V FN(softplus)(V x) {
  V e = FN(exp_minus_abs)(x);
  M is_large = e > (T)0.41421356237309504880;
  V f = FN(select)(is_large, e * (T)0.5 - (T)0.5, e);
  V y = f + FN(log_poly)(f);
  y = FN(select)(is_large, y + (T)0.69314718055994530942, y);
  return y + FN(select)(x < 0, (V){0}, x);
}

/* Quadrants 0..3: sin, cos, -sin, -cos of the reduced angle. */
FNN_INLINE V FN(sin_quadrant)(V r, M quadrant) {
  V y = FN(select)((quadrant & 1) != 0, FN(cos_poly)(r), FN(sin_poly)(r));
  return FN(select)((quadrant & 2) != 0, -y, y);
}

/* Functions that are quick but of rare lanes: quick_ marks those, of which rest_ finds the result. So a loop asks once
 * for several vectors, and the compiler has no branch between them. */

/* Within 10^5, where the reduction is exact enough; the C library's beyond. */
#define TRIGONOMETRIC(name)                                                                                            \
  LANES1(libm_##name, LIBM(name))                                                                                      \
  static __attribute__((noinline, unused)) V FN(rest_##name)(const V *x, V y, FN(rare) is_rare) {                      \
    return FN(select)(FN(rare_lanes)(is_rare), FN(libm_##name)(*x), y);                                                \
  }                                                                                                                    \
  FNN_INLINE V FN(quick_##name)(const V *x, FN(rare) *is_rare) {                                                       \
    M quadrant;                                                                                                        \
    const V r = FN(trig_reduce)(*x, &quadrant);                                                                        \
    *is_rare = FN(beyond)(FN(abs)(*x), (T)FN(TRIG_LIMIT));                                                             \
    return FN(name##_reduced)(*x, r, quadrant);                                                                        \
  }
FNN_INLINE V FN(sin_reduced)(V x, V r, M quadrant) {
  return FN(select)(x == 0, x, FN(sin_quadrant)(r, quadrant)); /* -0 gives -0 */
}
FNN_INLINE V FN(cos_reduced)(V x, V r, M quadrant) { return ((void)x, FN(sin_quadrant)(r, quadrant + 1)); }
/* sin / cos, or -cos / sin in the odd quadrants. */
FNN_INLINE V FN(tan_reduced)(V x, V r, M quadrant) {
  V s = FN(sin_poly)(r), c = FN(cos_poly)(r);
  M is_odd = (quadrant & 1) != 0;
  return FN(select)(x == 0, x, FN(select)(is_odd, -c, s) / FN(select)(is_odd, s, c));
}
TRIGONOMETRIC(sin)
TRIGONOMETRIC(cos)
TRIGONOMETRIC(tan)
#undef TRIGONOMETRIC

/* x^y of p = |x|^y: its sign, and the special cases of C's pow. */
FNN_INLINE V FN(power_cases)(V x, V y, V p) {
  const V whole = FN(trunc)(y), one = FN(splat)(1);
  const M is_negative = (M)x < 0, is_odd = (whole == y) & (FN(trunc)((T)0.5 * y) * 2 != y);
  p = FN(select)(is_negative & is_odd, -p, p);
  p = FN(select)((x < 0) & (x > -(T)INFINITY) & (whole != y), FN(splat)((T)NAN), p);
  return FN(select)((y == 0) | (x == 1) | ((x == -1) & (FN(abs)(y) == (T)INFINITY)), one, p);
}

/* The same of a p that may be wrong where x is 0, infinite or NaN, and where y is NaN or so large that |x|^y is 0 or
 * infinite, or 1 of an x that is. Next to 1 the logarithm is |x| - 1. */
FNN_INLINE V FN(power_rest)(V x, V y, V p) {
  const V size = FN(abs)(x);
  const M is_far = ~(FN(abs)(y) < (T)fnn_POW_LIMIT) & ~(FN(abs)((size - 1) * y) < (T)0x1p20);
  const M is_up = (size > 1) == (y > 0);
  p = FN(select)((size == 0) | ~(size < (T)INFINITY) | is_far, (V)(is_up & (M)FN(splat)((T)INFINITY)), p);
  return FN(power_cases)(x, y, FN(select)((x != x) | (y != y), x + y, p));
}
#undef LANES1
#undef LIBM
