/* executor.h: runs a plan, a flat array of kernel calls.
 *
 * One run may do many batches. Inside it: no barrier but "all of this phase is done" between
 * phases that are shared, no allocation, no Python. The same plan may run in several threads at once, each with its own
 * fnn_instance (arena and resolved pointers). */
#ifndef FNN_EXECUTOR_H
#define FNN_EXECUTOR_H

#include "fnn.h"

typedef struct {
  fnn_run_fn *run;
  int32_t first_buf;   /* index into fnn_instance.bufs */
  const int64_t *ints;
  const double *reals;
  fnn_work work;
  int32_t max_threads; /* chosen by the planner: 1 for steps too small to share */
  int64_t shared;      /* offset of the step's shared memory in the arena */
  int64_t memo;        /* offset of the step's memo in the arena; -1: none */
} fnn_step;

/* Whether the short runs of an arena are shared, found by trying both ways now and then. Zero at first: shared. */
typedef struct {
  int32_t stage, is_alone;
  int64_t runs;      /* of this stage; while one way is followed, those that are left */
  double spent_s;    /* in this stage */
  double least_s[2]; /* the shortest run shared, and alone */
} fnn_pace;

typedef struct {
  const fnn_step *steps;
  char **bufs;         /* the buffers of every step, one after another */
  char *arena;
  char *scratch;       /* threads * scratch_bytes */
  int64_t scratch_bytes;
  fnn_program_fn *const *program;
  fnn_pace *pace;      /* NULL: as many threads as are allowed */
  double *seconds;     /* NULL, or a time for each step, added to */
  int32_t flushes_denormals; /* numbers below the least normal one count as zero, in and out */
} fnn_instance;

/* Runs steps [begin, end) for batches [batch, batch + batches) on at most `threads` threads.
 * Returns FNN_OK, or the status of the step that failed and its number in *failed_step. */
int32_t fnn_execute(const fnn_instance *instance, int64_t begin, int64_t end, int64_t batch, int64_t batches,
                    int threads, int64_t *failed_step);

#endif
