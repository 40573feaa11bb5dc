/* vmath_rare.h: elementary functions of vectors that networks rarely use, of float32 (suffix f) and float64 (suffix d).
 * Each but arctan2 is a function of its own: the loops that call them are short, and lie behind what others run.
 *
 * Errors as in vmath.h: arctan2 0.51 and arctan 0.7 in float32; arctan, arcsin, arccos and cbrt 0.85; exp2 1.1;
 * sinh, cosh and arctanh 1.5; arccosh 1.6; arcsinh 1.7. */
#ifndef FNN_VMATH_RARE_H
#define FNN_VMATH_RARE_H

#include "vmath.h"

/* Of a function that few programs call: behind the others, so that those lie on fewer pages. */
#ifdef __ELF__
#define APART(name) __attribute__((section(".text." name)))
#else
#define APART(name)
#endif
#define FNN_RARE static __attribute__((noinline, unused)) APART("slow")
/* Of one that with vectors of 512 bits waits for a call as long as for what it does. */
#if defined(FNN_ISA_AVX512)
#define FNN_SHORT FNN_INLINE
#else
#define FNN_SHORT FNN_RARE
#endif

/* atan2(y, x) of numbers that were float32, within 2^-35: of the smaller over the greater by a polynomial in
 * [0, tan(pi / 8)], to which pi / 4 and the other angles are brought. */
FNN_INLINE fnn_vd fnn_arctan2_of_narrow(fnn_vd y, fnn_vd x) {
  const fnn_vd a = fnn_absd(y), b = fnn_absd(x), one = fnn_splatd(1.0);
  fnn_vd low = fnn_mind(a, b), high = fnn_maxd(a, b);
  high = fnn_selectd(low == INFINITY, one, high);
  low = fnn_selectd(low == INFINITY, one, low);
  const fnn_vi64 is_steep = low > high * 0.41421356237309504880;
  fnn_vd z = fnn_selectd(is_steep, low - high, low) / fnn_selectd(is_steep, low + high, high);
  z = fnn_selectd(high == 0.0, high, z);
  const fnn_vd w = z * z;
  fnn_vd p = w * 0.047482742364041530171 - 0.084784056299993231854;
  p = p * w + 0.11045093420646115583;
  p = p * w - 0.14282042062430740861;
  p = p * w + 0.19999905186281067632;
  p = p * w - 0.33333332514598840517;
  fnn_vd r = p * w * z + z;
  r = fnn_selectd(is_steep, r + 0.78539816339744830962, r);
  r = fnn_selectd(a > b, 1.57079632679489661923 - r, r);
  r = fnn_copysignd(fnn_selectd((fnn_vi64)x < 0, 3.14159265358979323846 - r, r), y);
  return fnn_selectd((x != x) | (y != y), x + y, r);
}
/* asin(s) - s over s, of t = s^2 up to 1/4; of float64 by fdlibm's e_asin.c. */
FNN_INLINE fnn_vf fnn_arcsin_restf(fnn_vf t) {
  fnn_vf p = t * 0.0422185473f + 0.0241476111f;
  p = p * t + 0.0454770960f;
  p = p * t + 0.0749524161f;
  p = p * t + 0.166667536f;
  return p * t;
}
FNN_INLINE fnn_vd fnn_arcsin_restd(fnn_vd t) {
  fnn_vd p = t * 3.47933107596021167570e-05 + 7.91534994289814532176e-04;
  p = p * t - 4.00555345006794114027e-02;
  p = p * t + 2.01212532134862925881e-01;
  p = p * t - 3.25565818622400915405e-01;
  p = p * t + 1.66666666666666657415e-01;
  fnn_vd q = t * 7.70381505559019352791e-02 - 6.88283971605453293030e-01;
  q = q * t + 2.02094576023350569471e+00;
  q = q * t - 2.40339491173441421878e+00;
  return t * p / (q * t + 1.0);
}

/* sinh(a) - a over a^3, of w = a^2 up to 1. */
FNN_INLINE fnn_vf fnn_sinh_restf(fnn_vf w) {
  return ((w * 2.81743974e-6f + 1.98360663e-4f) * w + 8.33335053e-3f) * w + 0.166666672f;
}
FNN_INLINE fnn_vd fnn_sinh_restd(fnn_vd w) { /* Taylor's */
  fnn_vd p = w * (1.0 / 355687428096000.0) + 1.0 / 1307674368000.0;
  p = p * w + 1.0 / 6227020800.0;
  p = p * w + 1.0 / 39916800.0;
  p = p * w + 1.0 / 362880.0;
  p = p * w + 1.0 / 5040.0;
  p = p * w + 1.0 / 120.0;
  return p * w + 1.0 / 6.0;
}

