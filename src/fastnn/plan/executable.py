"""Executable: a graph compiled to a plan, and its runs.

compile: simplify -> raise over views -> fuse -> lower -> assign memory -> `_engine.Plan`. A run takes an arena, points
the plan's slots at the arrays of this run, executes without the GIL, and copies out those outputs
that the kernels did not write into the arrays that it returns.
"""

from __future__ import annotations

import builtins
import itertools
import threading
import weakref
from collections import Counter

import numpy as np

from fastnn import _kernels, config
from fastnn._kernels import _engine
from fastnn.graph import fuse, simplify, variable
from fastnn.graph.absorb import absorb_reductions
from fastnn.graph.halves import widen
from fastnn.graph.value import CONSTANT, COPY, INPUT, Graph, Node, Value
from fastnn.graph.verify import verify
from fastnn.graph.views import raise_over_views
from fastnn.plan import memory
from fastnn.plan.copying import MAX_BYTES, contiguous
from fastnn.plan.cost import threads_for
from fastnn.plan.gathering import absorb_into_gather
from fastnn.plan.lower import RULES, Builder, Step, fused_step

MUCH = 1.1  # times the largest live set, or less of an arena: worth a step that clears what is between gradients


class _Segment:
    """Steps [begin, end) of the native plan, or one reference call."""

    __slots__ = ("begin", "end", "reference")

    def __init__(self, begin: int = 0, end: int = 0, reference: Step | None = None):
        self.begin = begin
        self.end = end
        self.reference = reference


