/* vmath_gates.h: what activations make of exponentials, in fewer steps than their parts would take: tanh,
 * sigmoid(a) tanh(b) and gelu, of vectors of float32 (suffix f) and float64 (suffix d). Errors as in vmath.h, of every
 * seventh float32 with AVX-512: tanh 2.9, sigmoid(a) tanh(b) 4.4. Where 1 / sigmoid overflows, its product is 0. */
#ifndef FNN_VMATH_GATES_H
#define FNN_VMATH_GATES_H

#include "vmath.h"

#if defined(FNN_ISA_AVX512)
/* 2^(n / 16) in 24 bits, n the low four bits of `place`: beside 1 that is enough. */
FNN_INLINE fnn_vf fnn_root_of_sixteenf(fnn_vf place) {
  static const float roots[16] = {
    1.0f, 1.0442737f, 1.0905077f, 1.1387886f, 1.1892071f, 1.2418578f, 1.2968396f, 1.3542556f,
    1.4142135f, 1.4768262f, 1.5422108f, 1.6104903f, 1.6817929f, 1.7562522f, 1.8340081f, 1.9152066f};
  return _mm512_permutexvar_ps((__m512i)place, _mm512_loadu_ps(roots));
}
/* 2^(x y), whose exponent is not rounded. */
FNN_INLINE fnn_vf fnn_exp2_of_productf(fnn_vf x, fnn_vf y) {
  const float magic = 786432.0f; /* 1.5 * 2^19: rounds to a sixteenth */
  const fnn_vf shifted = fnn_multiply_addf(x, y, fnn_splatf(magic)), k = shifted - magic;
  /* The nearer to 0: a number where k is infinite. */
  const fnn_vf r = (fnn_vf)_mm512_range_ps(fnn_multiply_addf(x, y, -k), fnn_splatf(0.03125f), 6);
  const fnn_vf root = fnn_root_of_sixteenf(shifted);
  const fnn_vf p = (r * 0.0555050853f + 0.240233552f) * r + 0.693147181f;
  return (fnn_vf)_mm512_scalef_ps(p * (r * root) + root, k);
}
/* 1 + e^x */
FNN_INLINE fnn_vf fnn_exp_and_1f(fnn_vf x) {
  x = fnn_minf(fnn_splatf(100.0f), fnn_maxf(fnn_splatf(-100.0f), x)); /* infinities */
  const float magic = 786432.0f;
  const fnn_vf shifted = x * 1.44269504f + magic, k = shifted - magic, r = fnn_exp_reducef(x, k, 2);
  const fnn_vf root = fnn_root_of_sixteenf(shifted);
  const fnn_vf p = (r * 0.166670591f + 0.500016212f) * r + 1.0f;
  return (fnn_vf)_mm512_scalef_ps(p * (r * root) + root, k) + 1.0f;
}

/* |tanh(x)| = above / under: tanh(c + r) = (tanh(c) + tanh(r)) / (1 + tanh(c) tanh(r)), c the nearest half, whose tanh
 * is of a table of two vectors, 1 from 9.5 on, and tanh(r) a polynomial within 2^-26 of it. */
