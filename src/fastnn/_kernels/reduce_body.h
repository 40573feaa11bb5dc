/* reduce_body.h: what reduce.c compiles for each type: T the element, LANE a signed integer of its size, ACC the total,
 * OWN(name) the type's name. OF_NUMBERS: reductions of what is not NaN, and nothing else. */

enum {
  OWN(LANES) = LANES_BYTES / (int)sizeof(T),
  OWN(N) = FNN_VECTOR_BYTES / (int)sizeof(T), /* of a vector */
  OWN(WAYS) = LANES_BYTES / FNN_VECTOR_BYTES  /* vectors of all lanes */
};
typedef T OWN(vector) __attribute__((vector_size(FNN_VECTOR_BYTES)));
typedef LANE OWN(mask) __attribute__((vector_size(FNN_VECTOR_BYTES)));

#if IS_FLOAT && !OF_NUMBERS
#define IS_NAN(x) ((x) != (x))
#define NAN_LANES(v) ((OWN(mask))((v) != (v)))
#else /* none is compared */
#define IS_NAN(x) 0
#define NAN_LANES(v) ((OWN(mask)){0})
#endif
#if IS_FLOAT
#define ADD(type, a, b) ((a) + (b))
#define MULTIPLY(type, a, b) ((a) * (b))
#else /* integers wrap, which only unsigned ones may do in C */
#define ADD(type, a, b) (type)((uint64_t)(a) + (uint64_t)(b))
#define MULTIPLY(type, a, b) (type)((uint64_t)(a) * (uint64_t)(b))
#endif

FNN_INLINE ACC OWN(start)(int kind) {
  if (kind == SUM) return 0;
  if (kind == PROD) return 1;
#if IS_FLOAT
  return kind == MAX ? -INFINITY : INFINITY;
#else
  if (sizeof(T) == 1) return kind == MAX ? 0 : 1;
  if (sizeof(T) == 8) return kind == MAX ? INT64_MIN : INT64_MAX;
  return kind == MAX ? INT32_MIN : INT32_MAX;
#endif
}

/* NaN wins: x > a and x < a are false when a is NaN, and x is taken when it is. */
#define EXTREME(a, op, x) (((x)op(a)) | IS_NAN(x) ? (x) : (a))
FNN_INLINE T OWN(step)(int kind, T a, T x) {
  if (sizeof(T) == 1) return (T)(kind == MAX ? (int)a | (int)x : (int)a & (int)x); /* of 0 and 1 */
  switch (kind) {
    case SUM: return ADD(T, a, x);
    case PROD: return MULTIPLY(T, a, x);
    case MAX: return EXTREME(a, >, x);
    default: return EXTREME(a, <, x);
  }
}
FNN_INLINE ACC OWN(total)(int kind, ACC a, ACC x) {
  if (sizeof(T) == 1) return (ACC)(kind == MAX ? (int64_t)a | (int64_t)x : (int64_t)a & (int64_t)x);
  switch (kind) {
    case SUM: return ADD(ACC, a, x);
    case PROD: return MULTIPLY(ACC, a, x);
    case MAX: return EXTREME(a, >, x);
    default: return EXTREME(a, <, x);
  }
}

/* The same of all lanes of vectors. Kept as a loop, it becomes an instruction; of extremes one that gives the second of
 * two where one is NaN, so that only a NaN in the first asks for more. */
FNN_INLINE OWN(vector) OWN(steps)(int kind, OWN(vector) a, OWN(vector) x) {
  T p[OWN(N)], q[OWN(N)];
  memcpy(p, &a, sizeof p);
  memcpy(q, &x, sizeof q);
#pragma GCC unroll 1
  for (int k = 0; k < OWN(N); k++)
    q[k] = !IS_FLOAT || kind == SUM || kind == PROD ? OWN(step)(kind, p[k], q[k])
           : (kind == MAX ? p[k] > q[k] : p[k] < q[k]) ? p[k] : q[k];
  memcpy(&x, q, sizeof x);
  if (!IS_FLOAT || kind == SUM || kind == PROD) return x;
  const OWN(mask) is_nan = NAN_LANES(a);
  return (OWN(vector))((is_nan & (OWN(mask))a) | (~is_nan & (OWN(mask))x));
}

/* Of each lane the greater or the smaller of two, the second where one is NaN. Kept as a loop, it becomes an
 * instruction. */
FNN_INLINE OWN(vector) OWN(extremes)(int kind, OWN(vector) a, OWN(vector) x) {
  T p[OWN(N)], q[OWN(N)];
  memcpy(p, &a, sizeof p);
  memcpy(q, &x, sizeof q);
#pragma GCC unroll 1
  for (int k = 0; k < OWN(N); k++) q[k] = (kind == MAX ? p[k] > q[k] : p[k] < q[k]) ? p[k] : q[k];
  memcpy(&x, q, sizeof x);
  return x;
}

/* v, p and q put together. Of extremes one comparison finds a NaN in p and q, one in v stays, as the second. */
FNN_INLINE OWN(vector) OWN(steps_of_two)(int kind, OWN(vector) v, OWN(vector) p, OWN(vector) q) {
#if IS_FLOAT && !OF_NUMBERS
  if (kind != SUM && kind != PROD) {
    v = OWN(extremes)(kind, OWN(extremes)(kind, p, q), v);
#if defined(FNN_ISA_AVX2) /* which a loop does not become */
    const OWN(vector) nan = (T)NAN - (OWN(vector)){0};
    if (sizeof(T) == 8)
      return (OWN(vector))_mm256_blendv_pd((__m256d)v, (__m256d)nan,
                                           _mm256_cmp_pd((__m256d)p, (__m256d)q, _CMP_UNORD_Q));
    return (OWN(vector))_mm256_blendv_ps((__m256)v, (__m256)nan, _mm256_cmp_ps((__m256)p, (__m256)q, _CMP_UNORD_Q));
#endif
    T a[OWN(N)], b[OWN(N)], c[OWN(N)];
    memcpy(a, &p, sizeof a);
    memcpy(b, &q, sizeof b);
    memcpy(c, &v, sizeof c);
#pragma GCC unroll 1
    for (int k = 0; k < OWN(N); k++) c[k] = __builtin_isunordered(a[k], b[k]) ? (T)NAN : c[k];
    memcpy(&v, c, sizeof c);
    return v;
  }
#endif
  return OWN(steps)(kind, v, OWN(steps)(kind, p, q));
}

/* Whether the totals of any, or all, say already what the rest cannot change. */
FNN_INLINE int OWN(are_decided)(int kind, const ACC *total, int64_t width) {
  if (sizeof(T) > 1) return 0;
  for (int64_t c = 0; c < width; c++)
    if (total[c] != (kind == MAX)) return 0; /* most often the first that is asked */
  return 1;
}

