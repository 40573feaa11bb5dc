/* types_i16.h: names int16, and uint16, as the elements of a body that is compiled for floats too: see types_f32.h. */
#include "types_none.h"
#undef U
#undef IS_INTEGER
#define T int16_t
#define V fnn_vi16
#define U fnn_vu16
#define M fnn_vi16
#define MT int16_t
#define N (FNN_VECTOR_BYTES / 2)
#define FN(name) fnn_##name##s
#define OWN(name) name##_i16
#define TYPE_DTYPE FNN_I16
#define IS_INTEGER 1
#define TWIN_DTYPE FNN_U16
#define O fnn_vu16
