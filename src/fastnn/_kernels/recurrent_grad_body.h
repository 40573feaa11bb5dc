/* recurrent_grad_body.h: the gradients of recurrent_body.h, which is included before.
 *
 * The steps are taken from the last to the first. dh, the gradient by a step's h, is dy of that step, plus `passed`
 * (what reaches h directly), plus the product of the later step's gradients of the gates with U transposed, which
 * phase 0 packs as [panel of units][row of k][column], columns past the last unit zero. */

/* Phase 0: rows [64 part, 64 (part + 1)) of the transposed weights. */
static void OWN(rnn_pack_transposed)(const OWN(rnn) * r, const T *weights, T *packed, int64_t part) {
  const int64_t k = r->gates * r->units, begin = part * RNN_PACK_ROWS, end = fnn_min(k, begin + RNN_PACK_ROWS);
  for (int64_t p = 0; p < tile_panels(r->units, N); p++) {
    const tile_panel panel = tile_panel_at(r->units, N, p);
    const int64_t width = panel.vectors * N;
    OWN(pack_transposed)(packed + panel.begin * k + begin * width, width, weights + panel.begin * k + begin, k,
                         end - begin, panel.cols);
  }
}

/* The block's rows of d (its rows d_row apart) times U transposed: to where b->c points, all `width` columns. After the
 * first step only where the gradient by the state before it is wanted. */
FNN_INLINE void OWN(rnn_by_state)(const OWN(rnn) * r, const OWN(rnn_block) * b, const T *packed, int64_t step,
                                  const char *dh0) {
  if (step == 0 && !dh0) return;
  const int64_t k = r->gates * r->units;
  for (int64_t p = 0; p < tile_panels(r->units, N); p++) {
    const tile_panel panel = tile_panel_at(r->units, N, p);
    const OWN(tile_segment) segment = {packed + panel.begin * k, panel.vectors * N, 0, k};
    OWN(rnn_multiply)(b, &segment, 1, panel, 0, panel.begin);
  }
}

static void OWN(rnn_grad_size)(const OWN(rnn) * r, fnn_work *work, int64_t states, double moved) {
  OWN(rnn_size)(r, work, states * r->width, moved);
  work->units[0] = fnn_ceil_div(r->gates * r->units, RNN_PACK_ROWS);
}

/* The gradient that reaches h after `step`, units of vector j of a row. */
FNN_INLINE V OWN(rnn_dh)(const T *product, const T *passed, const T *dy, int64_t out, int64_t n) {
  const V sum = FN(load)(product) + FN(load)(passed);
  return dy ? sum + OWN(load_n)(dy + out, n) : sum;
}

/* Whether a step asks for what the step before it reads. Not where all of that stays in cache: there it was a fifth of
 * a step. */
FNN_INLINE int OWN(rnn_asks)(const OWN(rnn) * r, int64_t step) {
  return step && r->batch * r->time * r->gates * r->units * (int64_t)sizeof(T) >= RNN_PREFETCH_BYTES;
}

/* Asks for what the step before is the first to read of the units from j on, as rnn_prefetch does forward: of its four
 * gates, `gate` being where this step's stand, and of two sequences (or NULL). A line after each vector: all lines of a
 * row at once keep loads waiting. */
FNN_INLINE void OWN(rnn_prefetch_before)(const OWN(rnn) * r, int64_t j, const T *gates, int64_t gate, const T *dy,
                                         const T *states) {
  if (j * (int64_t)sizeof(T) % FNN_ALIGN) return;
  const T *next = gates + gate + (r->backwards ? 4 : -4) * r->units;
#pragma GCC unroll 4
  for (int64_t g = 0; g < 4; g++) __builtin_prefetch(next + g * r->units);
  if (dy) __builtin_prefetch(dy);
  if (states) __builtin_prefetch(states);
}

/* dh0: what is left when the first step is done. */
static void OWN(rnn_first)(const OWN(rnn) * r, const OWN(rnn_block) * b, T *product, const T *passed, T *out) {
  for (int64_t at = 0; at < b->rows * r->width; at += N)
    FN(store)(product + at, FN(load)(product + at) + FN(load)(passed + at));
  OWN(rnn_write)(r, b, product, out);
}

