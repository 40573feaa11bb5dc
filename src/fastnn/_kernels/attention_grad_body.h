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

/* A vector of scores becomes P, and one of d, which is dY V^T, becomes dS; both without what is not kept. */
FNN_INLINE void OWN(gradient_lanes)(T *score, T *d, V most, V by, V mean, M kept) {
  const V x = FN(load)(score), p = FN(exp_below0)(x - most) * by;
  FN(store)(score, (V)((M)p & kept));
  FN(store)(d, OWN(choose)(x == HIDDEN, FN(splat)(0), p * ((V)((M)FN(load)(d) & kept) - mean)));
}
/* bits: of the first key, or NULL where all are kept. */
static void OWN(softmax_gradient)(T *scores, T *d, int64_t queries, int64_t keys, const T *top, const T *inverse,
                                  const T *delta, const uint32_t *bits) {
  for (int64_t i = 0; i < queries; i += N) {
    const V most = FN(load)(top + i), by = FN(load)(inverse + i), mean = FN(load)(delta + i);
    T *score = scores + i, *ds = d + i;
    if (bits)
      for (int64_t j = 0; j < keys; j++)
        OWN(gradient_lanes)(score + j * BLOCK, ds + j * BLOCK, most, by, mean, OWN(kept_queries)(bits + j, i));
    else
      for (int64_t j = 0; j < keys; j++)
        OWN(gradient_lanes)(score + j * BLOCK, ds + j * BLOCK, most, by, mean, ~(M){0});
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
static void OWN(grad_of_block)(const fnn_call *call, const OWN(block) * o, const OWN(grad_scratch) * g,
                               attention_drops *drops, int64_t begin, int64_t end, T *dq) {
  const attention_shape *s = o->s;
  const T *dy = (const T *)call->buf[0] + o->y_at, *y = (const T *)call->buf[4] + o->y_at;
  const int is_query = o->n == 1 && OWN(is_few)(o);
  const T kept_scale = OWN(kept_scale)(call, s);
  OWN(operand) q_columns = {0}, dy_columns = {0};
  if (!is_query) {
    q_columns = OWN(transposed_of)(g->q, o->q, o->q_row, o->n, s->depth, o->scale);
    dy_columns = OWN(transposed_of)(g->dy, dy, o->y_row, o->n, s->value_depth, kept_scale);
  }
  const OWN(operand) q_rows = OWN(operand_of)(g->q_rows, o->q, o->q_row, o->n, s->depth);
  const OWN(operand) dy_rows = OWN(operand_of)(g->dy_rows, dy, o->y_row, o->n, s->value_depth);
  _Alignas(FNN_ALIGN) T top[BLOCK] = {0}, inverse[BLOCK] = {0}, delta[BLOCK] = {0};
  memcpy(top, (const T *)call->buf[5] + o->stat_at, sizeof(T) * (size_t)o->n);
  memcpy(inverse, (const T *)call->buf[6] + o->stat_at, sizeof(T) * (size_t)o->n);
  for (int64_t i = 0; i < o->n; i++) delta[i] = OWN(row_dot)(dy + i * o->y_row, y + i * o->y_row, s->value_depth);
  OWN(clear_sums)(&g->dq, o->n, s->depth);
  begin_rows(drops, o->stat_at, o->n);
  for (int64_t key = begin; key < end && !OWN(is_done)(o, top, key); key += s->step) {
    const int64_t keys = fnn_min(s->step, end - key);
    const T *v = o->v + key * o->v_row;
    const uint32_t *bits = s->drops ? bits_of(drops, key, keys, OWN(seen_end)(o, end)) : NULL;
    const OWN(operand) k_rows = OWN(operand_of)(g->k_rows, o->k + key * o->k_row, o->k_row, keys, s->depth);
    if (is_query) {
      OWN(few_scores)(o, 1, g->p, key, keys);
      for (int64_t j = 0; j < keys; j += N) {
        FN(store)(g->ds + j, OWN(row_dots)(dy, v + j * o->v_row, o->v_row, keys - j, s->value_depth, kept_scale));
        OWN(gradient_lanes)(g->p + j, g->ds + j, FN(splat)(top[0]), FN(splat)(inverse[0]), FN(splat)(delta[0]),
                            bits ? OWN(kept_keys)(bits + j, 0) : ~(M){0});
      }
      OWN(multiply)(g->ds, 1, 1, 1, &k_rows, s->depth, NULL, &g->dq, 0);
      OWN(add_outer)(&g->dk, key - begin, g->ds, keys, q_rows.rows, s->depth);
      OWN(add_outer)(&g->dv, key - begin, g->p, keys, dy_rows.rows, s->value_depth);
      continue;
    }
    OWN(scores_of)(o, g->p, &q_columns, key, keys);
    OWN(multiply)(v, o->v_row, 1, keys, &dy_columns, o->n, g->ds, NULL, 0);
    OWN(softmax_gradient)(g->p, g->ds, o->n, keys, top, inverse, delta, bits);
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

static void OWN(attention_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const attention_shape s = attention_shape_of(call->ints);
  FNN_REQUIRE(s.keys > 0 && s.heads % s.key_heads == 0);
  if (call->phase == 1) {
    for (int64_t row = begin; row < end; row++) OWN(add_ranges)(call, &s, row);
    return;
  }
  const OWN(grad_scratch) g = OWN(grad_scratch_of)(&s, (T *)call->scratch);
  attention_drops drops = attention_drops_of(call, &s, call->buf[9], (T *)call->scratch + OWN(grad_elements)(&s));
  const int64_t group = s.heads / s.key_heads;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t z = unit / s.ranges, range = unit % s.ranges, b = z / s.key_heads, key_head = z % s.key_heads;
    const int64_t first = range * s.range, last = fnn_min(s.keys, first + s.range);
    T *dq = s.ranges == 1 ? (T *)call->buf[10]
                          : (T *)call->shared + range * s.batch * s.queries * s.heads * s.depth;
    OWN(clear_sums)(&g.dk, last - first, s.depth);
    OWN(clear_sums)(&g.dv, last - first, s.value_depth);
    for (int64_t head = key_head * group; head < (key_head + 1) * group; head++)
      for (int64_t index = 0; index < s.blocks; index++) {
        const OWN(block) o = OWN(block_of)(call, &s, call->buf + 1, call->buf + 7, b, head, index);
        T *dq_rows = dq + (b * s.queries + o.first) * o.q_row + head * s.depth;
        OWN(grad_of_block)(call, &o, &g, &drops, first, last, dq_rows);
      }
    const int64_t row = b * s.keys + first;
    const T scale = (T)call->reals[0], kept_scale = OWN(kept_scale)(call, &s);
    OWN(store_sums)((T *)call->buf[11] + (row * s.key_heads + key_head) * s.depth, s.key_heads * s.depth, &g.dk,
                    last - first, s.depth, &scale, 0);
    OWN(store_sums)((T *)call->buf[12] + (row * s.key_heads + key_head) * s.value_depth, s.key_heads * s.value_depth,
                    &g.dv, last - first, s.value_depth, &kept_scale, 0);
  }
}

#undef HIDDEN
#undef LOWEST
