/* group_norm_body.h: group normalization and its gradient, which normalization.c compiles for float32 and for float64
 * after normalization_body.h, from whose batch normalization it takes all that is done to a sample's columns. */

/* ---- group_norm ----
 * ints: [0] rows of a sample [1] cols [2] epilogue [3] samples [4] columns of a group   reals: [0] epsilon
 * buffers: x (samples, rows, cols), gamma (cols), beta (cols), y, mean (samples, cols), variance (samples, cols)
 * As batch_norm of each sample, but with the moments of a group of neighbouring columns, which mean and variance give
 * for each of its columns. */

static void OWN(group_norm_size)(const int64_t *ints, fnn_work *work) { group_size(ints, work, 3, sizeof(T)); }

/* The call that sees sample n alone: of the buffers, bits of `matrices` are as large as x, of `columns` as mean. */
FNN_INLINE fnn_call OWN(of_sample)(const fnn_call *call, int64_t n, int matrices, int columns, int buffers,
                                   char **buf) {
  const int64_t cols = call->ints[1], elements = call->ints[0] * cols;
  for (int k = 0; k < buffers; k++)
    buf[k] = call->buf[k] + n * (matrices >> k & 1 ? elements : columns >> k & 1 ? cols : 0) * (int64_t)sizeof(T);
  fnn_call own = *call;
  own.buf = buf;
  own.shared = is_whole(call->ints) ? call->scratch + group_program(call->ints, sizeof(T))
                                    : call->shared + n * group_numbers(call->ints) * (int64_t)sizeof(T);
  return own;
}

/* The moments of groups: the columns of up to UNIT_COLS that one has are joined at once, all of the same rows. */
FNN_INLINE void OWN(group_moments)(const fnn_call *own) {
  const int64_t rows = own->ints[0], cols = own->ints[1], group = own->ints[4], step = group_rows(own->ints);
  const T *gamma = (const T *)own->buf[1];
  T *factor = (T *)own->shared + 2 * fnn_ceil_div(rows, step) * cols;
  double centre = 0, square = 0; /* of the columns of a group so far */
  for (int64_t first = 0; first < cols; first += UNIT_COLS) {
    const int64_t last = fnn_min(cols, first + UNIT_COLS);
    double mean[UNIT_COLS] = {0}, squares[UNIT_COLS] = {0};
    OWN(join_moments)((const T *)own->shared + first, rows, step, cols, last - first, mean, squares);
    for (int64_t c = first, end; c < last; c = end) {
      const int64_t before = c % group;
      end = fnn_min(last, c - before + group);
      const double n = (double)(end - c), share = n / (double)(before + end - c);
      double here = 0, around = 0;
      for (int64_t k = c - first; k < end - first; k++) here += mean[k];
      here /= n;
      for (int64_t k = c - first; k < end - first; k++) {
        const double d = mean[k] - here;
        around += squares[k] + d * d * (double)rows;
      }
      const double d = before ? here - centre : 0;
      square = before ? square + around + d * d * (double)(before * rows) * share : around;
      centre = before ? centre + d * share : here;
      if (before + end - c < group) continue;
      const double variance = square / (double)(group * rows), r = 1 / sqrt(variance + own->reals[0]);
      for (int64_t k = end - group; k < end; k++) {
        ((T *)own->buf[4])[k] = (T)centre;
        ((T *)own->buf[5])[k] = (T)variance;
        factor[k] = (T)((double)gamma[k] * r);
      }
    }
  }
}

static void OWN(group_norm)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t rows = call->ints[0], cols = call->ints[1], step = group_rows(call->ints);
  const int64_t blocks = fnn_ceil_div(rows, step), units = group_units(call);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t n = unit / units, from = unit % units * step, to = units > 1 ? fnn_min(rows, from + step) : rows;
    char *buf[6];
    const fnn_call own = OWN(of_sample)(call, n, 1 << 0 | 1 << 3, 1 << 4 | 1 << 5, 6, buf);
    T *numbers = (T *)own.shared;
    for (int64_t first = from; does(call, 0) && first < to; first += step)
      OWN(by_columns)(OWN(block_moments), &own, first, fnn_min(to, first + step), numbers + first / step * 2 * cols);
    if (does(call, 1)) OWN(group_moments)(&own);
    for (int64_t first = from; does(call, 2) && first < to; first += step) {
      const int64_t last = fnn_min(to, first + step);
      OWN(by_columns)(OWN(normalized), &own, first, last, numbers + 2 * blocks * cols);
      OWN(finish)(call, 2, n * rows + first, n * rows + last);
    }
  }
}

