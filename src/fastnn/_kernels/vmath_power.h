/* vmath_power.h: x^y of vectors of float32 (suffix f) and float64 (suffix d), as vmath.h has the other functions. */
#ifndef FNN_VMATH_POWER_H
#define FNN_VMATH_POWER_H

/* 2^t of float64 without denormal results, within 2^-33: t a whole number and a rest of at most 1/2. */
FNN_INLINE fnn_vd fnn_exp2_of_narrow(fnn_vd t) {
  const double magic = 6755399441055744.0; /* 1.5 * 2^52 */
  const fnn_vd shifted = t + magic, r = t - (shifted - magic);
  fnn_vd q = r * 0.000015297323760701074108 + 0.00015461444698569129083;
  q = q * r + 0.0013333502386162770741;
  q = q * r + 0.0096180566785246380754;
  q = q * r + 0.055504108839096183929;
  q = q * r + 0.24022650922288758071;
  q = q * r + 0.69314718055994530942;
  q = q * r + 1.0;
  return q * (fnn_vd)(((fnn_vi64)shifted + 1023) << 52); /* magic's own bits are shifted out */
}

#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
/* x = m 2^e with m in [0.689, 1.379), of which a table of sixteen has a factor c in place `place`, so that r = m c - 1
 * is exact and within 1.1 / 32 of 0. */
static const double fnn_pow_factors[16] = {1.40625, 1.375, 1.3125, 1.25, 1.21875, 1.15625, 1.125, 1.09375,
                                           1.03125, 1.0, 0.96875, 0.90625, 0.859375, 0.8125, 0.78125, 0.75};
/* Of 1 / c, multiples of 2^-43, so that adding one to a multiple of ln2 is exact; and what they leave. */
static const double fnn_pow_logs[16] = {
  -0.34092658697056777, -0.31845373111855224, -0.2719337154836694, -0.22314355131425145, -0.19782574332987224,
  -0.1451820098444614, -0.11778303565643, -0.089612158689647, -0.03077165866670839, 0.0, 0.03174869831457272,
  0.09844007281321865, 0.15154989812720032, 0.20763936477828793, 0.2468600779315011, 0.28768207245173016};
static const double fnn_pow_rests[16] = {
  -2.544157440035963e-14, 1.7625431312172662e-14, 2.7643769993528702e-14, 4.169796584527195e-14,
  -4.7641388950792196e-14, -3.6506824353335045e-14, 4.654729747598445e-14, -4.012913552726574e-14,
  -4.529814257790929e-14, 0.0, 7.580310369375161e-15, 3.3871241029241416e-14, 6.157896229122976e-16,
  -4.3425422595242564e-14, 2.4688324156011588e-14, 5.076326383153408e-14};

/* log(x), which may be multiplied by 2^11 where x is near 1, in two parts: each sum and product whose rounding would
 * count has its rest beside it. log(1 + r) is r - r^2 / 2 and r^3 times a polynomial, within 2^-65 r in all. */
FNN_INLINE fnn_vd fnn_pow_log(fnn_vd r, fnn_vd e, fnn_vd log_c, fnn_vd rest_c, fnn_vd *log_rest) {
  fnn_vd p = r * -0.08354271414230832 + 0.09113457577761877;
  p = p * r - 0.09999978542645588;
  p = p * r + 0.11111088003341664;
  p = p * r - 0.12500000008972648;
  p = p * r + 0.14285714295377167;
  p = p * r - 0.16666666666665353;
  p = p * r + 0.19999999999998586;
  p = p * r - 0.25;
  p = p * r + 0.3333333333333333;
  const fnn_vd whole = e * 0.6931471805598903 + log_c, sum = whole + r, half = r * -0.5;
  const fnn_vd high = fnn_multiply_addd(r, half, sum), square_rest = fnn_multiply_addd(r, half, sum - high);
  const fnn_vd far_rest = e * 5.497923018708371e-14 + rest_c, sum_rest = whole - sum + r;
  const fnn_vd low = far_rest + sum_rest + square_rest + r * r * r * p, log = high + low;
  *log_rest = high - log + low;
  return log;
}
#endif