#if defined(FNN_ISA_AVX512)
/* 2^x as fnn_exp_partsf has e^x, k the nearest sixteenth. */
FNN_INLINE fnn_vf fnn_exp2_sixteenthsf(fnn_vf x, fnn_vf *k, fnn_vf *root) {
  const float magic = 786432.0f; /* 1.5 * 2^19 */
  const fnn_vf shifted = x + magic, r = x - (shifted - magic);
  *k = shifted - magic;
  *root = _mm512_permutexvar_ps((__m512i)shifted, _mm512_loadu_ps(fnn_roots_f32));
  const fnn_vf p = (r * 0.055505927472797124f + 0.24023428897041474f) * r + 0.693147180055367f;
  return p * r + (fnn_vf)_mm512_permutexvar_ps((__m512i)shifted, _mm512_loadu_ps(fnn_root_errors_f32));
}
FNN_INLINE fnn_vd fnn_exp2_sixteenthsd(fnn_vd x, fnn_vd *k, fnn_vd *root) {
  const double magic = 422212465065984.0; /* 1.5 * 2^48 */
  const fnn_vd shifted = x + magic, r = x - (shifted - magic);
  *k = shifted - magic;
  *root = fnn_of_sixteen(fnn_roots, (fnn_vi64)shifted);
  fnn_vd p = r * 0.00015403809073293392 + 0.0013333818849745977;
  p = p * r + 0.00961812910581424;
  p = p * r + 0.0555041086520894;
  p = p * r + 0.24022650695910105;
  p = p * r + 0.6931471805599468;
  return p * r + fnn_of_sixteen(fnn_root_errors, (fnn_vi64)shifted);
}
#elif !defined(FNN_ISA_GENERIC)
/* 2^r - 1 over r, |r| <= 1/2: minimax of what 2^r is off by, 2.6e-9 and 1.8e-17. */
FNN_INLINE fnn_vf fnn_exp2_restf(fnn_vf r) {
  fnn_vf p = r * 0.000155947004f + 0.00134066436f;
  p = p * r + 0.00961769290f;
  p = p * r + 0.0555031055f;
  p = p * r + 0.240226528f;
  return p * r + 0.693147215f;
}
FNN_INLINE fnn_vd fnn_exp2_restd(fnn_vd r) {
  fnn_vd p = r * 4.078047858187975e-10 + 7.072570391212618e-09;
  p = p * r + 1.018064780023449e-07;
  p = p * r + 1.3215442675383355e-06;
  p = p * r + 1.525272738489881e-05;
  p = p * r + 0.0001540353044157221;
  p = p * r + 0.0013333558153440248;
  p = p * r + 0.009618129107607003;
  p = p * r + 0.05550410866479039;
  p = p * r + 0.24022650695910097;
  return p * r + 0.6931471805599457;
}
#endif

#include "types_f32.h"
#include "vmath_rare_body.h"
#include "types_f64.h"
#include "vmath_rare_body.h"
#include "types_none.h"
#include "vmath_error.h"

#if defined(FNN_ISA_AVX512)
/* The cube root of x = m 2^e: with e = 3 q + s, s of -1, 0, 1, that of m 2^s times 2^q. m is (1 + f) / c, c of a table
 * by its first three bits, so that f is in [-1/17, 1/17]. In float32 the root of 2^s / c stands in two tables, by s as
 * well. Of 0 q is -infinity, of infinity infinity. */
