/* elementwise_body.h: programs of the opcodes of opcodes_body.h, which elementwise.c compiles for float32,
 * float64, int64, int32, int16 and uint8 (T, V, U, M, N, FN, OWN: types_f32.h).
 *
 * A program is decoded once for tiles of one size, then run block by block. Every register has a block of scratch, but
 * the pointer of a register that is an operand of contiguous rows goes straight into the operand's buffer, and a value
 * whose first use is to be stored is computed there. A register that is the same for the whole tile (a scalar operand,
 * or made from such) holds one vector of equal lanes and is computed once. */

enum {
  OWN(BLOCK) = FNN_BLOCK * 4 / (int)sizeof(T),
  /* Of a space that no cache holds. Passes over a longer block leave memory idle while they work on what the first one
   * has fetched; over this few, the CPU has begun with the next block before this one is done. */
  OWN(FAR_BLOCK) = 192 * 4 / (int)sizeof(T),
  /* There, of LONG_UPDATE instructions and more that write in place, unless their lines are asked for: what beginning
   * each takes is more than is idle. */
  OWN(UPDATE_BLOCK) = 512 * 4 / (int)sizeof(T),
  OWN(LONG_UPDATE) = 3,
  /* There, with results that go past the caches: no store waits for its line, and what is read is asked for. */
  OWN(STREAMED_BLOCK) = 384 * 4 / (int)sizeof(T),
  OWN(LINE) = 64 / (int)sizeof(T)
};

#include "elementwise_blocks_body.h"

/* ---- decoding ---- */

/* Of an operand. DIRECT: read and written where it lies. STRIDED: so too, row by row of a block of many rows. COLUMN: a
 * number for each row of such a block, read where it lies. */
enum { OWN(SCALAR), OWN(ROW_SCALAR), OWN(DIRECT), OWN(STRIDED), OWN(COLUMN), OWN(REPLICATED), OWN(LOADED) };

typedef struct {
  char *base;      /* element (0, 0) of the space; NULL for a constant */
  char *tile;      /* element (0, 0) of the tile; of a constant, where it stands among the parameters */
  int64_t row_stride, col_stride;
  int32_t dtype;
  int8_t mode;
  int8_t is_read;
  int8_t is_asked;    /* for its lines, at the start of a block */
  int8_t is_streamed; /* what is stored to it goes past the caches */
} OWN(operand);

/* When an instruction runs: once a tile or once a block on one vector of equal lanes, or over the whole block, where
 * BY_COLUMN one of its two inputs is a COLUMN; TRUTHS makes bools in the operand dst. */
enum { OWN(ONCE), OWN(ONCE_FILL), OWN(PER_BLOCK), OWN(FILL), OWN(ELEMENTS), OWN(BY_COLUMN), OWN(STORES), OWN(TRUTHS) };

typedef struct {
  union {
    OWN(op_fn) *fn;
    OWN(by_column_fn) *by_column;
    OWN(truth_fn) *truths;
  };
  int32_t dst, in[FNN_MOST_INPUTS]; /* registers; of fewer inputs, the rest are the first again */
  int8_t when;
  int8_t scalars;                   /* bit k: input k is one, or a COLUMN */
  int8_t by_rows;                   /* a register is STRIDED: a call for each row of the block */
  int8_t opcode;
} OWN(instruction);

typedef struct {
  T *block;         /* this register's own scratch */
  T *now;           /* where its value is in the present block */
  int64_t step;     /* from a row of a block to the next, unless it is a scalar */
  int32_t slot;     /* decoding: the register that holds this one's value (an operand it was stored to, or itself) */
  int32_t producer; /* decoding: the instruction that made it, -1 when none can be redirected */
  int16_t definitions, reads; /* reads: by instructions, stores among them */
  int8_t is_scalar; /* decoding: 0 varies within the block, 1 within the tile, 2 is one for the tile */
  int8_t is_filled; /* decoding: its block is full though it is a scalar */
  int8_t is_column; /* decoding: an operand of that mode */
  int8_t varies;    /* decoding: within a row */
} OWN(reg);

typedef struct {
  const char *scratch;            /* what it was decoded for; NULL before */
  int64_t tile_rows, tile_cols;
  int64_t row, col;               /* where the last tile was */
  int64_t rows, cols;             /* of the largest tile, as it is run */
  int64_t block_rows, block_cols; /* of a block */
  int64_t block_size;             /* elements of a register's block, a multiple of N */
  int only_moves;                 /* from a block to the next of its row, nothing but pointers changes */
  int asks_for_lines;             /* of the targets that nobody reads, before they are written */
  int streams;                    /* a target is_streamed */
  int is_whole;                   /* a block is a tile: see is_by_rows */
  int asks_ahead;                 /* for what a block to come reads */
  int is_column, is_flat;         /* tiles are one column, run as a row; are contiguous, run as one row */
  int64_t n_operands, n_registers, n_instructions;
  int64_t n_once;                 /* instructions that run once a tile, which come first */
  OWN(operand) *operands;
  OWN(reg) *regs;
  OWN(instruction) *instructions;
} OWN(decoded);

_Static_assert(sizeof(OWN(operand)) <= FNN_PROGRAM_DECODED && sizeof(OWN(reg)) <= FNN_PROGRAM_DECODED &&
                 sizeof(OWN(instruction)) <= FNN_PROGRAM_DECODED && sizeof(OWN(decoded)) <= FNN_PROGRAM_HEAD,
               "fnn_program_memo counts on it");

/* Marks the operands that instructions or reductions read, and counts the definitions and reads of registers. */
static void OWN(find_reads)(OWN(decoded) *d, const int64_t *program, const int64_t *reductions, int64_t n_reductions) {
  for (int64_t k = 0; k < program[1]; k++) {
    const int64_t *ins = fnn_program_instruction(program, k);
    int arity = OWN(opcodes)[ins[0]].arity;
    for (int j = 0; j < arity; j++) {
      if (ins[2 + j] < d->n_operands) d->operands[ins[2 + j]].is_read = 1;
      d->regs[ins[2 + j]].reads++;
    }
    if (ins[0] != FNN_OP_STORE) d->regs[ins[1]].definitions++;
  }
  for (int64_t k = 0; k < n_reductions; k++)
    if (reductions[4 * k + 1] < d->n_operands) d->operands[reductions[4 * k + 1]].is_read = 1;
}

/* Whether the program is one instruction that reads, and stores, rows where they lie or numbers of a column: then a
 * tile is a block, as nothing passes through scratch, and what beginning each row's would take is saved. */
