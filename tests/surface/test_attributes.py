"""Objects have the public attributes and methods that Keras's have: what one can read and call, and how."""

import inspect
import warnings

import keras
import numpy as np
import pytest

import fastnn
from tests.tables import table

# What is left out, with the reason.
LEFT_OUT = {
    # Parts of Keras's machinery that a method here does in another way.
    "call_signature_parameters": "of Keras's __call__",
    "convert_input": "of Keras's __call__",
    "convert_weight": "of Keras's tf.data pipelines",
    "backend": "of Keras's tf.data pipelines",
    "convolution_op": "the op that a convolution calls",
    "rematerialized_call": "nothing is computed again",
    "state_mapping": "by id, of Keras's scopes",
    "summary": "the state of Discretization.adapt; of TensorBoard, a part of TensorFlow",
    "variable_serialization_spec": "of quantization",
    "crosses_by_name": "of FeatureSpace's __init__",
    "check_finite": "done inside apply",
    "interpolate_pr_auc": "done inside result",
    "num_repeats": "of GroupQueryAttention's call",
    "zeropower_via_newtonschulz5": "done inside update_step",
    "lr_adjust": "done inside update_step",
    "transpose_last_axis": "done inside update_step",
    "monitor_op": "the comparison of Keras's callbacks",
    **dict.fromkeys(
        ("key_dense", "output_dense", "query_dense", "value_dense"), "of MultiHeadAttention, there once it is built"
    ),
    "min_delta": "always 0 in ModelCheckpoint",
    "get_monitor_value": "of EarlyStopping's on_epoch_end",
    **dict.fromkeys(
        ("backend_mesh", "data_shard_id", "distribute_tf_dataset", "num_processes"), "of several processes or devices"
    ),
    "implementation": "one way of computing a cell is enough",
    # The insides of callbacks that write.
    **dict.fromkeys(("append_header", "csv_file", "writer"), "the open file of CSVLogger"),
    **dict.fromkeys(("epochs", "progbar", "seen", "target", "verbose"), "the bar of ProgbarLogger"),
    # What Keras's image layers keep of their arguments, or call for a part of a transformation.
    **dict.fromkeys(("channel_axis", "height_axis", "width_axis"), "of Keras's image layers"),
    **dict.fromkeys(("height_lower", "height_upper", "width_lower", "width_upper"), "of Keras's image layers"),
    **dict.fromkeys(("get_clipped_bbox", "get_shifted_bbox", "get_transformed_x_y"), "of Keras's image layers"),
    "factor": "the range of a factor, None in layers that have none",
    **dict.fromkeys(
        (
            "auto_contrast", "equalization", "random_brightness", "random_color_degeneration", "random_contrast",
            "random_hue", "random_posterization", "random_rotation", "random_saturation", "random_sharpness",
            "random_shear", "random_translation", "solarization",
        ),
        "the layers inside AugMix, RandAugment and RandomColorJitter",
    ),
}  # fmt: skip
QUANTIZATION = ("quantized_", "gptq", "default_amax", "get_quantiz")

# Signatures that differ: {(class, method): why}. The class is the one of Keras that defines the method.
OTHER_SIGNATURES = {
    "build": "optimizers call their variables `variables`, some of Keras's `var_list`",
    "update_step": "one of Keras's optimizers calls the gradient `grad`",
    "call": "takes more, or by name what Keras takes as *args",
    "compute_output_shape": "derived from `call`, for any arguments",
    "compute_output_spec": "derived from `call`, for any arguments",
    "from_config": "custom objects come by custom_object_scope",
    **dict.fromkeys(
        ("get_random_transformation", "transform_bounding_boxes", "transform_labels", "transform_segmentation_masks"),
        "one signature for all image layers",
    ),
}


def network(k):
    inputs = k.Input((2,))
    return k.Model(inputs, k.layers.Dense(1)(inputs))


def sequential(k):
    return k.Sequential([k.Input((2,)), k.layers.Dense(1)])


def compiled(model):
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def distiller(k):
    return k.distillation.Distiller(sequential(k), sequential(k), k.distillation.LogitsDistillation())


