"""Gradients of what a GradientTape wrote down outside of a trace: the records as a graph, which is differentiated and
run. What is recorded again and again becomes a plan; what is not, is differentiated record by record. A record is of an
op, or of a call that was a plan itself: then its nodes take its place."""

from __future__ import annotations

import bisect
import weakref
from collections.abc import Hashable, Sequence

import numpy as np

from fastnn import _kernels, config, plan
from fastnn._kernels._engine import Rule, Written, is_taped, results_at
from fastnn.graph import trace
from fastnn.graph.dtypes import is_inexact
from fastnn.graph.grad import gradients
from fastnn.graph.value import CONSTANT, VARIABLE, Graph, Operators, Value
from fastnn.graph.variable import Variable
from fastnn.ops.record import Spec, as_array, dtype_of, evaluate_recorded, shape_of
from fastnn.plan.function import Compiled, Traced, flat_signature, packed, specs_of

_ARGS, _ARRAYS, _OUTPUTS = 1, 2, 4  # of a record
COMPILED_TIMES = 3  # a plan costs as much as some hundred ops that run one by one
_KEPT = 64  # signatures
_COMPILED_RULES, _KEPT_RULES = 16, 512  # the same of single records, whose gradients take less
_times: dict[tuple, int] = {}
_backwards: dict[tuple, _Backward] = {}
_rules: dict[tuple, _Rule] = {}


def gradients_of(tape, targets, sources, seeds):
    """The gradients of what was recorded; by a plan once as much was recorded some times before."""
    written = _Written.of(tape)
    if written is not None:
        if written.comes_again:
            key = written.signature(targets, sources, seeds)
            backward = _backwards.get(key)
            if backward is not None:
                return backward.run(tape.records, seeds)
            times = _times.get(key, 0) + 1
            _keep(_times, key, times)
            if times == COMPILED_TIMES:
                try:
                    backward = _compiled(*_differentiated(tape, targets, sources, seeds, is_reusable=True))
                except (TypeError, ValueError, NotImplementedError):  # a rule asks for numbers, or has no gradient
                    backward = None
                if backward is not None:
                    _keep(_backwards, key, backward)
                    return backward.run(tape.records, seeds)
        if not trace.state.tapes:
            try:
                found = written.by_records(targets, sources, seeds)
            except (TypeError, ValueError, NotImplementedError):  # what is wrong is better said by the whole
                found = None
            if found is not None:
                return found
    graph, places, results = _differentiated(tape, targets, sources, seeds)
    numbers = {value: _at(place, tape.records, seeds) for value, place in places.items()}
    return _run_new_nodes(graph, numbers, results)


class _Written(Written):
    """What a tape wrote down, and how its gradients are found."""

    @classmethod
    def of(cls, tape) -> _Written | None:
        """None where scopes see what is done, and where it cannot be told apart."""
        if trace.state.scope is not None or trace.state.autocast:
            return None
        try:
            return cls(tape, (_kernels.isa(), config.floatx()))
        except TypeError:  # a parameter that cannot be hashed
            return None

    def signature(self, targets, sources, seeds) -> tuple:
        """All that decides how the records are differentiated: constants of one number, too."""
        key = [len(targets), bool(trace.state.tapes)]
        for kind, inputs, (_, args, arrays, _, _) in zip(self.kinds, self.inputs, self.records, strict=True):
            key.append(kind)
            key += inputs
            if None in inputs:
                for k, x, array in zip(inputs, args, arrays, strict=True):
                    if k is None and array.size == 1 and not is_taped(x):
                        key.append(array.tobytes())
        key += [self.numbers.get(id(x)) for x in (*targets, *sources)]
        key += [None if s is None else (shape_of(s), dtype_of(s)) for s in seeds or ()]
        return tuple(key)

    def by_records(self, targets, sources, seeds) -> list | None:
        """The gradients, from the last record to the first, each by the rule of the first one like it: of a tape that
        is no other's twice, as an episode of a game is, most records are alike. None where a record alone does not
        say it.

        Raises:
            TypeError, ValueError, NotImplementedError: as the rules of ops do.
        """
        asked = {id(x): self.numbers.get(id(x)) for x in sources if self.tracked.get(id(x)) is x}
        kept = {*asked.values()} - {None}
        for k in kept:
            r = bisect.bisect_right(self.first, k) - 1
            if (
                r >= 0
                and isinstance(self.records[r][0], TapedCall)
                and k < self.first[r] + len(self.records[r][_OUTPUTS])
            ):
                return None  # what else the call gives may depend on it
        path = self.path({asked[id(x)] for x in sources if id(x) in asked and is_inexact(dtype_of(x))} - {None})
        flowing, add = [None] * self.count, Operators.functions["add"]
        for k, target in enumerate(targets):
            number = self.numbers.get(id(target))
            if number is not None:
                dy = _seed(as_array(target), seeds[k] if seeds else None)
                flowing[number] = dy if flowing[number] is None else add(flowing[number], dy)
        self.flow(path, flowing, kept, _rules, _Rule.kept, add)
        return [None if asked.get(id(x)) is None else flowing[asked[id(x)]] for x in sources]