#if defined(FNN_ISA_AVX512)
static const double fnn_pow_log2s[16] = {
  -0.4918530963296747, -0.45943161863729726, -0.3923174227787603, -0.32192809488736235, -0.28540221886224837,
  -0.20945336562894978, -0.16992500144231237, -0.12928301694496647, -0.044394119358453436, 0.0, 0.04580368961312479,
  0.14201900487242788, 0.2186402864753404, 0.2995602818589078, 0.3561438102252753, 0.4150374992788438};

/* m c - 1 of x that is positive and finite; of 0 and infinity e is infinite. */
FNN_INLINE fnn_vd fnn_pow_reduced(fnn_vd x, fnn_vi64 *place, fnn_vd *e) {
  const fnn_vd whole = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero), exponent = _mm512_getexp_pd(x);
  const __mmask8 is_high = _mm512_cmp_pd_mask(whole, fnn_splatd(1.37890625), _CMP_GE_OQ);
  const fnn_vd m = _mm512_mask_mul_pd(whole, is_high, whole, fnn_splatd(0.5));
  *e = _mm512_mask_add_pd(exponent, is_high, exponent, fnn_splatd(1.0));
  *place = (fnn_vi64)(((fnn_vu64)m - 0x3fe6100000000000u) >> 48);
  return fnn_multiply_addd(m, fnn_of_sixteen(fnn_pow_factors, *place), fnn_splatd(-1.0));
}

/* |x|^y of numbers that were float32, within 2^-32: log2(m) is within 2^-42.5 of itself, as it may be multiplied by
 * 150. */
FNN_INLINE fnn_vd fnn_pow_of_narrow(fnn_vd x, fnn_vd y) {
  const double magic = 422212465065984.0; /* 1.5 * 2^48 */
  fnn_vi64 place;
  fnn_vd e;
  const fnn_vd r_m = fnn_pow_reduced(x, &place, &e);
  fnn_vd p = r_m * 0.20642806338504066 - 0.24081903194347712;
  p = p * r_m + 0.28853881568035933;
  p = p * r_m - 0.3606735436701215;
  p = p * r_m + 0.4808983469911581;
  p = p * r_m - 0.7213475204761721;
  p = p * r_m + 1.4426950408889634;
  const fnn_vd t = (p * r_m + (fnn_of_sixteen(fnn_pow_log2s, place) + e)) * y;
  const fnn_vd shifted = t + magic, k = shifted - magic, r = t - k;
  const fnn_vd root = fnn_of_sixteen(fnn_roots, (fnn_vi64)shifted);
  fnn_vd q = r * 0.00961837822926884 + 0.05550573691516436;
  q = q * r + 0.2402265068627186;
  q = q * r + 0.6931471801620742;
  return (fnn_vd)_mm512_scalef_pd(q * r * root + root, k);
}

/* As vmath_body.h has functions that are quick, which here are |x|^y. Rare is an x that is no positive finite number,
 * and of float64 a y whose product with a logarithm may leave no place for its fraction beside `magic`. */
enum { fnn_POW_RARE = 0xdf }; /* a class of number has a bit; the one that is left is that of denormals */

/* float32: log(x) and its product with y are pairs of floats, the second of which is what the first was rounded by.
 * x = m 2^e with m in [3/4, 3/2), of which a table has a factor c by its nearest sixteenth, so short that r = m c - 1
 * is exact and within 1/18 of 0; log(1 / c) and log(2) are multiples of 2^-16, whose sums are exact, and a rest.
 * Rare are results, too, that are neither normal numbers nor 0: the exponential's polynomial, of an even degree, is
 * above 0, whatever y leaves of its argument, so that 0 is what a large negative power of 2 makes of it. */
