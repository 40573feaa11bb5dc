"""Every optimizer against the released Keras: ten steps on fixed gradients, with every way to run a step."""

import sys
import tracemalloc
import warnings

import keras
import numpy as np
import pytest

import fastnn
from fastnn import optimizers
from fastnn.optimizers import schedules
from fastnn.optimizers.flat import is_whole
from fastnn.plan.function import Compiled

SHAPES = {"layer/kernel": (5, 3), "layer/bias": (3,), "scale": ()}
MORE_SHAPES = SHAPES | {"embedding/embeddings": (2, 4), "conv/kernel": (2, 3, 4)}
STEPS = 10
DECAY = {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.7}

CASES = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"weight_decay": 0.1, "clipvalue": 0.3}),
    ("SGD", {"clipnorm": 0.5}),
    ("SGD", {"global_clipnorm": 0.5}),
    ("SGD", {"learning_rate": "ExponentialDecay"}),
    ("SGD", {"loss_scale_factor": 8.0}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.8, "momentum": 0.7, "centered": True, "epsilon": 1e-3}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.1, "amsgrad": True}),
    ("Adam", {"learning_rate": "ExponentialDecay", "weight_decay": 0.01, "global_clipnorm": 1.0}),
    ("Adam", {"gradient_accumulation_steps": 3}),
    ("SGD", {"gradient_accumulation_steps": 2, "clipnorm": 0.1}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 4}),
    ("Adam", {"learning_rate": "ExponentialDecay", "gradient_accumulation_steps": 2, "use_ema": True}),
    ("AdamW", {}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.2}),
    ("Adamax", {"learning_rate": 0.05}),
    ("Nadam", {"learning_rate": 0.05}),
    ("Adagrad", {"learning_rate": 0.05}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Lion", {"learning_rate": 0.05}),
    ("Ftrl", {"learning_rate": 0.05}),
    ("Ftrl", {"learning_rate": 0.05, "l1_regularization_strength": 0.01, "l2_regularization_strength": 0.1,
              "l2_shrinkage_regularization_strength": 0.1, "beta": 0.1}),
    ("Lamb", {"learning_rate": 0.05}),
    ("Adafactor", {}),
    ("Adafactor", {"learning_rate": 0.5, "beta_2_decay": -0.5, "epsilon_2": 0.1, "clip_threshold": 0.5}),
    ("Adafactor", {"learning_rate": 0.8, "relative_step": False, "weight_decay": 0.01}),
    ("Adafactor", {"learning_rate": "ExponentialDecay", "gradient_accumulation_steps": 2}),
    ("Muon", {}),
    ("Muon", {"learning_rate": 0.05, "nesterov": False, "rms_rate": None, "weight_decay": 0.1, "ns_steps": 3}),
    ("Muon", {"learning_rate": 0.05, "adam_lr_ratio": 0.5, "adam_weight_decay": 0.2, "exclude_embeddings": False}),
    ("Muon", {"learning_rate": 0.05, "exclude_layers": ["layer"], "adam_beta_1": 0.8, "adam_beta_2": 0.99}),
    ("Muon", {"learning_rate": 0.05, "weight_decay": None}),
    ("Muon", {"learning_rate": 0.05, "adam_weight_decay": None}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "warmup_steps": 4, "beta_1": 0.8}),
    ("ScheduleFreeAdamW", {"learning_rate": "ExponentialDecay", "weight_decay": 0.1, "beta_2": 0.99}),
]  # fmt: skip
IDS = [f"{name}-{k}" for k, (name, _) in enumerate(CASES)]


def weights(make, shapes=SHAPES):
    rng = np.random.default_rng(7)
    made = []
    for path, shape in shapes.items():
        variable = make(rng.normal(size=shape).astype("float32"), path)
        made.append(variable)
    return made


def ours(array, path):
    variable = fastnn.Variable(array, name=path.rpartition("/")[2])
    variable.path = path
    return variable


def theirs(array, path):
    variable = keras.Variable(array, name=path.rpartition("/")[2])
    variable._path = path
    return variable


def gradients(shapes=SHAPES):
    rng = np.random.default_rng(8)
    return [[rng.normal(size=s).astype("float32") for s in shapes.values()] for _ in range(STEPS)]


def make(library, name, arguments):
    arguments = dict(arguments)
    if arguments.get("learning_rate") == "ExponentialDecay":
        arguments["learning_rate"] = library.optimizers.schedules.ExponentialDecay(**DECAY)
    return getattr(library.optimizers, name)(**arguments)


