/* transpose.h: vectors turned to vectors of the same lanes, and columns copied to rows of whole vectors; for the type
 * of types_f32.h or types_f64.h. */

/* Transposes N vectors of N lanes: in the step of distance d, lanes with bit d change places with the lanes without it
 * of the other vector of a pair. The compiler must see the lanes' numbers to choose the cheapest shuffles. */
FNN_INLINE void OWN(transpose)(V *v) {
  M lane;
#pragma GCC unroll 16
  for (int i = 0; i < N; i++) lane[i] = i;
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

/* A step of sum_each. A function of its own, so that the compiler unrolls it before it gives v a place in memory. */
FNN_INLINE void OWN(sum_pairs)(V *v, const int n, const int d) {
  M lane = {0};
#pragma GCC unroll 16
  for (int k = 0; k < N; k++) lane[k] = k; /* by a loop, for the compiler to know it and so the kind of a shuffle */
  const M second = (lane & d) != 0, stays = lane + (second & N), moves = (lane ^ d) + (second & N);
#pragma GCC unroll 16
  for (int i = 0; i < n; i += 2 * d) {
    const V x = v[i], y = i + d < n ? v[i + d] : x;
    v[i] = __builtin_shuffle(x, y, stays) + __builtin_shuffle(x, y, moves);
  }
}

/* Lane i is the sum of the lanes of v[i], for i < n <= N, n a constant: a transpose that adds the vectors of a pair in
 * each step. What stays in its lane is a blend, which more units do than permutations. */
FNN_INLINE V OWN(sum_each)(V *v, const int n) {
  if (N > 1) OWN(sum_pairs)(v, n, 1);
  if (N > 2) OWN(sum_pairs)(v, n, 2);
  if (N > 4) OWN(sum_pairs)(v, n, 4);
  if (N > 8) OWN(sum_pairs)(v, n, 8);
  return v[0];
}

/* N columns, b_col apart, of rows [0, k), in whole squares: rows that are `width` apart. Pointers walk: that many
 * addresses at once would take more registers than there are. */
COMMON
static __attribute__((noinline)) void OWN(pack_squares)(T *out, int64_t width, const T *b, int64_t b_col, int64_t k) {
  for (; k > 0; k -= N, b += N) {
    const T *from = b;
    V v[N];
#pragma GCC unroll 16
    for (int c = 0; c < N; c++, from += b_col) {
      __asm__("" : "+r"(from));
      v[c] = FN(load)(from);
    }
    OWN(transpose)(v);
#pragma GCC unroll 16
    for (int r = 0; r < N; r++, out += width) {
      __asm__("" : "+r"(out));
      FN(store)(out, v[r]);
    }
  }
}

/* The same of a part of a square, zeroes after the columns. */
COMMON
static __attribute__((noinline)) void OWN(pack_part)(T *out, int64_t width, const T *b, int64_t b_col, int64_t rows,
                                                     int64_t cols) {
  V v[N];
  for (int c = 0; c < N; c++) v[c] = c < cols ? FN(load_part)(b + c * b_col, rows) : (V){0};
  OWN(transpose)(v);
  for (int r = 0; r < rows; r++) FN(store)(out + r * width, v[r]);
}

/* Rows [0, k) of so many columns that are contiguous along k (b_col apart): rows of whole vectors, `width` apart. */
static void OWN(pack_transposed)(T *out, int64_t width, const T *b, int64_t b_col, int64_t k, int64_t cols) {
  for (int64_t j = 0; j < cols; j += N, out += N, b += N * b_col) {
    const int64_t here = fnn_min(N, cols - j), whole = here == N ? k / N * N : 0;
    OWN(pack_squares)(out, width, b, b_col, whole);
    for (int64_t i = whole; i < k; i += N)
      OWN(pack_part)(out + i * width, width, b + i, b_col, fnn_min(N, k - i), here);
  }
}
