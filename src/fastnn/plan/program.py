"""Writes elementwise nodes as the programs of _kernels/program.h."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from fastnn import _kernels
from fastnn.graph.dtypes import is_float
from fastnn.graph.value import CONSTANT, Node, Shape, Value

STORE = 0
_INPUTS = 6  # places of an instruction for them
TILE = -2  # in place of a buffer's number: what an anchor hands to its epilogue in scratch
_MOVES = ("cast", "copy")  # numbers go from one dtype to another, or the same: loads and stores do it
_WIDE = {"int64", "uint64"}  # of which no float holds all
_BITS = {"bool": 8} | {f"{kind}{bits}": bits for kind in ("uint", "int") for bits in (8, 16, 32, 64)}
_PROGRAM_OF_BITS = {8: "u8", 16: "i16", 32: "i32", 64: "i64"}  # types of programs of integers
_NOTHING_LOST = {"maximum", "minimum", "where", "clip"}  # of integers and bools
_COMPARISONS = {"greater", "greater_equal", "less", "less_equal"}
_TRUTHS = _COMPARISONS | {"equal", "not_equal", "logical_not", "logical_and", "logical_or", "logical_xor"}
_SHIFTS = {"left_shift", "right_shift"}  # which programs of int32 and int64 have
_BITWISE = {"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not"}
_OF_BOOLS = {
    "add": "logical_or", "multiply": "logical_and", "subtract": "logical_xor", "bitwise_not": "logical_not",
}  # fmt: skip
# What may be outside of the range of its dtype before it wraps around.
_LEAVING = {"add", "subtract", "multiply", "negative", "abs", "square", "bitwise_not", "left_shift"}
_INTEGER_OPS = _NOTHING_LOST | _TRUTHS | _SHIFTS | _BITWISE | _LEAVING | {"sign"}
_EXACT_IN_F32 = {"bool", "uint8", "int8", "uint16", "int16", "float32", "float16", "bfloat16"}
_CODE = _kernels.DTYPE_CODE | _kernels.HALF_CODE


def is_elementwise(node: Node) -> bool:
    """Whether a program can run `node`: its op has an opcode and all its dtypes can be loaded."""
    if node.op.name in _MOVES:
        dtypes = {node.inputs[0].spec.dtype, node.outputs[0].spec.dtype}
        if node.op.name == "copy" and not dtypes.isdisjoint(_kernels.HALF_CODE):
            return False
        return dtypes <= _CODE.keys()
    if node.op.kind != "elementwise" or node.params:
        return False
    if node.op.name in _SHIFTS | _BITWISE:  # floats have none
        return is_of_integers(node)
    if node.op.name not in _kernels.opcodes():
        return False
    if node.op.lower is not None and not is_float(node.outputs[0].spec.dtype):  # a quotient of integers
        return False
    return _kernels.DTYPE_CODE.keys() >= {value.spec.dtype for value in (*node.inputs, *node.outputs)}


def program_type(node: Node) -> str:
    """ "f32" where float32 holds every number that `node` handles, "int" where no float program has its bits, else
    "f64". A number of an int32, such as a count of steps, may wrap around late: alone it is not worth a kernel call."""
    values = [*node.inputs, *node.outputs]
    if node.op.name in _MOVES:
        x, y = node.inputs[0].dtype, node.outputs[0].dtype
        if x in _BITS and y in _BITS and y != "bool" and (x in _WIDE or not _holds(y, x)):
            return "int"
        if is_float(y) and y not in _kernels.HALF_CODE:
            values = list(node.outputs)  # the load itself casts; a half is rounded once, when it is stored
        elif is_float(x):
            values = list(node.inputs)  # the store itself casts; what is read of a float without its fraction is one
    elif is_of_integers(node):
        y = values[-1]
        is_count = y.size == 1 and _BITS[y.dtype] == 32 and node.op.name in ("add", "subtract")
        is_wrapping = node.op.name in _LEAVING and y.dtype != "bool" and not is_count
        is_exact = not any(v.dtype in _WIDE for v in values) or (node.op.name in _TRUTHS and _is_told_apart(node))
        if is_wrapping or node.op.name in _SHIFTS | _BITWISE or not is_exact:
            return "int"
    return "f32" if _EXACT_IN_F32.issuperset([v.spec.dtype for v in values]) else "f64"


def _is_told_apart(node: Node) -> bool:
    """Whether float64, to which the inputs of a comparison are rounded, gives its result: one of them stays as it is,
    and what is more or less than that does not become less or more."""
    return node.op.name.startswith("logical") or any(map(_is_short, node.inputs))


def _is_short(value: Value) -> bool:
    node = value.node
    if node.op.name == "cast":
        return _BITS.get(node.inputs[0].dtype, 64) < 64
    return is_scalar_constant(value) and abs(node.params["array"].reshape(()).item()) <= 2**53


def is_of_integers(node: Node) -> bool:
    """Whether a program of integers can run `node`."""
    if any(v.dtype not in _BITS for v in (*node.inputs, *node.outputs)):
        return False
    if node.op.name in _MOVES:
        return True
    is_number = node.outputs[0].dtype != "bool" or node.op.name not in _LEAVING - _OF_BOOLS.keys() | {"sign"} | _SHIFTS
    return node.op.kind == "elementwise" and node.op.name in _INTEGER_OPS and is_number


def integer_type(nodes: Sequence[Node]) -> str | None:
    """The type of the program of integers that gives what `nodes` do, the one of the most bits among them; or None."""
    if not all(map(is_of_integers, nodes)):
        return None
    least = 32 if any(node.op.name in _SHIFTS for node in nodes) else 8
    return _PROGRAM_OF_BITS[max([least, *(_BITS[v.dtype] for node in nodes for v in (*node.inputs, *node.outputs))])]


def is_scalar_constant(value: Value) -> bool:
    return value.node.op is CONSTANT and value.size == 1


def _is_zero(value: Value) -> bool:
    """Whether it is the number 0, not -0."""
    if not is_scalar_constant(value):
        return False
    number = value.node.params["array"].reshape(()).item()
    return number == 0 and not math.copysign(1, number) < 0


def element_strides(shape: Shape, space: Shape, steps: Sequence[int] | None = None) -> list[int]:
    """For each axis of `space`, how far apart neighbours lie in an array of `shape` that broadcasts to it: a contiguous
    one, or one whose elements lie `steps` apart."""
    strides = [0] * len(space)
    step = 1
    for k in range(1, len(shape) + 1):
        if shape[-k] != 1:
            strides[-k] = step if steps is None else steps[-k]
        step *= shape[-k]
    return strides


@functools.lru_cache(4096)
def row_and_column_strides(shape: Shape, space: Shape) -> tuple[int, int] | None:
    """The strides over (rows, cols) = (prod(space[:-1]), space[-1]), or None where two strides cannot say it."""
    if not space:
        return 0, 0
    *lead, col = element_strides(shape, space)
    sizes = space[:-1]
    kept = [(size, stride) for size, stride in zip(sizes, lead, strict=True) if size != 1]
    row = kept[-1][1] if kept else 0
    expected = row
    for size, stride in reversed(kept):
        if stride != expected:
            return None
        expected = stride * size
    return row, col


class Space:
    """The iteration space of a program: axes merged as far as all operands allow.

    Attributes:
        sizes: of the axes; the last two are rows and columns.
        strides: of each value over those axes, in elements.
    """

    __slots__ = ("sizes", "strides")

    def __init__(self, sizes: list[int], strides: dict[Value, list[int]]):
        self.sizes = sizes
        self.strides = strides

    @classmethod
    def of(
        cls, shape: Shape, values: Iterable[Value], rows: Sequence[Value] = (),
        windows: dict[Value, list[int]] | None = None,
    ) -> Space:  # fmt: skip
        """The space of `values` over `shape`, and of `rows`, in which each row is reduced to a number; of `windows` it
        is given how far apart their elements lie."""
        windows = windows or {}
        full = {v: element_strides(v.shape, shape, windows.get(v)) for v in dict.fromkeys(values)}
        full |= {y: element_strides((*shape[:-1], 1), shape) for y in rows}
        axes = [k for k, size in enumerate(shape) if size != 1]
        merged: list[list[int]] = []
        for k in axes:
            if merged and all(s[merged[-1][-1]] == s[k] * shape[k] for s in full.values()):
                merged[-1].append(k)
            else:
                merged.append([k])
        sizes = [math.prod(shape[k] for k in group) for group in merged]
        strides = {v: [s[group[-1]] for group in merged] for v, s in full.items()}
        while len(sizes) < 2:
            sizes.insert(0, 1)
            for v, s in strides.items():
                # A single row: its stride is never used, but equal strides tell the kernel that all is contiguous.
                s.insert(0, sizes[-1] if s and s[-1] == 1 else 0)
                strides[v] = s
        return cls(sizes, strides)


class Writer:
    """Collects operands and instructions of one program, then writes them with absolute buffer numbers.

    Args:
        strides: `(row_stride, col_stride)` of each value that is read or stored.
        integers: the type of a program of integers; None for floats.
    """

    def __init__(self, strides: dict[Value, tuple[int, int]], integers: str | None = None):
        self.strides = strides
        self.bits = int(integers[1:]) if integers else 0
        self.operands: list[Value | float] = []  # values, or constants
        self.registers: dict[Value, int] = {}  # operands are >= 0, temporaries are -1 - number
        self.constants: dict[float | bytes, int] = {}
        self.instructions: list[tuple[int, ...]] = []  # opcode, target, _INPUTS sources
        self.stores: list[tuple[Value, int]] = []
        self.results: list[Value] = []  # operands to which reductions of rows are stored
        self._free: list[int] = []
        self._temporaries = 0

    def load(self, value: Value) -> int:
        if value in self.registers:
            return self.registers[value]
        if is_scalar_constant(value):
            number = value.node.params["array"].reshape(()).item()
            return self.constant(int(number) if self.bits else float(number))
        self.operands.append(value)
        self.registers[value] = len(self.operands) - 1
        return self.registers[value]

    def constant(self, number: float) -> int:
        key = number if self.bits else np.float64(number).tobytes()  # tells -0.0 from 0.0, and finds NaN again
        if key not in self.constants:
            self.operands.append(number)
            self.constants[key] = len(self.operands) - 1
        return self.constants[key]

    def run(self, nodes: Sequence[Node], stored: set[Value], kept: Sequence[Value] = ()) -> None:
        """Adds `nodes`; the values `stored` are written to memory at the end, `kept` stay in their registers."""
        opcodes = _kernels.opcodes()
        reduced = {*kept}
        pinned = {*stored, *reduced}
        lines = [(node.op.name, node, node.inputs) for node in nodes] if self.bits else _lines(nodes, pinned)
        last_use = {x: k for k, (_, _, sources) in enumerate(lines) for x in sources}
        shared: dict[int, int] = {}  # how many live values a temporary holds (a cast to a float is no instruction)
        for k, (name, node, inputs) in enumerate(lines):
            sources = [self.load(x) for x in inputs]
            y = node.outputs[0]
            if self.bits:
                target = self._of_integers(node, sources, y in last_use)
            elif name in _MOVES:
                target = self._cast(node, sources[0], opcodes, y in last_use or y in reduced)
            else:
                target = self._temporary()
                self.instructions.append(_instruction(opcodes[name], target, *sources))
            self.registers[y] = target
            if target < 0:
                shared[target] = shared.get(target, 0) + 1
            for x in dict.fromkeys([*inputs, y]):
                register = self.registers.get(x, 0)
                if register < 0 and x not in pinned and last_use.get(x, -1) <= k:
                    shared[register] -= 1
                    if not shared[register]:
                        self._free.append(register)
        written = [y for node in nodes for y in node.outputs if y in stored]
        # A store may overwrite an operand (that is what in place means): what is read after the first store must not
        # be in memory any more.
        for y in [*written, *kept] if len(written) + len(kept) > 1 and written else ():
            register = self.load(y)
            if register >= 0 and isinstance(self.operands[register], Value):
                self.registers[y] = target = self._temporary()
                self.instructions.append(_instruction(opcodes["cast"], target, register))
        self.stores += [(y, self.registers[y]) for y in written]

    def _temporary(self) -> int:
        if self._free:
            return self._free.pop()
        self._temporaries += 1
        return -self._temporaries

    def _cast(self, node: Node, source: int, opcodes: dict[str, int], is_read: bool) -> int:
        before, after = node.inputs[0].dtype, node.outputs[0].dtype
        if after in _kernels.HALF_CODE and is_read:  # by what follows, which must not see more than is stored
            target = self._temporary()
            self.instructions.append(_instruction(opcodes[f"round_to_{after}"], target, source))
            return target
        if is_float(after) or (after != "bool" and not (is_read and is_float(before))):  # a store truncates, too
            return source
        target = self._temporary()
        if after == "bool":
            self.instructions.append(_instruction(opcodes["not_equal"], target, source, self.constant(0.0)))
        else:
            self.instructions.append(_instruction(opcodes["trunc"], target, source))
        return target

    def _do(self, name: str, *sources: int) -> int:
        target = self._temporary()
        self.instructions.append(_instruction(_kernels.opcodes()[name], target, *sources))
        return target

    def _steps(self, *steps: tuple[str, tuple[int | None, ...]]) -> int:
        """Instructions of which each reads, in place of None, what the one before it made and nothing else needs."""
        made = None
        for name, sources in steps:
            target = self._do(name, *[made if r is None else r for r in sources])
            if made is not None:
                self._free.append(made)
            made = target
        return made

    def _of_integers(self, node: Node, sources: list[int], is_read: bool) -> int:
        """The register of what `node` makes, which holds the number itself where another instruction reads it: of
        less bits than the program's with its sign or zeroes above them. A store takes the low bits."""
        name, x, y = node.op.name, node.inputs[0].dtype, node.outputs[0].dtype
        target = self._numbers(name, x, y, sources)
        if not is_read or y == "bool" or _BITS[y] == self.bits:
            return target
        if name not in _LEAVING and (name not in _MOVES or _holds(y, x)):
            return target
        before, mask = target, self.constant((1 << _BITS[y]) - 1)
        if y.startswith("u"):
            target = self._do("bitwise_and", target, mask)
        else:
            sign = self.constant(1 << (_BITS[y] - 1))
            target = self._steps(
                ("bitwise_and", (target, mask)), ("bitwise_xor", (None, sign)), ("subtract", (None, sign))
            )
        if name not in _MOVES:
            self._free.append(before)
        return target

    def _numbers(self, name: str, x: str, y: str, sources: list[int]) -> int:
        """The instructions of the op `name` of numbers of dtype x: a register that nothing else has, or of a move that
        of the source."""
        is_signed = not x.startswith(("u", "bool"))
        other = "other_" if _BITS[x] == self.bits and x != "bool" and is_signed == (self.bits == 8) else ""
        if name in _MOVES:
            asks = y == "bool" != x
            return self._do("not_equal", sources[0], self.constant(0)) if asks else sources[0]
        if y == "bool" and name in _OF_BOOLS:
            return self._do(_OF_BOOLS[name], *sources)
        if name == "abs" and not is_signed:
            return self._do("cast", *sources)
        if name == "sign" and not is_signed:
            return self._do("not_equal", sources[0], self.constant(0))
        if name == "sign" and other:
            return self._do("other_clip", sources[0], self.constant(-1), self.constant(1))
        if name in _COMPARISONS | {"clip", "maximum", "minimum", "right_shift"}:
            name = other + name
        return self._do(name, *sources)

    def encode(self, buffer_of: dict[Value, int], first_real: int) -> tuple[list[int], list[float]]:
        """The program's ints and its constants; `buffer_of` numbers the buffers, constants start at `first_real`."""
        operands: list[int] = []
        reals: list[float] = []
        for operand in self.operands:
            if isinstance(operand, Value):
                operands += [buffer_of[operand], _CODE[operand.dtype], *self.strides[operand]]
            else:
                operands += [-1, 0, _wrapped(operand) if self.bits else first_real + len(reals), 0]
                reals += [] if self.bits else [operand]
        store_register = {}
        for value in [*(value for value, _ in self.stores), *self.results]:
            store_register[value] = len(operands) // 4
            operands += [buffer_of[value], _CODE[value.dtype], *self.strides[value]]
        code = [*self.instructions, *[_instruction(STORE, store_register[value], r) for value, r in self.stores]]
        n_operands = len(operands) // 4
        numbers = [i if i >= 0 else n_operands - i - 1 for line in code for i in line]
        ints = [n_operands, len(code), self._temporaries, 0, *operands, *numbers]
        ints[3] = len(ints)
        return ints, reals

    def values(self) -> list[Value]:
        """Every value that the program reads or stores, in the order of its operands."""
        return [x for x in self.operands if isinstance(x, Value)] + [value for value, _ in self.stores]


