"""Shapes, order of axes, slices and what is put around arrays."""

import operator

import numpy as np

from fastnn.export.builder import LAST
from fastnn.export.table import emits
from fastnn.export.traced import Size, each, over


@emits("reshape")
def _reshape(b, step, x):
    return b.reshape(x, step.y.shape, step.x.shape)


@emits("transpose")
def _transpose(b, step, x):
    return b.transpose(x, step.params["axes"])


@emits("broadcast_to")
def _broadcast_to(b, step, x):
    if step.x.shape == step.y.shape:
        return x
    lead = step.y.ndim - step.x.ndim
    kept = [k >= lead and step.x.shape[k - lead] == size for k, size in enumerate(step.y.shape)]
    # In Expand a 1 leaves the size as it is.
    return b.add("Expand", x, b.sizes([1 if same else size for same, size in zip(kept, step.y.shape, strict=True)]))


@emits("concatenate")
def _concatenate(b, step, *xs):
    return b.add("Concat", *xs, axis=step.params["axis"])


def _runs_out(n, start, size, gap: int) -> bool:
    """Whether a slice by steps of `gap` ends where the axis does, whatever its size."""
    rows = zip(*each(n, start, size), strict=True)
    return all(size == len(range(start, n if gap > 0 else -1, gap)) for n, start, size in rows)


def _bound(place, n):
    """A place on an axis of size n, counted from its end where that makes it a number."""
    from_end = over(operator.sub, place, n)
    return from_end if isinstance(place, Size) and isinstance(from_end, int) and from_end < 0 else place


def _box(b, x, shape, p_starts, p_sizes, p_steps):
    """The box of `x` that starts at `p_starts` and has `p_sizes` elements, `p_steps` apart."""
    starts, stops, axes, steps = [], [], [], []
    for axis, (n, start, size, gap) in enumerate(zip(shape, p_starts, p_sizes, p_steps, strict=True)):
        if start == 0 and size == n and gap == 1:
            continue
        stop = over(lambda start, size, gap=gap: start + (size - 1) * gap + (1 if gap > 0 else -1), start, size)
        if size == 0:
            begin = stop = 0
        elif _runs_out(n, start, size, gap) or (isinstance(stop, int) and stop < 0):
            begin, stop = _bound(start, n), LAST if gap > 0 else -LAST
        else:
            begin, stop = _bound(start, n), _bound(stop, n)
        starts, stops, axes, steps = [*starts, begin], [*stops, stop], [*axes, axis], [*steps, gap]
    if not axes:
        return x
    return b.add("Slice", x, b.sizes(starts), b.sizes(stops), b.ints(*axes), b.ints(*steps))


@emits("strided_slice")
def _strided_slice(b, step, x):
    p = step.params
    return _box(b, x, step.x.shape, p["starts"], p["sizes"], p["steps"])


@emits("pieces")
def _pieces(b, step, x):
    """An axis at a time, slices of it one behind the other."""
    shape, pieces = list(step.x.shape), step.params["pieces"]
    for axis, own in enumerate(pieces):
        if own is None:
            continue
        boxes = []
        for piece in own:
            values = [list(shape), [0] * len(shape), [1] * len(shape)]
            values[1][axis], values[2][axis], values[0][axis] = piece
            boxes.append(_box(b, x, shape, values[1], values[0], values[2]))
        x = b.add("Concat", *boxes, axis=axis) if len(boxes) > 1 else boxes[0]
        shape[axis] = step.y.shape[axis]
    return x


@emits("place")
def _place(b, step, x):
    p = step.params
    shape = list(step.x.shape)
    for axis, gap in enumerate(p["steps"]):
        if gap > 1 and shape[axis] != 1:
            x = _spread(b, x, shape, axis, gap, p["value"], step.x.dtype)
            shape[axis] = over(lambda n, gap=gap: (n - 1) * gap + 1, shape[axis])
        elif gap < 0 and shape[axis] != 1:
            raise b.cannot("turns an array around while it is placed")
    after = [
        over(lambda total, start, n: total - start - n, *sizes)
        for sizes in zip(p["shape"], p["starts"], shape, strict=True)
    ]
    return pad(b, x, p["starts"], after, p["value"], step.x.dtype)


def pad(b, x, before, after, value, dtype: str):
    """`x` with `value` around it."""
    if not any((*before, *after)):
        return x
    as_int = dtype == "bool"  # no Pad of bools in ONNX Runtime
    x = b.cast(x, "int32") if as_int else x
    y = b.add("Pad", x, b.sizes([*before, *after]), b.constant(value, "int32" if as_int else dtype))
    return b.cast(y, "bool") if as_int else y


def _spread(b, x, shape, axis, gap, value, dtype):
    """`gap - 1` times `value` between neighbours along an axis."""
    x = b.unsqueeze(x, axis + 1)
    rank = len(shape) + 1
    x = pad(b, x, [0] * rank, [gap - 1 if k == axis + 1 else 0 for k in range(rank)], value, dtype)
    spread = [*shape[:axis], over(lambda n: n * gap, shape[axis]), *shape[axis + 1 :]]
    x = b.reshape(x, spread, [*shape[: axis + 1], gap, *shape[axis + 1 :]])
    return b.slice(x, axis, 0, 1 - gap)


@emits("slice_update")
def _slice_update(b, step, x, updates):
    """A box of numbers that says for each element whether it is new, and the updates put in their place."""
    p, shape = step.params, step.x.shape
    if any(isinstance(size, Size) for size in (*shape, *step.inputs[1].shape)) or any(s < 0 for s in p["steps"]):
        return _slice_update_at(b, step, x, updates)
    is_new = np.zeros(shape, bool)
    box = tuple(
        slice(start, start + (size - 1) * gap + 1, gap) if size else slice(0, 0)
        for start, size, gap in zip(p["starts"], step.inputs[1].shape, p["steps"], strict=True)
    )
    is_new[box] = True
    places = np.stack(np.nonzero(is_new), -1).reshape(*step.inputs[1].shape, len(shape))
    return b.add("ScatterND", x, b.constant(places, np.int64), updates)


def _slice_update_at(b, step, x, updates):
    """Where one axis alone is not whole: by rows of that axis."""
    p, shape = step.params, step.x.shape
    parts = [k for k, size in enumerate(shape) if step.inputs[1].shape[k] != size or p["steps"][k] != 1]
    if len(parts) != 1 or isinstance(shape[parts[0]], Size):
        raise b.cannot("replaces a part that depends on the sizes of the inputs")
    (axis,) = parts
    order = [axis, *(k for k in range(len(shape)) if k != axis)]
    count = step.inputs[1].shape[axis]
    rows = [[p["starts"][axis] + k * p["steps"][axis]] for k in range(count)]
    y = b.add("ScatterND", b.transpose(x, order), b.constant(rows, np.int64), b.transpose(updates, order))
    return b.transpose(y, [order.index(k) for k in range(len(shape))])