def _differentiated(tape, targets, sources, seeds, is_reusable=False):
    """The records as a graph with the gradients, the place of each value that has numbers in the records or the
    seeds, and the gradients. Constants are arrays that nobody watches, where it is reusable those of one number."""
    graph = Graph()
    values: dict[int, Value] = {}
    places: dict[Value, tuple] = {}

    def value_of(x, array, r, k):
        is_tracked = tape.is_tracked(x)
        if is_tracked and id(x) in values:
            return values[id(x)]
        is_watched = is_tracked or is_taped(x)
        is_input = is_watched or (is_reusable and array.size != 1)
        value = graph.input(array.shape, array.dtype.name) if is_input else graph.constant(array)
        places[value] = (r, _ARGS if is_watched and not is_reusable else _ARRAYS, k)
        if is_tracked:
            values[id(x)] = value
        return value

    for r, (_, args, arrays, _, outputs) in enumerate(tape.records):
        inputs = tuple([value_of(x, array, r, k) for k, (x, array) in enumerate(zip(args, arrays, strict=True))])
        made = _made(graph, tape.records[r], inputs)
        for k, (y, value) in enumerate(zip(outputs, made, strict=True)):
            values[id(y)], places[value] = value, (r, _OUTPUTS, k)
    connected = [values.get(id(x)) for x in sources]
    ends, flowing = [], []
    for k, target in enumerate(targets):
        if id(target) in values:
            seed = seeds[k] if seeds else None
            ends.append(values[id(target)])
            flowing.append(None if seed is None else graph.input(shape_of(seed), dtype_of(seed)))
            if seed is not None:
                places[flowing[-1]] = (None, None, k)
    if not ends:
        return graph, places, [None] * len(sources)
    with trace.tracing(graph):
        found = iter(gradients(graph, ends, [x for x in connected if x is not None], flowing))
    return graph, places, [None if x is None else next(found) for x in connected]


def _at(place: tuple, records, seeds):
    """What is at a place: (number of the record, part, number in it), or (None, None, number of the seed)."""
    r, part, k = place
    return seeds[k] if r is None else records[r][part][k]


def _made(graph: Graph, record, inputs: tuple[Value, ...]) -> Sequence[Value]:
    """The outputs of a record as values of `graph`, to which its nodes are added."""
    op, _, _, params, outputs = record
    if isinstance(op, TapedCall):
        return op.values_in(graph, inputs)
    return graph.add(op, inputs, params, tuple([Spec(y.shape, dtype_of(y)) for y in outputs])).outputs


def _keep(kept: dict, key, value, most: int = _KEPT) -> None:
    """The oldest go first."""
    kept[key] = value
    while len(kept) > most:
        kept.pop(next(iter(kept)), None)