static int OWN(is_by_rows)(const OWN(decoded) *d, const int64_t *program, int64_t n_reductions) {
  const int64_t *ins = fnn_program_instruction(program, 0), *store = fnn_program_instruction(program, 1);
  if (n_reductions || program[1] != 2 || store[0] != FNN_OP_STORE || ins[0] == FNN_OP_STORE || ins[1] != store[2])
    return 0;
  const OWN(opcode) *opcode = &OWN(opcodes)[ins[0]];
  int varies = 0, columns = 0;
  for (int j = -1; j < opcode->arity; j++) {
    const int64_t k = j < 0 ? store[1] : ins[2 + j];
    const OWN(operand) *o = &d->operands[k];
    const int is_of_numbers = !o->col_stride && o->row_stride; /* one a row */
    if (k >= d->n_operands || !OWN(is_own)(o->dtype) || (o->col_stride != 1 && !is_of_numbers)) return 0;
    if (j >= 0) varies += o->col_stride, columns += !o->col_stride;
  }
  return varies && (!columns || (columns == 1 && OWN(by_column)(opcode->fn[0], 0)));
}

/* Chooses the block's shape. Rows go together in one block where they are short, or where all operands are
 * contiguous, whole rows or scalars; then a multiple of N of them, so that no block but the last has a tail. most:
 * elements of a block of one row; most_of_rows: of several without gaps. */
static void OWN(choose_block)(OWN(decoded) *d, int most, int most_of_rows) {
  enum { LONG_ROW = 256 /* elements: above it, a call a row and instruction costs less than copying rows together */ };
  int rows_are_contiguous = 1;
  for (int64_t k = 0; k < d->n_operands; k++) {
    const OWN(operand) *o = &d->operands[k];
    const int is_of_rows = !o->is_read && !o->col_stride; /* what rows are reduced to */
    if (o->row_stride && !(o->col_stride == 1 && o->row_stride == d->cols) && !is_of_rows) rows_are_contiguous = 0;
  }
  int64_t cols = d->cols;
  if (d->rows == 1 || cols > OWN(BLOCK) / 2 || (cols >= LONG_ROW && !rows_are_contiguous)) {
    if (d->is_whole) {
      d->block_rows = d->rows, d->block_cols = cols;
      return;
    }
    int64_t pieces = fnn_max(1, fnn_ceil_div(cols, most));
    d->block_rows = 1;
    d->block_cols = fnn_min(most, fnn_max(1, fnn_round_up(fnn_ceil_div(cols, pieces), N)));
    if (pieces == 1) d->block_cols = fnn_max(1, cols);
    return;
  }
  d->is_whole = 0;
  int64_t rows = (rows_are_contiguous ? most_of_rows : OWN(BLOCK)) / fnn_max(cols, 1);
  if (rows >= N) rows -= rows % N;
  d->block_rows = fnn_max(1, fnn_min(rows, d->rows));
  d->block_cols = fnn_max(1, cols);
}

/* Whether register k has a block in scratch, which what lies without gaps has not: it is read or written there. */
static int OWN(has_block)(const OWN(decoded) *d, int64_t k) {
  const OWN(operand) *o = &d->operands[k];
  if (k >= d->n_operands || !OWN(is_own)(o->dtype)) return 1;
  return o->col_stride != 1 || (d->rows > 1 && o->row_stride != d->cols);
}

/* Elements of a block of a near space: more where few registers share the scratch of all, and what one instruction
 * leaves in operands for another stays within 16 KiB of the first cache. Sums go by blocks of one length. */
static int OWN(longest_block)(const OWN(decoded) *d, const int64_t *program, int64_t n_reductions) {
  enum { MOST = 4 /* of 4 KiB */ };
  int64_t blocks = 0, kept = 0;
  for (int64_t k = 0; k < d->n_registers; k++) {
    const int has_block = OWN(has_block)(d, k);
    blocks += has_block;
    kept += !has_block && d->regs[k].reads > 1;
  }
  for (int64_t k = 0; k < program[1]; k++) {
    const int64_t *ins = fnn_program_instruction(program, k);
    kept += ins[0] == FNN_OP_STORE && !OWN(has_block)(d, ins[1]) && d->regs[ins[2]].reads > 1;
  }
  if (n_reductions || !blocks) return OWN(BLOCK);
  return OWN(BLOCK) * (int)fnn_min(d->n_registers / blocks, MOST / fnn_max(1, fnn_min(kept, MOST)));
}

/* An instruction of one input. */
static void OWN(add)(OWN(decoded) *d, int when, int dst, int a) {
  d->instructions[d->n_instructions++] = (OWN(instruction)){.when = (int8_t)when, .dst = dst, .in = {a, a, a, a, a, a}};
}

/* Makes the block of a scalar register full. */
static void OWN(need_filled)(OWN(decoded) *d, int slot) {
  OWN(reg) *reg = &d->regs[slot];
  if (!reg->is_scalar || reg->is_filled) return;
  OWN(add)(d, reg->is_scalar == 2 ? OWN(ONCE_FILL) : OWN(FILL), slot, slot);
  reg->is_filled = 1;
}

/* A store: the instruction that made the value writes to the operand itself when it can; copies otherwise. */
static void OWN(decode_store)(OWN(decoded) *d, int target, int source) {
  OWN(reg) *reg = &d->regs[source];
  int slot = reg->slot, p = reg->producer;
  const OWN(operand) *operands = d->operands;
  int mode = operands[target].mode, direct = (mode == OWN(DIRECT) || mode == OWN(STRIDED)) && p >= 0;
  for (int k = p + 1; direct && k < d->n_instructions; k++) {
    const OWN(instruction) *between = &d->instructions[k];
    for (int j = -1; j < FNN_MOST_INPUTS; j++) {
      int used = j < 0 ? between->dst : between->in[j];
      if (used < d->n_operands && operands[used].base == operands[target].base) direct = 0;
    }
  }
  if (!direct) {
    OWN(need_filled)(d, slot);
    OWN(add)(d, OWN(STORES), target, slot);
    return;
  }
  for (int k = p; k < d->n_instructions; k++) {
    OWN(instruction) *ins = &d->instructions[k];
    if (k == p) {
      ins->dst = target;
      continue;
    }
    for (int j = 0; j < FNN_MOST_INPUTS; j++)
      if (ins->in[j] == slot) ins->in[j] = target;
  }
  reg->slot = target;
  reg->producer = -1;
}

