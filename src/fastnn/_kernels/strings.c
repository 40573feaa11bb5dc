/* strings.c: fingerprints of strings, strings found among others, and tokens of texts.
 *
 * What all kernels read, n strings or integers:
 * ints: [0] n   [1] form   [2] width
 * buffers: [0] data   [1] begins and [2] ends (int64, n each) of JOINED, else NULL
 * forms: BYTES    n rows of `width` bytes, filled up with zeros, which are no part of the string
 *        CODES    n rows of `width` numbers of characters (uint32), filled up so; hashed and compared in UTF-8. What is
 *                 no character sets the status.
 *        JOINED   string i is bytes [begins[i], ends[i]) of the data; strings may overlap
 *        SIGNED   int64, as they are written; width is 0
 *        UNSIGNED uint64 */
#include "fnn.h"

enum { BYTES, CODES, JOINED, SIGNED, UNSIGNED };
enum { UNIT = 2048 /* strings of a unit: some tens of microseconds */, DIGITS = 24 /* and a sign, of 64 bits */ };

typedef struct {
  const uint8_t *at;
  int64_t size;
} string;

static int64_t room(const int64_t *ints) {
  return ints[1] == CODES ? 4 * ints[2] + 8 : ints[1] >= SIGNED ? DIGITS : 0;
}

static string written(uint64_t x, int is_negative, uint8_t *end) {
  uint8_t *p = end;
  do *--p = (uint8_t)('0' + x % 10);
  while (x /= 10);
  if (is_negative) *--p = '-';
  return (string){p, end - p};
}

/* Without the zeros at its end. A loop of a byte at a time would end elsewhere for each string, which no predictor
 * foresees. */
static string trimmed(string of) {
  while (of.size >= 8) {
    uint64_t tail;
    memcpy(&tail, of.at + of.size - 8, 8);
    if (tail) return (string){of.at, of.size - __builtin_clzll(tail) / 8};
    of.size -= 8;
  }
  while (of.size && !of.at[of.size - 1]) of.size--;
  return of;
}

/* The lower bytes of up to eight characters as a word; what they are in `all`. */
FNN_INLINE uint64_t packed(const uint32_t *codes, int64_t n, uint32_t *all) {
  uint64_t made = 0;
  for (int64_t k = 0; k < n; k++) {
    *all |= codes[k];
    made |= (uint64_t)(codes[k] & 255) << 8 * k;
  }
  return made;
}

/* UTF-8 of `width` characters without the zeros at their end. ASCII is stored as words, which the hash function can
 * read before they are in memory, and where it ends is known without reading them. */
static string encoded(const fnn_call *call, const uint32_t *codes, int64_t width, uint8_t *to) {
  uint8_t *p = to;
  uint32_t all = 0;
  int64_t size = 0;
  for (int64_t k = 0; k < width; k += 8) {
    uint64_t made = width - k >= 8 ? packed(codes + k, 8, &all) : packed(codes + k, width - k, &all);
    memcpy(to + k, &made, 8);
    size = made ? k + 8 - __builtin_clzll(made | 1) / 8 : size;
  }
  if (all < 0x80) return (string){to, size};
  while (width && !codes[width - 1]) width--;
  for (int64_t k = 0; k < width; k++) {
    uint32_t c = codes[k];
    if (c < 0x80) {
      *p++ = (uint8_t)c;
      continue;
    }
    if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
      __atomic_store_n(call->status, FNN_INDEX_OUT_OF_RANGE, __ATOMIC_RELAXED);
      break;
    }
    if (c < 0x800) {
      *p++ = (uint8_t)(0xc0 | c >> 6);
    } else {
      if (c < 0x10000) {
        *p++ = (uint8_t)(0xe0 | c >> 12);
      } else {
        *p++ = (uint8_t)(0xf0 | c >> 18);
        *p++ = (uint8_t)(0x80 | (c >> 12 & 63));
      }
      *p++ = (uint8_t)(0x80 | (c >> 6 & 63));
    }
    *p++ = (uint8_t)(0x80 | (c & 63));
  }
  return (string){to, p - to};
}

