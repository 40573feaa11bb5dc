/* scatter_body.h: what scatter.c compiles for each type: T the element, OWN(name) the type's name. */

FNN_INLINE T OWN(combine)(int kind, T a, T x) {
#if IS_FLOAT
  if (kind == SUM) return a + x;
  if (kind == PRODUCT) return a * x;
#else /* integers wrap, which only unsigned ones may do in C */
  if (kind == SUM) return (T)((uint32_t)a + (uint32_t)x);
  if (kind == PRODUCT) return (T)((uint32_t)a * (uint32_t)x);
#endif
  if (kind == MAX) return (a >= x) | (a != a) ? a : x;
  return (a <= x) | (a != a) ? a : x;
}

/* Elements [first, last) of rows of `inner`. */
FNN_INLINE void OWN(scatter_part)(const fnn_call *call, int64_t first, int64_t last, const int64_t inner,
                                  const int64_t dtype, const int kind) {
  for (int64_t j = 0; j < call->ints[2]; j++) {
    const int64_t i = index_at(call->buf[1], dtype, j, call->ints[0]);
    if (i < 0) {
      set_status(call, FNN_INDEX_OUT_OF_RANGE);
      continue;
    }
    T *restrict y = (T *)call->buf[3] + i * inner;
    const T *restrict x = (const T *)call->buf[2] + j * inner;
    for (int64_t c = first; c < last; c++) y[c] = OWN(combine)(kind, y[c], x[c]);
  }
}

FNN_INLINE void OWN(scatter_rows)(const fnn_call *call, int64_t begin, int64_t end, const int kind) {
  const int64_t inner = call->ints[1], width = WIDTH / (int64_t)sizeof(T);
#define ELEMENTS(dtype) OWN(scatter_part)(call, 0, 1, 1, dtype, kind)
  if (call->phase == 0) copy_x(call, begin, end);
  else if (inner == 1) WITH_INDEX_TYPE(call->ints[3], ELEMENTS)
  else OWN(scatter_part)(call, begin * width, fnn_min(end * width, inner), inner, call->ints[3], kind);
#undef ELEMENTS
}

#define COMBINATION(name, kind)                                                                                        \
  static void OWN(name)(const fnn_call *call, int64_t begin, int64_t end) {                                            \
    OWN(scatter_rows)(call, begin, end, kind);                                                                         \
  }
COMBINATION(scatter_add, SUM)
COMBINATION(scatter_mul, PRODUCT)
COMBINATION(scatter_max, MAX)
COMBINATION(scatter_min, MIN)
#undef COMBINATION

#undef T
#undef OWN
#undef IS_FLOAT
