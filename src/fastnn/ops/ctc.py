"""Connectionist temporal classification (Graves et al., 2006): the loss of an alignment-free sequence, and decoding.

Axes: `n` batch, `t` time, `c` classes, `l` labels; `s` states of the lattice, 2 l + 1: a blank, then for each label the
label and a blank. Kernels are in `_kernels/ctc.c`.
"""

import numpy as np

from fastnn import _kernels
from fastnn.graph.value import Spec
from fastnn.ops.elementwise import cast, multiply
from fastnn.ops.layout import expand_dims
from fastnn.ops.record import Op, dtype_of, shape_of
from fastnn.ops.softmax import log_softmax

# The logarithm of what cannot happen, so that a target that is too long for its output has a large loss, not an
# infinite one; the number is Keras's.
_NEVER = -1e5


class _Lattice:
    """Forward and backward log probabilities of the states that a batch of targets goes through, in float64.

    Args:
        target: labels (n, l).
        logits: (n, t, c).
        target_length, output_length: how many of them count, (n,).
        blank: its class.
    """

    def __init__(self, target, log_probs, target_length, output_length, blank):
        n, t, _ = log_probs.shape
        self.log_probs = log_probs.astype(np.float64)
        self.states = np.full((n, 2 * target.shape[1] + 1), blank, np.int64)  # ns
        self.states[:, 1::2] = target
        self.emitted = np.take_along_axis(self.log_probs, self.states[:, None, :].repeat(t, axis=1), axis=-1)  # nts
        # From the label before, past the blank between them: only to another label.
        self.skip = np.full(self.states.shape, -np.inf)
        self.skip[:, 3::2] = np.where(target[:, 1:] == target[:, :-1], _NEVER, 0.0)
        self.is_running = np.arange(t)[None, :] < output_length[:, None]  # nt
        last = 2 * target_length.astype(np.int64)
        places = np.arange(self.states.shape[1])
        is_last = (places == last[:, None]) | ((places == last[:, None] - 1) & (target_length[:, None] > 0))
        self.end = np.where(is_last, 0.0, -np.inf)

    def forward(self):
        """log p(emissions up to t, state at t), nts, and the log probability of the target, (n,)."""
        alpha = np.full(self.states.shape, _NEVER)
        alpha[:, 0] = 0.0  # before the first step: in the first blank, which emits nothing
        alphas = np.empty_like(self.emitted)
        for t in range(self.emitted.shape[1]):
            step = np.logaddexp(alpha, _shifted(alpha, 1))
            step = np.logaddexp(step, _shifted(alpha, 2) + self.skip) + self.emitted[:, t]
            alpha = np.where(self.is_running[:, t, None], step, alpha)
            alphas[:, t] = alpha
        return alphas, _logsumexp(alpha + self.end, axis=-1)

    def occupancy(self):
        """The probability of each class at each step, given the target, ntc."""
        alphas, total = self.forward()
        classes = np.zeros_like(self.log_probs)
        batch = np.arange(len(classes))[:, None]
        beta = self.end
        for t in reversed(range(alphas.shape[1])):
            np.add.at(classes, (batch, t, self.states), np.exp(alphas[:, t] + beta - total[:, None]))
            ahead = beta + self.emitted[:, t]
            step = np.logaddexp(ahead, _shifted(ahead, -1))
            step = np.logaddexp(step, _shifted(ahead + self.skip, -2))
            beta = np.where(self.is_running[:, t, None], step, beta)
        return classes


def _shifted(x, k):
    """x (n, s) moved by k states; nothing comes from outside."""
    moved = np.full_like(x, -np.inf)
    if k > 0:
        moved[:, k:] = x[:, :-k]
    else:
        moved[:, :k] = x[:, -k:]
    return moved


def _logsumexp(x, axis):
    high = x.max(axis=axis, keepdims=True)
    return np.squeeze(high, axis) + np.log(np.exp(x - high).sum(axis=axis))


def _loss(target, log_probs, target_length, output_length, mask_index):
    return -_Lattice(target, log_probs, target_length, output_length, mask_index).forward()[1]