FNN_INLINE fnn_vf fnn_cbrtf(fnn_vf x) {
  static const float factors[16] = {
    0.941176474f, 0.842105269f, 0.761904776f, 0.695652187f, 0.639999986f, 0.592592597f, 0.551724136f, 0.516129017f,
    0.941176474f, 0.842105269f, 0.761904776f, 0.695652187f, 0.639999986f, 0.592592597f, 0.551724136f, 0.516129017f};
  static const float roots[32] = {
    1.28564084f, 1.33420086f, 1.37946212f, 1.42193353f, 1.46200883f, 1.5f, 1.53615844f, 1.57069039f, 1.0f, 1.0f, 1.0f,
    1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.809902966f, 0.840493858f, 0.869006634f, 0.895761967f, 0.921007872f, 0.944940805f,
    0.967719138f, 0.989472926f, 1.02041376f, 1.05895591f, 1.09487975f, 1.12858939f, 1.16039717f, 1.1905508f,
    1.21924973f, 1.24665773f};
  static const float errors[32] = {
    -4.20293667e-08f, -3.80223746e-08f, -4.32914433e-08f, -5.06639104e-08f, 4.61140566e-08f, -3.7252903e-09f,
    -2.77467844e-08f, -5.16487724e-08f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -1.67088281e-08f,
    -8.24821367e-09f, 2.20675638e-08f, -4.51295801e-09f, 9.89433246e-09f, -2.03608117e-08f, 2.36900171e-08f,
    -1.34133629e-08f, 1.78416801e-08f, -1.43878776e-08f, 3.17369917e-08f, -3.98470803e-08f, 4.50746462e-08f,
    -1.81187989e-08f, 1.6440552e-08f, 2.12952287e-08f};
  const float magic = 12582912.0f; /* 1.5 * 2^23: rounds, and leaves the integer in the low bits */
  const fnn_vf m = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero), e = _mm512_getexp_ps(x);
  const fnn_vf q = (e * 0.333333333f + magic) - magic, shifted = (e - q * 3.0f) * 8.0f + magic;
  /* 8 s and the bits of m, above which there are ones: 24 more */
  const __m512i place = _mm512_add_epi32((__m512i)shifted, _mm512_srli_epi32((__m512i)m, 20));
  const fnn_vf c = _mm512_permutexvar_ps(place, _mm512_loadu_ps(factors));
  const fnn_vf f = fnn_multiply_addf(m, c, fnn_splatf(-1.0f));
  const fnn_vf root = _mm512_permutex2var_ps(_mm512_loadu_ps(roots), place, _mm512_loadu_ps(roots + 16));
  const fnn_vf error = _mm512_permutex2var_ps(_mm512_loadu_ps(errors), place, _mm512_loadu_ps(errors + 16));
  const fnn_vf p = ((f * -0.0412339253f + 0.0618333745f) * f - 0.111111076f) * f + 0.333333288f;
  return fnn_copysignf((fnn_vf)_mm512_scalef_ps(p * f * root + error + root, q), x);
}
/* In float64 z, the inverse of the cube root of a = m 2^s, within 2^-31: then y = a z^2 is off by two thirds of what
 * y z is off 1, rounding included. */
FNN_INLINE fnn_vd fnn_cbrtd(fnn_vd x) {
  enum { NAN_OR_ZERO_OR_INFINITE = 0x9f };
  static const double factors[8] = {0.9411764705882353, 0.8421052631578947, 0.7619047619047619, 0.6956521739130435,
                                    0.64, 0.5925925925925926, 0.5517241379310345, 0.5161290322580645};
  static const double roots[8] = {0.9799946100592892, 0.9443263914173669, 0.9133422807925884, 0.886061871966061,
                                  0.8617738760127535, 0.8399473665965821, 0.8201765126313855, 0.8021447823814356};
  static const double thirds[8] = {1.0, 0.7937005259840998, 1.0, 1.0, 1.0, 1.0, 1.0, 1.2599210498948732};
  const double magic = 6755399441055744.0;
  const fnn_vd m = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero), e = _mm512_getexp_pd(x);
  const fnn_vd q = (e * 0.33333333333333333 + magic) - magic, s = e - q * 3.0;
  const __m512i place = _mm512_srli_epi64((__m512i)m, 49);
  const fnn_vd c = _mm512_permutexvar_pd(place, _mm512_loadu_pd(factors));
  const fnn_vd f = fnn_multiply_addd(m, c, fnn_splatd(-1.0));
  const fnn_vd third = _mm512_permutexvar_pd((__m512i)(s + magic), _mm512_loadu_pd(thirds));
  const fnn_vd root = (fnn_vd)_mm512_permutexvar_pd(place, _mm512_loadu_pd(roots)) * third;
  fnn_vd p = f * -0.1252640291403923 + 0.14451422812922957;
  p = p * f - 0.17283912916856073;
  p = p * f + 0.22222180556829033;
  p = p * f - 0.3333333333333333;
  const fnn_vd z = p * f * root + root, y = (fnn_vd)_mm512_scalef_pd(m, s) * z * z;
  const fnn_vd near = y * (fnn_multiply_addd(-y, z, fnn_splatd(1.0)) * 0.66666666666666667) + y;
  const fnn_vd size = _mm512_scalef_pd(near, q);
  return (fnn_vd)_mm512_mask_mov_pd(fnn_copysignd(size, x), _mm512_fpclass_pd_mask(x, NAN_OR_ZERO_OR_INFINITE), x);
}
#else
FNN_RARE fnn_vf fnn_cbrtf(fnn_vf x) { return fnn_cbrt_by_stepsf(x); }
FNN_RARE fnn_vd fnn_cbrtd(fnn_vd x) { return fnn_cbrt_by_stepsd(x); }
#endif