static void OWN(decode_instruction)(OWN(decoded) *d, const int64_t *ins) {
  FNN_REQUIRE(ins[0] > FNN_OP_STORE && ins[0] < (int64_t)(sizeof OWN(opcodes) / sizeof OWN(opcodes)[0]) &&
              ins[1] >= d->n_operands && ins[1] < d->n_registers);
  _Static_assert(sizeof OWN(opcodes) / sizeof OWN(opcodes)[0] <= INT8_MAX, "an instruction has its opcode in 8 bits");
  const OWN(opcode) *opcode = &OWN(opcodes)[ins[0]];
  OWN(instruction) made = {.dst = (int32_t)ins[1], .opcode = (int8_t)ins[0]};
  int scalars = 0, columns = 0, level = 2;
  for (int k = 0; k < FNN_MOST_INPUTS; k++) {
    made.in[k] = d->regs[ins[2 + (k < opcode->arity ? k : 0)]].slot;
    const OWN(reg) *reg = &d->regs[made.in[k]];
    if (k >= opcode->arity) continue;
    if (reg->is_scalar) scalars |= 1 << k;
    if (reg->is_column) columns |= 1 << k;
    if (reg->is_scalar < level) level = reg->is_scalar;
  }
  OWN(reg) *dst = &d->regs[ins[1]];
  /* A temporary that is used again for something else must be computed in its turn in every block. */
  if (level == 2 && dst->definitions > 1) level = 1;
  made.fn = OWN(variant)(opcode, level ? 0 : scalars);
  if (!made.fn) {
    for (int k = 0; k < opcode->arity; k++) OWN(need_filled)(d, made.in[k]);
    made.fn = opcode->fn[0];
  }
  made.when = level == 2 ? OWN(ONCE) : level == 1 ? OWN(PER_BLOCK) : OWN(ELEMENTS);
  if (columns) made.when = OWN(BY_COLUMN), made.by_column = OWN(by_column)(opcode->fn[0], columns == 1);
  made.scalars = (int8_t)(scalars | columns);
  dst->slot = made.dst;
  dst->producer = level == 0 ? (int32_t)d->n_instructions : -1;
  d->instructions[d->n_instructions++] = made;
  dst->is_scalar = (int8_t)level;
  dst->is_filled = 0;
}

/* Where an operand begins; NULL for a constant. */
FNN_INLINE char *OWN(base_of)(const fnn_call *call, int64_t buffer) {
  return buffer == FNN_TILE ? call->tile : buffer == FNN_CONSTANT ? NULL : call->buf[buffer];
}

/* Decodes the operands' addresses and whether each is contiguous; sets is_column and is_flat. */
static void OWN(decode_operands)(OWN(decoded) *d, const int64_t *program, const fnn_call *call) {
  int all_contiguous = 1;
  for (int64_t k = 0; k < d->n_operands; k++) {
    const int64_t *from = fnn_program_operand(program, k);
    OWN(operand) o = {.dtype = (int32_t)from[1], .row_stride = from[2], .col_stride = from[3]};
    o.base = o.tile = OWN(base_of)(call, from[0]);
    if (from[0] == FNN_CONSTANT) {
      o.tile = IS_INTEGER ? (char *)(from + 2) : (char *)(call->reals + from[2]);
      o.dtype = IS_INTEGER ? TYPE_DTYPE : FNN_F64; /* little-endian: the low bits come first */
      o.row_stride = o.col_stride = 0;
    }
    if (d->is_column) o.col_stride = o.row_stride;
    if (d->rows == 1) o.row_stride = 0;
    if (d->cols == 1) o.col_stride = 0;
    int is_scalar = !o.row_stride && !o.col_stride;
    int is_contiguous = o.col_stride == 1 && (d->rows == 1 || o.row_stride == d->cols);
    all_contiguous &= is_scalar || is_contiguous;
    d->operands[k] = o;
  }
  if (!all_contiguous) return;
  d->is_flat = 1;
  d->cols *= d->rows;
  d->rows = 1;
  for (int64_t k = 0; k < d->n_operands; k++) d->operands[k].row_stride = 0;
}

/* Finds the operands that are a COLUMN: what reads them can do so, beside something that varies within a row. None
 * where results go past the caches, as its functions cannot. */
static void OWN(find_columns)(OWN(decoded) *d, const int64_t *program, const int64_t *reductions,
                              int64_t n_reductions) {
  int any = 0;
  for (int64_t k = 0; k < d->n_operands; k++) {
    const OWN(operand) *o = &d->operands[k];
    d->regs[k].varies = o->col_stride != 0;
    d->regs[k].is_column = !o->col_stride && o->row_stride && OWN(is_own)(o->dtype) && d->block_rows > 1 &&
                           d->block_cols >= N && !d->streams;
    any |= d->regs[k].is_column;
  }
  for (int64_t k = 0; any && k < program[1]; k++) {
    const int64_t *ins = fnn_program_instruction(program, k), *in = ins + 2;
    const OWN(opcode) *opcode = &OWN(opcodes)[ins[0]];
    int varies = 0, is_scalar = 1;
    for (int j = 0; j < fnn_max(opcode->arity, 1); j++) {
      varies |= d->regs[in[j]].varies;
      is_scalar &= !d->regs[in[j]].varies && !d->regs[in[j]].is_column;
    }
    for (int j = 0; j < fnn_max(opcode->arity, 1); j++)
      if (!varies || !OWN(by_column)(opcode->fn[0], 0)) d->regs[in[j]].is_column = 0;
    if (ins[0] != FNN_OP_STORE) d->regs[ins[1]].varies = !is_scalar;
  }
  for (int64_t k = 0; k < n_reductions; k++) d->regs[reductions[4 * k + 1]].is_column = 0;
}

static int OWN(choose_mode)(const OWN(decoded) *d, const OWN(operand) *o, int has_reductions) {
  int one_row = d->block_rows == 1;
  if (!o->row_stride && !o->col_stride) return OWN(SCALAR);
  if (one_row && !o->col_stride) return OWN(ROW_SCALAR);
  if (OWN(is_own)(o->dtype) && o->col_stride == 1 && (one_row || o->row_stride == d->block_cols)) return OWN(DIRECT);
  if (OWN(is_own)(o->dtype) && o->col_stride == 1 && (o->row_stride || d->is_whole) &&
      d->block_cols >= 2 * N && !has_reductions)
    return OWN(STRIDED);
  if (d->regs[o - d->operands].is_column) return OWN(COLUMN);
  if (!o->row_stride && d->block_cols == d->cols) return OWN(REPLICATED);
  return OWN(LOADED);
}

