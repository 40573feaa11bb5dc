"""From groups of nodes to kernel calls: which kernel, with which buffers and parameters.

Where the values live is not decided here: a step names values, `plan/memory.py` gives them places.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastnn import _kernels
from fastnn.graph.fuse import Group, Rules
from fastnn.graph.value import Node, Shape, Value
from fastnn.plan import program

_REDUCTIONS = {"sum": 0, "max": 1, "min": 2}  # op name to the code of the fused kernel
_OF_ROWS = 4  # more for a reduction of each row, as in elementwise.c
_LEAST_ROW = {"sum": 64, "max": 128, "min": 128}  # elements: to end a row costs as much as to store and read so many
_MOST_ROW = 8192  # elements of a unit there
LEAST_ALONE = 1 << 15  # elements of a reduction that has a call of its own
_SUFFIX = {"float32": "f32", "float64": "f64"}


class Step:
    """One kernel call, or one call of an op's reference where no kernel fits.

    Attributes:
        kernel: its name; None for a reference.
        buffers: values in the order of the kernel's contract.
        reads, writes: the same values by what happens to them.
        group: what the step computes.
        shares: pairs (output, input) that may have the same memory.
        node: of a reference.
    """

    __slots__ = ("buffers", "group", "ints", "kernel", "node", "reads", "reals", "shares", "writes")

    def __init__(
        self,
        kernel: str | None,
        buffers: list[Value | None],
        ints: list[int],
        reals: list[float],
        group: Group,
        node: Node | None = None,
    ):
        self.kernel = kernel
        self.buffers = buffers
        self.ints = ints
        self.reals = reals
        self.group = group
        self.node = node
        self.reads: list[Value] = []
        self.writes: list[Value] = []
        self.shares: list[tuple[Value, Value]] = []


def _is_full_reduction(node: Node) -> bool:
    x = node.inputs[0] if node.inputs else None
    return (
        node.op.kind == "reduce"
        and node.op.name in _REDUCTIONS
        and x is not None
        and len(node.params["axis"]) == x.ndim
        and x.dtype in _SUFFIX
        and node.outputs[0].shape == ()
        and x.size > 0
    )


def _is_row_reduction(node: Node) -> bool:
    if node.op.kind != "reduce" or node.op.name not in _REDUCTIONS:
        return False
    x = node.inputs[0]
    is_last = node.params["axis"] == (x.ndim - 1,)
    return is_last and x.dtype in _SUFFIX and _LEAST_ROW[node.op.name] <= x.shape[-1] <= _MOST_ROW and x.size > 0


def _fits_epilogue(node: Node, shape: Shape) -> bool:
    return all(program.row_and_column_strides(x.shape, shape) is not None for x in node.inputs)


def _anchor_type(node: Node) -> str:
    if node.op.kind == "elementwise":
        return program.program_type(node)
    if _is_full_reduction(node):
        return _SUFFIX[node.inputs[0].dtype]
    return _SUFFIX.get(node.outputs[0].dtype, "")


RULES = Rules(
    is_elementwise=program.is_elementwise,
    is_full_reduction=_is_full_reduction,
    is_row_reduction=_is_row_reduction,
    has_epilogue=lambda node: node.op.epilogue is not None and node.op.epilogue(node),
    keeps_tile=lambda node: node.op.keeps_tile is not None and node.op.keeps_tile(node),
    fits_epilogue=_fits_epilogue,
    program_type=_anchor_type,
    is_of_integers=program.is_of_integers,
)


class Builder:
    """What a record's `lower(node, builder)` emits its kernel calls to."""

    def __init__(self, needed: set[Value], windows: dict[Value, list[int]] | None = None):
        self.steps: list[Step] = []
        self.needed = needed  # values that something outside their group reads
        self.windows = windows or {}  # values that lie in another one, and how far apart their elements lie there
        self.group: Group | None = None
        self._epilogue_done = False

    @staticmethod
    def suffix(value: Value) -> str | None:
        """ "f32" or "f64"; None for a dtype without float kernels."""
        return _SUFFIX.get(value.dtype)

    def step(
        self,
        kernel: str,
        buffers: Sequence[Value | None],
        ints: Sequence[int],
        reals: Sequence[float] = (),
        epilogue_at: int | None = None,
        relu_at: int | None = None,
        bias_at: int | None = None,
        writes: Sequence[Value] | None = None,
    ) -> None:
        """Appends one kernel call.

        Args:
            kernel: its name in the table.
            buffers: values in the order of the kernel's contract; None for an optional one that is absent.
            ints, reals: its parameters.
            epilogue_at: where in `ints` the offset of the epilogue's program goes.
            relu_at: where in `ints` a flag makes the kernel clip its result at 0, in registers.
            bias_at: where in `ints` the number of a buffer makes the kernel add it to each row of its result, before.
            writes: which of `buffers` are written; by default the node's outputs.
        """
        group = self.group
        step = Step(kernel, list(buffers), [int(i) for i in ints], [float(r) for r in reals], group)
        outputs = set(group.anchor.outputs if writes is None else writes)
        step.writes = [v for v in dict.fromkeys(buffers) if v in outputs]
        step.reads = [v for v in dict.fromkeys(buffers) if v is not None and v not in outputs]
        if epilogue_at is not None and group.body:
            self._add_epilogue(step, epilogue_at, relu_at, bias_at)
        elif group.anchor.op.inplace:
            x, y = group.anchor.inputs[0], group.anchor.outputs[0]
            if x.size == y.size and x.dtype == y.dtype:
                step.shares.append((y, x))
        pairs = [(group.anchor.outputs[y], group.anchor.inputs[x]) for y, x in group.anchor.op.aliases]
        step.shares += [(y, x) for y, x in pairs if y in set(step.writes)]  # an output nobody reads may be left out
        self.steps.append(step)

    def _add_epilogue(self, step: Step, at: int, relu_at: int | None, bias_at: int | None) -> None:
        group, raw, nodes = self.group, self.group.anchor.outputs[0], self.group.body
        self._epilogue_done = True
        bias = self._row_that_is_added(raw, nodes) if bias_at is not None else None
        if bias is not None:
            step.ints[bias_at] = len(step.buffers)
            raw, nodes = self._finished_by(step, raw, nodes)
            step.buffers.append(bias)
            step.reads.append(bias)
        if relu_at is not None and self._begins_with(nodes, "relu", raw):
            step.ints[relu_at] = 1
            raw, nodes = self._finished_by(step, raw, nodes)
        if not nodes:
            return
        stored = {y for node in nodes for y in node.outputs if y in self.needed}
        values = {raw, *stored, *(x for node in nodes for x in node.inputs)}
        writer = program.Writer(
            {v: program.row_and_column_strides(v.shape, group.shape) for v in values if v.shape or v.size == 1}
        )
        writer.run(nodes, stored)
        buffer_of = {v: k for k, v in enumerate(step.buffers) if v is not None}
        is_tile = RULES.keeps_tile(group.anchor) and raw not in self.needed
        if is_tile:
            step.buffers[buffer_of[raw]], buffer_of[raw] = None, program.TILE
        for v in writer.values():
            if v not in buffer_of:
                buffer_of[v] = len(step.buffers)
                step.buffers.append(v)
                (step.writes if v in stored else step.reads).append(v)
        step.ints[at] = len(step.ints)
        ints, reals = writer.encode(buffer_of, len(step.reals))
        step.ints += ints
        step.reals += reals
        if raw not in self.needed:
            # The unfinished tile may stand where the finished one goes.
            step.shares += [(y, raw) for y, _ in writer.stores if y.dtype == raw.dtype and not is_tile][:1]
            step.writes = [v for v in step.writes if v is not raw]

    @staticmethod
    def _finished_by(step: Step, raw: Value, nodes: Sequence[Node]) -> tuple[Value, Sequence[Node]]:
        """The kernel does the first of `nodes` itself: its output instead of `raw`, and the other nodes."""
        y = nodes[0].outputs[0]
        step.buffers, step.writes = ([y if v is raw else v for v in vs] for vs in (step.buffers, step.writes))
        return y, nodes[1:]

    def _begins_with(self, nodes: Sequence[Node], name: str, raw: Value) -> bool:
        """Whether all that anybody reads of `raw` is what the first of `nodes`, an op of that name, makes of it."""
        readers = [node for node in nodes if any(x is raw for x in node.inputs)]
        return bool(nodes) and nodes[0].op.name == name and readers == [nodes[0]] and raw not in self.needed

    def _row_that_is_added(self, raw: Value, nodes: Sequence[Node]) -> Value | None:
        if not self._begins_with(nodes, "add", raw):
            return None
        rows = [x for x in nodes[0].inputs if x is not raw and x.dtype == raw.dtype == nodes[0].outputs[0].dtype]
        is_row = rows and program.row_and_column_strides(rows[0].shape, raw.shape) == (0, 1)
        return rows[0] if is_row else None

    def lower(self, group: Group) -> None:
        """Appends the steps of `group`."""
        self.group, self._epilogue_done = group, False
        anchor = group.anchor
        if anchor is not None and anchor.outputs[0] in self.windows:
            return  # nothing is copied
        if anchor is None:
            self._fused(group)
            return
        start = len(self.steps)
        if anchor.op.lower is None or anchor.op.lower(anchor, self) is False:
            if len(self.steps) != start:
                raise RuntimeError(f"the lowering of {anchor.op.name!r} emitted steps and then declined")
            self._reference(anchor)
        if group.body and not self._epilogue_done:
            self._fused(Group(group.shape, body=group.body, type=group.type or _anchor_type(group.body[0])))

    def _reference(self, node: Node) -> None:
        """The op's reference, called by the executor: slow, and shown as such by explain()."""
        if node.op.lone is not None:
            k, op = node.op.lone
            y = node.outputs[k]
            if not self.needed.intersection(z for z in node.outputs if z is not y):
                node = Node(op, node.inputs, {}, [y.spec], node.label)
                node.outputs = (y,)
        step = Step(None, [*node.inputs, *node.outputs], [], [], self.group, node=node)
        step.reads, step.writes = list(dict.fromkeys(node.inputs)), list(node.outputs)
        self.steps.append(step)

    def _fused(self, group: Group) -> None:
        if (x := _squares(group, self.needed, self.windows)) is not None:
            self.group = Group((), anchor=group.reductions[0])
            self.step(f"sum_squares_{_SUFFIX[x.dtype]}", [x, group.reductions[0].outputs[0]], [x.size])
            if group.tail:
                self.steps.append(fused_step(Group((), body=group.tail, type=group.type), self.needed))
            return
        if _is_plain_reduction(group, self.windows):
            node = group.reductions[0]
            self.group = Group(node.outputs[0].shape, anchor=node)
            if node.op.lower(node, self) is not False:
                if group.tail:
                    self.steps.append(fused_step(Group((), body=group.tail, type=group.type), self.needed))
                return
        self.steps.append(_cast_step(group, self.windows) or fused_step(group, self.needed, self.windows))