/* String i, in the data or in `scratch`, which has room() bytes. */
FNN_INLINE string string_at(const fnn_call *call, int64_t i, uint8_t *scratch) {
  int64_t width = call->ints[2];
  const char *data = call->buf[0];
  if (call->ints[1] == JOINED) {
    int64_t begin = ((const int64_t *)call->buf[1])[i];
    return (string){(const uint8_t *)data + begin, ((const int64_t *)call->buf[2])[i] - begin};
  }
  if (call->ints[1] == CODES) return encoded(call, (const uint32_t *)data + i * width, width, scratch);
  if (call->ints[1] == BYTES) return trimmed((string){(const uint8_t *)data + i * width, width});
  int64_t number = ((const int64_t *)data)[i];
  int is_negative = call->ints[1] == SIGNED && number < 0;
  return written(is_negative ? 0 - (uint64_t)number : (uint64_t)number, is_negative, scratch + DIGITS);
}

/* ---- FarmHash64 ("farmhashna", Google; its values never change) ---- */

#define K0 0xc3a5c85c97cb3127u
#define K1 0xb492b66fbe98f273u
#define K2 0x9ae16a3b2f90404fu

FNN_INLINE uint64_t word(const uint8_t *p) {
  uint64_t x;
  memcpy(&x, p, 8);
  return x;
}
FNN_INLINE uint64_t half_word(const uint8_t *p) {
  uint32_t x;
  memcpy(&x, p, 4);
  return x;
}
FNN_INLINE uint64_t rotate_right(uint64_t x, int by) { return x >> by | x << (64 - by); }
FNN_INLINE uint64_t mix(uint64_t x) { return x ^ x >> 47; }

/* Two words to one. */
FNN_INLINE uint64_t hash16(uint64_t u, uint64_t v, uint64_t mul) {
  uint64_t a = mix((u ^ v) * mul);
  return mix((v ^ a) * mul) * mul;
}

/* 33 to 64 bytes. */
static uint64_t farm33(const uint8_t *s, int64_t n, uint64_t mul) {
  uint64_t a = word(s) * K2, b = word(s + 8), c = word(s + n - 8) * mul, d = word(s + n - 16) * K2;
  uint64_t y = rotate_right(a + b, 43) + rotate_right(c, 30) + d;
  uint64_t z = hash16(y, a + rotate_right(b + K2, 18) + c, mul);
  uint64_t e = word(s + 16) * mul, f = word(s + 24);
  uint64_t g = (y + word(s + n - 32)) * mul, h = (z + word(s + n - 24)) * mul;
  return hash16(rotate_right(e + f, 43) + rotate_right(g, 30) + h, e + rotate_right(f + a, 18) + g, mul);
}

typedef struct {
  uint64_t x, y, z, v[2], w[2];
} farm_state;

/* 32 bytes and two seeds, to two words. */
static void weak32(uint64_t *to, const uint8_t *s, uint64_t a, uint64_t b) {
  uint64_t last = word(s + 24), c;
  a += word(s);
  b = rotate_right(b + a + last, 21);
  c = a;
  a += word(s + 8) + word(s + 16);
  b += rotate_right(a, 44);
  to[0] = a + last;
  to[1] = b + c;
}

static void farm_block(farm_state *t, const uint8_t *s, uint64_t mul, uint64_t weight) {
  uint64_t x = rotate_right(t->x + t->y + t->v[0] + word(s + 8), 37) * mul;
  uint64_t y = rotate_right(t->y + t->v[1] + word(s + 48), 42) * mul;
  x ^= t->w[1] * weight;
  y += t->v[0] * weight + word(s + 40);
  uint64_t z = rotate_right(t->z + t->w[0], 33) * mul;
  weak32(t->v, s, t->v[1] * mul, x + t->w[0]);
  weak32(t->w, s + 32, z + t->w[1], y + word(s + 16));
  t->x = z, t->y = y, t->z = x;
}

