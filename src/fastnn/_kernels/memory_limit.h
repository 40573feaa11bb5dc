#pragma once
/* NumPy's memory with a limit: a handler in the form of NEP 49, whose allocations fail where more than `limit` bytes
   would be in use at once. NumPy raises MemoryError then. */
#include <stdint.h>

void *fnn_limited_memory(int64_t limit); /* a PyDataMem_Handler, or NULL */
void fnn_free_limited_memory(void *handler);
