/* attention_body.h: what attention.c compiles for float32 and for float64.
 *
 * A block of scores is stored with the queries along the vectors, scores[key][query], a block apart (`row`): the
 * softmax then has no sums across lanes, and K, V, Q and dY are operands of the microkernel as they lie in memory. Only
 * Q and dY are transposed, once for a block of queries. The scores of a few queries lie one after another. */

#define HIDDEN (sizeof(T) == 4 ? (T)(-0.7 * FLT_MAX) : (T)(-0.7 * DBL_MAX))
#define LOWEST (sizeof(T) == 4 ? (T)-FLT_MAX : (T)-DBL_MAX)

/* See is_few. */
enum {
  OWN(FEW_QUERIES) = N > 8 ? N / 2 : FNN_VECTOR_BYTES == 64 ? 5 : 4,
  OWN(MORE_QUERIES) = N > 8 ? 5 * N / 8 : OWN(FEW_QUERIES)
};

/* ---- products ---- */

/* A matrix of n rows as the right operand of the microkernel: in place, or panel after panel in whole vectors. */
typedef struct {
  const T *rows;
  int64_t row, n; /* distance of rows in place; 0 when packed */
} OWN(operand);

FNN_INLINE int64_t OWN(padded)(int64_t cols) { return fnn_round_up(cols, N); }

/* Elements of scratch for `rows` rows of a right operand, and of sums with as many rows. */
static int64_t OWN(operand_elements)(int64_t rows, int64_t cols) {
  return fnn_round_up(rows * OWN(padded)(cols), ALIGNED);
}
static int64_t OWN(sum_elements)(int64_t rows, int64_t cols) {
  return tile_panels(cols, N) * fnn_round_up(rows, TILE_BLOCK) * OWN(TILE_COLS);
}

/* Rows `row` apart; copied to `space` where the last one's last vector would reach past `end`, the matrix' own: other
 * heads lie in between, and columns that are no result's may hold anything. */
static OWN(operand) OWN(operand_of)(T *space, const T *rows, int64_t row, int64_t n, int64_t cols, const T *end) {
  if (end - rows >= (n - 1) * row + OWN(padded)(cols)) return (OWN(operand)){rows, row, n};
  for (int64_t p = 0; p < tile_panels(cols, N); p++) {
    const tile_panel panel = tile_panel_at(cols, N, p);
    OWN(pack_panel)(space + n * panel.begin, rows, row, 1, n, panel);
  }
  return (OWN(operand)){space, 0, n};
}

/* The same of the transposed matrix, times `by`: `depth` rows of n columns. */
static OWN(operand) OWN(transposed_of)(T *space, const T *rows, int64_t row, int64_t n, int64_t depth, T by) {
  for (int64_t p = 0; p < tile_panels(n, N); p++) {
    const tile_panel panel = tile_panel_at(n, N, p);
    OWN(pack_panel)(space + depth * panel.begin, rows, 1, row, depth, panel);
  }
  for (int64_t i = 0; i < depth * OWN(padded)(n); i += N) FN(store)(space + i, FN(load)(space + i) * by);
  return (OWN(operand)){space, 0, depth};
}

/* Where products go: to sums, panel after panel of `panel` elements, rows TILE_COLS apart, or, if there is but one of
 * them, to the rows of a result (panel = 0), `row` apart. */
typedef struct {
  T *at;
  int64_t row, panel;
} OWN(sums);

static OWN(sums) OWN(sums_of)(T *space, int64_t rows) {
  return (OWN(sums)){space, OWN(TILE_COLS), fnn_round_up(rows, TILE_BLOCK) * OWN(TILE_COLS)};
}

/* Rows of arrays that are needed later: pieces that lie further apart than the hardware looks. Each tile asks for row
 * `row` and so many after it of each array, which ends after n of them. */
typedef struct {
  struct {
    const T *at;
    int64_t row, n, cols;
    int is_written;
  } arrays[ASKED_ARRAYS];
  int n_arrays;
  int64_t row, rows, each;
} OWN(asked);

static void OWN(ask_for)(OWN(asked) * asked, const T *at, int64_t row, int64_t n, int64_t cols, int is_written) {
  asked->arrays[asked->n_arrays].at = at;
  asked->arrays[asked->n_arrays].row = row;
  asked->arrays[asked->n_arrays].n = n;
  asked->arrays[asked->n_arrays].cols = cols;
  asked->arrays[asked->n_arrays++].is_written = is_written;
  asked->rows = fnn_max(asked->rows, n);
}

FNN_INLINE void OWN(ask_next)(OWN(asked) * asked) {
  const int64_t end = fnn_min(asked->rows, asked->row + asked->each);
  for (; asked->row < end; asked->row++)
    for (int i = 0; i < asked->n_arrays; i++) {
      if (asked->row >= asked->arrays[i].n) continue;
      const T *at = asked->arrays[i].at + asked->row * asked->arrays[i].row;
      for (int64_t j = 0; j < asked->arrays[i].cols; j += FNN_ALIGN / (int64_t)sizeof(T))
        if (asked->arrays[i].is_written) __builtin_prefetch(at + j, 1, 2);
        else __builtin_prefetch(at + j, 0, 2);
    }
}

