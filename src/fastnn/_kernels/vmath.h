/* vmath.h: elementary functions of vectors, float32 (suffix f) and float64 (suffix d).
 *
 * Errors, in units in the last place of the exact result, over half a million samples on each instruction set: exp and
 * log 1; log1p, log2 and erf 1.5; expm1, log10, softplus, sin and cos 2; tanh and sigmoid 2.6; tan 3.3, in
 * float32 3.6 next to multiples of pi/2; pow 0.51 in float32, by AVX-512 0.54, with exponents of thousands next to 1
 * 0.65, in float64 1.
 * tests/kernels/test_vmath.py holds them to bounds near these. NaN gives NaN, infinities give the limit, denormals are
 * read and written as such. */
#ifndef FNN_VMATH_H
#define FNN_VMATH_H

#include <float.h>
#include <math.h>

#include "vector.h"

/* Lanes of which a function has to do more than of others: marks of which lanes are beyond a limit, or NaN. */
#if defined(FNN_ISA_AVX512)
typedef __mmask16 fnn_raref;
typedef __mmask8 fnn_rared;
FNN_INLINE fnn_raref fnn_beyondf(fnn_vf x, float limit) {
  return _mm512_cmp_ps_mask(x, fnn_splatf(limit), _CMP_NLT_UQ);
}
FNN_INLINE fnn_rared fnn_beyondd(fnn_vd x, double limit) {
  return _mm512_cmp_pd_mask(x, fnn_splatd(limit), _CMP_NLT_UQ);
}
FNN_INLINE int fnn_any_raref(fnn_raref is_rare) { return is_rare != 0; }
FNN_INLINE int fnn_any_rared(fnn_rared is_rare) { return is_rare != 0; }
FNN_INLINE fnn_vi32 fnn_rare_lanesf(fnn_raref is_rare) { return (fnn_vi32)_mm512_movm_epi32(is_rare); }
FNN_INLINE fnn_vi64 fnn_rare_lanesd(fnn_rared is_rare) { return (fnn_vi64)_mm512_movm_epi64(is_rare); }
#else
typedef fnn_vi32 fnn_raref;
typedef fnn_vi64 fnn_rared;
FNN_INLINE fnn_raref fnn_beyondf(fnn_vf x, float limit) { return ~(x < limit); }
FNN_INLINE fnn_rared fnn_beyondd(fnn_vd x, double limit) { return ~(x < limit); }
FNN_INLINE int fnn_any_raref(fnn_raref is_rare) { return fnn_anyf(is_rare); }
FNN_INLINE int fnn_any_rared(fnn_rared is_rare) { return fnn_anyd(is_rare); }
FNN_INLINE fnn_vi32 fnn_rare_lanesf(fnn_raref is_rare) { return is_rare; }
FNN_INLINE fnn_vi64 fnn_rare_lanesd(fnn_rared is_rare) { return is_rare; }
#endif

/* ---- float32: the functions that need their own polynomials ---- */

FNN_INLINE fnn_vf fnn_bitsf(fnn_vi32 bits) { return (fnn_vf)bits; }
FNN_INLINE fnn_vi32 fnn_asintf(fnn_vf x) { return (fnn_vi32)x; }
FNN_INLINE fnn_vf fnn_absf(fnn_vf x) { return (fnn_vf)((fnn_vi32)x & 0x7fffffff); }
FNN_INLINE fnn_vf fnn_copysignf(fnn_vf x, fnn_vf sign) {
  return (fnn_vf)(((fnn_vi32)x & 0x7fffffff) | ((fnn_vi32)sign & (int32_t)0x80000000));
}

/* ln2 in two parts: k times the first is exact. Where e^x counts beside 1 only, k is small where e^x is not, and one
 * part will do. */
FNN_INLINE fnn_vf fnn_exp_reducef(fnn_vf x, fnn_vf k, int parts) {
  return parts == 1 ? x - k * 0.693147182f : (x - k * 0.693359375f) + k * 2.12194440e-4f;
}

#if defined(FNN_ISA_AVX512)
static const float fnn_roots_f32[16] = {
  1.0f, 1.0442739f, 1.0905075f, 1.1387887f, 1.1892071f, 1.241858f,
  1.2968397f, 1.3542557f, 1.4142137f, 1.4768262f, 1.542211f, 1.6104903f,
  1.6817927f, 1.7562523f, 1.8340082f, 1.9152064f};
static const float fnn_root_errors_f32[16] = {
  0.0f, -6.787e-08f, 2.0664e-07f, -5.7383e-08f, 3.1934e-08f, -1.5577e-07f,
  -1.2291e-07f, -9.5501e-08f, -6.7179e-08f, -3.0477e-08f, -1.4936e-07f, 6.1076e-09f,
  5.6163e-08f, -7.3136e-08f, -7.1128e-08f, 6.7384e-08f};
/* e^x = 2^floor(k) root (1 + what is returned), k = x / ln2 rounded to a sixteenth: the root is 2^(n / 16), of a table
 * of one vector, so that a polynomial of degree 3 is enough; of 4 for e^x - 1, where the error relative to x counts.
 * Roots have 22 bits, so that 1 - 2^-3 root is exact; what they are off by stands in a second table. Adding 1.5 * 2^19
 * rounds, and leaves n in the low bits. */
