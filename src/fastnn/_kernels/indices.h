/* indices.h: positions that are data, in any type of integers. */
#ifndef FNN_INDICES_H
#define FNN_INDICES_H

#include "fnn.h"

/* X(dtype, C type). */
#define INDEX_TYPES(X)                                                                                                 \
  X(FNN_BOOL, uint8_t) X(FNN_U8, uint8_t) X(FNN_I8, int8_t) X(FNN_U16, uint16_t) X(FNN_I16, int16_t)                   \
  X(FNN_U32, uint32_t) X(FNN_I32, int32_t) X(FNN_U64, uint64_t) X(FNN_I64, int64_t)

/* index[j] counted from 0; -1 when it is outside. */
FNN_INLINE int64_t index_at(const char *index, int64_t dtype, int64_t j, int64_t n) {
  int64_t i = -1;
  switch (dtype) {
#define READ(code, type) case code: i = (int64_t)((const type *)index)[j]; break;
    INDEX_TYPES(READ)
#undef READ
  }
  if (dtype == FNN_U64 && i < 0) return -1; /* beyond 2^63 */
  if (i < 0) i += n;
  return i >= 0 && i < n ? i : -1;
}

FNN_INLINE void set_status(const fnn_call *call, int32_t status) {
  __atomic_store_n(call->status, status, __ATOMIC_RELAXED);
}

/* body(dtype), with a constant for the commonest types of an index. */
#define WITH_INDEX_TYPE(dtype, body)                                                                                   \
  switch (dtype) {                                                                                                     \
    case FNN_I32: body(FNN_I32); break;                                                                                \
    case FNN_I64: body(FNN_I64); break;                                                                                \
    default: body(dtype);                                                                                              \
  }

#endif
