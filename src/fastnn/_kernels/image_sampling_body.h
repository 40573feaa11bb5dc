/* image_sampling_body.h: what image_sampling.c compiles for float32 and for float64. */

typedef struct {
  int32_t at[4][BLOCK]; /* pixels; -1 outside */
  T weight[4][BLOCK];
} OWN(corners);

/* Those of `count` points of image i, from point j. */
FNN_INLINE void OWN(find_corners)(const fnn_call *call, int64_t i, int64_t j, int64_t count,
                                  OWN(corners) *restrict found) {
  const int64_t *ints = call->ints, from = (ints[5] ? i * ints[4] : 0) + j;
  const uint32_t h = (uint32_t)ints[1], w = (uint32_t)ints[2];
  const T *restrict row0 = (const T *)call->buf[1] + from, *restrict row1 = (const T *)call->buf[2] + from;
  const T *restrict col0 = (const T *)call->buf[4] + from, *restrict col1 = (const T *)call->buf[5] + from;
  const T *restrict down = (const T *)call->buf[3] + from, *restrict right = (const T *)call->buf[6] + from;
  for (int64_t k = 0; k < count; k++) {
    const uint32_t top = (uint32_t)(int32_t)row0[k], bottom = (uint32_t)(int32_t)row1[k];
    const uint32_t left = (uint32_t)(int32_t)col0[k], far = (uint32_t)(int32_t)col1[k];
    found->at[0][k] = (top < h) & (left < w) ? (int32_t)(top * w + left) : -1;
    found->at[1][k] = (top < h) & (far < w) ? (int32_t)(top * w + far) : -1;
    found->at[2][k] = (bottom < h) & (left < w) ? (int32_t)(bottom * w + left) : -1;
    found->at[3][k] = (bottom < h) & (far < w) ? (int32_t)(bottom * w + far) : -1;
    found->weight[0][k] = (1 - down[k]) * (1 - right[k]);
    found->weight[1][k] = (1 - down[k]) * right[k];
    found->weight[2][k] = down[k] * (1 - right[k]);
    found->weight[3][k] = down[k] * right[k];
  }
}

/* What lies outside is read from, and added to, a pixel of its own: no branch that is hard to foresee. */
FNN_INLINE void OWN(read_points)(T *restrict y, const T *x, const T *outside, const OWN(corners) *found, int64_t count,
                                 const int64_t c) {
  for (int64_t k = 0; k < count; k++, y += c) {
    const T *p[4];
    for (int q = 0; q < 4; q++) p[q] = found->at[q][k] < 0 ? outside : x + found->at[q][k] * c;
    const T a = found->weight[0][k], b = found->weight[1][k], d = found->weight[2][k], e = found->weight[3][k];
    for (int64_t z = 0; z < c; z++) y[z] = a * p[0][z] + b * p[1][z] + d * p[2][z] + e * p[3][z];
  }
}

FNN_INLINE void OWN(add_points)(const T *restrict dy, T *dx, T *outside, const OWN(corners) *found, int64_t count,
                                const int64_t c) {
  for (int64_t k = 0; k < count; k++, dy += c)
    for (int q = 0; q < 4; q++) {
      T *restrict p = found->at[q][k] < 0 ? outside : dx + found->at[q][k] * c;
      const T weight = found->weight[q][k];
      for (int64_t z = 0; z < c; z++) p[z] += weight * dy[z];
    }
}

/* body(c), with a constant for the numbers of channels of images. */
#define WITH_CHANNELS(c, body)                                                                                         \
  switch (c) {                                                                                                         \
    case 1: body(1); break;                                                                                            \
    case 3: body(3); break;                                                                                            \
    case 4: body(4); break;                                                                                            \
    default: body(c);                                                                                                  \
  }

static void OWN(sample_size)(const int64_t *ints, fnn_work *work) {
  sampling_size(ints, work, sizeof(T));
  work->units[0] = ints[3] ? ints[0] * fnn_ceil_div(ints[4], POINTS) : 0;
}

static void OWN(sample_bilinear)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, c = ints[3], m = ints[4], parts = fnn_ceil_div(m, POINTS);
  T *outside = (T *)call->scratch;
  for (int64_t z = 0; z < c; z++) outside[z] = (T)call->reals[0];
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t i = unit / parts, first = unit % parts * POINTS, last = fnn_min(m, first + POINTS);
    const T *x = (const T *)call->buf[0] + i * ints[1] * ints[2] * c;
    T *y = (T *)call->buf[7] + i * m * c;
    for (int64_t j = first; j < last; j += BLOCK) {
      const int64_t count = fnn_min(BLOCK, last - j);
      OWN(corners) found;
      OWN(find_corners)(call, i, j, count, &found);
#define READ(c) OWN(read_points)(y + j * c, x, outside, &found, count, c)
      WITH_CHANNELS(c, READ)
#undef READ
    }
  }
}

static void OWN(sample_grad_size)(const int64_t *ints, fnn_work *work) {
  sampling_size(ints, work, sizeof(T));
  work->units[0] = ints[3] ? ints[0] : 0;
}

static void OWN(sample_bilinear_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, c = ints[3], m = ints[4], pixels = ints[1] * ints[2];
  T *outside = (T *)call->scratch;
  memset(outside, 0, (size_t)c * sizeof(T));
  for (int64_t i = begin; i < end; i++) {
    const T *dy = (const T *)call->buf[0] + i * m * c;
    T *dx = (T *)call->buf[7] + i * pixels * c;
    memset(dx, 0, (size_t)(pixels * c) * sizeof(T));
    for (int64_t j = 0; j < m; j += BLOCK) {
      const int64_t count = fnn_min(BLOCK, m - j);
      OWN(corners) found;
      OWN(find_corners)(call, i, j, count, &found);
#define ADD(c) OWN(add_points)(dy + j * c, dx, outside, &found, count, c)
      WITH_CHANNELS(c, ADD)
#undef ADD
    }
  }
}

#undef WITH_CHANNELS
