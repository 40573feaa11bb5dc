/* types_i32.h: names int32, and uint32, as the elements of a body that is compiled for floats too: see types_f32.h. */
#include "types_none.h"
#undef U
#undef IS_INTEGER
#define T int32_t
#define V fnn_vi32
#define U fnn_vu32
#define M fnn_vi32
#define MT int32_t
#define N FNN_VF
#define FN(name) fnn_##name##i
#define OWN(name) name##_i32
#define TYPE_DTYPE FNN_I32
#define IS_INTEGER 1
#define TWIN_DTYPE FNN_U32 /* numbers of as many bits, with no sign or with one */
#define O fnn_vu32         /* its vector */
