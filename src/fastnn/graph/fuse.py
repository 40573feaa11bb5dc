"""Which nodes become one kernel call.

A group is an anchor (any op that is not elementwise) with the elementwise nodes that follow it on the same shape, or
elementwise nodes over one shape, with full reductions of them and the scalar arithmetic after those, and with
reductions of their rows. Groups are convex: nothing outside a group lies on a path between two of its nodes. Where one
group alone needs what another one makes beside its own results, as a gradient what only it reads of an activation, it
makes that itself if less is stored then. What a group itself needs, too, as a sigmoid that is multiplied, is made again
in the other one if that reads all it is made of anyway: a large array is neither stored nor read. So is what an anchor
makes, as a normalization, where what that is made of is read later still.

The update of a variable joins the anchor that makes its gradient where that anchor then needs no memory for it.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections import Counter
from collections.abc import Callable

from fastnn.graph.trace import tracing
from fastnn.graph.value import CONSTANT, Graph, Node, Shape, Value

MAX_INSTRUCTIONS = 48  # of one program: beyond it the operands' blocks leave the first-level cache
MAX_OPERANDS = 24
MAX_REPEATED = 6  # nodes that make a value again
LARGE = 1 << 18  # bytes of an array that the caches hold no longer when its gradient is made
SHORT_WAIT = 3  # groups between the last one that reads what another one may read too, and that one
LONG_WAIT = 8  # groups between the last one of which another reads and that one
WIDEN_LIMIT = 1 << 14  # elements: a float32 group this small may run in float64 to be joined with one that must


class Group:
    """Nodes that run as one kernel call.

    Attributes:
        anchor: the op that is not elementwise, or None.
        body: elementwise nodes over `shape`, in order.
        reductions: of values over `shape`, full ones and those of rows.
        tail: scalar nodes, after the reductions.
        followers: groups that must run after it.
        shape: the iteration space of `body`.
        writes: variables that the group's stores change in place, with the value they take.
        type: "f32" or "f64": what its elementwise nodes compute in; "int": in integers.
    """

    __slots__ = ("anchor", "body", "followers", "reductions", "shape", "tail", "type", "writes")

    def __init__(self, shape: Shape, anchor: Node | None = None, body=(), reductions=(), type: str = ""):
        self.shape = shape
        self.anchor = anchor
        self.body: list[Node] = list(body)
        self.reductions: list[Node] = list(reductions)
        self.tail: list[Node] = []
        self.followers: set[Group] = set()
        self.writes: dict[object, Value] = {}
        self.type = type

    @property
    def nodes(self) -> list[Node]:
        anchor = [self.anchor] if self.anchor is not None else []
        return [*anchor, *self.body, *self.reductions, *self.tail]

    def inputs(self) -> list[Value]:
        """Values from outside, each once, in the order of first use."""
        nodes = self.nodes
        own = {y for node in nodes for y in node.outputs}
        return list(dict.fromkeys([x for node in nodes for x in node.inputs if x not in own]))

    def has_numbers(self) -> bool:
        """Whether it reduces all of its space to one."""
        return any(node.outputs[0].shape == () for node in self.reductions)

    def has_room(self) -> bool:
        """Whether it may read one more value."""
        few = sum([len(node.inputs) for node in self.nodes]) < MAX_OPERANDS
        return few or len(self.inputs()) < MAX_OPERANDS


class Rules:
    """What the planner can lower: asked by the fuser, which names no op.

    Attributes:
        is_elementwise, is_full_reduction, has_epilogue, keeps_tile: `(node) -> bool`.
        is_row_reduction: `(node) -> bool`: whether the group that makes its elements can reduce their rows, too.
        fits_epilogue: `(node, shape) -> bool`.
        program_type: `(node) -> "f32" or "f64"`, or "int" where a float program loses digits.
        is_of_integers: `(node) -> bool`: whether a program of integers can run it.
    """

    __slots__ = (
        "fits_epilogue", "has_epilogue", "is_elementwise", "is_full_reduction", "is_of_integers", "is_row_reduction",
        "keeps_tile", "program_type",
    )  # fmt: skip

    def __init__(self, **rules: Callable):
        for name in self.__slots__:
            setattr(self, name, rules[name])


def fuse(graph: Graph, rules: Rules) -> list[Group]:
    """Groups of the nodes of `graph` (leaves and views belong to none), in an order in which they can run."""
    # The same is asked of a node many times.
    rules = Rules(**{name: functools.cache(getattr(rules, name)) for name in Rules.__slots__})
    fuser = _Fuser(graph, rules)
    for node in graph.nodes:
        if node.op.kind not in ("leaf", "view"):
            fuser.place(node)
    results = set(graph.results())
    fuser.number = {group: k for k, group in enumerate(fuser.groups)}
    for group in fuser.groups[::-1]:
        fuser.sink(group, results)
    for group in fuser.groups:
        fuser.repeat(group, results)
    fuser.make_again(graph, results)
    for group in fuser.groups:
        group.type = fuser.types.get(group, "")
    return order(fuser.groups)


class _Fuser:
    def __init__(self, graph: Graph, rules: Rules):
        self.rules = rules
        self.groups: list[Group] = []
        self.alike: dict[Shape, list[Group]] = {}  # the groups over each shape
        self.group_of: dict[Node, Group] = {}
        self.number: dict[Group, int] = {}  # in the order in which they were made, once all are
        self.types: dict[Group, str] = {}
        self.readers: dict[Node, list[Node]] = {}
        for node in graph.nodes:
            for x in node.inputs:
                self.readers.setdefault(x.node, []).append(node)
        self.updates = _updates(graph, rules, self.readers)

    def producers(self, node: Node) -> set[Group]:
        """Groups whose values `node` reads, through views."""
        return {self.group_of[source] for source in map(_source, node.inputs) if source in self.group_of}

    def place(self, node: Node) -> None:
        rules, sources = self.rules, self.producers(node)
        if rules.is_elementwise(node):
            shape = node.outputs[0].shape
            if shape == () and self.join_tail(node, sources):
                return
            if not self.join(node, shape, "body", sources):
                self.new(Group(shape, body=[node]), node, sources)
        elif rules.is_full_reduction(node):
            shape = node.inputs[0].shape
            if not self.join(node, shape, "reductions", sources):
                self.new(Group(shape, reductions=[node]), node, sources)
        elif not self.join_rows(node, sources):
            if rules.is_row_reduction(node) and _is_only_read_apart(node.inputs[0]):
                self.new(Group(node.inputs[0].shape, reductions=[node]), node, sources)
            else:
                self.new(Group(node.outputs[0].shape, anchor=node), node, sources)

    def new(self, group: Group, node: Node, sources: set[Group]) -> None:
        self.groups.append(group)
        self.alike.setdefault(group.shape, []).append(group)
        self.add(group, node, sources)

    def add(self, group: Group, node: Node, sources: set[Group]) -> None:
        self.group_of[node] = group
        follow(group, sources - {group})
        if node is not group.anchor:
            self.types[group] = max(self.types.get(group, ""), self.rules.program_type(node))

    def join(self, node: Node, shape: Shape, part: str, sources: set[Group]) -> bool:
        """Adds `node` to a group over `shape`: one of `sources`, from which it reads, if there is one, else any."""
        groups = self.alike.get(shape, [])[::-1]
        candidates = [g for g in groups if g in sources] + [g for g in groups if g not in sources and g.anchor is None]
        anchored = self.group_of.get(self.updates.get(node))
        for group in candidates if anchored is None else [anchored, *candidates]:
            if self.accepts(group, node, shape, part, sources):
                getattr(group, part).append(node)
                self.add(group, node, sources)
                return True
        return False

    def join_rows(self, node: Node, sources: set[Group]) -> bool:
        """Adds a reduction of rows to the group that makes these."""
        group = self.group_of.get(node.inputs[0].node) if self.rules.is_row_reduction(node) else None
        if group is None or group.anchor is not None:
            return False
        if not self.accepts(group, node, node.inputs[0].shape, "reductions", sources):
            return False
        group.reductions.append(node)
        self.add(group, node, sources)
        return True

    def accepts(self, group: Group, node: Node, shape: Shape, part: str, sources: set[Group]) -> bool:
        if group.shape != shape or len(group.body) >= MAX_INSTRUCTIONS:
            return False
        fits = (
            self.continues_anchor(group, node, part) if group.anchor is not None else self.continues_body(group, node)
        )
        return fits and not leads_to(group, sources - {group}) and group.has_room()

    def continues_anchor(self, group: Group, node: Node, part: str) -> bool:
        """Whether `node` can be applied to each tile of the anchor's first output as it is finished."""
        rules, anchor = self.rules, group.anchor
        if part != "body" or not rules.has_epilogue(anchor):
            return False
        return (
            rules.fits_epilogue(node, group.shape)
            and rules.program_type(node) == rules.program_type(anchor)
            and (
                self.updates[node] is anchor
                if node in self.updates
                else any(self.group_of.get(x.node) is group for x in node.inputs)
            )
            and not any(x.node is anchor and x.index > 0 for x in node.inputs)
            and not self.reads_through_view(group, node)
            and not (rules.keeps_tile(anchor) and self.is_reduced(node))
        )

    def is_reduced(self, node: Node) -> bool:
        """Whether only reductions read `node`: it needs no memory beside them, as the squares of a norm."""
        following = self.readers.get(node, ())
        return bool(following) and all(self.rules.is_full_reduction(reader) for reader in following)

    def continues_body(self, group: Group, node: Node) -> bool:
        for x in node.inputs:
            if x.node in group.reductions or x.node in group.tail:
                return False  # the reduction's result is there after the last block only
        return self.agrees(group, node) and not self.reads_through_view(group, node)

    def agrees(self, group: Group, node: Node) -> bool:
        """Whether both compute in the same type; a small group is widened rather than split."""
        types = {self.types[group], self.rules.program_type(node)}
        if "int" in types:
            return all(map(self.rules.is_of_integers, [node, *group.nodes]))
        return len(types) == 1 or math.prod(group.shape) <= WIDEN_LIMIT

    def reads_through_view(self, group: Group, node: Node) -> bool:
        """Whether `node` reads a value of `group` through a view: the program has it in another shape."""
        return any(x.node.op.kind == "view" and self.group_of.get(_source(x)) is group for x in node.inputs)

    def join_tail(self, node: Node, sources: set[Group]) -> bool:
        """Adds a scalar node behind the reductions of a group: the nearest one of `sources`, else any."""
        candidates = [g for g in self.groups if g.has_numbers() and len(g.tail) < MAX_INSTRUCTIONS]
        for group in sorted(candidates, key=lambda g: g not in sources) if len(candidates) > 1 else candidates:
            members = group.body
            if any(self.group_of.get(x.node) is group and x.node in members for x in node.inputs):
                continue  # it is no number yet
            if self.reads_through_view(group, node):
                continue
            if self.agrees(group, node) and not leads_to(group, sources - {group}):
                group.tail.append(node)
                self.add(group, node, sources)
                return True
        return False

    def sink(self, group: Group, results: set[Value]) -> None:
        """Moves nodes of `group` that one other group alone needs into that one."""
        needed_by: dict[Node, Group] = {}
        for node in reversed(group.body):
            needing = {needed_by.get(reader, self.group_of.get(reader)) for reader in self.readers.get(node, ())}
            goal = needing.pop() if len(needing) == 1 and node.outputs[0] not in results else group
            if goal not in (group, None) and goal.shape == group.shape:
                needed_by[node] = goal
        for goal in dict.fromkeys(needed_by.values()):
            nodes = [node for node in group.body if needed_by.get(node) is goal]
            if self.takes(goal, nodes) and self.stores_less(goal, nodes):
                self.move(group, goal, nodes)

    def stores_less(self, goal: Group, nodes: list[Node]) -> bool:
        """Whether what `goal` reads of others is smaller when it computes `nodes` itself; what others read not much
        earlier, or later, costs nothing."""
        before = goal.inputs()
        own = {y for node in nodes for y in node.outputs}
        more = {x for node in nodes for x in node.inputs if _source(x).op.kind != "leaf"} - own - set(before)
        at, saved = self.number[goal], sum(x.spec.nbytes for x in before if x in own)
        waits = [(at - self.last_read(x.node), x.spec.nbytes) for x in more]
        kept_longer = sum(size for wait, size in waits if wait >= 0)
        kept = sum(size for wait, size in waits if wait > SHORT_WAIT)
        return kept < saved and kept_longer <= saved

    def last_read(self, node: Node) -> float:
        """The number of the last group that reads what `node` makes, views of it too, and does not make it itself."""
        last, own = -math.inf, self.group_of.get(node)
        for reader in self.readers.get(node, ()):
            group = self.group_of.get(reader)
            if group is None:
                last = max(last, self.last_read(reader))
            elif group is not own:
                last = max(last, self.number[group])
        return last

    def repeat(self, group: Group, results: set[Value]) -> None:
        """Has one other group that reads a large value of `group`, and all that it is made of, make it again; what lies
        between these and the value, too, if that is little."""
        repeated: dict[Group, list[Node]] = {}
        for node in group.body:
            y = node.outputs[0]
            if y.spec.nbytes < LARGE or y in results or node in self.updates or self.group_of[node] is not group:
                continue
            goals = {self.group_of.get(reader) for reader in self.readers.get(node, ())} - {group}
            goal = goals.pop() if len(goals) == 1 else None
            if goal is None or goal.shape != group.shape:
                continue
            made = repeated.setdefault(goal, [])
            there = {x for x in goal.inputs() if _source(x).op.kind != "leaf"} - {y}
            there |= {x for node in made for x in node.outputs}
            nodes = self.between(node, there, group)
            if nodes and self.takes(goal, nodes):
                goal.body[len(made) : len(made)] = nodes
                made += nodes

    def between(self, node: Node, there: set[Value], group: Group) -> list[Node]:
        """The nodes of `group` that make the value of `node` of values that are `there`, in order; none if they are
        more than `MAX_REPEATED`."""
        found, stack = {node}, [node]
        while stack:
            for x in stack.pop().inputs:
                if x in there or x.node in found or (x.node.op is CONSTANT and x.size == 1):
                    continue
                if x.node.op.kind != "elementwise" or self.group_of.get(x.node) is not group or x.node in self.updates:
                    return []
                found.add(x.node)
                stack.append(x.node)
        return [x for x in group.body if x in found] if len(found) <= MAX_REPEATED else []

    def make_again(self, graph: Graph, results: set[Value]) -> None:
        """Has the groups that read a large output of an anchor beside its own group make it again, where the anchor's
        record says how, of what others read later still: it is in no memory then."""
        anchors = [group for group in self.groups if group.body and group.anchor and group.anchor.op.again]
        reading: dict[Value, list[Group]] = {group.anchor.outputs[0]: [] for group in anchors}
        for group in self.groups if anchors else ():
            for x in group.inputs():
                if x in reading:
                    reading[x].append(group)
        for group in anchors:
            y, readers = group.anchor.outputs[0], self.readers[group.anchor]
            goals = reading[y]
            if not goals or y.spec.nbytes < LARGE or y in results or any(goal.shape != y.shape for goal in goals):
                continue
            if any(reader.op.kind == "view" and y in reader.inputs for reader in readers):
                continue
            before = len(graph.nodes)
            with tracing(graph):
                again = group.anchor.op.again(group.anchor).node
            again.outputs = (y,)
            nodes = graph.nodes[before:]
            self.readers |= {node: [] for node in nodes} | {again: readers}
            if self.are_kept(nodes, goals) and all(self.takes(goal, nodes) for goal in goals):
                for goal in goals:
                    goal.body[:0] = nodes
            else:
                del graph.nodes[before:]

    def are_kept(self, nodes: list[Node], goals: list[Group]) -> bool:
        """Whether what is large of what `nodes` read is there until the last of `goals` anyway."""
        last = max(self.number[goal] for goal in goals)
        large = [x for node in nodes for x in node.inputs if x.node not in nodes and x.spec.nbytes >= LARGE]
        return all(_source(x).op.kind == "leaf" or self.last_read(_source(x)) >= last for x in large)

    def takes(self, goal: Group, nodes: list[Node]) -> bool:
        """Whether `nodes`, which only `goal` needs, can be computed in it."""
        rules, anchor = self.rules, goal.anchor
        if len(goal.body) + len(nodes) > MAX_INSTRUCTIONS:
            return False
        if len({*goal.inputs(), *(x for node in nodes for x in node.inputs)}) > MAX_OPERANDS:
            return False
        if any(reader is anchor or reader in goal.tail for node in nodes for reader in self.readers[node]):
            return False
        if anchor is None:
            return all(rules.program_type(node) == self.types[goal] for node in nodes)
        # Whether an update is where its gradient is made must not change its bits, so neither takes such nodes.
        return (
            rules.has_epilogue(anchor)
            and not rules.keeps_tile(anchor)
            and all(
                rules.program_type(node) == rules.program_type(anchor) and rules.fits_epilogue(node, goal.shape)
                for node in nodes
            )
        )

    def move(self, group: Group, goal: Group, nodes: list[Node]) -> None:
        moved = set(nodes)
        group.body = [node for node in group.body if node not in moved]
        own = {y for node in nodes for y in node.outputs}
        at = next((k for k, node in enumerate(goal.body) if any(x in own for x in node.inputs)), len(goal.body))
        goal.body[at:at] = nodes
        for node in nodes:
            self.group_of[node] = goal
            follow(goal, self.producers(node) - {goal})
        if not group.nodes:
            self.groups.remove(group)
            for other in self.groups:  # `followers` may still name it for a node that moved away
                if group in other.followers:
                    other.followers = (other.followers | group.followers) - {group}


