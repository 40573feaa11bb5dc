"""Which gradient rules are compared with Keras on JAX (`tests/parity/test_gradients.py`): every record that has one is
met by a row of `tests/tables`, or stands in `NOT_COMPARED` with the reason."""

import importlib
import pkgutil

import numpy as np
import pytest

import fastnn
from fastnn import tree
from fastnn.ops.record import all_ops
from tests.ops.test_against_keras import arrays_of, function, with_arrays
from tests.tables import table
from tests.tables.losses import LOSSES

SECOND = "made by gradients alone, so its own rule is a second derivative: differences in the tests of its family"
COMPLEX = "gradients are compared by float arrays: differences in test_complex_numbers.py"
BODY = "takes functions, which a row for both libraries cannot say: differences in test_control.py"
NOT_COMPARED = {
    **dict.fromkeys(
        (
            "attention_grad", "average_pool2d_grad", "batch_norm_grad", "cofactors", "conv2d_grad_kernel",
            "conv3d_grad_kernel",
            "depthwise_conv2d_grad_input", "depthwise_conv2d_grad_kernel", "exact_gelu_grad", "gelu_grad",
            "group_norm_grad", "gru_grad", "i1", "layer_norm_grad", "linear_grad_kernel", "linear_recurrence",
            "log_softmax_grad", "lstm_grad", "max_pool2d_grad", "max_pool2d_pick", "mish_grad", "relu_grad",
            "sample_bilinear_grad",
            "softmax_cross_entropy_grad", "softmax_grad", "sparse_softmax_cross_entropy_grad", "take_along_axis_grad",
        ),
        SECOND,
    ),
    **dict.fromkeys(("conj", "imag", "real", "view_as_complex", "view_as_real"), COMPLEX),
    **dict.fromkeys(("scan", "switch", "while_loop"), BODY),
    "pack": "optimizers' own; Keras has none",
    "projecting_lstm": "what a plan makes of linear and lstm, which are compared",
    "select": "of quantiles of float64 or of long rows, and rows are of short float32: differences in test_reduce.py",
    "sparsemax": "Keras's gradient by a row does not sum to 0, as that of a point on the simplex must",
    "take_sum": "what a plan makes of take and sum, which are compared",
    "through_float8": "of float8 layers, which tests/parity/test_quantization.py compares",
    "top_k": "its positions are int64 in Keras on NumPy, so that it has no row: differences in test_gather.py",
}  # fmt: skip


def watch(tape, leaves):
    for x in leaves:
        if isinstance(x, np.ndarray) and x.dtype.kind == "f":
            tape.watch(x)


def run_op(case):
    structure = (case.args, case.kwargs)
    arrays = [x.copy() for x in arrays_of(structure)]
    with fastnn.GradientTape() as tape:
        watch(tape, arrays)
        args, kwargs = with_arrays(structure, arrays)
        function(fastnn, case.name)(*args, **kwargs)


def run_layer(case):
    layer = getattr(fastnn.layers, case.name)(**case.arguments_for(fastnn))
    inputs = tree.map_structure(np.array, case.inputs)
    layer(inputs, **case.call)  # builds it
    with fastnn.GradientTape() as tape:
        watch(tape, tree.flatten(inputs))
        layer(inputs, **case.call)


def run_loss(case):
    y_true, y_pred = case.arrays()
    with fastnn.GradientTape() as tape:
        tape.watch(y_pred)
        getattr(fastnn.losses, case.name)(**case.arguments)(y_true, y_pred)


@pytest.fixture(scope="module")
def compared():
    """The names of the records that are on the tape of some row."""
    names = set()
    record = fastnn.GradientTape.record

    def noting(self, op, args, *rest):
        if any(self.is_tracked(x) for x in args):
            names.add(op.name)
        return record(self, op, args, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastnn.GradientTape, "record", noting)
        for run, cases in (
            (run_op, [case for case in table("OPS") if case.gradient]),
            (run_layer, [case for case in table("LAYERS") if case.gradient]),
            (run_loss, LOSSES),
        ):
            for case in cases:
                run(case)
    return names


def differentiable():
    for module in pkgutil.iter_modules(fastnn.ops.__path__, "fastnn.ops."):
        importlib.import_module(module.name)
    return {name for name, op in all_ops().items() if op.grad is not None}


def test_every_gradient_rule_is_compared_or_excused(compared):
    left = differentiable() - compared - set(NOT_COMPARED)
    assert not left, f"give {sorted(left)} a row with gradient=True in tests/tables, or a reason in NOT_COMPARED"


def test_no_excuse_is_out_of_date(compared):
    assert set(NOT_COMPARED) <= differentiable()
    assert not set(NOT_COMPARED) & compared
