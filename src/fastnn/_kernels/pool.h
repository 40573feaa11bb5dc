/* pool.h: threads that help with runs.
 *
 * A run owns a job and works on it itself; helpers that are idle join. What a helper touches of a run, it touches
 * between `fnn_enter` and `fnn_leave`; what it waits on outside of them is the job, which is never freed. So a run is
 * over when its work is done and nobody is inside: it waits for no helper that has not come, or has lost its core.
 * (An OpenMP region would: all its threads meet at its end. On a busy machine that costs scheduler quanta.) */
#ifndef FNN_POOL_H
#define FNN_POOL_H

#include <stdatomic.h>
#include <stdint.h>

enum { FNN_MAX_THREADS = 32 }; /* of one run */

typedef struct fnn_job fnn_job;
struct fnn_job {
  void (*help)(fnn_job *job, uint32_t number, int thread); /* a helper's part; begins with fnn_enter */
  void *context;
  int cpu; /* of the owner, when it opened the job; -1 where that cannot be had */
  _Alignas(64) _Atomic uint64_t gate; /* number of the job << 32 | who is inside; open while the number is odd */
  _Atomic uint64_t free_threads;      /* bit t: nobody is thread t yet */
  atomic_int is_taken;
  _Alignas(64) atomic_int word;       /* what helpers wait for between phases; it only grows */
  atomic_int sleepers;                /* on `word` */
};

/* A job that nobody else has, or NULL when all are taken. Fill in `help` and `context`, then open it. */
fnn_job *fnn_take_job(void);

/* Lets up to `threads` - 1 helpers join, each with the job's number. Thread 0 is the caller. */
void fnn_open_job(fnn_job *job, int threads);

/* Keeps helpers out, waits for those inside, and gives the job back. */
void fnn_close_job(fnn_job *job);

/* Whether the job of that number is still open; if so, what it points to stays until fnn_leave. */
int fnn_enter(fnn_job *job, uint32_t number);
void fnn_leave(fnn_job *job);

/* Returns when `job->word` is past `value`: spins for the length of a middling step, then sleeps. */
void fnn_wait_past(fnn_job *job, int32_t value);

/* Sets `job->word` and wakes who sleeps on it. */
void fnn_pass(fnn_job *job, int32_t value);

/* A forked child has none of the threads: it begins with an empty pool. */
void fnn_install_fork_handler(void);

#endif
