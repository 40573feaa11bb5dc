/* types_f64.h: names the element type of a body that is compiled once for float64 and once for float32
 * (types_f32.h): T the element, V its vector of N lanes, M the mask of a comparison, FN(x) this type's fnn_x. */
#include "types_none.h"
#define T double
#define V fnn_vd
#define M fnn_vi64
#define MT int64_t
#define N FNN_VD
#define FN(name) fnn_##name##d
#define OWN(name) name##_f64
#define TYPE_DTYPE FNN_F64
#define COMMON
