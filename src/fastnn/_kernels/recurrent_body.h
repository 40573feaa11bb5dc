/* recurrent_body.h: what recurrent.c compiles for float32 and for float64, forward (T, V, N, FN, OWN: types_f32.h).
 *
 * Units are taken N at a time. Phase 0 packs the weights as [vector of units][row][gate][lane], so that the gates of
 * the same units come from one tile; lanes past the last unit are zero. The rows are those of the states' weights,
 * then, where the kernel projects inputs, of the inputs' weights and their bias. Loops over units take whole vectors
 * and then a partial one; n is how many units the vector at hand has. */

FNN_INLINE V OWN(load_n)(const T *p, int64_t n) { return n == N ? FN(load)(p) : FN(load_part)(p, n); }
FNN_INLINE void OWN(store_n)(T *p, V v, int64_t n) {
  if (n == N) FN(store)(p, v);
  else FN(store_part)(p, v, n);
}

/* The problem, and how it is cut. */
typedef struct {
  int64_t batch, time, units, gates, backwards;
  int64_t inputs;         /* that the kernel projects itself, or 0 */
  int64_t row;            /* from a row's state to the next: whole vectors of units, then of inputs */
  int64_t vectors, width; /* of units: ceil(units / N), and that times N */
  int64_t blocks, rows;   /* of the batch; the last block may have fewer rows */
  int64_t together;       /* rows of the blocks that one call takes through time at once, at most */
} OWN(rnn);

/* `rows` of a block, and those that the last tile of its product, of `cols` columns, would compute besides: there is a
 * variant for 1, 2, 4 rows and for a whole tile. */
static int64_t OWN(rnn_whole_tiles)(int64_t rows, int64_t cols) {
  const int64_t height = tile_rows(tile_panel_at(cols, N, 0).vectors), rest = rows % height;
  return rows + (rest > 4 ? height - rest : rest == 3);
}

static int64_t OWN(rnn_packed_rows)(const OWN(rnn) * r) { return r->units + (r->inputs ? r->inputs + 1 : 0); }
static int64_t OWN(rnn_packed_elements)(const OWN(rnn) * r) { return r->width * r->gates * OWN(rnn_packed_rows)(r); }

/* The product of a step has `cols` columns. */
static OWN(rnn) OWN(rnn_of)(const int64_t *ints, int64_t gates, int64_t inputs, int64_t cols) {
  OWN(rnn) r = {.batch = ints[RNN_BATCH], .time = ints[RNN_TIME], .units = ints[RNN_UNITS], .gates = gates,
                .backwards = ints[RNN_BACKWARDS], .inputs = inputs};
  r.vectors = fnn_ceil_div(r.units, N);
  r.width = r.vectors * N;
  r.row = r.width + fnn_round_up(inputs, N);
  r.blocks = r.batch <= RNN_ONE_UNIT_ROWS ? fnn_min(r.batch, 1)
                                          : fnn_min(RNN_UNITS_WANTED, 2 * fnn_ceil_div(r.batch, RNN_PAIR_ROWS));
  r.blocks = fnn_max(r.blocks, fnn_ceil_div(r.batch, TILE_BLOCK));
  r.rows = r.blocks ? OWN(rnn_whole_tiles)(fnn_ceil_div(r.batch, r.blocks), cols) : 0;
  r.blocks = r.rows ? fnn_ceil_div(r.batch, r.rows) : 0;
  const int is_far = OWN(rnn_packed_elements)(&r) * (int64_t)sizeof(T) >= RNN_FAR_BYTES;
  r.together = fnn_max(r.rows, is_far ? RNN_MOST_ROWS / fnn_max(1, r.rows) * r.rows : 0);
  return r;
}

/* `scratch`: elements of a row. `moved`: elements that a unit and step reads and writes, for the cost model. */
static void OWN(rnn_size)(const OWN(rnn) * r, fnn_work *work, int64_t scratch, double moved) {
  const double steps = (double)r->batch * (double)r->time, u = (double)r->units, k = (double)(r->gates * r->units);
  const double d = (double)r->inputs;
  work->phases = 2;
  work->units[1] = r->blocks;
  work->shared_bytes = OWN(rnn_packed_elements)(r) * (int64_t)sizeof(T);
  work->scratch_bytes = r->together * scratch * (int64_t)sizeof(T);
  work->flops = steps * (2 * (u + d) * k + 25 * k); /* about 25 for each sigmoid or tanh */
  work->bytes = (steps * (u * moved + d) + (u + d) * k) * (double)sizeof(T);
}

