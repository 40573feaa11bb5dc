"""The kernel problems, one table: what is computed, on which shapes, and how much work that is.

Arithmetic and bytes are those of the problem, not of an algorithm: a convolution counts its direct form however it is
done, and bytes are inputs plus outputs once. Letters: b batch rows, t time steps, u units, h heads, d depth.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from benchmarks.kernels.operations import OPERATIONS


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    Attributes:
        family: the group that runs together.
        kind: the function that each contender has for it.
        text: the shapes, for people.
        arrays: the shape of each float32 argument; `(shape, n)` for int32 indices below n.
        flops: arithmetic operations; 0 where bytes are what matters.
        bytes: read plus written.
        params: further arguments of the function.
        sets: so many sets of equal arguments take turns, as in a network, where a layer's were used long ago.
        is_random: each contender draws its own numbers: of the results only the shapes are compared.
    """

    family: str
    kind: str
    text: str
    arrays: tuple
    flops: float = 0.0
    bytes: float = 0.0
    params: dict = field(default_factory=dict)
    sets: int = 1
    is_random: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind} {self.text}"

    def inputs(self) -> list[np.ndarray]:
        """The arguments, within [-1, 1): the same for every contender. Each begins at a cache line, as the arrays of a
        framework do; NumPy's begin anywhere."""
        rng = np.random.default_rng(0)
        arrays = []
        for entry in self.arrays:
            if isinstance(entry[0], tuple):
                arrays.append(rng.integers(0, entry[1], entry[0]).astype("int32"))
            else:
                # Weights of recurrent layers are small enough that rounding does not grow from step to step.
                size = entry[0] ** -0.5 if self.family == "recurrent" and len(entry) == 2 else 1.0
                arrays.append(rng.uniform(-size, size, entry).astype("float32"))
        return [_aligned(array) for array in arrays]


