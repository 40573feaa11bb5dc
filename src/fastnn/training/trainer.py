"""Trainer: compile, fit, evaluate, predict and their relatives; `Model` inherits it.

Owns what a step is (overridable: `train_step`, `test_step`, `predict_step`, `compute_loss`, `compute_metrics`), its
compiled functions and the order of epochs. Batches are `data`'s, the loop is `loop`'s, names of logs are
`losses_and_metrics`'.
"""

from __future__ import annotations

import warnings
import weakref

from fastnn import config, losses, metrics, ops, optimizers, tree
from fastnn.autodiff import GradientTape
from fastnn.callbacks.callback_list import CallbackList
from fastnn.graph import trace
from fastnn.metrics.mean import Mean
from fastnn.plan.function import Compiled
from fastnn.training import data as batches
from fastnn.training import explained
from fastnn.training.logs import as_logs, concatenated, in_order
from fastnn.training.loop import EagerFunction, Pace, run_epoch
from fastnn.training.losses_and_metrics import CompileLoss, CompileMetrics

_NOT_COMPILED = "You must call `compile()` before using the model."


class Compilation:
    """What `compile` set, and the functions made of it."""

    def __init__(self):
        self.arguments: dict | None = None
        self.optimizer = None
        self.loss: CompileLoss | None = None
        self.metrics: CompileMetrics | None = None
        self.loss_tracker: Mean | None = None
        self.run_eagerly = False
        self.steps_per_execution = 1
        self.functions: dict[str, Compiled | EagerFunction] = {}
        self.paces: dict[str, Pace] = {}  # how long a step takes is remembered from fit to fit
        self.targets = None  # y of the data that is about to run, for checks while a step is traced

    def __getstate__(self) -> dict:
        """For copies: without what was compiled for this model."""
        return {**self.__dict__, "functions": {}, "paces": {}, "targets": None}


