/* vmath_error.h: 1 - erf without cancellation, and the inverse of erf, of vectors of float32 (suffix f) and float64
 * (suffix d). Polynomials interpolate at Chebyshev's points, from sums of 50 digits. Errors as in vmath.h: erfc 0.52 in
 * float32, in float64 5.5; erfinv 2, in float64 4. */
#ifndef FNN_VMATH_ERROR_H
#define FNN_VMATH_ERROR_H

#include "vmath.h"

/* The sum of coefficients[k] x^k. */
#define FNN_SERIES(name, V, T, splat)                                                                                  \
  FNN_INLINE V name(const T *coefficients, int count, V x) {                                                           \
    V y = splat(coefficients[count - 1]);                                                                              \
    _Pragma("GCC unroll 32") for (int k = count - 2; k >= 0; k--) y = y * x + coefficients[k];                         \
    return y;                                                                                                          \
  }
FNN_SERIES(fnn_seriesf, fnn_vf, float, fnn_splatf)
FNN_SERIES(fnn_seriesd, fnn_vd, double, fnn_splatd)
#undef FNN_SERIES
#define FNN_SERIES_OF(suffix, coefficients, x)                                                                         \
  fnn_series##suffix(coefficients, sizeof coefficients / sizeof *coefficients, x)

/* erfc is e^(-t^2) times a polynomial in (t - 4) / (t + 4) over 1 + 2 t, t = |x|; below 0 that from 2. It is 0 where t
 * is cut. */

/* Of numbers that were float32, within 2^-29. */
FNN_INLINE fnn_vd fnn_erfc_of_narrow(fnn_vd x) {
  static const double tail[] = {
    1.2329951187, -0.13962113071, 0.01537962929, 0.068097833407, -0.1010378059, 0.093721315209, -0.066354688166,
    0.037221858742, -0.016024266334, 0.0050435844066, -0.0011364566256, -0.00064192943619};
  const fnn_vd t = fnn_mind(fnn_splatd(11.0), fnn_absd(x)), under = t + t + 1.0, next = t + 4.0;
  const fnn_vd inverse = 1.0 / (under * next), bell = fnn_exp2_of_narrow(t * t * -1.4426950408889634);
  const fnn_vd y = bell * FNN_SERIES_OF(d, tail, (t - 4.0) * under * inverse) * (next * inverse);
  return fnn_selectd(x < 0.0, 2.0 - y, y);
}
FNN_INLINE fnn_vf fnn_erfcf(fnn_vf x) {
  return fnn_joined(fnn_erfc_of_narrow(fnn_lower_half(x)), fnn_erfc_of_narrow(fnn_upper_half(x)));
}

/* What rounding takes from t^2 of t >= 0; its upper half squared is exact. */
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
FNN_INLINE fnn_vd fnn_square_restd(fnn_vd t, fnn_vd square) { return fnn_multiply_addd(t, t, -square); }
#else
FNN_INLINE fnn_vd fnn_square_restd(fnn_vd t, fnn_vd square) {
  const fnn_vd high = (fnn_vd)((fnn_vi64)t & -((int64_t)1 << 27));
  return (high * high - square) + (t + high) * (t - high);
}
#endif
FNN_INLINE fnn_vd fnn_erfcd(fnn_vd x) {
  static const double tail[] = {
    1.2329951186255526, -0.13962111684056228, 0.015379652102619974, 0.06809705425466839, -0.10103906603631811,
    0.09373283499911264, -0.06633036581186058, 0.037167515526338006, -0.01619773406293477, 0.005031970069102256,
    -0.0007577732435942576, -0.0001992571524726518, 0.00015062142608651945, -2.4397731143023292e-05,
    -1.1221135665965907e-05, 5.70657829924074e-06, 2.9173425573089733e-07, -8.210647933297337e-07,
    7.771943241086912e-08, 1.0631817593818149e-07, -2.0725802488181963e-08, -1.2338731403798444e-08,
    3.2323973445082033e-09, 9.297625263709659e-10, -2.764120233734578e-10};
  const fnn_vd t = fnn_mind(fnn_splatd(28.0), fnn_absd(x)), square = t * t;
  const fnn_vd bell = fnn_expd(-square), rest = fnn_square_restd(t, square);
  const fnn_vd y = (bell - bell * rest) * FNN_SERIES_OF(d, tail, (t - 4.0) / (t + 4.0)) / (t + t + 1.0);
  return fnn_selectd(x < 0.0, 2.0 - y, y);
}