/* The inverse hyperbolic functions of small numbers by polynomials, of others by a logarithm, of whose argument the
 * rounding counts less the larger it is. Where one is added to a square that has no place for it, log(2 a). */
FNN_INLINE fnn_vf fnn_log_of_sumf(fnn_vf a, fnn_vf root) {
  const fnn_vi32 is_far = a > 8192.0f;
  const fnn_vf y = fnn_logf(fnn_selectf(is_far, a, a + root));
  return fnn_selectf(is_far, y + 0.693147182f, y);
}
FNN_SHORT fnn_vf fnn_arcsinhf(fnn_vf x) {
  const fnn_vf a = fnn_absf(x), w = a * a;
  fnn_vf p = w * 6.79116522e-4f - 3.85849201e-3f;
  p = p * w + 0.0104624666f;
  p = p * w - 0.0192077737f;
  p = p * w + 0.0294676740f;
  p = p * w - 0.0444905348f;
  p = p * w + 0.0749874413f;
  p = p * w - 0.166666314f;
  const fnn_vf far = fnn_log_of_sumf(a, fnn_sqrtf(w + 1.0f));
  return fnn_copysignf(fnn_selectf(a < 1.0f, p * w * a + a, far), x);
}
FNN_SHORT fnn_vf fnn_arccoshf(fnn_vf x) {
  const fnn_vf t = x - 1.0f;
  const fnn_vi32 is_near = t < 1.0f;
  const fnn_vf root = fnn_sqrtf(fnn_selectf(is_near, t + t, t * (x + 1.0f)));
  fnn_vf p = t * 8.30966237e-5f - 5.07730525e-4f;
  p = p * t + 1.78923260e-3f;
  p = p * t - 5.54678869e-3f;
  p = p * t + 0.0187451504f;
  p = p * t - 0.0833330974f;
  return fnn_selectf(is_near, p * t * root + root, fnn_log_of_sumf(x, root));
}
FNN_SHORT fnn_vf fnn_arctanhf(fnn_vf x) {
  const fnn_vf a = fnn_absf(x), w = a * a;
  fnn_vf p = w * 0.177196324f + 0.0509856194f;
  p = p * w + 0.118339576f;
  p = p * w + 0.142214879f;
  p = p * w + 0.200025871f;
  p = p * w + 0.333332986f;
  const fnn_vf far = fnn_logf((a + 1.0f) / (1.0f - a)) * 0.5f;
  return fnn_copysignf(fnn_selectf(a < 0.5f, p * w * a + a, far), x);
}

/* The same as fdlibm has them: log(1 + v), and what 1 + v rounds away is put back. From 2^28 on log(2 |x|), as the rest
 * is less than half an ulp. */
FNN_INLINE fnn_vd fnn_log_of_one_mored(fnn_vd v, fnn_vd a) {
  const fnn_vi64 is_far = a >= 0x1p28;
  const fnn_vd one_more = v + 1.0, low = (fnn_vd)((fnn_vi64)(v - (one_more - 1.0)) & ~is_far);
  const fnn_vd y = fnn_log_of_partsd(fnn_selectd(is_far, a, one_more), low);
  return y + (fnn_vd)((fnn_vi64)fnn_splatd(6.93147180559945286227e-01) & is_far);
}
FNN_SHORT fnn_vd fnn_arcsinhd(fnn_vd x) {
  const fnn_vd a = fnn_absd(x), square = a * a;
  return fnn_copysignd(fnn_log_of_one_mored(a + square / (1.0 + fnn_sqrtd(square + 1.0)), a), x);
}
FNN_SHORT fnn_vd fnn_arccoshd(fnn_vd x) {
  const fnn_vd t = x - 1.0, y = fnn_log_of_one_mored(t + fnn_sqrtd(2.0 * t + t * t), x);
  return fnn_selectd(x < 1.0, fnn_splatd(NAN), y);
}
FNN_SHORT fnn_vd fnn_arctanhd(fnn_vd x) {
  const fnn_vd a = fnn_absd(x);
  return fnn_copysignd(fnn_log1pd(2.0 * a / (1.0 - a)) * 0.5, x);
}

