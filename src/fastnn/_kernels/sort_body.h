/* sort_body.h: what sort.c compiles for words of 32 bits and of 64: rows that comparisons sort, without the positions
 * they came from. T an integer, V its vector of N lanes (types_i32.h, types_i64.h), U1 the integer without a sign, F a
 * float of its size, VF its vector and OF_FLOATS(x) its fnn_x, TURN transposes N vectors of it, INFINITE is the bits of
 * its infinity, LANES the numbers of lanes: a constant that the compiler sees, to choose the cheapest shuffles.
 *
 * All go through a bitonic network, whose comparisons need neither branch nor position. Place i is lane i / m of vector
 * i % m of m, a power of two: so most stages are of whole vectors, and few compare lanes with each other. */

/* The vectors of a network of n elements. */
static int64_t OWN(network_vectors)(int64_t n) {
  int64_t m = 1;
  while (m * N < n) m *= 2;
  return m;
}

FNN_INLINE void OWN(exchange)(V *a, V *b) {
  const V low = FN(min)(*a, *b);
  *b = FN(max)(*a, *b), *a = low;
}

/* Lanes of a, and those of b where the lane's number has that bit. */
FNN_INLINE V OWN(by_bit)(V a, V b, const int bit) {
  return __builtin_shuffle(a, b, LANES + (((LANES & bit) != 0) & N));
}

/* A block of `rows` vectors: each lane sorted, or (is_merge) halves of what is bitonic in it compared down to one. */
FNN_INLINE void OWN(in_registers)(V *v, const int rows, const int is_merge) {
  V t[BLOCK];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) t[r] = v[r];
#pragma GCC unroll 4
  for (int size = is_merge ? rows : 2; size <= rows; size *= 2) {
#pragma GCC unroll 16
    for (int r = 0; !is_merge && r < rows; r++)
      if (!(r & size / 2)) OWN(exchange)(t + r, t + (r ^ (size - 1)));
#pragma GCC unroll 4
    for (int apart = is_merge ? size / 2 : size / 4; apart; apart /= 2)
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++)
        if (!(r & apart)) OWN(exchange)(t + r, t + (r ^ apart));
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) v[r] = t[r];
}

static void OWN(blocks)(V *v, int64_t m, const int is_merge) {
  for (int64_t r = 0; r < m; r += BLOCK)
    is_merge ? OWN(in_registers)(v + r, BLOCK, 1) : OWN(in_registers)(v + r, BLOCK, 0);
}

/* The stages after the first of a merge of `size` vectors of a lane, `apart` and less apart, in all m. */
static void OWN(merge_vectors)(V *v, int64_t m, int64_t apart) {
  for (; apart >= 2 * BLOCK; apart /= 4) /* two stages in one pass */
    for (int64_t from = 0; from < m; from += 2 * apart)
      for (int64_t r = from; r < from + apart / 2; r++) {
        V t[4] = {v[r], v[r + apart / 2], v[r + apart], v[r + apart + apart / 2]};
        OWN(exchange)(t, t + 2), OWN(exchange)(t + 1, t + 3), OWN(exchange)(t, t + 1), OWN(exchange)(t + 2, t + 3);
        v[r] = t[0], v[r + apart / 2] = t[1], v[r + apart] = t[2], v[r + apart + apart / 2] = t[3];
      }
  for (; apart >= BLOCK; apart /= 2)
    for (int64_t from = 0; from < m; from += 2 * apart)
      for (int64_t r = from; r < from + apart; r++) OWN(exchange)(v + r, v + r + apart);
  OWN(blocks)(v, m, 1);
}

/* Merges lanes to runs of `lanes` of them: vector r of the lower ones meets the one that is r from the end of the upper
 * ones, then lanes of a vector meet each other. Mirrored, the upper ones lie where those do that they meet. */
