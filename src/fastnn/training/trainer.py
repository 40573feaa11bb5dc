"""Trainer: fit, evaluate, predict and their relatives; `Model` inherits it.

Owns the order of epochs. What a step is, is `steps`'; what it is compiled from, `compilation`'s; batches are `data`'s,
the loop over them is `loop`'s, names of logs are `losses_and_metrics`'.
"""

from __future__ import annotations

from fastnn import config, training, tree
from fastnn.callbacks.callback_list import CallbackList
from fastnn.training import data as batches
from fastnn.training.compilation import Compilable
from fastnn.training.logs import as_logs, concatenated, in_order
from fastnn.training.loop import Pace, outputs_of_rows, run_epoch
from fastnn.training.resuming import Resumable
from fastnn.training.steps import Steps


class Trainer(Steps, Compilable, Resumable):
    """The training part of a model; the class that it is mixed into is a layer."""

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
            shuffle: whether rows, at most 2^31 - 1, are taken in a new random order each epoch; "batch" shuffles whole
                batches.
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
        self._compilation.source, self._compilation.start = source, (initial_epoch, 0)
        callbacks.on_train_begin()
        initial_epoch, first = self._compilation.start
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
                first,
            )
            first = 0
            logs = {} if outputs is None else as_logs(outputs)
            if validation is not None and _is_validated(epoch, validation_freq):
                logs |= {f"val_{name}": value for name, value in self._evaluate(validation, callbacks).items()}
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        if self.optimizer is not None and epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_variables)
        callbacks.on_train_end(logs)
        self._compilation.targets = self._compilation.source = None
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
        return logs if return_dict else in_order(logs, self._log_names())

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
            batch_size: rows a step; 32. Of an array, without callbacks, a step takes fewer where rows do not depend on
                each other and what lies between the layers would not stay in the caches.
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
        verbosity = _verbosity(verbose)
        if not (verbosity or callbacks or steps):
            is_array = batches.is_number_array(x)
            if rows := len(x) if is_array else batches.rows_of_number_arrays(x):
                function, size = self.make_predict_function(), batches.checked_batch_size(batch_size)
                if rows <= min(size, training.parts.LEAST_ROWS):  # one call: nothing else is asked for
                    return function(batches.as_input(x) if is_array else batches.slice_of_rows(x, slice(None)))
                return outputs_of_rows(function, x, rows, training.parts.rows_at_once(function, x, min(size, rows)))
        source = batches.source_of(x, batch_size=batch_size, steps=steps)
        callbacks = _callback_list(callbacks, self, verbosity, epochs=1, steps=source.steps or source.num_batches)
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
        """One step of training on one batch, and the metrics of it alone.

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
        batch = batches.as_batch((x, y, sample_weight), class_weight)
        return self._on_batch(self.make_train_function(), batch, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The loss and metrics of one batch.

        Args:
            x, y, sample_weight: arrays of the batch, in the structures of inputs and outputs.
            return_dict: whether the result is `{name: value}`.

        Raises:
            ValueError: as `evaluate`.
        """
        self._assert_compile_called()
        batch = batches.as_batch((x, y, sample_weight))
        return self._on_batch(self.make_test_function(), batch, return_dict)

    def predict_on_batch(self, x):
        """The outputs for one batch, in the structure of the outputs.

        Args:
            x: arrays of the batch, in the structure of the inputs.
        """
        return self.make_predict_function()(batches.as_batch((x,)))

    def _on_batch(self, function, batch, return_dict):
        self.reset_metrics()
        logs = as_logs(_CheckedFunction(function, self)(batch))
        return logs if return_dict else in_order(logs, self._log_names())


class _CheckedFunction:
    """A step for single batches: their labels are checked before it runs."""

    def __init__(self, function, model):
        self._function, self._model = function, model

    def __call__(self, batch):
        self._model._about_to_run(batches.unpack_x_y_sample_weight(batch)[1])
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