#if defined(FNN_ISA_AVX512)
#define WIDE_ARCTAN2 static __attribute__((noinline, unused))
#else
#define WIDE_ARCTAN2 FNN_INLINE
#endif
WIDE_ARCTAN2 fnn_vf fnn_wide_arctan2(fnn_vf y, fnn_vf x) {
  return fnn_joined(fnn_arctan2_of_narrow(fnn_lower_half(y), fnn_lower_half(x)),
                    fnn_arctan2_of_narrow(fnn_upper_half(y), fnn_upper_half(x)));
}
#undef WIDE_ARCTAN2
#if defined(FNN_ISA_AVX512)
/* In float32, what is rounded away on the way added at the end (0.503 ulp). With z the smaller size over the greater,
 * low / high, and c the nearest eighth below 1: atan(z) = atan(c) + atan(t), t = (low - c high) / (high + c low) in
 * [-1/15, 1/15]. low - c high is exact; `rest` is what t times the rounded denominator leaves of it. The angle that
 * atan(t) is added to, or taken from, stands in a table by c, by which of the two is greater and by the sign of x.
 * Where products would leave float32's range, and of NaN, it is float64 as elsewhere. */
FNN_INLINE fnn_vf fnn_arctan2f(fnn_vf y, fnn_vf x) {
  enum { STEEP = 8, LEFT = 16 }; /* pi/2 less, pi less, both: pi/2 and */
  static const float angles[32] = {
    0.0f, 0.124354996f, 0.244978666f, 0.358770669f, 0.463647604f, 0.558599293f, 0.643501103f, 0.718829989f,
    1.57079637f, 1.44644129f, 1.3258177f, 1.21202564f, 1.10714877f, 1.01219702f, 0.927295208f, 0.851966321f,
    3.14159274f, 3.01723766f, 2.89661407f, 2.78282189f, 2.67794514f, 2.58299327f, 2.49809146f, 2.42276263f,
    1.57079637f, 1.69515133f, 1.81577504f, 1.92956698f, 2.03444386f, 2.12939572f, 2.21429753f, 2.28962636f};
  static const float errors[32] = {
    0.0f, -1.24038224e-09f, -3.17867777e-09f, 1.76394988e-09f, 5.01215869e-09f, 2.21115979e-08f, 5.86893734e-09f,
    1.01883355e-08f, -4.37113883e-08f, 3.94853785e-08f, -4.05327114e-08f, 1.41293048e-08f, -4.87235496e-08f,
    -6.21834362e-09f, 1.00243174e-08f, 5.70491876e-09f, -8.74227766e-08f, -4.2260111e-09f, -8.42440997e-08f,
    8.9627207e-08f, -9.24349379e-08f, 6.92795581e-08f, 8.55222169e-08f, 2.15981739e-08f, -4.37113883e-08f,
    -7.6988691e-09f, -4.68900687e-08f, 1.76572055e-08f, 8.05100555e-08f, -8.12044334e-08f, -9.74470993e-08f,
    -3.35230546e-08f};
  const __m512i a = (__m512i)fnn_absf(y), b = (__m512i)fnn_absf(x), sign = _mm512_set1_epi32(INT32_MIN);
  const __m512i least = _mm512_min_epu32(a, b), most = _mm512_max_epu32(a, b); /* NaN is the greatest */
  const __mmask16 is_steep = _mm512_cmpgt_epu32_mask(a, b), is_left = _mm512_movepi32_mask((__m512i)x);
  /* `most` within 2^-60 and 2^60, `least` 2^-90 or more, or 0 */
  const __m512i above = _mm512_sub_epi32(most, _mm512_set1_epi32(0x21800000));
  const __mmask16 is_far = _mm512_cmpgt_epu32_mask(above, _mm512_set1_epi32(0x3c000000));
  const __mmask16 is_small = _mm512_cmplt_epu32_mask(least, _mm512_set1_epi32(0x12800000));
  const __mmask16 is_wide = is_far | _mm512_mask_test_epi32_mask(is_small, least, least);
  const fnn_vf low = (fnn_vf)least, high = (fnn_vf)most;
  /* Adding 1.5 * 2^20 leaves eighths in the low bits. The factor takes off what the reciprocal may be above: a c above
   * the nearest eighth could leave low - c high with more bits than it has. */
  const float magic = 1572864.0f;
  const fnn_vf guess = (fnn_vf)_mm512_rcp14_ps(high) * 0.99987793f * low + magic;
  const fnn_vf shifted = fnn_minf(guess, fnn_splatf(magic + 0.875f)), c = shifted - magic;
  __m512i place = _mm512_mask_or_epi32((__m512i)shifted, is_steep, (__m512i)shifted, _mm512_set1_epi32(STEEP));
  place = _mm512_mask_or_epi32(place, is_left, place, _mm512_set1_epi32(LEFT));
  const fnn_vf angle = _mm512_permutex2var_ps(_mm512_loadu_ps(angles), place, _mm512_loadu_ps(angles + 16));
  const fnn_vf error = _mm512_permutex2var_ps(_mm512_loadu_ps(errors), place, _mm512_loadu_ps(errors + 16));
  const fnn_vf under = fnn_multiply_addf(c, low, high), under_rest = fnn_multiply_addf(c, low, high - under);
  const __m512i over_size = (__m512i)fnn_multiply_addf(-c, high, low);
  const fnn_vf over = (fnn_vf)_mm512_mask_xor_epi32(over_size, is_steep ^ is_left, over_size, sign), t = over / under;
  const fnn_vf rest = fnn_multiply_addf(-t, under_rest, fnn_multiply_addf(-t, under, over)), w = t * t;
  const fnn_vf p = (w * -0.1402899318f + 0.1999850189f) * w - 0.3333333203f;
  const fnn_vf tail = fnn_multiply_addf(rest, (fnn_vf)_mm512_rcp14_ps(under), w * t * p), sum = angle + t;
  const fnn_vf size = sum + ((t - (sum - angle)) + (error + tail));
  const fnn_vf found = (fnn_vf)_mm512_or_epi32((__m512i)size, _mm512_and_epi32((__m512i)y, sign));
  /* Of those lanes alone: a result does not depend on its neighbours. */
  if (__builtin_expect(is_wide, 0)) return _mm512_mask_blend_ps(is_wide, found, fnn_wide_arctan2(y, x));
  return found;
}
#else
FNN_INLINE fnn_vf fnn_arctan2f(fnn_vf y, fnn_vf x) { return fnn_wide_arctan2(y, x); }
#endif
#if defined(FNN_ISA_AVX512)
/* atan(|x|) = atan(c) + atan(t), t = (|x| - c) / (1 + c |x|) in [-1/16, 1/16]: c of a table, four for each power of two
 * from 1/16 to 16, 0 below, 16 from 14 on. */