FNN_INLINE OWN(vector) OWN(load)(const T *x) {
  OWN(vector) v;
  memcpy(&v, x, sizeof v);
  return v;
}

/* What a reduction takes of an element, and of a vector of them: of numbers its start in the place of NaN. */
FNN_INLINE T OWN(taken)(int kind, T x) { return OF_NUMBERS && x != x ? (T)OWN(start)(kind) : x; }
FNN_INLINE OWN(vector) OWN(take)(int kind, OWN(vector) v) {
  if (!OF_NUMBERS) return v;
  const OWN(vector) start = (T)OWN(start)(kind) - (OWN(vector)){0};
  if (kind == MAX || kind == MIN) return OWN(extremes)(kind, v, start);
  return (OWN(vector))((OWN(mask))(v == v) & (OWN(mask))v);
}
FNN_INLINE OWN(vector) OWN(read)(int kind, const T *x) { return OWN(take)(kind, OWN(load)(x)); }

/* v, without NaN of its own, and what is taken of x: of an extreme the second of two is given where one is NaN. */
FNN_INLINE OWN(vector) OWN(steps_of_numbers)(int kind, OWN(vector) v, const T *x) {
  OWN(vector) a = OWN(load)(x);
#if defined(FNN_ISA_AVX512)
  __asm__("" : "+v"(a)); /* in a register, or it is loaded for each of two instructions */
  if (kind == SUM && sizeof(T) == 4)
    return (OWN(vector))_mm512_mask_add_ps((__m512)v, _mm512_cmp_ps_mask((__m512)a, (__m512)a, _CMP_ORD_Q), (__m512)v,
                                           (__m512)a);
  if (kind == SUM)
    return (OWN(vector))_mm512_mask_add_pd((__m512d)v, _mm512_cmp_pd_mask((__m512d)a, (__m512d)a, _CMP_ORD_Q),
                                           (__m512d)v, (__m512d)a);
#endif
  return kind == SUM ? v + OWN(take)(kind, a) : OWN(extremes)(kind, a, v);
}

/* v and vectors of four rows put together: at p, `stride` further, and the same at q. */
FNN_INLINE OWN(vector) OWN(steps_of_four)(int kind, OWN(vector) v, const T *p, const T *q, int64_t stride) {
  if (OF_NUMBERS) {
    v = OWN(steps_of_numbers)(kind, OWN(steps_of_numbers)(kind, v, p), p + stride);
    return OWN(steps_of_numbers)(kind, OWN(steps_of_numbers)(kind, v, q), q + stride);
  }
  OWN(vector) a = OWN(load)(p), b = OWN(load)(p + stride), c = OWN(load)(q), d = OWN(load)(q + stride);
  if (kind == MAX || kind == MIN) {
#if defined(FNN_ISA_AVX512)
    __asm__("" : "+v"(b), "+v"(d)); /* in registers, or they are loaded once for each of two instructions */
#endif
    return OWN(steps_of_two)(kind, OWN(steps_of_two)(kind, v, a, b), c, d);
  }
  return OWN(steps)(kind, v, OWN(steps)(kind, OWN(steps)(kind, a, b), OWN(steps)(kind, c, d)));
}

FNN_INLINE OWN(mask) OWN(lane_numbers)(void) {
  static const LANE numbers[64] = {TO_63};
  OWN(mask) lane;
  memcpy(&lane, numbers, sizeof lane);
  return lane;
}

/* The first n elements, `rest` after them; nothing past them is read. And the first n to y. */
#if defined(FNN_ISA_AVX512) /* of the loops GCC makes this and a test whether x overlaps their copy on the stack */
FNN_INLINE OWN(vector) OWN(load_part)(const T *x, int n, T rest) {
  const __m512i other = (__m512i)(rest - (OWN(vector)){0});
  const uint64_t first = _bzhi_u64(~(uint64_t)0, (unsigned)n);
  return (OWN(vector))(sizeof(T) == 8   ? _mm512_mask_loadu_epi64(other, (__mmask8)first, x)
                       : sizeof(T) == 4 ? _mm512_mask_loadu_epi32(other, (__mmask16)first, x)
                                        : _mm512_mask_loadu_epi8(other, first, x));
}
FNN_INLINE void OWN(store_part)(T *y, int n, OWN(vector) v) {
  const uint64_t first = _bzhi_u64(~(uint64_t)0, (unsigned)n);
  if (sizeof(T) == 8) _mm512_mask_storeu_epi64(y, (__mmask8)first, (__m512i)v);
  else if (sizeof(T) == 4) _mm512_mask_storeu_epi32(y, (__mmask16)first, (__m512i)v);
  else _mm512_mask_storeu_epi8(y, first, (__m512i)v);
}
#else
FNN_INLINE OWN(vector) OWN(load_part)(const T *x, int n, T rest) {
  T lane[OWN(N)];
  if (sizeof(T) == 1) { /* no masked load */
    memset(lane, rest, sizeof lane);
    for (int k = 0; k < n; k++) lane[k] = x[k];
    return OWN(load)(lane);
  }
#pragma GCC unroll 1
  for (int k = 0; k < OWN(N); k++) lane[k] = k < n ? x[k] : rest;
  return OWN(load)(lane);
}
FNN_INLINE void OWN(store_part)(T *y, int n, OWN(vector) v) {
  T lane[OWN(N)];
  memcpy(lane, &v, sizeof v);
#pragma GCC unroll 1
  for (int k = 0; k < OWN(N); k++)
    if (k < n) y[k] = lane[k];
}
#endif

FNN_INLINE OWN(vector) OWN(read_part)(int kind, const T *x, int64_t n) {
  return OWN(take)(kind, OWN(load_part)(x, (int)n, (T)OWN(start)(kind)));
}

/* `lanes` in vectors to the total: put together by halves in T, of sums and products until four are left. */
FNN_INLINE ACC OWN(fold)(int kind, OWN(vector) *v, int lanes, ACC total) {
  enum { N = OWN(N) };
  if (sizeof(T) == 1) { /* each is 0 or 1: eight at once */
    uint64_t words[16];
    memcpy(words, v, (size_t)lanes);
    uint64_t word = words[0];
    for (int k = 1; k < lanes / 8; k++) word = kind == MAX ? word | words[k] : word & words[k];
    for (int half = 32; half >= 8; half /= 2) word = kind == MAX ? word | word >> half : word & word >> half;
    return OWN(total)(kind, total, (ACC)(word & 1));
  }
  const int last = kind == SUM || kind == PROD ? 4 : 1;
#pragma GCC unroll 8
  for (int half = lanes / 2; half >= last; half /= 2) {
    for (int w = 0; w < half / N; w++) v[w] = OWN(steps)(kind, v[w], v[w + half / N]);
    if (half < N) v[0] = OWN(steps)(kind, v[0], __builtin_shuffle(v[0], OWN(lane_numbers)() ^ (LANE)half));
  }
  for (int k = 0; k < fnn_min(last, lanes); k++) total = OWN(total)(kind, total, (ACC)v[k / N][k % N]);
  return total;
}