def _loss_gradient(target, log_probs, target_length, output_length, mask_index):
    lattice = _Lattice(target, log_probs, target_length, output_length, mask_index)
    return np.where(lattice.is_running[..., None], -lattice.occupancy(), 0.0)


def _check(target, output, target_length, output_length):
    shapes = [shape_of(x) for x in (target, output, target_length, output_length)]
    n = shapes[1][0] if len(shapes[1]) == 3 else None
    if len(shapes[1]) != 3 or len(shapes[0]) != 2 or {shapes[0][0], *shapes[2], *shapes[3]} != {n}:
        raise ValueError(
            "ctc_loss: target (n, l), output (n, t, c), target_length (n,) and output_length (n,) have the shapes "
            f"{', '.join(map(str, shapes))}."
        )


def _lower(node, b):
    target, log_probs, *lengths = node.inputs
    n, t, c = log_probs.shape
    blank = node.params["mask_index"]
    counts = [target, *lengths]
    if b.suffix(log_probs) is None or any(x.dtype[0] not in "iub" for x in counts) or not -c <= blank < c:
        return False
    ints = [n, t, c, target.shape[1], blank % c, *(_kernels.DTYPE_CODE[x.dtype] for x in counts)]
    b.step(f"{node.op.name}_{b.suffix(log_probs)}", [*node.inputs, node.outputs[0]], ints)
    return True


def _pull_back(dy, y, target, log_probs, target_length, output_length, mask_index):
    gradient = ctc_gradient_op(target, log_probs, target_length, output_length, mask_index=mask_index)
    return None, multiply(expand_dims(expand_dims(dy, -1), -1), gradient), None, None


ctc_gradient_op = Op(
    "ctc_gradient",
    shape=lambda target, log_probs, *lengths, mask_index: log_probs,
    reference=_loss_gradient,
    lower=_lower,
)
ctc_loss_op = Op(
    "ctc_loss",
    shape=lambda target, log_probs, *lengths, mask_index: Spec(log_probs.shape[:1], log_probs.dtype),
    reference=_loss,
    grad=_pull_back,
    lower=_lower,
)


def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """Minus the log probability of a sequence of labels, over all its alignments with the output.

    An alignment gives each step a label or the blank; repeated labels count once, and blanks are dropped. The gradient
    by `output` is softmax(output) minus the share of alignments that have the class at the step.

    Args:
        target: labels (n, l), ints.
        output: logits (n, t, c).
        target_length: how many labels count, (n,).
        output_length: how many steps count, (n,).
        mask_index: the class of the blank; 0.

    Returns:
        (n,), in the dtype of `output`. A target that has no alignment, because it is too long, has a loss above 1e5.

    Raises:
        ValueError: for shapes that do not fit.

    Reference: Graves et al., 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf.

    Example:
        >>> logits = np.zeros((1, 2, 3), "float32")  # the label 1: (1, 1), (blank, 1) or (1, blank), of 9
        >>> ctc_loss(np.array([[1]]), logits, np.array([1]), np.array([2])) - np.log(np.float32(3))
        array([0.], dtype=float32)
    """
    _check(target, output, target_length, output_length)
    log_probs = log_softmax(_as_floats(output))
    return ctc_loss_op(target, log_probs, target_length, output_length, mask_index=int(mask_index))


def _as_floats(x):
    return x if dtype_of(x).startswith("float") else cast(x, "float32")


def _greedy(scores, lengths, blank, merge_repeated):
    """(1, n, t) classes with -1 behind them, and (n, 1) minus the sums of the highest scores."""
    best, is_counted = scores.argmax(-1), np.arange(scores.shape[1])[None, :] < lengths[:, None]
    is_kept = is_counted & (best != blank)
    if merge_repeated:
        is_kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    decoded = np.full(best.shape, -1, np.int32)
    for row, classes, kept in zip(decoded, best, is_kept, strict=True):
        row[: kept.sum()] = classes[kept]
    return decoded[None], -np.where(is_counted, scores.max(-1), 0).sum(-1, keepdims=True)