/* The first `rows` rows of A @ B in tiles: A's rows are a_row apart, its columns a_col, and B has `cols` columns. They
 * become row row_at on of `to`, or are added there if it resumes. */
static void OWN(multiply)(const T *a, int64_t a_row, int64_t a_col, int64_t rows, const OWN(operand) * b, int64_t cols,
                          const OWN(sums) * to, int64_t row_at, int resumes, OWN(asked) * asked) {
  const int is_sum = to->panel != 0;
  const T *a_rows[BLOCK + TILE_MOST_ROWS];
  T *c_rows[BLOCK];
  for (int64_t i = 0; i < rows + TILE_MOST_ROWS - 1; i++) a_rows[i] = a + fnn_min(i, rows - 1) * a_row;
  for (int64_t i = 0; i < rows; i++) c_rows[i] = to->at + (row_at + i) * to->row;
  for (int64_t p = 0; p < tile_panels(cols, N); p++) {
    const tile_panel panel = tile_panel_at(cols, N, p);
    const int64_t height = tile_rows(panel.vectors), width = panel.vectors * N;
    const OWN(tile_segment) segment = {b->rows + (b->row ? 1 : b->n) * panel.begin, b->row ? b->row : width, 0, b->n};
    OWN(tile) t = {.a = a_rows, .c = c_rows, .c_column = panel.begin, .cols = is_sum ? width : panel.cols,
                   .a_stride = a_col, .segments = &segment, .n_segments = 1, .alpha = 1, .floor = -INFINITY,
                   .resumes = is_sum && resumes, .continues = is_sum};
    int64_t row = 0;
    const int is_strip = t.cols == width && !is_sum;
    if (is_strip && asked->row == asked->rows) {
      OWN(tile_strip)(&t, rows / height, panel.vectors);
      row = rows / height * height;
    }
    for (; row < rows; row += height) {
      OWN(ask_next)(asked);
      t.rows = fnn_min(height, rows - row);
      t.a = a_rows + row;
      t.c = c_rows + row;
      if (is_sum) t.partial = to->at + p * to->panel + (row_at + row) * OWN(TILE_COLS);
      if (is_strip && t.rows == height) OWN(tile_strip)(&t, 1, panel.vectors);
      else OWN(tile_call)(&t, panel.vectors);
    }
  }
}

/* out[row] = sums[row] * by[row * by_step], where these are not the result already. */
static void OWN(store_sums)(T *out, int64_t out_row, const OWN(sums) * sums, int64_t rows, int64_t cols, const T *by,
                            int64_t by_step) {
  for (int64_t p = 0; sums->panel && p < tile_panels(cols, N); p++) {
    const tile_panel panel = tile_panel_at(cols, N, p);
    for (int64_t i = 0; i < rows; i++) {
      const T *from = sums->at + p * sums->panel + i * OWN(TILE_COLS);
      T *to = out + i * out_row + panel.begin, factor = by[i * by_step];
      int64_t j = 0;
      for (; j + N <= panel.cols; j += N) FN(store)(to + j, FN(load)(from + j) * factor);
      if (j < panel.cols) FN(store_part)(to + j, FN(load)(from + j) * factor, panel.cols - j);
    }
  }
}

/* ---- what is added to the scores and what hides them ---- */

/* n elements of a bias, of a mask, `step` apart. */
FNN_INLINE V OWN(bias_lanes)(const char *at, int64_t step, int64_t n) {
  const T *p = (const T *)at;
  if (step == 1) return n == N ? FN(load)(p) : FN(load_part)(p, n);
  V v = {0};
  for (int64_t k = 0; k < n; k++) v[k] = p[k * step];
  return v;
}
FNN_INLINE V OWN(mask_lanes)(const char *at, int64_t step, int64_t n) {
  T lanes[N] = {0};
  if (step == 1 && n == N)
    for (int64_t k = 0; k < N; k++) lanes[k] = (T)((const uint8_t *)at)[k];
  else
    for (int64_t k = 0; k < n; k++) lanes[k] = (T)((const uint8_t *)at)[k * step];
  return FN(load)(lanes);
}
FNN_INLINE V OWN(with_bias)(V scores, V bias) { return scores + bias; }
/* a where the mask holds, else b. By bits: in functions as large as these GCC does not make FN(select) a blend. */
FNN_INLINE V OWN(choose)(M mask, V a, V b) { return (V)((mask & (M)a) | (~mask & (M)b)); }

FNN_INLINE V OWN(with_mask)(V scores, V mask) { return OWN(choose)(mask == 0, FN(splat)(HIDDEN), scores); }

/* scores = with(scores, operand) for an operand that lies with the keys along its rows: it is read a square of lanes at
 * a time and transposed, unless it is the same for all queries. `bytes` is the size of its element. */
