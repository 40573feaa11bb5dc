/* store_integers_body.h: floats as integers, which elementwise.c and casts.c compile for float32 and float64 (T, OWN:
 * types_f32.h). */

#if defined(FNN_ISA_AVX512)
/* Eight integers of 64 bits, INT64_MIN where a number does not fit; sixteen of 32 bits, INT32_MIN. */
FNN_INLINE __m512i OWN(eight_integers)(const T *a) {
  return sizeof(T) == 4 ? _mm512_cvttps_epi64(_mm256_loadu_ps((const float *)a))
                        : _mm512_cvttpd_epi64(_mm512_loadu_pd(a));
}
FNN_INLINE __m512i OWN(sixteen_integers)(const T *a) {
  if (sizeof(T) == 4) return _mm512_cvttps_epi32(_mm512_loadu_ps((const float *)a));
  const __m256i low = _mm512_cvttpd_epi32(_mm512_loadu_pd(a)), high = _mm512_cvttpd_epi32(_mm512_loadu_pd(a + 8));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
FNN_INLINE void OWN(store_eight)(const T *a, char *d, int bytes) {
  const __m512i whole = OWN(eight_integers)(a);
  if (bytes == 8) _mm512_storeu_si512(d, whole);
  if (bytes == 4) _mm256_storeu_si256((__m256i *)d, _mm512_cvtepi64_epi32(whole));
  if (bytes == 2) _mm_storeu_si128((__m128i *)d, _mm512_cvtepi64_epi16(whole));
  if (bytes == 1) _mm_storel_epi64((__m128i *)d, _mm512_cvtepi64_epi8(whole));
}
#elif defined(FNN_ISA_AVX2)
/* Eight integers of 32 bits, INT32_MIN where a number does not fit. */
FNN_INLINE __m256i OWN(eight_integers)(const T *a) {
  if (sizeof(T) == 4) return _mm256_cvttps_epi32(_mm256_loadu_ps((const float *)a));
  const double *p = (const double *)a;
  return _mm256_set_m128i(_mm256_cvttpd_epi32(_mm256_loadu_pd(p + 4)), _mm256_cvttpd_epi32(_mm256_loadu_pd(p)));
}
/* Whether all of `count` numbers, a multiple of 8, fit. */
FNN_INLINE int OWN(all_fit)(const __m256i *whole, int count) {
  __m256i is_far = _mm256_setzero_si256();
#pragma GCC unroll 4
  for (int k = 0; k < count / 8; k++)
    is_far = _mm256_or_si256(is_far, _mm256_cmpeq_epi32(whole[k], _mm256_set1_epi32(INT32_MIN)));
  return _mm256_testz_si256(is_far, is_far);
}
#endif

FNN_INLINE void OWN(store_few)(const T *a, char *d, int64_t n, int bytes, int is_unsigned) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t whole = is_unsigned ? (int64_t)to_uint64(a[i]) : to_int64(a[i]);
    memcpy(d + i * bytes, &whole, (size_t)bytes); /* little-endian: the low bytes come first */
  }
}

/* The low bits of each number's integer, as to_int64 has it, or to_uint64 if is_unsigned, in elements of `bytes` bytes:
 * constants. AVX-512 has no unsigned ones here, as the compiler has its instructions. Vectors whose numbers fit in 32
 * bits are quick. */
FNN_INLINE void OWN(store_integers)(const T *a, char *d, int64_t n, int bytes, int is_unsigned) {
  int64_t i = 0;
#if defined(FNN_ISA_AVX512)
  for (; bytes < 8 && i + 16 <= n; i += 16) {
    const __m512i whole = OWN(sixteen_integers)(a + i);
    if (__builtin_expect(_mm512_cmpeq_epi32_mask(whole, _mm512_set1_epi32(INT32_MIN)), 0)) {
      OWN(store_eight)(a + i, d + i * bytes, bytes);
      OWN(store_eight)(a + i + 8, d + (i + 8) * bytes, bytes);
      continue;
    }
    if (bytes == 4) _mm512_storeu_si512(d + i * 4, whole);
    if (bytes == 2) _mm256_storeu_si256((__m256i *)(d + i * 2), _mm512_cvtepi32_epi16(whole));
    if (bytes == 1) _mm_storeu_si128((__m128i *)(d + i), _mm512_cvtepi32_epi8(whole));
  }
  for (; i + 8 <= n; i += 8) OWN(store_eight)(a + i, d + i * bytes, bytes);
#elif defined(FNN_ISA_AVX2)
  const int at_once = bytes < 4 ? 32 / bytes : 8;
  for (; i + at_once <= n; i += at_once) {
    __m256i whole[4];
#pragma GCC unroll 4
    for (int k = 0; k < at_once / 8; k++) whole[k] = OWN(eight_integers)(a + i + k * 8);
    if (__builtin_expect(!OWN(all_fit)(whole, at_once), 0)) {
      OWN(store_few)(a + i, d + i * bytes, at_once, bytes, is_unsigned);
      continue;
    }
    if (bytes == 8) {
      _mm256_storeu_si256((__m256i *)(d + i * 8), _mm256_cvtepi32_epi64(_mm256_castsi256_si128(whole[0])));
      _mm256_storeu_si256((__m256i *)(d + i * 8 + 32), _mm256_cvtepi32_epi64(_mm256_extracti128_si256(whole[0], 1)));
    }
    if (bytes == 4) _mm256_storeu_si256((__m256i *)(d + i * 4), whole[0]);
    if (bytes < 4) { /* packing goes by 128 bits of the sources */
      const __m256i low = _mm256_set1_epi32(bytes == 2 ? 0xffff : 0xff);
#pragma GCC unroll 4
      for (int k = 0; k < at_once / 8; k++) whole[k] = _mm256_and_si256(whole[k], low);
      __m256i packed = _mm256_packus_epi32(whole[0], whole[1]);
      if (bytes == 2) packed = _mm256_permute4x64_epi64(packed, 0xd8);
      else
        packed = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(packed, _mm256_packus_epi32(whole[2], whole[3])),
                                             _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
      _mm256_storeu_si256((__m256i *)(d + i * bytes), packed);
    }
  }
  for (; bytes < 4 && i + 8 <= n; i += 8) {
    const __m256i whole = OWN(eight_integers)(a + i);
    if (!OWN(all_fit)(&whole, 8)) {
      OWN(store_few)(a + i, d + i * bytes, 8, bytes, is_unsigned);
      continue;
    }
    const __m256i low = _mm256_and_si256(whole, _mm256_set1_epi32(bytes == 2 ? 0xffff : 0xff));
    const __m128i half = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    if (bytes == 2) _mm_storeu_si128((__m128i *)(d + i * 2), half);
    else _mm_storel_epi64((__m128i *)(d + i), _mm_packus_epi16(half, half));
  }
#endif
  OWN(store_few)(a + i, d + i * bytes, n - i, bytes, is_unsigned);
}
