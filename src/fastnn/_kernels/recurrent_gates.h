/* recurrent_gates.h: sigmoid and tanh of the cells of lstm and gru. Their arguments are sums, known to half an ulp at
 * best: x / ln2 is rounded once at most, which is as if x were off by as much, and takes half the work of vmath.h's.
 * Largest errors in ulp, of every seventh float32: sigmoid of -1 on 2.0, of -4 on 5.2, of -20 on 17, tanh 4.0; with
 * AVX-512, by the tables of vmath_gates.h, 2.4, 2.9, 6.8 and 2.9. Sigmoid is 0 below -88.4 (-88.7 with AVX-512). */
#ifndef FNN_RECURRENT_GATES_H
#define FNN_RECURRENT_GATES_H

#include "vmath_gates.h"

#if defined(FNN_ISA_AVX512)
FNN_INLINE fnn_vf fnn_cell_sigmoidf(fnn_vf x) {
  return 1.0f / fnn_exp2_of_product_and_1f(x, fnn_splatf(-1.44269504f));
}
FNN_INLINE fnn_vf fnn_cell_tanhf(fnn_vf x) { return fnn_quick_tanhf(x); }
#else
FNN_INLINE fnn_vf fnn_cell_sigmoidf(fnn_vf x) {
  fnn_vf t = x * -1.44269504f, scale;
  t = fnn_minf(fnn_splatf(128.0f), fnn_maxf(fnn_splatf(-127.0f), t));
  fnn_vf p = fnn_exp2_partsf(t, &scale);
  return 1.0f / ((p + 1.0f) * scale + 1.0f);
}
/* With e = e^-2|x| - 1: |tanh| = -e / (e + 2). */
FNN_INLINE fnn_vf fnn_cell_tanhf(fnn_vf x) {
  fnn_vf t = fnn_absf(x) * -2.88539008f, scale;
  fnn_vf p = fnn_exp2_partsf(fnn_maxf(fnn_splatf(-60.0f), t), &scale), e = scale * p + (scale - 1.0f);
  return fnn_copysignf(e / (e + 2.0f), x);
}
#endif
FNN_INLINE fnn_vd fnn_cell_sigmoidd(fnn_vd x) { return fnn_sigmoidd(x); }
FNN_INLINE fnn_vd fnn_cell_tanhd(fnn_vd x) { return fnn_tanhd(x); }

#endif
