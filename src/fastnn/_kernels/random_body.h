/* random_body.h: what random.c compiles for float32 and for float64 (T, V, M, N, FN, OWN: types_f32.h). */

/* Numbers that a group gives, and words that a number takes. */
enum { OWN(WORDS) = sizeof(T) / 4, OWN(EACH) = GROUP / (sizeof(T) / 4) };

/* The group's integers as a uniform number each, exact, in [0, 1): 24 bits, or 53. */
FNN_INLINE void OWN(unit_numbers)(const words *w, T *u) {
  for (int j = 0; j < OWN(EACH) / BLOCKS; j++)
    for (int i = 0; i < BLOCKS; i++) {
      if (sizeof(T) == 4) u[j * BLOCKS + i] = (T)(int32_t)(w->word[j][i] >> 8) * (T)0x1p-24;
      else
        u[j * BLOCKS + i] =
          (T)(int64_t)(((uint64_t)w->word[2 * j][i] << 32 | w->word[2 * j + 1][i]) >> 11) * (T)0x1p-53;
    }
}

/* Standard normal numbers by pairs (Box and Muller): sqrt(-2 log u) times cos and sin of 2 pi v. Float32: u and v are
 * words 0 and 1, and 2 and 3, of a block, giving numbers j = 0, 1 and 2, 3; float64: u is words 0 and 1, v 2 and 3. */
FNN_INLINE void OWN(normal_numbers)(const words *w, T *z) {
  enum { PAIRS = OWN(EACH) / BLOCKS / 2 };
  for (int pair = 0; pair < PAIRS; pair++) {
    T u[BLOCKS], turn[BLOCKS];
    MT quadrant[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      uint32_t v = w->word[2 * pair + (sizeof(T) == 4 ? 1 : 2)][i], v_low = w->word[3][i];
      uint32_t q = (v + 0x20000000u) >> 30; /* the nearest quarter turn */
      int32_t rest = (int32_t)(v - (q << 30));
      quadrant[i] = (MT)q;
      if (sizeof(T) == 4) {
        u[i] = ((T)(int32_t)(w->word[2 * pair][i] >> 8) + (T)1) * (T)0x1p-24; /* (0, 1] */
        turn[i] = (T)rest * (T)(1.57079632679489661923 * 0x1p-30);
      } else {
        u[i] = ((T)(int64_t)(((uint64_t)w->word[0][i] << 32 | w->word[1][i]) >> 11) + (T)1) * (T)0x1p-53;
        turn[i] = ((T)rest + (T)v_low * (T)0x1p-32) * (T)(1.57079632679489661923 * 0x1p-30);
      }
    }
    for (int i = 0; i < BLOCKS; i += N) {
      V radius = FN(sqrt)(FN(log)(FN(load)(u + i)) * (T)-2);
      V angle = FN(load)(turn + i);
      M q;
      memcpy(&q, quadrant + i, sizeof q);
      FN(store)(z + 2 * pair * BLOCKS + i, radius * FN(sin_quadrant)(angle, q + 1));
      FN(store)(z + (2 * pair + 1) * BLOCKS + i, radius * FN(sin_quadrant)(angle, q));
    }
  }
}

/* Normal numbers within two standard deviations: sqrt(2) erfinv(x), x uniform in +-erf(sqrt(2)). The inverse is Giles'
 * central polynomial ("Approximating the erfinv function", 2010; 3 ulp in float32), and in float64 a Halley step. */
FNN_INLINE V OWN(truncated)(V u) {
  const T bound = (T)0.95449973610364158560; /* erf(sqrt(2)) */
  V x = (u * 2 - 1) * bound;
  V w = -FN(log)((1 - x) * (1 + x)) - (T)2.5;
  V p = (T)2.81022636e-08 * w + (T)3.43273939e-07;
  p = p * w - (T)3.5233877e-06;
  p = p * w - (T)4.39150654e-06;
  p = p * w + (T)0.00021858087;
  p = p * w - (T)0.00125372503;
  p = p * w - (T)0.00417768164;
  p = p * w + (T)0.246640727;
  p = p * w + (T)1.50140941;
  V y = p * x;
  if (sizeof(T) == 8) {
    V f = (FN(erf)(y) - x) * ((T)0.88622692545275801365 * FN(exp)(y * y)); /* (erf(y) - x) / erf'(y) */
    y = y - f / (1 + y * f);
  }
  return FN(select)(FN(abs)(y) > (T)1.41421356237309504880, FN(copysign)(FN(splat1)((T)1.41421356237309504880), y), y) *
         (T)1.41421356237309504880;
}

/* random_uniform, random_normal, random_truncated_normal: reals = {low, high}, {mean, deviation}, {mean, deviation}.
 * Uniform numbers are low + (high - low) u, u in [0, 1): rounding may give `high` itself. */
FNN_INLINE void OWN(random_floats)(const fnn_call *call, int64_t begin, int64_t end, int kind) {
  if (call->phase) {
    write_state(call);
    return;
  }
  int64_t n = call->ints[0], each = OWN(EACH), unit = each * UNIT_GROUPS;
  T offset = (T)call->reals[0], scale = (T)(kind == 0 ? call->reals[1] - call->reals[0] : call->reals[1]);
  T *out = (T *)call->buf[1];
  for (int64_t first = begin * unit; first < fnn_min(n, end * unit); first += each) {
    words w;
    T numbers[OWN(EACH)];
    threefry((const uint32_t *)call->buf[0], first / each, &w);
    if (kind == 1) OWN(normal_numbers)(&w, numbers);
    else OWN(unit_numbers)(&w, numbers);
    for (int i = 0; i < OWN(EACH); i += N) {
      V x = FN(load)(numbers + i);
      if (kind == 2) x = OWN(truncated)(x);
      FN(store)(numbers + i, x * scale + offset);
    }
    memcpy(out + first, numbers, (size_t)fnn_min(each, n - first) * sizeof(T));
  }
}
static void OWN(random_uniform)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(random_floats)(call, begin, end, 0);
}
static void OWN(random_normal)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(random_floats)(call, begin, end, 1);
}
static void OWN(random_truncated_normal)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(random_floats)(call, begin, end, 2);
}
static void OWN(random_float_size)(const int64_t *ints, fnn_work *work) {
  random_size(ints[0], OWN(WORDS), sizeof(T), 60, work);
}
