/* opcodes_body.h: the loop of each opcode and their table, which elementwise.c compiles for float32, float64,
 * int64, int32, int16 and uint8 (T, V, U, M, N, FN, OWN: types_f32.h). */

/* ---- loops over vector bodies ---- */

/* d[0..n) = f(x0[0..n), ...). d may be one of the inputs exactly. */
#define INPUTS const T *x0, const T *x1, const T *x2, const T *x3, const T *x4, const T *x5
typedef void OWN(op_fn)(int64_t n, T *d, INPUTS);

/* scalars: the inputs (bit k: input k) that are one vector. at_once: so many vectors at once, of a slow f. streams:
 * results go past the caches, to a d of whole vectors, and lines that a slow one reads are asked for one by one: where
 * many are asked for at once, what is read next waits for the same buffers. All but n and pointers: constants. */
FNN_INLINE void OWN(map)(int64_t n, T *d, INPUTS, int arity, int scalars, int at_once, int streams, V (*f)(const V *)) {
  enum { AHEAD = 8192 / (int)sizeof(T) };
  const T *const from[] = {x0, x1, x2, x3, x4, x5};
  V x[FNN_MOST_INPUTS];
#pragma GCC unroll 6
  for (int k = 0; k < arity; k++)
    if (scalars >> k & 1) x[k] = FN(load)(from[k]);
  int64_t i = 0;
  for (; at_once > 1 && i + at_once * N <= n; i += at_once * N) {
    V y[MOST_AT_ONCE];
#pragma GCC unroll 8
    for (int w = 0; w < at_once; w++) {
#pragma GCC unroll 6
      for (int k = 0; k < arity; k++) {
        if (scalars >> k & 1) continue;
        x[k] = FN(load)(from[k] + i + w * N);
        if (streams) __builtin_prefetch(from[k] + i + w * N + AHEAD);
      }
      y[w] = f(x);
    }
#pragma GCC unroll 8
    for (int w = 0; w < at_once; w++) {
      if (streams) FN(stream)(d + i + w * N, y[w]);
      else FN(store)(d + i + w * N, y[w]);
    }
  }
  for (; i + N <= n; i += N) {
#pragma GCC unroll 6
    for (int k = 0; k < arity; k++)
      if (!(scalars >> k & 1)) x[k] = FNN_LOAD_STREAM(V, FN(load), from[k] + i);
    if (streams) FN(stream)(d + i, f(x));
    else FN(store)(d + i, f(x));
  }
  if (i == n) return;
#pragma GCC unroll 6
  for (int k = 0; k < arity; k++)
    if (!(scalars >> k & 1)) x[k] = FN(load_part)(from[k] + i, n - i);
  FN(store_part)(d + i, f(x), n - i);
}

#if !IS_INTEGER
/* The same of inputs that are no scalars, for a `quick` function of vectors that marks rare lanes, which `rest` then
 * finds: it has what the first found of the vector. */
FNN_INLINE void OWN(map_quick)(int64_t n, T *d, INPUTS, int arity, int at_once, int streams,
                               V (*quick)(const V *, FN(rare) *), V (*rest)(const V *, V, FN(rare))) {
  enum { AHEAD = 8192 / (int)sizeof(T) };
  const T *const from[] = {x0, x1, x2, x3, x4, x5};
  int64_t i = 0;
  V x[2], y[MOST_AT_ONCE];
  FN(rare) is_rare[MOST_AT_ONCE], any = {0};
  for (; i + at_once * N <= n; i += at_once * N) {
#pragma GCC unroll 8
    for (int w = 0; w < at_once; w++) {
#pragma GCC unroll 2
      for (int k = 0; k < arity; k++) {
        x[k] = FN(load)(from[k] + i + w * N);
        if (streams) __builtin_prefetch(from[k] + i + w * N + AHEAD);
      }
      y[w] = quick(x, &is_rare[w]);
      any = w ? any | is_rare[w] : is_rare[w];
    }
    if (__builtin_expect(FN(any_rare)(any), 0)) {
#pragma GCC unroll 1
      for (int w = 0; w < at_once; w++) {
        for (int k = 0; k < arity; k++) x[k] = FN(load)(from[k] + i + w * N);
        y[w] = rest(x, y[w], is_rare[w]);
      }
    }
#pragma GCC unroll 8
    for (int w = 0; w < at_once; w++) {
      if (streams) FN(stream)(d + i + w * N, y[w]);
      else FN(store)(d + i + w * N, y[w]);
    }
  }
  for (; i < n; i += N) {
    const int64_t size = fnn_min(N, n - i);
    for (int k = 0; k < arity; k++) x[k] = FN(load_part)(from[k] + i, size);
    y[0] = quick(x, is_rare);
    if (FN(any_rare)(is_rare[0])) y[0] = rest(x, y[0], is_rare[0]);
    FN(store_part)(d + i, y[0], size);
  }
}
#endif

/* ---- vector bodies ---- */

#if IS_INTEGER
FNN_INLINE M OWN(is_nan)(V x) { return (M)(x - x); }
#else
FNN_INLINE M OWN(is_nan)(V x) { return x != x; }
#endif
FNN_INLINE V OWN(truth)(M mask) { return (V)(mask & (M)FN(splat)(1)); } /* 1 where the mask holds, else 0 */
FNN_INLINE V OWN(v_cast)(V x) { return x; }
FNN_INLINE V OWN(v_negative)(V x) { return (V)(-(U)x); }
FNN_INLINE V OWN(v_abs)(V x) { return FN(abs)(x); }
/* -1, 0 or 1; NaN and the sign of zero as in NumPy: sign(NaN) is NaN, sign(-0) is 0. */
FNN_INLINE V OWN(v_sign)(V x) { return FN(select)(OWN(is_nan)(x), x, OWN(truth)(x > 0) - OWN(truth)(x < 0)); }
/* Bytes have no instruction, and what the compiler makes of those of pairs is twice as long: a byte's product is the
 * low one of its pair's, and of the high one by itself. */
