/* ctc.c: the loss of connectionist temporal classification, and its gradient, from logarithms of probabilities.
 *
 * ctc_loss      buffers 0 target (n, l), 1 log_probs (n, t, c), 2 target_length (n), 3 output_length (n), 4 y (n)
 * ctc_gradient  buffers the same, but 4 dx (n, t, c): minus the probabilities of classes at each step, given the target
 *   ints   [0] n [1] t [2] c [3] l [4] blank, 0 .. c - 1 [5] [6] [7] dtypes of target, target_length, output_length
 * Labels of -c .. -1 count from the end; another that counts and is outside sets the status. Lengths beyond l and t, or
 * below 0, are those.
 *
 * A target of m labels is a lattice of 2 m + 1 states, kept in two rows: blank k comes before label k, blank m is the
 * last. A step stays, or goes from blank k to label k, from label k to blank k + 1, or past it to label k + 1, but not
 * to the same label. Rows have -inf for whole vectors before and behind, so that a neighbour is a load. They are
 * float64 for both types: over hundreds of steps logarithms become large and their differences count. A unit is a row
 * of the batch. */
#include "indices.h"
#include "vmath.h"

/* The logarithm of what cannot happen: a target that is too long has a large loss, not an infinite one. */
#define NEVER -1e5

typedef struct {
  double *blanks, *labels; /* (m + 1), (m) */
} states;

typedef struct {
  int64_t m, pitch;
  int64_t *classes;              /* (m): of the labels */
  double *emitted, *skip, *room; /* of labels: of a step; whether one is gone to from the one before; for anything */
  states ahead, beta;
  char *alphas; /* rows of blanks and labels after each step, as many as are kept, and before the first one */
} lattice;

static int64_t pitch_of(int64_t l) { return fnn_round_up(l + 1, FNN_VD) + 2 * FNN_VD; }

static states states_at(const lattice *s, int64_t row) {
  double *blanks = (double *)s->alphas + 2 * row * s->pitch + FNN_VD;
  return (states){blanks, blanks + s->pitch};
}

enum { ROWS = 8 }; /* of a lattice, beside its alphas */

static lattice lattice_of(const fnn_call *call) {
  lattice s = {.pitch = pitch_of(call->ints[3]), .classes = (int64_t *)call->scratch};
  double *row = (double *)call->scratch + s.pitch + FNN_VD;
  s.emitted = row, s.skip = row + s.pitch, s.room = row + 2 * s.pitch;
  s.ahead = (states){row + 3 * s.pitch, row + 4 * s.pitch};
  s.beta = (states){row + 5 * s.pitch, row + 6 * s.pitch};
  s.alphas = call->scratch + ROWS * s.pitch * (int64_t)sizeof(double);
  return s;
}

static void ctc_size(const int64_t *ints, fnn_work *work, int64_t element_bytes, int is_gradient) {
  const int64_t t = ints[1], kept = is_gradient ? t + 1 : 2;
  work->phases = 1;
  work->units[0] = ints[0];
  work->scratch_bytes = (ROWS + 2 * kept) * pitch_of(ints[3]) * (int64_t)sizeof(double);
  work->flops = (double)ints[0] * (double)t * (double)(ints[3] + 1) * (is_gradient ? 450.0 : 200.0);
  work->bytes = (double)ints[0] * (double)t * (double)ints[2] * (double)element_bytes * (is_gradient ? 2 : 1);
}

static void fill(double *row, int64_t n, double value) {
  for (int64_t k = 0; k < n; k++) row[k] = value;
}

/* The number at [i], of any integer type, between 0 and most. */
static int64_t length_at(const char *lengths, int64_t dtype, int64_t i, int64_t most) {
  switch (dtype) {
#define READ(code, type) case code: return fnn_max(0, fnn_min(most, (int64_t)((const type *)lengths)[i]));
    INDEX_TYPES(READ)
#undef READ
  }
  return 0;
}

/* The lattice of row i of the batch. */
static void set_target(lattice *s, const fnn_call *call, int64_t i) {
  const int64_t *ints = call->ints, l = ints[3];
  s->m = length_at(call->buf[2], ints[6], i, l);
  fill(s->emitted - FNN_VD, (ROWS - 1) * s->pitch, -INFINITY);
  for (int64_t k = 0; k < s->m; k++) {
    s->classes[k] = index_at(call->buf[0], ints[5], i * l + k, ints[2]);
    if (s->classes[k] < 0) {
      set_status(call, FNN_INDEX_OUT_OF_RANGE);
      s->classes[k] = 0;
    }
    if (k) s->skip[k] = s->classes[k] == s->classes[k - 1] ? NEVER : 0;
  }
}

