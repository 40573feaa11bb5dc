/* caches.h: what the system says of the CPU's caches. */
#ifndef FNN_CACHES_H
#define FNN_CACHES_H

#include <unistd.h>

#include "fnn.h"

/* Bytes of the cache of level 2 or 3, 0 where the system does not say. It is asked once: a virtual CPU may have to
 * leave its machine for the answer. */
static int64_t fnn_cache_bytes(int level) {
#ifdef _SC_LEVEL2_CACHE_SIZE
  static int64_t known[4]; /* and 1; every thread finds the same */
  int64_t bytes = __atomic_load_n(&known[level], __ATOMIC_RELAXED) - 1;
  if (bytes >= 0) return bytes;
  bytes = fnn_max(0, sysconf(level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE));
  __atomic_store_n(&known[level], bytes + 1, __ATOMIC_RELAXED);
  return bytes;
#else
  return 0 * level;
#endif
}

#endif