FNN_INLINE void OWN(apply)(T *scores, int64_t row, int64_t queries, int64_t keys, const char *operand,
                           int64_t query_stride, int64_t key_stride, int64_t bytes,
                           V (*lanes)(const char *, int64_t, int64_t), V (*with)(V, V)) {
  if (query_stride == 0) {
    for (int64_t j = 0; j < keys; j++) {
      const V v = FN(splat)(lanes(operand + j * key_stride * bytes, 1, 1)[0]);
      T *at = scores + j * row;
      for (int64_t i = 0; i < queries; i += N) FN(store)(at + i, with(FN(load)(at + i), v));
    }
    return;
  }
  for (int64_t i = 0; i < queries; i += N)
    for (int64_t j = 0; j < keys; j += N) {
      const int64_t rows = fnn_min(N, queries - i), cols = fnn_min(N, keys - j);
      V v[N];
      for (int64_t k = 0; k < N; k++)
        v[k] = k < rows ? lanes(operand + ((i + k) * query_stride + j * key_stride) * bytes, key_stride, cols) : (V){0};
      OWN(transpose)(v);
      T *at = scores + j * row + i;
      for (int64_t k = 0; k < cols; k++) FN(store)(at + k * row, with(FN(load)(at + k * row), v[k]));
    }
}
static void OWN(apply_bias)(T *scores, int64_t row, int64_t queries, int64_t keys, const T *bias,
                            const int64_t *strides) {
  OWN(apply)(scores, row, queries, keys, (const char *)bias, strides[2], strides[3], sizeof(T), OWN(bias_lanes),
             OWN(with_bias));
}
static void OWN(apply_mask)(T *scores, int64_t row, int64_t queries, int64_t keys, const uint8_t *mask,
                            const int64_t *strides) {
  OWN(apply)(scores, row, queries, keys, (const char *)mask, strides[2], strides[3], 1, OWN(mask_lanes),
             OWN(with_mask));
}

/* Hides the keys behind each query; `ahead` is the first key's number less the first query's. */
static void OWN(hide_later)(T *scores, int64_t row, int64_t queries, int64_t keys, int64_t ahead) {
  T numbers[BLOCK];
  for (int64_t i = 0; i < BLOCK; i++) numbers[i] = (T)i;
  for (int64_t j = fnn_max(0, -ahead); j < keys; j++)
    for (int64_t i = 0; i < queries; i += N) {
      const M later = FN(load)(numbers + i) < (T)(ahead + j);
      FN(store)(scores + j * row + i, OWN(choose)(later, FN(splat)(HIDDEN), FN(load)(scores + j * row + i)));
    }
}

/* ---- which weights are dropped ---- */

/* The lanes of queries i, i + 1, ... at a key: all bits of those that are kept. */
FNN_INLINE M OWN(kept_queries)(const uint32_t *bits, int64_t i) {
  const M lane = ((M){0} + 1) << FN(lanes)();
  return (((M){0} + (MT)(bits[i / DRAWN_QUERIES * DRAWN_ROW] >> i % DRAWN_QUERIES)) & lane) == lane;
}

/* The same of keys for query i. */
FNN_INLINE M OWN(kept_keys)(const uint32_t *bits, int64_t i) {
  MT lanes[N];
  M keys;
  for (int k = 0; k < N; k++) lanes[k] = (MT)(bits[k] >> i & 1);
  memcpy(&keys, lanes, sizeof keys);
  return keys != 0;
}

/* What weights that are kept are multiplied by. */
static T OWN(kept_scale)(const fnn_call *call, const attention_shape *s) { return s->drops ? (T)call->reals[2] : 1; }

static void OWN(drop)(T *weights, int64_t row, int64_t queries, int64_t keys, const uint32_t *bits) {
  for (int64_t i = 0; i < queries; i += N)
    for (int64_t j = 0; j < keys; j++) {
      T *at = weights + j * row + i;
      FN(store)(at, (V)((M)FN(load)(at) & OWN(kept_queries)(bits + j, i)));
    }
}

/* ---- a block of queries of one head ---- */

typedef struct {
  const attention_shape *s;
  const T *q, *k, *v, *bias;   /* of the first query, or of key 0; bias and mask may be NULL */
  const uint8_t *mask;
  const int64_t *bias_strides, *mask_strides;
  int64_t q_row, k_row, v_row, y_row, y_at, stat_at; /* distances of rows; where the block begins in y and in top */
  int64_t first, n;                                  /* queries [first, first + n) */
  T scale;
} OWN(block);

static OWN(block) OWN(block_of)(const fnn_call *call, const attention_shape *s, char *const *q, char *const *extras,
                                int64_t b, int64_t head, int64_t index) {
  const int64_t *ints = call->ints, *bias = ints + ATTENTION_BIAS, *mask = ints + ATTENTION_MASK;
  const int64_t key_head = head / (s->heads / s->key_heads), first = index * s->block;
  OWN(block) o = {
    .s = s, .bias_strides = bias, .mask_strides = mask, .q_row = s->heads * s->depth,
    .k_row = s->key_heads * s->depth, .v_row = s->key_heads * s->value_depth, .y_row = s->heads * s->value_depth,
    .first = first, .n = fnn_min(s->block, s->queries - first), .scale = (T)call->reals[0]};
  o.q = (const T *)q[0] + (b * s->queries + first) * o.q_row + head * s->depth;
  o.k = (const T *)q[1] + b * s->keys * o.k_row + key_head * s->depth;
  o.v = (const T *)q[2] + b * s->keys * o.v_row + key_head * s->value_depth;
  o.y_at = (b * s->queries + first) * o.y_row + head * s->value_depth;
  o.stat_at = (b * s->heads + head) * s->queries + first;
  if (extras[0]) o.bias = (const T *)extras[0] + b * bias[0] + head * bias[1] + first * bias[2];
  if (extras[1]) o.mask = (const uint8_t *)extras[1] + b * mask[0] + head * mask[1] + first * mask[2];
  return o;
}