class _Backward:
    """The gradients of a tape as a plan.

    Attributes:
        call: the plan, as the tapes around write it down.
        places: where in the records (or the seeds) each input is.
        numbers: which output each gradient is; None where nothing depends on the source.
    """

    def __init__(self, call: TapedCall, places: list[tuple], numbers: list[int | None]):
        self.call, self.places, self.numbers = call, places, numbers

    def run(self, records, seeds):
        is_watched = bool(trace.state.tapes)
        found = None if is_watched else results_at(self.call.executable.plan, self.places, records, seeds)
        if found is None:
            arrays = [as_array(_at(place, records, seeds)) for place in self.places]
            found = self.call.run(arrays, self._given(records, seeds) if is_watched else ())
        return [None if k is None else found[k] for k in self.numbers]

    def _given(self, records, seeds) -> list:
        """What tapes know the inputs as."""
        parts = {_ARRAYS: _ARGS, _OUTPUTS: _OUTPUTS}
        return [seeds[k] if r is None else records[r][parts[part]][k] for r, part, k in self.places]


def _compiled(graph: Graph, places: dict[Value, tuple], results) -> _Backward | None:
    """None where a gradient is no result of an op."""
    nodes = _new_nodes(graph, places, results)
    outputs = {r: k for k, r in enumerate(dict.fromkeys(r for r in results if r is not None))}
    if not outputs or any(r in places or r.node.op.kind == "leaf" for r in outputs):
        return None
    own, used, values = Graph(), [], {}

    def value_of(x: Value) -> Value:
        if x not in values and x.node.op is CONSTANT:
            values[x] = own.constant(x.node.params["array"])
        elif x not in values:
            values[x] = own.input(x.shape, x.dtype)
            used.append(places[x])
        return values[x]

    for node in nodes:
        if node.op.kind != "leaf":
            made = own.add(node.op, tuple(map(value_of, node.inputs)), node.params, tuple(y.spec for y in node.outputs))
            values.update(zip(node.outputs, made.outputs, strict=True))
    own.outputs = [values[r] for r in outputs]
    call = TapedCall(own, None, "gradient", is_watched=bool(trace.state.tapes))
    call.executable.plan.is_quick = call.executable.result_offsets is not None
    return _Backward(call, used, [None if r is None else outputs[r] for r in results])


def _new_nodes(graph: Graph, numbers: dict[Value, object], results):
    """The nodes with outputs that `results` need and that have no numbers yet, in order."""
    needed = {r for r in results if r is not None}
    nodes = []
    for node in reversed(graph.nodes):
        if any(y in needed and y not in numbers for y in node.outputs):
            nodes.append(node)
            needed.update(node.inputs)
    return nodes[::-1]


def _run_new_nodes(graph: Graph, numbers: dict[Value, object], results):
    """Runs them one by one, so that tapes around this one see them."""
    for node in _new_nodes(graph, numbers, results):
        if node.op.kind == "leaf":
            numbers[node.outputs[0]] = node.params["array"]
            continue
        outputs = evaluate_recorded(node.op, tuple(numbers[x] for x in node.inputs), node.params)
        numbers.update(zip(node.outputs, outputs, strict=True))
    return [None if r is None else numbers[r] for r in results]


class TapedCall(Traced):
    """A trace of a call, or of gradients, compiled; the op of what a tape writes down of it.

    Attributes:
        graph: what the call does.
        variables: those that it reads, in order; behind the arrays, they are the arguments of the record.
        reference: a weak one to this, which stands for it in keys: they shall not keep the weights of a model.
    """

    __slots__ = ("__weakref__", "graph", "reference", "variables")

    name, is_registered = "layer_call", True

    def __init__(self, graph: Graph, structure, name: str, is_watched: bool = True):
        self.graph, self.variables, self.reference = graph, tuple(graph.variables), weakref.ref(self)
        if is_watched:
            graph.outputs += _needed_by_gradients(graph)
        super().__init__(plan.executable.Executable(graph, name), structure, False)

    def run(self, arrays: list[np.ndarray], given: Sequence) -> tuple[np.ndarray, ...]:
        """The outputs for `arrays`, the numbers of `given`, written down by the tapes that watch."""
        results = tuple(self.executable.run(arrays))
        if tapes := trace.state.tapes:
            given = (*given, *self.variables)
            arrays = (*arrays, *[variable.array for variable in self.variables])
            for tape in tapes:
                results = tape.record(self, given, arrays, {}, results)
        return results

    def values_in(self, graph: Graph, inputs: tuple[Value, ...]) -> list[Value]:
        """The outputs of the call as values of `graph`, to which its nodes are added."""
        becomes = dict(zip([*self.graph.inputs, *self.graph.variables.values()], inputs, strict=True))
        for node in self.graph.nodes:
            if node.op is CONSTANT:
                becomes[node.outputs[0]] = graph.constant(node.params["array"])
            elif node.op.kind != "leaf":
                made = graph.add(
                    node.op, tuple([becomes[x] for x in node.inputs]), node.params, [y.spec for y in node.outputs]
                )
                becomes.update(zip(node.outputs, made.outputs, strict=True))
        return [becomes[y] for y in self.graph.outputs]