FNN_INLINE fnn_vf fnn_exp_partsf(fnn_vf x, fnn_vf *k, fnn_vf *root, int parts, int degree) {
  const float magic = 786432.0f;
  const fnn_vf shifted = x * 1.44269504f + magic;
  *k = shifted - magic;
  *root = _mm512_permutexvar_ps((__m512i)shifted, _mm512_loadu_ps(fnn_roots_f32));
  const fnn_vf error = _mm512_permutexvar_ps((__m512i)shifted, _mm512_loadu_ps(fnn_root_errors_f32));
  const fnn_vf r = fnn_exp_reducef(x, *k, parts);
  fnn_vf p = degree == 3 ? r * 0.166670591f + 0.500016212f : (r * 4.16675918e-2f + 0.166669905f) * r + 0.5f;
  p = p * r + 1.0f;
  return p * r + error;
}
FNN_INLINE fnn_vf fnn_whole_exp2f(fnn_vf k, fnn_vf root) { return (fnn_vf)_mm512_scalef_ps(root, k); }
FNN_INLINE fnn_vf fnn_scalef(fnn_vf y, fnn_vf k) { return (fnn_vf)_mm512_scalef_ps(y, k); }
#else
/* e^x = 2^k (1 + what is returned), k an integer: adding 1.5 * 2^23 rounds. The polynomial is e^r - 1 for
 * |r| <= ln2/2, minimax in its relative error, 7e-9. The root is 1 and the degree always 6, as there is no table. */
FNN_INLINE fnn_vf fnn_exp_partsf(fnn_vf x, fnn_vf *k, fnn_vf *root, int parts, int degree) {
  (void)degree;
  const float magic = 12582912.0f;
  *k = (x * 1.44269504f + magic) - magic;
  *root = fnn_splatf(1.0f);
  const fnn_vf r = fnn_exp_reducef(x, *k, parts);
  fnn_vf p = 1.3882520797e-3f * r + 8.3665248312e-3f;
  p = p * r + 4.1667199995e-2f;
  p = p * r + 1.6666543590e-1f;
  p = p * r + 4.9999998153e-1f;
  return p * (r * r) + r;
}
FNN_INLINE fnn_vf fnn_exp2if(fnn_vi32 n) { return (fnn_vf)((n + 127) << 23); }
/* 2^k of an integer k in [-126, 127]; infinite at 128. */
FNN_INLINE fnn_vf fnn_whole_exp2f(fnn_vf k, fnn_vf root) {
  (void)root;
  return fnn_exp2if(__builtin_convertvector(k, fnn_vi32));
}
/* y 2^k of an integer k in [-250, 250], as two factors: k + 254 stands in the low bits of a sum, and of the rest of it
 * nothing is left where each half becomes an exponent. */
FNN_INLINE fnn_vf fnn_scalef(fnn_vf y, fnn_vf k) {
  const fnn_vu32 both = (fnn_vu32)(k + (12582912.0f + 254.0f)), half = both >> 1;
  return y * (fnn_vf)(half << 23) * (fnn_vf)((both - half) << 23);
}
#endif

/* e^x of x in [-104, 89]: e^89 overflows, e^-104 is less than half of the least denormal. */
FNN_INLINE fnn_vf fnn_exp_insidef(fnn_vf x) {
  fnn_vf k, root, p = fnn_exp_partsf(x, &k, &root, 2, 3);
  return fnn_scalef(p * root + root, k);
}
enum { fnn_EXP_LEASTf = -104, fnn_EXP_MOSTf = 89 };

/* Of x <= 0, in fewer steps; it may be 0 where it would be denormal and x < -87.5. */
FNN_INLINE fnn_vf fnn_exp_nonpositivef(fnn_vf x) {
#if defined(FNN_ISA_AVX512)
  return fnn_exp_insidef(fnn_maxf(fnn_splatf(fnn_EXP_LEASTf), x));
#else
  fnn_vf k, root, p = fnn_exp_partsf(x, &k, &root, 2, 3);
  return (fnn_vf)((fnn_vi32)((p + 1.0f) * fnn_whole_exp2f(k, root)) & ~(x < -87.5f));
#endif
}

/* 2^t = scale (1 + what is returned) for t in [-127, 128], by a polynomial fitted to 2^r - 1, |r| <= 1/2. */
FNN_INLINE fnn_vf fnn_exp2_partsf(fnn_vf t, fnn_vf *scale) {
  const float magic = 12582912.0f;
  fnn_vf shifted = t + magic, r = t - (shifted - magic);
  fnn_vf p = 0.00015353362f * r + 0.0013398875f;
  p = p * r + 0.00961843692f;
  p = p * r + 0.0555033237f;
  p = p * r + 0.240226477f;
  p = p * r + 0.693147182f;
  *scale = (fnn_vf)(((fnn_vi32)shifted + 127) << 23); /* magic's own bits are shifted out */
  return p * r;
}

/* e^x of x <= 0; it is 0 below 2^-125. For arguments that are sums, and so known to half an ulp at best: x / ln2 is
 * rounded once, which is as if x were off by as much, and takes half the work of exp. */
FNN_INLINE fnn_vf fnn_exp_below0f(fnn_vf x) {
#if defined(FNN_ISA_AVX512) /* as fnn_exp_partsf, but with roots of 24 bits: nothing is subtracted from them */
  static const float roots[16] = {
    1.0f, 1.0442737f, 1.0905077f, 1.1387886f, 1.1892071f, 1.2418578f, 1.2968396f, 1.3542556f,
    1.4142135f, 1.4768262f, 1.5422108f, 1.6104903f, 1.6817929f, 1.7562522f, 1.8340081f, 1.9152066f};
  const float magic = 786432.0f;
  const fnn_vf shifted = x * 1.44269504f + magic, k = shifted - magic, r = fnn_exp_reducef(x, k, 1);
  const fnn_vf root = _mm512_permutexvar_ps((__m512i)shifted, _mm512_loadu_ps(roots));
  const fnn_vf p = (r * 0.166670591f + 0.500016212f) * r + 1.0f;
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, fnn_splatf(-86.6f), _CMP_NLT_UQ), p * (r * root) + root, k);
#else
  fnn_vf t = x * 1.44269504f, scale, p = fnn_exp2_partsf(t, &scale), y = (p + 1.0f) * scale;
  return (fnn_vf)((fnn_vi32)y & ~(t < -125.0f));
#endif
}

