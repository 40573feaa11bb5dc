/* types_f32.h: names the element type of a body that is compiled once for float32 and once for float64
 * (types_f64.h): T the element, V its vector of N lanes, M the mask of a comparison, FN(x) this type's fnn_x. */
#include "types_none.h"
#define T float
#define V fnn_vf
#define M fnn_vi32
#define MT int32_t
#define N FNN_VF
#define FN(name) fnn_##name##f
#define OWN(name) name##_f32
#define TYPE_DTYPE FNN_F32
#define COMMON FNN_COMMON /* of a function that most plans run for this type */