static T OWN(row_dot)(const T *a, const T *b, int64_t n) {
  V sum = {0};
  int64_t j = 0;
  for (; j + N <= n; j += N) sum += FN(load)(a + j) * FN(load)(b + j);
  if (j < n) sum += FN(load_part)(a + j, n - j) * FN(load_part)(b + j, n - j);
  return FN(sum_lanes)(sum);
}

/* Whether the block has so few queries that its scores would be half of the lanes of a vector each, or, of few keys, a
 * little more; five and more pay where depth makes up for the sums across lanes. */
FNN_INLINE int OWN(is_few)(const OWN(block) * o) {
  const int64_t depth = o->s->depth;
  if (o->n > OWN(FEW_QUERIES)) return o->n <= OWN(MORE_QUERIES) && o->s->keys <= N && depth >= 4 * N;
  return depth >= (o->n < 5 ? N : FEW_DEPTH);
}

/* Lane j is by * x . rows[j], of `keys` rows, at most `sums`, a constant; the last again for the sums beyond. x has n
 * elements. */
FNN_INLINE V OWN(row_dots_of)(const T *x, const T *rows, int64_t row, int64_t keys, int64_t n, T by, const int sums) {
  const T *at[N];
  V sum[N];
#pragma GCC unroll 16
  for (int w = 0; w < sums; w++) at[w] = rows + fnn_min(w, keys - 1) * row, sum[w] = (V){0};
  int64_t i = 0;
  for (; i + N <= n; i += N) {
    const V v = FN(load)(x + i);
#pragma GCC unroll 16
    for (int w = 0; w < sums; w++) sum[w] += v * FN(load)(at[w] + i);
  }
  if (i < n) {
    const V v = FN(load_part)(x + i, n - i);
#pragma GCC unroll 16
    for (int w = 0; w < sums; w++) sum[w] += v * FN(load_part)(at[w] + i, n - i);
  }
  return OWN(sum_each)(sum, sums) * by;
}
/* Of any number of rows, as far as lanes go; four sums, which wait for their last, are as soon done as eight. */
static __attribute__((noinline)) V OWN(row_dots)(const T *x, const T *rows, int64_t row, int64_t keys, int64_t n,
                                                 T by) {
  if (N > 4 && keys <= 4) return OWN(row_dots_of)(x, rows, row, keys, n, by, 4);
  if (N > 8 && keys <= 8) return OWN(row_dots_of)(x, rows, row, keys, n, by, 8);
  if (N > 12 && keys <= 12) return OWN(row_dots_of)(x, rows, row, keys, n, by, 12);
  return OWN(row_dots_of)(x, rows, row, keys, n, by, N);
}

/* Scores of keys [key, key + keys) with the block's queries. */
static void OWN(scores_of)(const OWN(block) * o, T *scores, const OWN(operand) * q, int64_t key, int64_t keys,
                           OWN(asked) * asked) {
  const int64_t row = o->s->block;
  OWN(multiply)(o->k + key * o->k_row, o->k_row, 1, keys, q, OWN(padded)(o->n), &(OWN(sums)){scores, row, 0}, 0, 0,
                asked);
  if (o->bias) OWN(apply_bias)(scores, row, o->n, keys, o->bias + key * o->bias_strides[3], o->bias_strides);
  if (o->mask) OWN(apply_mask)(scores, row, o->n, keys, o->mask + key * o->mask_strides[3], o->mask_strides);
  if (o->s->causal && key + keys - 1 > o->first) OWN(hide_later)(scores, row, o->n, keys, key - o->first);
}

/* Whether no query of the block needs keys from `key` on: all are later, and each query sees an earlier one. */
static int OWN(is_done)(const OWN(block) * o, const T *top, int64_t key) {
  if (!o->s->causal || key < o->first + o->n) return 0;
  for (int64_t i = 0; i < o->n; i++)
    if (top[i] <= HIDDEN) return 0;
  return 1;
}

/* Where the keys end that the block's queries see, if each sees one. */
static int64_t OWN(seen_end)(const OWN(block) * o, int64_t end) {
  return o->s->causal ? fnn_min(end, o->first + o->n) : end;
}

/* ---- attention ---- */

static int64_t OWN(attention_elements)(const attention_shape *s) {
  return s->depth * BLOCK + BLOCK * BLOCK + OWN(operand_elements)(QUERY_KEYS, s->value_depth) +
         OWN(sum_elements)(BLOCK, s->value_depth);
}

static void OWN(attention_size)(const int64_t *ints, fnn_work *work) {
  const attention_shape s = attention_shape_of(ints);
  work->phases = 1;
  work->units[0] = s.batch * s.heads * s.blocks;
  work->scratch_bytes = OWN(attention_elements)(&s) * (int64_t)sizeof(T) + attention_bits_bytes(&s);
  attention_work(&s, work, (double)(s.depth + s.value_depth), sizeof(T));
}