_CODE = _kernels.DTYPE_CODE | _kernels.HALF_CODE
_MOST_CAST = 16 << 20  # bytes of a result that a next step may find in a cache: programs store larger ones past these


def _cast_step(group: Group, windows: dict[Value, list[int]]) -> Step | None:
    """The call of `cast_array` for a group that is one cast for which that has a loop."""
    if len(group.nodes) != 1 or not group.body or group.body[0].op.name != "cast":
        return None
    (x,), (y,) = group.body[0].inputs, group.body[0].outputs
    if x in windows:
        return None
    if not {x.dtype, y.dtype} <= _CODE.keys() or x.dtype == y.dtype or y.spec.nbytes > _MOST_CAST:
        return None
    for half, other in ((x.dtype, y.dtype), (y.dtype, x.dtype)):
        if half in _kernels.HALF_CODE and other not in ("float32", "float64"):
            return None
    step = Step("cast_array", [x, y], [x.size, *(_CODE[v.dtype] for v in (x, y))], [], group)
    step.reads, step.writes = [x], [y]
    return step


def _is_plain_reduction(group: Group, windows: dict[Value, list[int]]) -> bool:
    """Whether all that `group` does is to reduce a large array to a number: the reduction's own kernel, which has no
    blocks, is faster."""
    if group.body or len(group.reductions) != 1:
        return False
    x = group.reductions[0].inputs[0]
    return x.size >= LEAST_ALONE and x not in windows


