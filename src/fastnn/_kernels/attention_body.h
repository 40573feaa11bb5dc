/* attention_body.h: what attention.c compiles for float32 and for float64.
 *
 * A block of scores is stored with the queries along the vectors, scores[key][query], BLOCK apart: the softmax then has
 * no sums across lanes, and K, V, Q and dY are operands of the microkernel as they lie in memory. Only Q and dY are
 * transposed, once for a block of queries. The scores of a single query lie one after another. */

#define HIDDEN (sizeof(T) == 4 ? (T)(-0.7 * FLT_MAX) : (T)(-0.7 * DBL_MAX))
#define LOWEST (sizeof(T) == 4 ? (T)-FLT_MAX : (T)-DBL_MAX)

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

/* Rows `row` apart; copied to `space` when their last vector would reach past the row. */
static OWN(operand) OWN(operand_of)(T *space, const T *rows, int64_t row, int64_t n, int64_t cols) {
  if (cols % N == 0) return (OWN(operand)){rows, row, n};
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

/* Sums that a product is added to: panel after panel of `panel` elements, rows TILE_COLS apart. */
typedef struct {
  T *at;
  int64_t panel;
} OWN(sums);

static OWN(sums) OWN(sums_of)(T *space, int64_t rows) {
  return (OWN(sums)){space, fnn_round_up(rows, TILE_BLOCK) * OWN(TILE_COLS)};
}

/* Zeroes in the first `rows` rows, and in those that their last tile has besides. */
static void OWN(clear_sums)(const OWN(sums) * sums, int64_t rows, int64_t cols) {
  const int64_t n = fnn_round_up(rows, TILE_BLOCK) * OWN(TILE_COLS);
  for (int64_t p = 0; p < tile_panels(cols, N); p++) memset(sums->at + p * sums->panel, 0, sizeof(T) * (size_t)n);
}

/* The first `rows` rows of A @ B in tiles: A's rows are a_row apart, its columns a_col, and B has `cols` columns. The
 * result goes to `out`, BLOCK apart and in whole vectors, most of it as a strip; or is added to row `row_at` on of
 * `sums`. */
static void OWN(multiply)(const T *a, int64_t a_row, int64_t a_col, int64_t rows, const OWN(operand) * b, int64_t cols,
                          T *out, const OWN(sums) * sums, int64_t row_at) {
  for (int64_t p = 0; p < tile_panels(cols, N); p++) {
    const tile_panel panel = tile_panel_at(cols, N, p);
    const int64_t height = tile_rows(panel.vectors), width = panel.vectors * N;
    const OWN(tile_segment) segment = {b->rows + (b->row ? 1 : b->n) * panel.begin, b->row ? b->row : width, 0, b->n};
    const T *a_rows[BLOCK + TILE_MOST_ROWS];
    T *c_rows[BLOCK];
    for (int64_t i = 0; i < fnn_round_up(rows, height); i++) a_rows[i] = a + fnn_min(i, rows - 1) * a_row;
    OWN(tile) t = {.a = a_rows, .c = c_rows, .c_column = panel.begin, .cols = width, .a_stride = a_col,
                   .segments = &segment, .n_segments = 1, .alpha = 1, .floor = -INFINITY,
                   .resumes = !out, .continues = !out};
    int64_t row = 0;
    if (out) {
      for (int64_t i = 0; i < rows; i++) c_rows[i] = out + i * BLOCK;
      OWN(tile_strip)(&t, rows / height, panel.vectors);
      row = rows / height * height;
    }
    for (; row < rows; row += height) {
      t.rows = fnn_min(height, rows - row);
      t.a = a_rows + row;
      t.c = c_rows + row;
      if (!out) t.partial = sums->at + p * sums->panel + (row_at + row) * OWN(TILE_COLS);
      OWN(tile_call)(&t, panel.vectors);
    }
  }
}

/* out[row] = sums[row] * by[row * by_step] */
static void OWN(store_sums)(T *out, int64_t out_row, const OWN(sums) * sums, int64_t rows, int64_t cols, const T *by,
                            int64_t by_step) {
  for (int64_t p = 0; p < tile_panels(cols, N); p++) {
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
FNN_INLINE void OWN(apply)(T *scores, int64_t queries, int64_t keys, const char *operand, int64_t query_stride,
                           int64_t key_stride, int64_t bytes, V (*lanes)(const char *, int64_t, int64_t),
                           V (*with)(V, V)) {
  if (query_stride == 0) {
    for (int64_t j = 0; j < keys; j++) {
      const V v = FN(splat)(lanes(operand + j * key_stride * bytes, 1, 1)[0]);
      T *at = scores + j * BLOCK;
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
      T *at = scores + j * BLOCK + i;
      for (int64_t k = 0; k < cols; k++) FN(store)(at + k * BLOCK, with(FN(load)(at + k * BLOCK), v[k]));
    }
}
static void OWN(apply_bias)(T *scores, int64_t queries, int64_t keys, const T *bias, const int64_t *strides) {
  OWN(apply)(scores, queries, keys, (const char *)bias, strides[2], strides[3], sizeof(T), OWN(bias_lanes),
             OWN(with_bias));
}
static void OWN(apply_mask)(T *scores, int64_t queries, int64_t keys, const uint8_t *mask, const int64_t *strides) {
  OWN(apply)(scores, queries, keys, (const char *)mask, strides[2], strides[3], 1, OWN(mask_lanes), OWN(with_mask));
}

/* Hides the keys behind each query; `ahead` is the first key's number less the first query's. */
static void OWN(hide_later)(T *scores, int64_t queries, int64_t keys, int64_t ahead) {
  T numbers[BLOCK];
  for (int64_t i = 0; i < BLOCK; i++) numbers[i] = (T)i;
  for (int64_t j = fnn_max(0, -ahead); j < keys; j++)
    for (int64_t i = 0; i < queries; i += N) {
      const M later = FN(load)(numbers + i) < (T)(ahead + j);
      FN(store)(scores + j * BLOCK + i, OWN(choose)(later, FN(splat)(HIDDEN), FN(load)(scores + j * BLOCK + i)));
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

/* Whether the block is a single query, whose scores would be one lane of a vector each. */
FNN_INLINE int OWN(is_query)(const OWN(block) * o) { return o->n == 1 && o->s->depth >= N; }

FNN_INLINE void OWN(fetch_row)(const T *row, int64_t n) {
  for (int64_t i = 0; i < n; i += FNN_ALIGN / (int64_t)sizeof(T)) __builtin_prefetch(row + i, 0, 3);
}

/* dots[j] = scale * x . rows[j], as sums of vectors along x, which has n elements: rows `row` apart. Asked for are those
 * further ahead, if there are `ahead` more after the first one, and a row of `next` for each. */
FNN_INLINE void OWN(row_dots)(T *dots, const T *x, const T *rows, int64_t row, int64_t keys, int64_t n, T scale,
                          int64_t ahead, const T *next, int64_t next_row, int64_t next_n) {
  for (int64_t j = 0; j < keys; j += KEYS_AT_ONCE) {
    const T *at[KEYS_AT_ONCE];
    V sum[KEYS_AT_ONCE] = {{0}};
    for (int w = 0; w < KEYS_AT_ONCE; w++) {
      const int64_t key = fnn_min(j + w, keys - 1);
      at[w] = rows + key * row;
      if (ahead) OWN(fetch_row)(at[w] + fnn_min(KEYS_AHEAD, ahead - key) * row, n);
      if (next) OWN(fetch_row)(next + key * next_row, next_n);
    }
    int64_t i = 0;
    for (; i + N <= n; i += N) {
      const V v = FN(load)(x + i);
#pragma GCC unroll 8
      for (int w = 0; w < KEYS_AT_ONCE; w++) sum[w] += v * FN(load)(at[w] + i);
    }
    if (i < n) {
      const V v = FN(load_part)(x + i, n - i);
#pragma GCC unroll 8
      for (int w = 0; w < KEYS_AT_ONCE; w++) sum[w] += v * FN(load_part)(at[w] + i, n - i);
    }
#pragma GCC unroll 8
    for (int w = 0; w < KEYS_AT_ONCE; w++) dots[fnn_min(j + w, keys - 1)] = FN(sum_lanes)(sum[w]) * scale;
  }
}

/* Products of a single query with keys [key, key + keys). The rows of a head lie too far apart for the CPU to fetch
 * them ahead: those of the values, which come next, are asked for, and further keys where no cache may hold them. */
static void OWN(query_dots)(const OWN(block) * o, T *dots, int64_t key, int64_t keys) {
  const int is_far = o->s->batch * o->s->keys * o->k_row * (int64_t)sizeof(T) >= FAR_BYTES;
  OWN(row_dots)(dots, o->q, o->k + key * o->k_row, o->k_row, keys, o->s->depth, o->scale,
                is_far ? o->s->keys - 1 - key : 0, o->v + key * o->v_row, o->v_row, o->s->value_depth);
}

/* Scores of keys [key, key + keys) with the block's queries. */
static void OWN(scores_of)(const OWN(block) * o, T *scores, const OWN(operand) * q, int64_t key, int64_t keys) {
  OWN(multiply)(o->k + key * o->k_row, o->k_row, 1, keys, q, o->n, scores, NULL, 0);
  if (o->bias) OWN(apply_bias)(scores, o->n, keys, o->bias + key * o->bias_strides[3], o->bias_strides);
  if (o->mask) OWN(apply_mask)(scores, o->n, keys, o->mask + key * o->mask_strides[3], o->mask_strides);
  if (o->s->causal && key + keys - 1 > o->first) OWN(hide_later)(scores, o->n, keys, key - o->first);
}

/* Whether no query of the block needs keys from `key` on: all are later, and each query sees an earlier one. */
static int OWN(is_done)(const OWN(block) * o, const T *top, int64_t key) {
  if (!o->s->causal || key < o->first + o->n) return 0;
  for (int64_t i = 0; i < o->n; i++)
    if (top[i] <= HIDDEN) return 0;
  return 1;
}

/* ---- attention ---- */

static int64_t OWN(attention_elements)(const attention_shape *s) {
  return s->depth * BLOCK + BLOCK * BLOCK + OWN(operand_elements)(BLOCK, s->value_depth) +
         OWN(sum_elements)(BLOCK, s->value_depth);
}

static void OWN(attention_size)(const int64_t *ints, fnn_work *work) {
  const attention_shape s = attention_shape_of(ints);
  work->phases = 1;
  work->units[0] = s.batch * s.heads * s.blocks;
  work->scratch_bytes = OWN(attention_elements)(&s) * (int64_t)sizeof(T);
  attention_work(&s, work, (double)(s.depth + s.value_depth), sizeof(T));
}

/* The running softmax: scores become exp(scores - top) with the new top; total is what it was, brought to the new top,
 * and what they add; factors bring what was summed with the old top to the new one. Returns whether any is not 1. */
static int OWN(advance)(T *scores, int64_t queries, int64_t keys, T *top, T *total, T *factors) {
  M moves = {0};
  for (int64_t i = 0; i < queries; i += N) {
    T *column = scores + i;
    const V before = FN(load)(top + i);
    V most = before, sum = {0};
    for (int64_t j = 0; j < keys; j += 2) {
      const T *next = column + fnn_min(j + 1, keys - 1) * BLOCK;
      most = FN(max)(FN(max)(FN(load)(column + j * BLOCK), FN(load)(next)), most);
    }
    for (int64_t j = 0; j < keys; j++) {
      const V e = FN(exp_below0)(FN(load)(column + j * BLOCK) - most);
      FN(store)(column + j * BLOCK, e);
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

/* The scores of a single query, one after another. */
static void OWN(query_scores)(const OWN(block) * o, T *scores, int64_t key, int64_t keys) {
  OWN(query_dots)(o, scores, key, keys);
  for (int64_t j = 0; j < keys; j += N) {
    const int64_t n = fnn_min(N, keys - j), bias = o->bias_strides[3], mask = o->mask_strides[3];
    V x = FN(load)(scores + j);
    if (o->bias) x = OWN(with_bias)(x, OWN(bias_lanes)((const char *)(o->bias + (key + j) * bias), bias, n));
    if (o->mask) x = OWN(with_mask)(x, OWN(mask_lanes)((const char *)(o->mask + (key + j) * mask), mask, n));
    if (o->s->causal) x = FN(first_lanes)(x, fnn_max(0, o->first + 1 - key - j), HIDDEN);
    FN(store)(scores + j, FN(first_lanes)(x, n, LOWEST));
  }
}

/* advance for the scores of a single query. */
static int OWN(advance_query)(T *scores, int64_t keys, T *top, T *total, T *factor) {
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

static void OWN(attention)(const fnn_call *call, int64_t begin, int64_t end) {
  const attention_shape s = attention_shape_of(call->ints);
  FNN_REQUIRE(s.keys > 0 && s.heads % s.key_heads == 0);
  T *q_space = (T *)call->scratch, *scores = q_space + s.depth * BLOCK, *v_space = scores + BLOCK * BLOCK;
  const OWN(sums) sums = OWN(sums_of)(v_space + OWN(operand_elements)(BLOCK, s.value_depth), BLOCK);
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t z = unit / s.blocks;
    const OWN(block) o =
      OWN(block_of)(call, &s, call->buf, call->buf + 3, z / s.heads, z % s.heads, unit % s.blocks);
    const int is_query = OWN(is_query)(&o);
    const int64_t step = is_query && s.value_depth % N == 0 ? QUERY_KEYS : s.step; /* values that are not copied */
    OWN(operand) q = {0};
    if (!is_query) q = OWN(transposed_of)(q_space, o.q, o.q_row, o.n, s.depth, o.scale);
    _Alignas(FNN_ALIGN) T top[BLOCK], total[BLOCK] = {0}, factors[BLOCK];
    for (int64_t i = 0; i < BLOCK; i++) top[i] = LOWEST;
    OWN(clear_sums)(&sums, o.n, s.value_depth);
    for (int64_t key = 0; key < s.keys && !OWN(is_done)(&o, top, key); key += step) {
      const int64_t keys = fnn_min(step, s.keys - key);
      int moves;
      if (is_query) {
        OWN(query_scores)(&o, scores, key, keys);
        moves = OWN(advance_query)(scores, keys, top, total, factors);
      } else {
        OWN(scores_of)(&o, scores, &q, key, keys);
        moves = OWN(advance)(scores, o.n, keys, top, total, factors);
      }
      if (moves) OWN(scale_sums)(&sums, o.n, s.value_depth, factors);
      const OWN(operand) v = OWN(operand_of)(v_space, o.v + key * o.v_row, o.v_row, keys, s.value_depth);
      OWN(multiply)(scores, 1, is_query ? 1 : BLOCK, o.n, &v, s.value_depth, NULL, &sums, 0);
    }
    for (int64_t i = 0; i < BLOCK; i++) total[i] = 1 / total[i];
    OWN(store_sums)((T *)call->buf[5] + o.y_at, o.y_row, &sums, o.n, s.value_depth, total, 1);
    memcpy((T *)call->buf[6] + o.stat_at, top, sizeof(T) * (size_t)o.n);
    memcpy((T *)call->buf[7] + o.stat_at, total, sizeof(T) * (size_t)o.n);
  }
}

/* ---- attention_grad ----
 *
 * With P the softmax and D = dY V^T:  dV = P^T dY,  dS = P (D - sum over keys of P D),  dQ = scale dS K,
 * dK = scale dS^T Q;  that sum is sum over c of dY Y, and dS is 0 where a score is hidden.
 *
 * A unit has a range of keys of one key head, and goes through all queries of its heads: its dK and dV are whole, its
 * dQ is one of as many as there are ranges, which the second phase adds. */

static int64_t OWN(grad_elements)(const attention_shape *s) {
  const int64_t both = s->depth + s->value_depth;
  return both * BLOCK + 2 * BLOCK * BLOCK + 2 * OWN(operand_elements)(BLOCK, s->depth) +
         OWN(operand_elements)(BLOCK, s->value_depth) + OWN(sum_elements)(BLOCK, s->depth) +
         OWN(sum_elements)(s->range, s->depth) + OWN(sum_elements)(s->range, s->value_depth);
}

static void OWN(attention_grad_size)(const int64_t *ints, fnn_work *work) {
  const attention_shape s = attention_shape_of(ints);
  work->phases = s.ranges > 1 ? 2 : 1;
  work->units[0] = s.batch * s.key_heads * s.ranges;
  work->units[1] = s.batch * s.queries;
  work->scratch_bytes = OWN(grad_elements)(&s) * (int64_t)sizeof(T);
  if (s.ranges > 1) work->shared_bytes = s.ranges * s.batch * s.queries * s.heads * s.depth * (int64_t)sizeof(T);
  attention_work(&s, work, (double)(3 * s.depth + 2 * s.value_depth), sizeof(T));
}

/* A vector of scores becomes P, and one of d, which is dY V^T, becomes dS. */
FNN_INLINE void OWN(gradient_lanes)(T *score, T *d, V most, V by, V mean) {
  const V x = FN(load)(score), p = FN(exp_below0)(x - most) * by;
  FN(store)(score, p);
  FN(store)(d, OWN(choose)(x == HIDDEN, FN(splat)(0), p * (FN(load)(d) - mean)));
}
static void OWN(softmax_gradient)(T *scores, T *d, int64_t queries, int64_t keys, const T *top, const T *inverse,
                                  const T *delta) {
  for (int64_t i = 0; i < queries; i += N) {
    const V most = FN(load)(top + i), by = FN(load)(inverse + i), mean = FN(load)(delta + i);
    for (int64_t j = 0; j < keys; j++)
      OWN(gradient_lanes)(scores + j * BLOCK + i, d + j * BLOCK + i, most, by, mean);
  }
}

/* Row row_at + i of sums += by[i] * row: a product of one step of k. */
static void OWN(add_outer)(const OWN(sums) * sums, int64_t row_at, const T *by, int64_t rows, const T *row,
                           int64_t cols) {
  for (int64_t p = 0; p < tile_panels(cols, N); p++) {
    const tile_panel panel = tile_panel_at(cols, N, p);
    T *to = sums->at + p * sums->panel + row_at * OWN(TILE_COLS);
    for (int64_t i = 0; i < rows; i++, to += OWN(TILE_COLS))
      for (int j = 0; j < panel.vectors; j++)
        FN(store)(to + j * N, FN(load)(to + j * N) + by[i] * FN(load)(row + panel.begin + j * N));
  }
}

/* A thread's scratch: operands, a block's P and dS, and the sums of dq, dk and dv. */
typedef struct {
  T *q, *dy, *q_rows, *dy_rows, *k_rows, *p, *ds;
  OWN(sums) dq, dk, dv;
} OWN(grad_scratch);

static OWN(grad_scratch) OWN(grad_scratch_of)(const attention_shape *s, T *space) {
  OWN(grad_scratch) g = {.p = space};
  g.ds = g.p + BLOCK * BLOCK;
  g.dq = OWN(sums_of)(g.ds + BLOCK * BLOCK, BLOCK);
  g.dk = OWN(sums_of)(g.dq.at + OWN(sum_elements)(BLOCK, s->depth), s->range);
  g.dv = OWN(sums_of)(g.dk.at + OWN(sum_elements)(s->range, s->depth), s->range);
  g.q_rows = g.dv.at + OWN(sum_elements)(s->range, s->value_depth);
  g.k_rows = g.q_rows + OWN(operand_elements)(BLOCK, s->depth);
  g.dy_rows = g.k_rows + OWN(operand_elements)(BLOCK, s->depth);
  g.q = g.dy_rows + OWN(operand_elements)(BLOCK, s->value_depth);
  g.dy = g.q + s->depth * BLOCK;
  return g;
}

/* What a block of queries adds to the gradients of keys [begin, end), and its own, of these keys alone, to `dq`. */
static void OWN(grad_of_block)(const fnn_call *call, const OWN(block) * o, const OWN(grad_scratch) * g, int64_t begin,
                               int64_t end, T *dq) {
  const attention_shape *s = o->s;
  const T *dy = (const T *)call->buf[0] + o->y_at, *y = (const T *)call->buf[4] + o->y_at;
  const int is_query = OWN(is_query)(o);
  OWN(operand) q_columns = {0}, dy_columns = {0};
  if (!is_query) {
    q_columns = OWN(transposed_of)(g->q, o->q, o->q_row, o->n, s->depth, o->scale);
    dy_columns = OWN(transposed_of)(g->dy, dy, o->y_row, o->n, s->value_depth, 1);
  }
  const OWN(operand) q_rows = OWN(operand_of)(g->q_rows, o->q, o->q_row, o->n, s->depth);
  const OWN(operand) dy_rows = OWN(operand_of)(g->dy_rows, dy, o->y_row, o->n, s->value_depth);
  _Alignas(FNN_ALIGN) T top[BLOCK] = {0}, inverse[BLOCK] = {0}, delta[BLOCK] = {0};
  memcpy(top, (const T *)call->buf[5] + o->stat_at, sizeof(T) * (size_t)o->n);
  memcpy(inverse, (const T *)call->buf[6] + o->stat_at, sizeof(T) * (size_t)o->n);
  for (int64_t i = 0; i < o->n; i++) delta[i] = OWN(row_dot)(dy + i * o->y_row, y + i * o->y_row, s->value_depth);
  OWN(clear_sums)(&g->dq, o->n, s->depth);
  for (int64_t key = begin; key < end && !OWN(is_done)(o, top, key); key += s->step) {
    const int64_t keys = fnn_min(s->step, end - key);
    const T *v = o->v + key * o->v_row;
    const OWN(operand) k_rows = OWN(operand_of)(g->k_rows, o->k + key * o->k_row, o->k_row, keys, s->depth);
    if (is_query) {
      OWN(query_scores)(o, g->p, key, keys);
      OWN(row_dots)(g->ds, dy, v, o->v_row, keys, s->value_depth, 1, 0, NULL, 0, 0);
      for (int64_t j = 0; j < keys; j += N)
        OWN(gradient_lanes)(g->p + j, g->ds + j, FN(splat)(top[0]), FN(splat)(inverse[0]), FN(splat)(delta[0]));
      OWN(multiply)(g->ds, 1, 1, 1, &k_rows, s->depth, NULL, &g->dq, 0);
      OWN(add_outer)(&g->dk, key - begin, g->ds, keys, q_rows.rows, s->depth);
      OWN(add_outer)(&g->dv, key - begin, g->p, keys, dy_rows.rows, s->value_depth);
      continue;
    }
    OWN(scores_of)(o, g->p, &q_columns, key, keys);
    OWN(multiply)(v, o->v_row, 1, keys, &dy_columns, o->n, g->ds, NULL, 0);
    OWN(softmax_gradient)(g->p, g->ds, o->n, keys, top, inverse, delta);
    OWN(multiply)(g->ds, 1, BLOCK, o->n, &k_rows, s->depth, NULL, &g->dq, 0);
    OWN(multiply)(g->ds, BLOCK, 1, keys, &q_rows, s->depth, NULL, &g->dk, key - begin);
    OWN(multiply)(g->p, BLOCK, 1, keys, &dy_rows, s->value_depth, NULL, &g->dv, key - begin);
  }
  OWN(store_sums)(dq, o->q_row, &g->dq, o->n, s->depth, &o->scale, 0);
}

/* Row `row` of dq from those of the ranges. */
static void OWN(add_ranges)(const fnn_call *call, const attention_shape *s, int64_t row) {
  const int64_t cols = s->heads * s->depth, elements = s->batch * s->queries * cols;
  const T *from = (const T *)call->shared + row * cols;
  T *to = (T *)call->buf[9] + row * cols;
  for (int64_t j = 0; j < cols; j += N) {
    const int64_t n = fnn_min(N, cols - j);
    V sum = {0};
    for (int64_t range = 0; range < s->ranges; range++) {
      const T *at = from + range * elements + j;
      sum += n == N ? FN(load)(at) : FN(load_part)(at, n);
    }
    if (n == N) FN(store)(to + j, sum);
    else FN(store_part)(to + j, sum, n);
  }
}

static void OWN(attention_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const attention_shape s = attention_shape_of(call->ints);
  FNN_REQUIRE(s.keys > 0 && s.heads % s.key_heads == 0);
  if (call->phase == 1) {
    for (int64_t row = begin; row < end; row++) OWN(add_ranges)(call, &s, row);
    return;
  }
  const OWN(grad_scratch) g = OWN(grad_scratch_of)(&s, (T *)call->scratch);
  const int64_t group = s.heads / s.key_heads;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t z = unit / s.ranges, range = unit % s.ranges, b = z / s.key_heads, key_head = z % s.key_heads;
    const int64_t first = range * s.range, last = fnn_min(s.keys, first + s.range);
    T *dq = s.ranges == 1 ? (T *)call->buf[9]
                          : (T *)call->shared + range * s.batch * s.queries * s.heads * s.depth;
    OWN(clear_sums)(&g.dk, last - first, s.depth);
    OWN(clear_sums)(&g.dv, last - first, s.value_depth);
    for (int64_t head = key_head * group; head < (key_head + 1) * group; head++)
      for (int64_t index = 0; index < s.blocks; index++) {
        const OWN(block) o = OWN(block_of)(call, &s, call->buf + 1, call->buf + 7, b, head, index);
        T *dq_rows = dq + (b * s.queries + o.first) * o.q_row + head * s.depth;
        OWN(grad_of_block)(call, &o, &g, first, last, dq_rows);
      }
    const int64_t row = b * s.keys + first;
    const T scale = (T)call->reals[0], one = 1;
    OWN(store_sums)((T *)call->buf[10] + (row * s.key_heads + key_head) * s.depth, s.key_heads * s.depth, &g.dk,
                    last - first, s.depth, &scale, 0);
    OWN(store_sums)((T *)call->buf[11] + (row * s.key_heads + key_head) * s.value_depth, s.key_heads * s.value_depth,
                    &g.dv, last - first, s.value_depth, &one, 0);
  }
}

#undef HIDDEN
#undef LOWEST
