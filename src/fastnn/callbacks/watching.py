"""Callbacks that watch one logged value: EarlyStopping, ReduceLROnPlateau, ModelCheckpoint."""

import logging
import os
import warnings

import numpy as np

from fastnn import config
from fastnn.callbacks.callback import Callback

# Names whose larger values are better; Keras asks the metric, which comes to this for all of its own.
_LARGER_IS_BETTER = (
    "acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "io_u", "r2", "top_k", "similarity", "sensitivity",
    "specificity", "correlation",
)  # fmt: skip


def _checked_mode(mode: str, owner: str) -> str:
    if mode not in ("auto", "min", "max"):
        warnings.warn(f"{owner} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3)
        return "auto"
    return mode


def is_larger_better(mode: str, monitor: str) -> bool:
    """Whether larger values of the log `monitor` are better."""
    if mode != "auto":
        return mode == "max"
    name = monitor.removeprefix("val_")
    return any(part in name for part in _LARGER_IS_BETTER) and not name.endswith("loss")


class Watching(Callback):
    """The value of one log, and whether it improves."""

    def __init__(self, monitor, mode):
        super().__init__()
        self.monitor = monitor
        self.mode = _checked_mode(mode, type(self).__name__)

    def _current(self, logs):
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} conditioned on metric `{self.monitor}` which is not available. Available "
                f"metrics are: {','.join(sorted(logs or {}))}",
                stacklevel=3,
            )
        return value

    def _improves(self, value, reference, min_delta=0.0) -> bool:
        if is_larger_better(self.mode, self.monitor):
            return np.greater(value - min_delta, reference)
        return np.less(value + min_delta, reference)

    def _worst(self) -> float:
        return -np.inf if is_larger_better(self.mode, self.monitor) else np.inf


class EarlyStopping(Watching):
    """Stops training when a logged value has not improved for some epochs.

    Args:
        monitor: the name in the logs; "val_loss".
        min_delta: the least change that counts as an improvement; 0.
        patience: after how many epochs without improvement training stops; 0.
        verbose: 1 says so.
        mode: "min", "max" or "auto" (by the name).
        baseline: a value that must be reached.
        restore_best_weights: whether training ends with the weights of the best epoch.
        start_from_epoch: how many epochs are left alone first.

    Example:
        >>> EarlyStopping(monitor="loss", patience=3).patience
        3
    """

    def __init__(
        self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
        restore_best_weights=False, start_from_epoch=0,
    ):  # fmt: skip
        super().__init__(monitor, mode)
        self.min_delta, self.patience, self.verbose, self.baseline = abs(min_delta), patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = None, None

    def on_epoch_end(self, epoch, logs=None):
        current = self._current(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.best is None or self._improves(current, self.best, self.min_delta):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(current, self.baseline, self.min_delta):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Watching):
    """Lowers the learning rate when a logged value has not improved for some epochs.

    Args:
        monitor: the name in the logs; "val_loss".
        factor: by which the rate is multiplied; below 1; 0.1.
        patience: after how many epochs without improvement; 10.
        verbose: 1 says so.
        mode: "min", "max" or "auto" (by the name).
        min_delta: the least change that counts as an improvement; 0.0001.
        cooldown: how many epochs are left alone after a change; 0.
        min_lr: the lowest rate; 0.

    Raises:
        ValueError: for a factor of 1 or more.

    Example:
        >>> ReduceLROnPlateau(monitor="loss", factor=0.5).factor
        0.5
    """

    def __init__(
        self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
        min_lr=0.0, **kwargs,
    ):  # fmt: skip
        super().__init__(monitor, mode)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau got unexpected arguments: {sorted(kwargs)}")
        self.factor, self.patience, self.verbose, self.min_delta = factor, patience, verbose, min_delta
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self):
        self.cooldown_counter = self.wait = 0
        self.best = self._worst()

    def on_train_begin(self, logs=None):
        self._reset()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        current = self._current(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(current, self.best, self.min_delta):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def in_cooldown(self) -> bool:
        """Whether epochs are left alone after a change."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch):
        old = float(np.asarray(self.model.optimizer.learning_rate))
        if old > np.float32(self.min_lr):
            new = max(old * self.factor, self.min_lr)
            self.model.optimizer.learning_rate = new
            if self.verbose > 0:
                say(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
            self.cooldown_counter = self.cooldown
            self.wait = 0


class SavingFrequency(Callback):
    """Hooks that call `_save(epoch, batch, logs)` after each epoch (batch is None then) or after some batches."""

    def _set_frequency(self, save_freq) -> None:
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values")
        self.save_freq = save_freq
        self._batches, self._epoch = 0, 0
        # Only with a number of batches must every batch be seen.
        self.needs_every_batch = save_freq != "epoch"

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)


class ModelCheckpoint(Watching, SavingFrequency):
    """Saves the model, or its weights, after each epoch or after some batches.

    Args:
        filepath: where, with `{epoch}` and names of logs as in `str.format`; must end in ".keras", or
            ".weights.h5" for weights only.
        monitor: the name in the logs; "val_loss".
        verbose: 1 says so.
        save_best_only: whether only improvements are saved.
        save_weights_only: whether only the weights are saved, not the whole model.
        mode: "min", "max" or "auto" (by the name).
        save_freq: "epoch", or after how many batches.
        initial_value_threshold: what the first saved value must improve on.

    Raises:
        ValueError: for a path with another ending, or an unknown `save_freq`.

    Example:
        >>> ModelCheckpoint("best.weights.h5", save_best_only=True, save_weights_only=True).monitor
        'val_loss'
    """

    def __init__(
        self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False, mode="auto",
        save_freq="epoch", initial_value_threshold=None,
    ):  # fmt: skip
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        ending, kind = (".weights.h5", "weights") if save_weights_only else (".keras", "model")
        if not self.filepath.endswith(ending):
            raise ValueError(
                f"When using `save_weights_only={save_weights_only}` in `ModelCheckpoint`, the filepath provided must "
                f"end in `{ending}` (Keras {kind} format). Received: filepath={self.filepath}"
            )
        self._set_frequency(save_freq)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.best = self._worst() if initial_value_threshold is None else initial_value_threshold

    def _save(self, epoch, batch, logs):
        logs = logs or {}
        names = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            path = self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(
                f"Failed to format the filepath {self.filepath!r}: there is no log {error}. Available: {sorted(names)}"
            ) from None
        if self.save_best_only:
            current = self._current(logs)
            if current is None or not self._improves(current, self.best):
                return
            if self.verbose > 0:
                better = f"{self.monitor} improved from {self.best:.5f} to {current:.5f}"
                say(f"\nEpoch {epoch + 1}: {better}, saving model to {path}")
            self.best = current
        elif self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: saving model to {path}")
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)


def say(line):
    """Prints a line where progress goes."""
    if config.is_interactive_logging_enabled():
        print(line, flush=True)
    else:
        logging.getLogger("fastnn").info(line)