def _aligned(array: np.ndarray) -> np.ndarray:
    memory = np.empty(array.nbytes + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    copy = memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _bytes(*shapes) -> float:
    return 4.0 * sum(math.prod(shape) for shape in shapes)


# ---- gemm: the three products of a dense layer (b, k) to (b, n) ----

WIDTHS, BATCHES = (32, 128, 512, 2048), (1, 32, 128, 1024)
# (b, k, n) of square layers, of the reference networks, and of more rows or columns than the caches hold
DENSE = [
    *((b, width, width) for width in WIDTHS for b in BATCHES),
    (128, 784, 128), (128, 128, 64), (128, 64, 10), (32, 4, 16), (4096, 64, 256), (6400, 128, 256),
    (8192, 512, 512), (65536, 128, 128), (16384, 256, 256), (2048, 768, 3072), (512, 4096, 1024),
]  # fmt: skip


def gemm(sizes):
    for b, k, n in sizes:
        x, w, dy, text = (b, k), (k, n), (b, n), f"({b}, {k}) to {n}"
        # One row reads the whole kernel for two operations a number.
        work = {"flops": 2.0 * b * k * n if b > 1 else 0.0, "bytes": _bytes(x, w, dy)}
        yield Problem("gemm", "dense", text, (x, w, (n,)), **work)
        yield Problem("gemm", "dense_grad_input", text, (dy, w), **work)
        yield Problem("gemm", "dense_grad_kernel", text, (x, dy), **work)


# ---- in turn: the same where no set of arrays is in a near cache ----

TURNS = [(128, 784, 512), (256, 512, 512), (128, 1024, 1024), (128, 3136, 128)]
TURNS_BYTES = 64 << 20  # that the sets take together


def _in_turn(sizes):
    for b, k, n in sizes:
        x, w, dy = (b, k), (k, n), (b, n)
        work = {"flops": 2.0 * b * k * n, "bytes": _bytes(x, w, dy)}
        sets = math.ceil(TURNS_BYTES / work["bytes"])
        text = f"({b}, {k}) to {n}, {sets} in turn"
        yield Problem("in-turn", "dense", text, (x, w, (n,)), sets=sets, **work)
        yield Problem("in-turn", "dense_grad_input", text, (dy, w), sets=sets, **work)
        yield Problem("in-turn", "dense_grad_kernel", text, (x, dy), sets=sets, **work)


# ---- conv2d, depthwise, grouped ----

# (n, size, cin, cout, kernel, stride, pad)
CONVOLUTIONS = [
    (128, 28, 1, 32, 3, 1, 0),  # cnn
    (128, 13, 32, 64, 3, 1, 0),
    (128, 32, 3, 16, 3, 1, 1),  # resnet
    (128, 32, 16, 16, 3, 1, 1),
    (128, 32, 16, 32, 3, 2, 1),
    (128, 32, 16, 32, 1, 2, 0),
    (128, 16, 32, 32, 3, 1, 1),
    (128, 8, 64, 64, 3, 1, 1),
    (1, 13, 32, 64, 3, 1, 0),  # one image
    (1, 32, 16, 16, 3, 1, 1),
    (2, 224, 3, 64, 3, 1, 1),  # VGG
    (4, 56, 128, 128, 3, 1, 1),
    (4, 28, 256, 256, 3, 1, 1),
    (4, 14, 512, 512, 3, 1, 1),
    (4, 224, 3, 32, 3, 2, 1),  # MobileNet
    (4, 56, 128, 128, 1, 1, 0),
    (4, 14, 512, 512, 1, 1, 0),
    (32, 56, 64, 64, 3, 1, 1),  # more than the caches hold
    (32, 56, 128, 128, 3, 2, 1),
    (32, 56, 64, 256, 1, 1, 0),
    (32, 56, 128, 128, 1, 1, 0),
    (32, 112, 32, 64, 1, 1, 0),
    (32, 28, 512, 128, 1, 1, 0),
    (32, 56, 256, 512, 1, 2, 0),
    (32, 56, 24, 144, 1, 1, 0),  # MobileNetV2, EfficientNet: channels are no whole vectors
    (32, 56, 144, 24, 1, 1, 0),
    (32, 28, 40, 240, 1, 1, 0),
]
# (n, size, channels, channels, kernel, stride, pad)
DEPTHWISE = [
    (4, 112, 32, 32, 3, 1, 1), (4, 56, 128, 128, 3, 1, 1), (4, 56, 128, 128, 3, 2, 1),  # MobileNet
    (4, 14, 512, 512, 3, 1, 1), (1, 14, 512, 512, 3, 1, 1),
    (32, 56, 128, 128, 3, 1, 1), (32, 56, 128, 128, 3, 2, 1),  # more than the caches hold
]  # fmt: skip
# (n, size, cin, cout, kernel, stride, pad, groups)
GROUPED = [
    (8, 56, 128, 128, 3, 1, 1, 32), (8, 56, 256, 256, 3, 2, 1, 32), (8, 14, 512, 512, 3, 1, 1, 32),  # ResNeXt
    (8, 56, 24, 24, 3, 1, 1, 3), (8, 28, 56, 56, 3, 1, 1, 7), (8, 14, 152, 152, 3, 1, 1, 19),  # RegNet
    (8, 28, 240, 60, 1, 1, 0, 3),  # ShuffleNet
    (8, 32, 16, 32, 3, 1, 1, 4), (8, 32, 32, 64, 3, 1, 1, 32),  # more filters than channels
]  # fmt: skip


def convolutions(kind, sizes):
    for n, size, cin, cout, k, stride, pad, *rest in sizes:
        groups = rest[0] if rest else 1
        out = (size + 2 * pad - k) // stride + 1
        x, y = (n, size, size, cin), (n, out, out, cout)
        w = (k, k, cin) if kind == "depthwise" else (k, k, cin // groups, cout)
        # A depthwise convolution has few operations a number: its limit is memory.
        work = {"flops": 0.0 if kind == "depthwise" else 2.0 * math.prod(y) * k * k * cin / groups}
        work["params"] = {"stride": stride, "pad": pad, "kernel": k, "size": size, "groups": groups}
        text = f"{n}x{size}x{size}x{cin} to {cout}, {k}x{k} stride {stride} pad {pad}"
        text += f" in {groups} groups" if groups > 1 else ""
        read = _bytes(w, y) + _bytes(x) * min(1.0, k / stride) ** 2  # a window below its stride passes pixels by
        yield Problem(kind, kind, text, (x, w, (cout,)), bytes=read, **work)
        yield Problem(kind, f"{kind}_grad_input", text, (y, w), bytes=_bytes(x, w, y), **work)
        yield Problem(kind, f"{kind}_grad_kernel", text, (x, y), bytes=read, **work)


# ---- what passes over memory ----

POOLED = [(128, 26, 32, 2, 2), (128, 11, 64, 2, 2), (4, 112, 64, 3, 2)]  # (n, size, channels, window, stride)
SCORED = [(128, 10), (4096, 128), (1024, 1000)]
BATCH_NORMALIZED = [(128 * 32 * 32, 16), (128 * 8 * 8, 64), (8 * 112 * 112, 96)]  # the last in memory
LAYER_NORMALIZED = [(4096, 64), (4096, 768)]
CHAINED = [(128, 128), (1024, 1024), (8192, 2048)]  # in the first cache, in the last, in memory
# (outside, along, inside) of the axis: the gradient of UpSampling2D, pooling of whole images, words of a sentence, the
# classes of a row, colours
REDUCED = [(128 * 28 * 14, 2, 16), (32, 49, 1280), (32, 128, 64), (4096, 10, 1), (100, 64, 3)]
EMBEDDED = [(20_000, 128, (32, 200)), (5_000, 64, (32, 128))]  # (words, width, indices)
PARAMETERS = [10_000, 1_000_000, 10_000_000]


def pooling(sizes):
    for n, size, c, window, stride in sizes:
        out = (size - window) // stride + 1
        x, y = (n, size, size, c), (n, out, out, c)
        params = {"window": window, "stride": stride, "shape": x}
        text = f"{n}x{size}x{size}x{c}, {window}x{window} stride {stride}"
        yield Problem("pooling", "max_pool", text, (x,), bytes=_bytes(x, y), params=params)
        # From dy and a byte a window, which says where its maximum is.
        yield Problem("pooling", "max_pool_grad", text, (y, x), bytes=1.25 * _bytes(y) + _bytes(x), params=params)
        yield Problem("pooling", "average_pool", text, (x,), bytes=_bytes(x, y), params=params)


def softmax(shapes):
    for shape in shapes:
        text, labels = f"{shape[0]}x{shape[1]}", ((shape[0],), shape[1])
        yield Problem("softmax", "softmax", text, (shape,), bytes=_bytes(shape, shape))
        # The mean loss, and its gradient by the logits.
        yield Problem("softmax", "cross_entropy_fit", text, (shape, labels), bytes=_bytes(shape, shape))


def normalization(kind, shapes):
    for shape in shapes:
        text, c = f"{shape[0]}x{shape[1]}", (shape[1],)
        yield Problem("normalization", kind, text, (shape, c, c), bytes=_bytes(shape, shape))
        # Forward and the three gradients: x and dy in, y and dx out.
        of_both = _bytes(shape, shape, shape, shape)
        yield Problem("normalization", f"{kind}_fit", text, (shape, c, c, shape), bytes=of_both)


def elementwise(shapes):
    for shape in shapes:
        text, column = f"{shape[0]}x{shape[1]}", (shape[1],)
        two, three = _bytes(shape, shape), _bytes(shape, shape, shape)
        yield Problem("elementwise", "add_relu", text, (shape, shape), bytes=three)
        yield Problem("elementwise", "bias_gelu", text, (shape, column), bytes=two)
        yield Problem("elementwise", "gate", text, (shape, shape), bytes=three)  # sigmoid(a) tanh(b)
        yield Problem("elementwise", "polynomial", text, (shape,), bytes=two)  # of degree 8
        yield Problem("elementwise", "column_sum", text, (shape,), bytes=_bytes(shape, column))


def reductions(shapes):
    for shape in shapes:
        for kind in ("sum", "max"):
            text = f"{shape[0]}x{shape[1]}x{shape[2]}, axis 1"
            yield Problem("reductions", kind, text, (shape,), bytes=_bytes(shape, (shape[0], shape[2])))


def embedding(sizes):
    for words, width, index in sizes:
        table, rows, indices = (words, width), (*index, width), (index, words)
        text, params = f"{words}x{width}, {index[0]}x{index[1]} indices", {"words": words}
        yield Problem("embedding", "take", text, (table, indices), bytes=_bytes(rows, rows))
        yield Problem("embedding", "take_grad", text, (rows, indices), bytes=_bytes(rows, rows, table), params=params)


def optimizers(counts):
    for n in counts:
        text = f"{n} parameters"  # the gradient is read; the parameters and each slot are read and written
        yield Problem("optimizers", "sgd", text, ((n,),), bytes=4.0 * n * 3)
        yield Problem("optimizers", "momentum", text, ((n,),), bytes=4.0 * n * 5)
        yield Problem("optimizers", "adam", text, ((n,),), bytes=4.0 * n * 7)


# ---- recurrent, attention ----

RECURRENT = [(32, 200, 128, 64), (1, 200, 128, 64), (128, 50, 256, 256), (32, 1, 128, 64)]  # (b, t, d, u)
ATTENTION = [  # (b, queries, keys, h, d, causal)
    (32, 128, 128, 4, 16, False),
    (8, 256, 256, 8, 64, False),
    (1, 1024, 1024, 8, 64, False),
    (1, 1024, 1024, 8, 64, True),
    (1, 1, 1024, 8, 64, False),
]


def recurrent(sizes):
    for b, t, d, u in sizes:
        for kind, gates in (("lstm", 4), ("gru", 3)):
            bias, y = (gates * u,), (b, t, u)
            arrays = ((b, t, d), (d, gates * u), (u, gates * u), *[bias] * (1 if kind == "lstm" else 2))
            flops, text = 2.0 * b * t * (d + u) * gates * u, f"b={b} t={t} d={d} u={u}"
            yield Problem("recurrent", kind, text, arrays, flops, _bytes(*arrays, y))
            # Forward, and the gradients by the inputs and all weights: three times the products.
            yield Problem("recurrent", f"{kind}_fit", text, (*arrays, y), 3 * flops, 2 * _bytes(*arrays, y))


def attention(sizes, dropout=0.0):
    for b, t, s, h, d, causal in sizes:
        q, k, params = (b, t, h, d), (b, s, h, d), {"causal": causal, "dropout": dropout}
        flops = 4.0 * b * t * s * h * d * (0.5 if causal else 1)
        text = f"{b}x{t}x{s}, {h} heads of {d}{', causal' if causal else ''}"
        # The gradient has four products where the forward pass has two; recomputed scores are not counted.
        fit = (q, k, k, q), 3 * flops, 2 * _bytes(q, q, k, k), params
        if dropout:  # in training alone
            yield Problem("attention", "attention_dropout_fit", text, *fit, is_random=True)
            continue
        yield Problem("attention", "attention", text, (q, k, k), flops, _bytes(q, q, k, k), params)
        yield Problem("attention", "attention_fit", text, *fit)


# ---- what else networks do: operations.py ----


def operations():
    for kind, of in OPERATIONS.items():
        shapes = [entry[0] if isinstance(entry[0], tuple) else entry for entry in of.arrays]
        text = f"{' and '.join('x'.join(map(str, shape)) for shape in shapes)}"
        yield Problem(of.family, kind, text, of.arrays, bytes=_bytes(*shapes, of.out))
        if of.fit:
            arrays = (*of.arrays, of.out)
            yield Problem(of.family, f"{kind}_fit", text, arrays, bytes=_bytes(shapes[0], *shapes, of.out, of.out))


PROBLEMS = [
    *gemm(DENSE),
    *_in_turn(TURNS),
    *convolutions("conv2d", CONVOLUTIONS),
    *convolutions("depthwise", DEPTHWISE),
    *convolutions("grouped", GROUPED),
    *pooling(POOLED),
    *softmax(SCORED),
    *normalization("batch_norm", BATCH_NORMALIZED),
    *normalization("layer_norm", LAYER_NORMALIZED),
    *elementwise(CHAINED),
    *reductions(REDUCED),
    *embedding(EMBEDDED),
    *optimizers(PARAMETERS),
    *recurrent(RECURRENT),
    *attention(ATTENTION),
    *attention(ATTENTION[:2], dropout=0.1),
    *operations(),
]
FAMILIES = tuple(dict.fromkeys(problem.family for problem in PROBLEMS))