def _squares(group: Group, needed: set[Value], windows: dict[Value, list[int]]) -> Value | None:
    """What `group` takes the sum of squares of and does nothing else: a kernel without blocks is faster there, too."""
    if len(group.body) != 1 or len(group.reductions) != 1:
        return None
    (square,), (reduction,) = group.body, group.reductions
    x, y = square.inputs[0], square.outputs[0]
    is_square = square.op.name == "square" or (square.op.name == "multiply" and square.inputs[1] is x)
    if not is_square or reduction.op.name != "sum" or reduction.inputs[0] is not y or reduction.outputs[0].shape:
        return None
    is_whole = x.dtype in _SUFFIX and x.size == y.size >= LEAST_ALONE
    return x if is_whole and x not in windows and y not in needed else None


def fused_step(group: Group, needed: set[Value], windows: dict[Value, list[int]] | None = None) -> Step:
    """The call of the `fused` kernel for a group without an anchor (its contract is above the kernel)."""
    own = {y for node in group.nodes for y in node.outputs}
    stored = {y for node in group.body for y in node.outputs if y in needed}
    reduced = [node.inputs[0] for node in group.reductions]
    loaded = [x for node in group.body for x in node.inputs if x not in own] + [x for x in reduced if x not in own]
    loaded = [x for x in loaded if not program.is_scalar_constant(x)]
    rows = [node.outputs[0] for node in group.reductions if node.outputs[0].shape != ()]
    made = [y for node in group.body for y in node.outputs if y in stored]
    space = program.Space.of(group.shape, [*loaded, *made], rows, windows or {})
    integers = None if group.reductions else program.integer_type(group.body)
    writer = program.Writer({v: tuple(s[-2:]) for v, s in space.strides.items()}, integers)
    writer.run(group.body, stored, kept=list(dict.fromkeys(reduced)))
    reduced_registers = [writer.load(x) for x in reduced]
    writer.results = rows

    results = [node.outputs[0] for node in group.reductions]
    tail_stored = {y for node in group.tail for y in node.outputs if y in needed}
    tail = program.Writer({v: (0, 0) for node in group.tail for v in (*node.inputs, *node.outputs)})
    if group.tail:
        tail.run(group.tail, tail_stored)

    buffers: list[Value | None] = []
    buffer_of: dict[Value, int] = {}
    for v in [*writer.values(), *results, *tail.values()]:
        if v not in buffer_of:
            buffer_of[v] = len(buffers)
            buffers.append(v)
    program_a, reals_a = writer.encode(buffer_of, 0)
    program_b, reals_b = tail.encode(buffer_of, len(reals_a)) if group.tail else ([], [])
    n_operands = program_a[0]

    def register(r: int) -> int:
        return r if r >= 0 else n_operands - r - 1

    outer = len(space.sizes) - 2
    operands = [*writer.operands, *(value for value, _ in writer.stores), *rows]
    outer_strides = [s for x in operands for s in (space.strides[x][:outer] if isinstance(x, Value) else [0] * outer)]
    reductions = []
    place_of = {y: k for k, y in enumerate(rows, n_operands - len(rows))}
    for node, r in zip(group.reductions, reduced_registers, strict=True):
        y, kind = node.outputs[0], _REDUCTIONS[node.op.name]
        if y in place_of:
            reductions += [kind + _OF_ROWS, register(r), place_of[y], 0]
        else:
            reductions += [kind, register(r), buffer_of[y], _kernels.DTYPE_CODE[y.dtype]]
    header = [0, 0, outer, *space.sizes[-2:], len(group.reductions), *space.sizes[:outer], *outer_strides, *reductions]
    header[0] = len(header)
    header[1] = len(header) + len(program_a) if group.tail else 0
    kernel = f"fused_{integers or group.type or 'f32'}"
    step = Step(kernel, buffers, [*header, *program_a, *program_b], [*reals_a, *reals_b], group)
    outputs = stored | tail_stored | set(results)
    step.writes = [v for v in buffers if v in outputs]
    step.reads = [v for v in buffers if v not in outputs]
    step.shares = _in_place_pairs(step, space, stored)
    return step


def _in_place_pairs(step: Step, space: program.Space, stored: set[Value]) -> list[tuple[Value, Value]]:
    """Outputs that may overwrite an input: same dtype, and every element is read where it is written."""
    return [
        (y, x)
        for y in step.writes
        if y in stored
        for x in step.reads
        if space.strides.get(x) == space.strides[y] and x.dtype == y.dtype and x.size == y.size
    ]
