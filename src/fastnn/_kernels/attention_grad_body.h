/* attention_grad_body.h: the gradient of attention_body.h, which attention.c compiles after it.
 *
 * With P the softmax and D = dY V^T:  dV = P^T dY,  dS = P (D - sum over keys of P D),  dQ = scale dS K,
 * dK = scale dS^T Q;  that sum is sum over c of dY Y, and dS is 0 where a score is hidden. With dropout P is multiplied
 * by keep in dV, and D everywhere.
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
  work->scratch_bytes = OWN(grad_elements)(&s) * (int64_t)sizeof(T) + attention_bits_bytes(&s);
  if (s.ranges > 1) work->shared_bytes = s.ranges * s.batch * s.queries * s.heads * s.depth * (int64_t)sizeof(T);
  attention_work(&s, work, (double)(3 * s.depth + 2 * s.value_depth), sizeof(T));
}

/* A vector of scores becomes P times kept_scale, and one of d, which is dY V^T, becomes dS times the scale of d and
 * `mean`; both without what is not kept. */
FNN_INLINE void OWN(gradient_lanes)(T *score, T *d, V most, V by, V mean, M kept, T kept_scale) {
  const V x = FN(load)(score), p = FN(exp_below0)(x - most) * by;
  FN(store)(score, (V)((M)(p * kept_scale) & kept));
  FN(store)(d, OWN(choose)(x == HIDDEN, FN(splat)(0), p * ((V)((M)FN(load)(d) & kept) - mean)));
}
/* bits: of the first key, or NULL where all are kept. */
static void OWN(softmax_gradient)(T *scores, T *d, int64_t row, int64_t queries, int64_t keys, const T *top,
                                  const T *inverse, const T *delta, const uint32_t *bits, T kept_scale) {
  for (int64_t i = 0; i < queries; i += N) {
    const V most = FN(load)(top + i), by = FN(load)(inverse + i), mean = FN(load)(delta + i);
    T *score = scores + i, *ds = d + i;
    if (bits)
      for (int64_t j = 0; j < keys; j++)
        OWN(gradient_lanes)(score + j * row, ds + j * row, most, by, mean, OWN(kept_queries)(bits + j, i),
                            kept_scale);
    else
      for (int64_t j = 0; j < keys; j++)
        OWN(gradient_lanes)(score + j * row, ds + j * row, most, by, mean, ~(M){0}, 1);
  }
}

static void OWN(clear_rows)(T *out, int64_t out_row, int64_t rows, int64_t cols) {
  for (int64_t i = 0; i < rows; i++) memset(out + i * out_row, 0, sizeof(T) * (size_t)cols);
}