def _beam_search(scores, lengths, blank, beam_width, top_paths):
    """(top_paths, n, t) classes with -1 behind them, and (n, top_paths) log probabilities."""
    n, t, _ = scores.shape
    log_probs = scores.astype(np.float64)
    log_probs = log_probs - _logsumexp(log_probs, axis=-1)[..., None]
    decoded, log_p = np.full((top_paths, n, t), -1, np.int32), np.full((n, top_paths), -np.inf)
    for k in range(n):
        beams = {(): (0.0, -np.inf)}  # {labels: log p of ending in a blank, and in the last label}
        for frame in log_probs[k, : lengths[k]]:
            beams = _extended(beams, frame, blank)
            beams = dict(_best(beams, beam_width))
        for j, (labels, parts) in enumerate(_best(beams, top_paths)):
            decoded[j, k, : len(labels)] = labels
            log_p[k, j] = np.logaddexp(*parts)
    return decoded, log_p


def _best(beams, count):
    return sorted(beams.items(), key=lambda item: -np.logaddexp(*item[1]))[:count]


def _extended(beams, frame, blank):
    """The beams after one more step with the log probabilities `frame`, (c,)."""
    following = {}

    def add(labels, in_blank=-np.inf, in_label=-np.inf):
        old = following.get(labels, (-np.inf, -np.inf))
        following[labels] = np.logaddexp(old[0], in_blank), np.logaddexp(old[1], in_label)

    for labels, (in_blank, in_label) in beams.items():
        either = np.logaddexp(in_blank, in_label)
        add(labels, in_blank=either + frame[blank])
        for c, p in enumerate(frame):
            if c == blank:
                continue
            if labels and labels[-1] == c:
                add(labels, in_label=in_label + p)
                add((*labels, c), in_label=in_blank + p)
            else:
                add((*labels, c), in_label=either + p)
    return following


def _decode(inputs, lengths, strategy, beam_width, top_paths, merge_repeated, mask_index):
    blank = mask_index % inputs.shape[-1]
    if strategy == "greedy":
        return _greedy(inputs, lengths, blank, merge_repeated)
    return _beam_search(inputs, lengths, blank, beam_width, top_paths)


def _decode_shape(inputs, lengths, strategy, top_paths, **_):
    n, t, _ = inputs.shape
    paths = 1 if strategy == "greedy" else top_paths
    return Spec((paths, n, t), "int32"), Spec((n, paths), inputs.dtype)


ctc_decode_op = Op("ctc_decode", shape=_decode_shape, reference=_decode)


def ctc_decode(
    inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True, mask_index=0
):
    """The labels that the output of a network trained with `ctc_loss` stands for.

    Args:
        inputs: scores (n, t, c): logits or log probabilities.
        sequence_lengths: how many steps count, (n,).
        strategy: "greedy": the best class of each step; "beam_search": the most probable labels over all alignments of
            the `beam_width` prefixes that are kept after each step.
        beam_width: 100; beam search only.
        top_paths: how many results beam search returns; 1.
        merge_repeated: whether the greedy strategy counts a class that follows itself once; beam search always does.
        mask_index: the class of the blank; 0.

    Returns:
        The labels, (paths, n, t) int32 with -1 behind the last; and a score of each, (n, paths): minus the sum of the
        best scores (greedy), or the log probability (beam search). Greedy has one path.

    Raises:
        ValueError: for another strategy, or inputs that are not (n, t, c).

    Example:
        >>> scores = np.log(np.float32([[[0.2, 0.8], [0.3, 0.7], [0.9, 0.1], [0.4, 0.6]]]))
        >>> ctc_decode(scores, np.array([4]))[0]
        array([[[ 1,  1, -1, -1]]], dtype=int32)
    """
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
    if len(shape_of(inputs)) != 3:
        raise ValueError(f"ctc_decode: inputs must have the shape (n, t, c). Received: {shape_of(inputs)}")
    return ctc_decode_op(
        _as_floats(inputs), sequence_lengths, strategy=strategy, beam_width=int(beam_width), top_paths=int(top_paths),
        merge_repeated=bool(merge_repeated), mask_index=int(mask_index),
    )  # fmt: skip