FNN_INLINE void OWN(merge_lanes)(V *v, int64_t m, const int lanes) {
  const V mirror = LANES ^ (lanes - 1);
#pragma GCC unroll 8
  for (int64_t r = 0; r < fnn_max(1, m / 2); r++) {
    const V a = v[r], b = __builtin_shuffle(v[m - 1 - r], mirror), low = FN(min)(a, b), high = FN(max)(a, b);
    V first = OWN(by_bit)(low, high, lanes / 2), last = __builtin_shuffle(OWN(by_bit)(high, low, lanes / 2), mirror);
#pragma GCC unroll 4
    for (int apart = lanes / 4; apart; apart /= 2) {
      const V other = LANES ^ apart;
      const V x = __builtin_shuffle(first, other), y = __builtin_shuffle(last, other);
      first = OWN(by_bit)(FN(min)(first, x), FN(max)(first, x), apart);
      last = OWN(by_bit)(FN(min)(last, y), FN(max)(last, y), apart);
    }
    v[m - 1 - r] = last, v[r] = first;
  }
}

/* Of `m` vectors that stay in registers. */
FNN_INLINE void OWN(sort_few)(V *v, const int m) {
  V t[BLOCK];
#pragma GCC unroll 16
  for (int r = 0; r < m; r++) t[r] = v[r];
  OWN(in_registers)(t, m, 0);
  OWN(merge_lanes)(t, m, 2), OWN(in_registers)(t, m, 1);
  if (N > 2) OWN(merge_lanes)(t, m, 4), OWN(in_registers)(t, m, 1);
  if (N > 4) OWN(merge_lanes)(t, m, 8), OWN(in_registers)(t, m, 1);
  if (N > 8) OWN(merge_lanes)(t, m, 16), OWN(in_registers)(t, m, 1);
#pragma GCC unroll 16
  for (int r = 0; r < m; r++) v[r] = t[r];
}

static void OWN(sort_by_network)(V *v, int64_t m) {
  switch (m) {
    case 1: OWN(sort_few)(v, 1); return;
    case 2: OWN(sort_few)(v, 2); return;
    case 4: OWN(sort_few)(v, 4); return;
    case 8: OWN(sort_few)(v, 8); return;
    case 16:
      if (BLOCK < 16) break;
      OWN(sort_few)(v, 16);
      return;
  }
  OWN(blocks)(v, m, 0);
  for (int64_t size = 2 * BLOCK; size <= m; size *= 2) {
    for (int64_t from = 0; from < m; from += size)
      for (int64_t r = 0; r < size / 2; r++) OWN(exchange)(v + from + r, v + from + size - 1 - r);
    OWN(merge_vectors)(v, m, size / 4);
  }
  OWN(merge_lanes)(v, m, 2), OWN(merge_vectors)(v, m, m / 2);
  if (N > 2) OWN(merge_lanes)(v, m, 4), OWN(merge_vectors)(v, m, m / 2);
  if (N > 4) OWN(merge_lanes)(v, m, 8), OWN(merge_vectors)(v, m, m / 2);
  if (N > 8) OWN(merge_lanes)(v, m, 16), OWN(merge_vectors)(v, m, m / 2);
}

/* Of an element's bits a number of its size that orders as it does, and back; a NaN is positive. */
FNN_INLINE T OWN(key_of_bits)(T bits, const int64_t dtype) {
  const T least = (T)((U1)1 << (8 * sizeof(T) - 1)), most = ~least;
  if (dtype == TYPE_DTYPE) return bits;
  if (dtype == TWIN_DTYPE) return bits ^ least;
  return (bits & most) > INFINITE ? bits & most : bits ^ ((bits >> (8 * sizeof(T) - 1)) & most);
}
FNN_INLINE T OWN(bits_of_key)(T key, const int64_t dtype) {
  const T least = (T)((U1)1 << (8 * sizeof(T) - 1));
  return dtype == TYPE_DTYPE ? key : dtype == TWIN_DTYPE ? key ^ least : key ^ ((key >> (8 * sizeof(T) - 1)) & ~least);
}

/* The same of vectors. */
FNN_INLINE V OWN(keys_of_bits)(V bits, const int64_t dtype) {
  const T least = (T)((U1)1 << (8 * sizeof(T) - 1)), most = ~least;
  if (dtype == TYPE_DTYPE) return bits;
  if (dtype == TWIN_DTYPE) return bits ^ least;
  const V magnitude = bits & most;
  return FN(select)((M)(magnitude > INFINITE), magnitude, bits ^ ((bits >> (8 * sizeof(T) - 1)) & most));
}
FNN_INLINE V OWN(bits_of_keys)(V key, const int64_t dtype) {
  const T least = (T)((U1)1 << (8 * sizeof(T) - 1));
  return dtype == TYPE_DTYPE ? key : dtype == TWIN_DTYPE ? key ^ least : key ^ ((key >> (8 * sizeof(T) - 1)) & ~least);
}