/* The running softmax: scores become exp(scores - top) with the new top; total is what it was, brought to the new top,
 * and what they add; factors bring what was summed with the old top to the new one. Returns whether any is not 1. */
static int OWN(advance)(T *scores, int64_t row, int64_t queries, int64_t keys, T *top, T *total, T *factors) {
  M moves = {0};
  for (int64_t i = 0; i < queries; i += N) {
    T *column = scores + i;
    const V before = FN(load)(top + i);
    V most = before, sum = {0};
    for (int64_t j = 0; j < keys; j += 2) {
      const T *next = column + fnn_min(j + 1, keys - 1) * row;
      most = FN(max)(FN(max)(FN(load)(column + j * row), FN(load)(next)), most);
    }
    for (int64_t j = 0; j < keys; j++) {
      const V e = FN(exp_below0)(FN(load)(column + j * row) - most);
      FN(store)(column + j * row, e);
      sum += e;
    }
    const V factor = FN(exp_below0)(before - most);
    moves |= most != before;
    FN(store)(factors + i, factor);
    FN(store)(total + i, FN(load)(total + i) * factor + sum);
    FN(store)(top + i, most);
  }
  return memcmp(&moves, &(M){0}, sizeof moves) != 0;
}

static void OWN(scale_sums)(const OWN(sums) * sums, int64_t rows, int64_t cols, const T *factors) {
  for (int64_t p = 0; p < tile_panels(cols, N); p++)
    for (int64_t i = 0; i < rows; i++) {
      T *row = sums->at + p * sums->panel + i * OWN(TILE_COLS);
      for (int j = 0; j < tile_panel_at(cols, N, p).vectors; j++)
        FN(store)(row + j * N, FN(load)(row + j * N) * factors[i]);
    }
}

static void OWN(scale_weights)(T *weights, int64_t row, int64_t queries, int64_t keys, const T *factors) {
  for (int64_t i = 0; i < queries; i += N)
    for (T *at = weights + i, *end = at + keys * row; at < end; at += row)
      FN(store)(at, FN(load)(at) * FN(load)(factors + i));
}

/* ---- few queries ----
 *
 * Several heads are taken at once, so that keys and values are read in the order in which they lie: those of one head
 * are pieces that the CPU does not fetch ahead. A query and head has a row of QUERY_KEYS scores. */

/* Whether rows that are `row` apart drive each other out of L1 before all of n queries have read them. */
FNN_INLINE int OWN(shares_sets)(int64_t n, int64_t row) {
  return n > 1 && row * (int64_t)sizeof(T) % SET_BYTES == 0;
}

/* Whether such rows are copied, as many at a time as a vector has lanes, and sums are taken of the copies. */
FNN_INLINE int OWN(copies_rows)(int64_t n, int64_t row, int64_t cols) {
  return n >= COPYING_QUERIES && n <= MOST_COPYING_QUERIES && OWN(shares_sets)(n, row) &&
         cols * (int64_t)sizeof(T) <= COPIED_ROW_BYTES;
}

/* Whether what n queries share of keys or values, rows that are `row` apart, is read for all of them at once: tiles of
 * sums across lanes are less to load, which pays for eight, or where rows drive each other out of L1. */
FNN_INLINE int OWN(shares_rows)(int64_t n, int64_t row, int64_t cols) {
  return n >= SHARING_QUERIES || (OWN(shares_sets)(n, row) && !OWN(copies_rows)(n, row, cols));
}

/* Copies n rows of so many columns to `space`, without gaps. */
static const T *OWN(copy_rows)(T *space, const T *rows, int64_t row, int64_t n, int64_t cols) {
  T *to = space;
  for (int64_t i = 0; i < n; i++, rows += row, to += cols) {
    int64_t j = 0;
    for (; j + N <= cols; j += N) FN(store)(to + j, FN(load)(rows + j));
    if (j < cols) FN(store_part)(to + j, FN(load_part)(rows + j, cols - j), cols - j);
  }
  return space;
}

/* out[i][j] = x[i] . rows[j] of n rows of x, x_row apart, and of at most N rows, `row` apart, of `length` elements. */
static __attribute__((noinline)) void OWN(few_dots)(T *out, const T *x, int64_t x_row, int64_t n, const T *rows,
                                                    int64_t row, int64_t keys, int64_t length) {
  const T *all[OWN(MORE_QUERIES) + TILE_MOST_ROWS];
  for (int64_t i = 0; i < n + TILE_MOST_ROWS; i++) all[i] = x + fnn_min(i, n - 1) * x_row;
  OWN(dots)(out, QUERY_KEYS, all, n, rows, row, length, keys, 0);
}

/* Asks for `cols` columns of some rows: pieces that lie further apart than the hardware looks. */
FNN_INLINE void OWN(ask_rows)(const T *rows, int64_t row, int64_t n, int64_t cols, const int writes) {
  for (int64_t i = 0; i < n; i++, rows += row)
    for (int64_t j = 0; j < cols; j += FNN_ALIGN / (int64_t)sizeof(T)) __builtin_prefetch(rows + j, writes, 2);
}