FNN_INLINE fnn_vf fnn_arctanf(fnn_vf x) {
  static const float centers[32] = {
    0.0703125f, 0.0859375f, 0.1015625f, 0.1171875f, 0.140625f, 0.171875f, 0.203125f, 0.234375f, 0.28125f, 0.34375f,
    0.40625f, 0.46875f, 0.5625f, 0.6875f, 0.8125f, 0.9375f, 1.125f, 1.375f, 1.625f, 1.875f, 2.25f, 2.75f, 3.25f, 3.75f,
    4.5f, 5.5f, 6.5f, 7.5f, 9.0f, 11.0f, 13.0f, 16.0f};
  static const float angles[32] = {
    0.0701969713f, 0.0857268721f, 0.101215445f, 0.116655439f, 0.139708877f, 0.170211926f, 0.200398549f, 0.230219588f,
    0.274167448f, 0.331096083f, 0.385882676f, 0.438336551f, 0.512389481f, 0.602287352f, 0.682316542f, 0.753151298f,
    0.844154f, 0.942000031f, 1.01914132f, 1.08083904f, 1.15257204f, 1.22202528f, 1.27229738f, 1.3101939f,
    1.35212743f, 1.39094281f, 1.41814697f, 1.43824482f, 1.46013916f, 1.48013639f, 1.4940244f, 1.50837755f};
  static const float errors[32] = {
    -2.25393579e-10f, 3.68421982e-09f, -2.83774804e-09f, -3.6973431e-09f, -2.32063857e-09f, -8.17163837e-10f,
    4.38835546e-09f, -4.06833955e-10f, 2.83741697e-09f, -6.22166452e-09f, -6.24966168e-09f, 8.66853522e-09f,
    -2.07569197e-08f, -5.95014926e-09f, 1.32029951e-08f, -1.66070802e-08f, -1.41691165e-08f, 8.90821106e-09f,
    2.78524706e-08f, -3.73540345e-08f, -3.85738232e-08f, 4.79805813e-08f, 1.2853981e-08f, 3.87539139e-08f,
    -5.19022265e-08f, 1.50364752e-08f, 3.05117531e-08f, -2.51428904e-08f, -4.97668786e-08f, 4.50934188e-08f,
    3.95824316e-08f, -3.52335299e-08f};
#define OF_THIRTY_TWO(table)                                                                                           \
  _mm512_maskz_permutex2var_ps(is_large, _mm512_loadu_ps(table), place, _mm512_loadu_ps(table + 16))
  const fnn_vf a = fnn_minf(fnn_splatf(0x1p60f), fnn_absf(x));
  const __m512i above = _mm512_sub_epi32(_mm512_srli_epi32((__m512i)a, 21), _mm512_set1_epi32(123 << 2));
  const __m512i place = _mm512_min_epi32(above, _mm512_set1_epi32(31));
  const __mmask16 is_large = _mm512_cmpge_epi32_mask(above, _mm512_setzero_si512());
  const fnn_vf c = OF_THIRTY_TWO(centers), angle = OF_THIRTY_TWO(angles), error = OF_THIRTY_TWO(errors);
#undef OF_THIRTY_TWO
  const fnn_vf t = (a - c) / (c * a + 1.0f), w = t * t;
  return fnn_copysignf(angle + (t + ((w * 0.199370145f - 0.333332985f) * w * t + error)), x);
}
#else
FNN_INLINE fnn_vf fnn_arctanf(fnn_vf x) { return fnn_arctan2f(x, fnn_splatf(1.0f)); }
#endif
/* z - atan(z) of |z| up to 7/16, by fdlibm's polynomial. */
FNN_INLINE fnn_vd fnn_arctan_restd(fnn_vd z) {
  const fnn_vd w = z * z;
  fnn_vd p = w * 1.62858201153657823623e-02 - 3.65315727442169155270e-02;
  p = p * w + 4.97687799461593236017e-02;
  p = p * w - 5.83357013379057348645e-02;
  p = p * w + 6.66107313738753120669e-02;
  p = p * w - 7.69187620504482999495e-02;
  p = p * w + 9.09088713343650656196e-02;
  p = p * w - 1.11111104054623557880e-01;
  p = p * w + 1.42857142725034663711e-01;
  p = p * w - 1.99999999998764832476e-01;
  p = p * w + 3.33333333333329318027e-01;
  return z * (w * p);
}
#if defined(FNN_ISA_AVX512)
/* As fnn_arctanf, with two centers for each power of two from 1/8 to 32, so that t is in [-1/8, 1/8]. */
FNN_INLINE fnn_vd fnn_arctand(fnn_vd x) {
  static const double centers[16] = {0.15625, 0.21875, 0.3125, 0.4375, 0.625, 0.875, 1.21875, 1.71875,
                                     2.4375, 3.4375, 4.75, 6.875, 9.5, 13.75, 19.0, 48.0};
  static const double angles[16] = {
    0.15499674192394097, 0.21535769969773805, 0.3028848683749714, 0.4124104415973873, 0.5585993153435624,
    0.7188299996216245, 0.8836721166534575, 1.043853099605467, 1.1814796049617557, 1.287700541495401,
    1.3633001003596938, 1.4263547484202526, 1.4659193880646628, 1.498196873064402, 1.5182132651839548,
    1.5499660067586796};
  static const double errors[16] = {
    9.585415594114324e-18, 4.738160130078733e-19, -1.1010827903001369e-17, -1.587652227770689e-17,
    -5.4556305485916264e-18, -2.1478388444456983e-17, 1.9644781804160354e-17, 6.365899035424811e-17,
    1.511867738554561e-17, 7.675509734197807e-17, 1.0932461715269362e-16, 7.919950318908248e-17,
    -9.711255554074832e-17, 2.662492940300307e-17, 7.140532115600162e-17, -3.6586720263161076e-17};
#define OF_SIXTEEN(table)                                                                                              \
  _mm512_maskz_permutex2var_pd(is_large, _mm512_loadu_pd(table), place, _mm512_loadu_pd(table + 8))
  const fnn_vd a = fnn_mind(fnn_splatd(0x1p60), fnn_absd(x));
  const __m512i above = _mm512_sub_epi64(_mm512_srli_epi64((__m512i)a, 51), _mm512_set1_epi64(1020 << 1));
  const __m512i place = _mm512_min_epi64(above, _mm512_set1_epi64(15));
  const __mmask8 is_large = _mm512_cmpge_epi64_mask(above, _mm512_setzero_si512());
  const fnn_vd c = OF_SIXTEEN(centers), angle = OF_SIXTEEN(angles), error = OF_SIXTEEN(errors);
#undef OF_SIXTEEN
  /* t by a reciprocal and what is left of the dividend, which tells of the divisor's rounding, too. */
  const fnn_vd over = a - c, under = fnn_multiply_addd(c, a, fnn_splatd(1.0));
  const fnn_vd under_rest = fnn_multiply_addd(c, a, 1.0 - under), guess = _mm512_rcp14_pd(under);
  const fnn_vd r = fnn_multiply_addd(-under, guess, fnn_splatd(1.0)) * guess + guess, near = over * r;
  const fnn_vd left = fnn_multiply_addd(-near, under_rest, fnn_multiply_addd(-near, under, over));
  const fnn_vd t = left * r + near, w = t * t;
  fnn_vd p = w * 0.073426888228522 - 0.09083601110265002;
  p = p * w + 0.11111035606967617;
  p = p * w - 0.14285713890592075;
  p = p * w + 0.1999999999904856;
  p = p * w - 0.3333333333333257;
  return fnn_copysignd(angle + (t + (p * w * t + error)), x);
}
#else
/* atan(|x|) = atan(c) + atan(z), z = (|x| - c) / (1 + c |x|); c is 0, 1/2, 1, 3/2 or infinite, and atan(c) has two
 * parts. */
