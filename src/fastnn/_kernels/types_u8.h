/* types_u8.h: names uint8, int8 and bool as the elements of a body that is compiled for floats too: see types_f32.h. */
#include "types_none.h"
#undef U
#undef IS_INTEGER
#define T uint8_t
#define V fnn_vu8
#define U fnn_vu8
#define M fnn_vi8
#define MT int8_t
#define N FNN_VECTOR_BYTES
#define FN(name) fnn_##name##b
#define OWN(name) name##_u8
#define TYPE_DTYPE FNN_U8
#define IS_INTEGER 1
#define TWIN_DTYPE FNN_I8
#define O fnn_vi8