/* Whether `d` is the program decoded for this tile: only buffers, and who runs it, change from call to call. */
static int OWN(is_decoded)(const OWN(decoded) *d, const int64_t *program, const fnn_call *call, int64_t rows,
                           int64_t cols, const char *scratch) {
  if (d->scratch != scratch || d->tile_rows != rows || d->tile_cols != cols) return 0;
  for (int64_t k = 0; k < d->n_operands; k++)
    if (d->operands[k].base != OWN(base_of)(call, fnn_program_operand(program, k)[0])) return 0;
  return 1;
}

/* Whether it is a single pass from operands to an operand: blocks keep nothing near for a next one. */
static int OWN(is_one_pass)(const OWN(decoded) *d, int64_t n_reductions) {
  if (!d->only_moves || n_reductions || d->n_instructions - d->n_once != 1) return 0;
  for (int64_t k = 0; k < d->n_once; k++)
    if (d->instructions[k].when == OWN(ONCE_FILL)) return 0;
  return d->instructions[d->n_once].dst < d->n_operands;
}

/* Whether nobody reads what is stored to operand k. */
static int OWN(is_fresh)(const OWN(decoded) *d, int64_t k) {
  int is_fresh = !d->operands[k].is_read;
  for (int64_t j = 0; j < d->n_operands; j++) is_fresh &= j == k || d->operands[j].base != d->operands[k].base;
  return is_fresh;
}

/* Of a far space. Stores wait for their lines in order, those to scratch behind them too: in a long program that is
 * more than the CPU keeps. So the lines of targets that no instruction has read are asked for at the start of a block.
 * Of a short program they would only be in the way of what it reads. */
static void OWN(find_asked)(OWN(decoded) *d) {
  enum { LONG = 7 /* instructions */ };
  d->asks_for_lines = d->only_moves && d->n_instructions - d->n_once >= LONG;
  for (int64_t k = 0; k < d->n_operands; k++) {
    OWN(operand) *o = &d->operands[k];
    o->is_asked = o->mode == OWN(DIRECT) && OWN(is_own)(o->dtype) && !o->is_streamed && OWN(is_fresh)(d, k);
  }
}

/* Whether `program` waits for memory longer than for its own instructions. The slow ones take longer than memory
 * where vectors are short. */
static int OWN(may_stream)(const int64_t *program) {
  int slow = 0;
  for (int64_t k = 0; k < program[1]; k++) slow += OWN(opcodes)[fnn_program_instruction(program, k)[0]].is_slow;
  return FNN_VECTOR_BYTES == 64 || !slow;
}

/* Instructions of `program` that are no stores. */
static int64_t OWN(n_steps)(const int64_t *program) {
  int64_t n = 0;
  for (int64_t k = 0; k < program[1]; k++) n += fnn_program_instruction(program, k)[0] != FNN_OP_STORE;
  return n;
}

/* Whether the instruction at `of` reads register `r`. */
static int OWN(reads)(const OWN(instruction) *of, int r) {
  int reads = 0;
  for (int k = 0; k < FNN_MOST_INPUTS; k++) reads |= of->in[k] == r;
  return reads;
}

/* The instruction that made what the one at `s` stores, if nothing else reads it, it is stored nowhere else and neither
 * goes row by row; or -1. What a first store has put where it was made is in that operand. */
static int64_t OWN(only_producer)(const OWN(decoded) *d, int64_t s) {
  const OWN(instruction) *store = &d->instructions[s];
  if (store->in[0] < d->n_operands) return -1;
  int64_t p = s - 1;
  while (p >= d->n_once && (d->instructions[p].when >= OWN(STORES) || d->instructions[p].dst != store->in[0])) p--;
  if (p < d->n_once || d->instructions[p].when != OWN(ELEMENTS)) return -1;
  int is_read = d->instructions[p].by_rows || store->by_rows;
  for (int64_t k = p + 1; k < d->n_instructions; k++)
    is_read |= k != s && OWN(reads)(&d->instructions[k], store->in[0]);
  return is_read ? -1 : p;
}

static void OWN(forget)(OWN(decoded) *d, int64_t s) {
  memmove(d->instructions + s, d->instructions + s + 1, (size_t)(--d->n_instructions - s) * sizeof *d->instructions);
}

/* An instruction whose result is streamed, and read by no other, stores it itself. */
static void OWN(store_directly)(OWN(decoded) *d) {
  for (int64_t s = d->n_instructions - 1; s > d->n_once; s--) {
    const OWN(instruction) store = d->instructions[s];
    if (store.when != OWN(STORES) || !d->operands[store.dst].is_streamed) continue;
    const int64_t p = OWN(only_producer)(d, s);
    if (p < 0) continue;
    OWN(instruction) *made = &d->instructions[p];
    const OWN(opcode) *opcode = &OWN(opcodes)[made->opcode];
    int which = 0;
    while (opcode->fn[which] != made->fn) which++;
    if (!opcode->stream[which]) continue;
    made->fn = opcode->stream[which];
    made->dst = store.dst;
    d->operands[store.dst].mode = OWN(DIRECT);
    OWN(forget)(d, s);
  }
}

#ifdef STORE_TRUTHS
/* So does one that makes truths where they are stored as bools without gaps. */
static void OWN(store_truths)(OWN(decoded) *d) {
  for (int64_t s = d->n_instructions - 1; s > d->n_once; s--) {
    const OWN(instruction) store = d->instructions[s];
    const OWN(operand) *to = &d->operands[store.dst];
    if (store.when != OWN(STORES) || to->dtype != FNN_BOOL || to->col_stride != 1) continue;
    if (d->block_rows > 1 && to->row_stride != d->block_cols) continue;
    const int64_t p = OWN(only_producer)(d, s);
    if (p < 0) continue;
    OWN(instruction) *made = &d->instructions[p];
    OWN(truth_fn) *truths = OWN(truths)(OWN(opcodes)[made->opcode].fn[0], made->scalars);
    if (!truths) continue;
    const int32_t first = made->in[0];
    if (made->scalars == 1) made->in[0] = made->in[1], made->in[1] = first;
    made->when = OWN(TRUTHS), made->truths = truths, made->dst = store.dst;
    d->operands[store.dst].mode = OWN(DIRECT);
    OWN(forget)(d, s);
  }
  d->only_moves = 1;
  for (int64_t k = 0; k < d->n_operands; k++) {
    const OWN(operand) *o = &d->operands[k];
    d->only_moves &= o->mode == OWN(SCALAR) || o->mode == OWN(DIRECT) || o->is_streamed;
  }
}
#endif

/* Decodes `program` for tiles of at most rows by cols. Each reduction is {kind, register, buffer, dtype}. distance:
 * FNN_FAR where the tiles are of a space that no cache holds, and so on: see program.h. */