class Executable:
    """A graph, ready to run.

    Args:
        graph: what to compute.
        name: for messages.
        gathered: the source dtypes of the inputs when they are batches gathered from larger arrays, else None.
        is_eager: whether it is an op, called with arrays, that keeps little memory from run to run (`_bound_memory`).
    """

    def __init__(self, graph: Graph, name: str, gathered: list[str] | None = None, is_eager: bool = False):
        self.name = name
        self.is_eager = self.bounds_memory = is_eager
        self.has_run = False
        self.sources = gathered
        graph = verify(simplify.simplify(graph), "simplify")
        graph = verify(widen(graph, lambda node: node.op.has_kernel), "widen", before=graph)
        graph = verify(absorb_reductions(graph), "absorb_reductions", before=graph)
        graph = verify(raise_over_views(graph), "raise_over_views", before=graph)
        if gathered is not None:
            self.factors = absorb_into_gather(graph)
        self.graph = graph = _materialised(graph)
        groups = fuse.fuse(graph, RULES)
        self._bind_slots(graph)
        self._update_in_place(graph, groups)
        self.steps = self._lower(graph, fuse.order(groups))
        self._compile(graph)
        self.seconds = np.zeros(self.plan.n_steps)
        self.runs = 0
        self._current_at, self._is_current = -1, True

    # Compilation.

    def _bind_slots(self, graph: Graph) -> None:
        """Numbers the arrays that are bound: inputs (or their sources and the index), variables, constants."""
        self.slots: dict[Value, int] = {}
        count = len(graph.inputs)
        if self.sources is None:
            self.slots.update({value: k for k, value in enumerate(graph.inputs)})
        else:
            self.index_slot = count
            count += 1
        self.variables = []
        for var, value in graph.variables.items():
            self.variables.append((count, var))
            self.slots[value] = count
            count += 1
        self.variable_slot = {var: slot for slot, var in self.variables}
        self.constants = []
        for node in graph.nodes:
            if node.op is CONSTANT:
                self.constants.append((count, np.ascontiguousarray(node.params["array"])))
                self.slots[node.outputs[0]] = count
                count += 1
        self.n_slots = count

    def _update_in_place(self, graph: Graph, groups: list[fuse.Group]) -> None:
        """Lets groups store straight into the variables that they update, where every reader of the old numbers can
        run before them; `copied` are the other updates."""
        self.copied: list[tuple[object, Value]] = []
        group_of = {node: group for group in groups for node in group.nodes}
        reads: dict[Value, list[tuple[Node, Value]]] = {value: [] for value in graph.variables.values()}
        for node in graph.nodes if graph.updates else ():
            for x in node.inputs if node.op.kind != "view" else ():
                root = memory.root_of(x)
                if root in reads:
                    reads[root].append((node, x))
        aliases = _aliases(graph)
        for var, value in graph.updates.items():
            writer = _in_place_writer(graph, group_of, reads, var, value, aliases.get(var, ()))
            if writer is None or value in self.slots:
                self.copied.append((var, value))
            else:
                writer.writes[var] = value
                self.slots[value] = self.variable_slot[var]

    def _lower(self, graph: Graph, groups: list[fuse.Group]) -> list[Step]:
        needed = _needed(graph, groups)
        windows = self._windows(graph, groups)
        self.inside = _packed_places(graph) | {y: (root, offset) for y, (root, offset, _) in windows.items()}
        builder = Builder(needed, {y: strides for y, (_, _, strides) in windows.items()})
        for group in groups:
            if group.anchor is None or group.anchor.op.name != "pack":
                builder.lower(group)
        for var, value in self.copied:
            builder.steps.append(self._copy_to_variable(var, value))
        return builder.steps

    def _windows(self, graph: Graph, groups: list[fuse.Group]) -> dict[Value, tuple[Value, int, list[int]]]:
        """Values that nobody copies, as they lie in an array that is bound, and kernels that can alone read them: the
        array, the offset in it, in bytes, and how far apart their elements lie, in elements."""
        candidates = [node for node in graph.nodes if getattr(node.op, "window", None) is not None]
        if not candidates or self.sources is not None:
            return {}
        elementwise = {node for group in groups if group.anchor is None for node in group.nodes}
        joining = set()
        for node in graph.nodes:  # by the kernel `copy`
            if getattr(node.op, "joins_windows", False) and np.dtype(node.outputs[0].dtype).itemsize <= MAX_BYTES:
                joining.add(node)
        readers, results = simplify.consumers(graph), set(graph.results())
        windows = {}
        for node in candidates:
            y, root = node.outputs[0], memory.root_of(node.inputs[0])
            is_bound = root.node.op is INPUT and root in self.slots
            # A block of a program of fewer bytes may be a tile: it would take a row of several tiles for one.
            able = elementwise | joining if np.dtype(y.dtype).itemsize >= 4 else joining
            if not is_bound or not y.size or y in results or (window := node.op.window(node)) is None:
                continue
            offset, strides = window
            if all(reader in able or _may_read(reader, strides) for reader in readers[y]):
                windows[y] = root, offset * np.dtype(y.dtype).itemsize, strides
        return windows

    def _copy_to_variable(self, var, value: Value) -> Step:
        copy = _copy(Graph(), value)
        self.slots[copy] = self.variable_slot[var]
        group = fuse.Group(value.shape, body=[copy.node], type=RULES.program_type(copy.node))
        if RULES.is_elementwise(copy.node):
            return fused_step(group, {copy})
        step = Step(None, [value, copy], [], [], group, node=copy.node)
        step.reads, step.writes = [value], [copy]
        return step

    def _bind_results(self, graph: Graph) -> None:
        """Slots for large outputs of what runs by `Plan.run`: kernels write the arrays that a run returns, and nothing
        is copied. A small one costs less to copy than to bind."""
        roots = [memory.root_of(value) for value in graph.outputs]
        if self.sources is not None or any(step.kernel is None for step in self.steps):
            return
        if any(root in self.slots or not root.size for root in roots):
            return
        for root, times in Counter(roots).items():
            is_part = root in self.inside or root.node.op.name == "pack"
            if root.spec.nbytes >= memory.LARGE and times == 1 and not is_part:
                self.slots[root] = self.n_slots
                self.n_slots += 1

    def _compile(self, graph: Graph) -> None:
        first_result = self.n_slots
        self._bind_results(graph)
        kept = [memory.root_of(value) for value in graph.outputs]
        results = {value for value, slot in self.slots.items() if slot >= first_result}
        isa = _kernels.isa()

        def assigned(steps: list[Step]):
            works = [_engine.kernel_work(isa, s.kernel, s.ints) if s.kernel is not None else None for s in steps]
            shared = [0 if work is None else work[2] for work in works]
            return steps, works, memory.assign(steps, self.slots, results, kept, self.inside, shared)

        self.steps, works, plan_memory = assigned(self.steps)
        if self.inside and plan_memory.arena_bytes > MUCH * plan_memory.live_bytes:
            cleared = memory.with_gaps_cleared(self.steps, self.inside)
            if len(cleared) > len(self.steps):
                other = assigned(cleared)
                if other[2].arena_bytes * MUCH <= plan_memory.arena_bytes:
                    self.steps, works, plan_memory = other
        self.places, self.live_bytes = plan_memory.places, plan_memory.live_bytes
        native = self._steps_before(graph)
        self.shared_at = [0] * len(native)
        self.native_steps: list[Step | None] = [None] * len(native)
        self.segments = [_Segment(0, len(native))] if native else []
        for step, work, at in zip(self.steps, works, plan_memory.shared, strict=True):
            if step.kernel is None:
                self.segments.append(_Segment(reference=step))
                continue
            buffers = [(-2, 0) if v is None else self._place(v) for v in step.buffers]
            self.shared_at.append(at)
            native.append((step.kernel, buffers, step.ints, step.reals, threads_for(work)))
            self.native_steps.append(step)
            last = self.segments[-1] if self.segments else None
            if last is not None and last.reference is None:
                self.segments[-1] = _Segment(last.begin, len(native))
            else:
                self.segments.append(_Segment(len(native) - 1, len(native)))
        after = self._steps_after(graph)
        native += after
        self.native_steps += [None] * len(after)
        self.shared_at += [0] * len(after)
        self.plan = _engine.Plan(isa, native, plan_memory.arena_bytes, self.n_slots, self.shared_at)
        self.has_references = any(segment.reference is not None for segment in self.segments)
        self._find_results(graph, first_result)

    def _find_results(self, graph: Graph, first: int) -> None:
        """Where in the arena the outputs are, or -1 - slot where the slot is `first` or one behind it; `result_offsets`
        is None when a run is not one call of native code that leaves all of them there."""
        places = [self._place(value) for value in graph.outputs]
        places = [(-1, -1 - slot) if slot >= first else (slot, offset) for slot, offset in places]
        self.result_types = [(value.shape, np.dtype(value.dtype)) for value in graph.outputs]
        self.has_large_results = any(value.spec.nbytes >= memory.LARGE for value in graph.outputs)
        is_direct = not self.has_references and all(
            slot == -1 and value.size for value, (slot, _) in zip(graph.outputs, places, strict=True)
        )
        self.result_offsets = [offset for _, offset in places] if is_direct else None
        if is_direct:
            self.plan.returns(self.result_types, self.result_offsets)

    def _place(self, value: Value) -> tuple[int, int]:
        place = self.places.get(value)
        if place is not None:
            return place.slot, place.offset
        root = memory.root_of(value)
        return (self.slots[root], 0) if root in self.slots else (self.places[root].slot, self.places[root].offset)

    def _steps_before(self, graph: Graph) -> list[tuple]:
        """Native steps that bring the inputs, in `_engine.Plan`'s form."""
        if self.sources is None:
            return []
        return [self._gather_step(graph, graph.inputs[0].shape[0], self.sources, self.factors)]

    def _steps_after(self, graph: Graph) -> list[tuple]:
        """Native steps that take the outputs away."""
        return []

    def _gather_step(self, graph: Graph, rows: int, sources: list[str], factors: list[tuple[float, float]]) -> tuple:
        """The call of `gather_rows`: one for all inputs, casting and scaling on the way."""
        # An input that nothing reads has no place to be gathered to.
        read = [(slot, value) for slot, value in enumerate(graph.inputs) if value in self.places]
        ints, buffers = [len(read), rows], [(self.index_slot, 0)]
        for slot, value in read:
            row = value.size // rows
            ints += [_kernels.DTYPE_CODE[sources[slot]], _kernels.DTYPE_CODE[value.dtype], row, row]
            buffers += [(slot, 0), self._place(value)]
        reals = [number for slot, _ in read for number in factors[slot]]
        work = _engine.kernel_work(_kernels.isa(), "gather_rows", ints)
        return "gather_rows", buffers, ints, reals, threads_for(work)

    def is_current(self) -> bool:
        """Whether the variables that this plan updates as parts of a buffer still live in that buffer.

        Another optimizer may have moved some of them into a buffer of its own; then the plan must be traced again.
        """
        if self._current_at != variable.moved:
            owners = [var for var in self.graph.variables if getattr(var, "views", None)]
            homes = [(var, getattr(view, "home", (var, 0))[0]) for var in owners for view in var.views]
            self._is_current = all(var is home for var, home in homes)
            self._current_at = variable.moved
        return self._is_current

    # Runs.

    def run(self, arrays: list[np.ndarray], into: np.ndarray | None = None) -> list[np.ndarray]:
        """The outputs for `arrays`; variables are updated. A lone output is written into `into`, contiguous, where it
        has its shape and dtype."""
        threads = config.threads()
        if self.result_offsets is None:
            outputs = self._run_in_parts(_readable(arrays), threads)
            if self.bounds_memory:
                self._bound_memory(threads)
            return outputs
        seconds = self._timing(1)
        is_given = into is not None and self.result_types == [(into.shape, into.dtype)]
        if is_given:
            outputs = [into]
        else:
            empty = memory.empty if self.has_large_results else np.empty
            outputs = [empty(shape, dtype) for shape, dtype in self.result_types]
        failure = self.plan.call(tuple(arrays), outputs, threads, variable.moved, seconds)
        if failure is False:
            arena = self._acquire(threads)
            try:
                failure = self.plan.run(arena, tuple(_readable(arrays)), outputs, threads, seconds)
            finally:
                self.plan.release(arena)
        if self.bounds_memory:
            self._bound_memory(threads)
        if failure:
            self._check(*failure)
        return outputs

    def _bound_memory(self, threads: int) -> None:
        """Most eager calls are not made again, such as that which draws a weight: the first leaves no memory to the
        next. Later ones do, if it is small or among the latest. The engine makes no such call of what has no arena."""
        nbytes = self.plan.arena_bytes + threads * self.plan.scratch_bytes
        if self.has_run:
            _LATEST.add(self, nbytes)
        else:
            self.has_run, self.bounds_memory = True, nbytes >= memory.LARGE
            self.plan.is_quick = self.result_offsets is not None
            self.plan.forget_arenas()

    def _run_in_parts(self, arrays: list[np.ndarray], threads: int) -> list[np.ndarray]:
        arena = self._acquire(threads)
        try:
            for slot, array in enumerate(arrays):
                self.plan.bind(arena, slot, array)
            self._execute(arena, 1, threads)
            return self._outputs(arena)
        finally:
            arena.held[: len(arrays)] = [None] * len(arrays)
            self.plan.release(arena)

    def run_batches(self, sources, index, batch_size: int, start: int, steps: int) -> list[np.ndarray]:
        """Runs `steps` batches gathered from `sources` and returns the outputs of the last."""
        threads = config.threads()
        arena = self._acquire(threads)
        try:
            rows = slice(start if index is None else 0, None)
            for slot, array in enumerate(sources):
                if not array.flags.c_contiguous:
                    raise ValueError("run_batches needs contiguous source arrays")
                self.plan.bind(arena, slot, array[rows])
            self.plan.bind(arena, self.index_slot, None if index is None else index[start : start + steps * batch_size])
            self._execute(arena, steps, threads)
            return self._outputs(arena)
        finally:
            arena.held[: self.index_slot + 1] = [None] * (self.index_slot + 1)
            self.plan.release(arena)

    def _acquire(self, threads: int):
        arena = self.plan.acquire(threads)
        if arena.epoch != variable.moved:
            if arena.epoch is None and not self.is_eager:
                _KEPT.add(self, self.plan.arena_bytes + threads * self.plan.scratch_bytes)
            for slot, array in self.constants:
                self.plan.bind(arena, slot, array)
            for slot, var in self.variables:
                self.plan.bind(arena, slot, var.array)
            arena.epoch = variable.moved
        return arena

    def _timing(self, batches: int) -> np.ndarray | None:
        """Where the times of the steps of a run are added, when they are wanted."""
        if not config.is_profiling():
            return None
        self.runs += batches
        return self.seconds

    def _execute(self, arena, batches: int, threads: int) -> None:
        seconds = self._timing(batches)
        if not self.has_references:
            self._check(*self.plan.execute(arena, 0, self.plan.n_steps, 0, batches, threads, seconds))
            return
        for batch in range(batches):
            for segment in self.segments:
                if segment.reference is None:
                    self._check(*self.plan.execute(arena, segment.begin, segment.end, batch, 1, threads, seconds))
                else:
                    self._run_reference(arena, segment.reference)

    def _check(self, status: int, failed: int) -> None:
        """Raises what a run that failed in the native step `failed` has to say."""
        if status:
            step = self.native_steps[failed]
            node = step.group.anchor if step is not None else None
            what = f"{node.op.name} in {node.label!r}" if node is not None and node.label else self.name
            name, message = _engine.STATUS[status]
            error = getattr(np.linalg, name, None) or getattr(builtins, name)
            suffix = " Nothing was changed by this batch." if error is IndexError else ""
            raise error(f"{what}: {message}.{suffix}")

    def _run_reference(self, arena, step: Step) -> None:
        op = step.node.op
        if op.into is not None and all(self._place(y)[0] == -1 and y.size for y in step.node.outputs):
            outputs = [self._in_place(arena, y) for y in step.node.outputs]
            if op.into(outputs, [self._in_place(arena, x) for x in step.node.inputs], **step.node.params):
                return
        arrays = [self._read(arena, x) for x in step.node.inputs]
        results = op.evaluate(arrays, step.node.params)
        for value, array in zip(step.node.outputs, results, strict=True):
            slot, offset = self._place(value)
            if slot == -1:
                self.plan.write(arena, offset, np.ascontiguousarray(array))
            else:
                var = next(var for s, var in self.variables if s == slot)
                var.array[...] = array

    def _in_place(self, arena, value: Value) -> np.ndarray:
        """The array of `value` where it lies."""
        if value.node.op is CONSTANT or not value.size:
            return self._read(arena, value)
        slot, offset = self._place(value)
        if slot != -1:
            return self._read(arena, value)
        return np.frombuffer(self.plan.memory(arena, offset, value.spec.nbytes), value.dtype).reshape(value.shape)

    def _read(self, arena, value: Value) -> np.ndarray:
        if value.node.op is CONSTANT:
            return value.node.params["array"]
        slot, offset = self._place(value)
        if slot == -1:
            array = np.empty(value.shape, value.dtype)
            if array.size:
                self.plan.read(arena, offset, array)
            return array
        for s, var in self.variables:
            if s == slot:
                return var.array.reshape(value.shape)
        return arena.held[slot][1].reshape(value.shape)

    def _outputs(self, arena) -> list[np.ndarray]:
        return [self._read(arena, value) for value in self.graph.outputs]