def close(a, b):
    """Ten steps of some ten float32 operations each, on numbers of order one."""
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("mode", ["flat", "per variable", "some alone", "compiled", "op by op"])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_trajectory(case, mode, monkeypatch):
    if mode == "op by op":
        monkeypatch.setattr(optimizers.Optimizer, "_may_compile", lambda *_: False)
    if mode == "some alone":
        monkeypatch.setattr("fastnn.optimizers.optimizer.LARGE", 15)
    optimizer, judge = make(fastnn, *case), make(keras, *case)
    ours_w, theirs_w = weights(ours, MORE_SHAPES), weights(theirs, MORE_SHAPES)
    optimizer.build(ours_w)
    judge.build(theirs_w)
    if mode == "per variable":
        optimizer._flats = []
    apply = optimizer.apply
    if mode == "compiled":

        @fastnn.jit
        def apply(grads, _):
            optimizer.apply(grads, ours_w)

    for step in gradients(MORE_SHAPES):
        apply(step, ours_w if mode != "compiled" else None)
        judge.apply(step, theirs_w)
        for a, b in zip(ours_w, theirs_w, strict=True):
            close(a, b.value)
    assert len(optimizer.variables) == len(judge.variables)
    for a, b in zip(optimizer.variables, judge.variables, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        if case[0] != "Nadam":
            assert a.path.removeprefix(f"{optimizer.name}/") == b.path.removeprefix(f"{judge.name}/")
        close(a, b.value)
    assert int(np.asarray(optimizer.iterations)) == int(judge.iterations)
    optimizer.finalize_variable_values(ours_w)
    judge.finalize_variable_values(theirs_w)
    for a, b in zip(ours_w, theirs_w, strict=True):
        close(a, b.value)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case):
    optimizer, judge = make(fastnn, *case), make(keras, *case)
    mine = {k: v for k, v in optimizer.get_config().items() if k != "name"}
    assert mine == {k: v for k, v in judge.get_config().items() if k != "name"}
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()


def test_elementwise_rules_run_once_on_flat_state():
    seen = []

    class Watched(optimizers.Adam):
        is_elementwise = True

        def update_step(self, gradient, variable, learning_rate):
            seen.append(tuple(variable.shape))
            super().update_step(gradient, variable, learning_rate)

    w = weights(ours)
    optimizer = Watched()
    optimizer.apply(gradients()[0], w)
    assert seen == [(16 + 16 + 1,)]  # 15, 3 and 1 elements, each at a multiple of 16
    flat = optimizer._flats[0].variable.array
    assert flat.ctypes.data % 64 == 0
    assert all(np.shares_memory(v.array, flat) for v in w)
    padding = np.ones(33, bool)
    padding[:15] = padding[16:19] = padding[32] = False
    for buffer in (
        flat,
        *(optimizer._slots[name, id(optimizer._flats[0].variable)].array for name in ("momentum", "velocity")),
    ):
        assert not buffer[padding].any() and buffer[~padding].all()


@pytest.mark.parametrize(("name", "arguments"), [("SGD", {}), ("SGD", {"momentum": 0.9}), ("Adam", {})])
def test_the_gradient_of_one_variable_is_read_where_it_lies(name, arguments):
    """5,008 elements: more than a block, and no padding; also where the variable's own memory is the gradient."""
    start = np.random.default_rng(0).normal(size=(313, 16)).astype("float32")
    found = []
    for own in (False, True):
        w = fastnn.Variable(start)
        optimizer = getattr(optimizers, name)(0.1, **arguments)
        optimizer.build([w])
        for _ in range(3):
            optimizer.apply([w.array if own else w.numpy().copy()], [w])
        found.append(w.numpy())
    np.testing.assert_array_equal(*found)

    def step(gradient):
        optimizer.apply([gradient], [w])

    kernels = [s.kernel for s in Compiled(step, "step").executable_for(start).steps if s.writes[0].size > 1]
    assert kernels == ["fused_f32"]