/* A block of rows on its way through time. */
typedef struct {
  int64_t first, rows;                        /* of the batch */
  const T *a[RNN_MOST_ROWS + TILE_MOST_ROWS]; /* rows of what is multiplied; those past `rows` repeat the last */
  T *c[RNN_MOST_ROWS + TILE_MOST_ROWS];       /* rows of the product */
} OWN(rnn_block);

/* Of units [*unit, end) as many as go together; *unit becomes the last of them. */
static OWN(rnn_block) OWN(rnn_block_at)(const OWN(rnn) * r, int64_t *unit, int64_t end) {
  OWN(rnn_block) b;
  b.first = *unit * r->rows;
  b.rows = fnn_min(fnn_min(r->together, (end - *unit) * r->rows), r->batch - b.first);
  *unit += fnn_ceil_div(b.rows, r->rows) - 1;
  return b;
}

/* Points the block's rows of A at `a` + i * a_row, and of the product at `c` + i * c_row. */
FNN_INLINE void OWN(rnn_point)(OWN(rnn_block) * b, const T *a, int64_t a_row, T *c, int64_t c_row) {
  for (int64_t i = 0; i < b->rows + TILE_MOST_ROWS; i++) {
    const int64_t row = fnn_min(i, b->rows - 1);
    b->a[i] = a + row * a_row;
    b->c[i] = c + row * c_row;
  }
}

/* Columns of `panel` of the products of the block's rows with packed weights. */
FNN_INLINE void OWN(rnn_multiply)(const OWN(rnn_block) * b, const OWN(tile_segment) * segments, int64_t n_segments,
                                  tile_panel panel, int64_t column, int64_t c_column) {
  const int64_t height = tile_rows(panel.vectors);
  OWN(tile) t = {.c_column = c_column, .cols = panel.vectors * N, .a_stride = 1, .column = column,
                 .segments = segments, .n_segments = n_segments, .alpha = 1, .floor = -INFINITY};
  for (int64_t row = 0; row < b->rows; row += t.rows) {
    const int64_t left = b->rows - row;
    t.rows = height < 8 && left == 8 ? 4 : fnn_min(height, left); /* of 6 and 2 the 2 would wait for their sums */
    t.a = b->a + row;
    t.c = b->c + row;
    OWN(tile_call)(&t, panel.vectors);
  }
}

/* Where the weights of the units of vector j are packed. */
FNN_INLINE T *OWN(rnn_packed)(const OWN(rnn) * r, T *packed, int64_t j) {
  return packed + j * OWN(rnn_packed_rows)(r) * r->gates * N;
}

/* Phase 0 of the forward kernels: `rows` of weights of the units of vector j, [row][gate][lane]. Returns the end. */
static T *OWN(rnn_pack)(const OWN(rnn) * r, const T *weights, int64_t rows, T *to, int64_t j) {
  const int64_t n = fnn_min(N, r->units - j * N);
  for (int64_t row = 0; row < rows; row++)
    for (int64_t gate = 0; gate < r->gates; gate++, to += N)
      FN(store)(to, OWN(load_n)(weights + (row * r->gates + gate) * r->units + j * N, n));
  return to;
}

/* The gates' sums of the units of vector j for all rows of the block: [row][gate][lane] where b->c points. */
FNN_INLINE void OWN(rnn_gates)(const OWN(rnn) * r, const OWN(rnn_block) * b, const T *packed, int64_t j) {
  const int64_t cols = r->gates * N;
  const T *of_units = OWN(rnn_packed)(r, (T *)packed, j);
  const OWN(tile_segment) segments[] = {{of_units, cols, 0, r->units},
                                        {of_units + r->units * cols, cols, r->width, r->inputs}};
  for (int64_t p = 0; p < tile_panels(cols, N); p++) {
    const tile_panel panel = tile_panel_at(cols, N, p);
    OWN(rnn_multiply)(b, segments, r->inputs ? 2 : 1, panel, panel.begin, panel.begin);
  }
}