class _Latest:
    """The executables of ops that were given an arena last, whose arenas take `most` bytes in all; others have none."""

    def __init__(self, most: int):
        self.most, self.total = most, 0
        self.sizes: dict[Executable, int] = {}  # the oldest first
        self.lock = threading.Lock()

    def add(self, executable: Executable, nbytes: int) -> None:
        with self.lock:
            self.total += nbytes - self.sizes.pop(executable, 0)
            self.sizes[executable] = nbytes
            while self.total > self.most:
                oldest = next(iter(self.sizes))
                self.total -= self.sizes.pop(oldest)
                oldest.plan.forget_arenas()


_LATEST = _Latest(1 << 26)


class _Kept:
    """The executables of models that were given an arena last, whose arenas take `most` bytes in all, or that of one
    more: others have none. A model may have a plan for each length of a sequence. Who runs again and again is not
    looked at: one of many that lost its arena asks for another, and is among the last again."""

    def __init__(self, most: int):
        self.most = most
        self.sizes: list[tuple[weakref.ref, int]] = []  # the oldest first
        self.lock = threading.Lock()

    def add(self, executable: Executable, nbytes: int) -> None:
        with self.lock:
            others = [(ref, size) for ref, size in self.sizes if ref() not in (None, executable)]
            total = nbytes + sum([size for _, size in others])
            while others and total > self.most:
                ref, size = others.pop(0)
                total -= size
                oldest = ref()
                if oldest is not None:
                    oldest.plan.forget_arenas()
            self.sizes = [*others, (weakref.ref(executable), nbytes)]