FNN_RARE fnn_vd fnn_arctand(fnn_vd x) {
  const fnn_vd a = fnn_absd(x), one = fnn_splatd(1.0);
  fnn_vd over = -one, under = a;
  fnn_vd angle = fnn_splatd(1.57079632679489655800), rest = fnn_splatd(6.12323399573676603587e-17);
#define BELOW(limit, c, high, low)                                                                                     \
  {                                                                                                                    \
    const fnn_vi64 is_below = a < limit;                                                                               \
    over = fnn_selectd(is_below, a - c, over), under = fnn_selectd(is_below, one + c * a, under);                      \
    angle = fnn_selectd(is_below, fnn_splatd(high), angle), rest = fnn_selectd(is_below, fnn_splatd(low), rest);       \
  }
  BELOW(2.4375, 1.5, 9.82793723247329054082e-01, 1.39033110312309984516e-17)
  BELOW(1.1875, 1.0, 7.85398163397448278999e-01, 3.06161699786838301793e-17)
  BELOW(0.6875, 0.5, 4.63647609000806093515e-01, 2.26987774529616870924e-17)
  BELOW(0.4375, 0.0, 0.0, 0.0)
#undef BELOW
  const fnn_vd z = over / under;
  return fnn_copysignd(angle - ((fnn_arctan_restd(z) - rest) - z), x);
}
#endif
/* With low and high the smaller and the greater size, the angle of low / high is found as above, c 0, 1/2 or 1; it is
 * taken from pi/2 where y is the greater, and what that gives from pi where x is negative. Sizes are scaled where
 * high + c low would overflow, or high is so small that low / high would have too few bits of it. */