/* ---- lstm_grad ----
 * do = dh tanh(c) o (1 - o), dc += dh o (1 - tanh(c)^2), df = dc c_before f (1 - f), di = dc g i (1 - i),
 * dg = dc i (1 - g^2), and dc_before = dc f. */

static void OWN(lstm_grad_size)(const int64_t *ints, fnn_work *work) {
  const OWN(rnn) r = OWN(rnn_of)(ints, LSTM_GATES, 0, ints[RNN_UNITS]);
  OWN(rnn_grad_size)(&r, work, 3, 10);
}

static void OWN(lstm_grad_block)(const fnn_call *call, const OWN(rnn) * r, OWN(rnn_block) * b) {
  const T *dy = (const T *)call->buf[0], *c0 = (const T *)call->buf[4];
  const uint8_t *mask = (const uint8_t *)call->buf[5];
  const T *c = (const T *)call->buf[6], *gates = (const T *)call->buf[7];
  T *dx = (T *)call->buf[8];
  const int64_t u = r->units, w = r->width, k = LSTM_GATES * u;
  T *product = (T *)call->scratch, *passed = product + r->together * w, *dc = passed + r->together * w;
  OWN(rnn_read)(r, b, NULL, product);
  OWN(rnn_read)(r, b, (const T *)call->buf[1], passed);
  OWN(rnn_read)(r, b, (const T *)call->buf[2], dc);
  for (int64_t step = r->time - 1; step >= 0; step--) {
    const int64_t first_in = OWN(rnn_input_of)(r, b->first, step);
    const int asks = OWN(rnn_asks)(r, step);
    for (int64_t row = 0; row < b->rows; row++) {
      const int64_t in = first_in + row * r->time, states = ((b->first + row) * r->time + step) * u;
      const T *c_before = step ? c + states - u : c0 + (b->first + row) * u;
      for (int64_t j = 0; j < w; j += N) {
        const int64_t n = fnn_min(N, u - j), at = row * w + j, gate = in * k + j;
        if (asks)
          OWN(rnn_prefetch_before)(r, j, gates, gate, dy ? dy + states - u + j : NULL,
                                   step > 1 ? c_before - u + j : NULL);
        const V dh = OWN(rnn_dh)(product + at, passed + at, dy, states + j, n);
        V di = {0}, df = {0}, dg = {0}, d_o = {0}, left = dh;
        if (!mask || mask[in]) {
          const V i = OWN(load_n)(gates + gate, n), f = OWN(load_n)(gates + gate + u, n);
          const V g = OWN(load_n)(gates + gate + 2 * u, n), o = OWN(load_n)(gates + gate + 3 * u, n);
          const V tanh_c = FN(cell_tanh)(OWN(load_n)(c + states + j, n));
          const V dc_here = FN(load)(dc + at) + dh * o * (1 - tanh_c * tanh_c);
          d_o = dh * tanh_c * (o * (1 - o));
          di = dc_here * g * (i * (1 - i));
          df = dc_here * OWN(load_n)(c_before + j, n) * (f * (1 - f));
          dg = dc_here * i * (1 - g * g);
          FN(store)(dc + at, dc_here * f);
          left = (V){0};
        }
        FN(store)(passed + at, left);
        OWN(store_n)(dx + gate, di, n);
        OWN(store_n)(dx + gate + u, df, n);
        OWN(store_n)(dx + gate + 2 * u, dg, n);
        OWN(store_n)(dx + gate + 3 * u, d_o, n);
      }
    }
    OWN(rnn_point)(b, dx + first_in * k, r->time * k, product, w);
    OWN(rnn_by_state)(r, b, (const T *)call->shared, step, call->buf[9]);
  }
  OWN(rnn_first)(r, b, product, passed, (T *)call->buf[9]);
  OWN(rnn_write)(r, b, dc, (T *)call->buf[10]);
}

static void OWN(lstm_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(rnn) r = OWN(rnn_of)(call->ints, LSTM_GATES, 0, call->ints[RNN_UNITS]);
  FNN_REQUIRE(r.batch >= 0 && r.time >= 0 && r.units > 0);
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0) {
      if (r.time == 1 && !call->buf[9]) continue; /* no product */
      OWN(rnn_pack_transposed)(&r, (const T *)call->buf[3], (T *)call->shared, unit);
    } else {
      OWN(rnn_block) b = OWN(rnn_block_at)(&r, &unit, end);
      OWN(lstm_grad_block)(call, &r, &b);
    }
  }
}

