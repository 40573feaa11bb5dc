/* program.h: how a chain of elementwise operations is written in a kernel's integer parameters.
 *
 *   program[0] operands   program[1] instructions   program[2] temporaries   program[3] length in ints
 *   then for each operand      {buffer, dtype, row_stride, col_stride}      strides in elements; 0 broadcasts
 *   then for each instruction  {opcode, dst, up to six inputs}              registers; unused ones are 0
 *
 * A buffer of FNN_CONSTANT makes the operand a number: call->reals[row_stride]; in a program of integers row_stride
 * itself. FNN_TILE makes it call->tile: rows and columns of the part of the space that the program is run on, which
 * nothing else reads.
 * Registers 0 .. operands-1 are the operands, read (and cast to the program's type) as they are used; the
 * temporaries follow. The opcode FNN_OP_STORE writes register a to operand dst (cast to its dtype).
 * Instructions run in order over blocks of at most FNN_BLOCK elements. An operand may be stored to the buffer that
 * another reads only if both have the same strides (then each element is read before it is written), and only after
 * the last instruction that reads that buffer: what a register read from a buffer holds after a store to it is
 * undefined (the stored register still holds the value). A store must not broadcast: it writes every element once.
 * Integers are computed in the program's type: float programs have them exact up to 2^24 (float32) or 2^53 (float64),
 * those of integers modulo 2^64 (int64), 2^32 (int32), 2^16 (int16) and 2^8 (uint8). These take and store numbers of as
 * many bits with no sign, or with one, as their own; opcodes other_... compare and shift them as what they are. */
#ifndef FNN_PROGRAM_H
#define FNN_PROGRAM_H

#include "fnn.h"

enum { FNN_PROGRAM_HEADER = 4, FNN_OPERAND_INTS = 4, FNN_MOST_INPUTS = 6, FNN_INSTRUCTION_INTS = 2 + FNN_MOST_INPUTS };

/* A program that reads and writes more than this in all may find little of it in the last cache: call->is_far. Of more
 * than FNN_STREAMED_BYTES, the next one finds nothing there: what is not read goes past the caches, whose lines it
 * would only fetch to overwrite them. */
enum { FNN_FAR_BYTES = 16 << 20, FNN_STREAMED_BYTES = 64 << 20 };
enum { FNN_NEAR, FNN_FAR, FNN_STREAMED };

/* Instead of the number of a buffer. */
enum { FNN_CONSTANT = -1, FNN_TILE = -2 };

/* Opcode 0 is the store; the rest are numbered by the table of elementwise.c. */
enum { FNN_OP_STORE = 0 };

FNN_INLINE const int64_t *fnn_program_operand(const int64_t *program, int64_t k) {
  return program + FNN_PROGRAM_HEADER + k * FNN_OPERAND_INTS;
}

FNN_INLINE const int64_t *fnn_program_instruction(const int64_t *program, int64_t k) {
  return program + FNN_PROGRAM_HEADER + program[0] * FNN_OPERAND_INTS + k * FNN_INSTRUCTION_INTS;
}

/* Whether a program reads FNN_TILE. */
FNN_INLINE int fnn_program_has_tile(const int64_t *program) {
  for (int64_t k = 0; k < program[0]; k++)
    if (fnn_program_operand(program, k)[0] == FNN_TILE) return 1;
  return 0;
}

/* Bytes that a program reads and writes for each element of its space, but for scalars. */
FNN_INLINE int64_t fnn_program_bytes(const int64_t *program) {
  int64_t bytes = 0;
  for (int64_t k = 0; k < program[0]; k++) {
    const int64_t *operand = fnn_program_operand(program, k);
    if (operand[0] >= 0 && operand[2]) bytes += fnn_dtype_bytes(operand[1]);
  }
  return bytes;
}

enum {
  FNN_PROGRAM_HEAD = 192,  /* bytes of the runner's record of a program */
  FNN_PROGRAM_DECODED = 40 /* of a register, an operand, an instruction */
};

/* Bytes of a decoded program (an instruction and each input may add an instruction that copies a scalar to a block). */
FNN_INLINE int64_t fnn_program_memo(const int64_t *program) {
  return fnn_round_up(
    FNN_PROGRAM_HEAD + (3 * program[0] + program[2] + 2 * program[1]) * FNN_PROGRAM_DECODED, FNN_ALIGN);
}

/* Bytes of a block for each register; in its scratch there is space for the decoded program behind these. */
FNN_INLINE int64_t fnn_program_blocks(const int64_t *program, int64_t element_bytes) {
  return (program[0] + program[2]) * FNN_BLOCK * element_bytes;
}

/* Bytes of scratch that running `program` needs. */
FNN_INLINE int64_t fnn_program_scratch(const int64_t *program, int64_t element_bytes) {
  return fnn_program_blocks(program, element_bytes) + fnn_program_memo(program);
}

#endif
