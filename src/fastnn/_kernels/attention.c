/* attention.c: scaled dot-product attention and its gradient, a block of queries by a block of keys at a time. The
 * scores of a block live in scratch; those of all queries and keys are nowhere (Dao et al. 2022; the running softmax is
 * Milakov and Gimelshein 2018).
 *
 *   scores[b][h][t][s] = scale * sum over c of q[b][t][h][c] k[b][s][h'][c] + bias[b][h][t][s]
 *   scores = HIDDEN where the mask is 0, or where s > t of a causal attention
 *   y[b][t][h] = sum over s of keep[b][h][t][s] softmax(scores[b][h][t])[s] v[b][s][h'],
 *     h' = h / (heads / key_heads)
 *
 * keep is 1, or with dropout what random_bernoulli of that shape gives for the same state (random.c): it is drawn where
 * it is needed, and again in the gradient, and is nowhere as a whole.
 *
 * HIDDEN is finite, so a query that sees no key takes the mean of all values.
 *
 * attention:       0 q, 1 k, 2 v, 3 bias or NULL, 4 mask or NULL, 5 state or NULL, 6 y, 7 top, 8 inverse
 * attention_grad:  0 dy, 1 q, 2 k, 3 v, 4 y, 5 top, 6 inverse, 7 bias or NULL, 8 mask or NULL, 9 state or NULL,
 *                  10 dq, 11 dk, 12 dv
 *   q, y and their gradients are (batch, queries, heads, depth), k and v (batch, keys, key_heads, depth); the depth of
 *   v and y is value_depth. All are contiguous, aligned to the element; outputs overlap no input.
 *   top and inverse are (batch, heads, queries): the greatest score, and 1 / sum(exp(scores - top)).
 *   bias (of the float type) and mask (bytes, 0 hides) have any strides along (batch, heads, queries, keys).
 *   state (uint32[2]) is there if and only if ints say that weights are dropped.
 *   ints   enum attention_ints   reals   0 scale, 1 probability to keep a weight, 2 what a kept one is multiplied by
 *   There is at least one key.
 *
 * Sums over keys, and of the gradient over queries, go in one order: block by block, ascending, whatever the threads;
 * the sum of a single query's exponentials has a chain a lane within a block. */
#include <float.h>
#include <math.h>

#include "threefry.h"
#include "vmath.h"

enum attention_ints {
  ATTENTION_BATCH,
  ATTENTION_QUERIES,
  ATTENTION_KEYS,
  ATTENTION_HEADS,
  ATTENTION_KEY_HEADS,
  ATTENTION_DEPTH,
  ATTENTION_VALUE_DEPTH,
  ATTENTION_CAUSAL,
  ATTENTION_BIAS,                     /* four strides in elements, 0 where it broadcasts */
  ATTENTION_MASK = ATTENTION_BIAS + 4, /* the same */
  ATTENTION_DROPS = ATTENTION_MASK + 4 /* whether weights are dropped */
};

enum {
  /* Queries, and keys, of a block. The scores of a middle one take 16 KiB of float32; a smaller one is taken unless the
   * middle makes fewer: the heights of all tiles divide it. Where there are so many heads that threads have some to
   * share, one large block takes all of up to so many; several large ones were level or slower. */
  TILED = 48,
  MIDDLE = 64,
  BLOCK = 96,
  BLOCK_HEADS = 8,
  /* Few queries: five and more of so much depth. So many read keys and values once for all, or where rows of these lie
   * so many bytes apart, in one set of L1; so many to so many copy rows of at most so many bytes from there.
   * From so many scores on values are multiplied by tiles. Keys of a block; rows of scores, one for each query and head
   * that are done at once; how many values are added at once. */
  FEW_DEPTH = 32,
  SHARING_QUERIES = 8,
  SET_BYTES = 1 << 12,
  COPYING_QUERIES = 5,
  MOST_COPYING_QUERIES = 6,
  COPIED_ROW_BYTES = 1 << 8,
  FEW_PRODUCTS = 6,
  QUERY_KEYS = 256,
  FEW_ROWS = 16,
  VALUES_AT_ONCE = 8,
  /* Elements of all keys and values from which the gradient of few queries asks for them, and for the lines that theirs
   * go to; forward passes do where no last cache holds them, of so many queries: fewer take more heads at once, whose
   * pieces of a row are long enough. */
  ASKING_ELEMENTS = 3 << 19,
  ASKING_QUERIES = 5,
  ASKING_FAR_ELEMENTS = 1 << 22,
  /* Elements of all arrays from which tiles ask for what the next block of queries and the next head read and write;
   * how many tiles of a step of keys share that, at least. */
  ASKING_NEXT_ELEMENTS = 3 << 18,
  ASKING_TILES = 16,
  ASKED_ARRAYS = 8,
  /* Keys for which bits are drawn at once: whole blocks, and so many that few words are drawn twice where rows of
   * scores are no whole groups. The words of some rows, of one at least, are drawn together. */
  DRAWN_KEYS = 768,
  DRAWN_GROUPS = DRAWN_KEYS / GROUP + 1,
  DRAWN_ROW = DRAWN_KEYS + GROUP, /* a vector may reach past the last key */
  DRAWN_QUERIES = 32, /* of a row of bits; a block has three rows */
  GRAD_UNITS = 16, /* keys are cut in ranges until a gradient has this many units, so that threads have some to share */
  ALIGNED = FNN_ALIGN / 4 /* elements: regions of scratch are multiples of it */
};