/* Over 64 bytes: a state of seven words, mixed with 64 bytes at a time; the last 64 may overlap those before. */
static uint64_t farm_long(const uint8_t *s, int64_t n) {
  farm_state t = {.x = 81 * K2 + word(s), .y = 81 * K1 + 113};
  t.z = mix(t.y * K2 + 113) * K2;
  for (int64_t at = 0; at < (n - 1) / 64 * 64; at += 64) farm_block(&t, s + at, K1, 1);
  uint64_t mul = K1 + ((t.z & 255) << 1);
  t.w[0] += (uint64_t)((n - 1) & 63);
  t.v[0] += t.w[0];
  t.w[0] += t.v[0];
  farm_block(&t, s + n - 64, mul, 9);
  return hash16(hash16(t.v[0], t.w[0], mul) + mix(t.y) * K0 + t.z, hash16(t.v[1], t.w[1], mul) + t.x, mul);
}

static uint64_t farm(string of) {
  const uint8_t *s = of.at;
  int64_t n = of.size;
  uint64_t mul = K2 + 2 * (uint64_t)n;
  if (n > 64) return farm_long(s, n);
  if (n > 32) return farm33(s, n, mul);
  if (n > 16) {
    uint64_t a = word(s) * K1, b = word(s + 8), c = word(s + n - 8) * mul, d = word(s + n - 16) * K2;
    return hash16(rotate_right(a + b, 43) + rotate_right(c, 30) + d, a + rotate_right(b + K2, 18) + c, mul);
  }
  if (n >= 8) {
    uint64_t a = word(s) + K2, b = word(s + n - 8);
    return hash16(rotate_right(b, 37) * mul + a, (rotate_right(a, 25) + b) * mul, mul);
  }
  if (n >= 4) return hash16((uint64_t)n + (half_word(s) << 3), half_word(s + n - 4), mul);
  if (n > 0)
    return mix((s[0] + ((uint64_t)s[n / 2] << 8)) * K2 ^ ((uint64_t)n + ((uint64_t)s[n - 1] << 2)) * K0) * K2;
  return K2;
}

/* ---- SipHash-2-4 (Aumasson and Bernstein 2012, "SipHash: a fast short-input PRF") ---- */

FNN_INLINE void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate_right(v[1], 64 - 13) ^ v[0];
  v[0] = rotate_right(v[0], 32);
  v[2] += v[3];
  v[3] = rotate_right(v[3], 64 - 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate_right(v[3], 64 - 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate_right(v[1], 64 - 17) ^ v[2];
  v[2] = rotate_right(v[2], 32);
}

static uint64_t sip(string of, const int64_t *key) {
  uint64_t k0 = (uint64_t)key[0], k1 = (uint64_t)key[1];
  uint64_t v[4] = {0x736f6d6570736575 ^ k0, 0x646f72616e646f6d ^ k1, 0x6c7967656e657261 ^ k0, 0x7465646279746573 ^ k1};
  for (int64_t at = 0; at <= of.size; at += 8) {
    uint64_t m = 0;
    if (of.size - at >= 8) {
      m = word(of.at + at);
    } else { /* zeros up to a whole word, and the length, modulo 256, as the last byte */
      for (int64_t k = at; k < of.size; k++) m |= (uint64_t)of.at[k] << 8 * (k - at);
      m |= (uint64_t)of.size << 56;
    }
    v[3] ^= m;
    sip_round(v);
    sip_round(v);
    v[0] ^= m;
  }
  v[2] ^= 255;
  for (int k = 0; k < 4; k++) sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- hash_strings: the fingerprint of each string, by FarmHash64, or, where there is a key, SipHash ----
 * ints: [3] 1: there is a key   [4], [5] the key
 * buffers: [3] fingerprints (uint64, n) */

static void hash_strings_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], UNIT);
  work->scratch_bytes = room(ints);
}

