/* attention.c: scaled dot-product attention and its gradient, a block of queries by a block of keys at a time. The
 * scores of a block live in scratch; those of all queries and keys are nowhere (Dao et al. 2022; the running softmax is
 * Milakov and Gimelshein 2018).
 *
 *   scores[b][h][t][s] = scale * sum over c of q[b][t][h][c] k[b][s][h'][c] + bias[b][h][t][s]
 *   scores = HIDDEN where the mask is 0, or where s > t of a causal attention
 *   y[b][t][h] = sum over s of softmax(scores[b][h][t])[s] v[b][s][h'],   h' = h / (heads / key_heads)
 *
 * HIDDEN is finite, so a query that sees no key takes the mean of all values.
 *
 * attention:       0 q, 1 k, 2 v, 3 bias or NULL, 4 mask or NULL, 5 y, 6 top, 7 inverse
 * attention_grad:  0 dy, 1 q, 2 k, 3 v, 4 y, 5 top, 6 inverse, 7 bias or NULL, 8 mask or NULL, 9 dq, 10 dk, 11 dv
 *   q, y and their gradients are (batch, queries, heads, depth), k and v (batch, keys, key_heads, depth); the depth of v
 *   and y is value_depth. All are contiguous, aligned to the element; outputs overlap no input.
 *   top and inverse are (batch, heads, queries): the greatest score, and 1 / sum(exp(scores - top)).
 *   bias (of the float type) and mask (bytes, 0 hides) have any strides along (batch, heads, queries, keys).
 *   ints   enum attention_ints   reals   0 scale
 *   There is at least one key.
 *
 * Sums over keys, and of the gradient over queries, go in one order: block by block, ascending, whatever the threads;
 * the sum of a single query's exponentials has a chain a lane within a block. */
#include <float.h>
#include <math.h>

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
  ATTENTION_MASK = ATTENTION_BIAS + 4 /* the same */
};

enum {
  BLOCK = 64,      /* queries, and keys, of a block at most; its scores take 16 KiB of float32 */
  TILED = 48,      /* of a block unless BLOCK makes fewer of them: the heights of all tiles divide it */
  /* Few queries: at most so many; keys of a block; rows of scores, one for each query and head that are done at once;
   * how many values are added at once. */
  FEW_QUERIES = 4,
  QUERY_KEYS = 256,
  FEW_ROWS = BLOCK * BLOCK / QUERY_KEYS,
  VALUES_AT_ONCE = 8,
  GRAD_UNITS = 16, /* keys are cut in ranges until a gradient has this many units, so that threads have some to share */
  ALIGNED = FNN_ALIGN / 4 /* elements: regions of scratch are multiples of it */
};

typedef struct {
  int64_t batch, queries, keys, heads, key_heads, depth, value_depth;
  int64_t block, step, blocks; /* queries and keys of a block; blocks of queries */
  int64_t range, ranges;       /* keys of a unit of the gradient */
  int causal;
} attention_shape;

static int64_t attention_block(int64_t n) { return fnn_ceil_div(n, BLOCK) < fnn_ceil_div(n, TILED) ? BLOCK : TILED; }

static attention_shape attention_shape_of(const int64_t *ints) {
  attention_shape s = {
    .batch = ints[ATTENTION_BATCH], .queries = ints[ATTENTION_QUERIES], .keys = ints[ATTENTION_KEYS],
    .heads = ints[ATTENTION_HEADS], .key_heads = ints[ATTENTION_KEY_HEADS], .depth = ints[ATTENTION_DEPTH],
    .value_depth = ints[ATTENTION_VALUE_DEPTH], .causal = ints[ATTENTION_CAUSAL] != 0};
  s.block = attention_block(s.queries);
  s.step = attention_block(s.keys);
  s.blocks = fnn_ceil_div(s.queries, s.block);
  const int64_t ranges = fnn_ceil_div(GRAD_UNITS, fnn_max(1, s.batch * s.key_heads));
  s.range = fnn_round_up(fnn_ceil_div(s.keys, ranges), s.step);
  s.ranges = fnn_ceil_div(s.keys, fnn_max(1, s.range));
  return s;
}

static void attention_work(const attention_shape *s, fnn_work *work, double products, int64_t element_bytes) {
  const double b = (double)s->batch, t = (double)s->queries, keys = (double)s->keys;
  work->flops = 2 * b * (double)s->heads * t * keys * products * (s->causal ? 0.5 : 1);
  work->bytes = b * (t * (double)s->heads + keys * (double)s->key_heads) * (double)(s->depth + s->value_depth) *
                (double)element_bytes;
}

#include "types_f32.h"
#include "tile.h"
#include "pack.h"
#include "attention_body.h"
#include "attention_grad_body.h"
#include "types_f64.h"
#include "tile.h"
#include "pack.h"
#include "attention_body.h"
#include "attention_grad_body.h"

static const fnn_entry entries[] = {
#define BOTH(name) {#name "_f32", name##_f32, name##_size_f32}, {#name "_f64", name##_f64, name##_size_f64},
  BOTH(attention) BOTH(attention_grad)
#undef BOTH
  {0}};
const fnn_table FNN_TABLE(attention) = {entries, 0, 0};