/* log(1 + f) - f for 1 + f in [sqrt(1/2), sqrt(2)): the coefficients of Cephes' logf. */
FNN_INLINE fnn_vf fnn_log_polyf(fnn_vf f) {
  fnn_vf p = 7.0376836292e-2f * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  fnn_vf f2 = f * f;
  return p * f * f2 - 0.5f * f2;
}

#if defined(FNN_ISA_AVX512)
/* x = m 2^e with m in [3/4, 3/2), which is (1 + f) / c, c of a table of one vector by the first four bits of m, so that
 * f is in [-1/31, 1/16) and a polynomial of degree 5 is enough. `logs` are log(1 / c) in the base that is asked for, c
 * such that these are float32 within 0.02 ulp, and 1 near 1. Returns f; f^2 `rest` is unit (log(1 + f) - f). */
FNN_INLINE fnn_vf fnn_log_partsf(fnn_vf x, const float *logs, float unit, fnn_vf *e, fnn_vf *log_c, fnn_vf *rest) {
  static const float factors[16] = {
    1.0f, 0.916704595f, 0.863374472f, 0.823048711f, 0.777174413f, 0.747109771f, 0.713299274f, 0.68047297f,
    1.30509257f, 1.24817181f, 1.20352459f, 1.16236031f, 1.12649035f, 1.07907236f, 1.04952693f, 1.0f};
  const fnn_vf m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero), exponent = _mm512_getexp_ps(x);
  const __m512i place = _mm512_srli_epi32((__m512i)m, 19); /* of which the low four bits count */
  const __mmask16 is_below = _mm512_cmp_ps_mask(m, fnn_splatf(1.0f), _CMP_LT_OQ);
  *e = _mm512_mask_add_ps(exponent, is_below, exponent, fnn_splatf(1.0f));
  *log_c = _mm512_permutexvar_ps(place, _mm512_loadu_ps(logs));
  const fnn_vf c = _mm512_permutexvar_ps(place, _mm512_loadu_ps(factors));
  const fnn_vf f = fnn_multiply_addf(m, c, fnn_splatf(-1.0f));
  *rest = ((f * (unit * 0.188593075f) - unit * 0.250070035f) * f + unit * 0.333344489f) * f - unit * 0.5f;
  return f;
}

/* What a logarithm is where x is not a positive finite number: a response of four bits for each kind of number. */
FNN_INLINE fnn_vf fnn_log_specialf(fnn_vf x, fnn_vf y) {
  return _mm512_fixupimm_ps(y, x, _mm512_set1_epi32(0x03530422), 0);
}

/* Of each base the logarithm of 2 has two parts, of which e times the first is exact. */
FNN_INLINE fnn_vf fnn_logf(fnn_vf x) {
  static const float logs[16] = {
    0.0f, 0.0869700015f, 0.146906763f, 0.194739893f, 0.252090484f, 0.291543156f, 0.337854207f, 0.384967178f,
    -0.266273975f, -0.221679926f, -0.18525441f, -0.150452688f, -0.119106919f, -0.0761017427f, -0.0483395196f, 0.0f};
  fnn_vf e, log_c, rest, f = fnn_log_partsf(x, logs, 1, &e, &log_c, &rest);
  return fnn_log_specialf(x, e * 0.693359375f + (log_c + (f + (rest * (f * f) - e * 2.12194440e-4f))));
}
FNN_INLINE fnn_vf fnn_log2f(fnn_vf x) { /* exact at powers of two */
  static const float logs[16] = {
    0.0f, 0.12547119f, 0.211941659f, 0.280950278f, 0.363689691f, 0.420607865f, 0.487420589f, 0.555390239f,
    -0.384152144f, -0.31981653f, -0.267265618f, -0.217057347f, -0.171834961f, -0.109791607f, -0.0697391853f, 0.0f};
  fnn_vf e, log_c, rest, f = fnn_log_partsf(x, logs, 1.44269502f, &e, &log_c, &rest);
  return fnn_log_specialf(x, e + (log_c + (f * 1.44269502f + (rest * f + 1.92596303e-8f) * f)));
}
FNN_INLINE fnn_vf fnn_log10f(fnn_vf x) {
  static const float logs[16] = {
    0.0f, 0.0377705917f, 0.0638007969f, 0.084574461f, 0.109481506f, 0.126615584f, 0.146728218f, 0.167189121f,
    -0.115641318f, -0.0962743685f, -0.0804549679f, -0.0653407723f, -0.0517274775f, -0.0330505669f, -0.0209935866f,
    0.0f};
  fnn_vf e, log_c, rest, f = fnn_log_partsf(x, logs, 0.434294492f, &e, &log_c, &rest);
  rest = (rest * f - 1.01030501e-8f) * f + e * 2.48745664e-4f;
  return fnn_log_specialf(x, e * 0.30078125f + (log_c + (f * 0.434294492f + rest)));
}

/* a / b within 2^-27 of it: by an estimate and a step of Newton's. */
FNN_INLINE fnn_vf fnn_near_quotientf(fnn_vf a, fnn_vf b) {
  const fnn_vf r = _mm512_rcp14_ps(b);
  return a * ((1.0f - b * r) * r + r);
}
#else
FNN_INLINE fnn_vf fnn_near_quotientf(fnn_vf a, fnn_vf b) { return a / b; }

/* x = m 2^e, m in [sqrt(1/2), sqrt(2)), for positive finite x; returns m - 1. */
FNN_INLINE fnn_vf fnn_log_reducef(fnn_vf x, fnn_vf *e) {
  fnn_vi32 tiny = x < 1.17549435e-38f;
  x = fnn_selectf(tiny, x * 8388608.0f, x); /* denormals: 2^23 times as large */
  /* Unsigned, because the bits of a negative x would overflow; fnn_log_specialf replaces what comes of it. */
  fnn_vi32 n = (fnn_vi32)((fnn_vu32)x - 0x3f3504f3u) >> 23;
  fnn_vf m = (fnn_vf)((fnn_vu32)x - ((fnn_vu32)n << 23));
  *e = __builtin_convertvector(n - (tiny & 23), fnn_vf);
  return m - 1.0f;
}

