"""Short callbacks: LambdaCallback, LearningRateScheduler, TerminateOnNaN, CSVLogger."""

import csv

import numpy as np

from fastnn import config
from fastnn.callbacks.callback import Callback


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end: called as
            the hooks of these names.
        kwargs: further hooks by name.

    Example:
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)).on_epoch_end(1, {})
        1
    """

    def __init__(
        self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None,
        on_train_batch_begin=None, on_train_batch_end=None, **kwargs,
    ):  # fmt: skip
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in hooks.items():
            if function is not None:
                setattr(self, name, function)
        self.needs_every_batch = any("batch" in name for name, function in hooks.items() if function is not None)

    # Overridden so that batches are shown one by one when a function wants them.
    def on_train_batch_end(self, batch, logs=None):
        pass

    def on_test_batch_end(self, batch, logs=None):
        pass


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: `schedule(epoch, learning_rate)` (or `schedule(epoch)`) -> float; epochs count from 0.
        verbose: 1 says so.

    Raises:
        ValueError: when the schedule returns no float.

    Example:
        >>> LearningRateScheduler(lambda epoch, lr: lr * 0.9).verbose
        0
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = self.model.optimizer
        current = float(np.asarray(optimizer.learning_rate))
        try:
            rate = self.schedule(epoch, current)
        except TypeError:
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating, np.ndarray)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        optimizer.learning_rate = float(rate)
        if self.verbose > 0 and config.is_interactive_logging_enabled():
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    The loss in the logs is a running mean, so that it shows such a batch even when several batches run in one call.

    Args:
        raise_error: whether a RuntimeError is raised instead.

    Raises:
        RuntimeError: see above.

    Example:
        >>> TerminateOnNaN().needs_every_batch
        False
    """

    needs_every_batch = False

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}. Terminating training.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class CSVLogger(Callback):
    """Writes the logs of each epoch as a line of a CSV file.

    Args:
        filename: the file.
        separator: ",".
        append: whether an existing file is continued.

    Example:
        >>> CSVLogger("log.csv").sep
        ','
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename, self.sep, self.append = filename, separator, append
        self.keys, self._file = None, None

    def on_train_begin(self, logs=None):
        has_header = False
        if self.append:
            try:
                with open(self.filename, encoding="utf-8") as file:
                    has_header = bool(file.readline())
            except FileNotFoundError:
                pass
        self._needs_header = not has_header
        self._file = open(self.filename, "a" if self.append else "w", encoding="utf-8", newline="")  # noqa: SIM115
        self._writer = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            # Validation may come later than the first epoch.
            self.keys += [f"val_{key}" for key in self.keys if f"val_{key}" not in logs and not key.startswith("val_")]
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, ["epoch", *self.keys], delimiter=self.sep, extrasaction="ignore")
            if self._needs_header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **{key: logs.get(key, "NA") for key in self.keys}})
        self._file.flush()

    def on_train_end(self, logs=None):
        self._file.close()
        self._file = self._writer = None
