/* types_i64.h: names int64, and uint64, as the elements of a body that is compiled for floats too: see types_f32.h. */
#include "types_none.h"
#undef U
#undef IS_INTEGER
#define T int64_t
#define V fnn_vi64
#define U fnn_vu64
#define M fnn_vi64
#define MT int64_t
#define N FNN_VD
#define FN(name) fnn_##name##l
#define OWN(name) name##_i64
#define TYPE_DTYPE FNN_I64
#define IS_INTEGER 1
#define TWIN_DTYPE FNN_U64
#define O fnn_vu64