def _is_only_read_apart(x: Value) -> bool:
    """Whether no kernel copies `x`: it is elements of another array, which a program reads where they lie."""
    op = x.node.op
    return getattr(op, "window", None) is not None and op.lower is None


def _updates(graph: Graph, rules: Rules, readers: dict[Node, list[Node]]) -> dict[Node, Node | None]:
    """Elementwise nodes whose results go into new values of variables and nowhere else; with each the anchor that keeps
    its tile, of which that value is made, None if there is none.

    A group that changes variables runs at the end, and what it reads is kept until then. Therefore an update is no
    epilogue but of an anchor whose output then needs no memory; of that all of it is: what does not read the gradient,
    as the decay of weights, too."""
    updates: dict[Node, Node | None] = {}
    results, outputs = set(graph.updates.values()), set(graph.outputs)
    for node in reversed(graph.nodes):
        following = readers.get(node, ())
        is_update = updates.keys() >= {*following} if following else not results.isdisjoint(node.outputs)
        if is_update and rules.is_elementwise(node) and outputs.isdisjoint(node.outputs):
            updates[node] = None
    for anchor in graph.nodes:
        stack = [anchor] if anchor.op.kind == "plain" and updates and rules.keeps_tile(anchor) else []
        while stack:
            node = stack.pop()
            for other in (*readers.get(node, ()), *(x.node for x in node.inputs if node is not anchor)):
                if other in updates and updates[other] is None and other.outputs[0].shape == anchor.outputs[0].shape:
                    updates[other] = anchor
                    stack.append(other)
    return updates


