"""Programs: which opcodes do several operations at once."""

import numpy as np
import pytest

from fastnn import _kernels, ops
from fastnn.plan import program
from fastnn.plan.function import Compiled


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda a, b: ops.sigmoid(a) * ops.tanh(b), ["sigmoid_tanh"]),
        (lambda a, b: ops.tanh(b) * ops.sigmoid(a), ["sigmoid_tanh"]),
        (lambda a, b: ops.sigmoid(a) * b, ["multiply_sigmoid"]),
        (lambda a, b: ops.gelu(a), ["gelu"]),
        (lambda a, b: ops.gelu(a + b), ["add_gelu"]),
        (lambda a, b: ops.gelu(a, approximate=False), ["exact_gelu"]),
        (lambda a, b: ops.where(a < b, a, 1.0), ["where_greater"]),
        (lambda a, b: ops.where(ops.isnan(a), b, a), ["fill_nan"]),
        (lambda a, b: ops.where(ops.isnan(a), a, b), ["isnan", "where"]),
        (lambda a, b: ops.where(a >= b, a, 0.0), ["greater_equal", "relu_grad"]),
        (lambda a, b: ops.where(a >= b, a, -0.0), ["greater_equal", "where"]),
        (lambda a, b: ops.where(a, b, 0.0), ["where"]),
        (lambda a, b: ops.leaky_relu(a), ["where_greater", "multiply"]),
        (lambda a, b: ops.hard_sigmoid(a), ["clip_line"]),
        (lambda a, b: ops.hard_silu(a), ["hard_gate"]),
        (lambda a, b: b * ops.clip(a * b + 0.5, 0.0, 1.0), ["multiply_add", "clip", "multiply"]),
        (lambda a, b: (lambda s: ops.gelu(s) - s)(a + b), ["add", "gelu", "subtract"]),
        (lambda a, b: (1.0 + a * (a * b + 2.0)) * b + 3.0, ["horner", "multiply_add"]),
        (lambda a, b: 3.0 + a * (2.0 + b * a), ["horner"]),
        (lambda a, b: b * (b * (a * (2.0 + b * a) + 3.0) + 4.0) + 5.0, ["horner", "horner"]),
        (lambda a, b: ((b * a + 1.0) * a + 2.0) * a + 3.0, ["horner3"]),
        (lambda a, b: (((b * a + 1.0) * a + 2.0) * a + 3.0) * a + 4.0, ["horner4"]),
        (lambda a, b: ((((b * a + 1.0) * a + 2.0) * a + 3.0) * a + 4.0) * a + 5.0, ["horner4", "multiply_add"]),
        (lambda a, b: a - 0.1 * b / ops.sqrt(ops.abs(a) + 0.5), ["abs", "step_by_root_of_sum"]),
        (lambda a, b: a - b / ops.sqrt(ops.square(b) + 0.5), ["multiply_add", "sqrt", "divide", "subtract"]),
        (lambda a, b: a - 0.1 * b / (ops.abs(a) + 0.5), ["multiply", "abs", "add", "divide", "subtract"]),
        (lambda a, b: a + ops.square(b), ["multiply_add"]),
        (lambda a, b: (a * b + b) * b + 3.0, ["multiply_add", "multiply_add"]),
        (lambda a, b: (lambda s: s * ops.tanh(b) + s)(ops.sigmoid(a)), ["sigmoid", "tanh", "multiply_add"]),
    ],
)
def test_operations_that_are_one_opcode(function, names, monkeypatch):
    written, instruction = [], program._instruction
    monkeypatch.setattr(program, "_instruction", lambda code, *r: written.append(code) or instruction(code, *r))
    arrays = [np.random.default_rng(k).standard_normal((3, 37), np.float32) for k in range(2)]
    result = Compiled(function, "program")(*arrays)
    name_of = {code: name for name, code in _kernels.opcodes().items()}
    assert [name_of[code] for code in written if code != program.STORE] == names
    wanted = function(*(x.astype(np.float64) for x in arrays))
    np.testing.assert_allclose(np.asarray(result), np.asarray(wanted), rtol=1e-6, atol=5e-7)