# Functions of `fastnn` or `keras` that make an object.
MADE = {
    "Model": network,
    "Model, compiled": lambda k: compiled(network(k)),
    "Model, subclassed": lambda k: k.Model(),
    "Sequential": sequential,
    "Sequential, compiled": lambda k: compiled(sequential(k)),
    "Sequential, not built": lambda k: k.Sequential([k.layers.Dense(1)]),
    "Layer": lambda k: k.Layer(),
    "Operation": lambda k: k.Operation(),
    "Function": lambda k: k.Function(x := k.Input((2,)), k.layers.Dense(1)(x)),
    "Variable": lambda k: k.Variable(np.ones(2, "float32")),
    "KerasTensor": lambda k: k.Input((2,)),
    "InputSpec": lambda k: k.InputSpec(ndim=2),
    "DTypePolicy": lambda k: k.DTypePolicy("float32"),
    "StatelessScope": lambda k: k.StatelessScope(),
    "Loss": lambda k: k.Loss(),
    "Metric": lambda k: k.Metric(),
    "Optimizer": lambda k: k.Optimizer(0.1),
    "Initializer": lambda k: k.Initializer(),
    "Regularizer": lambda k: k.Regularizer(),
    "Constraint": lambda k: k.constraints.Constraint(),
    "Callback": lambda k: k.callbacks.Callback(),
    "CallbackList": lambda k: k.callbacks.CallbackList(),
    "SeedGenerator": lambda k: k.random.SeedGenerator(1),
    "PyDataset": lambda k: k.utils.PyDataset(),
    "Progbar": lambda k: k.utils.Progbar(3),
    "Config": lambda k: k.utils.Config(),
    "FeatureSpace": lambda k: k.utils.FeatureSpace({"a": "float"}),
    "Distiller": distiller,
    "LogitsDistillation": lambda k: k.distillation.LogitsDistillation(),
    "FeatureDistillation": lambda k: k.distillation.FeatureDistillation(),
    "DeviceMesh": lambda k: k.distribution.DeviceMesh((1,), ["a"], ["cpu:0"]),
    "DataParallel": lambda k: k.distribution.DataParallel(devices=["cpu:0"]),
    "MultiOptimizer": lambda k: k.optimizers.MultiOptimizer(k.optimizers.OptimizerMap(k.optimizers.SGD(), {})),
    "LossScaleOptimizer": lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.SGD()),
    "ModelCheckpoint": lambda k: k.callbacks.ModelCheckpoint("m.keras"),
    "LearningRateScheduler": lambda k: k.callbacks.LearningRateScheduler(abs),
}
MODULES = {
    "losses": {},
    "metrics": {
        "BinaryIoU": ([0],), "IoU": (2, [0]), "MeanIoU": (2,), "MeanMetricWrapper": (abs,), "OneHotIoU": (2, [0]),
        "OneHotMeanIoU": (2,), "PrecisionAtRecall": (0.5,), "RecallAtPrecision": (0.5,),
        "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,),
    },
    "optimizers": {"LossScaleOptimizer": None, "MultiOptimizer": None, "Optimizer": (0.1,), "OptimizerMap": None},
    "optimizers.schedules": {
        "CosineDecay": (0.1, 10), "CosineDecayRestarts": (0.1, 10), "ExponentialDecay": (0.1, 10, 0.5),
        "InverseTimeDecay": (0.1, 10, 0.5), "PiecewiseConstantDecay": ([1], [0.1, 0.2]), "PolynomialDecay": (0.1, 10),
    },
    "initializers": {"VarianceScaling": ()},
    "regularizers": {},
    "constraints": {},
    "callbacks": {
        "BackupAndRestore": ("folder",), "CSVLogger": ("file.csv",), "LearningRateScheduler": None,
        "ModelCheckpoint": None, "OrbaxCheckpoint": None,
    },
}  # fmt: skip


def find(k, dotted):
    for part in dotted.split("."):
        k = getattr(k, part)
    return k


def classes(module):
    names = {}
    for name, value in sorted(vars(find(keras, module)).items()):
        if inspect.isclass(value) and not name.startswith("_"):
            names.setdefault(value, name)
    return names.values()


for _module, _arguments in MODULES.items():
    for _name in classes(_module):
        _given = _arguments.get(_name, ())
        if _given is not None:
            MADE[f"{_module}.{_name}"] = lambda k, m=_module, n=_name, a=_given: getattr(find(k, m), n)(*a)
for _row in table("LAYERS"):
    MADE.setdefault(f"layers.{_row.name}", lambda k, row=_row: getattr(k.layers, row.name)(**row.arguments_for(k)))


def public(x):
    return {name for name in dir(x) if not name.startswith("_") and not name.startswith(QUANTIZATION)}


@pytest.mark.parametrize("name", MADE)
def test_attributes(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = MADE[name](keras), MADE[name](fastnn)
    missing = public(theirs) - public(ours) - LEFT_OUT.keys()
    assert not missing


def parameters(function):
    return [p.name for p in inspect.signature(function).parameters.values()]


def defining(cls, name):
    return next(c for c in cls.__mro__ if name in vars(c))


@pytest.mark.parametrize("name", MADE)
def test_signatures(name):
    """Of the methods of Keras's classes; properties can be set where theirs can."""
    theirs, ours = type(MADE[name](keras)), type(MADE[name](fastnn))
    wrong = {}
    for method in public(theirs) & public(ours):
        owner = defining(theirs, method)
        if not owner.__module__.startswith("keras.") or method in OTHER_SIGNATURES:
            continue
        a, b = getattr(theirs, method), getattr(ours, method)
        if isinstance(a, property) and isinstance(b, property):
            if a.fset is not None and b.fset is None and method != "layers":
                wrong[method] = "cannot be set"
        elif inspect.isroutine(a) and parameters(a) != parameters(b):
            wrong[method] = (parameters(a), parameters(b))
    assert not wrong


def test_what_is_left_out_is_not_there():
    """So that the list says what is true."""
    missing = set()
    for make in MADE.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            missing |= public(make(keras)) - public(make(fastnn))
    assert sorted(LEFT_OUT.keys() - missing) == []