/* ---- group_norm_grad ----
 * ints, reals: as group_norm
 * buffers: dy, x, gamma, mean, variance (as group_norm gave them), dx, dgamma (cols), dbeta (cols)
 * With r = 1 / sqrt(variance + epsilon), s = (x - mean) r, g = dy gamma and means over a group: dx = r (g - mean(g)
 * - s mean(g s)); dgamma = sum(dy s), dbeta = sum(dy) over samples and rows. */

static void OWN(group_norm_grad_size)(const int64_t *ints, fnn_work *work) {
  group_size(ints, work, 5, sizeof(T));
  work->units[work->phases++] = fnn_ceil_div(ints[1], UNIT_COLS);
  work->shared_bytes += 2 * ints[3] * ints[1] * (int64_t)sizeof(T);
}

/* What a sample adds to dgamma, and cols numbers later to dbeta: behind the numbers of all samples. */
FNN_INLINE T *OWN(sample_sums)(const fnn_call *call, int64_t n) {
  const int64_t before = is_whole(call->ints) ? 0 : call->ints[3] * group_numbers(call->ints);
  return (T *)call->shared + before + 2 * n * call->ints[1];
}

/* What a sample adds to dgamma and dbeta, and the three numbers a column of input_gradient. */
FNN_INLINE void OWN(group_sums)(const fnn_call *own, T *sums) {
  const int64_t rows = own->ints[0], cols = own->ints[1], group = own->ints[4];
  const int64_t blocks = fnn_ceil_div(rows, group_rows(own->ints));
  const T *gamma = (const T *)own->buf[2], *variance = (const T *)own->buf[4];
  T *k0 = (T *)own->shared + 2 * blocks * cols;
  double along = 0, across = 0; /* sums of g s and g */
  for (int64_t first = 0; first < cols; first += UNIT_COLS) {
    const int64_t last = fnn_min(cols, first + UNIT_COLS);
    double sum[UNIT_COLS] = {0}, product[UNIT_COLS] = {0};
    OWN(join_blocks)((const T *)own->shared + first, blocks, cols, last - first, sum, product);
    for (int64_t c = first, end; c < last; c = end) {
      const int64_t before = c % group;
      const double r = 1 / sqrt((double)variance[c] + own->reals[0]), n = (double)(group * rows);
      end = fnn_min(last, c - before + group);
      if (!before) along = across = 0;
      for (int64_t k = c; k < end; k++) {
        sums[k] = (T)(product[k - first] * r);
        sums[cols + k] = (T)sum[k - first];
        along += (double)gamma[k] * product[k - first] * r;
        across += (double)gamma[k] * sum[k - first];
      }
      if (before + end - c < group) continue;
      for (int64_t k = end - group; k < end; k++) {
        k0[k] = (T)((double)gamma[k] * r);
        k0[cols + k] = (T)(-r * across / n);
        k0[2 * cols + k] = (T)(-r * r * along / n);
      }
    }
  }
}

static void OWN(group_norm_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t rows = call->ints[0], cols = call->ints[1], step = group_rows(call->ints);
  const int64_t blocks = fnn_ceil_div(rows, step), units = group_units(call);
  if (call->phase == (is_whole(call->ints) ? 1 : 3)) {
    for (int64_t c = begin * UNIT_COLS; begin < end; begin++, c += UNIT_COLS) {
      const int64_t width = fnn_min(UNIT_COLS, cols - c);
      double dgamma[UNIT_COLS] = {0}, dbeta[UNIT_COLS] = {0};
      OWN(join_blocks)(OWN(sample_sums)(call, 0) + c, call->ints[3], cols, width, dgamma, dbeta);
      for (int64_t k = 0; k < width; k++) {
        ((T *)call->buf[6])[c + k] = (T)dgamma[k];
        ((T *)call->buf[7])[c + k] = (T)dbeta[k];
      }
    }
    return;
  }
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t n = unit / units, from = unit % units * step, to = units > 1 ? fnn_min(rows, from + step) : rows;
    char *buf[6];
    const fnn_call own = OWN(of_sample)(call, n, 1 << 0 | 1 << 1 | 1 << 5, 1 << 3 | 1 << 4, 6, buf);
    T *numbers = (T *)own.shared;
    for (int64_t first = from; does(call, 0) && first < to; first += step)
      OWN(by_columns)(OWN(block_sums), &own, first, fnn_min(to, first + step), numbers + first / step * 2 * cols);
    if (does(call, 1)) OWN(group_sums)(&own, OWN(sample_sums)(call, n));
    for (int64_t first = from; does(call, 2) && first < to; first += step) {
      const int64_t last = fnn_min(to, first + step);
      OWN(by_columns)(OWN(input_gradient), &own, first, last, numbers + 2 * blocks * cols);
      OWN(finish)(call, 2, n * rows + first, n * rows + last);
    }
  }
}
