"""compile: what a model is to be trained with, and its config.

What is kept is one `Compilation` beside the model's attributes, not among them: what trains a layer is no part of it.
"""

from __future__ import annotations

from fastnn import losses, metrics, optimizers, training, tree
from fastnn.plan.function import Compiled
from fastnn.training.loop import EagerFunction, Pace

_NOT_COMPILED = "You must call `compile()` before using the model."


class Compilation:
    """What `compile` set, and the functions made of it."""

    def __init__(self):
        self.arguments: dict | None = None
        self.optimizer = None
        self.loss: training.losses_and_metrics.CompileLoss | None = None
        self.metrics: training.losses_and_metrics.CompileMetrics | None = None
        self.loss_tracker: metrics.Mean | None = None
        self.run_eagerly = False
        self.steps_per_execution = 1
        self.functions: dict[str, Compiled | EagerFunction] = {}
        self.paces: dict[str, Pace] = {}  # how long a step takes is remembered from fit to fit
        self.targets = None  # y of the data that is about to run, for checks while a step is traced
        self.source = None  # the data of the `fit` that runs
        self.start = (0, 0)  # the epoch, and how many of its batches are done, with which it begins

    def __getstate__(self) -> dict:
        """For copies: without what was compiled for this model."""
        return {**self.__dict__, "functions": {}, "paces": {}, "targets": None, "source": None}


class Compilable:
    """The part of a model that `compile` belongs to."""

    def compile(
        self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None,
        run_eagerly=False, steps_per_execution=1, jit_compile="auto", auto_scale_loss=True,
    ):  # fmt: skip
        """Says how the model is to be trained.

        Args:
            optimizer: a name or an `Optimizer`.
            loss: a name, function or `Loss`; for several outputs also a list, or a dict by output name.
            loss_weights: floats, in a list or a dict by output name.
            metrics: a list of names, functions or `Metric`s; for several outputs a list of lists or a dict.
            weighted_metrics: as `metrics`; these see `sample_weight` and `class_weight`.
            run_eagerly: whether steps run as Python, op by op, for debugging.
            steps_per_execution: how many batches run between two callback hooks for batches.
            jit_compile: accepted for Keras; steps are compiled unless `run_eagerly`.
            auto_scale_loss: whether a model of the policy "mixed_float16" gets a `LossScaleOptimizer` around its
                optimizer.

        Raises:
            ValueError: for unknown names, or structures that no model has.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3, activation="softmax")])
            >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        made = Compilation()
        names = self._output_names()
        made.optimizer = given = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and given is not None:
            scaled = optimizers.LossScaleOptimizer
            made.optimizer = given if isinstance(given, scaled) else scaled(given)
        made.loss = None if loss is None else training.losses_and_metrics.CompileLoss(loss, loss_weights, names)
        if metrics is not None or weighted_metrics is not None:
            made.metrics = training.losses_and_metrics.CompileMetrics(metrics, weighted_metrics, names)
        made.loss_tracker = _loss_tracker()
        made.run_eagerly = bool(run_eagerly)
        made.steps_per_execution = int(steps_per_execution)
        made.arguments = {
            "optimizer": given,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": bool(jit_compile) and not run_eagerly,  # "auto" is True
        }
        self.__dict__["_compilation"] = made
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compilation.arguments is not None

    @property
    def optimizer(self):
        """The optimizer that `compile` was given; None before."""
        return self._compilation.optimizer

    @property
    def loss(self):
        """The loss that `compile` was given; None before."""
        return (self._compilation.arguments or {}).get("loss")

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run as Python."""
        return self._compilation.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value):
        self._compilation.run_eagerly = bool(value)
        self._compilation.functions = {}

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled to the fullest; here they are compiled in any case, unless they run eagerly."""
        return bool((self._compilation.arguments or {}).get("jit_compile"))

    @jit_compile.setter
    def jit_compile(self, value):
        self._assert_compile_called()
        self._compilation.arguments["jit_compile"] = bool(value)

    @property
    def steps_per_execution(self) -> int:
        """How many batches run between two callback hooks for batches."""
        return self._compilation.steps_per_execution

    @steps_per_execution.setter
    def steps_per_execution(self, value):
        self._compilation.steps_per_execution = int(value)

    def get_compile_config(self) -> dict:
        """The arguments of `compile`, as a config; empty before."""
        arguments = self._compilation.arguments
        if arguments is None:
            return {}
        serialized = dict(arguments)
        serialized["optimizer"] = optimizers.serialize(arguments["optimizer"])
        serialized["loss"] = _map_config(losses.serialize, arguments["loss"])
        for name in ("metrics", "weighted_metrics"):
            serialized[name] = _map_config(metrics.serialize, arguments[name])
        return serialized

    def compile_from_config(self, config) -> None:
        """Compiles the model as `get_compile_config` says.

        Args:
            config: dict.
        """
        arguments = dict(config)
        arguments["optimizer"] = optimizers.deserialize(arguments["optimizer"])
        arguments["loss"] = _from_config(losses.deserialize, arguments.get("loss"))
        for name in ("metrics", "weighted_metrics"):
            arguments[name] = _from_config(metrics.deserialize, arguments.get(name))
        self.compile(**arguments)
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    @property
    def _compilation(self) -> Compilation:
        # Not an attribute like others: what trains a layer is no part of it, and says nothing about what it computes.
        found = self.__dict__.get("_compilation")
        return self.__dict__.setdefault("_compilation", Compilation()) if found is None else found

    def _output_names(self) -> list[str] | None:
        return getattr(self, "output_names", None)

    def _assert_compile_called(self) -> None:
        if not self.compiled:
            raise ValueError(_NOT_COMPILED)


def _loss_tracker() -> metrics.Mean:
    return metrics.Mean(name="loss")


def _map_config(serialize, structure):
    return tree.map_structure(lambda leaf: leaf if isinstance(leaf, str) else serialize(leaf), structure)


def _from_config(deserialize, structure):
    """`structure` with configs (dicts that have a class name) made objects."""
    if isinstance(structure, dict) and "class_name" in structure:
        return deserialize(structure)
    if isinstance(structure, dict):
        return {name: _from_config(deserialize, value) for name, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_from_config(deserialize, value) for value in structure]
    return structure