/* e^x of x that is not far above 0, and 0 below `least`, from -708 on: what is less is denormal, and slow. */
FNN_INLINE fnn_vd exp_from(double least, fnn_vd x) {
  return (fnn_vd)((fnn_vi64)fnn_exp_insided(fnn_maxd(fnn_splatd(least), x)) & ~(x < least));
}

/* log(e^a + e^b + e^c); of three times -inf it is that. */
FNN_INLINE fnn_vd log_sum(fnn_vd a, fnn_vd b, fnn_vd c, int is_of_three) {
  const fnn_vd two = fnn_maxd(a, fnn_maxd(b, fnn_splatd(-DBL_MAX))), top = is_of_three ? fnn_maxd(c, two) : two;
  const fnn_vd sum = exp_from(-708, a - top) + exp_from(-708, b - top);
  return fnn_logd(is_of_three ? sum + exp_from(-708, c - top) : sum) + top;
}

/* log p(what was emitted, the state) after a step, from that before it. */
static void step_forward(const lattice *s, states to, states from, double blank) {
  for (int64_t k = 0; k <= s->m; k += FNN_VD) {
    const fnn_vd blanks = fnn_loadd(from.blanks + k), labels = fnn_loadd(from.labels + k);
    const fnn_vd before = fnn_loadd(from.labels + k - 1);
    fnn_stored(to.blanks + k, log_sum(blanks, before, before, 0) + blank);
    fnn_stored(to.labels + k,
               log_sum(labels, blanks, before + fnn_loadd(s->skip + k), 1) + fnn_loadd(s->emitted + k));
  }
}

/* log p(what will be emitted given the state) before a step, in beta, from that after it, there too. */
static void step_backward(const lattice *s, double blank) {
  const states ahead = s->ahead, beta = s->beta;
  for (int64_t k = 0; k <= s->m; k += FNN_VD) {
    fnn_stored(ahead.blanks + k, fnn_loadd(beta.blanks + k) + blank);
    fnn_stored(ahead.labels + k, fnn_loadd(beta.labels + k) + fnn_loadd(s->emitted + k));
  }
  for (int64_t k = 0; k <= s->m; k += FNN_VD) {
    const fnn_vd labels = fnn_loadd(ahead.labels + k);
    const fnn_vd behind = fnn_loadd(ahead.labels + k + 1) + fnn_loadd(s->skip + k + 1);
    fnn_stored(beta.blanks + k, log_sum(fnn_loadd(ahead.blanks + k), labels, labels, 0));
    fnn_stored(beta.labels + k, log_sum(labels, fnn_loadd(ahead.blanks + k + 1), behind, 1));
  }
}

/* Before the first step: in the first blank, which emits nothing. */
static void set_start(const lattice *s, int64_t rows) {
  const states first = states_at(s, 0);
  fill((double *)s->alphas, 2 * rows * s->pitch, -INFINITY);
  fill(first.blanks, s->m + 1, NEVER);
  fill(first.labels, s->m, NEVER);
  first.blanks[0] = 0;
}

/* The logarithm of the probability of the target. */
static double total_of(const lattice *s, states alpha) {
  const fnn_vd none = fnn_splatd(-INFINITY);
  return log_sum(fnn_splatd(alpha.blanks[s->m]), s->m ? fnn_splatd(alpha.labels[s->m - 1]) : none, none, 0)[0];
}

#include "types_f32.h"
#include "ctc_body.h"
#include "types_f64.h"
#include "ctc_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {{"ctc_loss_f32", ctc_loss_f32, ctc_loss_size_f32},
                                    {"ctc_loss_f64", ctc_loss_f64, ctc_loss_size_f64},
                                    {"ctc_gradient_f32", ctc_gradient_f32, ctc_gradient_size_f32},
                                    {"ctc_gradient_f64", ctc_gradient_f64, ctc_gradient_size_f64},
                                    {0}};
const fnn_table FNN_TABLE(ctc) = {entries, 0, 0};
