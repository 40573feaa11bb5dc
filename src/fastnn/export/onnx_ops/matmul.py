"""Matrix products and determinants."""

from fastnn.export.table import emits


def _turned(b, x, array):
    """`x` with its last two axes exchanged."""
    n = array.ndim
    return b.transpose(x, (*range(n - 2), n - 1, n - 2))


@emits("matmul")
def _matmul(b, step, x1, x2):
    x1 = _turned(b, x1, step.inputs[0]) if step.params.get("transpose_a") else x1
    x2 = _turned(b, x2, step.inputs[1]) if step.params.get("transpose_b") else x2
    return b.add("MatMul", x1, x2)


@emits("det")
def _det(b, step, x):
    return b.add("Det", x)


@emits("linear")
def _linear(b, step, x, kernel, bias=None):
    if bias is not None and step.x.ndim == 2:
        return b.add("Gemm", x, kernel, bias)
    y = b.add("MatMul", x, kernel)
    return y if bias is None else b.add("Add", y, bias)
