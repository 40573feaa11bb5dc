/* vmath_rare_body.h: the part of vmath_rare.h that is written once for both types; see types_f32.h for T, V, M, N and
 * FN. */

/* asin(s) = s + s r for s = |x| below 1/2, else asin(|x|) = pi/2 - 2 asin(s) with s = sqrt((1 - |x|) / 2), whose first
 * bits are `high`, exact when squared, and what they leave `low`. */
FNN_INLINE M FN(arcsin_parts)(V x, V *s, V *r, V *high, V *low) {
  const V a = FN(abs)(x);
  const M is_large = a >= (T)0.5;
  const V t = FN(select)(is_large, (1 - a) * (T)0.5, a * a);
  *s = FN(select)(is_large, FN(sqrt)(t), a);
  *high = (V)((M)*s & -((MT)1 << (sizeof(T) == 4 ? 12 : 32)));
  *low = FN(select)(*s == 0, *s, (t - *high * *high) / (*s + *high));
  *r = FN(arcsin_rest)(t);
  return is_large;
}
/* pi/2 is HALF_PI, rounded, and HALF_PI_LOW. */
#define HALF_PI (T)1.57079632679489661923
#define HALF_PI_LOW (T)(sizeof(T) == 4 ? -4.37113882867379e-8 : 6.12323399573676603587e-17)
FNN_SHORT V FN(arcsin)(V x) {
  V s, r, high, low;
  const M is_large = FN(arcsin_parts)(x, &s, &r, &high, &low);
  const V large = HALF_PI / 2 - ((2 * s * r - (HALF_PI_LOW - 2 * low)) - (HALF_PI / 2 - 2 * high));
  return FN(copysign)(FN(select)(is_large, large, s + s * r), x);
}
FNN_SHORT V FN(arccos)(V x) {
  V s, r, high, low;
  const M is_large = FN(arcsin_parts)(x, &s, &r, &high, &low);
  const V right = 2 * (high + (r * s + low)), left = 2 * HALF_PI - 2 * (s + (r * s - HALF_PI_LOW));
  const V small = HALF_PI - (x - (HALF_PI_LOW - x * r));
  return FN(select)(is_large, FN(select)(x < 0, left, right), small);
}
#undef HALF_PI
#undef HALF_PI_LOW

/* e^a / 2 of a from 0 on: e^a itself overflows before sinh and cosh do. */
FNN_INLINE V FN(half_exp)(V a) {
  V k, root, p = FN(exp_parts)(FN(min)(FN(splat)(FN(EXP_MOST) + 1), a), &k, &root, 2, 3);
  return FN(scale)(p * root + root, k - 1);
}
/* What e^a / 2 rounds away would count where e^-a / 2 cancels its first bit. */
FNN_SHORT V FN(sinh)(V x) {
  const V a = FN(abs)(x), w = a * a, near = FN(sinh_rest)(w) * w * a + a;
#if defined(FNN_ISA_AVX512)
  V k, root, p = FN(exp_parts)(FN(min)(FN(splat)(FN(EXP_MOST) + 1), a), &k, &root, 2, 3);
  const V scale = FN(whole_exp2)(k - 2, root), far = p * scale + (scale - (T)0.0625 / (p * scale + scale));
  return FN(copysign)(FN(select)(a < 1, near, far + far), x);
#else
  const V half = FN(half_exp)(a);
  return FN(copysign)(FN(select)(a < 1, near, half - (T)0.25 / half), x);
#endif
}
FNN_SHORT V FN(cosh)(V x) {
  const V half = FN(half_exp)(FN(abs)(x));
  return half + (T)0.25 / half;
}

/* 2^x: what x is above or below the nearest integer, or sixteenth, is exact. */
FNN_INLINE V FN(exp2)(V x) {
  x = FN(min)(FN(splat)(sizeof(T) == 4 ? 129 : 1025), FN(max)(FN(splat)(sizeof(T) == 4 ? -151 : -1076), x));
#if defined(FNN_ISA_AVX512)
  V k, root, p = FN(exp2_sixteenths)(x, &k, &root);
  return FN(scale)(p * root + root, k);
#elif defined(FNN_ISA_GENERIC) /* where a product that is added to 1 is rounded before */
  const V k = FN(rint)(x);
  return FN(scale)(FN(exp_inside)((x - k) * (T)0.69314718055994530942), k);
#else
  const V k = FN(rint)(x), r = x - k;
  return FN(scale)(FN(exp2_rest)(r) * r + 1, k);
#endif
}

/* x 2^n of an integer n, rounded once. Without an instruction for it by three powers, of which the last has all that is
 * rounded: only of results that are 0 anyway the first two leave what is denormal. */