FNN_INLINE void OWN(ask)(int asks, const char *line) {
  if (asks == 2) __builtin_prefetch(line, 0, 2);
  else __builtin_prefetch(line);
}

/* n elements in a row into lanes of T, element i into lane i % LANES; two sets of lanes are put together before a third
 * joins them. What lies `ahead` bytes further is asked for with `asks`: 1: to the first cache, 2: to the second. */
FNN_INLINE void OWN(reduce_lanes)(int kind, int asks, const T *x, int64_t n, int64_t ahead, OWN(vector) *v) {
  enum { LANES = OWN(LANES), N = OWN(N), WAYS = OWN(WAYS) };
  int64_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    for (int line = 0; asks && line < 2 * LANES_BYTES; line += 64) OWN(ask)(asks, (const char *)(x + i) + ahead + line);
    for (int w = 0; w < WAYS; w++) {
      const T *p = x + i + w * N;
      if (OF_NUMBERS) {
        v[w] = OWN(steps_of_numbers)(kind, OWN(steps_of_numbers)(kind, v[w], p), p + LANES);
        continue;
      }
      OWN(vector) a = OWN(load)(p), b = OWN(load)(p + LANES);
#if defined(FNN_ISA_AVX512)
      if (kind == MAX || kind == MIN) __asm__("" : "+v"(a), "+v"(b)); /* loaded once, see steps_of_four */
#endif
      v[w] = OWN(steps_of_two)(kind, v[w], a, b);
    }
  }
  for (; i < n; i += LANES) {
    for (int line = 0; asks && line < LANES_BYTES; line += 64) OWN(ask)(asks, (const char *)(x + i) + ahead + line);
#pragma GCC unroll 8 /* the lanes stay in registers */
    for (int w = 0; w < WAYS; w++) {
      const int64_t left = n - i - w * N;
      if (left >= N) v[w] = OWN(steps)(kind, v[w], OWN(read)(kind, x + i + w * N));
      else if (left > 0) v[w] = OWN(steps)(kind, v[w], OWN(read_part)(kind, x + i + w * N, left));
    }
  }
}

/* How n elements in a row are taken: 0: they fit a vector, 1: all lanes, 2: in turn, 3, 4: so and asked for ahead. */
FNN_INLINE int OWN(length_of)(int kind, int64_t n, int64_t ahead) {
  if (n <= OWN(LANES) && OWN(WAYS) <= 4) return n <= OWN(N) ? 0 : 1; /* of more vectors most would be empty */
  /* Not of rare kinds, nor by vectors that take longer than memory anyway: it would be code for nothing. */
  if (n <= OWN(N)) return 0;
  if (n * (int64_t)sizeof(T) >= ASKED_ROW) return 2;
  return OF_NUMBERS || !ahead || kind == PROD || sizeof(T) == 1 || OWN(WAYS) > 4 ? 2 : ahead == AHEAD ? 3 : 4;
}

/* n elements in a row, of a sum or product at most RUN, of a length as above. */
FNN_INLINE ACC OWN(reduce_block)(int kind, int length, const T *x, int64_t n, int64_t ahead, ACC total) {
  enum { LANES = OWN(LANES), N = OWN(N), WAYS = OWN(WAYS) };
  const OWN(vector) start = (T)OWN(start)(kind) - (OWN(vector)){0};
  OWN(vector) v[WAYS];
  if (length < 2) __builtin_prefetch((const char *)x + ahead);
  if (length == 0) {
    v[0] = OWN(read_part)(kind, x, n);
    return OWN(fold)(kind, v, N, total);
  }
  for (int w = 0; w < WAYS; w++) {
    const int64_t left = n - w * N;
    if (length >= 2 || left <= 0) v[w] = start;
    else v[w] = left >= N ? OWN(read)(kind, x + w * N) : OWN(read_part)(kind, x + w * N, left);
  }
  if (length >= 2) OWN(reduce_lanes)(kind, length - 2, x, n, ahead, v);
  return OWN(fold)(kind, v, LANES, total);
}

/* n elements in a row, over blocks of RUN where roundings add up, or of DECIDING until the result is known. */
FNN_INLINE ACC OWN(reduce_row)(int kind, int length, const T *x, int64_t n, int64_t ahead, ACC total) {
  const int64_t block = kind == SUM || kind == PROD ? RUN : sizeof(T) == 1 ? DECIDING : n;
  for (int64_t i = 0; i < n && !OWN(are_decided)(kind, &total, 1); i += block)
    total = OWN(reduce_block)(kind, length, x + i, fnn_min(block, n - i), ahead, total);
  return total;
}

/* Outputs [begin, end), each a row of a length as above. */
FNN_INLINE void OWN(reduce_each)(int kind, int length, const space *s, const T *x, int64_t begin, int64_t end, T *y) {
  const int64_t ahead = length < 2 ? fnn_min(s->ahead, AHEAD) : s->ahead;
  for (int64_t row = begin; row < end; row++) {
    const T *p = x + offset_of(row, s->kept_sizes, s->kept_strides, s->n_kept);
    y[row] = (T)OWN(reduce_block)(kind, length, p, s->reduced, ahead, OWN(start)(kind));
  }
}

#if IS_FLOAT && !OF_NUMBERS
#include "reduce_short_body.h"
#endif

/* Loops of a kind over outputs [begin, end), or a row, apart: at the beginning of a line, as how fast short loops are
 * would hang on what lies before. */
typedef struct {
  ACC (*row)(const T *x, int64_t n, int64_t ahead, ACC total);
  void (*rows)(const space *s, const T *x, int64_t begin, int64_t end, T *y);
  void (*few_rows)(const space *s, const T *x, int64_t begin, int64_t end, int64_t rows, int64_t stride, int64_t width,
                   T *y);
  void (*narrow)(const space *s, const T *x, int64_t begin, int64_t end, int64_t n, int64_t readable, int64_t width,
                 T *y);
} OWN(loops);

/* Elements [begin, end) of rows of s->sizes' last that lie apart: short rows share their lanes until as many are added
 * to each as there are of RUN in a row. */
