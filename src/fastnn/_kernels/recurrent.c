/* recurrent.c: LSTM and GRU over a whole sequence, and their gradients.
 *
 * A unit of work is a block of batch rows, which goes through all time steps by itself: rows meet no barrier, and the
 * recurrent weights, packed once by phase 0 in the order in which they are read, stay in cache from step to step. The
 * products over all steps at once (of the inputs with their kernel; of the states with the gradients of the gates) are
 * ordinary ones, outside; lstm may make that of the inputs itself, step by step, where a block has rows enough: what
 * comes of it is then used from the first cache, and never lies in memory.
 *
 * Letters: b batch rows, t time steps, u units, G gates, k = G u. All buffers are contiguous and aligned to the
 * element; outputs overlap no input (but see `gates` and `dx`). mask (b, t) is of bytes: where it is 0, a step leaves
 * the state as it is. With `backwards` the steps go through the inputs from the last to the first. What belongs to an
 * input (x, mask, gates, dx, dinner, before) stands in the order of the inputs, what belongs to a step (y, c, dy) in
 * that of the steps.
 *
 *   ints     0 b, 1 t, 2 u, 3 backwards; of lstm: 4 d, the inputs that it projects, or 0
 *
 * lstm: with z = x + h U of four parts, i, f, o = sigmoid(z0, z1, z3), g = tanh(z2): c = f c + i g, h = o tanh(c).
 *   buffers  0 x (b, t, 4u), 1 U (u, 4u), 2 h0 (b, u), 3 c0 (b, u), 4 mask or NULL, 5, 6 unused,
 *            7 y (b, t, u): h of each step, 8 h_last (b, u), 9 c_last (b, u), 10 c (b, t, u),
 *            11 gates (b, t, 4u): i, f, g, o, 0 where masked; may be x itself,
 *            12 before (b, t, u): h before the step.   7 to 12 may be NULL.
 *   With d inputs, x is that product: of 0 inputs (b, t, d) and 5 W (d, 4u), plus 6 bias (4u).
 * lstm_grad: buffers 0 dy (b, t, u), 1 dh_last (b, u), 2 dc_last (b, u) or NULL, 3 U, 4 c0, 5 mask or NULL, 6 c,
 *            7 gates, 8 dx (b, t, 4u): may be gates itself, 9 dh0, 10 dc0 (b, u) or NULL
 * gru: with m = h U + bias, z, r = sigmoid(x0 + m0, x1 + m1), g = tanh(x2 + r m2): h = z h + (1 - z) g.
 *   buffers  0 x (b, t, 3u), 1 U (u, 3u), 2 bias (3u), 3 h0, 4 mask or NULL,
 *            5 y, 6 h_last, 7 gates (b, t, 4u): z, r, g, m2, 0 where masked, 8 before.   5 to 8 may be NULL.
 * gru_grad: buffers 0 dy, 1 dh_last or NULL, 2 U, 3 mask or NULL, 4 before, 5 gates,
 *            6 dx (b, t, 3u), 7 dinner (b, t, 3u): the gradient by m, 8 dh0 or NULL
 * The gradient by U is the product of `before` and dx (dinner), that by the bias the sum of dinner.
 *
 * Sums over u, and after them over d, are one chain of multiply-adds, whatever the block: see tile.h. */
#include <math.h>

#include "recurrent_gates.h"

enum rnn_ints { RNN_BATCH, RNN_TIME, RNN_UNITS, RNN_BACKWARDS, RNN_INPUTS };
enum { LSTM_GATES = 4, GRU_GATES = 3 };
enum {
  RNN_UNITS_WANTED = 8,  /* units of work, where there are rows enough: for as many threads */
  RNN_ONE_UNIT_ROWS = 6, /* rows that are not cut: the height of a tile, so that a vector of weights is used so often */
  RNN_PAIR_ROWS = 16,    /* of which two threads get 8 each, and not 6 and 4 of 6, 6 and 4 */
  /* Weights of so many bytes come from the last cache in every step: units that one call has go through time together,
   * up to so many rows, so that each weight is fetched for all of them. Narrow tiles of few rows wait for the second
   * cache, too. */
  RNN_FAR_BYTES = FNN_VECTOR_BYTES == 64 ? 1 << 20 : 1 << 15,
  RNN_MOST_ROWS = 48,
  RNN_PACK_ROWS = 64,    /* of the transposed weights: a unit of phase 0 */
  RNN_PREFETCH_BYTES = 1 << 20 /* of gates, from which on gradients ask for those of the next step */
};

#include "types_f32.h"
#include "tile.h"
#include "transpose.h"
#include "recurrent_body.h"
#include "recurrent_grad_body.h"
#include "types_f64.h"
#include "tile.h"
#include "transpose.h"
#include "recurrent_body.h"
#include "recurrent_grad_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {
#define BOTH(name) {#name "_f32", name##_f32, name##_size_f32}, {#name "_f64", name##_f64, name##_size_f64},
  BOTH(lstm) BOTH(lstm_grad) BOTH(gru) BOTH(gru_grad)
#undef BOTH
  {0}};
const fnn_table FNN_TABLE(recurrent) = {entries, 0, 0};
