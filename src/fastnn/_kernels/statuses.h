/* statuses.h: what a kernel may find wrong in its data, the one table of it: number, exception, what that says. */
#ifndef FNN_STATUSES_H
#define FNN_STATUSES_H

#include "fnn.h"

enum { FNN_SINGULAR = FNN_INDEX_OUT_OF_RANGE + 1, FNN_NOT_POSITIVE };

/* The exception is one of Python's own or of numpy.linalg. */
#define FNN_STATUSES(row)                                                                                              \
  row(FNN_INDEX_OUT_OF_RANGE, "IndexError", "an index is out of range")                                                \
  row(FNN_SINGULAR, "LinAlgError", "Singular matrix")                                                                  \
  row(FNN_NOT_POSITIVE, "ValueError", "decomposition failed: Matrix is not positive definite")

#endif