static void OWN(decode)(OWN(decoded) *d, const int64_t *program, const fnn_call *call, int64_t rows, int64_t cols,
                        const int64_t *reductions, int64_t n_reductions, int distance, char *scratch) {
  FNN_REQUIRE(program[3] == FNN_PROGRAM_HEADER + program[0] * FNN_OPERAND_INTS + program[1] * FNN_INSTRUCTION_INTS);
  *d = (OWN(decoded)){.scratch = scratch, .tile_rows = rows, .tile_cols = cols, .rows = rows, .cols = cols,
                      .n_operands = program[0], .n_registers = program[0] + program[2], .only_moves = 1};
  if (cols == 1) {
    d->is_column = 1;
    d->cols = rows;
    d->rows = 1;
  }
  d->operands = (OWN(operand) *)((char *)d + FNN_PROGRAM_HEAD);
  d->regs = (OWN(reg) *)(d->operands + d->n_operands);
  d->instructions = (OWN(instruction) *)(d->regs + d->n_registers);
  OWN(decode_operands)(d, program, call);
  for (int64_t k = 0; k < d->n_registers; k++) d->regs[k] = (OWN(reg)){.slot = (int32_t)k, .producer = -1};
  OWN(find_reads)(d, program, reductions, n_reductions);
  const int is_near = distance == FNN_NEAR;
  int is_in_place = 1; /* all that it writes */
  for (int64_t k = 0; !is_near && k < d->n_operands; k++) is_in_place &= !OWN(is_fresh)(d, k);
  d->streams = distance == FNN_STREAMED && !is_in_place && OWN(may_stream)(program);
  const int is_long_update = is_in_place && OWN(n_steps)(program) >= OWN(LONG_UPDATE);
  const int asks_in_place = is_long_update && is_asked_in_place();
  const int far_block = d->streams                         ? OWN(STREAMED_BLOCK)
                        : is_long_update && !asks_in_place ? OWN(UPDATE_BLOCK)
                                                           : OWN(FAR_BLOCK);
  const int most = is_near ? OWN(longest_block)(d, program, n_reductions) : far_block;
  d->is_whole = d->rows > 1 && !d->streams && OWN(is_by_rows)(d, program, n_reductions);
  OWN(choose_block)(d, most, is_near ? most : OWN(BLOCK));
  d->block_size = d->is_whole ? N : fnn_round_up(d->block_rows * d->block_cols, N);
  T *block = (T *)scratch;
  for (int64_t k = 0; k < d->n_registers; k++) {
    OWN(reg) *reg = &d->regs[k];
    reg->block = reg->now = block;
    reg->step = d->block_cols;
    if (!is_near || OWN(has_block)(d, k)) block += d->block_size;
  }
  OWN(find_columns)(d, program, reductions, n_reductions);
  for (int64_t k = 0; k < d->n_operands; k++) {
    int mode = OWN(choose_mode)(d, &d->operands[k], n_reductions > 0);
    d->operands[k].mode = (int8_t)mode;
    if (mode == OWN(STRIDED) || mode == OWN(COLUMN)) d->regs[k].step = d->operands[k].row_stride;
    d->regs[k].is_scalar = mode == OWN(SCALAR) ? 2 : mode == OWN(ROW_SCALAR) ? 1 : 0;
    d->only_moves &= mode == OWN(SCALAR) || mode == OWN(DIRECT);
  }
  for (int64_t k = 0; d->streams && k < d->n_operands; k++) {
    if (d->operands[k].mode != OWN(DIRECT) || !OWN(is_fresh)(d, k)) continue;
    d->operands[k].is_streamed = 1;
    d->operands[k].mode = OWN(LOADED); /* computed in scratch, and copied from there */
  }
  for (int64_t k = 0; k < program[1]; k++) {
    const int64_t *ins = fnn_program_instruction(program, k);
    if (ins[0] == FNN_OP_STORE) OWN(decode_store)(d, (int)ins[1], (int)ins[2]);
    else OWN(decode_instruction)(d, ins);
  }
  for (int64_t k = 0; k < n_reductions; k++) OWN(need_filled)(d, d->regs[reductions[4 * k + 1]].slot);
  for (int64_t k = 0; k < d->n_instructions; k++) {
    OWN(instruction) *ins = &d->instructions[k];
    for (int j = ins->when == OWN(STORES) ? 0 : -1; j < FNN_MOST_INPUTS; j++) {
      int used = j < 0 ? ins->dst : ins->in[j];
      ins->by_rows |= used < d->n_operands && d->operands[used].mode == OWN(STRIDED);
    }
  }
  for (int64_t k = 0; k < d->n_instructions; k++) {
    const OWN(instruction) ins = d->instructions[k];
    if (ins.when != OWN(ONCE) && ins.when != OWN(ONCE_FILL)) continue;
    memmove(d->instructions + d->n_once + 1, d->instructions + d->n_once, (size_t)(k - d->n_once) * sizeof ins);
    d->instructions[d->n_once++] = ins;
  }
  if (d->streams) OWN(store_directly)(d);
#ifdef STORE_TRUTHS
  if (!n_reductions) OWN(store_truths)(d);
#endif
  const int is_one_pass = OWN(is_one_pass)(d, n_reductions);
  if (is_one_pass) d->block_cols = d->cols;
  /* With operands of other types, which pass through scratch, vectors of 64 bytes wait for memory in between. What is
   * asked for beside lines that are written where they were read keeps the CPU from seeing these streams by itself. */
  const int is_mixed = FNN_VECTOR_BYTES == 64 && distance != FNN_NEAR && !d->only_moves;
  const int is_seen = is_one_pass || (is_in_place && d->only_moves && !asks_in_place);
  d->asks_ahead = distance == FNN_STREAMED ? !is_seen : is_mixed && !d->is_whole;
  if (distance != FNN_NEAR) OWN(find_asked)(d);
}

/* The decoded program: in call->memo as it was left there, if that fits; else made anew, there or behind the blocks. */
PLACE_1
static OWN(decoded) *OWN(decoded_of)(const int64_t *program, const fnn_call *call, int64_t rows, int64_t cols,
                                     const int64_t *reductions, int64_t n_reductions, int distance,
                                     char *scratch) {
  char *behind = scratch + (program[0] + program[2]) * OWN(BLOCK) * (int64_t)sizeof(T);
  OWN(decoded) *d = (OWN(decoded) *)(call->memo ? call->memo : behind);
  if (!call->memo || !OWN(is_decoded)(d, program, call, rows, cols, scratch))
    OWN(decode)(d, program, call, rows, cols, reductions, n_reductions, distance, scratch);
  return d;
}