/* A thread's scratch: operands, a block's P and dS, and the sums of dq, dk and dv. */
typedef struct {
  T *q, *dy, *q_rows, *dy_rows, *k_rows, *p, *ds;
  OWN(sums) dq, dk, dv;
  int64_t begun; /* where the keys end that dk and dv have sums of */
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
static void OWN(grad_of_block)(const fnn_call *call, const OWN(block) * o, OWN(grad_scratch) * g,
                               attention_drops *drops, OWN(asked) * asked, int64_t begin, int64_t end, T *dq) {
  const attention_shape *s = o->s;
  const T *dy_all = (const T *)call->buf[0], *dy = dy_all + o->y_at, *y = (const T *)call->buf[4] + o->y_at;
  const int64_t queries = s->batch * s->queries;
  const T *k_end = (const T *)call->buf[2] + s->batch * s->keys * o->k_row;
  const int is_few = OWN(is_few)(o);
  const T kept_scale = OWN(kept_scale)(call, s), d_scale = kept_scale * o->scale; /* of dS: then dQ and dK have it */
  OWN(operand) q_columns = {0}, dy_columns = {0};
  if (!is_few) {
    q_columns = OWN(transposed_of)(g->q, o->q, o->q_row, o->n, s->depth, o->scale);
    dy_columns = OWN(transposed_of)(g->dy, dy, o->y_row, o->n, s->value_depth, d_scale);
  }
  const T *q_end = (const T *)call->buf[1] + queries * o->q_row, *dy_end = dy_all + queries * o->y_row;
  const OWN(operand) q_rows = OWN(operand_of)(g->q_rows, o->q, o->q_row, o->n, s->depth, q_end);
  const OWN(operand) dy_rows = OWN(operand_of)(g->dy_rows, dy, o->y_row, o->n, s->value_depth, dy_end);
  _Alignas(FNN_ALIGN) T top[BLOCK] = {0}, inverse[BLOCK] = {0}, delta[BLOCK] = {0};
  memcpy(top, (const T *)call->buf[5] + o->stat_at, sizeof(T) * (size_t)o->n);
  memcpy(inverse, (const T *)call->buf[6] + o->stat_at, sizeof(T) * (size_t)o->n);
  for (int64_t i = 0; i < o->n; i++)
    delta[i] = OWN(row_dot)(dy + i * o->y_row, y + i * o->y_row, s->value_depth) * o->scale;
  /* Scores and what becomes of them lie this far apart by queries and by keys. */
  const int64_t q_step = is_few ? QUERY_KEYS : 1, k_step = is_few ? 1 : s->block;
  const OWN(sums) to = end - begin <= s->step ? (OWN(sums)){dq, o->q_row, 0} : g->dq;
  begin_rows(drops, o->stat_at, o->n);
  int64_t key = begin;
  for (; key < end && !OWN(is_done)(o, top, key); key += s->step) {
    const int64_t keys = fnn_min(s->step, end - key);
    const T *k = o->k + key * o->k_row, *v = o->v + key * o->v_row;
    const uint32_t *bits = s->drops ? bits_of(drops, key, keys, OWN(seen_end)(o, end)) : NULL;
    if (is_few) {
      /* Keys of the next block, or of the next head's first one. */
      const T *next = key + keys < end ? k + keys * o->k_row : o->k + begin * o->k_row + s->depth;
      OWN(few_scores)(o, 1, g->p, key, keys, s->asks);
      const int shares = OWN(shares_rows)(o->n, o->v_row, s->value_depth);
      const int copies = OWN(copies_rows)(o->n, o->v_row, s->value_depth);
      const int64_t v_row = copies ? s->value_depth : o->v_row;
      _Alignas(FNN_ALIGN) T space[N * COPIED_ROW_BYTES / sizeof(T)];
      for (int64_t j = 0; j < keys; j += N) {
        T *p = g->p + j, *ds = g->ds + j;
        const T *rows = v + j * o->v_row;
        if (s->asks) {
          const int64_t n = fnn_min(N, keys - j);
          OWN(ask_rows)(g->dk.at + (key - begin + j) * o->k_row, o->k_row, n, g->dk.panel ? 0 : s->depth, 1);
          OWN(ask_rows)(g->dv.at + (key - begin + j) * o->v_row, o->v_row, n, g->dv.panel ? 0 : s->value_depth, 1);
          OWN(ask_rows)(next + j * o->k_row, o->k_row, n, s->depth, 0);
        }
        if (copies) rows = OWN(copy_rows)(space, rows, o->v_row, fnn_min(N, keys - j), s->value_depth);
        if (shares) OWN(few_dots)(ds, dy, o->y_row, o->n, rows, o->v_row, fnn_min(N, keys - j), s->value_depth);
        for (int64_t i = 0; i < o->n; i++, p += QUERY_KEYS, ds += QUERY_KEYS) {
          const V sums = shares ? FN(load)(ds) * d_scale
                                : OWN(row_dots)(dy + i * o->y_row, rows, v_row, keys - j, s->value_depth, d_scale);
          FN(store)(ds, sums);
          OWN(gradient_lanes)(p, ds, FN(splat)(top[i]), FN(splat)(inverse[i]), FN(splat)(delta[i]),
                              bits ? OWN(kept_keys)(bits + j, i) : ~(M){0}, kept_scale);
        }
      }
    } else {
      OWN(scores_of)(o, g->p, &q_columns, key, keys, asked);
      OWN(multiply)(v, o->v_row, 1, keys, &dy_columns, OWN(padded)(o->n), &(OWN(sums)){g->ds, k_step, 0}, 0, 0,
                    asked);
      OWN(softmax_gradient)(g->p, g->ds, k_step, o->n, keys, top, inverse, delta, bits, kept_scale);
    }
    const OWN(operand) k_rows = OWN(operand_of)(g->k_rows, k, o->k_row, keys, s->depth, k_end);
    const int resumes = key < g->begun;
    OWN(multiply)(g->ds, q_step, k_step, o->n, &k_rows, s->depth, &to, 0, key > begin, asked);
    OWN(multiply)(g->ds, k_step, q_step, keys, &q_rows, s->depth, &g->dk, key - begin, resumes, asked);
    OWN(multiply)(g->p, k_step, q_step, keys, &dy_rows, s->value_depth, &g->dv, key - begin, resumes, asked);
    g->begun = fnn_max(g->begun, key + keys);
  }
  if (key > begin) OWN(store_sums)(dq, o->q_row, &to, o->n, s->depth, &(T){1}, 0);
  else OWN(clear_rows)(dq, o->q_row, o->n, s->depth); /* none of its queries sees a key of the range */
}

/* Row `row` of dq from those of the ranges. */
static void OWN(add_ranges)(const fnn_call *call, const attention_shape *s, int64_t row) {
  const int64_t cols = s->heads * s->depth, elements = s->batch * s->queries * cols;
  const T *from = (const T *)call->shared + row * cols;
  T *to = (T *)call->buf[10] + row * cols;
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

/* Where a range's part of dq goes. */
FNN_INLINE T *OWN(dq_of)(const fnn_call *call, const attention_shape *s, int64_t range) {
  return s->ranges == 1 ? (T *)call->buf[10] : (T *)call->shared + range * s->batch * s->queries * s->heads * s->depth;
}

/* Asks for what the block of queries after this one of head `member` of the unit's reads and writes, a part of the next
 * unit's keys and values, and a part of where this one's gradients go. */
static void OWN(ask_after_grad)(const fnn_call *call, const attention_shape *s, int64_t unit, int64_t member,
                                int64_t index, OWN(asked) * asked) {
  const int64_t group = s->heads / s->key_heads, parts = group * s->blocks, part = member * s->blocks + index;
  const int64_t is_last = part + 1 == parts, next = is_last ? 0 : part + 1, units = s->batch * s->key_heads * s->ranges;
  for (int is_next = 0; is_next < 2 && unit + is_next < units; is_next++) {
    const int64_t z = (unit + is_next) / s->ranges, range = (unit + is_next) % s->ranges, b = z / s->key_heads;
    const int64_t head = z % s->key_heads * group, first = range * s->range;
    const int64_t keys = fnn_min(s->range, s->keys - first), key = keys * part / parts;
    const int64_t n = keys * (part + 1) / parts - key;
    if (is_next == is_last) {
      const OWN(block) o = OWN(block_of)(call, s, call->buf + 1, call->buf + 7, b, head + next / s->blocks,
                                         next % s->blocks);
      OWN(ask_for)(asked, o.q, o.q_row, o.n, s->depth, 0);
      OWN(ask_for)(asked, (const T *)call->buf[0] + o.y_at, o.y_row, o.n, s->value_depth, 0);
      OWN(ask_for)(asked, (const T *)call->buf[4] + o.y_at, o.y_row, o.n, s->value_depth, 0);
      OWN(ask_for)(asked, OWN(dq_of)(call, s, range) + (o.q - (const T *)call->buf[1]), o.q_row, o.n, s->depth, 1);
    }
    const OWN(block) o = OWN(block_of)(call, s, call->buf + (is_next ? 1 : 10), call->buf + 7, b, head, 0);
    OWN(ask_for)(asked, o.k + (first + key) * o.k_row, o.k_row, n, s->depth, !is_next);
    OWN(ask_for)(asked, o.v + (first + key) * o.v_row, o.v_row, n, s->value_depth, !is_next);
  }
  asked->each = fnn_ceil_div(asked->rows, fnn_ceil_div(s->range, s->step) * ASKING_TILES);
}

static void OWN(attention_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const attention_shape s = attention_shape_of(call->ints);
  FNN_REQUIRE(s.keys > 0 && s.heads % s.key_heads == 0);
  if (call->phase == 1) {
    for (int64_t row = begin; row < end; row++) OWN(add_ranges)(call, &s, row);
    return;
  }
  const OWN(grad_scratch) scratch = OWN(grad_scratch_of)(&s, (T *)call->scratch);
  attention_drops drops = attention_drops_of(call, &s, call->buf[9], (T *)call->scratch + OWN(grad_elements)(&s));
  const int64_t group = s.heads / s.key_heads;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t z = unit / s.ranges, range = unit % s.ranges, b = z / s.key_heads, key_head = z % s.key_heads;
    const int64_t first = range * s.range, last = fnn_min(s.keys, first + s.range);
    T *dq = OWN(dq_of)(call, &s, range);
    const int64_t k_row = s.key_heads * s.depth, v_row = s.key_heads * s.value_depth, row = b * s.keys + first;
    T *dk = (T *)call->buf[11] + row * k_row + key_head * s.depth;
    T *dv = (T *)call->buf[12] + row * v_row + key_head * s.value_depth;
    OWN(grad_scratch) g = scratch;
    g.begun = first;
    if (group * s.blocks == 1) g.dk = (OWN(sums)){dk, k_row, 0}, g.dv = (OWN(sums)){dv, v_row, 0};
    for (int64_t head = key_head * group; head < (key_head + 1) * group; head++)
      for (int64_t index = 0; index < s.blocks; index++) {
        const OWN(block) o = OWN(block_of)(call, &s, call->buf + 1, call->buf + 7, b, head, index);
        T *dq_rows = dq + (b * s.queries + o.first) * o.q_row + head * s.depth;
        OWN(asked) asked = {0};
        if (s.asks_next) OWN(ask_after_grad)(call, &s, unit, head - key_head * group, index, &asked);
        OWN(grad_of_block)(call, &o, &g, &drops, &asked, first, last, dq_rows);
      }
    const int64_t begun = g.begun - first, rest = last - g.begun; /* keys, and those that no query sees */
    OWN(store_sums)(dk, k_row, &g.dk, begun, s.depth, &(T){1}, 0);
    OWN(store_sums)(dv, v_row, &g.dv, begun, s.value_depth, &(T){1}, 0);
    OWN(clear_rows)(dk + begun * k_row, k_row, rest, s.depth);
    OWN(clear_rows)(dv + begun * v_row, v_row, rest, s.value_depth);
  }
}

#undef HIDDEN
#undef LOWEST