static void hash_strings(const fnn_call *call, int64_t begin, int64_t end) {
  uint64_t *made = (uint64_t *)call->buf[3];
  for (int64_t i = begin * UNIT; i < fnn_min(call->ints[0], end * UNIT); i++) {
    string s = string_at(call, i, (uint8_t *)call->scratch);
    made[i] = call->ints[3] ? sip(s, call->ints + 4) : farm(s);
  }
}

/* ---- tables: 2^k places, at least twice as many as strings, each -1 or the upper half of a string's fingerprint and
 * below it which string it is. A string is at the place that the lower bits of its fingerprint say, or behind, where
 * others came first. ---- */

FNN_INLINE int is_same(string a, string b) { return a.size == b.size && !memcmp(a.at, b.at, (size_t)a.size); }

/* ---- index_strings: the first string that is the same as each, and the table of these ----
 * ints: [3] places of the table
 * buffers: [3] table (int64), -1 everywhere   [4] first (int64, n) */

static void index_strings_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = 1;
  work->scratch_bytes = room(ints);
}

/* Whether string k is s, which is string i: those of one length are where their rows are. */
FNN_INLINE int is_same_row(const fnn_call *call, string s, int64_t i, int64_t k) {
  if (call->ints[1] == JOINED) return is_same(s, string_at(call, k, NULL));
  int64_t row = call->ints[1] == BYTES ? call->ints[2] : call->ints[1] == CODES ? 4 * call->ints[2] : 8;
  return !memcmp(call->buf[0] + i * row, call->buf[0] + k * row, (size_t)row);
}

static void index_strings(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t *table = (int64_t *)call->buf[3], *first = (int64_t *)call->buf[4];
  uint64_t last = (uint64_t)call->ints[3] - 1;
  for (int64_t i = 0; begin < end && i < call->ints[0]; i++) {
    string s = string_at(call, i, (uint8_t *)call->scratch);
    uint64_t hash = farm(s), tag = hash >> 32, place = hash & last;
    for (;; place = (place + 1) & last) {
      if (table[place] == -1) {
        table[place] = (int64_t)(tag << 32 | (uint64_t)i);
        first[i] = i;
        break;
      }
      int64_t found = (int64_t)(uint32_t)table[place];
      if ((uint64_t)table[place] >> 32 == tag && is_same_row(call, s, i, found)) {
        first[i] = found;
        break;
      }
    }
  }
}

/* ---- find_strings: which of some tokens each string is ----
 * ints: [3] places of the table
 * buffers: [3] table (int64) that index_strings made of the tokens   [4] the tokens, JOINED, their [5] begins and
 *        [6] ends   [7] which (int64, n), -1: none */

static void find_strings_size(const int64_t *ints, fnn_work *work) { hash_strings_size(ints, work); }

static void find_strings(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *table = (const int64_t *)call->buf[3];
  const uint8_t *tokens = (const uint8_t *)call->buf[4];
  const int64_t *begins = (const int64_t *)call->buf[5], *ends = (const int64_t *)call->buf[6];
  int64_t *which = (int64_t *)call->buf[7];
  uint64_t last = (uint64_t)call->ints[3] - 1;
  for (int64_t i = begin * UNIT; i < fnn_min(call->ints[0], end * UNIT); i++) {
    string s = string_at(call, i, (uint8_t *)call->scratch);
    uint64_t hash = farm(s), place = hash & last;
    which[i] = -1;
    for (; table[place] != -1; place = (place + 1) & last) {
      int64_t k = (int64_t)(uint32_t)table[place];
      if ((uint64_t)table[place] >> 32 == hash >> 32 && is_same(s, (string){tokens + begins[k], ends[k] - begins[k]})) {
        which[i] = k;
        break;
      }
    }
  }
}

/* ---- split_strings: the tokens of texts ----
 * ints: [3] 1: capital letters of ASCII become small ones   [4] 1: signs of ASCII are left out   [5] what is a token:
 *       the WORDS between white space, each of the CHARACTERS (of UTF-8), or the WHOLE text
 * buffers: [3] the tokens of all texts, with a space behind each: as many bytes as two of each of the texts and one of
 *        each text   [4] begins and [5] ends there: a token of each byte or character of the texts and one of each text
 *        [6] how many are of each text (int64, n)   [7] how many there are (int64, 1) */

