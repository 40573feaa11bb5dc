/* windows_body.h: windows_sum, for float32 and for float64. */

static void OWN(windows_sum_size)(const int64_t *ints, fnn_work *work) { windows_size(ints, work, sizeof(T)); }

/* x[i, :] = or += y[i, : c], for rows of c elements that are y_row apart in y. */
FNN_INLINE void OWN(windows_rows)(T *restrict x, const T *restrict y, int64_t rows, int64_t c, int64_t y_row,
                                  int is_first) {
  for (int64_t i = 0; i < rows; i++, x += c, y += y_row)
    for (int64_t k = 0; k < c; k++) x[k] = is_first ? y[k] : x[k] + y[k];
}

static void OWN(windows_sum)(const fnn_call *call, int64_t begin, int64_t end) {
  const windows w = windows_of(call->ints);
  const int64_t plane = w.inner * w.c, y_row = w.taps * w.c;
  for (int64_t unit = begin; unit < end; unit++) {
    T *x = (T *)call->buf[1] + unit * plane;
    int is_first = 1;
    for (int64_t t = 0; t < w.taps; t++) {
      const int64_t at = unit % w.size + w.before - t * w.dilation;
      if (at < 0 || at % w.stride || at / w.stride >= w.out) continue;
      const T *y = (const T *)call->buf[0] + (unit / w.size * w.out + at / w.stride) * w.inner * y_row + t * w.c;
      if (is_first)
        OWN(windows_rows)(x, y, w.inner, w.c, y_row, 1);
      else
        OWN(windows_rows)(x, y, w.inner, w.c, y_row, 0);
      is_first = 0;
    }
    if (is_first) memset(x, 0, (size_t)plane * sizeof(T));
  }
}