def _makes_less(group: Group) -> bool:
    """Whether what `group` makes is smaller than what it reads of others."""
    made = sum(y.spec.nbytes for node in group.nodes for y in node.outputs)
    return made < sum(x.spec.nbytes for x in group.inputs() if _source(x).op.kind != "leaf")


def _source(value: Value) -> Node:
    node = value.node
    while node.op.kind == "view":
        node = node.inputs[0].node
    return node


def follow(group: Group, others: set[Group]) -> None:
    """Has `group` run after `others`."""
    for other in others:
        other.followers.add(group)


def leads_to(group: Group, goals: set[Group]) -> bool:
    """Whether any of `goals` is `group` or must run after it."""
    if not goals:
        return False
    seen = new = {group}
    while new and new.isdisjoint(goals):
        new = set().union(*(each.followers for each in new)) - seen
        seen = seen | new
    return bool(new)


def order(groups: list[Group]) -> list[Group]:
    """The groups in an order that respects `followers`; those that change variables as late as they can be, so that a
    step that finds bad data stops the run while the variables are as they were. One that would keep what it reads
    waiting, and makes less, as a metric of a prediction beside the gradients, runs as soon as that is there."""
    position: dict[Group, tuple[int, int]] = {}
    ready_at: dict[Group, int] = {}
    for k, group in enumerate(groups):
        at = ready_at.get(group, k)
        position[group] = (at if k - at > LONG_WAIT and _makes_less(group) else k, k)
        for follower in group.followers:
            ready_at[follower] = max(ready_at.get(follower, 0), position[group][0])
    waiting = Counter(follower for group in groups for follower in group.followers)
    ready = sorted((bool(group.writes), *position[group]) for group in groups if not waiting[group])
    result = []
    while ready:
        group = groups[ready.pop(0)[-1]]
        result.append(group)
        for follower in group.followers:
            waiting[follower] -= 1
            if not waiting[follower]:
                bisect.insort(ready, (bool(follower.writes), *position[follower]))
    if len(result) != len(groups):
        raise RuntimeError("the groups depend on each other in a circle")
    return result