FNN_INLINE ACC OWN(reduce_apart)(int kind, const OWN(loops) *loops, const space *s, const T *x, int64_t begin,
                                 int64_t end, ACC total) {
  enum { LANES = OWN(LANES), WAYS = OWN(WAYS) };
  const OWN(vector) start = (T)OWN(start)(kind) - (OWN(vector)){0};
  const int64_t last = s->sizes[s->n_reduced - 1];
  int64_t row = begin / last, inside = begin % last, added = 0;
  OWN(vector) v[WAYS];
  for (; begin < end; row++, inside = 0) {
    const int64_t n = fnn_min(last - inside, end - begin), steps = fnn_ceil_div(n, LANES);
    const T *p = x + offset_of(row, s->sizes, s->strides, s->n_reduced - 1) + inside;
    begin += n;
    if (n > RUN) {
      total = loops->row(p, n, s->ahead, total);
      continue;
    }
    if (added + steps > RUN / LANES) total = OWN(fold)(kind, v, LANES, total), added = 0;
    for (int w = 0; !added && w < WAYS; w++) v[w] = start;
    OWN(reduce_lanes)(kind, 0, p, n, 0, v);
    added += steps;
  }
  return added ? OWN(fold)(kind, v, LANES, total) : total;
}

/* At most RUN_ROWS rows of `ways` vectors of columns, which stay in registers: neighbours, but for the last, which is
 * at `last`. Asks for the same so many elements `ahead`, if that is not 0. */
FNN_INLINE void OWN(reduce_columns)(int kind, int ways, const T *x, int64_t rows, int64_t stride, int64_t last,
                                    int64_t ahead, T *y) {
  OWN(vector) v[4];
  int64_t at[4], row = 0;
  for (int w = 0; w < ways; w++) {
    v[w] = (T)OWN(start)(kind) - (OWN(vector)){0};
    at[w] = w + 1 < ways ? w * OWN(N) : last;
  }
  for (int64_t k = 0; ahead && k < rows; k++)
    for (int w = 0; w < ways; w++) __builtin_prefetch(x + k * stride + ahead + at[w], 0, 2);
  for (; rows > PAIRED && row + 2 <= rows; row += 2, x += 2 * stride)
    for (int w = 0; w < ways; w++)
      v[w] = OWN(steps)(kind, v[w], OWN(steps)(kind, OWN(read)(kind, x + at[w]), OWN(read)(kind, x + stride + at[w])));
  for (; row < rows; row++, x += stride)
    for (int w = 0; w < ways; w++) v[w] = OWN(steps)(kind, v[w], OWN(read)(kind, x + at[w]));
  for (int w = 0; w < ways; w++) memcpy(y + at[w], v + w, sizeof v[w]);
}

/* Outputs [begin, end) of `width` columns in vectors, of which `ways` are left where four were taken at once; the last
 * has columns of the one before again where they are no whole vectors. ways = 0: fewer columns than a vector has, of at
 * most PAIRED rows. */
FNN_INLINE void OWN(reduce_few_rows)(int kind, int ways, const space *s, const T *x, int64_t begin, int64_t end,
                                     int64_t rows, int64_t stride, int64_t width, T *y) {
  enum { N = OWN(N) };
  const int64_t ahead = s->asks_next ? rows * stride : 0;
  for (int64_t k = begin; k < end; k++) {
    const T *p = x + offset_of(k, s->kept_sizes, s->kept_strides, s->n_kept);
    T *q = y + k * stride;
    if (!ways) {
      OWN(vector) v = (T)OWN(start)(kind) - (OWN(vector)){0};
      for (int64_t row = 0; row < rows; row++)
        v = OWN(steps)(kind, v, OWN(read_part)(kind, p + row * stride, width));
      OWN(store_part)(q, (int)width, v);
      continue;
    }
    int64_t left = width;
    for (; left > 4 * N; left -= 4 * N, p += 4 * N, q += 4 * N)
      OWN(reduce_columns)(kind, 4, p, rows, stride, 3 * N, ahead, q);
    OWN(reduce_columns)(kind, ways, p, rows, stride, left - N, ahead, q);
  }
}

/* n elements of rows of at most half the lanes, one behind the other, into the first `width` lanes: as many rows as
 * fill the lanes, a power of two, are one step. `readable` elements may be read from x on. */
FNN_INLINE void OWN(narrow_lanes)(int kind, const T *x, int64_t n, int64_t readable, int64_t width, OWN(vector) *v) {
  enum { LANES = OWN(LANES), N = OWN(N), WAYS = OWN(WAYS) };
  const T start = (T)OWN(start)(kind);
  const int64_t wide = narrow_together(width, LANES) * width;
  int64_t i = 0;
  for (int w = 0; w < WAYS; w++) v[w] = start - (OWN(vector)){0};
  for (; i + 2 * wide <= n && i + wide + LANES <= readable; i += 2 * wide) /* lanes from `wide` on are not used */
    for (int w = 0; w < WAYS; w++) {
      const T *p = x + i + w * N;
      v[w] = OWN(steps)(kind, v[w], OWN(steps)(kind, OWN(read)(kind, p), OWN(read)(kind, p + wide)));
    }
  for (; i < n; i += wide)
#pragma GCC unroll 8
    for (int w = 0; w < WAYS; w++) {
      const int64_t left = fnn_min(wide, n - i) - w * N;
      if (left > 0) v[w] = OWN(steps)(kind, v[w], OWN(read_part)(kind, x + i + w * N, fnn_min(left, N)));
    }
  /* Halves are put together by shuffles of two vectors: lanes that come from memory at another place than they went to
   * wait for it. So they do where vectors are short, and of bytes. */
  if (sizeof(T) > 1 && WAYS <= 4) {
    int64_t half = wide / 2;
    if (WAYS == 4) {
      for (int w = 0; w < 2; w++)
        v[w] = OWN(steps)(kind, v[w], __builtin_shuffle(v[1 + w], v[2 + w], OWN(lane_numbers)() + (LANE)(half - N)));
      half = half >= width ? half / 2 : 0;
    }
    for (; half >= width; half /= 2)
      v[0] = OWN(steps)(kind, v[0], __builtin_shuffle(v[0], v[1], OWN(lane_numbers)() + (LANE)half));
    return;
  }
  T lane[2 * LANES] = {0};
  memcpy(lane, v, WAYS * sizeof v[0]);
  for (int64_t half = wide / 2; half >= width; half /= 2) {
    for (int w = 0; w * N < half; w++) v[w] = OWN(steps)(kind, v[w], OWN(load)(lane + half + w * N));
    memcpy(lane, v, WAYS * sizeof v[0]);
  }
}

