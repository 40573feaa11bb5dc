"""Problems of sizes that are drawn, not chosen: whether what is fast on the table of `problems.py` is so elsewhere."""

import math
import random
from collections.abc import Callable

from benchmarks.kernels import problems

SIZES = 8  # drawn for each maker of problems, each of which makes two to five of one
LEAST, MOST = 1e5, 2e9  # operations of a product or convolution
MOST_BYTES = 64 << 20


def sampled(seed: int) -> list[problems.Problem]:
    """Problems of every family but `in-turn`, the same for the same seed."""
    rng = random.Random(seed)
    found = []
    for make, draw in DRAWN:
        of_maker = {}
        while len(of_maker) < SIZES:
            size = draw(rng)
            made = list(make([size]))
            if all(_is_measurable(problem) for problem in made):
                of_maker[size] = made
        found += (problem for made in of_maker.values() for problem in made)
    return found


def _is_measurable(problem) -> bool:
    # Few arrays of one number have a rate.
    return problem.bytes <= MOST_BYTES and (not problem.flops or LEAST <= problem.flops <= MOST)


def _size(rng, least: int, most: int) -> int:
    """Between both, every power of two as likely as the next."""
    return round(math.exp(rng.uniform(math.log(least), math.log(most))))


def _channels(rng) -> int:
    """People choose multiples of 8 more often than not."""
    count = _size(rng, 1, 768)
    return count if count < 8 or rng.random() < 0.25 else count // 8 * 8


def _dense(rng):
    return _size(rng, 1, 4096), _size(rng, 1, 3000), _size(rng, 1, 3000)


def _window(rng, kernels) -> tuple[int, int, int, int]:
    """The size of an image, of a window that fits, its stride, and padding or none."""
    kernel = rng.choice(kernels)
    pad = rng.choice((0, kernel // 2))
    return max(_size(rng, 4, 128), kernel), kernel, rng.choice((1, 1, 1, 2, 2, 3)), pad


def _conv2d(rng):
    size, kernel, stride, pad = _window(rng, (1, 1, 2, 3, 3, 3, 4, 5, 7))
    return _size(rng, 1, 128), size, _channels(rng), _channels(rng), kernel, stride, pad


def _depthwise(rng):
    size, kernel, stride, pad = _window(rng, (3, 3, 5, 7))
    channels = max(_channels(rng), 8)
    return _size(rng, 1, 64), size, channels, channels, kernel, stride, pad


def _grouped(rng):
    size, kernel, stride, pad = _window(rng, (1, 3, 3, 3, 5))
    groups = _size(rng, 2, 32)
    channels = (groups * _size(rng, 1, 32) for _ in range(2))
    return _size(rng, 1, 64), size, *channels, kernel, stride, pad, groups


def _pooling(rng):
    size, window, stride, _ = _window(rng, (2, 2, 3, 3, 4, 5))
    return _size(rng, 1, 64), size, _channels(rng), window, rng.choice((stride, window))


def _rows(rng):
    return _size(rng, 1, 10_000), _size(rng, 2, 2000)


def _normalized(rng):
    return _size(rng, 8, 100_000), _size(rng, 3, 1024)


def _reduced(rng):
    return _size(rng, 1, 10_000), _size(rng, 2, 1000), _size(rng, 1, 300)


def _embedding(rng):
    return _size(rng, 50, 50_000), _size(rng, 4, 300), (_size(rng, 1, 64), _size(rng, 1, 300))


def _recurrent(rng):
    return _size(rng, 1, 128), _size(rng, 1, 150), _size(rng, 1, 300), _size(rng, 3, 300)


def _attention(rng):
    queries = _size(rng, 1, 600)
    is_causal = rng.random() < 0.3
    keys = queries if is_causal or rng.random() < 0.5 else _size(rng, 1, 600)
    return _size(rng, 1, 32), queries, keys, rng.choice((1, 2, 4, 8, 12)), _size(rng, 4, 16) * 8, is_causal


# (a maker of problems, a size for it)
DRAWN: tuple[tuple[Callable, Callable], ...] = (
    (problems.gemm, _dense),
    (lambda sizes: problems.convolutions("conv2d", sizes), _conv2d),
    (lambda sizes: problems.convolutions("depthwise", sizes), _depthwise),
    (problems.pooling, _pooling),
    (problems.softmax, _rows),
    (lambda shapes: problems.normalization("batch_norm", shapes), _normalized),
    (lambda shapes: problems.normalization("layer_norm", shapes), _normalized),
    (problems.elementwise, _rows),
    (problems.reductions, _reduced),
    (problems.embedding, _embedding),
    (problems.optimizers, lambda rng: _size(rng, 100, 3_000_000)),
    (problems.recurrent, _recurrent),
    (problems.attention, _attention),
    (lambda sizes: problems.convolutions("grouped", sizes), _grouped),
)
