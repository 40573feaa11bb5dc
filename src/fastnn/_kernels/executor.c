#include "executor.h"

#include <time.h>

#include "pool.h"

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* How threads share a run.
 *
 * A phase is cut into chunks. A thread takes its own chunks first, so that the same rows stay in the same core's cache
 * from step to step, then those that nobody has begun. The phase is over when its chunks are done, whoever did them:
 * a thread that has lost its core holds up nobody, and finds its place again when it comes back. Of a short phase it
 * takes all of its own but the last at once. */
enum {
  MAX_CHUNKS = FNN_MAX_THREADS, /* bits of `claims` */
  CHUNKS_PER_THREAD = 4,        /* what a thread may be late by costs a quarter of its share, not all of it */
  SHORT_FLOPS = 1 << 24,        /* some tens of microseconds */
  SHORT_BYTES = 1 << 20
};

/* A place in the run: a phase of a step of a batch. */
typedef struct {
  int64_t batch, step;
  int phase;
} place;

typedef struct {
  const fnn_instance *instance;
  int64_t begin, end, batch_end;
  place start;
  uint32_t first; /* number of the first phase; they count on from run to run of a job */
  int threads;
  int32_t status;
  fnn_job *job; /* NULL for a run of one thread */
  int64_t failed_step;
  double phase_start;
  _Alignas(64) _Atomic uint64_t claims; /* number of the phase << 32 | which of its chunks are taken */
  _Alignas(64) atomic_int done;         /* chunks of this phase that are finished */
} team;

/* Of more phases than have a number of their own the last two alternate. */
static int64_t units_of(const fnn_work *work, int64_t phase) {
  return work->units[phase < FNN_MAX_PHASES ? phase : FNN_MAX_PHASES - 2 + (phase - FNN_MAX_PHASES) % 2];
}

static int64_t units_at(const team *team, place at) {
  return units_of(&team->instance->steps[at.step].work, at.phase);
}

static int chunks_at(const team *team, place at) {
  const fnn_step *step = &team->instance->steps[at.step];
  int64_t threads = fnn_min(team->threads, step->max_threads);
  if (threads <= 1) return 1;
  return (int)fnn_max(1, fnn_min(fnn_min(threads * CHUNKS_PER_THREAD, MAX_CHUNKS), units_at(team, at)));
}

/* The next phase that has work; 0 at the end. `at.phase` may point one past the step's last phase on entry. */
static int settle(const team *team, place *at) {
  while (at->batch < team->batch_end) {
    for (; at->step < team->end; at->step++, at->phase = 0)
      for (; at->phase < team->instance->steps[at->step].work.phases; at->phase++)
        if (units_at(team, *at) > 0) return 1;
    at->batch++;
    at->step = team->begin;
    if (team->begin == team->end) return 0;
  }
  return 0;
}

static int advance(const team *team, place *at) {
  at->phase++;
  return settle(team, at);
}

/* Whether a thread takes most of its share at once: what it may be late by is short then, and what a chunk costs beside
 * its work shows. */
static int is_short(const team *team, place at) {
  const fnn_work *work = &team->instance->steps[at.step].work;
  return work->flops < SHORT_FLOPS && work->bytes < SHORT_BYTES && work->flops + work->bytes > 0; /* 0: not told */
}

static void run_chunk(team *team, place at, int thread, int chunk, int end, int chunks, int follows) {
  if (__atomic_load_n(&team->status, __ATOMIC_RELAXED)) return; /* a step before failed: only the counting goes on */
  const fnn_instance *instance = team->instance;
  const fnn_step *step = &instance->steps[at.step];
  const fnn_call call = {
    .buf = instance->bufs + step->first_buf,
    .ints = step->ints,
    .reals = step->reals,
    .scratch = instance->scratch + thread * instance->scratch_bytes,
    .shared = instance->arena + step->shared,
    .memo = step->memo < 0 ? NULL : instance->arena + step->memo,
    .status = &team->status,
    .batch = at.batch,
    .program = instance->program,
    .phase = at.phase,
    .follows = follows,
  };
  int64_t units = units_at(team, at);
  step->run(&call, units * chunk / chunks, units * end / chunks);
  if (__atomic_load_n(&team->status, __ATOMIC_RELAXED)) __atomic_store_n(&team->failed_step, at.step, __ATOMIC_RELAXED);
}

static void note_time(team *team, int64_t step) {
  if (!team->instance->seconds) return;
  double now = now_s();
  team->instance->seconds[step] += now - team->phase_start;
  team->phase_start = now;
}

