/* gather_body.h: what gather.c compiles for float32 and for float64. */

static void OWN(take_grad_size)(const int64_t *ints, fnn_work *work) { take_grad_size(ints, work, sizeof(T)); }

static void OWN(take_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints;
  int64_t n = ints[1], inner = ints[2], m = ints[3], step = range_rows(ints), ranges = fnn_ceil_div(n, step);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t outer = unit / ranges, first = unit % ranges * step, last = fnn_min(n, first + step);
    T *dx = (T *)call->buf[2] + outer * n * inner;
    const T *dy = (const T *)call->buf[0] + outer * m * inner;
    memset(dx + first * inner, 0, (size_t)((last - first) * inner) * sizeof(T));
    for (int64_t j = 0; j < m; j++) {
      int64_t i = index_at(call->buf[1], ints[4], j, n);
      if (i < 0) set_status(call, FNN_INDEX_OUT_OF_RANGE);
      if (i < first || i >= last) continue;
      T *to = dx + i * inner;
      const T *from = dy + j * inner;
      for (int64_t c = 0; c < inner; c++) to[c] += from[c];
    }
  }
}