class TapedCalls(Compiled):
    """A function whose calls under a tape are one record each, where such came some times before."""

    def __init__(self, function, name: str, key):
        super().__init__(function, name, key)
        self._times: dict[Hashable, float] = {}

    def are_known(self) -> bool:
        """Whether nothing but fastnn's code runs in a call: others' may do more than compute, each time."""
        return True

    def traced_for(self, args: tuple, kwargs: dict, arrays: list[np.ndarray]) -> TapedCall | None:
        """The plan of such a call; None for what did not come often, or cannot be traced. Fills `arrays`."""
        signature = flat_signature(args, kwargs, arrays, takes_plain=True)
        if signature is None:
            return None
        key = (signature, config.floatx(), self._key())
        traced = self._cache.get(key)
        if traced is not None and traced.executable.is_current():
            return traced
        if not self.are_known():
            return None
        times = self._times[key] = self._times.get(key, 0) + 1
        if len(self._times) > 4 * self.CACHE_SIZE:
            self._times.pop(next(iter(self._times)))
        if times < COMPILED_TIMES:
            return None
        try:
            with trace.untaped():
                return self._traced(signature, args, kwargs, lambda: specs_of(arrays))
        except Exception:  # what is wrong is better said by the op that finds it
            self._times[key] = -np.inf
            return None

    def _trace(self, args, kwargs, specs, sources, turned) -> TapedCall:
        graph, structure = self._graph(args, kwargs, specs, turned)
        if not all(getattr(node.op, "is_registered", True) for node in graph.nodes):
            raise TypeError("an op that was made for one call has a gradient of that call alone")
        return TapedCall(graph, structure, self.name)


def call_of_op(one_plan, args: tuple, kwargs: dict):
    """What a call of an op that is composed of others gives by a plan, written down by the tapes that watch;
    NotImplemented where its ops are to run one by one."""
    state = trace.state
    if state.scope is not None or state.autocast:
        return NotImplemented
    given: list = []
    plain_args = tuple([_plain(x, given) for x in args])
    plain_kwargs = {name: _plain(kwargs[name], given) for name in sorted(kwargs)} if kwargs else kwargs
    is_watched = True in [tape.is_tracked(x) for tape in state.tapes for x in given]  # all are asked, as in `record`
    if not is_watched:
        with trace.untaped():
            return one_plan(*plain_args, **plain_kwargs)
    if one_plan.taped is None:
        one_plan.taped = TapedCalls(one_plan.function, one_plan.compiled.name, one_plan.compiled._key)
    arrays: list[np.ndarray] = []
    traced = one_plan.taped.traced_for(plain_args, plain_kwargs, arrays)
    if traced is None:
        return NotImplemented
    return packed(traced.structure, traced.run(arrays, given))


def _plain(x, given: list):
    """`x`, an argument, with plain arrays in the place of watched ones and of Variables; all are added to `given`."""
    if isinstance(x, (np.ndarray, Variable)):
        given.append(x)
        return as_array(x)
    if type(x) in (list, tuple) and any(isinstance(item, (np.ndarray, Variable)) for item in x):
        return type(x)([_plain(item, given) for item in x])
    return x