_KEPT = _Kept(1 << 30)


def _readable(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """`arrays` as kernels read them: contiguous, in the machine's order of bytes."""
    return [a if a.flags.c_contiguous and a.dtype.isnative else contiguous(a) for a in arrays]


def _copy(graph: Graph, value: Value) -> Value:
    return graph.add(COPY, (value,), {}, (value.spec,)).outputs[0]


def _materialised(graph: Graph) -> Graph:
    """Copies what would otherwise be read after it may have changed: outputs and updates that are leaves, and inputs
    of `pack` that nothing computes or that stand in it twice."""
    copies: dict[Value, Value] = {}

    def copy(value: Value, again: bool = False) -> Value:
        if value not in copies or again:
            copies[value] = _copy(graph, value)
        return copies[value]

    order = list(graph.nodes)
    for node in order:
        if node.op.name == "pack":
            seen: set[Value] = set()
            inputs = []
            for x in node.inputs:
                root = memory.root_of(x)
                if root.node.op.kind == "leaf" or root in seen or root.node.op.name == "pack":
                    x = copy(x, again=True)
                    root = x
                seen.add(root)
                inputs.append(x)
            node.inputs = tuple(inputs)
    graph.outputs = [copy(y) if memory.root_of(y).node.op.kind == "leaf" else y for y in graph.outputs]
    graph.updates = {
        var: copy(y, again=True) if memory.root_of(y).node.op.kind == "leaf" else y for var, y in graph.updates.items()
    }
    return simplify.sort(graph) if copies else graph


def _packed_places(graph: Graph) -> dict[Value, tuple[Value, int]]:
    """Where the inputs of each `pack` stand in its output: they are produced there."""
    inside = {}
    for node in graph.nodes:
        if node.op.name == "pack":
            whole = node.outputs[0]
            itemsize = np.dtype(whole.dtype).itemsize
            for x, offset in zip(node.inputs, node.params["offsets"], strict=True):
                inside[memory.root_of(x)] = (whole, offset * itemsize)
    return inside


def _may_read(node: Node, strides: list[int]) -> bool:
    reads = getattr(node.op, "reads_window", None)
    return reads is not None and reads(node, strides)


def _needed(graph: Graph, groups: list[fuse.Group]) -> set[Value]:
    """Values that somebody outside their own group reads, or that a run returns or stores."""
    needed = {memory.root_of(y) for y in graph.results()}
    for group in groups:
        nodes = group.nodes
        own = {y for node in nodes for y in node.outputs}  # which may be made in two groups
        for x in itertools.chain.from_iterable(node.inputs for node in nodes):
            if x.node.op.kind == "view":
                needed.add(memory.root_of(x))
            elif x not in own:
                needed.add(x)
    return needed


def _aliases(graph: Graph) -> dict[object, list]:
    """For each variable of `graph` those that share memory with it, itself included."""
    aliases: dict[object, list] = {var: [var] for var in graph.variables}
    for owner in graph.variables:
        for view in getattr(owner, "views", ()):
            if view in aliases:
                aliases[owner].append(view)
                aliases[view].append(owner)
    return aliases


def _in_place_writer(graph: Graph, group_of: dict[Node, fuse.Group], reads, var, value: Value, aliases):
    """The group that may store `value` into `var`, ordered after all readers of the old numbers; None if none may.

    `reads` are nodes and what they read, by the root of it; `aliases` the variables whose numbers change too.
    """
    writer = group_of.get(value.node)
    if writer is None or value.dtype != var.storage_dtype:
        return None
    old = graph.variables[var]
    aliased = {graph.variables[v] for v in aliases}
    if value.node is writer.anchor:
        pairs = [(y, x) for y, x in value.node.op.aliases if y == value.index and value.node.inputs[x] is old]
        if not pairs:
            return None
    elif value.node in writer.reductions or (writer.anchor is not None and any(x is old for x in writer.anchor.inputs)):
        return None
    readers = set()
    for node, x in (read for root in aliased for read in reads.get(root, ())):
        if node is value.node is writer.anchor:
            continue
        if group_of[node] is not writer:
            readers.add(group_of[node])
        elif x is not old or (old.shape != writer.shape and node not in writer.tail):
            return None  # the group itself reads the old numbers in another order than it writes the new
    if fuse.leads_to(writer, readers):
        return None
    fuse.follow(writer, readers)
    return writer
