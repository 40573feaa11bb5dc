/* sum_squares_body.h: the sum of squares of n elements, which reduce.c compiles for float32 and for float64. Lanes of T
 * over RUN elements, two sets of them put together before a third joins, then float64; phase 1 adds what units found.
 * ints: [0] n. Buffers: {input, output}, a number. */
static void OWN(sum_squares)(const fnn_call *call, int64_t begin, int64_t end) {
  enum { LANES = OWN(LANES), N = OWN(N), WAYS = OWN(WAYS) };
  const int64_t n = call->ints[0];
  const T *x = (const T *)call->buf[0];
  ACC *partial = (ACC *)call->shared;
  if (call->phase == 1) {
    ACC total = 0;
    for (int64_t unit = 0; unit < fnn_ceil_div(n, UNIT); unit++) total += partial[unit];
    *(T *)call->buf[1] = (T)total;
    return;
  }
  for (int64_t unit = begin; unit < end; unit++) {
    ACC total = 0;
    for (int64_t from = unit * UNIT; from < fnn_min(n, (unit + 1) * UNIT); from += RUN) {
      const int64_t to = fnn_min(n, from + RUN);
      OWN(vector) v[WAYS] = {{0}};
      int64_t i = from;
      for (; i + 2 * LANES <= to; i += 2 * LANES)
        for (int w = 0; w < WAYS; w++) {
          const OWN(vector) a = OWN(load)(x + i + w * N), b = OWN(load)(x + i + LANES + w * N);
          v[w] += a * a + b * b;
        }
      for (; i < to; i += LANES)
        for (int w = 0; w < WAYS; w++) {
          const OWN(vector) a = OWN(load_part)(x + i + w * N, (int)fnn_max(0, fnn_min(N, to - i - w * N)), 0);
          v[w] += a * a;
        }
      total = OWN(fold)(SUM, v, LANES, total);
    }
    partial[unit] = total;
  }
}