enum { WORDS, CHARACTERS, WHOLE };
enum { LEFT_OUT = -1, SPACE = -2 };

static int is_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static int is_sign(int c) { return c > ' ' && c < 127 && !is_letter(c) && !(c >= '0' && c <= '9'); }

/* What becomes of each byte. */
static void fill_bytes(int16_t made[256], const int64_t *ints) {
  for (int c = 0; c < 256; c++) {
    made[c] = (int16_t)(ints[3] && c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
    if (ints[4] && is_sign(c)) made[c] = LEFT_OUT;
    if (ints[5] == WORDS && (c == ' ' || (c >= '\t' && c <= '\r'))) made[c] = SPACE;
  }
}

static void split_strings_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = 1;
  work->scratch_bytes = room(ints);
}

static void split_strings(const fnn_call *call, int64_t begin, int64_t end) {
  uint8_t *made = (uint8_t *)call->buf[3], *p = made;
  int64_t *begins = (int64_t *)call->buf[4], *ends = (int64_t *)call->buf[5], *counts = (int64_t *)call->buf[6];
  int64_t tokens = 0;
  int16_t bytes[256];
  fill_bytes(bytes, call->ints);
  for (int64_t i = 0; begin < end && i < call->ints[0]; i++) {
    string text = string_at(call, i, (uint8_t *)call->scratch);
    uint8_t *token = p;
    int64_t before = tokens;
    for (int64_t k = 0; k <= text.size; k++) {
      int is_end = k == text.size, byte = is_end ? SPACE : bytes[text.at[k]];
      if (byte == LEFT_OUT) continue;
      if (byte == SPACE || (call->ints[5] == CHARACTERS && (byte & 0xc0) != 0x80)) {
        if (p > token || (is_end && call->ints[5] == WHOLE)) {
          begins[tokens] = token - made;
          ends[tokens++] = p - made;
          *p++ = ' ';
          token = p;
        }
      }
      if (byte != SPACE) *p++ = (uint8_t)byte;
    }
    counts[i] = tokens - before;
  }
  *(int64_t *)call->buf[7] = tokens;
}

/* ---- join_tokens: the n-grams of texts, those of a text by width ----
 * ints: [0] texts   [1] widths   [2] ... the widths
 * buffers: [0] begins and [1] ends (int64) of the tokens of all texts, one byte apart   [2] how many are of each text
 *        [3] begins and [4] ends (int64) of the n-grams */

static void join_tokens_size(const int64_t *ints, fnn_work *work) {
  (void)ints;
  work->phases = 1;
  work->units[0] = 1;
}

static void join_tokens(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *begins = (const int64_t *)call->buf[0], *ends = (const int64_t *)call->buf[1];
  const int64_t *counts = (const int64_t *)call->buf[2];
  int64_t *made_begins = (int64_t *)call->buf[3], *made_ends = (int64_t *)call->buf[4];
  int64_t at = 0, made = 0;
  for (int64_t i = 0; begin < end && i < call->ints[0]; at += counts[i++])
    for (int64_t w = 0; w < call->ints[1]; w++) {
      int64_t width = call->ints[2 + w];
      for (int64_t k = at; width > 0 && k + width <= at + counts[i]; k++) {
        made_begins[made] = begins[k];
        made_ends[made++] = ends[k + width - 1];
      }
    }
}

static const fnn_entry entries[] = {{"hash_strings", hash_strings, hash_strings_size},
                                    {"index_strings", index_strings, index_strings_size},
                                    {"find_strings", find_strings, find_strings_size},
                                    {"split_strings", split_strings, split_strings_size},
                                    {"join_tokens", join_tokens, join_tokens_size},
                                    {0}};
const fnn_table FNN_TABLE(strings) = {entries, 0, 0};