/* ---- running ---- */

/* A vector of equal lanes: the element at `at`. */
FNN_INLINE void OWN(load_equal)(T *d, const char *at, int64_t dtype) {
  if (OWN(is_own)(dtype)) d[0] = *(const T *)at;
  else OWN(load_block)(d, at, dtype, 1, 1, 0, 0);
  FN(store)(d, FN(splat)(d[0]));
}

/* What holds for the whole tile: scalar operands, rows to be repeated, and what is made from scalars alone. */
PLACE_1
static void OWN(start_tile)(OWN(decoded) *d, int64_t rows, int64_t cols) {
  for (int64_t k = 0; k < d->n_operands; k++) {
    OWN(operand) *o = &d->operands[k];
    if (!o->is_read) continue;
    T *block = d->regs[k].block;
    if (o->mode == OWN(SCALAR)) {
      OWN(load_equal)(block, o->tile, o->dtype);
    } else if (o->mode == OWN(REPLICATED)) {
      OWN(load_block)(block, o->tile, o->dtype, fnn_min(d->block_rows, rows), cols, 0, o->col_stride);
    }
  }
  for (int64_t k = 0; k < d->n_once; k++) {
    const OWN(instruction) *ins = &d->instructions[k];
    T *dst = d->regs[ins->dst].block;
    const OWN(reg) *r = d->regs;
    if (ins->when == OWN(ONCE))
      ins->fn(N, dst, r[ins->in[0]].block, r[ins->in[1]].block, r[ins->in[2]].block, r[ins->in[3]].block,
              r[ins->in[4]].block, r[ins->in[5]].block);
    else OWN(fill)(fnn_min(d->block_rows, rows) * d->block_cols, dst, dst[0]);
  }
}

/* Points the operands at rows [row, row + rows) by columns [col, col + cols) of the tile, or loads them. */
PLACE_1
static void OWN(start_block)(OWN(decoded) *d, int64_t row, int64_t rows, int64_t col, int64_t cols) {
  for (int64_t k = 0; k < d->n_operands; k++) {
    OWN(operand) *o = &d->operands[k];
    OWN(reg) *reg = &d->regs[k];
    if (o->mode == OWN(SCALAR) || o->mode == OWN(REPLICATED)) continue;
    char *at = o->tile + (row * o->row_stride + col * o->col_stride) * fnn_dtype_bytes(o->dtype);
    if (o->mode == OWN(DIRECT) || o->mode == OWN(STRIDED) || o->mode == OWN(COLUMN)) {
      reg->now = (T *)at;
    } else if (o->is_read && o->mode == OWN(ROW_SCALAR)) {
      OWN(load_equal)(reg->block, at, o->dtype);
    } else if (o->is_read) {
      OWN(load_block)(reg->block, at, o->dtype, rows, cols, o->row_stride, o->col_stride);
    }
  }
}

/* The same for the next block of the same row, where only_moves. */
static void OWN(next_block)(OWN(decoded) *d) {
  for (int64_t k = 0; k < d->n_operands; k++) d->regs[k].now += d->operands[k].mode == OWN(DIRECT) ? d->block_cols : 0;
}

static void OWN(ask_for_lines)(const OWN(decoded) *d, int64_t cols) {
  for (int64_t k = 0; k < d->n_operands; k++)
    for (int64_t c = 0; d->operands[k].is_asked && c < cols; c += OWN(LINE)) __builtin_prefetch(d->regs[k].now + c, 1);
}

/* For what a block to come reads: instruction by instruction the CPU sees a stream at a time, and a few stores past the
 * caches leave the memory time to read as well. */
static void OWN(ask_ahead)(const OWN(decoded) *d, int64_t cols) {
  enum { BLOCKS = 2 };
  for (int64_t k = 0; k < d->n_operands; k++) {
    const OWN(operand) *o = &d->operands[k];
    for (int64_t c = 0; o->is_read && o->mode == OWN(DIRECT) && c < cols; c += OWN(LINE))
      __builtin_prefetch(d->regs[k].now + BLOCKS * cols + c);
  }
}

#if !IS_INTEGER
/* The greatest or least of each lane, NaN if either is: the instruction gives the second of two where one is NaN. */
FNN_INLINE V OWN(extreme)(int64_t kind, V a, V b) {
  return FN(select)(a != a, a, kind == 1 ? FN(max)(a, b) : FN(min)(a, b));
}

/* The sum, largest or least of a block, in a fixed order: four vectors of partial results, which are put together, all
 * in the program's type. kind: a constant. */
FNN_INLINE double OWN(reduce_block)(int64_t kind, const T *x, int64_t n, double so_far) {
  enum { WAYS = 4 };
  V part[WAYS];
  for (int w = 0; w < WAYS; w++) part[w] = FN(splat)((T)reduce_start(kind));
  int64_t i = 0;
  for (; i + WAYS * N <= n; i += WAYS * N)
    for (int w = 0; w < WAYS; w++) {
      const V v = FN(load)(x + i + w * N);
      part[w] = kind == 0 ? part[w] + v : OWN(extreme)(kind, part[w], v);
    }
  for (; i < n; i += N) {
    const V v = FN(first_lanes)(FN(load_part)(x + i, n - i), n - i, (T)reduce_start(kind));
    part[0] = kind == 0 ? part[0] + v : OWN(extreme)(kind, part[0], v);
  }
  if (kind == 0) return so_far + (double)FN(sum_lanes)((part[0] + part[1]) + (part[2] + part[3]));
  V best = OWN(extreme)(kind, OWN(extreme)(kind, part[0], part[1]), OWN(extreme)(kind, part[2], part[3]));
#pragma GCC unroll 4
  for (int half = N / 2; half; half /= 2) best = OWN(extreme)(kind, best, FN(across)(best, half));
  return reduce_step(kind, so_far, (double)best[0]);
}

/* Rows of a block one by one, each of `cols` elements, to y, `step` apart; or one row, of which `so_far` is what came
 * before, to so_far itself, where y is NULL. kind: a constant. */
FNN_INLINE void OWN(reduce_kind)(int64_t kind, const T *x, int64_t rows, int64_t cols, T *y, int64_t step,
                                 double *so_far) {
  if (!y) *so_far = OWN(reduce_block)(kind, x, cols, *so_far);
  else
    for (; rows; rows--, x += cols, y += step) *y = (T)OWN(reduce_block)(kind, x, cols, reduce_start(kind));
}
PLACE_1
static void OWN(reduce_any)(int64_t kind, const T *x, int64_t rows, int64_t cols, T *y, int64_t step, double *so_far) {
  if (kind == 0) OWN(reduce_kind)(0, x, rows, cols, y, step, so_far);
  else if (kind == 1) OWN(reduce_kind)(1, x, rows, cols, y, step, so_far);
  else OWN(reduce_kind)(2, x, rows, cols, y, step, so_far);
}