FNN_INLINE V FN(ldexp)(V x, V n) {
#if defined(FNN_ISA_AVX512)
  return FN(scale)(x, n);
#else
  const T most = sizeof(T) == 4 ? 127 : 1023;
  V power[3];
  for (int k = 0; k < 3; k++) {
    const V part = FN(min)(FN(splat)(most), FN(max)(FN(splat)(1 - most), n));
    power[k] = FN(whole_exp2)(part, part);
    n -= part;
  }
  return x * power[2] * power[1] * power[0];
#endif
}

/* A step of Halley's for the cube root of a: what is left of the error is two thirds of its cube. */
FNN_INLINE V FN(cbrt_step)(V y, V a) {
  const V cube = y * y * y;
  return y + y * ((a - cube) / (cube + cube + a));
}
/* The root of |x| within 4 % by a third of its upper bits, read as a number: so are its exponent and what follows. The
 * last step begins with a third of the digits, whose cube is exact but for two bits. What is denormal, or whose cube
 * would overflow, is scaled. */
FNN_RARE V FN(cbrt_by_steps)(V x) {
  enum { IS_NARROW = sizeof(T) == 4, LOWER = IS_NARROW ? 8 : 32, MORE = IS_NARROW ? 24 : 54 };
  const T up = (T)((int64_t)1 << MORE), root = (T)((int64_t)1 << MORE / 3);
  const V size = FN(abs)(x), magic = FN(splat)((T)((int64_t)1 << (IS_NARROW ? 23 : 52))), one = FN(splat)(1);
  const M is_small = size < (IS_NARROW ? (T)FLT_MIN : (T)DBL_MIN), is_large = size > (T)0x1p100;
  const V a = size * FN(select)(is_small, FN(splat)(up), FN(select)(is_large, FN(splat)(1 / up), one));
  const V upper = (V)((M)a >> LOWER | (M)magic) - magic;
  const V third = upper * (T)(1.0 / 3) + (T)(IS_NARROW ? 709958130.0 / 256 : 715094163.0) + magic;
  V y = FN(cbrt_step)((V)((M)third << LOWER), a); /* magic's own bits are shifted out, or the sign's place */
  if (!IS_NARROW) y = FN(cbrt_step)(y, a);
  const MT half = (MT)1 << (IS_NARROW ? 14 : 34);
  y = FN(cbrt_step)((V)(((M)y + half) & -(half + half)), a);
  y = y * FN(select)(is_small, FN(splat)(1 / root), FN(select)(is_large, FN(splat)(root), one));
  return FN(select)((x == 0) | ~(size < (T)INFINITY), x, FN(copysign)(y, x));
}

/* The number after x in the direction of y. */
FNN_RARE V FN(nextafter)(V x, V y) {
  const M bits = (M)x & ((x < 0) | (x > 0)), is_up = (x < y) == (x > 0); /* none of 0 and NaN, which could overflow */
  V next = (V)(bits + (is_up & 2) - 1);
  next = FN(select)(x == 0, FN(copysign)((V)((M){0} + 1), y), next);
  return FN(select)(x == y, y, FN(select)((x != x) | (y != y), x + y, next));
}

/* The root of x^2 + y^2, quick of sums whose addends leave the range only where they do not count. */
FNN_INLINE V FN(quick_hypot)(const V *in, FN(rare) *is_rare) {
  const T least = sizeof(T) == 4 ? (T)0x1p-98 : (T)0x1p-960, most = sizeof(T) == 4 ? (T)0x1p124 : (T)0x1p1020;
  const V sum = in[0] * in[0] + in[1] * in[1];
  *is_rare = FN(beyond)(sum, most) | FN(beyond)(-sum, -least);
  return FN(sqrt)(sum);
}
/* Others are scaled by a power of two; it is infinite where one is, whatever the other. */
static __attribute__((noinline, unused)) V FN(rest_hypot)(const V *in, V near, FN(rare) is_rare) {
  const T up = sizeof(T) == 4 ? (T)0x1p100 : (T)0x1p600;
  const V a = FN(abs)(in[0]), b = FN(abs)(in[1]);
  const M is_small = (a < 1) & (b < 1);
  const V by = FN(select)(is_small, FN(splat)(up), FN(splat)(1 / up)), x = a * by, y = b * by;
  const V far = FN(sqrt)(x * x + y * y) * FN(select)(is_small, FN(splat)(1 / up), FN(splat)(up));
  const M is_infinite = (a == (T)INFINITY) | (b == (T)INFINITY);
  return FN(select)(is_infinite, FN(splat)((T)INFINITY), FN(select)(FN(rare_lanes)(is_rare), far, near));
}