FNN_INLINE fnn_vf fnn_tanh_partsf(fnn_vf x, fnn_vf *under) {
  static const float tanhs[32] = {
    0.0f, 0.462117157f, 0.761594156f, 0.905148254f, 0.96402758f, 0.986614298f, 0.995054754f, 0.998177898f,
    0.9993293f, 0.999753211f, 0.999909204f, 0.999966597f, 0.999987712f, 0.999995479f, 0.999998337f, 0.999999388f,
    0.999999775f, 0.999999917f, 0.99999997f, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const float magic = 6291456.0f; /* 1.5 * 2^22: rounds to a half, whose number the low bits are */
  const fnn_vf t = fnn_minf(fnn_splatf(15.0f), fnn_absf(x)), shifted = t + magic, r = t - (shifted - magic), z = r * r;
  const fnn_vf of_c = _mm512_permutex2var_ps(_mm512_loadu_ps(tanhs), (__m512i)shifted, _mm512_loadu_ps(tanhs + 16));
  const fnn_vf p = (z * -0.0519749431f + 0.13328699f) * z - 0.333333173f, of_r = p * (r * z) + r;
  *under = of_c * of_r + 1.0f;
  return of_c + of_r;
}
FNN_INLINE fnn_vf fnn_quick_tanhf(fnn_vf x) {
  fnn_vf under, above = fnn_tanh_partsf(x, &under);
  return fnn_copysignf(above / under, x);
}
/* sigmoid(a) tanh(b) */
FNN_INLINE fnn_vf fnn_gatef(fnn_vf a, fnn_vf b) {
  fnn_vf under, above = fnn_tanh_partsf(b, &under);
  return fnn_copysignf(above / (fnn_exp_and_1f(-a) * under), b);
}
#else
FNN_INLINE fnn_vf fnn_quick_tanhf(fnn_vf x) { return fnn_tanhf(x); }
FNN_INLINE fnn_vf fnn_gatef(fnn_vf a, fnn_vf b) { return fnn_sigmoid_tanhf(a, b); }
#endif
FNN_INLINE fnn_vd fnn_quick_tanhd(fnn_vd x) { return fnn_tanhd(x); }
FNN_INLINE fnn_vd fnn_gated(fnn_vd a, fnn_vd b) { return fnn_sigmoid_tanhd(a, b); }

#if defined(FNN_ISA_AVX2)
/* 2^r - 1, |r| <= 1/2: as in fnn_exp2_partsf. */
FNN_INLINE fnn_vf fnn_exp2_polyf(fnn_vf r) {
  fnn_vf p = 0.00015353362f * r + 0.0013398875f;
  p = p * r + 0.00961843692f;
  p = p * r + 0.0555033237f;
  p = p * r + 0.240226477f;
  return (p * r + 0.693147182f) * r;
}
FNN_INLINE fnn_vf fnn_exp2_of_productf(fnn_vf x, fnn_vf y) {
  const float magic = 12582912.0f; /* 1.5 * 2^23: rounds, and leaves the integer in the low bits */
  fnn_vf shifted = fnn_multiply_addf(x, y, fnn_splatf(magic));
  shifted = fnn_minf(fnn_splatf(magic + 128.0f), fnn_maxf(fnn_splatf(magic - 127.0f), shifted));
  fnn_vf r = fnn_multiply_addf(x, y, magic - shifted);
  r = fnn_minf(fnn_splatf(0.5f), fnn_maxf(fnn_splatf(-0.5f), r));
  return (fnn_exp2_polyf(r) + 1.0f) * (fnn_vf)(((fnn_vi32)shifted + 127) << 23);
}
#endif

/* gelu = x sigmoid(u), u = sqrt(8 / pi) (x + 0.044715 x^3) = x (x^2 cubic + linear), in this file's terms
 * x / (1 + odds), odds = e^-u. Of gelu_odds, x >= 0. */
#define FNN_GELU_LINEAR 1.5957691216057308
#define FNN_GELU_CUBIC 0.071354816272600245
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
FNN_INLINE fnn_vf fnn_exp2_of_product_and_1f(fnn_vf x, fnn_vf y) { return fnn_exp2_of_productf(x, y) + 1.0f; }

FNN_INLINE fnn_vf fnn_gelu_oddsf(fnn_vf x) {
  const double ln2 = 0.69314718055994531;
  return fnn_exp2_of_productf(x, x * x * (float)(-FNN_GELU_CUBIC / ln2) + (float)(-FNN_GELU_LINEAR / ln2));
}
FNN_INLINE fnn_vf fnn_geluf(fnn_vf x) { return x / (fnn_gelu_oddsf(x) + 1.0f); }
#else /* of which the exponent would be rounded once more */
FNN_INLINE fnn_vf fnn_gelu_oddsf(fnn_vf x) {
  return fnn_exp_below0f(-x * (x * x * (float)FNN_GELU_CUBIC + (float)FNN_GELU_LINEAR));
}
FNN_INLINE fnn_vf fnn_geluf(fnn_vf x) {
  return x * fnn_sigmoidf(x * (x * x * (float)FNN_GELU_CUBIC + (float)FNN_GELU_LINEAR));
}
#endif
FNN_INLINE fnn_vd fnn_gelu_oddsd(fnn_vd x) {
  return fnn_exp_below0d(-x * (x * x * FNN_GELU_CUBIC + FNN_GELU_LINEAR));
}
FNN_INLINE fnn_vd fnn_gelud(fnn_vd x) { return x * fnn_sigmoidd(x * (x * x * FNN_GELU_CUBIC + FNN_GELU_LINEAR)); }

#endif
