/* fnn.h: the contract between kernels, the executor and the planner.
 *
 * A kernel is a pair of functions in the table of its family:
 *   size  tells, from the integer parameters alone, how the work splits: phases, units a phase, scratch, cost;
 *   run   does the units [begin, end) of one phase.
 * Units of a phase are independent: any thread may do any of them in any order and the result has the same bits.
 * What phase p wrote is seen by every unit of phase p+1. A kernel allocates nothing, prints nothing, and
 * writes only to its output buffers, its scratch, its shared memory and its memo; results depend on no memo. */
#ifndef FNN_H
#define FNN_H

#include <stdint.h>
#include <string.h>

#define FNN_PASTE_(a, b) a##b
#define FNN_PASTE(a, b) FNN_PASTE_(a, b)
#define FNN_INLINE static inline __attribute__((always_inline))

/* Of a function that most plans run. The system maps code 64 KiB at a time, which counts as memory of the process:
 * the linker puts these together, those of one instruction set behind each other. */
#ifdef __ELF__
#define FNN_COMMON __attribute__((section(".text.hot")))
#else
#define FNN_COMMON
#endif

#ifdef FNN_CONTRACTS
#define FNN_REQUIRE(cond)                                                                                              \
  do {                                                                                                                 \
    if (!(cond)) __builtin_trap();                                                                                     \
  } while (0)
#else
#define FNN_REQUIRE(cond) ((void)0)
#endif

/* Element types, in the order of fastnn._kernels.DTYPES; then the halves, which only programs read and write. */
enum fnn_dtype {
  FNN_BOOL, FNN_U8, FNN_I8, FNN_U16, FNN_I16, FNN_U32, FNN_I32, FNN_U64, FNN_I64, FNN_F32, FNN_F64, FNN_F16, FNN_BF16,
  FNN_N_DTYPES
};

enum {
  FNN_MAX_PHASES = 4,
  FNN_ALIGN = 64,  /* bytes: arena buffers, scratch and shared memory start on a cache line */
  FNN_BLOCK = 1024 /* elements of a program's temporaries: 4 KiB of float32, eight of them fit in a 32 KiB L1 */
};

/* Values of *call->status: what a kernel found wrong in the data. The run stops before anything that follows. */
enum fnn_status { FNN_OK, FNN_INDEX_OUT_OF_RANGE };

typedef struct fnn_call fnn_call;

/* Runs a program of elementwise instructions over rows [row, row+rows) by columns [col, col+cols) of the
 * iteration space in which its operands' strides are given. `scratch` has fnn_program_scratch() bytes. Where call->memo
 * is not NULL it has fnn_program_memo() bytes, and a tile of the size of the last one is not decoded again.
 * See program.h for the encoding. One for each of float32 and float64 in the elementwise table. */
typedef void fnn_program_fn(const int64_t *program, const fnn_call *call, int64_t row, int64_t rows, int64_t col,
                            int64_t cols, char *scratch);

struct fnn_call {
  char *const *buf;      /* buffers, in the order of the kernel's contract; an optional one may be NULL */
  const int64_t *ints;   /* integer parameters: sizes, strides in elements, flags, programs */
  const double *reals;   /* real parameters, constants of programs */
  char *scratch;         /* this thread's own, scratch_bytes, 64-byte aligned, contents undefined; see follows */
  char *shared;          /* the step's own, shared_bytes, 64-byte aligned, kept from phase to phase */
  char *memo;            /* the step's own, memo_bytes, 64-byte aligned, zero at first, kept from run to run; NULL where
                            threads share the step. What a kernel notes there it must compare with what it was given. */
  int32_t *status;       /* set to an fnn_status when the data is bad; never cleared by a kernel */
  char *tile;            /* what an operand FNN_TILE of a program is; set by kernels that have such an epilogue */
  int32_t is_far;        /* 1: no cache holds the space of the program that is run by it; set by the same kernels */
  int64_t batch;         /* which of the batches of this run is being done: 0, 1, ... */
  fnn_program_fn *const *program; /* the table's program runners: [0] float32, [1] float64 */
  int32_t phase;
  int32_t follows; /* 1: this thread's last call did other units of this phase, and scratch is as it was left */
};

typedef struct {
  int32_t phases;
  int64_t units[FNN_MAX_PHASES]; /* of each phase; of phases beyond these the last two alternate */
  int64_t scratch_bytes; /* a thread */
  int64_t shared_bytes;  /* a step */
  int64_t memo_bytes;    /* a step */
  double flops, bytes;   /* arithmetic done and memory read and written, for the cost model and explain() */
} fnn_work;

typedef void fnn_run_fn(const fnn_call *call, int64_t begin, int64_t end);
typedef void fnn_size_fn(const int64_t *ints, fnn_work *work);

typedef struct {
  const char *name; /* "<kernel>_<f32|f64>" where the kernel has a float type, plain otherwise */
  fnn_run_fn *run;
  fnn_size_fn *size;
} fnn_entry;

/* What a family exports for one instruction set: fnn_<family>_<isa>. */
typedef struct {
  const fnn_entry *entries;       /* ends with a NULL name */
  fnn_program_fn *const *program; /* elementwise only */
  const char *const *opcodes;     /* elementwise only: names in opcode order, ends with NULL */
} fnn_table;

#define FNN_TABLE(family) FNN_PASTE(FNN_PASTE(fnn_##family, _), FNN_ISA)

FNN_INLINE int64_t fnn_min(int64_t a, int64_t b) { return a < b ? a : b; }
FNN_INLINE int64_t fnn_max(int64_t a, int64_t b) { return a > b ? a : b; }
FNN_INLINE int64_t fnn_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
FNN_INLINE int64_t fnn_round_up(int64_t a, int64_t b) { return fnn_ceil_div(a, b) * b; }
FNN_INLINE int64_t fnn_dtype_bytes(int64_t dtype) {
  static const int8_t bytes[FNN_N_DTYPES] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 2, 2};
  return bytes[dtype];
}

#endif