/* Scores of keys [key, key + keys) with the queries of n_heads blocks. asks: for the values of these keys. */
static __attribute__((noinline)) void OWN(few_scores)(const OWN(block) * heads, int64_t n_heads, T *scores,
                                                      int64_t key, int64_t keys, int asks) {
  const attention_shape *s = heads->s;
  const int shares = OWN(shares_rows)(heads->n, heads->k_row, s->depth);
  const int copies = OWN(copies_rows)(heads->n, heads->k_row, s->depth);
  _Alignas(FNN_ALIGN) T space[N * COPIED_ROW_BYTES / sizeof(T)];
  const int64_t asked = asks ? heads[n_heads - 1].v - heads->v + s->value_depth : 0;
  for (int64_t j = 0; j < keys; j += N) {
    const int64_t n = fnn_min(N, keys - j);
    T *at = scores + j;
    OWN(ask_rows)(heads->v + (key + j) * heads->v_row, heads->v_row, n, asked, 0);
    for (const OWN(block) *o = heads; o < heads + n_heads; o++) {
      const T *k = o->k + (key + j) * o->k_row;
      const int64_t k_row = copies ? s->depth : o->k_row;
      if (copies) k = OWN(copy_rows)(space, k, o->k_row, n, s->depth);
      if (shares) OWN(few_dots)(at, o->q, o->q_row, o->n, k, o->k_row, n, s->depth);
      for (int64_t i = 0; i < o->n; i++, at += QUERY_KEYS) {
        const int64_t bias_step = o->bias_strides[3], mask_step = o->mask_strides[3];
        V x = shares ? FN(load)(at) * o->scale
                     : OWN(row_dots)(o->q + i * o->q_row, k, k_row, n, s->depth, o->scale);
        if (o->bias) {
          const T *bias = o->bias + i * o->bias_strides[2] + (key + j) * bias_step;
          x = OWN(with_bias)(x, OWN(bias_lanes)((const char *)bias, bias_step, n));
        }
        if (o->mask) {
          const uint8_t *mask = o->mask + i * o->mask_strides[2] + (key + j) * mask_step;
          x = OWN(with_mask)(x, OWN(mask_lanes)((const char *)mask, mask_step, n));
        }
        if (s->causal) x = FN(first_lanes)(x, fnn_max(0, o->first + i + 1 - key - j), HIDDEN);
        FN(store)(at, FN(first_lanes)(x, n, LOWEST));
      }
    }
  }
}

/* advance for a row of scores. */
static int OWN(advance_row)(T *scores, int64_t keys, T *top, T *total, T *factor) {
  V most = FN(splat)(*top), sum = {0};
  for (int64_t j = 0; j < keys; j += N) most = FN(max)(FN(load)(scores + j), most);
  most = FN(splat)(FN(max_lanes)(most));
  for (int64_t j = 0; j < keys; j += N) {
    const V e = FN(first_lanes)(FN(exp_below0)(FN(load)(scores + j) - most), keys - j, 0);
    FN(store)(scores + j, e);
    sum += e;
  }
  const int moves = most[0] != *top;
  *factor = FN(exp_below0)(FN(splat)(*top) - most)[0];
  *total = *total * *factor + FN(sum_lanes)(sum);
  *top = most[0];
  return moves;
}

/* sums += by[0] * rows[0] + by[1] * rows[1] + ..., of n columns. keys: a constant. */
FNN_INLINE void OWN(add_rows)(T *sums, const T *by, const T *rows, int64_t row, const int64_t keys, int64_t n) {
  for (int64_t c = 0; c < n; c += N) {
    V sum = FN(load)(sums + c);
    if (c + N <= n) {
#pragma GCC unroll 16
      for (int64_t w = 0; w < keys; w++) sum += by[w] * FN(load)(rows + w * row + c);
    } else {
#pragma GCC unroll 16
      for (int64_t w = 0; w < keys; w++) sum += by[w] * FN(load_part)(rows + w * row + c, n - c);
    }
    FN(store)(sums + c, sum);
  }
}

/* Adds the values of keys [key, key + keys) times their scores to the sums, padded rows of value_depth. */
static void OWN(few_sums)(const OWN(block) * heads, int64_t n_heads, const T *scores, T *sums, int64_t key,
                          int64_t keys) {
  const int64_t n = heads->s->value_depth, padded = OWN(padded)(n);
  for (int64_t j = 0; j < keys;) {
    const int64_t step = keys - j < VALUES_AT_ONCE ? 1 : VALUES_AT_ONCE;
    const T *by = scores + j;
    T *to = sums;
    for (const OWN(block) *o = heads; o < heads + n_heads; o++)
      for (int64_t i = 0; i < o->n; i++, by += QUERY_KEYS, to += padded) {
        const T *rows = o->v + (key + j) * o->v_row;
        if (step == 1) OWN(add_rows)(to, by, rows, o->v_row, 1, n);
        else OWN(add_rows)(to, by, rows, o->v_row, VALUES_AT_ONCE, n);
      }
    j += step;
  }
}

