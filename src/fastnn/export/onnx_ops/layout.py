"""Shapes, order of axes, slices and what is put around arrays."""

import numpy as np

from fastnn.export.builder import LAST
from fastnn.export.table import emits
from fastnn.export.traced import Size


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


def _difference(b, low, high) -> int:
    """high - low, which must be the same whatever the inputs' sizes are."""
    if not isinstance(low, Size) and not isinstance(high, Size):
        return high - low
    count = len((low if isinstance(low, Size) else high).values)
    lows, highs = (size.values if isinstance(size, Size) else (size,) * count for size in (low, high))
    gaps = {high - low for low, high in zip(lows, highs, strict=True)}
    if len(gaps) > 1:
        raise b.cannot("has bounds that depend on the sizes of the inputs (give `input_signature` shapes without None)")
    return gaps.pop()


def _last(start, size, step):
    """start + (size - 1) * step, where those may be Sizes."""
    parts = [p.values if isinstance(p, Size) else p for p in (start, size, step)]
    count = max((len(p) for p in parts if isinstance(p, tuple)), default=1)
    start, size, step = (p if isinstance(p, tuple) else (p,) * count for p in parts)
    values = tuple(a + (n - 1) * s for a, n, s in zip(start, size, step, strict=True))
    return values[0] if len(set(values)) == 1 else Size(values)


def _runs_out(n, start, size, gap: int) -> bool:
    """Whether a slice by steps of `gap` ends where the axis does, whatever its size."""
    count = max((len(each.values) for each in (n, start, size) if isinstance(each, Size)), default=1)
    rows = zip(*(each.values if isinstance(each, Size) else (each,) * count for each in (n, start, size)), strict=True)
    return all(size == len(range(start, n if gap > 0 else -1, gap)) for n, start, size in rows)


@emits("strided_slice")
def _strided_slice(b, step, x):
    """Bounds from the beginning, or from the end where those depend on the axis's size."""
    starts, stops, axes, steps = [], [], [], []
    p = step.params
    for axis, (n, start, size, gap) in enumerate(zip(step.x.shape, p["starts"], p["sizes"], p["steps"], strict=True)):
        if start == 0 and size == n and gap == 1:
            continue
        last = _last(start, size, gap)
        begin = _difference(b, n, start) if isinstance(start, Size) else start
        if _runs_out(n, start, size, gap):
            stop = LAST if gap > 0 else -LAST
        elif isinstance(n, Size) and isinstance(last, Size):
            stop = _difference(b, n, last) + (1 if gap > 0 else -1)  # below 0: counted from the end
            stop = LAST if stop == 0 else stop
        elif isinstance(last, Size):
            raise b.cannot("takes a part that depends on the sizes of the inputs")
        else:
            stop = last + (1 if gap > 0 else -1)
            stop = -LAST if stop < 0 else stop
        if size == 0:
            begin = stop = 0
        starts, stops, axes, steps = [*starts, begin], [*stops, stop], [*axes, axis], [*steps, gap]
    if not axes:
        return x
    return b.add("Slice", x, b.ints(*starts), b.ints(*stops), b.ints(*axes), b.ints(*steps))


@emits("place")
def _place(b, step, x):
    p = step.params
    shape = list(step.x.shape)
    for axis, gap in enumerate(p["steps"]):
        if gap > 1 and shape[axis] != 1:
            x = _spread(b, x, shape, axis, gap, p["value"], step.x.dtype)
            shape[axis] = _last(1, shape[axis], gap)
        elif gap < 0 and shape[axis] != 1:
            raise b.cannot("turns an array around while it is placed")
    ends = [_last(start, size, 1) for start, size in zip(p["starts"], shape, strict=True)]
    before = [_difference(b, 0, start) for start in p["starts"]]
    after = [_difference(b, end, size) - 1 for end, size in zip(ends, p["shape"], strict=True)]
    if not any(before) and not any(after):
        return x
    return pad(b, x, before, after, p["value"], step.x.dtype)


def pad(b, x, before, after, value, dtype: str):
    """`x` with `value` around it."""
    as_int = dtype == "bool"  # no Pad of bools in ONNX Runtime
    x = b.cast(x, "int32") if as_int else x
    y = b.add("Pad", x, b.ints(*before, *after), b.constant(value, "int32" if as_int else dtype))
    return b.cast(y, "bool") if as_int else y


def _spread(b, x, shape, axis, gap, value, dtype):
    """`gap - 1` times `value` between neighbours along an axis."""
    x = b.unsqueeze(x, axis + 1)
    rank = len(shape) + 1
    x = pad(b, x, [0] * rank, [gap - 1 if k == axis + 1 else 0 for k in range(rank)], value, dtype)
    x = b.reshape(x, [*shape[:axis], -1, *shape[axis + 1 :]], shape)
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