/* ---- gru_grad ----
 * dz = dh (h_before - g) z (1 - z), dg = dh (1 - z)(1 - g^2), dr = dg m2 r (1 - r), and by m2: dg r;
 * dh z reaches h_before directly. */

static void OWN(gru_grad_size)(const int64_t *ints, fnn_work *work) {
  const OWN(rnn) r = OWN(rnn_of)(ints, GRU_GATES, 0, ints[RNN_UNITS]);
  OWN(rnn_grad_size)(&r, work, 2, 12);
}

static void OWN(gru_grad_block)(const fnn_call *call, const OWN(rnn) * r, OWN(rnn_block) * b) {
  const T *dy = (const T *)call->buf[0];
  const uint8_t *mask = (const uint8_t *)call->buf[3];
  const T *before = (const T *)call->buf[4], *gates = (const T *)call->buf[5];
  T *dx = (T *)call->buf[6], *dinner = (T *)call->buf[7];
  const int64_t u = r->units, w = r->width, k = GRU_GATES * u;
  T *product = (T *)call->scratch, *passed = product + r->together * w;
  OWN(rnn_read)(r, b, NULL, product);
  OWN(rnn_read)(r, b, (const T *)call->buf[1], passed);
  for (int64_t step = r->time - 1; step >= 0; step--) {
    const int64_t first_in = OWN(rnn_input_of)(r, b->first, step);
    const int asks = OWN(rnn_asks)(r, step);
    for (int64_t row = 0; row < b->rows; row++) {
      const int64_t in = first_in + row * r->time, states = ((b->first + row) * r->time + step) * u;
      for (int64_t j = 0; j < w; j += N) {
        const int64_t n = fnn_min(N, u - j), at = row * w + j, gate = in * 4 * u + j, d_at = in * k + j;
        if (asks)
          OWN(rnn_prefetch_before)(r, j, gates, gate, dy ? dy + states - u + j : NULL,
                                   before + (in + (r->backwards ? 1 : -1)) * u + j);
        const V dh = OWN(rnn_dh)(product + at, passed + at, dy, states + j, n);
        const V h = OWN(load_n)(before + in * u + j, n);
        V dz = {0}, dr = {0}, dg = {0}, dm = {0}, left = dh;
        if (!mask || mask[in]) {
          const V z = OWN(load_n)(gates + gate, n), r_gate = OWN(load_n)(gates + gate + u, n);
          const V g = OWN(load_n)(gates + gate + 2 * u, n), m = OWN(load_n)(gates + gate + 3 * u, n);
          dz = dh * (h - g) * (z * (1 - z));
          dg = dh * (1 - z) * (1 - g * g);
          dr = dg * m * (r_gate * (1 - r_gate));
          dm = dg * r_gate;
          left = dh * z;
        }
        FN(store)(passed + at, left);
        OWN(store_n)(dx + d_at, dz, n);
        OWN(store_n)(dx + d_at + u, dr, n);
        OWN(store_n)(dx + d_at + 2 * u, dg, n);
        OWN(store_n)(dinner + d_at, dz, n);
        OWN(store_n)(dinner + d_at + u, dr, n);
        OWN(store_n)(dinner + d_at + 2 * u, dm, n);
      }
    }
    OWN(rnn_point)(b, dinner + first_in * k, r->time * k, product, w);
    OWN(rnn_by_state)(r, b, (const T *)call->shared, step, call->buf[8]);
  }
  OWN(rnn_first)(r, b, product, passed, (T *)call->buf[8]);
}

static void OWN(gru_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  const OWN(rnn) r = OWN(rnn_of)(call->ints, GRU_GATES, 0, call->ints[RNN_UNITS]);
  FNN_REQUIRE(r.batch >= 0 && r.time >= 0 && r.units > 0);
  for (int64_t unit = begin; unit < end; unit++) {
    if (call->phase == 0) {
      if (r.time == 1 && !call->buf[8]) continue;
      OWN(rnn_pack_transposed)(&r, (const T *)call->buf[2], (T *)call->shared, unit);
    } else {
      OWN(rnn_block) b = OWN(rnn_block_at)(&r, &unit, end);
      OWN(gru_grad_block)(call, &r, &b);
    }
  }
}
