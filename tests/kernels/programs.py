"""Elementwise programs as kernels are given them: src/fastnn/_kernels/program.h."""

from fastnn._kernels import _engine

_INPUTS = 6  # places of an instruction for them


class Program:
    """A program as a list of instructions on named registers, and its encoding.

    Operands are `(buffer, dtype, row_stride, col_stride)`; constants are floats, or ints in a program of integers.
    """

    def __init__(self, *operands):
        self.operands = operands
        self.instructions = []
        self.temporaries = 0

    def temporary(self):
        self.temporaries += 1
        return len(self.operands) + self.temporaries - 1

    def do(self, name, *inputs, to=None):
        to = self.temporary() if to is None else to
        self.instructions.append((name, to, *inputs))
        return to

    def store(self, register, operand):
        self.instructions.append(("store", operand, register))

    def encode(self, isa, reals=None):
        """Its ints; constants are appended to `reals`."""
        codes = _engine.opcodes(isa)
        body = []
        for operand in self.operands:
            if isinstance(operand, float):
                reals.append(operand)
                operand = (-1, 0, len(reals) - 1, 0)
            elif isinstance(operand, int):
                operand = (-1, 0, operand, 0)
            body += operand
        for name, to, *inputs in self.instructions:
            body += [codes[name], to, *inputs, *[0] * (_INPUTS - len(inputs))]
        return [len(self.operands), len(self.instructions), self.temporaries, len(body) + 4, *body]