FNN_INLINE fnn_vf fnn_quick_powf(const fnn_vf *in, fnn_raref *is_rare) {
  static const float factors[16] = {1.0f, 0.9375f, 0.875f, 0.84375f, 0.8125f, 0.75f, 0.71875f, 0.6875f, 0.6875f,
                                    1.0f, 1.0f, 1.0f, 1.3125f, 1.25f, 1.125f, 1.0625f};
  static const float logs[16] = {
    0.0f, 0.06454468f, 0.13352966f, 0.16990662f, 0.2076416f, 0.2876892f, 0.33024597f, 0.37469482f, 0.37469482f, 0.0f,
    0.0f, 0.0f, -0.27192688f, -0.22314453f, -0.11778259f, -0.06062317f};
  static const float rests[16] = {
    0.0f, -6.15659701e-06f, 1.72953855e-06f, -7.57941552e-06f, -2.23678421e-06f, -7.13653253e-06f, -4.28480917e-06f,
    -1.3747773e-06f, -1.3747773e-06f, 0.0f, 0.0f, 0.0f, -6.83560074e-06f, 9.79935749e-07f, -4.42882936e-07f,
    -1.45287117e-06f};
  static const float roots[16] = {
    1.0f, 1.04427373f, 1.09050775f, 1.13878858f, 1.18920708f, 1.24185777f, 1.29683959f, 1.35425556f,
    1.41421354f, 1.47682619f, 1.54221082f, 1.61049032f, 1.68179286f, 1.75625217f, 1.8340081f, 1.91520655f};
  static const float root_errors[16] = {
    0.0f, 4.62855e-08f, -1.19922e-08f, 4.72978e-08f, 3.19342e-08f, 3.62106e-08f, -3.09907e-08f, -7.47521e-09f,
    1.71143e-08f, -3.04768e-08f, 5.23333e-09f, 6.10759e-09f, -1.47196e-08f, -5.2588e-09f, -6.12826e-09f, 5.14061e-09f};
  const float sixteenths = 786432.0f, ln2 = 0.693145751953125f, ln2_rest = 1.428606765330187e-06f; /* 1.5 * 2^19 */
  const fnn_vf x = in[0], y = in[1];

  const fnn_vf m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero), exponent = _mm512_getexp_ps(x);
  const __mmask16 is_below = _mm512_cmp_ps_mask(m, fnn_splatf(1.0f), _CMP_LT_OQ);
  const fnn_vf e = _mm512_mask_add_ps(exponent, is_below, exponent, fnn_splatf(1.0f));
  const __m512i place = (__m512i)(m + sixteenths);
  const fnn_vf r = fnn_multiply_addf(m, _mm512_permutexvar_ps(place, _mm512_loadu_ps(factors)), fnn_splatf(-1.0f));

  /* log(1 + r) is r - r^2 / 2 and r^3 times a polynomial, which the rest has: that may be as large as a step of
   * roots, where y is large. Sums in which `by` is made are exact. */
  fnn_vf p = r * 0.141585961f - 0.167199627f;
  p = p * r + 0.200005025f;
  p = p * r - 0.249999464f;
  p = p * r + 0.333333343f;
  const fnn_vf whole = e * ln2 + (fnn_vf)_mm512_permutexvar_ps(place, _mm512_loadu_ps(logs));
  const fnn_vf rest = e * ln2_rest + (fnn_vf)_mm512_permutexvar_ps(place, _mm512_loadu_ps(rests));
  const fnn_vf half = r * -0.5f, log = whole + fnn_multiply_addf(r, half, r);
  const fnn_vf by = fnn_multiply_addf(r, half, whole - log + r), log_rest = r * r * r * p + by + rest;

  const fnn_vf t = y * log, t_rest = fnn_multiply_addf(y, log_rest, fnn_multiply_addf(y, log, -t));
  const fnn_vf shifted = (t + t_rest) * 1.44269504f + sixteenths, k = shifted - sixteenths;
  const fnn_vf s = (t - k * ln2) + (t_rest - k * ln2_rest);
  const fnn_vf root = _mm512_permutexvar_ps((__m512i)shifted, _mm512_loadu_ps(roots));
  fnn_vf q = s * 0.0416676998f + 0.166670203f;
  q = (q * s + 0.5f) * (s * s) + s;
  q += (fnn_vf)_mm512_permutexvar_ps((__m512i)shifted, _mm512_loadu_ps(root_errors));
  const fnn_vf power = _mm512_scalef_ps(q * root + root, k);
  enum { NEGATIVE = 0x40, INFINITE = 0x18, NAN_OR_DENORMAL = 0xa1 };
  const int rare_power = INFINITE | NAN_OR_DENORMAL | NEGATIVE;
  *is_rare = _mm512_fpclass_ps_mask(x, NEGATIVE) | _mm512_fpclass_ps_mask(power, rare_power);
  return power;
}
/* NaN, by an infinite logarithm or y too, and denormals are found in float64. */
static __attribute__((noinline, unused)) fnn_vf fnn_rest_powf(const fnn_vf *in, fnn_vf power, fnn_raref is_rare) {
  (void)is_rare;
  enum { NOT_ZERO_OR_INFINITE = 0xe1 };
  const fnn_vf size = fnn_absf(in[0]), y = in[1];
  const fnn_raref is_far = _mm512_fpclass_ps_mask(power, NOT_ZERO_OR_INFINITE);
  if (is_far) {
    power = _mm512_mask_mov_ps(power, is_far, fnn_joined(fnn_pow_of_narrow(fnn_lower_half(size), fnn_lower_half(y)),
                                                         fnn_pow_of_narrow(fnn_upper_half(size), fnn_upper_half(y))));
  }
  return fnn_power_restf(in[0], y, power);
}
static __attribute__((noinline, unused)) fnn_vd fnn_rest_powd(const fnn_vd *in, fnn_vd power, fnn_rared is_rare) {
  (void)is_rare;
  return fnn_power_restd(in[0], in[1], power);
}
FNN_INLINE fnn_vd fnn_quick_powd(const fnn_vd *in, fnn_rared *is_rare) {
  const fnn_vd x = in[0], y = in[1];
  fnn_vi64 place;
  fnn_vd e, log_rest, k, root;
  const fnn_vd r = fnn_pow_reduced(x, &place, &e);
  const fnn_vd log_c = fnn_of_sixteen(fnn_pow_logs, place), rest_c = fnn_of_sixteen(fnn_pow_rests, place);
  const fnn_vd log = fnn_pow_log(r, e, log_c, rest_c, &log_rest);
  const fnn_vd t = y * log, rest = fnn_multiply_addd(y, log, -t) + y * log_rest;
  const fnn_vd q = fnn_exp_of_sumd(t, rest, 1, &k, &root);
  *is_rare = _mm512_fpclass_pd_mask(x, fnn_POW_RARE) | fnn_beyondd(fnn_absd(y), fnn_POW_LIMIT);
  return fnn_scaled(q * root + root, k);
}
#else
/* x^y of numbers that were float32, within 2^-32: x positive or 0, infinite, NaN. log2(m) is within 2^-42.5 of itself,
 * as it may be multiplied by 150: of m in [sqrt(1/2), sqrt(2)), as s = (m - 1) / (m + 1) times a polynomial in s^2. */