/* Takes up to `n` chunks from `chunk` on that nobody has begun; returns how many. */
static int claim(team *team, uint32_t number, int chunk, int n) {
  uint64_t seen = atomic_load(&team->claims);
  while (seen >> 32 == number) {
    int found = 0;
    while (found < n && !(seen >> (chunk + found) & 1)) found++;
    const uint64_t bits = (((uint64_t)1 << found) - 1) << chunk;
    if (!found || atomic_compare_exchange_weak(&team->claims, &seen, seen | bits)) return found;
  }
  return 0;
}

/* Counts `finished` chunks of phase `number`; whoever finishes the last opens the next phase. */
static void finish(team *team, uint32_t number, int finished, int chunks, int64_t step) {
  if (!finished || atomic_fetch_add(&team->done, finished) + finished < chunks) return;
  note_time(team, step);
  atomic_store(&team->done, 0);
  atomic_store(&team->claims, (uint64_t)(number + 1) << 32);
  fnn_pass(team->job, (int32_t)(number + 1));
}

/* Every thread walks the same phases, numbered alike. Phases of one chunk that follow each other are one.
 * `job_number` lets a helper back in after each wait; the owner of the run (0) never leaves. */
static void walk(team *team, int thread, uint32_t job_number) {
  fnn_job *job = team->job;
  place at = team->start;
  int more = settle(team, &at);
  for (uint32_t number = team->first; more; number++) {
    int chunks = chunks_at(team, at), finished = 0;
    if (chunks == 1) {
      int is_mine = claim(team, number, 0, 1);
      int64_t last;
      do {
        last = at.step;
        if (is_mine) run_chunk(team, at, thread, 0, 1, 1, 0);
        more = advance(team, &at);
        if (is_mine && more && at.step != last) note_time(team, last);
      } while (more && chunks_at(team, at) == 1);
      finish(team, number, is_mine, 1, last);
    } else {
      /* Its own from the first on; those of others from their last on, where they get to last. */
      int own = chunks * thread / team->threads, own_end = chunks * (thread + 1) / team->threads;
      const int at_once = is_short(team, at) ? own_end - own - 1 : 1;
      for (int k = 0; k < chunks; k++) {
        int is_own = k < own_end - own, chunk = is_own ? own + k : (own - 1 - (k - (own_end - own)) + chunks) % chunks;
        int n = claim(team, number, chunk, is_own ? (int)fnn_max(1, fnn_min(at_once, own_end - chunk)) : 1);
        if (n) {
          run_chunk(team, at, thread, chunk, chunk + n, chunks, finished > 0);
          finished += n, k += n - 1;
        }
      }
      finish(team, number, finished, chunks, at.step);
      more = advance(team, &at);
    }
    if (!more && job_number) break;
    if (job_number) fnn_leave(job);
    fnn_wait_past(job, (int32_t)number); /* the owner waits for the last phase too */
    if (job_number && !fnn_enter(job, job_number)) return;
  }
  if (job_number) fnn_leave(job);
}

/* The same without anybody to share with. */
static void walk_alone(team *team) {
  place at = team->start;
  for (int more = settle(team, &at); more;) {
    int64_t step = at.step;
    run_chunk(team, at, 0, 0, 1, 1, 0);
    more = advance(team, &at);
    if (!more || at.step != step) note_time(team, step);
  }
}

/* Numbers below the least normal one cost a hundred cycles each on x86; optimizer state is full of them where a unit
 * has died. Returns what restore_float_mode takes. */
static uint64_t flush_denormals(void) {
  uint64_t mode = 0;
#if defined(__x86_64__)
  mode = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr((uint32_t)mode | 0x8040); /* flush to zero, denormals are zero */
#elif defined(__aarch64__)
  mode = __builtin_aarch64_get_fpcr();
  __builtin_aarch64_set_fpcr((uint32_t)mode | 1u << 24);
#endif
  return mode;
}

static void restore_float_mode(uint64_t mode) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr((uint32_t)mode);
#elif defined(__aarch64__)
  __builtin_aarch64_set_fpcr((uint32_t)mode);
#endif
}

static void walk_flushing(team *team, int thread, uint32_t job_number) {
  int is_flushing = team->instance->flushes_denormals;
  uint64_t mode = is_flushing ? flush_denormals() : 0;
  if (team->job) walk(team, thread, job_number);
  else walk_alone(team);
  if (is_flushing) restore_float_mode(mode);
}