/* The results themselves, by tiles, which read values once for all queries: where a block of scores has all keys. */
static __attribute__((noinline)) void OWN(few_products)(const fnn_call *call, const OWN(block) * heads,
                                                        int64_t n_heads, T *scores, const T *top, T *total) {
  const attention_shape *s = heads->s;
  const int64_t n = heads->n, asked = s->asks_forward ? heads[n_heads - 1].k - heads->k + s->depth : 0;
  const T *v_end = (const T *)call->buf[2] + s->batch * s->keys * s->key_heads * s->value_depth;
  for (const OWN(block) *o = heads; o < heads + n_heads; o++, scores += n * QUERY_KEYS, top += n, total += n) {
    T *y = (T *)call->buf[6] + o->y_at;
    const int64_t head = o - heads, first = s->keys * head / n_heads, last = s->keys * (head + 1) / n_heads;
    OWN(ask_rows)(heads->k + asked + first * heads->k_row, heads->k_row, last - first, asked, 0);
    for (int64_t i = 0; i < n; i++) {
      total[i] = 1 / total[i];
      const T by = total[i] * OWN(kept_scale)(call, s);
      T *row = scores + i * QUERY_KEYS;
      for (int64_t j = 0; j < s->keys; j += N) FN(store)(row + j, FN(load)(row + j) * by);
    }
    memcpy((T *)call->buf[7] + o->stat_at, top, sizeof(T) * (size_t)n);
    memcpy((T *)call->buf[8] + o->stat_at, total, sizeof(T) * (size_t)n);
    T *space = (T *)call->scratch + s->depth * BLOCK + BLOCK * BLOCK;
    const OWN(operand) v = OWN(operand_of)(space, o->v, o->v_row, s->keys, s->value_depth, v_end);
    OWN(multiply)(scores, QUERY_KEYS, 1, n, &v, s->value_depth, &(OWN(sums)){y, o->y_row, 0}, 0, 0,
                  &(OWN(asked)){0});
  }
}

/* Block `o`, which is that of unit `unit`, and those of the units before `end` that are heads of its batch as well.
 * Returns how many. */
static __attribute__((noinline)) int64_t OWN(attention_of_few)(const fnn_call *call, const OWN(block) * o,
                                                               int64_t unit, int64_t end, T *scores,
                                                               attention_drops *drops) {
  const attention_shape *s = o->s;
  OWN(block) heads[FEW_ROWS];
  heads[0] = *o;
  int64_t n_heads = 1;
  /* A causal head is done after a key or a few; with one that sees none of them it would go on. */
  const int64_t n = o->n, most = s->blocks > 1 || s->causal ? 1 : fnn_min(FEW_ROWS / n, end - unit);
  for (; n_heads < most && (unit + n_heads) % s->heads; n_heads++)
    heads[n_heads] = OWN(block_of)(call, s, call->buf, call->buf + 3, unit / s->heads, unit % s->heads + n_heads, 0);
  const int64_t rows = n_heads * n, padded = OWN(padded)(s->value_depth);
  T *sums = scores + FEW_ROWS * QUERY_KEYS, top[FEW_ROWS], total[FEW_ROWS] = {0};
  for (int64_t r = 0; r < rows; r++) top[r] = LOWEST;
  begin_rows(drops, o->stat_at, rows);
  memset(sums, 0, sizeof(T) * (size_t)(rows * padded));
  for (int64_t key = 0, keys; key < s->keys && !OWN(is_done)(heads, top, key); key += keys) {
    keys = fnn_min(QUERY_KEYS, s->keys - key);
    if (s->causal && key < o->first + n) keys = fnn_min(keys, o->first + n - key); /* the others may not be needed */
    OWN(few_scores)(heads, n_heads, scores, key, keys, s->asks_forward);
    for (int64_t r = 0; r < rows; r++) {
      T factor;
      if (OWN(advance_row)(scores + r * QUERY_KEYS, keys, top + r, total + r, &factor))
        for (int64_t c = r * padded; c < (r + 1) * padded; c += N) FN(store)(sums + c, FN(load)(sums + c) * factor);
    }
    if (s->drops) {
      const uint32_t *bits = bits_of(drops, key, keys, OWN(seen_end)(o, s->keys));
      for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < keys; j += N) {
          T *at = scores + r * QUERY_KEYS + j;
          FN(store)(at, (V)((M)FN(load)(at) & OWN(kept_keys)(bits + j, r)));
        }
    }
    if (keys == s->keys && n > 1 && n * keys >= FEW_PRODUCTS) {
      OWN(few_products)(call, heads, n_heads, scores, top, total);
      return n_heads;
    }
    OWN(few_sums)(heads, n_heads, scores, sums, key, keys);
  }
  for (int64_t r = 0; r < rows; r++, sums += padded) {
    const int64_t stat_at = heads[r / n].stat_at + r % n;
    T *y = (T *)call->buf[6] + heads[r / n].y_at + r % n * o->y_row;
    total[r] = 1 / total[r];
    const T by = total[r] * OWN(kept_scale)(call, s);
    for (int64_t c = 0; c < s->value_depth; c += N)
      FN(store_part)(y + c, FN(load)(sums + c) * by, fnn_min(N, s->value_depth - c));
    ((T *)call->buf[7])[stat_at] = top[r];
    ((T *)call->buf[8])[stat_at] = total[r];
  }
  return n_heads;
}