FNN_INLINE fnn_vd fnn_pow_of_narrow(fnn_vd x, fnn_vd y) {
  const double magic = 6755399441055744.0; /* 1.5 * 2^52 */
  const fnn_vi64 n = (fnn_vi64)((fnn_vu64)x - 0x3fe6a09e667f3bcdu) >> 52; /* float32's denormals are none here */
  const fnn_vd m = (fnn_vd)((fnn_vu64)x - ((fnn_vu64)n << 52)), s = (m - 1.0) / (m + 1.0), z = s * s;
  const fnn_vd e = (fnn_vd)(n + (fnn_vi64)fnn_splatd(magic)) - magic;
  fnn_vd p = z * 0.27934404491929504744 + 0.32015423928265303128;
  p = p * z + 0.41220328578460579352;
  p = p * z + 0.57707799900483435244;
  p = p * z + 0.96179669393619599434;
  p = p * z + 2.88539008177792681472;
  fnn_vd t = (p * s + e) * y;
  t = fnn_selectd(x == 0.0, y * -INFINITY, t);
  t = fnn_selectd(x == INFINITY, y * INFINITY, t);
  t = fnn_mind(fnn_splatd(1000.0), fnn_maxd(fnn_splatd(-1000.0), t)); /* NaN stays */
  return fnn_selectd(x != x, x, fnn_exp2_of_narrow(t));
}