/* Rows of `units` between the caller's memory and scratch; from NULL: zeroes. */
static void OWN(rnn_read)(const OWN(rnn) * r, const OWN(rnn_block) * b, const T *from, T *to) {
  for (int64_t i = 0; i < b->rows; i++)
    for (int64_t j = 0; j < r->width; j += N)
      FN(store)(to + i * r->row + j, from ? OWN(load_n)(from + (b->first + i) * r->units + j,
                                                        fnn_min(N, r->units - j)) : (V){0});
}
static void OWN(rnn_write)(const OWN(rnn) * r, const OWN(rnn_block) * b, const T *from, T *to) {
  for (int64_t i = 0; to && i < b->rows; i++)
    memcpy(to + (b->first + i) * r->units, from + i * r->row, sizeof(T) * (size_t)r->units);
}

/* Where things stand at one step of one row of the batch. */
FNN_INLINE int64_t OWN(rnn_input_of)(const OWN(rnn) * r, int64_t row, int64_t step) {
  return row * r->time + (r->backwards ? r->time - 1 - step : step);
}

/* Asks for the gates of the next input, which the next step reads. The rows of a block are as many streams, pages
 * apart, more than the CPU follows by itself (measured: half the time of 16 rows of 256 units). */
FNN_INLINE void OWN(rnn_prefetch)(const OWN(rnn) * r, const T *x, int64_t at, int64_t step, int64_t gates) {
  if (step + 1 == r->time) return;
  const T *next = x + at + (r->backwards ? -gates : gates) * r->units;
#pragma GCC unroll 4
  for (int64_t g = 0; g < gates; g++) __builtin_prefetch(next + g * r->units);
}

FNN_INLINE void OWN(rnn_prefetch_row)(const T *p, int64_t n) {
  for (int64_t j = 0; j < n; j += FNN_ALIGN / (int64_t)sizeof(T)) __builtin_prefetch(p + j);
}

/* The v-th vector of units that a step computes. With one row every other step begins with the one whose weights were
 * used last, so that what fits the first cache is read from there (64 units of lstm have 64 KiB): a tenth of the time.
 * With more rows the weights are not what is waited for, and inputs read backwards come later. */
FNN_INLINE int64_t OWN(rnn_vector)(const OWN(rnn) * r, const OWN(rnn_block) * b, int64_t step, int64_t v) {
  return b->rows == 1 && step % 2 ? r->vectors - 1 - v : v;
}

/* Stores v at element `at` of an output that may be NULL. */
FNN_INLINE void OWN(put)(T *out, int64_t at, V v, int64_t n) {
  if (out) OWN(store_n)(out + at, v, n);
}

/* ---- lstm ---- */

/* The inputs of a step, behind the states of the rows; those of the next are asked for. */
static void OWN(rnn_read_inputs)(const OWN(rnn) * r, const OWN(rnn_block) * b, const T *x, int64_t step, T *h) {
  const int64_t d = r->inputs;
  for (int64_t i = 0; i < b->rows; i++) {
    const T *from = x + OWN(rnn_input_of)(r, b->first + i, step) * d;
    memcpy(h + i * r->row + r->width, from, sizeof(T) * (size_t)d);
    if (step + 1 < r->time) OWN(rnn_prefetch_row)(from + (r->backwards ? -d : d), d);
  }
}

/* A thread's scratch: the product, two states h, the state c. */
static void OWN(lstm_size)(const int64_t *ints, fnn_work *work) {
  const OWN(rnn) r = OWN(rnn_of)(ints, LSTM_GATES, ints[RNN_INPUTS], LSTM_GATES * N);
  OWN(rnn_size)(&r, work, LSTM_GATES * N + 3 * r.row, 10);
  work->units[0] = r.vectors;
}

