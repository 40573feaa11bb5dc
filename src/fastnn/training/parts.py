"""How many rows `predict` computes at once: as many as keep what lies between layers in the caches."""

from fastnn import config
from fastnn.graph.rows import are_apart, differ_in_rows_alone, share_of_no_row
from fastnn.plan.function import Compiled, is_watched
from fastnn.training.data import slice_of_rows

LEAST_ROWS = 32
CACHED_BYTES = 8 << 20  # of an arena
AGAIN = 0.125  # at most this share of what a part of the least size writes is the same for each part


def rows_at_once(function, x, size: int) -> int:
    """How many rows of `x` a call of the step `function` gets where a batch has `size` of them: fewer, where rows do
    not depend on each other, all of them need more memory than the caches have, and little is computed for no row."""
    if size <= LEAST_ROWS or type(function) is not Compiled or config.is_profiling() or is_watched():
        return size
    if type(x) is dict:
        about = tuple((name, x[name].shape[1:], x[name].dtype) for name in sorted(x))
    else:
        about = tuple((a.shape[1:], a.dtype) for a in x) if type(x) is list else (x.shape[1:], x.dtype)
    return function.known(("rows at once", about, size), lambda: _chosen(function, x, size))


def _chosen(function: Compiled, x, size: int) -> int:
    few, all_of_them = slice_of_rows(x, slice(LEAST_ROWS)), slice_of_rows(x, slice(size))
    try:
        executable = function.executable_for(few)
    except Exception:  # a model of a fixed batch size, or one that fails: then it does so by the batch itself
        return size
    weights = sum(variable.array.nbytes for variable in executable.graph.variables)  # each call reads them
    most = max(CACHED_BYTES, weights) * LEAST_ROWS // max(1, executable.plan.arena_bytes)
    if size <= most or not are_apart(executable.graph, LEAST_ROWS):
        return size
    graphs = function.graph_for(few), function.graph_for(all_of_them)
    if not differ_in_rows_alone(*graphs) or share_of_no_row(*graphs) > AGAIN:
        return size
    part = LEAST_ROWS
    while 2 * part <= most:
        part *= 2
    return part