/* All of such rows, RUN_ROWS steps at once, into totals. */
FNN_INLINE void OWN(reduce_narrow)(int kind, const OWN(loops) *loops, const T *x, int64_t rows, int64_t width,
                                   ACC *total) {
  const int64_t block = RUN_ROWS * narrow_together(width, OWN(LANES)) * width, n = rows * width;
  for (int64_t i = 0; i < n; i += block) {
    T lane[OWN(LANES)];
    loops->narrow(&ALONE, x + i, 0, 1, fnn_min(block, n - i), n - i, width, lane);
    for (int64_t c = 0; c < width; c++) total[c] = OWN(total)(kind, total[c], (ACC)lane[c]);
  }
}

/* `rows` rows of `cols` columns, `stride` apart, of which columns [0, width) are reduced into totals. */
FNN_INLINE void OWN(reduce_rows)(int kind, int asks, const OWN(loops) *loops, const T *x, int64_t rows, int64_t cols,
                                 int64_t stride, int64_t width, ACC *total) {
  enum { N = OWN(N) };
  if (cols <= OWN(LANES) / 2) {
    OWN(reduce_narrow)(kind, loops, x, rows, width, total);
    return;
  }
  T partial[WIDEST];
  /* Rows that do not stay in registers are taken four at once: their sums are read and written once for all, and
   * parts of rows wider than WIDEST are not fetched ahead by the CPU from one to the next. */
  for (int64_t row = 0; row < rows && !OWN(are_decided)(kind, total, width);) {
    const int64_t end = fnn_min(rows, row + RUN_ROWS);
    if (cols <= SOME_COLUMNS) {
      loops->few_rows(&ALONE, x + row * stride, 0, 1, end - row, stride, width, partial);
      row = end;
    } else
      for (int64_t c = 0; c < width; c++) partial[c] = (T)OWN(start)(kind);
    /* The last columns have a vector that shares some of those before, which waits in a register: who reads a vector
     * waits for two that were written. */
    const int64_t last = width % N && width > N ? width - N : 0;
    OWN(vector) of_last = (T)OWN(start)(kind) - (OWN(vector)){0};
    const int is_grouped = row + 4 <= end;
    for (; row + 4 <= end; row += 4) {
      const T *p = x + row * stride, *q = p + 2 * stride;
      int64_t c = 0;
      for (; kind != PROD && sizeof(T) > 1 && asks && c + N <= width; c += N) {
        /* In order, as the rows lie one behind the other; to the second cache, as the first may not hold two such
         * groups of rows. */
        for (int line = 0; line < 4 * FNN_VECTOR_BYTES; line += 64)
          __builtin_prefetch((const char *)(p + 4 * c) + 4 * AHEAD + line, 0, 2);
        const OWN(vector) v = OWN(steps_of_four)(kind, OWN(load)(partial + c), p + c, q + c, stride);
        memcpy(partial + c, &v, sizeof v);
      }
      for (; c + N <= width; c += N) {
        const OWN(vector) v = OWN(steps_of_four)(kind, OWN(load)(partial + c), p + c, q + c, stride);
        memcpy(partial + c, &v, sizeof v);
      }
      if (last) {
        of_last = OWN(steps_of_four)(kind, of_last, p + last, q + last, stride);
        continue;
      }
      for (; c < width; c++) {
        const T one = OWN(step)(kind, OWN(taken)(kind, p[c]), OWN(taken)(kind, p[c + stride]));
        const T next = OWN(step)(kind, OWN(taken)(kind, q[c]), OWN(taken)(kind, q[c + stride]));
        partial[c] = OWN(step)(kind, partial[c], OWN(step)(kind, one, next));
      }
    }
    if (last && is_grouped) memcpy(partial + last, &of_last, sizeof of_last);
    for (; row < end; row++)
      for (int64_t c = 0; c < width; c++)
        partial[c] = OWN(step)(kind, partial[c], OWN(taken)(kind, x[row * stride + c]));
    for (int64_t c = 0; c < width; c++) total[c] = OWN(total)(kind, total[c], (ACC)partial[c]);
  }
}

/* Reduced elements [begin, end) of `width` neighbouring outputs whose first element is x. */
FNN_INLINE void OWN(reduce_range)(int kind, const OWN(loops) *loops, const space *s, const T *x, int64_t begin,
                                  int64_t end, int64_t width, ACC *total) {
  const int64_t last = s->sizes[s->n_reduced - 1];
  if (s->cols == 1) {
    total[0] = s->n_reduced == 1 ? loops->row(x + begin, end - begin, s->ahead, total[0])
                                 : OWN(reduce_apart)(kind, loops, s, x, begin, end, total[0]);
    return;
  }
  for (int64_t n; begin < end; begin += n) {
    const int64_t inside = s->n_reduced == 1 ? begin : begin % last;
    n = fnn_min(last - inside, end - begin);
    const T *p = x + offset_of(begin, s->sizes, s->strides, s->n_reduced);
    OWN(reduce_rows)(kind, s->is_far && s->chunks == 1, loops, p, n, s->cols, s->strides[s->n_reduced - 1],
                     width, total);
  }
}

/* sum, prod, max, min of float32, float64 and int32, any and all of bool (which are max and min of 0 and 1).
 * Buffers: {input, output}, not overlapping, contiguous but for rows of the input where it has no kept dimensions and
 * one reduced; ints: see `space`. An empty range gives 0, 1, the least, the largest number. NaN gives NaN. The order
 * depends on the sizes alone. */
FNN_INLINE void OWN(reduce)(const fnn_call *call, int64_t begin, int64_t end, int kind,
                            const OWN(loops) *loops) {
  space s = read_space(call->ints);
  const T *x = (const T *)call->buf[0];
  T *y = (T *)call->buf[1];
  ACC own[WIDEST];
  if (call->phase == 1) { /* put the segments together */
    for (int64_t unit = begin; unit < end; unit++) {
      int64_t col = unit % s.chunks * s.width, width = fnn_min(s.width, s.cols - col);
      const ACC *partial = (const ACC *)call->shared + unit * s.segments * s.width;
      for (int64_t c = 0; c < width; c++) own[c] = partial[c];
      for (int64_t k = 1; k < s.segments; k++)
        for (int64_t c = 0; c < width; c++) own[c] = OWN(total)(kind, own[c], partial[k * s.width + c]);
      for (int64_t c = 0; c < width; c++) y[unit / s.chunks * s.cols + col + c] = (T)own[c];
    }
    return;
  }
  if (are_few_rows(&s, (int64_t)sizeof(T))) {
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t col = unit % s.chunks * s.width, first = unit / s.chunks * s.group;
      loops->few_rows(&s, x + col, first, fnn_min(s.kept, first + s.group), s.reduced,
                      s.strides[0], fnn_min(s.width, s.cols - col), y + col);
    }
    return;
  }
  if (are_narrow_rows(&s, OWN(LANES))) {
    const int64_t n = s.reduced * s.cols;
    loops->narrow(&s, x, begin * s.group, fnn_min(s.kept, end * s.group), n, n, s.cols, y);
    return;
  }
