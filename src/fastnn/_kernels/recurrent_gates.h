/* recurrent_gates.h: sigmoid and tanh of the cells of lstm and gru, as vmath.h has them (fnn_gate_), or in fewer steps:
 * with AVX-512 by the tables of vmath_gates.h. Largest errors there in ulp, of every seventh float32, and of vmath.h's:
 * sigmoid of -1 on 2.4 (2.0), of -4 on 2.9 (5.2), of -20 on 6.8 (17); tanh 2.9 (4.0). 1 / ln2 has 24 bits, but its
 * product is not rounded. Sigmoid is 0 below -88.7. */
#ifndef FNN_RECURRENT_GATES_H
#define FNN_RECURRENT_GATES_H

#include "vmath_gates.h"

#if defined(FNN_ISA_AVX512)
FNN_INLINE fnn_vf fnn_cell_sigmoidf(fnn_vf x) {
  return 1.0f / fnn_exp2_of_product_and_1f(x, fnn_splatf(-1.44269504f));
}
FNN_INLINE fnn_vf fnn_cell_tanhf(fnn_vf x) { return fnn_quick_tanhf(x); }
#else
FNN_INLINE fnn_vf fnn_cell_sigmoidf(fnn_vf x) { return fnn_gate_sigmoidf(x); }
FNN_INLINE fnn_vf fnn_cell_tanhf(fnn_vf x) { return fnn_gate_tanhf(x); }
#endif
FNN_INLINE fnn_vd fnn_cell_sigmoidd(fnn_vd x) { return fnn_gate_sigmoidd(x); }
FNN_INLINE fnn_vd fnn_cell_tanhd(fnn_vd x) { return fnn_gate_tanhd(x); }

#endif