static void help(fnn_job *job, uint32_t number, int thread) {
  if (fnn_enter(job, number)) walk_flushing(job->context, thread, number);
}

/* What sharing a run of some tens of microseconds gains or costs cannot be known beforehand. Cores under one cache hand
 * a line over in 30 ns, others in 150, and then what a step has made is further away than it takes to make it again;
 * the helpers sleep between calls that are far apart; a core is busy, or two are one. So short runs compare: some go as
 * those before, as many the other way, and those that follow the way whose shortest took less. */
enum { PRESENT, OTHER, REST }; /* stages */
enum { TRIES = 3, REST_RUNS = 64 }; /* runs that are compared, at least; runs that follow for each of them */
static const double TRY_S = 0.3e-3; /* how long runs are compared, at least: helpers that slept are awake by then */
static const double SHORT_S = 1e-3; /* a longer run gains by being shared */

static void note_run(fnn_pace *pace, int is_alone, double took_s) {
  if (pace->stage == REST) {
    if (!--pace->runs) pace->stage = PRESENT;
    return;
  }
  double *least_s = &pace->least_s[is_alone], other_s = pace->least_s[!is_alone];
  *least_s = pace->runs && *least_s < took_s ? *least_s : took_s;
  pace->spent_s = pace->runs ? pace->spent_s + took_s : took_s;
  if (++pace->runs < TRIES || pace->spent_s < TRY_S) return;
  if (pace->stage == PRESENT && *least_s < SHORT_S) {
    pace->stage = OTHER;
    pace->runs = 0;
  } else {
    if (pace->stage == OTHER && *least_s < other_s) pace->is_alone = is_alone;
    pace->stage = REST;
    pace->runs *= REST_RUNS;
  }
}

/* A run of one thread that nobody times, of which small calls make many: without what others would need to see. */
static int32_t execute_alone(const fnn_instance *instance, int64_t begin, int64_t end, int64_t batch, int64_t batches,
                             int64_t *failed_step) {
  int32_t status = FNN_OK;
  fnn_call call = {.scratch = instance->scratch, .status = &status, .program = instance->program};
  const uint64_t mode = instance->flushes_denormals ? flush_denormals() : 0;
  for (call.batch = batch; call.batch < batch + batches; call.batch++)
    for (int64_t s = begin; s < end; s++) {
      const fnn_step *step = &instance->steps[s];
      call.buf = instance->bufs + step->first_buf;
      call.ints = step->ints;
      call.reals = step->reals;
      call.shared = instance->arena + step->shared;
      call.memo = step->memo < 0 ? NULL : instance->arena + step->memo;
      for (call.phase = 0; call.phase < step->work.phases; call.phase++) {
        const int64_t units = units_of(&step->work, call.phase);
        if (units > 0) step->run(&call, 0, units);
        if (status) {
          *failed_step = s;
          goto done;
        }
      }
    }
done:
  if (instance->flushes_denormals) restore_float_mode(mode);
  return status;
}

int32_t fnn_execute(const fnn_instance *instance, int64_t begin, int64_t end, int64_t batch, int64_t batches,
                    int threads, int64_t *failed_step) {
  if (threads <= 1 && !instance->seconds)
    return execute_alone(instance, begin, end, batch, batches, failed_step);
  team team = {.instance = instance, .begin = begin, .end = end, .batch_end = batch + batches, .failed_step = -1};
  team.start = (place){.batch = batch, .step = begin};
  int widest = 1;
  for (int64_t s = begin; s < end; s++) widest = (int)fnn_max(widest, instance->steps[s].max_threads);
  team.threads = (int)fnn_min(fnn_min(threads, widest), MAX_CHUNKS);
  fnn_pace *pace = team.threads > 1 ? instance->pace : NULL;
  int is_alone = pace && pace->is_alone != (pace->stage == OTHER);
  if (is_alone) team.threads = 1;
  double start = pace || instance->seconds ? now_s() : 0;
  team.phase_start = start;
  team.job = team.threads > 1 ? fnn_take_job() : NULL;
  if (team.job) {
    team.first = (uint32_t)atomic_load(&team.job->word);
    atomic_store(&team.claims, (uint64_t)team.first << 32);
    team.job->help = help;
    team.job->context = &team;
    fnn_open_job(team.job, team.threads);
  }
  walk_flushing(&team, 0, 0);
  if (team.job) fnn_close_job(team.job);
  if (pace) note_run(pace, is_alone, now_s() - start);
  *failed_step = team.failed_step;
  return team.status;
}