/* erfinv(x) / x by w = -log(1 - x^2) up to 6.25, from there by its root: each moved to [-1, 1]. Of float32 1 - x and
 * 1 + x are exact where it counts, and what is rounded of w counts less where it is a factor. */
FNN_RARE fnn_vf fnn_erfinvf(fnn_vf x) {
  static const float near[] = {0.245576844f, -0.00541867742f, -0.0134366537f, 0.00620357616f, -0.000503563625f,
                               -0.000822607653f, 0.000409757952f, -9.08313994e-06f, -6.37689424e-05f, 1.75199267e-05f,
                               1.60716026e-06f};
  static const float far[] = {3.0838855957f, 0.75394402794f, 0.0030216981781f, -0.0015798459501f, 0.00078480750329f,
                              -0.00041039258138f, 0.00017755842153f, -3.4598798991e-05f, -5.0855624666e-06f};
  const fnn_vf w = fnn_minf(fnn_splatf(37.0f), -fnn_logf((1.0f - x) * (x + 1.0f))); /* infinite at 1 */
  fnn_vf y = FNN_SERIES_OF(f, near, w * 0.32f - 1.0f) * w + 0.886226925f;
  const fnn_vi32 is_far = ~(w < 6.25f);
  if (fnn_anyf(is_far)) {
    const fnn_vf root = fnn_sqrtf(w);
    y = fnn_selectf(is_far, FNN_SERIES_OF(f, far, (root - 3.25f) * 1.33333333f), y);
    y = fnn_selectf(fnn_absf(x) == 1.0f, fnn_splatf(INFINITY), y);
  }
  return x * y;
}
FNN_RARE fnn_vd fnn_erfinvd(fnn_vd x) {
  static const double near[] = {
    1.6536545626831027, 0.7504943200799679, -0.058922567103779404, -0.022604447453825078, 0.017808361818432112,
    -0.00413731436767485, -0.001271692271958298, 0.0012324854519911068, -0.00026439362645934515,
    -0.0001168880630842072, 9.336711350835166e-05, -1.5030870369108395e-05, -1.125619146677325e-05,
    7.1383125443102916e-06, -6.866552594632471e-07, -1.0734591410364882e-06, 5.444465821755199e-07,
    5.601549819901144e-09, -1.0426210588989032e-07, 2.8085454480599277e-08, 8.699377880241274e-09,
    -4.138396507936207e-09, -1.8199034168726056e-11};
  static const double far[] = {
    3.0838856104922208, 0.7539442257706194, 0.0030211394363764865, -0.0015825410891285008, 0.0007883078512000405,
    -0.0004006357032703787, 0.00016966502384997928, -4.739178791780613e-05, 2.405849826863639e-06,
    5.1271458282959595e-06, -2.6647290027131336e-06, 5.268978286875368e-07, 9.272847268010501e-08,
    -9.536038433614285e-08, 2.6652555523279727e-08, 2.448720579642754e-10, -2.6921670135260728e-09,
    6.819336997989723e-10, -2.159829264980955e-12};
  static const double farthest[] = {
    4.90042105144364, 1.0607992684776442, -0.00018726854586198106, -0.00023188618593541786, 8.659304819060866e-05,
    -2.345109295047576e-05, 5.6201715530804584e-06, -1.2762899251092935e-06, 2.9784272752046645e-07,
    -8.54561090262358e-08, 3.568053169124916e-08, -1.871544162968638e-08, 1.0170785118273821e-08,
    -5.4511616354438874e-09, 2.3514054740846664e-09, -5.233957122613893e-10, 1.1308535800944148e-11};
  const fnn_vd w = fnn_mind(fnn_splatd(37.0), -fnn_logd((1.0 - x) * (x + 1.0)));
  fnn_vd y = FNN_SERIES_OF(d, near, w * 0.32 - 1.0);
  const fnn_vi64 is_far = ~(w < 6.25);
  if (fnn_anyd(is_far)) {
    const fnn_vd root = fnn_sqrtd(w);
    const fnn_vi64 is_farthest = root >= 4.0;
    fnn_vd z = FNN_SERIES_OF(d, far, (root - 3.25) * (1 / 0.75));
    if (fnn_anyd(is_farthest))
      z = fnn_selectd(is_farthest, FNN_SERIES_OF(d, farthest, (root - 5.05) * (1 / 1.05)), z);
    y = fnn_selectd(is_far, z, y);
    y = fnn_selectd(fnn_absd(x) == 1.0, fnn_splatd(INFINITY), y);
  }
  return x * y;
}
#undef FNN_SERIES_OF

#endif