/* What a logarithm is where x is not a positive finite number. */
FNN_INLINE fnn_vf fnn_log_specialf(fnn_vf x, fnn_vf y) {
  y = fnn_selectf(x == 0.0f, fnn_splatf(-INFINITY), y);
  y = fnn_selectf(x == INFINITY, x, y);
  return fnn_selectf((x < 0.0f) | (x != x), fnn_splatf(NAN), y);
}

FNN_INLINE fnn_vf fnn_logf(fnn_vf x) {
  fnn_vf e, f = fnn_log_reducef(x, &e);
  fnn_vf y = fnn_log_polyf(f) - e * 2.12194440e-4f;
  return fnn_log_specialf(x, (f + y) + e * 0.693359375f);
}

FNN_INLINE fnn_vf fnn_log2f(fnn_vf x) { /* exact at powers of two */
  fnn_vf e, f = fnn_log_reducef(x, &e);
  fnn_vf y = fnn_log_polyf(f);
  /* log2(e) = 1 + 0.4427: the large part is added last, without rounding of its own. */
  return fnn_log_specialf(x, ((y * 0.44269504f + f * 0.44269504f) + y + f) + e);
}
FNN_INLINE fnn_vf fnn_log10f(fnn_vf x) { return fnn_logf(x) * 0.434294492f; }
#endif

/* erf is x + x P(x^2) for |x| < 0.9; beyond, 1 - e^-Q(|x|), Q fitted to -log(erfc). Both fits are minimax in
 * the error of erf: 1.2e-8 and 1.6e-9 here, 1.3e-19 and 1.2e-18 in float64. */
FNN_INLINE fnn_vf fnn_erff(fnn_vf x) {
  fnn_vf z = x * x, t = fnn_absf(x);
  fnn_vf p = -6.09102919933190355e-4f * z + 5.01211233733663477e-3f;
  p = p * z - 2.67790303707319393e-2f;
  p = p * z + 1.12821451236207921e-1f;
  p = p * z - 3.7612523898451764e-1f;
  p = p * z + 1.28379154044516821e-1f;
  fnn_vf near = p * x + x;
  fnn_vf u = fnn_selectf(t > 4.0f, fnn_splatf(4.0f), t); /* erf(4) is 1 */
  fnn_vf q = -1.97182929454634611e-4f * u + 3.05561065268897199e-3f;
  q = q * u - 2.22770654317833229e-2f;
  q = q * u + 1.04037247285301029e-1f;
  q = q * u + 6.37059952453285021e-1f;
  q = q * u + 1.1277494060582615f;
  q = q * u + 1.77540507070986348e-4f;
  return fnn_selectf(t < 0.9f, near, fnn_copysignf(1.0f - fnn_exp_insidef(-q), x));
}

/* The probability that a standard normal number is below x; bell: e^(-x^2 / 2), which is 0 from |x| = 13.2 on. For x <
 * 0 it is bell g(|x|), g(t) = erfcx(t / sqrt(2)) / 2 as a quotient of polynomials within 7.2e-8 (1 + t^2 / 2) of g:
 * what the rounding of x^2 costs is as much. */
FNN_INLINE fnn_vf fnn_normal_cdff(fnn_vf x, fnn_vf *bell) {
  const fnn_vf t = fnn_minf(fnn_splatf(14.0f), fnn_absf(x));
  *bell = fnn_exp_below0f(x * x * -0.5f);
  fnn_vf p = 0.0141979683f * t + 0.107321733f, q = 0.0356017197f * t + 0.268603602f;
  p = p * t + 0.340442632f, q = q * t + 0.89455847f;
  p = p * t + 0.5f, q = q * t + 1.47876746f;
  q = q * t + 1.0f;
  const fnn_vf tail = p * *bell / q;
  return fnn_selectf(x < 0.0f, tail, 1.0f - tail);
}

enum { fnn_TRIG_LIMITf = 100000 }; /* as fnn_TRIG_LIMITd */

/* x = quadrant pi/2 + r, |r| <= pi/4. */
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
/* By parts of 24 bits: n times the first leaves a multiple of x's last bit or of 2^-23, which is exact; what the other
 * two leave is rounded to its own 24 bits. */
FNN_INLINE fnn_vf fnn_trig_reducef(fnn_vf x, fnn_vi32 *quadrant) {
  const float magic = 12582912.0f; /* 1.5 * 2^23: rounds, and leaves the integer in the low bits */
  const fnn_vf shifted = x * 0.636619772f + magic, n = shifted - magic;
  *quadrant = (fnn_vi32)shifted;
  fnn_vf r = fnn_multiply_addf(n, fnn_splatf(-1.57079637f), x);
  r = fnn_multiply_addf(n, fnn_splatf(4.37113883e-8f), r);
  return fnn_multiply_addf(n, fnn_splatf(1.71512451e-15f), r);
}
#else
/* In float64: near a multiple of pi/2 float32 would need five parts of it (with three, tan was off by 75 ulp). */
FNN_INLINE fnn_vf fnn_trig_reducef(fnn_vf x, fnn_vi32 *quadrant) {
  const double magic = 6755399441055744.0; /* 1.5 * 2^52: rounds, and leaves the integer in the low bits */
  fnn_vf r;
  fnn_vi32 q;
  for (int half = 0; half < FNN_VF; half += FNN_VD) {
    double wide[FNN_VD], rest[FNN_VD];
    for (int k = 0; k < FNN_VD; k++) wide[k] = x[half + k];
    fnn_vd v = fnn_loadd(wide), shifted = v * 6.36619772367581382433e-01 + magic, n = shifted - magic;
    v = (v - n * 1.57079632673412561417e+00) - n * 6.07710050650619224932e-11;
    fnn_vi64 bits = (fnn_vi64)shifted;
    fnn_stored(rest, v);
    for (int k = 0; k < FNN_VD; k++) r[half + k] = (float)rest[k], q[half + k] = (int32_t)bits[k];
  }
  *quadrant = q;
  return r;
}
#endif