/* Each row of a block at `row` and `col` of a tile of `width` columns, to y. */
static void OWN(reduce_rows)(int64_t kind, const T *x, const OWN(operand) *y, int64_t row, int64_t rows, int64_t col,
                             int64_t cols, int64_t width, double *so_far) {
  char *to = y->tile + row * y->row_stride * fnn_dtype_bytes(y->dtype);
  if (cols == width && y->dtype == TYPE_DTYPE) {
    OWN(reduce_any)(kind, x, rows, cols, (T *)to, y->row_stride, so_far);
    return;
  }
  for (; rows; rows--, x += cols, to += y->row_stride * fnn_dtype_bytes(y->dtype)) {
    if (!col) *so_far = reduce_start(kind);
    OWN(reduce_any)(kind, x, 1, cols, NULL, 0, so_far);
    if (col + cols == width) store_scalar(to, y->dtype, *so_far);
  }
}
#endif

FNN_INLINE void OWN(call)(const OWN(instruction) *ins, const OWN(reg) *regs, int64_t n) {
  const int32_t *in = ins->in;
  ins->fn(n, regs[ins->dst].now, regs[in[0]].now, regs[in[1]].now, regs[in[2]].now, regs[in[3]].now, regs[in[4]].now,
          regs[in[5]].now);
}

/* An instruction on a block of rows of which some do not follow each other. */
PLACE_1
static void OWN(run_rows)(const OWN(instruction) *ins, const OWN(reg) *regs, int64_t rows, int64_t cols) {
  T *dst = regs[ins->dst].now;
  const T *x[FNN_MOST_INPUTS];
  int64_t steps[FNN_MOST_INPUTS];
  for (int k = 0; k < FNN_MOST_INPUTS; k++) {
    x[k] = regs[ins->in[k]].now;
    steps[k] = ins->scalars >> k & 1 ? 0 : regs[ins->in[k]].step;
  }
  for (int64_t row = 0; row < rows; row++, dst += regs[ins->dst].step) {
    ins->fn(cols, dst, x[0], x[1], x[2], x[3], x[4], x[5]);
    for (int k = 0; k < FNN_MOST_INPUTS; k++) x[k] += steps[k];
  }
}

/* An instruction of which one input is a number a row. */
static void OWN(run_by_column)(const OWN(instruction) *ins, const OWN(reg) *regs, int64_t rows, int64_t cols) {
  const int is_first = ins->scalars == 1;
  const OWN(reg) *d = &regs[ins->dst], *x = &regs[ins->in[is_first]], *s = &regs[ins->in[!is_first]];
  ins->by_column(rows, cols, d->now, d->step, x->now, x->step, s->now, s->step);
}

/* Runs the program on the tile that the operands' `tile` point to, and adds it to `partials`, one a reduction. starts:
 * 0 where what start_tile makes is there from the tile before. */
static void OWN(run)(OWN(decoded) *d, int64_t rows, int64_t cols, const int64_t *reductions, int64_t n_reductions,
                     double *partials, int starts) {
  if (d->is_column) cols = rows, rows = 1;
  if (d->is_flat) cols *= rows, rows = 1;
  if (starts) OWN(start_tile)(d, rows, cols);
  OWN(reg) *regs = d->regs;
  for (int64_t row = 0; row < rows; row += d->block_rows) {
    int64_t block_rows = fnn_min(d->block_rows, rows - row);
    for (int64_t col = 0; col < cols; col += d->block_cols) {
      int64_t block_cols = fnn_min(d->block_cols, cols - col), n = block_rows * block_cols;
      if (col && d->only_moves) OWN(next_block)(d);
      else OWN(start_block)(d, row, block_rows, col, block_cols);
      if (d->asks_for_lines) OWN(ask_for_lines)(d, block_cols);
      if (d->asks_ahead) OWN(ask_ahead)(d, block_cols);
      for (int64_t k = d->n_once; k < d->n_instructions; k++) {
        const OWN(instruction) *ins = &d->instructions[k];
        const OWN(operand) *target;
        if (ins->when == OWN(ELEMENTS) && !ins->by_rows) { /* nearly always, so not by a jump through a table */
          OWN(call)(ins, regs, n);
          continue;
        }
        switch (ins->when) {
          case OWN(ELEMENTS): OWN(run_rows)(ins, regs, block_rows, block_cols); break;
          case OWN(BY_COLUMN): OWN(run_by_column)(ins, regs, block_rows, block_cols); break;
          case OWN(PER_BLOCK): OWN(call)(ins, regs, N); break;
          case OWN(FILL): OWN(fill)(n, regs[ins->dst].now, regs[ins->dst].now[0]); break;
          case OWN(TRUTHS):
          case OWN(STORES):
            target = &d->operands[ins->dst];
            const int64_t bytes = fnn_dtype_bytes(target->dtype);
            char *to = target->tile + (row * target->row_stride + col * target->col_stride) * bytes;
            if (ins->when == OWN(TRUTHS)) {
              ins->truths(n, (uint8_t *)to, regs[ins->in[0]].now, regs[ins->in[1]].now);
              break;
            }
            if (target->is_streamed && !ins->by_rows && (uintptr_t)to % sizeof(V) == 0) {
              OWN(stream_block)(regs[ins->in[0]].now, (T *)to, n);
              break;
            }
            const int64_t rows_of_a_call = ins->by_rows ? 1 : block_rows;
            for (int64_t r = 0; r < block_rows; r += rows_of_a_call)
              OWN(store_block)(regs[ins->in[0]].now + r * regs[ins->in[0]].step,
                               to + r * target->row_stride * bytes, target->dtype, rows_of_a_call, block_cols,
                               target->row_stride, target->col_stride);
            break;
        }
      }
#if !IS_INTEGER
      for (int64_t k = 0; k < n_reductions; k++) {
        const int64_t *r = reductions + 4 * k;
        const T *x = regs[regs[r[1]].slot].now;
        if (r[0] < OF_ROWS) OWN(reduce_any)(r[0], x, 1, n, NULL, 0, partials + k);
        else
          OWN(reduce_rows)(r[0] - OF_ROWS, x, &d->operands[r[2]], row, block_rows, col, block_cols, cols, partials + k);
      }
#endif
    }
  }
}

