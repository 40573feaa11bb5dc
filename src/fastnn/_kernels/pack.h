/* pack.h: operands of tile.h that cannot be read in place, copied to whole vectors; for the type of types_f32.h or
 * types_f64.h. */

/* Transposes N vectors of N lanes: in the step of distance d, lanes with bit d change places with the lanes without it
 * of the other vector of a pair. */
FNN_INLINE void OWN(transpose)(V *v) {
  static const MT lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  M lane;
  memcpy(&lane, lanes, sizeof lane);
#pragma GCC unroll 4
  for (int d = 1; d < N; d *= 2) {
    const M moves = (lane & d) != 0;
    const M low = lane + (moves & (N - d)), high = lane + (moves & N) + (~moves & d);
#pragma GCC unroll 16
    for (int i = 0; i < N; i++) {
      if (i & d) continue;
      const V x = v[i], y = v[i + d];
      v[i] = __builtin_shuffle(x, y, low);
      v[i + d] = __builtin_shuffle(x, y, high);
    }
  }
}

/* Lane i is the sum of the lanes of v[i], for i < n <= N, n a constant: a transpose that adds the vectors of a pair in
 * each step. */
FNN_INLINE V OWN(sum_each)(V *v, const int n) {
  static const MT lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  M lane;
  memcpy(&lane, lanes, sizeof lane);
#pragma GCC unroll 4
  for (int d = 1; d < N; d *= 2) {
    const M moves = (lane & d) != 0;
    const M low = lane + (moves & (N - d)), high = lane + (moves & N) + (~moves & d);
#pragma GCC unroll 16
    for (int i = 0; i < n; i += 2 * d) {
      const V x = v[i], y = i + d < n ? v[i + d] : x;
      v[i] = __builtin_shuffle(x, y, low) + __builtin_shuffle(x, y, high);
    }
  }
  return v[0];
}

/* Rows [0, k) of a panel of B whose columns are contiguous along k (b_col apart), as whole vectors. */
static void OWN(pack_transposed)(T *out, const T *b, int64_t b_col, int64_t k, tile_panel panel) {
  const int64_t width = panel.vectors * N;
  for (int64_t j = 0; j < width; j += N) {
    const int64_t cols = fnn_min(N, panel.cols - j);
    for (int64_t i = 0; i < k; i += N) {
      const int64_t rows = fnn_min(N, k - i);
      const T *from = b + j * b_col + i;
      V v[N];
      if (cols == N && rows == N) {
#pragma GCC unroll 16
        for (int c = 0; c < N; c++) v[c] = FN(load)(from + c * b_col);
      } else {
        for (int c = 0; c < N; c++) v[c] = c < cols ? FN(load_part)(from + c * b_col, rows) : (V){0};
      }
      OWN(transpose)(v);
      T *to = out + i * width + j;
      if (rows == N) {
#pragma GCC unroll 16
        for (int r = 0; r < N; r++) FN(store)(to + r * width, v[r]);
      } else {
        for (int r = 0; r < rows; r++) FN(store)(to + r * width, v[r]);
      }
    }
  }
}

/* The panel's columns of rows [0, k) of B as whole vectors, zeroes after the valid ones. */
static __attribute__((noinline)) void OWN(pack_panel)(T *out, const T *b, int64_t b_row, int64_t b_col, int64_t k,
                                                      tile_panel panel) {
  const int64_t width = panel.vectors * N;
  b += panel.begin * b_col;
  if (b_row == 1) {
    OWN(pack_transposed)(out, b, b_col, k, panel);
  } else if (b_col == 1) {
    for (int64_t i = 0; i < k; i++, b += b_row, out += width) {
      int64_t j = 0;
      for (; j + N <= panel.cols; j += N) FN(store)(out + j, FN(load)(b + j));
      if (j < width) FN(store)(out + j, FN(load_part)(b + j, panel.cols - j));
    }
  } else {
    for (int64_t i = 0; i < k; i++)
      for (int64_t j = 0; j < width; j++) out[i * width + j] = j < panel.cols ? b[i * b_row + j * b_col] : 0;
  }
}