FNN_INLINE fnn_vf fnn_sin_polyf(fnn_vf r) { /* |r| <= pi/4 */
  fnn_vf z = r * r;
  fnn_vf p = (-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f;
  return p * z * r + r;
}

FNN_INLINE fnn_vf fnn_cos_polyf(fnn_vf r) {
  fnn_vf z = r * r;
  fnn_vf p = (2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f;
  return p * z * z - 0.5f * z + 1.0f;
}

/* ---- float64 ---- */

FNN_INLINE fnn_vd fnn_bitsd(fnn_vi64 bits) { return (fnn_vd)bits; }
FNN_INLINE fnn_vi64 fnn_asintd(fnn_vd x) { return (fnn_vi64)x; }
FNN_INLINE fnn_vd fnn_absd(fnn_vd x) { return (fnn_vd)((fnn_vi64)x & INT64_MAX); }
FNN_INLINE fnn_vd fnn_copysignd(fnn_vd x, fnn_vd sign) {
  return (fnn_vd)(((fnn_vi64)x & INT64_MAX) | ((fnn_vi64)sign & INT64_MIN));
}

#if defined(FNN_ISA_AVX512)
/* 2^(n / 16) in a place n, rounded to 51 bits, and what that is off by. */
static const double fnn_roots[16] = {
  1.0, 1.044273782427414, 1.090507732665258, 1.1387886347566916, 1.1892071150027208, 1.2418578120734844,
  1.2968395546510099, 1.3542555469368924, 1.414213562373095, 1.4768261459394996, 1.542210825407941, 1.6104903319492543,
  1.6817928305074288, 1.7562521603732995, 1.8340080864093427, 1.915206561397147};
static const double fnn_root_errors[16] = {
  0.0, -1.307374657556735e-16, -2.315549153475532e-16, 7.826573258636076e-17, 2.202011356441377e-16,
  -3.200921474802233e-16, -1.5164721142629426e-16, 2.2082544863816382e-16, 8.865115929175828e-17,
  -1.739436637144173e-16, -9.242981211103171e-17, 1.5341410053603723e-17, 1.8078011727467838e-16,
  1.685487290628973e-17, -1.0316941025762925e-16, 1.7642470326626897e-16};
FNN_INLINE fnn_vd fnn_of_sixteen(const double *table, fnn_vi64 place) { /* its low four bits */
  return _mm512_permutex2var_pd(_mm512_loadu_pd(table), (__m512i)place, _mm512_loadu_pd(table + 8));
}
/* e^(x + rest) (has_rest: else e^x) as fnn_exp_partsf has that of x, by a polynomial of degree 6 within 2^-56. k times
 * the first part of ln2 is subtracted in one step, and what is left has few bits: it is ln2 rounded to the nearest. */
FNN_INLINE fnn_vd fnn_exp_of_sumd(fnn_vd x, fnn_vd rest, int has_rest, fnn_vd *k, fnn_vd *root) {
  const double magic = 422212465065984.0; /* 1.5 * 2^48 */
  const fnn_vd shifted = x * 1.4426950408889634074 + magic;
  *k = shifted - magic;
  *root = fnn_of_sixteen(fnn_roots, (fnn_vi64)shifted);
  const fnn_vd part = fnn_multiply_addd(*k, fnn_splatd(-0.69314718055994530942), x);
  const fnn_vd r = has_rest ? part + fnn_multiply_addd(*k, fnn_splatd(-2.3190468138462996e-17), rest)
                            : fnn_multiply_addd(*k, fnn_splatd(-2.3190468138462996e-17), part);
  fnn_vd p = r * 0.0013889129183592614 + 0.008333471951331238;
  p = p * r + 0.04166666665964052;
  p = p * r + 0.16666666664416954;
  p = p * r + 0.5;
  p = p * r + 1.0;
  return p * r + fnn_of_sixteen(fnn_root_errors, (fnn_vi64)shifted);
}
FNN_INLINE fnn_vd fnn_whole_exp2d(fnn_vd k, fnn_vd root) { return (fnn_vd)_mm512_scalef_pd(root, k); }
FNN_INLINE fnn_vd fnn_scaled(fnn_vd y, fnn_vd k) { return (fnn_vd)_mm512_scalef_pd(y, k); }
#else
FNN_INLINE fnn_vd fnn_exp2id(fnn_vi64 n) { return (fnn_vd)((n + 1023) << 52); }
/* The integer that k is: the low bits of its sum with 1.5 * 2^52, as there may be no instruction that converts. */
FNN_INLINE fnn_vi64 fnn_integerd(fnn_vd k) {
  const double magic = 6755399441055744.0;
  return (fnn_vi64)(k + magic) - (fnn_vi64)fnn_splatd(magic);
}
FNN_INLINE fnn_vd fnn_whole_exp2d(fnn_vd k, fnn_vd root) {
  (void)root;
  return fnn_exp2id(fnn_integerd(k));
}
/* As fnn_scalef; integers of 64 bits are shifted with their sign by no instruction. */
FNN_INLINE fnn_vd fnn_scaled(fnn_vd y, fnn_vd k) {
  const fnn_vu64 both = (fnn_vu64)(k + (6755399441055744.0 + 2046.0)), half = both >> 1;
  return y * (fnn_vd)(half << 52) * (fnn_vd)((both - half) << 52);
}
#endif

/* As fnn_exp_partsf: degree 3 by the table where there is one. Of e^x - 1 the error counts relative to x, and roots
 * cancel, what is rounded of their products not: so without a table, by Taylor's polynomial, of which the first term
 * left out is below 2^-57 of the sum. */
FNN_INLINE fnn_vd fnn_exp_partsd(fnn_vd x, fnn_vd *k, fnn_vd *root, int parts, int degree) {
#if defined(FNN_ISA_AVX512)
  if (degree == 3) return fnn_exp_of_sumd(x, x, 0, k, root);
#endif
  (void)degree;
  const double magic = 6755399441055744.0; /* 1.5 * 2^52 */
  *k = (x * 1.4426950408889634074 + magic) - magic;
  *root = fnn_splatd(1.0);
  const fnn_vd r = parts == 1 ? x - *k * 0.69314718055994530942
                              : (x - *k * 6.93147180369123816490e-01) - *k * 1.90821492927058770002e-10;
  fnn_vd p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return p * (r * r) + r;
}

FNN_INLINE fnn_vd fnn_exp_insided(fnn_vd x) { /* x in [-746, 710] */
  fnn_vd k, root, p = fnn_exp_partsd(x, &k, &root, 2, 3);
  return fnn_scaled(p * root + root, k);
}
enum { fnn_EXP_LEASTd = -746, fnn_EXP_MOSTd = 710 };

/* log(1 + f) - f by fdlibm's e_log.c: with s = f / (2 + f), log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)). */
FNN_INLINE fnn_vd fnn_log_polyd(fnn_vd f) {
  fnn_vd s = f / (f + 2.0), z = s * s, half_square = 0.5 * f * f;
  fnn_vd r = 1.479819860511658591e-01 * z + 1.531383769920937332e-01;
  r = r * z + 1.818357216161805012e-01;
  r = r * z + 2.222219843214978396e-01;
  r = r * z + 2.857142874366239149e-01;
  r = r * z + 3.999999999940941908e-01;
  r = r * z + 6.666666666666735130e-01;
  return s * (half_square + r * z) - half_square;
}

#if defined(FNN_ISA_AVX512)
/* u + low (has_low: else u), low no more than half of u's last bit. u = m 2^e with m in [45/64, 45/32), which is
 * (1 + r) / c, c of a table by the nearest sixteenth of m, so that r is in [-1/32, 1/32]; of low it has low c / 2^e.
 * Returns r; `rest` is log(1 + r) - r by a polynomial within 2^-55 r. */
FNN_INLINE fnn_vd fnn_log_partsd(fnn_vd u, fnn_vd low, int has_low, fnn_vd *e, fnn_vi64 *place, fnn_vd *rest) {
  static const double factors[16] = {
    1.0, 0.9411764705882353, 0.8888888888888888, 0.8421052631578947, 0.8, 0.7619047619047619, 0.7272727272727273,
    1.391304347826087, 1.3333333333333333, 1.28, 1.2307692307692308, 1.1851851851851851, 1.1428571428571428,
    1.103448275862069, 1.0666666666666667, 1.032258064516129};
  const fnn_vd whole = _mm512_getmant_pd(u, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero), exponent = _mm512_getexp_pd(u);
  const __mmask8 is_high = _mm512_cmp_pd_mask(whole, fnn_splatd(1.40625), _CMP_GE_OQ);
  const fnn_vd m = _mm512_mask_mul_pd(whole, is_high, whole, fnn_splatd(0.5));
  *e = _mm512_mask_add_pd(exponent, is_high, exponent, fnn_splatd(1.0));
  *place = (fnn_vi64)(((fnn_vu64)m + ((uint64_t)1 << 47)) >> 48);
  const fnn_vd c = fnn_of_sixteen(factors, *place);
  fnn_vd r = fnn_multiply_addd(m, c, fnn_splatd(-1.0));
  if (has_low) r = fnn_multiply_addd(low, (fnn_vd)_mm512_scalef_pd(c, -*e), r);
  fnn_vd p = r * 0.1112888698700779 - 0.1251955312667777;
  p = p * r + 0.14285703432369223;
  p = p * r - 0.16666654728256258;
  p = p * r + 0.20000000002120089;
  p = p * r - 0.2500000000233204;
  p = p * r + 0.3333333333333327;
  p = p * r - 0.4999999999999993;
  *rest = p * (r * r);
  return r;
}
/* What a logarithm is where u is not a positive finite number: a response of four bits for each kind of number. */
FNN_INLINE fnn_vd fnn_log_speciald(fnn_vd u, fnn_vd y) {
  return _mm512_fixupimm_pd(y, u, _mm512_set1_epi64(0x03530422), 0);
}
/* The logarithms of 1 / c, and of 2 as its base asks, have two parts, of which sums of the first are exact. */
FNN_INLINE fnn_vd fnn_log_withd(fnn_vd u, fnn_vd low, int has_low) {
  static const double logs[16] = {
    0.0, 0.06062462181648698, 0.11778303565643, 0.17185025692663203, 0.22314355131425145, 0.2719337154836694,
    0.31845373111855224, -0.33024168687052224, -0.28768207245173016, -0.2468600779315011, -0.20763936477828793,
    -0.16989903679541385, -0.13353139262449076, -0.09844007281321865, -0.0645385211375924, -0.03174869831457272};
  static const double rests[16] = {
    0.0, -5.2122328603557226e-14, -4.649178632475319e-14, 2.7249952800726582e-14, -4.175347699650321e-14,
    -2.7588258842297444e-14, -1.765318688778829e-14, -5.4584388914304586e-14, -5.070775268030282e-14,
    -2.470914083772331e-14, 4.3369911444011306e-14, 1.643178756532876e-14, -3.1804225197847076e-14,
    -3.38573632414336e-14, 2.1239485832617812e-14, -7.552554793759532e-15};
  fnn_vd e, rest;
  fnn_vi64 place;
  const fnn_vd r = fnn_log_partsd(u, low, has_low, &e, &place, &rest);
  const fnn_vd large = e * 0.6931471805598903 + fnn_of_sixteen(logs, place);
  const fnn_vd small = e * 5.497923018708371e-14 + fnn_of_sixteen(rests, place);
  return fnn_log_speciald(u, large + (rest + small + r));
}
FNN_INLINE fnn_vd fnn_log2d(fnn_vd x) { /* exact at powers of two */
  static const double logs[16] = {
    0.0, 0.08746284125038528, 0.16992500144226597, 0.24792751344364206, 0.321928094887312, 0.392317422778774,
    0.459431618637268, -0.47643804394294875, -0.4150374992788102, -0.3561438102252623, -0.29956028185893047,
    -0.2451124978365442, -0.1926450779424158, -0.14201900487239527, -0.09310940439149817, -0.04580368961308068};
  static const double rests[16] = {
    0.0, -4.585317975575876e-14, 4.647695911180414e-14, -5.648191122370219e-14, 5.026815680215906e-14,
    -1.3647497193733663e-14, 2.9213953331736594e-14, -3.8335289097841907e-14, -3.356489647360826e-14,
    -1.3020384915580425e-14, 2.2546425693437238e-14, 1.2831976975600503e-14, 1.999748494246997e-14,
    -3.258788163870545e-14, 1.6723281744199646e-14, -4.4073050813068215e-14};
  fnn_vd e, rest;
  fnn_vi64 place;
  const fnn_vd r = fnn_log_partsd(x, x, 0, &e, &place, &rest);
  const fnn_vd small = rest * 1.4426950408889634 + (r * 2.0355273740931033e-17 + fnn_of_sixteen(rests, place));
  return fnn_log_speciald(x, (e + fnn_of_sixteen(logs, place)) + (r * 1.4426950408889634 + small));
}
FNN_INLINE fnn_vd fnn_logd(fnn_vd x) { return fnn_log_withd(x, x, 0); }
#else
/* As fnn_log_reducef. With 1024 added to it n has no sign, and is the last bits of a double of 2^52. */
FNN_INLINE fnn_vd fnn_log_reduced(fnn_vd x, fnn_vd *e) {
  const uint64_t least = 0x3fe6a09e667f3bcd;
  const fnn_vi64 tiny = x < 2.2250738585072014e-308;
  x = fnn_selectd(tiny, x * 4503599627370496.0, x); /* 2^52 */
  const fnn_vu64 above = (fnn_vu64)x - (least - ((uint64_t)1024 << 52));
  const fnn_vd m = (fnn_vd)((above & (((uint64_t)1 << 52) - 1)) + least);
  const fnn_vd n = (fnn_vd)(above >> 52 | (fnn_vu64)fnn_splatd(0x1p52)) - (0x1p52 + 1024.0);
  *e = n - (fnn_vd)(tiny & (fnn_vi64)fnn_splatd(52.0));
  return m - 1.0;
}

FNN_INLINE fnn_vd fnn_log_speciald(fnn_vd x, fnn_vd y) {
  y = fnn_selectd(x == 0.0, fnn_splatd(-INFINITY), y);
  y = fnn_selectd(x == INFINITY, x, y);
  return fnn_selectd((x < 0.0) | (x != x), fnn_splatd(NAN), y);
}

FNN_INLINE fnn_vd fnn_logd(fnn_vd x) {
  fnn_vd e, f = fnn_log_reduced(x, &e);
  fnn_vd y = fnn_log_polyd(f) + e * 1.90821492927058770002e-10;
  return fnn_log_speciald(x, (f + y) + e * 6.93147180369123816490e-01);
}
FNN_INLINE fnn_vd fnn_log2d(fnn_vd x) {
  fnn_vd e, f = fnn_log_reduced(x, &e);
  fnn_vd y = fnn_log_polyd(f);
  return fnn_log_speciald(x, ((y * 0.4426950408889634074 + f * 0.4426950408889634074) + y + f) + e);
}
#endif

FNN_INLINE fnn_vd fnn_log10d(fnn_vd x) { return fnn_logd(x) * 0.43429448190325182765; }
FNN_INLINE fnn_vd fnn_near_quotientd(fnn_vd a, fnn_vd b) { return a / b; }

/* The logarithm of u + low, low no more than half of u's last bit: as log(u) + low / u. */
FNN_INLINE fnn_vf fnn_log_of_partsf(fnn_vf u, fnn_vf low) {
  const fnn_vf y = fnn_logf(u);
  return fnn_selectf((u > 0.0f) & (u < INFINITY), y + fnn_near_quotientf(low, u), y);
}
#if defined(FNN_ISA_AVX512)
FNN_INLINE fnn_vd fnn_log_of_partsd(fnn_vd u, fnn_vd low) { return fnn_log_withd(u, low, 1); }
#else
FNN_INLINE fnn_vd fnn_log_of_partsd(fnn_vd u, fnn_vd low) {
  const fnn_vd y = fnn_logd(u);
  return fnn_selectd((u > 0.0) & (u < INFINITY), y + low / u, y);
}
#endif

FNN_INLINE fnn_vd fnn_erfd(fnn_vd x) { /* as fnn_erff, with the border at 1 */
  fnn_vd z = x * x, t = fnn_absd(x);
  fnn_vd p = 5.945898108916475e-11 * z - 1.1366062776401375e-09;
  p = p * z + 1.4657988643309729e-08;
  p = p * z - 1.6350042465311974e-07;
  p = p * z + 1.6460974563225445e-06;
  p = p * z - 1.4925593624837182e-05;
  p = p * z + 0.00012055331042282446;
  p = p * z - 0.0008548326978906755;
  p = p * z + 0.005223977624784136;
  p = p * z - 0.02686617064507329;
  p = p * z + 0.1128379167095486;
  p = p * z - 0.3761263890318375;
  p = p * z + 0.1283791670955126;
  fnn_vd near = p * x + x;
  fnn_vd u = fnn_selectd(t > 6.0, fnn_splatd(6.0), t); /* erf(6) is 1 */
  fnn_vd q = -1.039168158723674e-12 * u + 4.7521808504099864e-11;
  q = q * u - 1.0171352260636891e-09;
  q = q * u + 1.352323522441789e-08;
  q = q * u - 1.24838798123373e-07;
  q = q * u + 8.452387621524828e-07;
  q = q * u - 4.301979986534679e-06;
  q = q * u + 1.6422153509648264e-05;
  q = q * u - 4.477167338278216e-05;
  q = q * u + 6.975404847999732e-05;
  q = q * u + 4.595009593073672e-05;
  q = q * u - 0.0006428261773983768;
  q = q * u + 0.001770917781411747;
  q = q * u - 0.00028222255864474694;
  q = q * u - 0.019076959101537807;
  q = q * u + 0.10274664433792469;
  q = q * u + 0.6366287031714688;
  q = q * u + 1.1283772825077991;
  q = q * u + 1.8437512700720814e-07;
  return fnn_selectd(t < 1.0, near, fnn_copysignd(1.0 - fnn_exp_insided(-q), x));
}

enum { fnn_TRIG_LIMITd = 100000 };

FNN_INLINE fnn_vd fnn_trig_reduced(fnn_vd x, fnn_vi64 *quadrant) { /* pi/2 in parts of 33 bits, as in fdlibm */
  const double magic = 6755399441055744.0;
  fnn_vd shifted = x * 6.36619772367581382433e-01 + magic;
  *quadrant = (fnn_vi64)shifted;
  fnn_vd k = shifted - magic;
  return ((x - k * 1.57079632673412561417e+00) - k * 6.07710050630396597660e-11) - k * 2.02226624879595063154e-21;
}

FNN_INLINE fnn_vd fnn_sin_polyd(fnn_vd r) {
  fnn_vd z = r * r;
  fnn_vd p = 1.58969099521155010221e-10 * z - 2.50507602534068634195e-08;
  p = p * z + 2.75573137070700676789e-06;
  p = p * z - 1.98412698298579493134e-04;
  p = p * z + 8.33333333332248946124e-03;
  p = p * z - 1.66666666666666324348e-01;
  return p * z * r + r;
}

FNN_INLINE fnn_vd fnn_cos_polyd(fnn_vd r) {
  fnn_vd z = r * r;
  fnn_vd p = -1.13596475577881948265e-11 * z + 2.08757232129817482790e-09;
  p = p * z - 2.75573143513906633035e-07;
  p = p * z + 2.48015872894767294178e-05;
  p = p * z - 1.38888888888741095749e-03;
  p = p * z + 4.16666666666666019037e-02;
  return p * z * z - 0.5 * z + 1.0;
}

/* ---- the functions that are the same for both types ---- */

#define fnn_POW_LIMIT 0x1p36f /* see fnn_power_rest of vmath_body.h */
#include "types_f32.h"
#include "vmath_body.h"
#include "types_f64.h"
#include "vmath_body.h"
#include "types_none.h"

FNN_INLINE fnn_vd fnn_normal_cdfd(fnn_vd x, fnn_vd *bell) {
  *bell = fnn_expd(x * x * -0.5);
  return fnn_erfd(x * 0.70710678118654752440) * 0.5 + 0.5;
}

/* ---- powers ---- */

/* Both halves of a vector in float64, and back. */
#if defined(FNN_ISA_AVX512)
FNN_INLINE fnn_vd fnn_lower_half(fnn_vf x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
FNN_INLINE fnn_vd fnn_upper_half(fnn_vf x) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)); }
FNN_INLINE fnn_vf fnn_joined(fnn_vd lower, fnn_vd upper) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(lower)), _mm512_cvtpd_ps(upper), 1);
}
#else
FNN_INLINE fnn_vd fnn_lower_half(fnn_vf x) {
  double wide[FNN_VD];
  for (int k = 0; k < FNN_VD; k++) wide[k] = x[k];
  return fnn_loadd(wide);
}
FNN_INLINE fnn_vd fnn_upper_half(fnn_vf x) {
  double wide[FNN_VD];
  for (int k = 0; k < FNN_VD; k++) wide[k] = x[FNN_VD + k];
  return fnn_loadd(wide);
}
FNN_INLINE fnn_vf fnn_joined(fnn_vd lower, fnn_vd upper) {
  float x[FNN_VF];
  for (int k = 0; k < FNN_VD; k++) x[k] = (float)lower[k], x[FNN_VD + k] = (float)upper[k];
  return fnn_loadf(x);
}
#endif

