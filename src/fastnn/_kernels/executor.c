#include "executor.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

/* A barrier that spins, then yields: steps take microseconds, so sleeping would cost more than the work, but on a
 * machine with fewer free cores than threads the others must get the core. */
typedef struct {
  _Alignas(64) atomic_int waiting;
  _Alignas(64) atomic_int generation;
} barrier;

enum { SPINS = 2000 /* about 20 microseconds of pause instructions, the length of a middling step */ };

static void wait_barrier(barrier *b, int threads) {
  int generation = atomic_load_explicit(&b->generation, memory_order_acquire);
  if (atomic_fetch_add_explicit(&b->waiting, 1, memory_order_acq_rel) == threads - 1) {
    atomic_store_explicit(&b->waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&b->generation, generation + 1, memory_order_release);
    return;
  }
  for (int64_t spin = 0; atomic_load_explicit(&b->generation, memory_order_acquire) == generation; spin++) {
    if (spin > SPINS) {
      sched_yield();
    } else {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }
}

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
  const fnn_instance *instance;
  int64_t begin, end, batch, batches;
  barrier barrier;
  int32_t status;
  int64_t failed_step;
} team;

static void run_units(team *team, const fnn_call *call, int64_t s, int64_t begin, int64_t end) {
  if (__atomic_load_n(&team->status, __ATOMIC_RELAXED)) return; /* a step before failed: only meet the barriers */
  team->instance->steps[s].run(call, begin, end);
  if (__atomic_load_n(&team->status, __ATOMIC_RELAXED)) __atomic_store_n(&team->failed_step, s, __ATOMIC_RELAXED);
}

/* Every thread of the team walks the same steps. `pending` says that other threads may still be working on what
 * came before; all threads compute the same value, so they meet at the same barriers. Steps of one part are always
 * thread 0's, so between two of them there is no barrier. */
static void walk(team *team, int thread, int threads) {
  const fnn_instance *instance = team->instance;
  int pending = 0;
  for (int64_t batch = team->batch; batch < team->batch + team->batches; batch++) {
    for (int64_t s = team->begin; s < team->end; s++) {
      const fnn_step *step = &instance->steps[s];
      fnn_call call = {
        .buf = instance->bufs + step->first_buf,
        .ints = step->ints,
        .reals = step->reals,
        .scratch = instance->scratch + thread * instance->scratch_bytes,
        .shared = instance->arena + step->shared,
        .status = &team->status,
        .batch = batch,
        .program = instance->program,
      };
      double start = instance->seconds && thread == 0 ? now_s() : 0;
      for (int phase = 0; phase < step->work.phases; phase++) {
        int64_t units = step->work.units[phase];
        int64_t parts = fnn_max(1, fnn_min(fnn_min(threads, step->max_threads), units));
        if (threads > 1 && (pending || parts > 1)) wait_barrier(&team->barrier, threads);
        pending = parts > 1;
        if (thread < parts && units > 0) {
          call.phase = phase;
          run_units(team, &call, s, units * thread / parts, units * (thread + 1) / parts);
        }
      }
      if (instance->seconds) {
        if (pending && threads > 1) wait_barrier(&team->barrier, threads);
        pending = 0;
        if (thread == 0) instance->seconds[s] += now_s() - start;
      }
    }
  }
}

int32_t fnn_execute(const fnn_instance *instance, int64_t begin, int64_t end, int64_t batch, int64_t batches,
                    int threads, int64_t *failed_step) {
  team team = {.instance = instance, .begin = begin, .end = end, .batch = batch, .batches = batches, .failed_step = -1};
  int widest = 1;
  for (int64_t s = begin; s < end; s++)
    if (instance->steps[s].max_threads > widest) widest = instance->steps[s].max_threads;
  if (threads > widest) threads = widest;
  if (threads <= 1) {
    walk(&team, 0, 1);
  } else {
#pragma omp parallel num_threads(threads)
    walk(&team, omp_get_thread_num(), omp_get_num_threads());
  }
  *failed_step = team.failed_step;
  return team.status;
}

/* libgomp's idle workers do not survive a fork, and the child would wait for them: give them back before it. */
static void release_pool(void) { omp_pause_resource_all(omp_pause_soft); }

void fnn_install_fork_handler(void) { pthread_atfork(release_pool, NULL, NULL); }