#if !IS_INTEGER
PLACE_1
static void OWN(run_program)(const int64_t *program, const fnn_call *call, int64_t row, int64_t rows, int64_t col,
                             int64_t cols, char *scratch) {
  OWN(decoded) *d = OWN(decoded_of)(program, call, rows, cols, 0, 0, call->is_far, scratch);
  for (int64_t k = 0; (row != d->row || col != d->col) && k < d->n_operands; k++) {
    const int64_t *operand = fnn_program_operand(program, k);
    if (operand[0] >= 0)
      d->operands[k].tile = d->operands[k].base + (row * operand[2] + col * operand[3]) * fnn_dtype_bytes(operand[1]);
  }
  d->row = row, d->col = col;
  OWN(run)(d, rows, cols, 0, 0, 0, 1);
}
#endif

/* fused_f32, fused_f64: a program over an N-d space, full reductions of its registers, and a program on the results.
 * fused_i64, fused_i32, fused_i16, fused_u8: the same without reductions, of integers, and bools, of no more bits: sums
 * and products wrap around, as do stores to less bits; loads of less keep the value. Shifts have i64 and i32.
 *
 * ints: [0] offset in ints of program A   [1] of program B, or 0   [2] n_outer (0..6)   [3] rows   [4] cols
 *       [5] n_reductions   [6..] sizes of the outer dimensions; then for each operand of A its n_outer strides in
 *       elements; then for each reduction {kind (0 sum, 1 max, 2 min), register of A at its end, output buffer,
 *       output dtype}, or, of each row of 2 to UNIT columns, {OF_ROWS more, register, operand of A that it goes to, 0};
 *       then the programs, whose buffers are indices into call->buf.
 * Phase 0 runs A on units of about 8 K elements. A sum is taken in vectors of the program's type within a block of at
 * most 1024 elements and in float64 from there on, in the order of the units: the same for any number of threads.
 * Its error is below (1024 / (4 N) + 8) eps of the sum of magnitudes. max and min give NaN when there is one.
 * Phase 1 writes the reductions and runs B, a program over a space of 1 by 1, which may read them. An empty space
 * sums to 0 (max: -inf, min: inf). Aliasing: see program.h. */
PLACE_1
static void OWN(fused_units)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, *program = ints + ints[0], *sizes = ints + 6;
  int64_t n_outer = ints[2], n_reductions = ints[5], n_operands = program[0];
  FNN_REQUIRE(n_outer >= 0 && n_outer <= MAX_DIMS && ints[3] >= 0 && ints[4] >= 0 && n_reductions >= 0);
  FNN_REQUIRE(!IS_INTEGER || (!n_reductions && !ints[1]));
  const int64_t *strides = sizes + n_outer, *reductions = strides + n_operands * n_outer;
  tiling t = tile_space(outer_size(ints), ints[3], ints[4]);
  /* Sums are taken block by block: those of far spaces are as of near ones. */
  const double bytes = n_reductions ? 0 : space_bytes(program, &t);
  const int distance = bytes > FNN_STREAMED_BYTES ? FNN_STREAMED : bytes > far_bytes() ? FNN_FAR : FNN_NEAR;
  OWN(decoded) *d =
    OWN(decoded_of)(program, call, t.tile_rows, t.tile_cols, reductions, n_reductions, distance, call->scratch);
  int64_t tiles = t.row_tiles * t.col_tiles;
  /* Tiles of one row follow each other: one run does them all. Sums are taken unit by unit. */
  const int64_t units_of_run = tiles == t.units && t.rows == 1 && !n_reductions ? end - begin : 1;
  int64_t rows_before = 0, cols_before = 0; /* of the last tile for which start_tile ran */
  for (int64_t unit = begin; unit < end; unit += units_of_run) {
    int64_t tile = unit % tiles, first = unit / tiles * t.group, last = fnn_min(t.outer, first + t.group);
    int64_t row = tile / t.col_tiles * t.tile_rows, col = tile % t.col_tiles * t.tile_cols;
    double *partials = (double *)call->shared + unit * n_reductions;
    for (int64_t k = 0; k < n_reductions; k++) partials[k] = reduce_start(reductions[4 * k] % OF_ROWS);
    const int64_t rows = fnn_min(t.tile_rows, t.rows - row), cols = fnn_min(t.tile_cols * units_of_run, t.cols - col);
    for (int64_t outer = first; outer < last; outer++) {
      int starts = rows > rows_before || cols != cols_before;
      for (int64_t k = 0; k < n_operands; k++) {
        const int64_t *operand = fnn_program_operand(program, k);
        OWN(operand) *o = &d->operands[k];
        if (operand[0] < 0) continue;
        int64_t offset = row * operand[2] + col * operand[3], index = outer;
        for (int64_t dim = n_outer - 1; dim >= 0; dim--) {
          offset += index % sizes[dim] * strides[k * n_outer + dim];
          index /= sizes[dim];
        }
        char *tile = o->base + offset * fnn_dtype_bytes(operand[1]);
        starts = starts || (o->tile != tile && (o->mode == OWN(SCALAR) || o->mode == OWN(REPLICATED)));
        o->tile = tile;
      }
      OWN(run)(d, rows, cols, reductions, n_reductions, partials, starts);
      if (starts) rows_before = rows, cols_before = cols;
    }
  }
  if (d->streams) fnn_end_streams();
}

#if !IS_INTEGER
PLACE_1
static void OWN(fused)(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints;
  if (call->phase == 0) {
    OWN(fused_units)(call, begin, end);
    return;
  }
  int64_t n_outer = ints[2], n_reductions = ints[5];
  const int64_t *reductions = ints + 6 + n_outer * (1 + ints[ints[0]]);
  int64_t units = tile_space(outer_size(ints), ints[3], ints[4]).units;
  for (int64_t k = 0; k < n_reductions; k++) {
    const int64_t *r = reductions + 4 * k;
    if (r[0] >= OF_ROWS) continue;
    double total = reduce_start(r[0]);
    for (int64_t unit = 0; unit < units; unit++)
      total = reduce_step(r[0], total, ((const double *)call->shared)[unit * n_reductions + k]);
    store_scalar(call->buf[r[2]], r[3], total);
  }
  if (!ints[1]) return;
  fnn_call inner = *call;
  if (inner.memo) inner.memo += fnn_program_memo(ints + ints[0]); /* the first program's comes first */
  OWN(run_program)(ints + ints[1], &inner, 0, 1, 0, 1, call->scratch);
}
#endif
#undef PLACE_1
