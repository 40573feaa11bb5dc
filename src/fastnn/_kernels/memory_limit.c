#include "memory_limit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* As numpy/ndarraytypes.h declares them; the layout is fixed by `version`. */
typedef struct {
  void *ctx;
  void *(*malloc)(void *ctx, size_t size);
  void *(*calloc)(void *ctx, size_t count, size_t size);
  void *(*realloc)(void *ctx, void *memory, size_t size);
  void (*free)(void *ctx, void *memory, size_t size);
} allocator;

typedef struct {
  char name[127];
  uint8_t version;
  allocator allocator;
} handler;

typedef struct {
  handler handler;
  atomic_llong left;
} limited;

static int take(limited *of, size_t size) {
  if (size > INT64_MAX / 2) return 0;
  if (atomic_fetch_sub(&of->left, (long long)size) >= (long long)size) return 1;
  atomic_fetch_add(&of->left, (long long)size);
  return 0;
}

static void *limited_malloc(void *of, size_t size) {
  if (!take(of, size)) return NULL;
  void *memory = malloc(size);
  if (!memory) atomic_fetch_add(&((limited *)of)->left, (long long)size);
  return memory;
}

static void *limited_calloc(void *of, size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) return NULL;
  if (!take(of, count * size)) return NULL;
  void *memory = calloc(count, size);
  if (!memory) atomic_fetch_add(&((limited *)of)->left, (long long)(count * size));
  return memory;
}

/* The old size is not known here, so it stays counted: arrays that grow are few. */
static void *limited_realloc(void *of, void *old, size_t size) {
  if (!take(of, size)) return NULL;
  void *memory = realloc(old, size);
  if (!memory) atomic_fetch_add(&((limited *)of)->left, (long long)size);
  return memory;
}

static void limited_free(void *of, void *memory, size_t size) {
  atomic_fetch_add(&((limited *)of)->left, (long long)size);
  free(memory);
}

void *fnn_limited_memory(int64_t limit) {
  limited *made = calloc(1, sizeof(limited));
  if (!made) return NULL;
  strcpy(made->handler.name, "fastnn_limited");
  made->handler.version = 1;
  made->handler.allocator = (allocator){made, limited_malloc, limited_calloc, limited_realloc, limited_free};
  atomic_init(&made->left, limit);
  return made;
}

void fnn_free_limited_memory(void *made) { free(made); }