static void OWN(lstm_block)(const fnn_call *call, const OWN(rnn) * r, OWN(rnn_block) * b) {
  const T *x = (const T *)call->buf[0];
  T *packed = (T *)call->shared;
  const uint8_t *mask = (const uint8_t *)call->buf[4];
  T *y = (T *)call->buf[7], *c_out = (T *)call->buf[10], *gates = (T *)call->buf[11], *before = (T *)call->buf[12];
  const T *streamed = r->inputs ? gates : x; /* where a step finds or leaves its gates */
  const int64_t u = r->units, w = r->row;
  T *sums = (T *)call->scratch, *h = sums + r->together * LSTM_GATES * N, *h_next = h + r->together * w;
  T *c = h_next + r->together * w;
  OWN(rnn_read)(r, b, (const T *)call->buf[2], h);
  OWN(rnn_read)(r, b, (const T *)call->buf[3], c);
  for (int64_t step = 0; step < r->time; step++) {
    OWN(rnn_point)(b, h, w, sums, LSTM_GATES * N);
    if (r->inputs) OWN(rnn_read_inputs)(r, b, x, step, h);
    for (int64_t v = 0; v < r->vectors; v++) {
      const int64_t j = OWN(rnn_vector)(r, b, step, v), n = fnn_min(N, u - j * N);
      const T *bias = OWN(rnn_packed)(r, packed, j) + (u + r->inputs) * LSTM_GATES * N;
      OWN(rnn_gates)(r, b, packed, j);
      for (int64_t row = 0; row < b->rows; row++) {
        const int64_t in = OWN(rnn_input_of)(r, b->first + row, step), at = row * w + j * N;
        const int64_t out = ((b->first + row) * r->time + step) * u + j * N, z_at = in * LSTM_GATES * u + j * N;
        const T *added = r->inputs ? bias : x + z_at;
        const int64_t apart = r->inputs ? N : u;
        if (streamed) OWN(rnn_prefetch)(r, streamed, z_at, step, LSTM_GATES);
        V i = {0}, f = {0}, g = {0}, o = {0}, h_new = FN(load)(h + at), c_new = FN(load)(c + at);
        OWN(put)(before, in * u + j * N, h_new, n);
        if (!mask || mask[in]) {
          const T *z = sums + row * LSTM_GATES * N;
          i = FN(cell_sigmoid)(OWN(load_n)(added, n) + FN(load)(z));
          f = FN(cell_sigmoid)(OWN(load_n)(added + apart, n) + FN(load)(z + N));
          g = FN(cell_tanh)(OWN(load_n)(added + 2 * apart, n) + FN(load)(z + 2 * N));
          o = FN(cell_sigmoid)(OWN(load_n)(added + 3 * apart, n) + FN(load)(z + 3 * N));
          c_new = f * c_new + i * g;
          h_new = o * FN(cell_tanh)(c_new);
          FN(store)(c + at, c_new);
        }
        FN(store)(h_next + at, h_new);
        OWN(put)(y, out, h_new, n);
        OWN(put)(c_out, out, c_new, n);
        OWN(put)(gates, z_at, i, n);
        OWN(put)(gates, z_at + u, f, n);
        OWN(put)(gates, z_at + 2 * u, g, n);
        OWN(put)(gates, z_at + 3 * u, o, n);
      }
    }
    T *swap = h;
    h = h_next;
    h_next = swap;
  }
  OWN(rnn_write)(r, b, h, (T *)call->buf[8]);
  OWN(rnn_write)(r, b, c, (T *)call->buf[9]);
}

static void OWN(lstm)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(rnn) r = OWN(rnn_of)(call->ints, LSTM_GATES, call->ints[RNN_INPUTS], LSTM_GATES * N);
  FNN_REQUIRE(r.batch >= 0 && r.time >= 0 && r.units > 0 && r.inputs >= 0);
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0) {
      T *to = OWN(rnn_pack)(&r, (const T *)call->buf[1], r.units, OWN(rnn_packed)(&r, (T *)call->shared, unit), unit);
      to = OWN(rnn_pack)(&r, (const T *)call->buf[5], r.inputs, to, unit);
      if (r.inputs) OWN(rnn_pack)(&r, (const T *)call->buf[6], 1, to, unit);
    } else {
      OWN(rnn_block) b = OWN(rnn_block_at)(&r, &unit, end);
      OWN(lstm_block)(call, &r, &b);
    }
  }
}