#if IS_FLOAT && !OF_NUMBERS
  const int is_dense = s.cols == 1 && s.n_reduced == 1 && s.n_kept == 1 && s.kept_strides[0] == s.reduced;
  if (is_dense && OWN(is_short)(kind, s.reduced) && s.segments == 1) {
    (kind == SUM   ? OWN(sum_short_rows)
     : kind == MAX ? OWN(max_short_rows)
                   : OWN(min_short_rows))(x, begin * s.group, fnn_min(s.kept, end * s.group), s.reduced, y);
    return;
  }
#endif
  if (s.cols == 1 && s.n_reduced == 1 && s.segments == 1) {
    loops->rows(&s, x, begin * s.group, fnn_min(s.kept, end * s.group), y);
    return;
  }
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t segment = unit % s.segments, chunk = unit / s.segments % s.chunks, index = unit / s.segments / s.chunks;
    int64_t col = chunk * s.width, width = fnn_min(s.width, s.cols - col);
    int64_t from = segment * s.segment, to = fnn_min(s.reduced, from + s.segment);
    for (int64_t kept = index * s.group; kept < fnn_min(s.kept, (index + 1) * s.group); kept++) {
      const T *p = x + offset_of(kept, s.kept_sizes, s.kept_strides, s.n_kept) + col;
      ACC *shared = (ACC *)call->shared + ((kept * s.chunks + chunk) * s.segments + segment) * s.width;
      ACC *total = s.segments > 1 ? shared : own;
      for (int64_t c = 0; c < width; c++) total[c] = OWN(start)(kind);
      /* What the segment before decided, if this call took it, needs no more. */
      if (unit == begin || !segment || !OWN(are_decided)(kind, total - s.width, width))
        OWN(reduce_range)(kind, loops, &s, p, from, to, width, total);
      else memcpy(total, total - s.width, (size_t)width * sizeof *total);
      for (int64_t c = 0; s.segments == 1 && c < width; c++) y[kept * s.cols + col + c] = (T)own[c];
    }
  }
}