typedef struct {
  int64_t batch, queries, keys, heads, key_heads, depth, value_depth;
  int64_t block, step, blocks; /* queries and keys of a block; blocks of queries */
  int64_t range, ranges;       /* keys of a unit of the gradient */
  int causal, drops;
  int asks, asks_forward;      /* few queries ask for keys and values, in the gradient and before */
  int asks_next;               /* tiles ask for what comes next */
} attention_shape;

static int64_t attention_block(int64_t n, int is_large) {
  if (is_large && n > MIDDLE && n <= BLOCK) return BLOCK;
  return fnn_ceil_div(n, MIDDLE) < fnn_ceil_div(n, TILED) ? MIDDLE : TILED;
}

static attention_shape attention_shape_of(const int64_t *ints) {
  attention_shape s = {
    .batch = ints[ATTENTION_BATCH], .queries = ints[ATTENTION_QUERIES], .keys = ints[ATTENTION_KEYS],
    .heads = ints[ATTENTION_HEADS], .key_heads = ints[ATTENTION_KEY_HEADS], .depth = ints[ATTENTION_DEPTH],
    .value_depth = ints[ATTENTION_VALUE_DEPTH], .causal = ints[ATTENTION_CAUSAL] != 0,
    .drops = ints[ATTENTION_DROPS] != 0};
  const int is_large = !s.causal && s.batch * s.key_heads >= BLOCK_HEADS; /* causal small ones skip what is hidden */
  s.block = attention_block(s.queries, is_large);
  s.step = attention_block(s.keys, is_large);
  s.blocks = fnn_ceil_div(s.queries, s.block);
  const int64_t ranges = fnn_ceil_div(GRAD_UNITS, fnn_max(1, s.batch * s.key_heads));
  s.range = fnn_round_up(fnn_ceil_div(s.keys, ranges), s.step);
  s.ranges = fnn_ceil_div(s.keys, fnn_max(1, s.range));
  const int64_t elements = s.batch * s.keys * s.key_heads * (s.depth + s.value_depth);
  const int is_apart = s.key_heads > 1 && !s.causal; /* few causal queries see few keys */
  s.asks = is_apart && elements >= ASKING_ELEMENTS;
  s.asks_forward = is_apart && s.queries >= ASKING_QUERIES && elements >= ASKING_FAR_ELEMENTS;
  const int64_t all_elements = elements + s.batch * s.queries * s.heads * (s.depth + s.value_depth);
  s.asks_next = s.queries > SHARING_QUERIES && all_elements >= ASKING_NEXT_ELEMENTS;
  return s;
}

static void attention_work(const attention_shape *s, fnn_work *work, double products, int64_t element_bytes) {
  const double b = (double)s->batch, t = (double)s->queries, keys = (double)s->keys;
  work->flops = 2 * b * (double)s->heads * t * keys * (products + (s->drops ? 18 : 0)) * (s->causal ? 0.5 : 1);
  work->bytes = b * (t * (double)s->heads + keys * (double)s->key_heads) * (double)(s->depth + s->value_depth) *
                (double)element_bytes;
}

