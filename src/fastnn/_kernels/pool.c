#define _GNU_SOURCE /* sched_getcpu, CPU sets */
#include "pool.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum {
  JOBS = 64,    /* runs at the same time that get help; others work alone */
  SPINS = 4000  /* some tens of microseconds of pause instructions, the length of a middling step */
};

static fnn_job jobs[JOBS];
static atomic_int jobs_used; /* jobs[0 .. jobs_used) have been taken at some time */
static atomic_int workers;   /* threads that exist */
static atomic_int posted;    /* counts openings; idle workers wait for it to change */
static atomic_int idle;      /* workers that sleep on `posted` */

static void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#if defined(__linux__)
static void sleep_while(atomic_int *word, int value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0); }
static void wake(atomic_int *word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, 0, 0, 0); }
#else
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void sleep_while(atomic_int *word, int value) {
  pthread_mutex_lock(&mutex);
  while (atomic_load(word) == value) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}
static void wake(atomic_int *word, int count) {
  (void)word, (void)count;
  pthread_mutex_lock(&mutex);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}
#endif

int fnn_enter(fnn_job *job, uint32_t number) {
  uint64_t gate = atomic_load(&job->gate);
  while (gate >> 32 == number)
    if (atomic_compare_exchange_weak(&job->gate, &gate, gate + 1)) return 1;
  return 0;
}

void fnn_leave(fnn_job *job) { atomic_fetch_sub(&job->gate, 1); }

/* Numbers wrap around: one is past another that is less than half their range behind it. */
static int is_past(int32_t word, int32_t value) { return (int32_t)((uint32_t)word - (uint32_t)value) > 0; }

void fnn_wait_past(fnn_job *job, int32_t value) {
  for (int spin = 0; spin < SPINS; spin++) {
    if (is_past(atomic_load_explicit(&job->word, memory_order_acquire), value)) return;
    pause_cpu();
  }
  atomic_fetch_add(&job->sleepers, 1);
  int32_t word;
  while (!is_past(word = atomic_load(&job->word), value)) sleep_while(&job->word, word);
  atomic_fetch_sub(&job->sleepers, 1);
}

void fnn_pass(fnn_job *job, int32_t value) {
  atomic_store(&job->word, value);
  if (atomic_load(&job->sleepers)) wake(&job->word, INT_MAX);
}

/* Thread `wanted` of the job, so that a worker gets the same rows from run to run, or else any; 0 if all are there. */
static int join(fnn_job *job, int wanted) {
  uint64_t free = atomic_load(&job->free_threads);
  while (free) {
    int thread = free >> wanted & 1 ? wanted : __builtin_ctzll(free);
    if (atomic_compare_exchange_weak(&job->free_threads, &free, free & ~((uint64_t)1 << thread))) return thread;
  }
  return 0;
}

#if defined(__linux__)
static int present_cpu(void) { return sched_getcpu(); }

/* The kernel may wake a worker on the CPU of the thread that calls for help, and leave both there for some tens of
 * milliseconds while another idles. Then the worker has taken the place of the one it came to help: it moves on. */
static void leave_cpu(int cpu) {
  cpu_set_t allowed, others;
  if (cpu < 0 || sched_getcpu() != cpu || sched_getaffinity(0, sizeof allowed, &allowed)) return;
  others = allowed;
  CPU_CLR(cpu, &others);
  if (CPU_COUNT(&others) && !sched_setaffinity(0, sizeof others, &others))
    sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
static int present_cpu(void) { return -1; }
static void leave_cpu(int cpu) { (void)cpu; }
#endif

/* Helps with one job, if any is open; whether it did. */
static int help_any(int worker) {
  int used = atomic_load(&jobs_used);
  for (int k = 0; k < used; k++) {
    fnn_job *job = &jobs[k];
    uint32_t number = (uint32_t)(atomic_load(&job->gate) >> 32);
    if (!(number & 1) || !atomic_load(&job->free_threads) || !fnn_enter(job, number)) continue;
    int thread = join(job, (worker + 1) % FNN_MAX_THREADS);
    void (*help)(fnn_job *, uint32_t, int) = job->help;
    int cpu = job->cpu;
    fnn_leave(job);
    if (!thread) continue;
    leave_cpu(cpu);
    help(job, number, thread);
    return 1;
  }
  return 0;
}

static void *work(void *argument) {
  int worker = (int)(intptr_t)argument;
  for (;;) {
    int seen = atomic_load(&posted);
    if (help_any(worker)) continue;
    int spin = 0;
    while (atomic_load_explicit(&posted, memory_order_acquire) == seen && spin++ < SPINS) pause_cpu();
    if (spin < SPINS) continue;
    atomic_fetch_add(&idle, 1);
    if (atomic_load(&posted) == seen) sleep_while(&posted, seen);
    atomic_fetch_sub(&idle, 1);
  }
  return NULL;
}

/* Starts workers until there are `wanted`, as far as the system lets it. Signals stay with the other threads. */
static void start_workers(int wanted) {
  int existing = atomic_load(&workers);
  while (existing < wanted) {
    if (!atomic_compare_exchange_weak(&workers, &existing, existing + 1)) continue;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, work, (void *)(intptr_t)existing);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
      atomic_fetch_sub(&workers, 1);
      return;
    }
    pthread_detach(thread);
    existing++;
  }
}

fnn_job *fnn_take_job(void) {
  for (int k = 0; k < JOBS; k++) {
    int free = 0;
    if (atomic_load(&jobs[k].is_taken) || !atomic_compare_exchange_strong(&jobs[k].is_taken, &free, 1)) continue;
    int used = atomic_load(&jobs_used);
    while (used <= k && !atomic_compare_exchange_weak(&jobs_used, &used, k + 1)) {}
    return &jobs[k];
  }
  return NULL;
}

void fnn_open_job(fnn_job *job, int threads) {
  start_workers(threads - 1);
  job->cpu = present_cpu();
  atomic_store(&job->free_threads, ((uint64_t)1 << threads) - 2);
  atomic_fetch_add(&job->gate, (uint64_t)1 << 32);
  atomic_fetch_add(&posted, 1);
  if (atomic_load(&idle)) wake(&posted, threads - 1);
}

void fnn_close_job(fnn_job *job) {
  atomic_store(&job->free_threads, 0);
  atomic_fetch_add(&job->gate, (uint64_t)1 << 32);
  for (int spin = 0; (uint32_t)atomic_load(&job->gate); spin++) {
    if (spin < SPINS) pause_cpu();
    else sched_yield();
  }
  atomic_store(&job->is_taken, 0);
}

static void forget_threads(void) {
  memset(jobs, 0, sizeof jobs);
  atomic_store(&workers, 0);
  atomic_store(&idle, 0);
}

void fnn_install_fork_handler(void) { pthread_atfork(NULL, NULL, forget_threads); }