#define APART static __attribute__((unused, noinline, noclone, aligned(64))) void
#define REDUCTION(name, kind)                                                                                          \
  static __attribute__((unused, noinline, noclone)) ACC OWN(name##_row)(const T *x, int64_t n, int64_t ahead,          \
                                                                        ACC total) {                                   \
    return OWN(reduce_row)(kind, 2, x, n, ahead, total); /* a long one */                                              \
  }                                                                                                                    \
  APART OWN(name##_rows)(const space *s, const T *x, int64_t begin, int64_t end, T *y) {                               \
    for (; s->reduced > RUN && begin < end; begin++)                                                                   \
      y[begin] = (T)OWN(name##_row)(x + offset_of(begin, s->kept_sizes, s->kept_strides, s->n_kept), s->reduced,       \
                                    s->ahead, OWN(start)(kind));                                                       \
    switch (OWN(length_of)(kind, s->reduced, s->ahead)) {                                                              \
      case 0: OWN(reduce_each)(kind, 0, s, x, begin, end, y); break;                                                   \
      case 1: OWN(reduce_each)(kind, 1, s, x, begin, end, y); break;                                                   \
      case 2: OWN(reduce_each)(kind, 2, s, x, begin, end, y); break;                                                   \
      case 3: OWN(reduce_each)(kind, 3, s, x, begin, end, y); break;                                                   \
      case 4: OWN(reduce_each)(kind, 4, s, x, begin, end, y); break;                                                   \
    }                                                                                                                  \
  }                                                                                                                    \
  APART OWN(name##_few_rows)(const space *s, const T *x, int64_t begin, int64_t end, int64_t rows, int64_t stride,     \
                             int64_t width, T *y) {                                                                    \
    switch (width < OWN(N) ? 0 : ((width - 1) / OWN(N)) % 4 + 1) {                                                     \
      case 0: OWN(reduce_few_rows)(kind, 0, s, x, begin, end, rows, stride, width, y); break;                          \
      case 1: OWN(reduce_few_rows)(kind, 1, s, x, begin, end, rows, stride, width, y); break;                          \
      case 2: OWN(reduce_few_rows)(kind, 2, s, x, begin, end, rows, stride, width, y); break;                          \
      case 3: OWN(reduce_few_rows)(kind, 3, s, x, begin, end, rows, stride, width, y); break;                          \
      case 4: OWN(reduce_few_rows)(kind, 4, s, x, begin, end, rows, stride, width, y); break;                          \
    }                                                                                                                  \
  }                                                                                                                    \
  APART OWN(name##_narrow)(const space *s, const T *x, int64_t begin, int64_t end, int64_t n, int64_t readable,        \
                           int64_t width, T *y) {                                                                      \
    for (int64_t k = begin; k < end; k++) {                                                                            \
      OWN(vector) v[OWN(WAYS)];                                                                                        \
      OWN(narrow_lanes)(kind, x + offset_of(k, s->kept_sizes, s->kept_strides, s->n_kept), n, readable, width, v);     \
      if (s == &ALONE) memcpy(y, v, sizeof v); /* who reads a vector waits for one that was written in part */         \
      for (int w = 0; s != &ALONE && w * OWN(N) < width; w++)                                                          \
        OWN(store_part)(y + k * width + w * OWN(N), (int)fnn_min(OWN(N), width - w * OWN(N)), v[w]);                   \
    }                                                                                                                  \
  }                                                                                                                    \
  static __attribute__((unused, aligned(64))) void OWN(name)(const fnn_call *call, int64_t begin, int64_t end) {       \
    const OWN(loops) loops = {OWN(name##_row), OWN(name##_rows), OWN(name##_few_rows), OWN(name##_narrow)};            \
    OWN(reduce)(call, begin, end, kind, &loops);                                                                       \
  }
REDUCTION(sum, SUM)
#if !OF_NUMBERS
REDUCTION(prod, PROD)
#endif
REDUCTION(max, MAX)
REDUCTION(min, MIN)
#undef REDUCTION
#undef APART

#if !OF_NUMBERS

/* Bit k: lane k of a comparison. */
FNN_INLINE uint64_t OWN(bits)(OWN(mask) mask) {
  if (sizeof(T) == 4) return bits_of_32((fnn_vi32)mask);
  return bits_of_64((fnn_vi64)mask);
}

/* Where the extreme of elements that fit a vector is, without a branch that nobody can foretell. */
FNN_INLINE int64_t OWN(arg_few)(int kind, const T *x, int64_t n) {
  const OWN(vector) v = OWN(load_part)(x, (int)n, (T)OWN(start)(kind));
  OWN(vector) best = v;
#pragma GCC unroll 6
  for (int half = OWN(N) / 2; half; half /= 2)
    best = OWN(steps)(kind, best, __builtin_shuffle(best, OWN(lane_numbers)() ^ (LANE)half));
  return __builtin_ctzll(OWN(bits)((OWN(mask))(v == best) | NAN_LANES(v)));
}

/* The least lane. */
FNN_INLINE LANE OWN(least)(OWN(mask) v) {
  LANE lane[OWN(N)];
  memcpy(lane, &v, sizeof v);
  for (int half = OWN(N) / 2; half; half /= 2)
    for (int k = 0; k < half; k++) lane[k] = lane[k] < lane[k + half] ? lane[k] : lane[k + half];
  return lane[0];
}

/* Of each lane the extreme of `width` elements, at least a vector; their sum, NaN if one is, comes to `sum`. The last
 * vector may have a part of the one before. */
FNN_INLINE OWN(vector) OWN(extreme_lanes)(int kind, const T *x, int64_t width, OWN(vector) *sum) {
  OWN(vector) best = OWN(load)(x), total = best;
  for (int64_t k = OWN(N); k < width; k += OWN(N)) {
    const OWN(vector) v = OWN(load)(x + fnn_min(k, width - OWN(N)));
    best = OWN(extremes)(kind, best, v);
    if (IS_FLOAT) total += v;
  }
  if (IS_FLOAT) *sum += total;
  return best;
}

/* The first of `width` elements, at most 64, that equals `best`, whose lanes are equal; by the same vectors. */
FNN_INLINE int64_t OWN(first_place)(const T *x, int64_t width, OWN(vector) best) {
  uint64_t found = 0;
  for (int64_t k = 0; k < width; k += OWN(N)) {
    const int64_t at = fnn_min(k, width - OWN(N));
    found |= OWN(bits)((OWN(mask))(OWN(load)(x + at) == best)) << at;
  }
  return __builtin_ctzll(found);
}

/* Where the extreme of n elements is: the first one, or the first NaN. No branch hangs on it: of each lane the extreme
 * and the first block that has it, then the first block of all lanes, then the place there. The last block may have a
 * part of the one before. */
FNN_INLINE int64_t OWN(arg_row)(int kind, const T *x, int64_t n) {
  enum { BLOCK = 64 }; /* elements: bits of a word */
  if (n <= OWN(N)) return OWN(arg_few)(kind, x, n);
  const int is_short = n <= BLOCK;
  OWN(vector) sum = {0}, best;
  if (is_short) best = OWN(extreme_lanes)(kind, x, n, &sum);
  else best = OWN(extreme_lanes)(kind, x, BLOCK, &sum);
  OWN(mask) block = {0}, first = {0};
  for (int64_t at = BLOCK; at < n; at += BLOCK) {
    const OWN(vector) v = OWN(extreme_lanes)(kind, x + fnn_min(at, n - BLOCK), BLOCK, &sum);
    const OWN(mask) is_better = (OWN(mask))(kind == MAX ? v > best : v < best);
    block += 1;
    first = (is_better & block) | (~is_better & first);
    best = OWN(extremes)(kind, best, v);
  }
  if (OWN(bits)(NAN_LANES(sum))) /* or of infinities */
    for (int64_t i = 0; i < n; i++)
      if (IS_NAN(x[i])) return i;
  OWN(vector) all = best;
#pragma GCC unroll 6
  for (int half = OWN(N) / 2; half; half /= 2)
    all = OWN(extremes)(kind, all, __builtin_shuffle(all, OWN(lane_numbers)() ^ (LANE)half));
  if (is_short) return OWN(first_place)(x, n, all);
  const OWN(mask) has_it = (OWN(mask))(best == all);
  const int64_t at = fnn_min(OWN(least)((has_it & first) | (~has_it & block)) * BLOCK, n - BLOCK);
  return at + OWN(first_place)(x + at, BLOCK, all);
}

/* argmax, argmin: the index of the first extreme, or of the first NaN, along one axis (not empty).
 * Buffers: {input [outer, n, inner], output int32 [outer, inner]}. */
FNN_INLINE void OWN(arg)(const fnn_call *call, int64_t begin, int64_t end, int kind) {
  const int64_t *ints = call->ints;
  int64_t outer = ints[0], n = ints[1], inner = ints[2], group = axis_group(ints), chunks = axis_chunks(ints);
  FNN_REQUIRE(n > 0 && n <= INT32_MAX);
  int32_t *y = (int32_t *)call->buf[1];
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t first = unit / chunks * group, col = unit % chunks * WIDTH, width = fnn_min(WIDTH, inner - col);
    for (int64_t o = first; o < fnn_min(outer, first + group); o++) {
      const T *x = (const T *)call->buf[0] + o * n * inner + col;
      int32_t *found = y + o * inner + col;
      if (inner == 1) {
        found[0] = (int32_t)OWN(arg_row)(kind, x, n);
        continue;
      }
      T best[WIDTH];
      for (int64_t c = 0; c < width; c++) best[c] = x[c], found[c] = 0;
      for (int64_t i = 1; i < n; i++) {
        const T *row = x + i * inner;
        for (int64_t c = 0; c < width; c++) {
          int better = ((kind == MAX ? row[c] > best[c] : row[c] < best[c]) | IS_NAN(row[c])) & !IS_NAN(best[c]);
          best[c] = better ? row[c] : best[c];
          found[c] = better ? (int32_t)i : found[c];
        }
      }
    }
  }
}
static __attribute__((unused)) void OWN(argmax)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(arg)(call, begin, end, MAX);
}
static __attribute__((unused)) void OWN(argmin)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(arg)(call, begin, end, MIN);
}

/* Puts x[i] into its place among the `kept` largest of a row; those behind it move on, and the k-th falls out. */
FNN_INLINE void OWN(keep)(const T *x, int64_t i, int64_t kept, int64_t k, T *largest, int32_t *where) {
  int64_t place = kept < k ? kept : k - 1;
  for (; place && (x[i] > largest[place - 1] || (IS_NAN(largest[place - 1]) && !IS_NAN(x[i]))); place--)
    largest[place] = largest[place - 1], where[place] = where[place - 1];
  largest[place] = x[i], where[place] = (int32_t)i;
}

/* top_k: the k largest elements of rows, the largest first, equal ones in their order and NaN last, and where they are.
 * Few elements of a long row are among the largest so far: vectors without one are passed by.
 * Buffers: {input [outer, n], largest [outer, k], where int32 [outer, k]}; ints: outer, n, 1, k. */