def embedding_model(name, arguments):
    """Two tables of one shape, one of them read twice, and products; `fit` for two epochs of three batches."""
    fastnn.utils.set_random_seed(3)
    ids = [fastnn.Input((7,), dtype="int32") for _ in range(3)]
    first, second = fastnn.layers.Embedding(50, 6), fastnn.layers.Embedding(50, 6, embeddings_regularizer="l2")
    h = fastnn.layers.Add()([first(ids[0]), first(ids[1]), second(ids[2])])
    outputs = fastnn.layers.Dense(2)(fastnn.layers.Dense(60, activation="tanh")(fastnn.layers.Flatten()(h)))
    model = fastnn.Model(ids, outputs)
    model.compile(make(fastnn, name, arguments), "mse")
    rng = np.random.default_rng(9)
    x = [rng.integers(0, 50, (12, 7)).astype("int32") for _ in ids]
    model.fit(x, rng.normal(size=(12, 2)).astype("float32"), batch_size=4, epochs=2, verbose=0, shuffle=False)
    return model


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_updates_where_the_gradient_is_made_have_the_same_bits(case, monkeypatch):
    found = []
    for least in (300, 1 << 60):
        monkeypatch.setattr("fastnn.optimizers.optimizer.LARGE", least)
        model = embedding_model(*case)
        found.append([v.numpy() for v in (*model.variables, *model.optimizer.variables)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "case",
    [
        ("Adam", {}), ("AdamW", {}), ("SGD", {"momentum": 0.9, "nesterov": True, "clipvalue": 0.3}), ("Ftrl", {}),
        ("Adam", {"gradient_accumulation_steps": 2, "use_ema": True, "weight_decay": 0.1, "amsgrad": True}),
        ("Nadam", {"use_ema": True, "ema_overwrite_frequency": 3, "loss_scale_factor": 2.0}),
    ],
    ids=str,
)  # fmt: skip
def test_the_gradient_of_a_large_table_is_never_in_memory(case, monkeypatch):
    monkeypatch.setattr("fastnn.optimizers.optimizer.LARGE", 300)
    model = embedding_model(*case)
    table = "float32[50,6]"
    steps = [step for step in model.explain(batch_size=4).steps if table in step.writes]
    kernels = [step.kernel for step in steps if step.layer == model.optimizer.name]
    # The table that is read twice has one of its two gradients in memory.
    assert sorted(kernels) == ["take_grad_f32", "take_grad_f32"], str(model.explain(batch_size=4))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_updates_of_a_large_kernel_have_the_bits_of_its_gradient_in_memory(case, monkeypatch):
    """Of a bias too, whose sums are taken in the same order where rows are blocks of 48 and a batch more than a few."""
    x = np.random.default_rng(9).normal(size=(48, 528)).astype("float32")
    found = []
    for least in (1 << 18, 1 << 60):
        monkeypatch.setattr(sys.modules["fastnn.ops.matmul"], "LARGE", least)
        fastnn.utils.set_random_seed(3)
        model = fastnn.Sequential([fastnn.Input((528,)), fastnn.layers.Dense(512, "tanh"), fastnn.layers.Dense(2)])
        model.compile(make(fastnn, *case), "mse")
        model.fit(x, x[:, :2], batch_size=16, epochs=1, verbose=0, shuffle=False)
        found.append([v.numpy() for v in (*model.variables, *model.optimizer.variables)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("case", [("Adam", {}), ("SGD", {"momentum": 0.9, "clipvalue": 0.3})], ids=str)
def test_the_gradient_of_a_large_kernel_is_in_memory_only_for_a_large_batch(case, use_bias):
    """Units are whole rows of the gradient where what is multiplied by them, 512 KiB at most, stays near."""
    model = fastnn.Sequential(
        [fastnn.Input((8,)), fastnn.layers.Dense(512), fastnn.layers.Dense(513, use_bias=use_bias)]
    )
    model.compile(make(fastnn, *case), "mse")
    for rows, is_kept in ((8, False), (255, False), (256, True)):
        steps = model.explain(batch_size=rows).steps
        writers = [step.kernel for step in steps if "float32[512,513]" in step.writes]
        assert writers == (["gemm_f32", "fused_f32"] if is_kept else ["gemm_f32"])


def test_slots_are_views_of_the_flat_slots():
    w = weights(ours)
    optimizer = optimizers.Adam()
    optimizer.apply(gradients()[0], w)
    flat = optimizer._slots["momentum", id(optimizer._flats[0].variable)].array
    for variable in w:
        assert np.shares_memory(optimizer.slot("momentum", variable).array, flat)


def test_a_step_with_arrays_is_one_plan_and_sees_what_is_set(monkeypatch):
    changes = [
        lambda o: None, lambda o: setattr(o, "beta_1", 0.5), lambda o: setattr(o, "clipvalue", 0.1),
        lambda o: setattr(o, "learning_rate", 0.3), lambda o: setattr(o, "weight_decay", 0.1),
        lambda o: setattr(o, "learning_rate", lambda: 0.2), lambda o: setattr(o, "epsilon", 1e-3),
    ]  # fmt: skip
    optimizer, w = optimizers.Adam(0.1), weights(ours)
    judge, judged = optimizers.Adam(0.1), weights(ours)
    monkeypatch.setattr(judge, "_may_compile", lambda *_: False)
    for change, step in zip(changes, gradients(), strict=False):
        for one, variables in ((optimizer, w), (judge, judged)):
            change(one)
            one.apply(step, variables)
        for a, b in zip(w, judged, strict=True):
            close(a, b)
    assert judge._compiled is None
    # One for each setting; a new rate is none, and a function for a rate may be anything.
    assert len(optimizer._compiled.executables()) == 4


def test_steps_that_are_not_one_plan():
    calls = []

    class Counting(optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            calls.append(variable)
            super().update_step(gradient, variable, learning_rate)

    class Falling(schedules.ExponentialDecay):
        pass

    def cases(w):
        step = gradients()[0]
        yield Counting(0.1), step, w
        yield optimizers.SGD(Falling(**DECAY)), step, w
        yield optimizers.SGD(lambda: 0.1), step, w
        yield optimizers.SGD(0.1), [g.tolist() for g in step], w
        yield optimizers.SGD(0.1), [g.astype("float64") for g in step], w
        yield optimizers.SGD(0.1), [v.numpy() for v in w], w  # read-only, as they are the variables
        some = optimizers.SGD(0.1)
        some.build(w)
        yield some, step[:2], w[:2]

    for k, (optimizer, step, w) in enumerate(cases(weights(ours))):
        before = [np.array(v) for v in w]
        for _ in range(2):
            optimizer.apply(step, w)
        assert optimizer._compiled is None, k
        assert any(np.any(np.array(v) != old) for v, old in zip(w, before, strict=True))
    assert len(calls) == 2 * len(SHAPES)
    held = weights(ours)
    held[0].constraint = fastnn.constraints.NonNeg()
    optimizer = optimizers.SGD(0.1)
    optimizer.apply(gradients()[0], held)
    assert optimizer._compiled is None and np.min(held[0]) >= 0


def test_a_rule_of_ones_own_runs_per_variable():
    class Signed(optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            assert tuple(variable.shape) in SHAPES.values()
            self.assign_sub(variable, learning_rate * fastnn.ops.sign(gradient))

    w = weights(ours)
    before = [v.numpy().copy() for v in w]
    Signed(0.5).apply(gradients()[0], w)
    for variable, old, g in zip(w, before, gradients()[0], strict=True):
        close(variable, old - 0.5 * np.sign(g))


def test_slots_made_in_build_as_in_keras():
    class Momentum(optimizers.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.m = [self.add_variable_from_reference(v, "m") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            m = self.m[self._get_variable_index(variable)]
            self.assign(m, m * 0.5 + gradient)
            self.assign_sub(variable, m * learning_rate)

    w = weights(ours)
    before = [v.numpy().copy() for v in w]
    optimizer = Momentum(0.1)
    first, second = gradients()[:2]
    optimizer.apply(first, w)
    optimizer.apply(second, w)
    for variable, old, a, b in zip(w, before, first, second, strict=True):
        close(variable, old - 0.1 * a - 0.1 * (0.5 * a + b))


def test_a_second_optimizer_shares_the_buffer_and_another_set_moves_it():
    w = weights(ours)
    first, second, third = optimizers.Adam(), optimizers.SGD(), optimizers.SGD()
    first.build(w)
    second.build(w)
    assert first._flats[0].variable is second._flats[0].variable
    third.build(w[:2])
    assert not is_whole(first._flats[0].variable) and is_whole(third._flats[0].variable)
    judge, judged = keras.optimizers.Adam(), weights(theirs)
    first.apply(gradients()[0], w)
    judge.apply(gradients()[0], judged)
    for a, b in zip(w, judged, strict=True):
        close(a, b.value)


def test_some_variables_without_gradient_are_left_alone():
    w = weights(ours)
    before = [v.numpy().copy() for v in w]
    optimizer = optimizers.Adam()
    grads = gradients()[0]
    with pytest.warns(UserWarning, match="layer/bias"):
        optimizer.apply([grads[0], None, grads[2]], w)
    assert (w[1].numpy() == before[1]).all() and not (w[0].numpy() == before[0]).any()
    assert not optimizer.slot("momentum", w[1]).numpy().any()


def test_constraints_hold_after_a_step():
    w = weights(ours)
    w[0].constraint = lambda v: fastnn.ops.maximum(v, 0.0)
    optimizers.SGD(0.5).apply(gradients()[0], w)
    assert w[0].numpy().min() == 0 and w[1].numpy().min() < 0


def test_excluded_from_weight_decay():
    w = weights(ours)
    before = [v.numpy().copy() for v in w]
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"], var_list=[w[2]])
    optimizer.apply([np.zeros(v.shape, "float32") for v in w], w)
    close(w[0], before[0] * 0.95)
    close(w[1], before[1])
    close(w[2], before[2])
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_float64_variables_stay_float64():
    w = fastnn.Variable(np.array([1.0]), dtype="float64")
    optimizer = optimizers.Adam(0.1)
    optimizer.apply([np.array([5.0])], [w])
    assert w.dtype == "float64" and optimizer.slot("momentum", w).dtype == "float64"
    np.testing.assert_allclose(w.numpy(), [0.9], rtol=1e-7)  # the learning rate is a float32


def test_learning_rate_can_be_read_and_set():
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate = 0.5
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate.assign(0.25)
    w = fastnn.Variable([1.0])
    optimizer.apply([np.float32([1.0])], [w])
    assert float(w.numpy()[0]) == 0.75
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([5], [1.0, 0.5])
    assert float(optimizer.learning_rate) == 1.0
    with pytest.raises(TypeError, match="not settable"):
        optimizer.learning_rate = 0.1
    assert float(optimizers.SGD(lambda: 0.125).learning_rate) == 0.125


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clipnorm": 1, "clipvalue": 2}, "clipnorm=1, clipvalue=2"),
        ({"learning_rate": "fast"}, "learning_rate=fast"),
        ({"gradient_accumulation_steps": 1}, "gradient_accumulation_steps=1"),
        ({"use_ema": True, "ema_momentum": 2}, "ema_momentum=2"),
        ({"ema_overwrite_frequency": 0}, "ema_overwrite_frequency=0"),
        ({"foo": 1}, "'foo': 1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimizers.Adam(**arguments)


def test_lr_is_deprecated_and_decay_ignored():
    with pytest.warns(DeprecationWarning, match="learning_rate"):
        optimizer = optimizers.Adam(lr=0.25)
    assert float(optimizer.learning_rate) == 0.25
    with pytest.warns(UserWarning, match="decay"):
        optimizers.SGD(decay=1e-6)


def test_wrong_variables_and_gradients_are_named():
    w = weights(ours)
    grads = gradients()[0]
    optimizer = optimizers.Adam()
    with pytest.raises(ValueError, match="No gradients provided"):
        optimizer.apply([None] * 3, w)
    optimizer.build(w)
    with pytest.raises(ValueError, match=r"2 gradients.* 3 trainable"):
        optimizer.apply(grads[:2])
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([np.float32(1)], [fastnn.Variable(1.0)])


def test_get():
    for name in ("adam", "Adam", "ADAM", "sgd", "rmsprop", "adamw", "nadam", "ftrl"):
        assert type(optimizers.get(name)).__name__ == type(keras.optimizers.get(name)).__name__
    assert optimizers.get(None) is None
    assert type(optimizers.get({"class_name": "SGD", "config": {"momentum": 0.5}})) is optimizers.SGD
    for bad in ("adamm", 3):
        with pytest.raises(ValueError, match=f"Could not interpret optimizer identifier: {bad}"):
            optimizers.get(bad)


SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 7], "values": [0.3, 0.2, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 6, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 8, "warmup_target": 0.2, "warmup_steps": 4}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3, "m_mul": 0.8, "alpha": 0.05}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=[f"{n}-{k}" for k, (n, _) in enumerate(SCHEDULES)])
def test_schedule(name, arguments):
    schedule = getattr(schedules, name)(**arguments)
    judge = getattr(keras.optimizers.schedules, name)(**arguments)
    for step in (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 25):
        np.testing.assert_allclose(float(schedule(step)), float(judge(step)), rtol=1e-4, atol=1e-8)
    assert schedule.get_config() == judge.get_config()
    assert schedules.deserialize(schedules.serialize(schedule)).get_config() == schedule.get_config()


def test_schedule_checks():
    with pytest.raises(ValueError, match="decay_steps=0"):
        schedules.ExponentialDecay(0.1, 0, 0.5)
    with pytest.raises(ValueError, match=r"length 2.*length 2"):
        schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2])


def test_two_steps_in_one_trace_follow_each_other():
    """As in a train_step that updates several times: the second forward pass must see the first update."""
    w = fastnn.Variable([2.0, 3.0])
    optimizer = optimizers.SGD(0.25)
    optimizer.build([w])

    @fastnn.jit
    def twice(x):
        for _ in range(2):
            with fastnn.GradientTape() as tape:
                loss = fastnn.ops.sum(w * w * x)
            optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    loss = twice(np.float32([1.0, 1.0]))
    np.testing.assert_array_equal(w.numpy(), [0.5, 0.75])  # halved twice
    np.testing.assert_array_equal(loss, 1.0 + 2.25)


def test_no_warning_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizers.Adam().apply(gradients()[0], weights(ours))


def test_a_compiled_step_survives_that_another_optimizer_moves_its_variables():
    """Two models that share layers: the plan of the first updates a buffer in which the shared ones no longer live."""
    shared, own = fastnn.Variable([1.0, 1.0]), fastnn.Variable([1.0])
    first, second = optimizers.SGD(0.25), optimizers.SGD(0.25)

    @fastnn.jit
    def step(x):
        with fastnn.GradientTape() as tape:
            loss = fastnn.ops.sum(shared * x) + fastnn.ops.sum(own)
        first.apply(tape.gradient(loss, [shared, own]), [shared, own])

    x = np.float32([1, 2])
    step(x)
    second.apply([x], [shared])
    step(x)
    np.testing.assert_array_equal(shared.numpy(), [0.25, -0.5])  # three steps of 0.25 and 0.5
    np.testing.assert_array_equal(own.numpy(), [0.5])


@pytest.mark.parametrize("how", ["copy.deepcopy", "pickle"])
def test_copies_train_by_themselves(how):
    import copy
    import pickle

    w, optimizer = weights(ours), optimizers.Adam(0.1)
    optimizer.apply(gradients()[0], w)
    duplicate = copy.deepcopy if how == "copy.deepcopy" else lambda x: pickle.loads(pickle.dumps(x))
    other_w, other = duplicate((w, optimizer))
    kept = [v.numpy().copy() for v in w]
    other.apply(gradients()[1], other_w)
    for variable, old in zip(w, kept, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
    optimizer.apply(gradients()[1], w)
    for a, b in zip([*w, *optimizer.variables], [*other_w, *other.variables], strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize(
    ("optimizer", "first"),
    [(optimizers.Adam(), 0.0), (optimizers.Adagrad(), np.float32(0.1)), (optimizers.Lion(), 0.0)],
)
def test_slots_are_made_where_they_stay(optimizer, first):
    """One buffer for each slot and one for the variables is all that `build` asks for."""
    w = [fastnn.Variable(np.full((256, 512), k + 1.0, "float32"), name=f"w{k}") for k in range(3)]
    alone = fastnn.Variable(np.ones((1024, 512), "float32"), name="alone")
    nbytes = sum(v.array.nbytes for v in w)
    tracemalloc.start()
    try:
        optimizer.build([*w, alone])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    slots = [v for v in optimizer.variables if v.ndim == 2]
    kinds = sum(v.shape == alone.shape for v in slots)
    assert len(slots) == kinds * 4 > 0
    assert peak < (1 + kinds) * nbytes + kinds * alone.array.nbytes + 100_000
    for k, v in enumerate(slots):
        np.testing.assert_array_equal(v.numpy(), first)
        v.assign(np.full(v.shape, k + 5.0))
    for k, v in enumerate(slots):
        np.testing.assert_array_equal(v.numpy(), k + 5.0)
    for k, v in enumerate(w):
        np.testing.assert_array_equal(v.numpy(), k + 1.0)


def test_average_begins_as_the_variable():
    w = fastnn.Variable(np.float32([1, 2]), name="w")
    optimizer = optimizers.SGD(use_ema=True)
    optimizer.build([w])
    (average,) = (v for v in optimizer.variables if "average" in v.name)
    np.testing.assert_array_equal(average.numpy(), [1, 2])
    np.testing.assert_array_equal(w.numpy(), [1, 2])
