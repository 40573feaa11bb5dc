/* ctc_body.h: what ctc.c reads and writes as float32 or as float64. */

static void OWN(ctc_loss_size)(const int64_t *ints, fnn_work *work) { ctc_size(ints, work, sizeof(T), 0); }
static void OWN(ctc_gradient_size)(const int64_t *ints, fnn_work *work) { ctc_size(ints, work, sizeof(T), 1); }

static void OWN(emit)(const lattice *s, const T *log_probs) {
  for (int64_t k = 0; k < s->m; k++) s->emitted[k] = (double)log_probs[s->classes[k]];
}

/* Steps 0 .. steps - 1 over log_probs (steps, c), of which the last `rows` alphas are kept; returns the last one. */
static states OWN(forward)(const lattice *s, const T *log_probs, int64_t steps, int64_t rows, int64_t c,
                           int64_t blank) {
  set_start(s, rows);
  for (int64_t t = 0; t < steps; t++, log_probs += c) {
    OWN(emit)(s, log_probs);
    step_forward(s, states_at(s, (t + 1) % rows), states_at(s, t % rows), (double)log_probs[blank]);
  }
  return states_at(s, steps % rows);
}

static void OWN(ctc_loss)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, t = ints[1], c = ints[2];
  lattice s = lattice_of(call);
  for (int64_t i = begin; i < end; i++) {
    set_target(&s, call, i);
    const T *log_probs = (const T *)call->buf[1] + i * t * c;
    const int64_t steps = length_at(call->buf[3], ints[7], i, t);
    ((T *)call->buf[4])[i] = (T)-total_of(&s, OWN(forward)(&s, log_probs, steps, 2, c, ints[4]));
  }
}

/* dx (c) = minus the probabilities of the classes where the states are `alpha`, with beta behind them. */
static void OWN(occupancy)(T *dx, const lattice *s, states alpha, double total, int64_t blank) {
  const double least = sizeof(T) == 4 ? -87 : -708;
  fnn_vd blanks = {0};
  for (int64_t k = 0; k <= s->m; k += FNN_VD) {
    const fnn_vd p = exp_from(least, fnn_loadd(alpha.blanks + k) + fnn_loadd(s->beta.blanks + k) - total);
    blanks += fnn_first_lanesd(p, s->m + 1 - k, 0);
    fnn_stored(s->room + k, exp_from(least, fnn_loadd(alpha.labels + k) + fnn_loadd(s->beta.labels + k) - total));
  }
  dx[blank] = (T)-fnn_sum_lanesd(blanks);
  for (int64_t k = 0; k < s->m; k++) dx[s->classes[k]] -= (T)s->room[k];
}

static void OWN(ctc_gradient)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, t = ints[1], c = ints[2], blank = ints[4];
  lattice s = lattice_of(call);
  for (int64_t i = begin; i < end; i++) {
    set_target(&s, call, i);
    const T *log_probs = (const T *)call->buf[1] + i * t * c;
    T *dx = (T *)call->buf[4] + i * t * c;
    memset(dx, 0, (size_t)(t * c) * sizeof(T));
    const int64_t steps = length_at(call->buf[3], ints[7], i, t);
    const double total = total_of(&s, OWN(forward)(&s, log_probs, steps, steps + 1, c, blank));
    s.beta.blanks[s.m] = 0;
    if (s.m) s.beta.labels[s.m - 1] = 0;
    for (int64_t at = steps - 1; at >= 0; at--) {
      OWN(occupancy)(dx + at * c, &s, states_at(&s, at + 1), total, blank);
      OWN(emit)(&s, log_probs + at * c);
      step_backward(&s, (double)log_probs[at * c + blank]);
    }
  }
}