FNN_INLINE V OWN(product)(V a, V b) {
#if defined(__x86_64__)
  const fnn_vu16 x = (fnn_vu16)a, y = (fnn_vu16)b;
  if (sizeof(T) == 1) return (V)((x * y & 0xff) | (x & 0xff00) * (y >> 8));
#endif
  return (V)((U)a * (U)b);
}
FNN_INLINE V OWN(v_square)(V x) { return OWN(product)(x, x); }
FNN_INLINE V OWN(v_add)(V a, V b) { return (V)((U)a + (U)b); }
FNN_INLINE V OWN(v_subtract)(V a, V b) { return (V)((U)a - (U)b); }
FNN_INLINE V OWN(v_multiply)(V a, V b) { return OWN(product)(a, b); }
/* NaN wins, as in NumPy: the instruction gives b where either is NaN. */
FNN_INLINE V OWN(v_maximum)(V a, V b) { return FN(select)(OWN(is_nan)(a), a, FN(max)(a, b)); }
FNN_INLINE V OWN(v_minimum)(V a, V b) { return FN(select)(OWN(is_nan)(a), a, FN(min)(a, b)); }
FNN_INLINE V OWN(v_where)(V condition, V a, V b) { return FN(select)(condition != 0, a, b); }
/* Truths: m_ gives where they hold. */
#define TRUTH1(name, holds)                                                                                            \
  FNN_INLINE M OWN(m_##name)(V a, V b) { return ((void)b, (M)(holds)); }                                               \
  FNN_INLINE V OWN(v_##name)(V x) { return OWN(truth)(OWN(m_##name)(x, x)); }
#define TRUTH2(name, holds)                                                                                            \
  FNN_INLINE M OWN(m_##name)(V a, V b) { return (M)(holds); }                                                          \
  FNN_INLINE V OWN(v_##name)(V a, V b) { return OWN(truth)(OWN(m_##name)(a, b)); }
TRUTH1(logical_not, a == 0)
TRUTH2(greater, a > b)
TRUTH2(greater_equal, a >= b)
TRUTH2(less, a < b)
TRUTH2(less_equal, a <= b)
TRUTH2(equal, a == b)
TRUTH2(not_equal, a != b)
TRUTH2(logical_and, (a != 0) & (b != 0))
TRUTH2(logical_or, (a != 0) | (b != 0))
TRUTH2(logical_xor, (a != 0) ^ (b != 0))
#if IS_INTEGER
TRUTH2(other_greater, (O)a > (O)b)
TRUTH2(other_greater_equal, (O)a >= (O)b)
TRUTH2(other_less, (O)a < (O)b)
TRUTH2(other_less_equal, (O)a <= (O)b)
#else
TRUTH1(isnan, a != a)
TRUTH1(isinf, FN(abs)(a) == (T)INFINITY)
TRUTH1(isfinite, FN(abs)(a) < (T)INFINITY)
#endif
#undef TRUTH1
#undef TRUTH2
/* min(max(x, low), high): NaN stays, and high wins over low. */
FNN_INLINE V OWN(v_clip)(V x, V low, V high) { return OWN(v_minimum)(OWN(v_maximum)(x, low), high); }

#if IS_INTEGER /* these of integers alone */

FNN_INLINE V OWN(v_bitwise_not)(V x) { return ~x; }
FNN_INLINE V OWN(v_bitwise_and)(V a, V b) { return a & b; }
FNN_INLINE V OWN(v_bitwise_or)(V a, V b) { return a | b; }
FNN_INLINE V OWN(v_bitwise_xor)(V a, V b) { return a ^ b; }
FNN_INLINE V OWN(v_other_maximum)(V a, V b) { return FN(other_max)(a, b); }
FNN_INLINE V OWN(v_other_minimum)(V a, V b) { return FN(other_min)(a, b); }
FNN_INLINE V OWN(v_other_clip)(V x, V low, V high) { return FN(other_min)(FN(other_max)(x, low), high); }
#ifdef HAS_SHIFTS /* by a count that is no bit's number, or less than 0, as by one at a time for ever */
enum { OWN(BITS) = sizeof(T) * 8 };
FNN_INLINE M OWN(is_bit)(V count) { return (M)((U)count < OWN(BITS)); }
FNN_INLINE V OWN(v_left_shift)(V a, V b) { return (V)((U)a << ((U)b & (OWN(BITS) - 1))) & OWN(is_bit)(b); }
FNN_INLINE V OWN(v_right_shift)(V a, V b) { return a >> FN(select)(OWN(is_bit)(b), b, FN(splat)(OWN(BITS) - 1)); }
FNN_INLINE V OWN(v_other_right_shift)(V a, V b) { return (V)((U)a >> ((U)b & (OWN(BITS) - 1))) & OWN(is_bit)(b); }
#endif

#else /* and these of floats alone */

FNN_INLINE V OWN(v_sqrt)(V x) { return FN(sqrt)(x); }
FNN_INLINE V OWN(v_rsqrt)(V x) { return (T)1 / FN(sqrt)(x); }
FNN_INLINE V OWN(v_reciprocal)(V x) { return (T)1 / x; }
FNN_INLINE V OWN(v_exp)(V x) { return FN(exp)(x); }
FNN_INLINE V OWN(v_expm1)(V x) { return FN(expm1)(x); }
FNN_INLINE V OWN(v_log)(V x) { return FN(log)(x); }
FNN_INLINE V OWN(v_log1p)(V x) { return FN(log1p)(x); }
FNN_INLINE V OWN(v_log2)(V x) { return FN(log2)(x); }
FNN_INLINE V OWN(v_log10)(V x) { return FN(log10)(x); }
FNN_INLINE V OWN(v_tanh)(V x) { return FN(quick_tanh)(x); }
FNN_INLINE V OWN(v_sigmoid)(V x) { return FN(sigmoid)(x); }
FNN_INLINE V OWN(v_erf)(V x) { return FN(erf)(x); }
FNN_INLINE V OWN(v_exact_gelu)(V x) {
  V bell;
  return x * FN(normal_cdf)(x, &bell);
}
FNN_INLINE V OWN(v_gelu)(V x) { return FN(gelu)(x); }
FNN_INLINE V OWN(v_add_gelu)(V x, V y) { return FN(gelu)(x + y); }
/* mish = x tanh(softplus(x)) = x n / (n + 2), n = w (w + 2), w = e^x. From x = 20 on n / (n + 2) is 1. */
FNN_INLINE V OWN(mish_exp)(V *x) {
  *x = FN(min)(FN(splat)(20), FN(max)(FN(splat)(FN(EXP_LEAST)), *x));
  return FN(exp_inside)(*x);
}
FNN_INLINE V OWN(v_mish)(V x) {
  V bounded = x, w = OWN(mish_exp)(&bounded), n = w * (w + 2);
  return x * (n / (n + 2));
}
FNN_INLINE V OWN(v_softplus)(V x) { return FN(softplus)(x); }
FNN_INLINE V OWN(v_floor)(V x) { return FN(floor)(x); }
FNN_INLINE V OWN(v_ceil)(V x) { return FN(ceil)(x); }
FNN_INLINE V OWN(v_round)(V x) { return FN(rint)(x); }
FNN_INLINE V OWN(v_trunc)(V x) { return FN(trunc)(x); }
/* x as a float of `bits` bits after the point would hold it, to the nearest and ties to even: `least` is its least
 * normal number, `step` what its subnormal ones are multiples of, from `limit` on it is infinite. */
FNN_INLINE V OWN(as_half)(V x, int bits, T least, T step, T limit) {
  const int own_bits = sizeof(T) == 4 ? 23 : 52, dropped = own_bits - bits;
  const V size = FN(abs)(x), magic = FN(splat)(step * (T)((int64_t)1 << own_bits)); /* adding it leaves multiples */
  const M number = (M)size, one = (M){0} + 1, odd = number >> dropped & one;
  V y = (V)((number + ((one << (dropped - 1)) - 1 + odd)) & -(one << dropped));
  y = FN(select)(size < least, size + magic - magic, y);
  y = FN(select)(y >= limit, FN(splat)((T)INFINITY), y);
  return FN(select)(x != x, x, FN(copysign)(y, x));
}
FNN_INLINE V OWN(v_round_to_float16)(V x) { return OWN(as_half)(x, 10, (T)0x1p-14, (T)0x1p-24, (T)0x1p16); }
/* Its exponents are float32's, whose subnormal numbers need nothing but the bits. */
FNN_INLINE V OWN(v_round_to_bfloat16)(V x) {
  const int is_wide = sizeof(T) == 8;
  return OWN(as_half)(x, 7, is_wide ? (T)0x1p-126 : 0, (T)0x1p-133, is_wide ? (T)0x1p128 : (T)INFINITY);
}
FNN_INLINE V OWN(v_relu)(V x) { return (V)((M)x & ~(x < 0)); } /* NaN stays */
FNN_INLINE V OWN(v_relu6)(V x) { return FN(select)(x > 6, FN(splat)(6), OWN(v_relu)(x)); }
FNN_INLINE V OWN(v_arcsin)(V x) { return FN(arcsin)(x); }
FNN_INLINE V OWN(v_arccos)(V x) { return FN(arccos)(x); }
FNN_INLINE V OWN(v_arctan)(V x) { return FN(arctan)(x); }
FNN_INLINE V OWN(v_sinh)(V x) { return FN(sinh)(x); }
FNN_INLINE V OWN(v_cosh)(V x) { return FN(cosh)(x); }
FNN_INLINE V OWN(v_arcsinh)(V x) { return FN(arcsinh)(x); }
FNN_INLINE V OWN(v_arccosh)(V x) { return FN(arccosh)(x); }
FNN_INLINE V OWN(v_arctanh)(V x) { return FN(arctanh)(x); }
FNN_INLINE V OWN(v_exp2)(V x) { return FN(exp2)(x); }
FNN_INLINE V OWN(v_cbrt)(V x) { return FN(cbrt)(x); }
FNN_INLINE V OWN(v_erfc)(V x) { return FN(erfc)(x); }
FNN_INLINE V OWN(v_erfinv)(V x) { return FN(erfinv)(x); }
/* pi where the sign bit is set, else 0; NaN stays. */
FNN_INLINE V OWN(v_real_angle)(V x) {
  return FN(select)(x != x, x, (V)((M)FN(splat)((T)3.14159265358979323846) & ((M)x < 0)));
}

FNN_INLINE V OWN(v_divide)(V a, V b) { return a / b; }
FNN_INLINE V OWN(v_divide_no_nan)(V a, V b) { return (V)((M)(a / b) & (b != 0)); } /* 0 where b is 0 */
FNN_INLINE V OWN(v_relu_grad)(V dy, V y) { return (V)((M)dy & (y > 0)); } /* dy where y > 0, else 0 */
FNN_INLINE V OWN(v_fill_nan)(V x, V a) { return FN(select)(x != x, a, x); }

FNN_INLINE V OWN(v_add_relu)(V a, V b) { return OWN(v_relu)(a + b); }

FNN_INLINE V OWN(v_multiply_sigmoid)(V a, V b) { return a * FN(sigmoid)(b); }
FNN_INLINE V OWN(v_sigmoid_tanh)(V a, V b) { return FN(gate)(a, b); }
FNN_INLINE V OWN(v_exact_gelu_grad)(V dy, V x) {
  V bell, p = FN(normal_cdf)(x, &bell);
  return dy * (x * (T)0.39894228040143267794 * bell + p);
}
/* With e = e^-|u| and s = 1 / (1 + e), u as in vmath_gates.h, the slope is e s (1 - |x| u' s) where x < 0, and 1 less
 * that of -x elsewhere. From |x| = 22 on e is 0. */
FNN_INLINE V OWN(v_gelu_grad)(V dy, V x) {
  const V t = FN(min)(FN(splat)(22), FN(abs)(x)), e = FN(gelu_odds)(t), under = e + 1;
  const V slope = t * (t * t * (T)(3 * FNN_GELU_CUBIC) + (T)FNN_GELU_LINEAR);
  const V tail = e * (under - slope) / (under * under);
  return dy * FN(select)(x < 0, tail, 1 - tail);
}
/* (x n / (n + 2))' = (n (n + 2) + 4 x w (w + 1)) / (n + 2)^2, of w and n as above. */
FNN_INLINE V OWN(v_mish_grad)(V dy, V x) {
  const V w = OWN(mish_exp)(&x), n = w * (w + 2), under = n + 2;
  return dy * ((n * under + 4 * x * (w * w + w)) / (under * under));
}
#if !defined(FNN_ISA_AVX512)
FNN_INLINE V OWN(v_power)(V a, V b) { return FN(pow)(a, b); }
#endif
FNN_INLINE V OWN(v_arctan2)(V a, V b) { return FN(arctan2)(a, b); }
FNN_INLINE V OWN(v_nextafter)(V a, V b) { return FN(nextafter)(a, b); }
FNN_INLINE V OWN(v_ldexp)(V a, V b) { return FN(ldexp)(a, b); }
/* The other where one is NaN: the instruction gives b where either is. */
FNN_INLINE V OWN(v_fmax)(V a, V b) { return FN(select)(b != b, a, FN(max)(a, b)); }
FNN_INLINE V OWN(v_fmin)(V a, V b) { return FN(select)(b != b, a, FN(min)(a, b)); }
/* max(a, b) + log(1 + e^-|a - b|); where they are equal, infinities too, a + log 2. */
FNN_INLINE V OWN(v_logaddexp)(V a, V b) {
  V y = OWN(v_maximum)(a, b) + FN(softplus)(-FN(abs)(a - b));
  return FN(select)(a == b, a + (T)0.69314718055994530942, y);
}

/* The remainder with the sign of b, exact: fmod(a, b), plus b where the signs differ. As in Python and NumPy. */
FNN_INLINE T OWN(remainder)(T a, T b) {
  T r = sizeof(T) == 4 ? (T)fmodf((float)a, (float)b) : (T)fmod(a, b);
  if (r == 0) return sizeof(T) == 4 ? (T)copysignf(0.0f, (float)b) : (T)copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

/* floor(a / b) without the error of the rounded quotient: (a - remainder) / b is within half of an integer. Special
 * values as NumPy's floor_divide. */
FNN_INLINE T OWN(quotient)(T a, T b) {
  if (b == 0) return a / b;
  T r = sizeof(T) == 4 ? (T)fmodf((float)a, (float)b) : (T)fmod(a, b);
  T whole = (a - r) / b;
  if (r != 0 && (r < 0) != (b < 0)) whole -= 1;
  if (whole == 0) return sizeof(T) == 4 ? (T)copysignf(0.0f, (float)(a / b)) : (T)copysign(0.0, a / b);
  T low = sizeof(T) == 4 ? (T)floorf((float)whole) : (T)floor(whole);
  return whole - low > (T)0.5 ? low + 1 : low;
}

/* fmod(a, b) of whole vectors, and whether it is exact in all lanes: where a - q b is rounded once, of quotients below
 * 2^22 and finite b. The rounded quotient may be the next integer; then the difference has the other sign than a. */
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
FNN_INLINE int OWN(v_fmod)(V a, V b, V *r) {
  const V q = FN(trunc)(a / b), rest = FN(multiply_add)(-q, b, a);
  *r = FN(select)((((M)rest ^ (M)a) < 0) & (rest != 0), rest + FN(copysign)(b, a), rest);
  const M is_exact = (FN(abs)(q) < 4194304) & (FN(abs)(b) < (T)INFINITY);
  return !FN(any)(~is_exact);
}
#else
FNN_INLINE int OWN(v_fmod)(V a, V b, V *r) {
  (void)b;
  *r = a;
  return 0;
}
#endif

FNN_INLINE V OWN(v_mod)(V a, V b) {
  V r, y;
  if (OWN(v_fmod)(a, b, &r)) {
    y = FN(select)((r < 0) != (b < 0), r + b, r);
    return FN(select)(r == 0, FN(copysign)((V){0}, b), y);
  }
  for (int k = 0; k < N; k++) y[k] = OWN(remainder)(a[k], b[k]);
  return y;
}

FNN_INLINE V OWN(v_floor_divide)(V a, V b) {
  V r, y;
  if (OWN(v_fmod)(a, b, &r)) {
    V whole = (a - r) / b;
    whole = FN(select)((r != 0) & ((r < 0) != (b < 0)), whole - 1, whole);
    const V low = FN(floor)(whole);
    y = FN(select)(whole - low > (T)0.5, low + 1, low);
    return FN(select)(whole == 0, FN(copysign)((V){0}, a / b), y);
  }
  for (int k = 0; k < N; k++) y[k] = OWN(quotient)(a[k], b[k]);
  return y;
}

FNN_INLINE V OWN(v_multiply_add)(V a, V b, V c) { return a * b + c; } /* rounded once where the CPU has FMA */
FNN_INLINE V OWN(v_subtract_product)(V a, V b, V c) { return a - b * c; }
FNN_INLINE V OWN(v_lerp)(V a, V b, V t) { return (b - a) * t + a; }
FNN_INLINE V OWN(v_lerp_square)(V a, V b, V t) { return (b * b - a) * t + a; }
FNN_INLINE V OWN(v_divide_by_root)(V a, V b, V c) { return a / (FN(root)(b) + c); }

FNN_INLINE V OWN(v_step_by_root)(V a, V b, V c, V e, V g) { return a - b * c / (FN(root)(e) + g); }
FNN_INLINE V OWN(v_step_by_root_of_sum)(V a, V b, V c, V e, V g) { return a - b * c / FN(root)(e + g); }
FNN_INLINE V OWN(v_add_products)(V a, V b, V c, V e) { return a * b + c * e; }
FNN_INLINE V OWN(v_subtract_products)(V a, V b, V c, V e) { return a * b - c * e; }
FNN_INLINE V OWN(v_horner)(V a, V b, V x, V c) { return (a * x + b) * x + c; }
FNN_INLINE V OWN(v_horner3)(V a, V b, V x, V c, V e) { return ((a * x + b) * x + c) * x + e; }
FNN_INLINE V OWN(v_horner4)(V a, V b, V x, V c, V e, V g) { return (((a * x + b) * x + c) * x + e) * x + g; }
FNN_INLINE V OWN(v_where_greater)(V a, V b, V c, V e) { return FN(select)(a > b, c, e); }
FNN_INLINE V OWN(v_clip_line)(V x, V a, V low, V high, V b) { return OWN(v_clip)(x + a, low, high) * b; }
FNN_INLINE V OWN(v_hard_gate)(V x, V a, V low, V high, V b) { return x * OWN(v_clip_line)(x, a, low, high, b); }

#endif

/* ---- the table: for each opcode its arity and a function for each set of scalar inputs (bit k: input k) ---- */

typedef struct {
  int8_t arity;
  int8_t is_slow;    /* arithmetic takes longer than memory */
  int8_t scalars;    /* not 0: fn[1] is for this set, and there is none for other sets */
  OWN(op_fn) *fn[7]; /* else one for each */
  OWN(op_fn) *stream[7]; /* the same past the caches; NULL of a slow one where vectors are short */
} OWN(opcode);

/* NULL where there is none for this set. */
static OWN(op_fn) *OWN(variant)(const OWN(opcode) *opcode, int scalars) {
  if (!opcode->scalars || !scalars) return opcode->fn[scalars];
  return scalars == opcode->scalars ? opcode->fn[1] : NULL;
}

/* Rows of d, and of x, that lie d_step and x_step apart, of `cols` elements, at least a vector:
 * d[r][c] = f(x[r][c], s[r]) or f(s[r], x[r][c]). d may be x exactly. */
typedef void OWN(by_column_fn)(int64_t rows, int64_t cols, T *d, int64_t d_step, const T *x, int64_t x_step, const T *s,
                               int64_t s_step);

/* is_first: whether s is the first input; that and f: constants. */
FNN_INLINE void OWN(map_by_column)(int64_t rows, int64_t cols, T *d, int64_t d_step, const T *x, int64_t x_step,
                                   const T *s, int64_t s_step, int is_first, V (*f)(const V *)) {
  for (; rows; rows--, d += d_step, x += x_step, s += s_step) {
    V in[2], last;
    in[!is_first] = FN(splat)(*s);
    in[is_first] = FN(load)(x + cols - N); /* which may have a part of the one before, so read before that is written */
    last = f(in);
    for (int64_t c = 0; c + N < cols; c += N) {
      in[is_first] = FN(load)(x + c);
      FN(store)(d + c, f(in));
    }
    FN(store)(d + cols - N, last);
  }
}

#define OF_ARRAY(name, arity)                                                                                          \
  FNN_INLINE V OWN(of_array_##name)(const V *x) { return OWN(v_##name)(FIRST##arity(x)); }
#if IS_INTEGER
#define PLACE_1 APART("integers")
#else
#define PLACE_1 FNN_COMMON
#endif
#define PLACE_ONE APART("slow")
#define PLACE_TWO APART("slow")
#define PLACE_FOUR PLACE_SLOW /* activations and losses among them */
#define PLACE_EIGHT PLACE_SLOW
#define NEAR_VARIANT(name, arity, scalars, at_once)                                                                    \
  PLACE_##at_once static void OWN(loop_##name##_##scalars)(int64_t n, T *d, INPUTS) {                                  \
    OWN(map)(n, d, x0, x1, x2, x3, x4, x5, arity, scalars, at_once, 0, OWN(of_array_##name));                          \
  }
#ifdef NO_STREAMS
#define VARIANT NEAR_VARIANT
#define STREAM_OF(name, scalars) NULL
#else
#define STREAM_OF(name, scalars) OWN(stream_##name##_##scalars)
#define VARIANT(name, arity, scalars, at_once)                                                                         \
  NEAR_VARIANT(name, arity, scalars, at_once)                                                                          \
  APART("far") static void OWN(stream_##name##_##scalars)(int64_t n, T *d, INPUTS) {                                   \
    if ((uintptr_t)d % sizeof(V)) OWN(loop_##name##_##scalars)(n, d, x0, x1, x2, x3, x4, x5);                          \
    else OWN(map)(n, d, x0, x1, x2, x3, x4, x5, arity, scalars, at_once, 1, OWN(of_array_##name));                     \
  }
#endif
#if defined(FNN_ISA_AVX512)
#define SLOW_VARIANT VARIANT
#define SLOW_STREAM_OF(name, scalars) OWN(stream_##name##_##scalars)
#else /* where they take longer than memory */
#define SLOW_VARIANT NEAR_VARIANT
#define SLOW_STREAM_OF(name, scalars) NULL
#endif
/* As SLOW_VARIANT and ROWn_SLOW of what is in vmath.h as quick_call and rest_call. */
#define QUICK_VARIANT(name, call, arity, at_once)                                                                      \
  PLACE_##at_once static void OWN(loop_##name##_0)(int64_t n, T *d, INPUTS) {                                          \
    OWN(map_quick)(n, d, x0, x1, x2, x3, x4, x5, arity, at_once, 0, FN(quick_##call), FN(rest_##call));                \
  }                                                                                                                    \
  QUICK_STREAM(name, call, arity, at_once)
#if defined(FNN_ISA_AVX512)
#define QUICK_STREAM(name, call, arity, at_once)                                                                       \
  APART("far") static void OWN(stream_##name##_0)(int64_t n, T *d, INPUTS) {                                           \
    if ((uintptr_t)d % sizeof(V)) OWN(loop_##name##_0)(n, d, x0, x1, x2, x3, x4, x5);                                  \
    else OWN(map_quick)(n, d, x0, x1, x2, x3, x4, x5, arity, at_once, 1, FN(quick_##call), FN(rest_##call));           \
  }
#else
#define QUICK_STREAM(name, call, arity, at_once)
#endif
#define LOOP1(name) OF_ARRAY(name, 1) VARIANT(name, 1, 0, 1)
#define LOOP1_QUICK(name, call, at_once) QUICK_VARIANT(name, call, 1, at_once)
#define LOOP1_SLOW(name, at_once) OF_ARRAY(name, 1) SLOW_VARIANT(name, 1, 0, at_once)
#define LOOP2(name, ...) OF_ARRAY(name, 2) VARIANT(name, 2, 0, 1) VARIANT(name, 2, 1, 1) VARIANT(name, 2, 2, 1)
#define LOOP2_QUICK(name, call, at_once) QUICK_VARIANT(name, call, 2, at_once)
#define LOOP2_SLOW(name, at_once) OF_ARRAY(name, 2) SLOW_VARIANT(name, 2, 0, at_once)
#if IS_INTEGER && defined(STORE_TRUTHS) /* truths that are left in registers are not stored as such numbers */
#define LOOP2_TRUTH(name, ...)                                                                                         \
  OF_ARRAY(name, 2) NEAR_VARIANT(name, 2, 0, 1) NEAR_VARIANT(name, 2, 1, 1) NEAR_VARIANT(name, 2, 2, 1)
#define ROW2_TRUTH(name, ...) {2, 0, 0, {FN_OF(name, 0), FN_OF(name, 1), FN_OF(name, 2)}, {0}},
#else
#define LOOP2_TRUTH LOOP2
#define ROW2_TRUTH ROW2
#endif
#define LOOP2_PLAIN(name, ...) OF_ARRAY(name, 2) NEAR_VARIANT(name, 2, 0, 1)
#define LOOP3_PLAIN(name) OF_ARRAY(name, 3) NEAR_VARIANT(name, 3, 0, 1) NEAR_VARIANT(name, 3, 6, 1)
#define LOOP3(name)                                                                                                    \
  OF_ARRAY(name, 3)                                                                                                    \
  VARIANT(name, 3, 0, 1) VARIANT(name, 3, 1, 1) VARIANT(name, 3, 2, 1) VARIANT(name, 3, 3, 1)                          \
  VARIANT(name, 3, 4, 1) VARIANT(name, 3, 5, 1) VARIANT(name, 3, 6, 1)
#define LOOP_LONG(name, arity, scalars)                                                                                \
  OF_ARRAY(name, arity) VARIANT(name, arity, 0, 1) VARIANT(name, arity, scalars, 1)

ANY_UNARY_OPS(LOOP1)
ANY_BINARY_OPS(LOOP2)
ANY_TRUTHS2(LOOP2_TRUTH)
ANY_TERNARY_OPS(LOOP3)
#if IS_INTEGER
BITWISE_NOT(LOOP1)
BITWISE_OPS(LOOP2)
OTHER_OPS(LOOP2_PLAIN)
OTHER_TERNARY_OPS(LOOP3_PLAIN)
#ifdef HAS_SHIFTS
SHIFT_OPS(LOOP2_PLAIN)
#endif
#else
UNARY_OPS(LOOP1)
BINARY_OPS(LOOP2)
TERNARY_OPS(LOOP3)
LONG_OPS(LOOP_LONG)
#if !defined(__clang__) /* which takes the instructions of two vectors in turn by itself */
#pragma GCC push_options
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif
SLOW_UNARY_OPS(LOOP1_SLOW)
QUICK_UNARY_OPS(LOOP1_QUICK)
QUICK_BINARY_OPS(LOOP2_QUICK)
SLOW_BINARY_OPS(LOOP2_SLOW)
#if !defined(__clang__)
#pragma GCC pop_options
#endif
#endif

#define FN_OF(name, scalars) OWN(loop_##name##_##scalars)

/* The function of an opcode of two inputs, the first or the second of which is a number a row; NULL: there is none. */
#if IS_INTEGER
static OWN(by_column_fn) *OWN(by_column)(OWN(op_fn) *fn, int is_first) {
  (void)fn, (void)is_first;
  return NULL;
}
#else
#define BY_COLUMN(name, is_first)                                                                                      \
  static void OWN(columns_##name##_##is_first)(int64_t rows, int64_t cols, T *d, int64_t d_step, const T *x,           \
                                               int64_t x_step, const T *s, int64_t s_step) {                           \
    OWN(map_by_column)(rows, cols, d, d_step, x, x_step, s, s_step, is_first, OWN(of_array_##name));                   \
  }
#define BOTH_BY_COLUMN(name) BY_COLUMN(name, 0) BY_COLUMN(name, 1)
BY_COLUMN_OPS(BOTH_BY_COLUMN)
static OWN(by_column_fn) *OWN(by_column)(OWN(op_fn) *fn, int is_first) {
#define FIND(name) if (fn == FN_OF(name, 0)) return is_first ? OWN(columns_##name##_1) : OWN(columns_##name##_0);
  BY_COLUMN_OPS(FIND)
  return NULL;
}
#undef BY_COLUMN
#undef BOTH_BY_COLUMN
#undef FIND
#endif

/* Truths as bools: d[i] = 1 where f holds of a[i] and b[i], or of a[i] and the number in all lanes at b, else 0. */
typedef void OWN(truth_fn)(int64_t n, uint8_t *d, const T *a, const T *b);

#ifdef STORE_TRUTHS
#if defined(FNN_ISA_AVX512)
#define HOLDS FN(truth_bits)
#define HOLDS_OF(name) OWN(bits_##name)
#define TRUTH_BITS(name, holds)                                                                                        \
  FNN_INLINE HOLDS OWN(bits_##name)(V a, V b) { return ((void)b, (HOLDS)(holds)); }
#define IS_TRUE(x) FN(not_equal_bits)(x, (V){0})
TRUTH_BITS(greater, FN(less_bits)(b, a))
TRUTH_BITS(greater_equal, FN(less_equal_bits)(b, a))
TRUTH_BITS(less, FN(less_bits)(a, b))
TRUTH_BITS(less_equal, FN(less_equal_bits)(a, b))
TRUTH_BITS(equal, FN(equal_bits)(a, b))
TRUTH_BITS(not_equal, FN(not_equal_bits)(a, b))
TRUTH_BITS(logical_not, FN(equal_bits)(a, (V){0}))
TRUTH_BITS(logical_and, IS_TRUE(a) & IS_TRUE(b))
TRUTH_BITS(logical_or, IS_TRUE(a) | IS_TRUE(b))
TRUTH_BITS(logical_xor, IS_TRUE(a) ^ IS_TRUE(b))
#if IS_INTEGER
TRUTH_BITS(other_greater, FN(other_less_bits)(b, a))
TRUTH_BITS(other_greater_equal, FN(other_less_equal_bits)(b, a))
TRUTH_BITS(other_less, FN(other_less_bits)(a, b))
TRUTH_BITS(other_less_equal, FN(other_less_equal_bits)(a, b))
#else
TRUTH_BITS(isnan, FN(not_equal_bits)(a, a))
TRUTH_BITS(isinf, FN(equal_bits)(FN(abs)(a), FN(splat)((T)INFINITY)))
TRUTH_BITS(isfinite, FN(less_bits)(FN(abs)(a), FN(splat)((T)INFINITY)))
#endif
#undef TRUTH_BITS
#undef IS_TRUE
#else
#define HOLDS M
#define HOLDS_OF(name) OWN(m_##name)
#endif
/* has_number, f: constants. */
FNN_INLINE void OWN(map_truths)(int64_t n, uint8_t *d, const T *a, const T *b, int has_number, HOLDS (*f)(V, V)) {
  enum { AT_ONCE = FNN_VECTOR_BYTES / N };
  const V number = has_number ? FN(load)(b) : (V){0};
  int64_t i = 0;
  for (; i + FNN_VECTOR_BYTES <= n; i += FNN_VECTOR_BYTES) {
    HOLDS holds[AT_ONCE];
#pragma GCC unroll 8
    for (int k = 0; k < AT_ONCE; k++)
      holds[k] = f(LOAD_COMPARED(a + i + k * N), has_number ? number : LOAD_COMPARED(b + i + k * N));
    STORE_TRUTHS(d + i, holds);
  }
  for (; i < n; i += N) {
    const int64_t count = fnn_min(N, n - i);
    const HOLDS holds = f(FN(load_part)(a + i, count), has_number ? number : FN(load_part)(b + i, count));
#if defined(FNN_ISA_AVX512)
    const __m512i truths = _mm512_maskz_mov_epi8(holds, _mm512_set1_epi8(1));
    _mm512_mask_storeu_epi8(d + i, ((__mmask64)1 << count) - 1, truths);
#else
    for (int64_t k = 0; k < count; k++) d[i + k] = holds[k] != 0;
#endif
  }
}

/* The function of an opcode of one input, or of two, of which `scalars` (bit k: input k) is a number; where that is the
 * first, of the two in turn. NULL: there is none. */
#define TRUTHS(name, has_number)                                                                                       \
  APART("truths") static void OWN(truths_##name##_##has_number)(int64_t n, uint8_t *d, const T *a, const T *b) {       \
    OWN(map_truths)(n, d, a, b, has_number, HOLDS_OF(name));                                                           \
  }
#define TRUTHS1(name) TRUTHS(name, 0)
#define TRUTHS2(name, turned) TRUTHS(name, 0) TRUTHS(name, 1)
#define FIND1(name) if (fn == FN_OF(name, 0)) return OWN(truths_##name##_0);
#define FIND2(name, turned)                                                                                            \
  if (fn == FN_OF(name, 0))                                                                                            \
    return !scalars ? OWN(truths_##name##_0) : scalars == 2 ? OWN(truths_##name##_1) : OWN(truths_##turned##_1);
ANY_TRUTHS1(TRUTHS1)
ANY_TRUTHS2(TRUTHS2)
#if IS_INTEGER
OTHER_TRUTHS2(TRUTHS2)
#else
FLOAT_TRUTHS(TRUTHS1)
#endif
static OWN(truth_fn) *OWN(truths)(OWN(op_fn) *fn, int scalars) {
  ANY_TRUTHS1(FIND1)
  ANY_TRUTHS2(FIND2)
#if IS_INTEGER
  OTHER_TRUTHS2(FIND2)
#else
  FLOAT_TRUTHS(FIND1)
#endif
  return NULL;
}
#undef HOLDS
#undef HOLDS_OF
#undef TRUTHS
#undef TRUTHS1
#undef TRUTHS2
#undef FIND1
#undef FIND2
#endif

#define ROW1(name) {1, 0, 0, {FN_OF(name, 0)}, {STREAM_OF(name, 0)}},
#define ROW1_SLOW(name, at_once) {1, 1, 0, {FN_OF(name, 0)}, {SLOW_STREAM_OF(name, 0)}},
#define ROW1_QUICK(name, call, at_once) ROW1_SLOW(name, at_once)
#define ROW2(name, ...)                                                                                                \
  {2, 0, 0, {FN_OF(name, 0), FN_OF(name, 1), FN_OF(name, 2)},                                                          \
   {STREAM_OF(name, 0), STREAM_OF(name, 1), STREAM_OF(name, 2)}},
#define ROW2_SLOW(name, at_once) {2, 1, 0, {FN_OF(name, 0)}, {SLOW_STREAM_OF(name, 0)}},
#define ROW2_PLAIN(name, ...) {2, 0, 0, {FN_OF(name, 0)}, {0}},
#define ROW3_PLAIN(name) {3, 0, 6, {FN_OF(name, 0), FN_OF(name, 6)}, {0}},
#define NO_ROW(name) {2, 0, 0, {0}, {0}},
#define ROW2_QUICK(name, call, at_once) ROW2_SLOW(name, at_once)
#define ROW3(name)                                                                                                     \
  {3, 0, 0, {FN_OF(name, 0), FN_OF(name, 1), FN_OF(name, 2), FN_OF(name, 3), FN_OF(name, 4), FN_OF(name, 5),           \
             FN_OF(name, 6)},                                                                                          \
   {STREAM_OF(name, 0), STREAM_OF(name, 1), STREAM_OF(name, 2), STREAM_OF(name, 3), STREAM_OF(name, 4),                \
    STREAM_OF(name, 5), STREAM_OF(name, 6)}},
#define ROW_LONG(name, arity, scalars)                                                                                 \
  {arity, 0, scalars, {FN_OF(name, 0), FN_OF(name, scalars)}, {STREAM_OF(name, 0), STREAM_OF(name, scalars)}},

static const OWN(opcode) OWN(opcodes)[] = {
  {1, 0, 0, {0}, {0}}, ANY_UNARY_OPS(ROW1) ANY_BINARY_OPS(ROW2) ANY_TRUTHS2(ROW2_TRUTH) ANY_TERNARY_OPS(ROW3)
#if IS_INTEGER
  BITWISE_NOT(ROW1) BITWISE_OPS(ROW2) OTHER_OPS(ROW2_PLAIN) OTHER_TERNARY_OPS(ROW3_PLAIN)
#ifdef HAS_SHIFTS
  SHIFT_OPS(ROW2_PLAIN)
#endif
#else
  BITWISE_NOT(NO_ROW) BITWISE_OPS(NO_ROW) OTHER_OPS(NO_ROW) OTHER_TERNARY_OPS(NO_ROW) SHIFT_OPS(NO_ROW)
  UNARY_OPS(ROW1) SLOW_UNARY_OPS(ROW1_SLOW) QUICK_UNARY_OPS(ROW1_QUICK) BINARY_OPS(ROW2)
  QUICK_BINARY_OPS(ROW2_QUICK) SLOW_BINARY_OPS(ROW2_SLOW) TERNARY_OPS(ROW3)
  LONG_OPS(ROW_LONG)
#endif
};

#undef OF_ARRAY
#undef PLACE_ONE
#undef PLACE_TWO
#undef PLACE_FOUR
#undef PLACE_EIGHT
#undef NEAR_VARIANT
#undef VARIANT
#undef SLOW_VARIANT
#undef STREAM_OF
#undef SLOW_STREAM_OF
#undef LOOP1
#undef LOOP1_SLOW
#undef LOOP2
#undef LOOP2_SLOW
#undef LOOP2_PLAIN
#undef LOOP2_TRUTH
#undef LOOP3
#undef LOOP3_PLAIN
#undef LOOP_LONG
#undef FN_OF
#undef ROW1
#undef ROW1_SLOW
#undef ROW2
#undef ROW2_SLOW
#undef ROW2_PLAIN
#undef ROW2_TRUTH
#undef NO_ROW
#undef ROW3
#undef ROW3_PLAIN
#undef ROW_LONG
#undef LOOP1_QUICK
#undef LOOP2_QUICK
#undef ROW1_QUICK
#undef ROW2_QUICK
#undef QUICK_VARIANT
#undef QUICK_STREAM
#undef INPUTS
