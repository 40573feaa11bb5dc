/* select_body.h: what sort.c compiles for float32 and for float64: the elements of rows that would stand at given
 * places if the rows were sorted. T the element, K and S unsigned and signed integers of its size.
 *
 * An element becomes a number that orders as it does. The digits of all are counted, from the highest on; those whose
 * digit has the place are kept, until they are few. No order of the elements makes it more than one pass a digit. */

enum { OWN(BITS) = 8 * (int)sizeof(T), OWN(N) = FNN_VECTOR_BYTES / (int)sizeof(T) };

FNN_INLINE K OWN(key)(T x) {
  const S least = (S)((K)1 << (OWN(BITS) - 1));
  S bits;
  x += 0; /* -0 is 0 */
  memcpy(&bits, &x, sizeof bits);
  return (K)((x != x ? ~least : bits ^ ((bits >> (OWN(BITS) - 1)) & ~least)) ^ least);
}
FNN_INLINE T OWN(value)(K key) {
  const S least = (S)((K)1 << (OWN(BITS) - 1));
  S bits = (S)key ^ least;
  T x;
  bits ^= (bits >> (OWN(BITS) - 1)) & ~least;
  memcpy(&x, &bits, sizeof x);
  return x;
}

typedef T OWN(elements) __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef S OWN(signed) __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef K OWN(keys) __attribute__((vector_size(FNN_VECTOR_BYTES)));

/* Element i of a row x, or of keys where there is none; and a vector of them. */
FNN_INLINE K OWN(at)(const T *x, const K *key, int64_t i) { return x ? OWN(key)(x[i]) : key[i]; }
FNN_INLINE OWN(keys) OWN(vector_at)(const T *x, const K *key, int64_t i) {
  const S least = (S)((K)1 << (OWN(BITS) - 1));
  OWN(keys) v;
  OWN(elements) e;
  if (!x) {
    memcpy(&v, key + i, sizeof v);
    return v;
  }
  memcpy(&e, x + i, sizeof e);
  e += 0;
  const OWN(signed) bits = (OWN(signed))e, is_nan = (OWN(signed))(e != e);
  return (OWN(keys))(((bits ^ ((bits >> (OWN(BITS) - 1)) & ~least)) & ~is_nan) | (is_nan & ~least)) ^ (K)least;
}

/* counts[d]: how many have the digit d. Two tables take turns: equal digits that follow each other wait less. */
FNN_INLINE void OWN(count)(const T *x, const K *key, int64_t n, int shift, uint32_t *counts) {
  enum { BLOCK = 64 };
  uint32_t *other = counts + SELECT_DIGITS;
  memset(counts, 0, 2 * SELECT_DIGITS * sizeof *counts);
  int64_t i = 0;
  for (; i + BLOCK <= n; i += BLOCK) {
    K digit[BLOCK];
    for (int k = 0; k < BLOCK; k += OWN(N)) {
      const OWN(keys) v = OWN(vector_at)(x, key, i + k) >> (K)shift & (K)(SELECT_DIGITS - 1);
      memcpy(digit + k, &v, sizeof v);
    }
#pragma GCC unroll 4
    for (int k = 0; k < BLOCK; k += 2) counts[digit[k]]++, other[digit[k + 1]]++;
  }
  for (; i < n; i++) counts[OWN(at)(x, key, i) >> shift & (SELECT_DIGITS - 1)]++;
  for (int d = 0; d < SELECT_DIGITS; d++) counts[d] += other[d];
}

/* Those with the digit, in their order, to `to`, which has room for a vector more and may be `key` itself. */
FNN_INLINE int64_t OWN(keep)(K *to, const T *x, const K *key, int64_t n, int shift, int64_t digit) {
  int64_t kept = 0, i = 0;
#if defined(FNN_ISA_AVX512) /* compressed in a register: to store a part of one takes some CPUs hundreds of cycles */
  for (; i + OWN(N) <= n; i += OWN(N)) {
    const OWN(keys) v = OWN(vector_at)(x, key, i);
    const __m512i d = (__m512i)(v >> (K)shift & (K)(SELECT_DIGITS - 1));
    uint32_t found;
    if (sizeof(T) == 8) {
      found = _mm512_cmpeq_epi64_mask(d, _mm512_set1_epi64(digit));
      if (found) _mm512_storeu_si512(to + kept, _mm512_maskz_compress_epi64((__mmask8)found, (__m512i)v));
    } else {
      found = _mm512_cmpeq_epi32_mask(d, _mm512_set1_epi32((int)digit));
      if (found) _mm512_storeu_si512(to + kept, _mm512_maskz_compress_epi32((__mmask16)found, (__m512i)v));
    }
    kept += __builtin_popcount(found);
  }
#endif
  for (; i < n; i++) {
    const K k = OWN(at)(x, key, i);
    to[kept] = k;
    kept += (int64_t)(k >> shift & (SELECT_DIGITS - 1)) == digit;
  }
  return kept;
}

/* The one of few that has `place` others before it. */
FNN_INLINE K OWN(ranked)(const K *key, int64_t n, int64_t place) {
  for (int64_t i = 0; i < n; i++) {
    int64_t less = 0, equal = 0;
    for (int64_t j = 0; j < n; j++) less += key[j] < key[i], equal += key[j] == key[i];
    if (less <= place && place < less + equal) return key[i];
  }
  return 0; /* not reached */
}

/* The same of n, whose digits above bit shift + SELECT_BITS are equal. */
static K OWN(found)(const K *key, int64_t n, int64_t place, int shift, K *other, uint32_t *counts) {
  while (n > SELECT_FEW) {
    OWN(count)(NULL, key, n, shift, counts);
    const int64_t digit = digit_of_place(counts, &place);
    if (counts[digit] < n) {
      n = OWN(keep)(other, NULL, key, n, shift, digit);
      key = other;
    }
    if (!shift) return key[0];
    shift = (int)fnn_max(0, shift - SELECT_BITS);
  }
  return OWN(ranked)(key, n, place);
}

static void OWN(select)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], k = ints[2], group = select_group(ints), top = OWN(BITS) - SELECT_BITS;
  uint32_t *counts = (uint32_t *)call->scratch, *next = counts + 2 * SELECT_DIGITS;
  K *kept = (K *)(next + 2 * SELECT_DIGITS), *other = kept + fnn_round_up(n + OWN(N), 64);
  for (int64_t row = begin * group; row < fnn_min(ints[0], end * group); row++) {
    const T *x = (const T *)call->buf[0] + row * n;
    int64_t held = -1, count = n;
    if (n <= SELECT_FEW)
      for (int64_t i = 0; i < n; i++) kept[i] = OWN(key)(x[i]);
    else OWN(count)(x, NULL, n, (int)top, counts);
    for (int64_t j = 0; j < k; j++) {
      int64_t place = ((const int32_t *)call->buf[1])[row * k + j];
      if (place < 0 || place >= n) {
        set_status(call, FNN_INDEX_OUT_OF_RANGE);
        continue;
      }
      if (n > SELECT_FEW) { /* neighbours most often have one digit */
        const int64_t digit = digit_of_place(counts, &place);
        if (digit != held) count = OWN(keep)(kept, x, NULL, n, (int)top, held = digit);
      }
      const K key = OWN(found)(kept, count, place, (int)top - SELECT_BITS, other, next);
      ((T *)call->buf[2])[row * k + j] = OWN(value)(key);
    }
  }
}
#undef T
#undef K
#undef S
#undef OWN