FNN_RARE fnn_vd fnn_arctan2d(fnn_vd y, fnn_vd x) {
  const fnn_vd a = fnn_absd(y), b = fnn_absd(x), one = fnn_splatd(1.0), zero = {0};
  const fnn_vi64 is_steep = a > b, are_infinite = (a == INFINITY) & (b == INFINITY);
  fnn_vd high = fnn_selectd(is_steep, a, b), low = fnn_selectd(is_steep, b, a);
  const fnn_vd scale = fnn_selectd(high > 0x1p1000, fnn_splatd(0x1p-100),
                                   fnn_selectd(high < 0x1p-900, fnn_splatd(0x1p100), one));
  high = fnn_selectd(are_infinite, one, high * scale), low = fnn_selectd(are_infinite, one, low * scale);
  const fnn_vi64 is_some = (low >= 0.4375 * high) & (high > 0.0), is_much = low >= 0.6875 * high;
  const fnn_vd c = fnn_selectd(is_much, one, fnn_splatd(0.5));
  const fnn_vd over = fnn_selectd(is_some, low - c * high, low), under = fnn_selectd(is_some, high + c * low, high);
  fnn_vd angle = fnn_selectd(is_much, fnn_splatd(7.85398163397448278999e-01), fnn_splatd(4.63647609000806093515e-01));
  fnn_vd rest = fnn_selectd(is_much, fnn_splatd(3.06161699786838301793e-17), fnn_splatd(2.26987774529616870924e-17));
  angle = fnn_selectd(is_some, angle, zero), rest = fnn_selectd(is_some, rest, zero);
  const fnn_vd z = fnn_selectd(high > 0.0, over / under, zero);
  angle = angle - ((fnn_arctan_restd(z) - rest) - z);
  angle = fnn_selectd(is_steep, 1.57079632679489655800 - (angle - 6.12323399573676603587e-17), angle);
  angle = fnn_selectd((fnn_vi64)x < 0, 3.14159265358979311600 - (angle - 1.22464679914735320717e-16), angle);
  return fnn_selectd((y != y) | (x != x), y + x, fnn_copysignd(angle, y));
}

#endif