static __attribute__((unused)) void OWN(top_k)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t outer = call->ints[0], n = call->ints[1], k = call->ints[3], group = axis_group(call->ints);
  FNN_REQUIRE(0 < k && k <= n && n <= INT32_MAX);
  for (int64_t row = begin * group; row < fnn_min(outer, end * group); row++) {
    const T *x = (const T *)call->buf[0] + row * n;
    T *largest = (T *)call->buf[1] + row * k;
    int32_t *where = (int32_t *)call->buf[2] + row * k;
    int64_t i = 0;
    for (; i < k; i++) OWN(keep)(x, i, i, k, largest, where);
    for (; i < n; i += OWN(N)) {
      const T least = largest[k - 1];
      const OWN(vector) v = OWN(load_part)(x + i, (int)fnn_min(n - i, OWN(N)), least);
      const OWN(mask) is_larger = IS_NAN(least) ? ~NAN_LANES(v) : (OWN(mask))(v > least);
      for (uint64_t found = OWN(bits)(is_larger); found; found &= found - 1) {
        const int64_t at = i + __builtin_ctzll(found);
        if (x[at] > largest[k - 1] || IS_NAN(largest[k - 1])) OWN(keep)(x, at, k, k, largest, where);
      }
    }
  }
}

/* same_argmax: whether the rows of two arrays have their largest element in the same place.
 * Buffers: {a [outer, n], b [outer, n], output bool [outer]}; ints as along one axis, with inner 1. */
static __attribute__((unused)) void OWN(same_argmax)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t outer = call->ints[0], n = call->ints[1], group = axis_group(call->ints);
  const T *a = (const T *)call->buf[0], *b = (const T *)call->buf[1];
  for (int64_t row = begin * group; row < fnn_min(outer, end * group); row++)
    ((uint8_t *)call->buf[2])[row] = OWN(arg_row)(MAX, a + row * n, n) == OWN(arg_row)(MAX, b + row * n, n);
}

/* Along a row, four at a time: the total waits for one addition or product, not four. Not so products in float64: that
 * of two elements may be beyond its range where the running one is not. */
FNN_INLINE void OWN(running_row)(int kind, const T *x, T *y, int64_t n, int is_reverse) {
  const int64_t step = is_reverse ? -1 : 1;
  const int is_alone = kind == PROD && IS_FLOAT && sizeof(T) == sizeof(ACC);
  ACC total = OWN(start)(kind);
  if (is_reverse) x += n - 1, y += n - 1;
  for (; n >= 4 && !is_alone; n -= 4, x += 4 * step, y += 4 * step) {
    const ACC one = (ACC)x[0], two = OWN(total)(kind, one, (ACC)x[step]), third = (ACC)x[2 * step];
    const ACC three = OWN(total)(kind, two, third);
    const ACC four = OWN(total)(kind, two, OWN(total)(kind, third, (ACC)x[3 * step]));
    y[0] = (T)OWN(total)(kind, total, one);
    y[step] = (T)OWN(total)(kind, total, two);
    y[2 * step] = (T)OWN(total)(kind, total, three);
    y[3 * step] = (T)(total = OWN(total)(kind, total, four));
  }
  for (; n; n--, x += step, y += step) y[0] = (T)(total = OWN(total)(kind, total, (ACC)x[0]));
}

/* cumsum, cumprod: the sum, or product, of all elements up to each (from the end with ints[3]) along one axis, running
 * totals in ACC. Buffers: {input [outer, n, inner], output, the same}; the output may be the input. */
FNN_INLINE void OWN(running)(const fnn_call *call, int64_t begin, int64_t end, int kind) {
  const int64_t *ints = call->ints;
  int64_t outer = ints[0], n = ints[1], inner = ints[2], group = axis_group(ints), chunks = axis_chunks(ints);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t first = unit / chunks * group, col = unit % chunks * WIDTH, width = fnn_min(WIDTH, inner - col);
    for (int64_t o = first; o < fnn_min(outer, first + group); o++) {
      const T *x = (const T *)call->buf[0] + o * n * inner + col;
      T *y = (T *)call->buf[1] + o * n * inner + col;
      if (inner == 1) {
        OWN(running_row)(kind, x, y, n, ints[3] != 0);
        continue;
      }
      ACC total[WIDTH];
      for (int64_t c = 0; c < width; c++) total[c] = OWN(start)(kind);
      for (int64_t i = 0; i < n; i++) {
        int64_t row = (ints[3] ? n - 1 - i : i) * inner;
        for (int64_t c = 0; c < width; c++) {
          total[c] = OWN(total)(kind, total[c], (ACC)x[row + c]);
          y[row + c] = (T)total[c];
        }
      }
    }
  }
}
static __attribute__((unused)) void OWN(cumsum)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(running)(call, begin, end, SUM);
}
static __attribute__((unused)) void OWN(cumprod)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(running)(call, begin, end, PROD);
}

#if IS_FLOAT
#include "sum_squares_body.h"

/* linear_recurrence: y[i] = b[i] + a[i] y[i - 1] (y[i + 1] with ints[3]), from 0, along one axis, in ACC. Several rows
 * are under way: each waits for its last y.
 * Buffers: {a [outer, n, inner], b, the same, y, the same}; y may be either. */
static void OWN(linear_recurrence)(const fnn_call *call, int64_t begin, int64_t end) {
  enum { ROWS = 8 };
  const int64_t *ints = call->ints;
  int64_t outer = ints[0], n = ints[1], inner = ints[2], group = axis_group(ints), chunks = axis_chunks(ints);
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t first = unit / chunks * group, col = unit % chunks * WIDTH;
    const int64_t last_row = fnn_min(outer, first + group);
    for (int64_t o = first; o < last_row; o += inner == 1 ? ROWS : 1) {
      const int64_t width = inner == 1 ? fnn_min(ROWS, last_row - o) : fnn_min(WIDTH, inner - col);
      const int64_t apart = inner == 1 ? n : 1, offset = o * n * inner + col;
      const T *a = (const T *)call->buf[0] + offset, *b = (const T *)call->buf[1] + offset;
      T *y = (T *)call->buf[2] + offset;
      ACC last[WIDTH] = {0};
      for (int64_t i = 0; i < n; i++) {
        const int64_t row = (ints[3] ? n - 1 - i : i) * inner;
        if (inner > 1)
          for (int64_t c = 0; c < width; c++)
            y[row + c] = (T)(last[c] = (ACC)b[row + c] + (ACC)a[row + c] * last[c]);
        else
          for (int64_t c = 0; c < width; c++)
            y[row + c * apart] = (T)(last[c] = (ACC)b[row + c * apart] + (ACC)a[row + c * apart] * last[c]);
      }
    }
  }
}
#endif

#endif
#undef T
#undef LANE
#undef ACC
#undef OWN
#undef IS_FLOAT
#undef OF_NUMBERS
#undef IS_NAN
#undef NAN_LANES
#undef ADD
#undef MULTIPLY
#undef EXTREME