/* ---- dropout ---- */

/* Which weights of `rows` rows of scores, from row `row` of all on, are kept: bit i % DRAWN_QUERIES of
 * bits[i / DRAWN_QUERIES * DRAWN_ROW + key - begin] for row i and the keys [begin, end). */
typedef struct {
  const uint32_t *state;
  uint32_t *bits;
  double probability;
  int64_t keys, row, rows, begin, end;
} attention_drops;

static int64_t attention_bits_bytes(const attention_shape *s) {
  return s->drops ? BLOCK / DRAWN_QUERIES * DRAWN_ROW * (int64_t)sizeof(uint32_t) : 0;
}

static attention_drops attention_drops_of(const fnn_call *call, const attention_shape *s, const char *state,
                                          void *bits) {
  return (attention_drops){
    .state = (const uint32_t *)state, .bits = bits, .probability = call->reals[1], .keys = s->keys};
}

static void begin_rows(attention_drops *d, int64_t row, int64_t rows) { d->row = row, d->rows = rows, d->end = 0; }

/* The words of a row of scores follow each other, and after them those of the next row: the words of some rows are
 * drawn, by whole groups, and then each vector of keys collects its bits of these rows. */
static __attribute__((noinline)) void draw_bits(attention_drops *d, int64_t begin, int64_t end) {
  const int64_t n = end - begin;
  const uint32_t below = below_of(d->probability);
  const fnn_vu32 all = (fnn_vu32){0} - (d->probability >= 1);
  words drawn[DRAWN_GROUPS + 1]; /* the last vector of keys may reach past those that are drawn */
  int64_t group = 0, last = -1;  /* of those */
  d->begin = begin, d->end = end;
  for (int64_t r = 0, rows; r < d->rows; r += rows) {
    rows = n < d->keys ? 1 : (DRAWN_GROUPS - 1) * GROUP / n;
    rows = fnn_min(rows, fnn_min(d->rows - r, DRAWN_QUERIES - r % DRAWN_QUERIES));
    const int64_t first = (d->row + r) * d->keys + begin, is_shared = first / GROUP == last;
    if (is_shared) drawn[0] = drawn[last - group];
    group = first / GROUP, last = (first + (rows - 1) * d->keys + n - 1) / GROUP;
    for (int64_t g = group + is_shared; g <= last; g++) threefry(d->state, g, drawn + (g - group));
    const uint32_t *word = drawn[0].word[0] + first % GROUP;
    uint32_t *row = d->bits + r / DRAWN_QUERIES * DRAWN_ROW;
    for (int64_t j = 0; j < n; j += FNN_VF) {
      fnn_vu32 bits = all, bit = (fnn_vu32){0} + (1u << r % DRAWN_QUERIES);
      if (r % DRAWN_QUERIES) memcpy(&bits, row + j, sizeof bits);
      for (int64_t i = 0; i < rows; i++, bit += bit) {
        fnn_vu32 v;
        memcpy(&v, word + i * d->keys + j, sizeof v);
        bits |= (fnn_vu32)(v < below) & bit;
      }
      memcpy(row + j, &bits, sizeof bits);
    }
  }
}

/* The bits of keys [key, key + keys), which are drawn together with those after them up to `last`. */
FNN_INLINE const uint32_t *bits_of(attention_drops *d, int64_t key, int64_t keys, int64_t last) {
  if (key + keys > d->end) draw_bits(d, key, fnn_max(key + keys, fnn_min(key + DRAWN_KEYS, last)));
  return d->bits + key - d->begin;
}

#include "types_f32.h"
#include "tile.h"
#include "pack.h"
#include "dots.h"
#include "attention_body.h"
#include "attention_grad_body.h"
#include "types_f64.h"
#include "tile.h"
#include "pack.h"
#include "dots.h"
#include "attention_body.h"
#include "attention_grad_body.h"

static const fnn_entry entries[] = {
#define BOTH(name) {#name "_f32", name##_f32, name##_size_f32}, {#name "_f64", name##_f64, name##_size_f64},
  BOTH(attention) BOTH(attention_grad)
#undef BOTH
  {0}};
const fnn_table FNN_TABLE(attention) = {entries, 0, 0};