/* What was lane i / m of vector i % m becomes lane i % N of vector i / N: lanes of vectors of both halves take turns,
 * as often as m can be halved. */
FNN_INLINE void OWN(interleave)(V *v, const int m) {
  V t[N];
  const V first = LANES / 2 + (LANES & 1) * N;
#pragma GCC unroll 4
  for (int left = m; left > 1; left /= 2) {
#pragma GCC unroll 8
    for (int r = 0; r < m / 2; r++) {
      t[2 * r] = __builtin_shuffle(v[r], v[r + m / 2], first);
      t[2 * r + 1] = __builtin_shuffle(v[r], v[r + m / 2], first + N / 2);
    }
#pragma GCC unroll 8
    for (int r = 0; r < m; r++) v[r] = t[r];
  }
}

/* y[i * stride] of n elements: lane i / m of vector i % m. Where each lane has whole vectors of them, by squares. */
FNN_INLINE void OWN(by_lanes)(T *y, const V *v, int64_t n, int64_t m, int64_t stride, const int64_t dtype) {
  if (stride == 1 && m >= N) {
    for (int64_t r = 0; r < m; r += N) {
      VF t[N];
#pragma GCC unroll 16
      for (int i = 0; i < N; i++) t[i] = (VF)OWN(bits_of_keys)(v[r + i], dtype);
      TURN(t);
#pragma GCC unroll 16
      for (int lane = 0; lane < N; lane++) {
        const int64_t at = lane * m + r;
        if (at + N <= n) OF_FLOATS(store)((F *)(y + at), t[lane]);
        else if (at < n) OF_FLOATS(store_part)((F *)(y + at), t[lane], n - at);
      }
    }
    return;
  }
  if (stride == 1) {
    V t[N];
    for (int64_t r = 0; r < m; r++) t[r] = OWN(bits_of_keys)(v[r], dtype);
    if (N > 2 && m == 2) OWN(interleave)(t, 2);
    if (N > 4 && m == 4) OWN(interleave)(t, 4);
    if (N > 8 && m == 8) OWN(interleave)(t, 8);
    for (int64_t at = 0; at < n; at += N)
      if (at + N <= n) FN(store)(y + at, t[at / N]);
      else OF_FLOATS(store_part)((F *)(y + at), (VF)t[at / N], n - at);
    return;
  }
  for (int64_t i = 0; i < n; i += m)
    for (int64_t r = 0; r < fnn_min(m, n - i); r++)
      y[(i + r) * stride] = OWN(bits_of_key)(((const T *)(v + r))[i / m], dtype);
}

/* y of n elements x, both `stride` apart. */
FNN_INLINE void OWN(sort_short)(T *y, const T *x, int64_t n, int64_t stride, V *v, const int64_t dtype) {
  const int64_t m = OWN(network_vectors)(n);
  const T most = (T)(~(U1)0 >> 1);
  T *key = (T *)v;
  if (stride == 1) {
    for (int64_t r = 0; r < m; r++) {
      const int64_t left = n - r * N;
      if (left >= N) v[r] = OWN(keys_of_bits)(FN(load)(x + r * N), dtype);
      else if (left <= 0) v[r] = FN(splat)(most);
      else {
        const V part = OWN(keys_of_bits)((V)OF_FLOATS(load_part)((const F *)(x + r * N), left), dtype);
        v[r] = FN(select)((M)(LANES < (T)left), part, FN(splat)(most));
      }
    }
  } else {
    for (int64_t i = 0; i < n; i++) key[i] = OWN(key_of_bits)(x[i * stride], dtype);
    for (int64_t i = n; i < m * N; i++) key[i] = most;
  }
  OWN(sort_by_network)(v, m);
  OWN(by_lanes)(y, v, n, m, stride, dtype);
}