/* Asks for the next unit's queries and results, and for a part of the next head's keys and values. */
static void OWN(ask_after)(const fnn_call *call, const attention_shape *s, int64_t unit, OWN(asked) * asked) {
  const int64_t heads = s->batch * s->heads, next = unit + 1, z = next / s->blocks, after = unit / s->blocks + 1;
  if (z < heads) {
    const OWN(block) o =
      OWN(block_of)(call, s, call->buf, call->buf + 3, z / s->heads, z % s->heads, next % s->blocks);
    OWN(ask_for)(asked, o.q, o.q_row, o.n, s->depth, 0);
    OWN(ask_for)(asked, (T *)call->buf[6] + o.y_at, o.y_row, o.n, s->value_depth, 1);
  }
  if (after < heads && after % (s->heads / s->key_heads) == 0) {
    const OWN(block) o = OWN(block_of)(call, s, call->buf, call->buf + 3, after / s->heads, after % s->heads, 0);
    const int64_t part = unit % s->blocks, key = s->keys * part / s->blocks;
    const int64_t n = s->keys * (part + 1) / s->blocks - key;
    OWN(ask_for)(asked, o.k + key * o.k_row, o.k_row, n, s->depth, 0);
    OWN(ask_for)(asked, o.v + key * o.v_row, o.v_row, n, s->value_depth, 0);
  }
  asked->each = fnn_ceil_div(asked->rows, fnn_ceil_div(s->keys, s->step) * ASKING_TILES);
}

static void OWN(attention)(const fnn_call *call, int64_t begin, int64_t end) {
  const attention_shape s = attention_shape_of(call->ints);
  FNN_REQUIRE(s.keys > 0 && s.heads % s.key_heads == 0);
  T *q_space = (T *)call->scratch, *scores = q_space + s.depth * BLOCK, *v_space = scores + BLOCK * BLOCK;
  const T *v_end = (const T *)call->buf[2] + s.batch * s.keys * s.key_heads * s.value_depth;
  const T kept_scale = OWN(kept_scale)(call, &s);
  const int is_one = s.keys <= s.step; /* block of keys: then y is its product, of the weights themselves */
  const OWN(sums) sums = OWN(sums_of)(v_space + OWN(operand_elements)(QUERY_KEYS, s.value_depth), BLOCK);
  attention_drops drops = attention_drops_of(call, &s, call->buf[5], q_space + OWN(attention_elements)(&s));
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t z = unit / s.blocks;
    const OWN(block) o =
      OWN(block_of)(call, &s, call->buf, call->buf + 3, z / s.heads, z % s.heads, unit % s.blocks);
    if (OWN(is_few)(&o)) {
      unit += OWN(attention_of_few)(call, &o, unit, end, scores, &drops) - 1;
      continue;
    }
    const OWN(operand) q = OWN(transposed_of)(q_space, o.q, o.q_row, o.n, s.depth, o.scale);
    _Alignas(FNN_ALIGN) T top[BLOCK], total[BLOCK] = {0}, factors[BLOCK];
    for (int64_t i = 0; i < BLOCK; i++) top[i] = LOWEST;
    begin_rows(&drops, o.stat_at, o.n);
    T *y = (T *)call->buf[6] + o.y_at;
    OWN(asked) asked = {0};
    if (s.asks_next) OWN(ask_after)(call, &s, unit, &asked);
    const OWN(sums) to = is_one ? (OWN(sums)){y, o.y_row, 0} : sums;
    for (int64_t key = 0; key < s.keys && !OWN(is_done)(&o, top, key); key += s.step) {
      const int64_t keys = fnn_min(s.step, s.keys - key);
      OWN(scores_of)(&o, scores, &q, key, keys, &asked);
      if (OWN(advance)(scores, s.block, o.n, keys, top, total, factors) && key > 0)
        OWN(scale_sums)(&to, o.n, s.value_depth, factors);
      if (is_one) {
        for (int64_t i = 0; i < BLOCK; i++) factors[i] = kept_scale / total[i];
        OWN(scale_weights)(scores, s.block, o.n, keys, factors);
      }
      if (s.drops) OWN(drop)(scores, s.block, o.n, keys, bits_of(&drops, key, keys, OWN(seen_end)(&o, s.keys)));
      const T *values = o.v + key * o.v_row;
      const OWN(operand) v = OWN(operand_of)(v_space, values, o.v_row, keys, s.value_depth, v_end);
      OWN(multiply)(scores, 1, s.block, o.n, &v, s.value_depth, &to, 0, key > 0, &asked);
    }
    for (int64_t i = 0; i < BLOCK; i++) total[i] = 1 / total[i], factors[i] = total[i] * kept_scale;
    OWN(store_sums)(y, o.y_row, &to, o.n, s.value_depth, factors, 1);
    memcpy((T *)call->buf[7] + o.stat_at, top, sizeof(T) * (size_t)o.n);
    memcpy((T *)call->buf[8] + o.stat_at, total, sizeof(T) * (size_t)o.n);
  }
}