def _holds(dtype: str, other: str) -> bool:
    """Whether integers of `dtype` can be all that those of `other`, or bools, can."""
    if other == "bool":
        return True
    ours, theirs = np.iinfo(dtype), np.iinfo(other)
    return ours.min <= theirs.min and theirs.max <= ours.max


def _wrapped(number: int) -> int:
    """The int64 of the same 64 bits."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _instruction(opcode: int, target: int, *sources: int) -> tuple[int, ...]:
    return (opcode, target, *sources, *[0] * (_INPUTS - len(sources)))


_Line = tuple[str, Node, tuple[Value, ...]]  # opcode name, node whose output it makes, inputs
_Merged = tuple[str, tuple[Value, ...], list[Value]]  # opcode name, inputs, the outputs of the lines it replaces


def _lines(nodes: Sequence[Node], pinned: set[Value]) -> list[_Line]:
    """A line for each node. What only one other line reads becomes a part of that where an opcode does both, as passes
    over memory cost more than arithmetic."""
    uses: dict[Value, int] = {}
    lines: dict[Value, _Line] = {}

    def parts_of(x: Value, name: str) -> tuple[Value, ...] | None:
        is_part = x in lines and lines[x][0] == name and uses[x] == 1 and x not in pinned
        return lines[x][2] if is_part else None

    def count(inputs: tuple[Value, ...], change: int) -> None:
        for x in inputs:
            uses[x] = uses.get(x, 0) + change

    for node in nodes:
        count(node.inputs, 1)
    for node in nodes:
        name, inputs = node.op.name, node.inputs
        while merged := _merged(name, inputs, parts_of):
            count(inputs, -1)
            name, inputs, parts = merged
            for x in parts:
                count(lines.pop(x)[2], -1)
            count(inputs, 1)
        lines[node.outputs[0]] = (name, node, inputs)
    return list(lines.values())


_LONGER = {"horner": "horner3", "horner3": "horner4"}


def _merged(name: str, inputs: tuple[Value, ...], parts_of) -> _Merged | None:
    """The opcode that does `name` and lines that make its inputs, None where there is none. `parts_of(x, name)` are the
    inputs of the line `name` that makes x, where nothing else reads x.

    relu(a + b) is add_relu, a b + c multiply_add, c - a b subtract_product, a s + b t add_products, a s - b t
    subtract_products, (a x + s) x + t horner, one more step of it horner3, horner4 (s, t scalars), (b - a) t + a lerp,
    (b^2 - a) t + a lerp_square, a / (sqrt(b) + c) divide_by_root, w - a s / (sqrt(b) + t) step_by_root, w - a s /
    sqrt(b + t) step_by_root_of_sum, a^2 + b multiply_add, a sigmoid(b) multiply_sigmoid, gelu(a + b) add_gelu,
    sigmoid(a) tanh(b) sigmoid_tanh, where(a > b, c, d) where_greater, where(isnan(a), b, a)
    fill_nan, where(a, b, 0) of a bool relu_grad, clip(a + s, t, u) v clip_line, and that times a hard_gate."""
    if name in ("relu", "gelu"):
        terms = parts_of(inputs[0], "add")
        return terms and (f"add_{name}", terms, [inputs[0]])
    if name == "multiply":
        return _merged_product(inputs, parts_of)
    if name == "where":
        (tested,) = parts_of(inputs[0], "isnan") or (None,)
        if tested is inputs[2]:
            return "fill_nan", (inputs[2], inputs[1]), [inputs[0]]
        ordered = parts_of(inputs[0], "greater") or (parts_of(inputs[0], "less") or ())[::-1]
        if ordered:
            return "where_greater", (*ordered, *inputs[1:]), [inputs[0]]
        return ("relu_grad", inputs[1::-1], []) if inputs[0].dtype == "bool" and _is_zero(inputs[2]) else None
    if name not in ("add", "subtract", "divide"):
        return None
    a, x = inputs
    if name == "add" and parts_of(a, "multiply"):
        a, x = x, a
    product = parts_of(x, "multiply")
    if name == "divide":
        for root, c in _both_ways(parts_of(x, "add") or ()):
            if radicand := parts_of(root, "sqrt"):
                return "divide_by_root", (a, *radicand, c), [x, root]
    elif product is not None:
        for difference, t in _both_ways(product) if name == "add" else ():
            b, subtrahend = parts_of(difference, "subtract") or (None, None)
            if subtrahend is a:
                if squared := parts_of(b, "square"):
                    return "lerp_square", (a, *squared, t), [x, difference, b]
                return "lerp", (a, b, t), [x, difference]
        if (one := _scaled(parts_of(a, "multiply"))) and (other := _scaled(product)):
            return f"{name}_products", (*one, *other), [a, x]
        if name == "add" and a.size == 1 and (merged := _merged_step(product, a, parts_of)):
            return merged[0], merged[1], [x, *merged[2]]
        return ("multiply_add", (*product, a), [x]) if name == "add" else ("subtract_product", (a, *product), [x])
    elif name == "subtract" and (quotient := parts_of(x, "divide_by_root")):
        step, radicand, c = quotient
        if c.size == 1 and (scaled := _scaled(parts_of(step, "multiply"))):
            return "step_by_root", (a, *scaled, radicand, c), [x, step]
    elif name == "subtract" and (quotient := parts_of(x, "divide")):
        step, root = quotient
        for radicand in parts_of(root, "sqrt") or ():
            if (terms := _scaled(parts_of(radicand, "add"))) and (scaled := _scaled(parts_of(step, "multiply"))):
                return "step_by_root_of_sum", (a, *scaled, *terms), [x, step, root, radicand]
    elif name == "add":
        for square, other in _both_ways((a, x)):
            if squared := parts_of(square, "square"):
                return "multiply_add", (*squared, *squared, other), [square]
    return None


def _merged_step(product: tuple[Value, ...], term: Value, parts_of) -> _Merged | None:
    """`product` + `term` as a step of Horner's, where the steps before it are a line too."""
    for before, x in _both_ways(product):
        for name, longer in _LONGER.items():
            if (steps := parts_of(before, name)) and steps[2] is x:
                return longer, (*steps, term), [before]
        *pair, first = parts_of(before, "multiply_add") or (term,)
        for start, same in _both_ways(tuple(pair)) if first.size == 1 else ():
            if same is x:
                return "horner", (start, first, x, term), [before]
    return None


def _merged_product(factors: tuple[Value, ...], parts_of) -> _Merged | None:
    for a, gate in _both_ways(factors):
        if (line := parts_of(gate, "clip_line")) and line[0] is a:
            return "hard_gate", line, [gate]
        if clipped := parts_of(gate, "clip"):
            terms = _scaled(parts_of(clipped[0], "add"))
            if terms and all(x.size == 1 for x in (a, *clipped[1:])):
                return "clip_line", (*terms, *clipped[1:], a), [gate, clipped[0]]
        if not (gated := parts_of(gate, "sigmoid")):
            continue
        if other := parts_of(a, "tanh"):
            return "sigmoid_tanh", (*gated, *other), [gate, a]
        return "multiply_sigmoid", (a, *gated), [gate]
    return None


def _both_ways(pair: tuple[Value, ...]) -> list[tuple[Value, ...]]:
    return [pair, pair[::-1]] if pair else []


def _scaled(pair: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
    """The factors, or terms, of `pair` with a scalar second, where there is one."""
    return next((both for both in _both_ways(pair or ()) if both[1].size == 1), None)