/* ---- gru ---- */

static void OWN(gru_size)(const int64_t *ints, fnn_work *work) {
  const OWN(rnn) r = OWN(rnn_of)(ints, GRU_GATES, 0, GRU_GATES * N);
  OWN(rnn_size)(&r, work, GRU_GATES * N + 2 * r.width, 8);
  work->units[0] = r.vectors;
}

static void OWN(gru_block)(const fnn_call *call, const OWN(rnn) * r, OWN(rnn_block) * b) {
  const T *x = (const T *)call->buf[0], *bias = (const T *)call->buf[2], *packed = (const T *)call->shared;
  const uint8_t *mask = (const uint8_t *)call->buf[4];
  T *y = (T *)call->buf[5], *gates = (T *)call->buf[7], *before = (T *)call->buf[8];
  const int64_t u = r->units, w = r->width;
  T *sums = (T *)call->scratch, *h = sums + r->together * GRU_GATES * N, *h_next = h + r->together * w;
  OWN(rnn_read)(r, b, (const T *)call->buf[3], h);
  for (int64_t step = 0; step < r->time; step++) {
    OWN(rnn_point)(b, h, w, sums, GRU_GATES * N);
    for (int64_t v = 0; v < r->vectors; v++) {
      const int64_t j = OWN(rnn_vector)(r, b, step, v), n = fnn_min(N, u - j * N);
      V of_bias[GRU_GATES];
      for (int k = 0; k < GRU_GATES; k++) of_bias[k] = OWN(load_n)(bias + k * u + j * N, n);
      OWN(rnn_gates)(r, b, packed, j);
      for (int64_t row = 0; row < b->rows; row++) {
        const int64_t in = OWN(rnn_input_of)(r, b->first + row, step), at = row * w + j * N;
        const int64_t x_at = in * GRU_GATES * u + j * N, gates_at = in * 4 * u + j * N;
        OWN(rnn_prefetch)(r, x, x_at, step, GRU_GATES);
        V z = {0}, r_gate = {0}, g = {0}, m = {0}, h_new = FN(load)(h + at);
        OWN(put)(before, in * u + j * N, h_new, n);
        if (!mask || mask[in]) {
          const T *s = sums + row * GRU_GATES * N;
          z = FN(cell_sigmoid)(OWN(load_n)(x + x_at, n) + (FN(load)(s) + of_bias[0]));
          r_gate = FN(cell_sigmoid)(OWN(load_n)(x + x_at + u, n) + (FN(load)(s + N) + of_bias[1]));
          m = FN(load)(s + 2 * N) + of_bias[2];
          g = FN(cell_tanh)(OWN(load_n)(x + x_at + 2 * u, n) + r_gate * m);
          h_new = z * h_new + (1 - z) * g;
        }
        FN(store)(h_next + at, h_new);
        OWN(put)(y, ((b->first + row) * r->time + step) * u + j * N, h_new, n);
        OWN(put)(gates, gates_at, z, n);
        OWN(put)(gates, gates_at + u, r_gate, n);
        OWN(put)(gates, gates_at + 2 * u, g, n);
        OWN(put)(gates, gates_at + 3 * u, m, n);
      }
    }
    T *swap = h;
    h = h_next;
    h_next = swap;
  }
  OWN(rnn_write)(r, b, h, (T *)call->buf[6]);
}

static void OWN(gru)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(rnn) r = OWN(rnn_of)(call->ints, GRU_GATES, 0, GRU_GATES * N);
  FNN_REQUIRE(r.batch >= 0 && r.time >= 0 && r.units > 0);
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0) {
      OWN(rnn_pack)(&r, (const T *)call->buf[1], r.units, OWN(rnn_packed)(&r, (T *)call->shared, unit), unit);
    } else {
      OWN(rnn_block) b = OWN(rnn_block_at)(&r, &unit, end);
      OWN(gru_block)(call, &r, &b);
    }
  }
}