def _needed_by_gradients(graph: Graph) -> list[Value]:
    """The values of `graph` that gradients of its outputs by its inputs and trainable variables are computed from, but
    for those that a run is given, views, which are made again, and outputs; with the states that random numbers were
    drawn from, which a run moves on."""
    forward, inputs, variables = graph.nodes, graph.inputs, graph.variables
    graph.nodes, graph.inputs, graph.variables = list(forward), list(inputs), dict(variables)
    outputs = [y for y in graph.outputs if is_inexact(y.dtype)]
    sources = [x for x in inputs if is_inexact(x.dtype)] + [x for v, x in variables.items() if v.trainable]
    try:
        with trace.tracing(graph):
            flowing = [graph.input(y.shape, y.dtype) for y in outputs]
            found = gradients(graph, outputs, sources, flowing)
    finally:
        new, graph.nodes, graph.inputs, graph.variables = graph.nodes[len(forward) :], forward, inputs, variables
    needed = {dx for dx in found if dx is not None}
    for node in reversed(new):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
    needed.difference_update(y for node in new for y in node.outputs)
    changed = dict.fromkeys(variables[v] for v in graph.updates if v in variables)
    kept = dict.fromkeys(x for x in changed if not is_inexact(x.dtype))
    for x in [y for node in forward for y in node.outputs if y in needed]:
        while x.node.op.kind == "view":
            x = x.node.inputs[0]
        if x.node.op.kind != "leaf" or (x.node.op is VARIABLE and x in changed):
            kept[x] = None
    given = {*graph.outputs}
    return [x for x in kept if x not in given]


# ---- record by record ----


def _seed(target: np.ndarray, given) -> np.ndarray:
    if given is None:
        return np.ones(target.shape, target.dtype)
    return np.broadcast_to(as_array(given), target.shape).astype(target.dtype)


class _Rule(Rule):
    """What a record of one kind adds to the gradients of its arguments, and how it is found while there is no plan."""

    @classmethod
    def kept(cls, key: tuple, record, flows) -> _Rule:
        """A new one, kept where records like this one may come again."""
        kind, wants, _ = key
        rule = cls(record, wants, flows)
        if kind is not None:
            _keep(_rules, key, rule, _KEPT_RULES)
        return rule

    def __init__(self, record, wants, flows):
        arrays = record[_ARRAYS]
        graph, places = Graph(), {}

        def place(array, *where) -> Value:
            value = graph.input(array.shape, dtype_of(array))
            places[value] = where
            return value

        inputs = tuple([place(array, 0, _ARRAYS, k) for k, array in enumerate(arrays)])
        made = _made(graph, record, inputs)
        places.update((y, (0, _OUTPUTS, k)) for k, y in enumerate(made))
        ends = [
            (y, place(dy, None, None, k)) for k, (y, dy) in enumerate(zip(made, flows, strict=True)) if dy is not None
        ]
        with trace.tracing(graph):
            sources = [x for x, is_wanted in zip(inputs, wants, strict=True) if is_wanted]
            results = gradients(graph, [y for y, _ in ends], sources, [dy for _, dy in ends])
        self.graph, self.place_of, self.times, self.backward = graph, places, 0, None
        self.found, self.computed = [], []
        for r in results:
            is_leaf = r is not None and r.node.op.kind == "leaf"
            self.found.append(places[r] if r in places else r.node.params["array"] if is_leaf else None)
            self.computed.append(None if r in places or is_leaf else r)
        self.is_ready = not any(r is not None for r in self.computed)

    def careful(self, record, flows) -> list:
        """The gradients of the arguments that are wanted."""
        self.times += 1
        if self.times == _COMPILED_RULES:
            self._compile()
        if self.backward is not None:
            results = self.backward.run([record], flows)
        else:
            numbers = {v: as_array(_at(place, [record], flows)) for v, place in self.place_of.items()}
            results = _run_new_nodes(self.graph, numbers, self.computed)
        return [
            y if r is not None else as_array(_at(where, [record], flows)) if type(where) is tuple else where
            for y, r, where in zip(results, self.computed, self.found, strict=True)
        ]

    def _compile(self) -> None:
        self.backward = _compiled(self.graph, self.place_of, self.computed)
        if self.backward is not None:
            self.plan, self.places = self.backward.call.executable.plan, self.backward.places
            self.found = [where if k is None else k for where, k in zip(self.found, self.backward.numbers, strict=True)]
            self.is_ready = True