class Trainer:
    """The training part of a model; the class that it is mixed into is a layer."""

    # -- compile -------------------------------------------------------------------------------------------------------

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
            auto_scale_loss: accepted for Keras; only float16 training needs it.

        Raises:
            ValueError: for unknown names, or structures that no model has.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3, activation="softmax")])
            >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        made = Compilation()
        names = self._output_names()
        made.optimizer = optimizers.get(optimizer)
        made.loss = None if loss is None else CompileLoss(loss, loss_weights, names)
        if metrics is not None or weighted_metrics is not None:
            made.metrics = CompileMetrics(metrics, weighted_metrics, names)
        made.loss_tracker = Mean(name="loss")
        made.run_eagerly = bool(run_eagerly)
        made.steps_per_execution = int(steps_per_execution)
        made.arguments = {
            "optimizer": made.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
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
    def steps_per_execution(self) -> int:
        """How many batches run between two callback hooks for batches."""
        return self._compilation.steps_per_execution

    @steps_per_execution.setter
    def steps_per_execution(self, value):
        self._compilation.steps_per_execution = int(value)

    def get_compile_config(self) -> dict | None:
        """The arguments of `compile`, as a config; None before."""
        arguments = self._compilation.arguments
        if arguments is None:
            return None
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
        return self.__dict__.setdefault("_compilation", Compilation())

    def _output_names(self) -> list[str] | None:
        return getattr(self, "output_names", None)

    def _assert_compile_called(self) -> None:
        if not self.compiled:
            raise ValueError(_NOT_COMPILED)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def train_step(self, data):
        """One batch of training: forward, loss, gradients, update, metrics. Override it to train in another way.

        Args:
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            `{name: value}`: what `fit` shows and hands to callbacks.
        """
        x, y, sample_weight = batches.unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss) if self.optimizer is not None else loss
        self._compilation.loss_tracker.update_state(loss, sample_weight=_rows_of(x))
        variables = self.trainable_variables
        if variables and self.optimizer is not None:
            self.optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables, strict=True))
        elif not variables:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data):
        """One batch of evaluation: forward, loss, metrics. Override it to evaluate in another way.

        Args:
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            `{name: value}`.
        """
        x, y, sample_weight = batches.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
        self._compilation.loss_tracker.update_state(loss, sample_weight=_rows_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data):
        """One batch of prediction: the outputs for `x`. Override it to predict in another way.

        Args:
            data: `(x,)`, or what a generator yielded.
        """
        x, _, _ = batches.unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The scalar that training minimises: the compiled loss plus `self.losses`.

        Args:
            x: inputs.
            y: targets.
            y_pred: outputs.
            sample_weight: weights of the rows.
            training: whether this is training.

        Raises:
            ValueError: when there is no loss at all.
        """
        compiled = self._compilation.loss
        parts = []
        if compiled is not None:
            loss = compiled(y, y_pred, sample_weight)
            if loss is not None:
                parts.append(loss)
        parts += [ops.sum(ops.cast(extra, config.floatx())) for extra in self.losses]
        if not parts:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        total = parts[0]
        for loss in parts[1:]:
            total = total + loss
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the compiled metrics and returns all results, as `get_metrics_result`."""
        if self._compilation.metrics is not None and y is not None:
            self._compilation.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict:
        """`{name: result}` of all `metrics`."""
        results = {}
        for metric in self.metrics:
            value = metric.result()
            results |= value if isinstance(value, dict) else {metric.name: value}
        return results

    @property
    def metrics(self) -> list:
        """All metrics: the loss's mean, the compiled ones, the mean loss of each output, then those of layers."""
        made = self._compilation
        found = [] if made.loss_tracker is None else [made.loss_tracker]
        found += [] if made.metrics is None else [made.metrics]
        found += [] if made.loss is None else made.loss.metrics
        return found + [m for m in super().metrics if not any(m is other for other in found)]

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Forgets what all metrics have seen."""
        for metric in self.metrics:
            metric.reset_state()

    # -- compiled functions --------------------------------------------------------------------------------------------

    def make_train_function(self, force=False):
        """The compiled `train_step`, made anew with `force`."""
        return self._function("train_step", force)

    def make_test_function(self, force=False):
        """The compiled `test_step`, made anew with `force`."""
        return self._function("test_step", force)

    def make_predict_function(self, force=False):
        """The compiled `predict_step`, made anew with `force`."""
        return self._function("predict_step", force)

    def explain(self, batch_size=32, mode="train"):
        """The kernel calls of one compiled step: what runs, on which shapes, with how much arithmetic and memory.

        After `fastnn.config.profile(True)` and a run with this batch size, each call has its time and speed as well.

        Args:
            batch_size: rows of a batch.
            mode: "train", "test" or "predict".

        Returns:
            An object that prints as a table; its `steps` is the list of kernel calls
            (see `fastnn.plan.explain.StepInfo`).

        Raises:
            ValueError: for another mode, a model that is not compiled, or one whose input sizes are not known yet.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
            >>> [step.kernel for step in model.explain(batch_size=8, mode="predict").steps]
            ['gemm_f32']
        """
        if mode not in explained.MODES:
            raise ValueError(f"explain: mode must be one of {sorted(explained.MODES)}, not {mode!r}.")
        if mode != "predict":
            self._assert_compile_called()
        if self.run_eagerly:
            raise ValueError("explain: the model was compiled with run_eagerly=True, so there is no plan to show.")
        self._compilation.targets = None
        return explained.explain(self, self._function(explained.MODES[mode]), batch_size, mode)

    def _function(self, step: str, force=False):
        functions = self._compilation.functions
        if force or step not in functions:
            model = weakref.ref(self)  # the model owns what is compiled for it, not the other way round

            def run(data):
                return model()._checked_step(step, data)

            if self.run_eagerly:
                functions[step] = EagerFunction(run)
            else:
                functions[step] = Compiled(run, f"{self.name}.{step}", lambda: model()._step_key())
        return functions[step]

    def _checked_step(self, step: str, data):
        """Runs a step; when it is being traced, the labels are checked once the number of classes is known."""
        outputs = getattr(self, step)(data)
        if trace.current() is not None and step != "predict_step":
            self._check_labels()
        return outputs

    def _step_key(self):
        """Changes whenever a compiled step might compute something else."""
        return self._trace_key(), getattr(self.optimizer, "version", 0)

    def _check_labels(self) -> None:
        loss, y = self._compilation.loss, self._compilation.targets
        if loss is not None and y is not None:
            loss.check_labels(y)

    def _about_to_run(self, y) -> None:
        """Remembers the targets for the trace that may follow, and checks them now when the classes are known."""
        self._compilation.targets = y
        self._check_labels()

    # -- fit -----------------------------------------------------------------------------------------------------------

    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
        validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
        steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1,
    ):  # fmt: skip
        """Trains the model for a number of passes over the data.

        Args:
            x: inputs: an array with n rows, a list or dict of them, a generator of batches, or a `PyDataset`.
            y: targets with n rows, in the structure of the outputs; part of the batches otherwise.
            batch_size: rows a step; 32. The last batch of an epoch may be smaller.
            epochs: the number of the last epoch.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1.
            callbacks: list of `Callback`s.
            validation_split: the share of rows, at the end, that is kept for validation.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, a generator or a `PyDataset`.
            shuffle: whether rows are taken in a new random order each epoch; "batch" shuffles whole batches.
            class_weight: `{class: weight}`: weights rows by their class.
            sample_weight: weights of the rows, (n,) or (n, ...).
            initial_epoch: the number of epochs done before.
            steps_per_epoch: batches an epoch; all by default.
            validation_steps: batches a validation; all by default.
            validation_batch_size: `batch_size` by default.
            validation_freq: validates every so many epochs, or in the epochs of a list (counted from 1).

        Returns:
            The `History`: its `history` is `{name: [value of each epoch]}`.

        Raises:
            ValueError: before `compile`, and for data that is empty, differs in length, has no numbers, has labels out
                of range or does not fit the model; the model is then as it was.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> history = model.fit(np.ones((8, 4)), np.ones(8), epochs=2, verbose=0)
            >>> len(history.history["loss"])
            2
        """
        self._assert_compile_called()
        verbose = _verbosity(verbose)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = _split(x, y, sample_weight, validation_split)
        source = batches.source_of(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight)
        self._about_to_run(_targets_of(source))
        validation = self._validation_source(validation_data, validation_batch_size or batch_size, validation_steps)
        callbacks = _callback_list(
            callbacks, self, verbose, add_history=True, epochs=epochs, steps=source.steps or source.num_batches
        )
        function = self.make_train_function()
        pace = self._pace("train", callbacks)
        self.stop_training = False
        callbacks.on_train_begin()
        logs: dict = {}
        for epoch in range(initial_epoch, epochs):
            self.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            self._compilation.targets = _targets_of(source)
            outputs = run_epoch(
                source,
                self._checking(function, source),
                pace,
                callbacks.on_train_batch_begin,
                lambda step, outputs: callbacks.on_train_batch_end(step, as_logs(outputs)) or self.stop_training,
            )
            logs = {} if outputs is None else as_logs(outputs)
            if validation is not None and _is_validated(epoch, validation_freq):
                logs |= {f"val_{name}": value for name, value in self._evaluate(validation, callbacks).items()}
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        if self.optimizer is not None and epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_variables)
        callbacks.on_train_end(logs)
        self._compilation.targets = None
        return self.history

    def _validation_source(self, validation_data, batch_size, steps):
        if validation_data is None:
            return None
        if isinstance(validation_data, (tuple, list)):
            x, y, sample_weight = batches.unpack_x_y_sample_weight(tuple(validation_data))
        else:
            x, y, sample_weight = validation_data, None, None
        source = batches.source_of(x, y, sample_weight, batch_size, steps)
        if self._compilation.loss is not None and source.arrays is not None:
            self._compilation.loss.check_labels(_targets_of(source))
        return source

    def _pace(self, mode: str, callbacks) -> Pace:
        """How many batches a call: one (or `steps_per_execution`) when a callback wants to see them."""
        if callbacks.wants_batches(mode) or self.run_eagerly:
            return Pace(max(1, self.steps_per_execution))
        return self._compilation.paces.setdefault(mode, Pace())

    def _checking(self, function, source):
        """`function`, with the labels of each batch checked first where they come in batches."""
        return function if source.arrays is not None else _CheckedFunction(function, self)

    # -- evaluate ------------------------------------------------------------------------------------------------------

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None,
        return_dict=False, **kwargs,
    ):  # fmt: skip
        """The loss and metrics on data.

        Args:
            x, y, batch_size, sample_weight, callbacks, verbose: as in `fit`.
            steps: how many batches; all by default.
            return_dict: whether the result is `{name: value}`.

        Returns:
            The loss; with metrics a list of the loss and them (see `metrics_names`); or a dict.

        Raises:
            ValueError: as `fit`.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(1, kernel_initializer="zeros")])
            >>> model.compile("sgd", "mse")
            >>> model.evaluate(np.ones((8, 4)), np.ones(8), verbose=0)
            1.0
        """
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        self._assert_compile_called()
        source = batches.source_of(x, y, sample_weight, batch_size, steps)
        callbacks = _callback_list(
            callbacks, self, _verbosity(verbose), epochs=1, steps=source.steps or source.num_batches
        )
        logs = self._evaluate(source, callbacks)
        return logs if return_dict else in_order(logs, self.metrics_names)

    def _evaluate(self, source, callbacks) -> dict:
        self._about_to_run(_targets_of(source))
        self.reset_metrics()
        callbacks.on_test_begin()
        outputs = run_epoch(
            source,
            self._checking(self.make_test_function(), source),
            self._pace("test", callbacks),
            callbacks.on_test_batch_begin,
            lambda step, outputs: callbacks.on_test_batch_end(step, as_logs(outputs)),
        )
        logs = {} if outputs is None else as_logs(outputs)
        callbacks.on_test_end(logs)
        self._compilation.targets = None
        return logs

    # -- predict -------------------------------------------------------------------------------------------------------

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """The outputs for data, batch by batch.

        Args:
            x: an array with n rows, a list or dict of them, a generator or a `PyDataset`.
            batch_size: rows a step; 32.
            verbose: as in `fit`.
            steps: how many batches; all by default.
            callbacks: list of `Callback`s.

        Returns:
            Arrays with n rows, in the structure of the outputs.

        Raises:
            ValueError: for data that is empty, has no numbers or does not fit the model.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
            >>> model.predict(np.ones((2, 4)), verbose=0).shape
            (2, 3)
        """
        source = batches.source_of(x, batch_size=batch_size, steps=steps)
        callbacks = _callback_list(
            callbacks, self, _verbosity(verbose), epochs=1, steps=source.steps or source.num_batches
        )
        collected = []

        def end(step, outputs):
            collected.append(outputs)
            callbacks.on_predict_batch_end(step, {"outputs": outputs})

        callbacks.on_predict_begin()
        function = _Slicing(self.make_predict_function())
        run_epoch(source, function, Pace(1), callbacks.on_predict_batch_begin, end)
        callbacks.on_predict_end()
        return concatenated(collected)

    # -- single batches ------------------------------------------------------------------------------------------------

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One step of training on one batch. Metrics go on from the last call.

        Args:
            x, y, sample_weight: arrays of the batch, in the structures of inputs and outputs.
            class_weight: `{class: weight}`.
            return_dict: whether the result is `{name: value}`.

        Returns:
            The loss; with metrics a list of the loss and them; or a dict.

        Raises:
            ValueError: as `fit`.
        """
        self._assert_compile_called()
        if class_weight is not None and sample_weight is not None:
            raise ValueError(
                "Arguments `sample_weight` and `class_weight` cannot be specified at the same time. Received: "
                f"sample_weight={sample_weight}, class_weight={class_weight}"
            )
        batch = batches.as_batch(batches.pack_x_y_sample_weight(x, y, sample_weight), class_weight)
        return self._on_batch(self.make_train_function(), batch, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The loss and metrics of one batch. Metrics go on from the last call.

        Args:
            x, y, sample_weight: arrays of the batch, in the structures of inputs and outputs.
            return_dict: whether the result is `{name: value}`.

        Raises:
            ValueError: as `evaluate`.
        """
        self._assert_compile_called()
        batch = batches.as_batch(batches.pack_x_y_sample_weight(x, y, sample_weight))
        return self._on_batch(self.make_test_function(), batch, return_dict)

    def predict_on_batch(self, x):
        """The outputs for one batch, in the structure of the outputs.

        Args:
            x: arrays of the batch, in the structure of the inputs.
        """
        return self.make_predict_function()(batches.as_batch((x,)))

    def _on_batch(self, function, batch, return_dict):
        logs = as_logs(_CheckedFunction(function, self)(batch))
        return logs if return_dict else in_order(logs, self.metrics_names)


class _CheckedFunction:
    """A step for single batches: their labels are checked before it runs."""

    def __init__(self, function, model):
        self._function, self._model = function, model

    def __call__(self, batch):
        self._model._about_to_run(batch[1] if len(batch) > 1 else None)
        return self._function(batch)


class _Slicing:
    """A step on slices of the user's arrays: nothing is gathered, as the rows are in their own order."""

    def __init__(self, function):
        self._function = function

    def __call__(self, batch):
        return self._function(batch)

    def batches(self, data, batch_size, start, steps, index):
        """The outputs for rows [start, start + batch_size)."""
        rows = slice(start, start + batch_size)
        return self._function(tree.map_structure(lambda a: batches.as_input(a[rows]), data))


def _rows_of(x) -> float:
    """How many samples a batch has."""
    return float(next((leaf.shape[0] for leaf in tree.flatten(x) if hasattr(leaf, "shape")), 1))


def _targets_of(source):
    return source.arrays[1] if source.arrays is not None and len(source.arrays) > 1 else None


def _verbosity(verbose) -> int:
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"`verbose` should be 0, 1, 2 or 'auto', but got {verbose!r}.")
    if verbose == "auto":
        return 1 if config.is_interactive_logging_enabled() else 2
    return int(verbose)


def _callback_list(callbacks, model, verbose: int, add_history=False, **params) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks, add_history=add_history, add_progbar=verbose != 0, model=model, verbose=verbose, **params
    )


def _split(x, y, sample_weight, validation_split):
    """The training part as `(x, y, sample_weight)`, and the validation part."""
    train, validation = batches.train_validation_split((x, y, sample_weight), validation_split)
    return train, validation


def _is_validated(epoch: int, validation_freq) -> bool:
    if isinstance(validation_freq, (list, tuple, set)):
        return epoch + 1 in validation_freq
    return (epoch + 1) % validation_freq == 0


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