/* x^y in float32: in float64, rounded once. */
FNN_INLINE fnn_vf fnn_powf(fnn_vf x, fnn_vf y) {
  const fnn_vf size = fnn_absf(x);
  return fnn_power_casesf(x, y, fnn_joined(fnn_pow_of_narrow(fnn_lower_half(size), fnn_lower_half(y)),
                                           fnn_pow_of_narrow(fnn_upper_half(size), fnn_upper_half(y))));
}

#if defined(FNN_ISA_AVX2)
FNN_INLINE fnn_vd fnn_of_sixteen(const double *table, fnn_vi64 place) { /* its low four bits */
  double found[FNN_VD];
  for (int k = 0; k < FNN_VD; k++) found[k] = table[place[k] & 15];
  return fnn_loadd(found);
}
static __attribute__((noinline, unused)) fnn_vd fnn_powd(fnn_vd x, fnn_vd y) {
  const double magic = 6755399441055744.0; /* 1.5 * 2^52 */
  const fnn_vd size = fnn_absd(x);
  const fnn_vi64 is_tiny = size < DBL_MIN;
  const fnn_vu64 bits = (fnn_vu64)fnn_selectd(is_tiny, size * 0x1p52, size), above = bits - 0x3fe6100000000000u;
  const fnn_vi64 n = (fnn_vi64)above >> 52, place = (fnn_vi64)(above >> 48);
  const fnn_vd e = (fnn_vd)((n - (is_tiny & 52)) + (fnn_vi64)fnn_splatd(magic)) - magic;
  const fnn_vd m = (fnn_vd)(bits - ((fnn_vu64)n << 52));
  const fnn_vd r = fnn_multiply_addd(m, fnn_of_sixteen(fnn_pow_factors, place), fnn_splatd(-1.0));
  const fnn_vd log_c = fnn_of_sixteen(fnn_pow_logs, place), rest_c = fnn_of_sixteen(fnn_pow_rests, place);
  fnn_vd log_rest;
  const fnn_vd log = fnn_pow_log(r, e, log_c, rest_c, &log_rest);
  fnn_vd t = y * log, rest = fnn_multiply_addd(y, log, -t) + y * log_rest;
  t = fnn_selectd(x == 0.0, y * -INFINITY, t);
  t = fnn_selectd(size == INFINITY, y * INFINITY, t);
  rest = (fnn_vd)((fnn_vi64)rest & (fnn_absd(t) < 1000.0));
  t = fnn_mind(fnn_splatd(fnn_EXP_MOSTd), fnn_maxd(fnn_splatd(fnn_EXP_LEASTd), t)); /* NaN stays */
  fnn_vd k, root;
  const fnn_vd q = fnn_exp_partsd(t, &k, &root, 2, 3);
  return fnn_power_casesd(x, y, fnn_selectd(x != x, x, fnn_scaled(q + (rest * q + rest) + root, k)));
}
#else
FNN_INLINE fnn_vd fnn_powd(fnn_vd x, fnn_vd y) {
  for (int k = 0; k < FNN_VD; k++) x[k] = pow(x[k], y[k]);
  return x;
}
#endif
#endif

#endif