#include "vmath_power.h"

/* The square root within an ulp, where it stands beside a division: the CPU has one unit for both. */
FNN_INLINE fnn_vd fnn_rootd(fnn_vd x) { return fnn_sqrtd(x); }
#if defined(FNN_ISA_AVX512)
/* A step of Newton's from 14 bits of 1 / sqrt(x). Denormals would lose bits there, and infinities give NaN. */
FNN_INLINE fnn_vf fnn_rootf(fnn_vf x) {
  enum { DENORMAL = 0x20, NEGATIVE = 0x40, INFINITE = 0x18 };
  const fnn_vf r = _mm512_rsqrt14_ps(fnn_maxf(x, fnn_splatf(FLT_MIN))), y = x * r;
  const fnn_vf root = (x - y * y) * (r * 0.5f) + y; /* of 0 it is 0 */
  const __mmask16 rest = _mm512_fpclass_ps_mask(x, DENORMAL | NEGATIVE | INFINITE);
  return __builtin_expect(rest, 0) ? (fnn_vf)_mm512_mask_sqrt_ps(root, rest, x) : root;
}
#else
FNN_INLINE fnn_vf fnn_rootf(fnn_vf x) { return fnn_sqrtf(x); }
#endif

FNN_INLINE fnn_vd fnn_exp_nonpositived(fnn_vd x) { return fnn_expd(x); }
FNN_INLINE fnn_vd fnn_exp_below0d(fnn_vd x) { return fnn_expd(x); }

#endif
