"""Flat state: the trainable variables of one dtype in one buffer, so that an update is one pass over it.

Every variable begins at a multiple of 16 elements (64 bytes of float32); the padding between them is zero and stays so,
because the gradient is zero there. None is behind the last: a variable alone is its buffer, its gradient is read where
it lies. Ordinary variables are views: whoever assigns to one changes the flat buffer.

Large variables may live by themselves: then the plan can update one where its gradient is made, in cache, as
`graph/fuse.py` says.
"""

from __future__ import annotations

from fastnn import _kernels
from fastnn.graph import trace
from fastnn.graph.variable import Variable
from fastnn.ops.pack import pack

ALIGNMENT = 16  # elements
LARGE = 1 << 18  # elements from which a pass over one variable alone costs no more than its share of a longer one


class Flat:
    """Variables of one dtype that live in one buffer.

    Attributes:
        members: the variables, in the order of their places.
        offsets: the first element of each.
        size: elements of the buffer, padding between variables included.
        variable: the buffer as a Variable; its `views` are the members.
    """

    def __init__(self, members: list[Variable], name: str):
        self.members = list(members)
        self.offsets, self.size = [], 0
        for member in members:
            self.offsets.append(-(-self.size // ALIGNMENT) * ALIGNMENT)
            self.size = self.offsets[-1] + member.array.size
        shared = self._shared()
        self.variable = self._moved(members, name) if shared is None else shared

    def _shared(self) -> Variable | None:
        """The buffer in which the same members already live in this order: that of another optimizer."""
        flat = getattr(self.members[0], "home", (None, 0))[0]
        if flat is None or len(flat.views) != len(self.members):
            return None
        is_same = all(a is b and b.home[0] is flat for a, b in zip(flat.views, self.members, strict=True))
        return flat if is_same else None

    def _moved(self, members, name: str, fill: float = 0.0) -> Variable:
        buffer = Variable(0.0, dtype=members[0].dtype, trainable=False, name=name)
        memory, end = _kernels.aligned_empty(self.size, members[0].dtype), 0
        buffer._array = memory
        buffer.views = self.members
        for member, offset in zip(members, self.offsets, strict=True):
            memory[end:offset] = fill
            end = offset + member.array.size
            member.move(memory[offset:end].reshape(member.shape))
            member.home = (buffer, offset)
        return buffer

    def like(self, parts: list[Variable], name: str, fill: float) -> Variable:
        """A buffer of the same layout for one slot; `parts`, one per member, move into it; `fill` is between them."""
        slot = Flat.__new__(Flat)
        slot.members, slot.offsets, slot.size = parts, self.offsets, self.size
        return slot._moved(parts, name, fill)

    def pack(self, gradients):
        """The members' gradients, in their order, in the layout of the buffer."""
        return pack(*gradients, offsets=tuple(self.offsets), size=self.size)


def flats_of(variables: list[Variable], name: str) -> list[Flat]:
    """One `Flat` for each dtype among `variables`."""
    by_dtype: dict[str, list[Variable]] = {}
    for variable in variables:
        by_dtype.setdefault(variable.dtype, []).append(variable)
    return [Flat(members, f"{name}_{dtype}") for dtype, members in by_dtype.items()]


def is_whole(buffer: Variable) -> bool:
    """Whether all variables that moved into `buffer` still live there, and none was assigned by itself in the current
    trace or scope."""
    graph = trace.current()
    return trace.state.scope is None and all(
        getattr(member, "home", (None, 0))[0] is buffer and (graph is None or member not in graph.updates)
        for member in buffer.views
    )


def move_out(variable: Variable) -> None:
    """Gives a variable memory of its own."""
    if getattr(variable, "home", (None, 0))[0] is not None:
        variable.move(_kernels.aligned_copy(variable.array))
        variable.home = (None, 0)
