"""OrbaxCheckpoint: the state of training in Orbax's format, for programs that read it."""

import os

import numpy as np

from fastnn.callbacks.watching import SavingFrequency, Watching, say


class OrbaxCheckpoint(Watching, SavingFrequency):
    """Saves the weights and the optimizer's state with Orbax. Needs orbax-checkpoint (the extra `orbax`).

    A checkpoint is a tree of arrays: {"weights": {path: array}, "optimizer_variables": {path: array}}; Orbax's
    `StandardCheckpointer().restore(...)` gives it back.

    Args:
        directory: a folder; checkpoints are numbered in it, by epoch, or by batch.
        monitor: the name in the logs that `save_best_only` looks at.
        verbose: 1 says so.
        save_best_only: whether only improvements are saved.
        mode: "min", "max" or "auto" (by the name).
        save_freq: "epoch", or after how many batches.
        initial_value_threshold: what the first saved value must improve on.
        max_to_keep: how many checkpoints are kept; None: all.
        save_on_background: whether training goes on while files are written.
        save_weights_only: whether the optimizer's state is left out.

    Raises:
        ImportError: when it is made, without orbax-checkpoint.
        ValueError: for an unknown `save_freq`.

    Example:
        >>> callback = fastnn.callbacks.OrbaxCheckpoint("checkpoints")  # doctest: +SKIP
    """

    def __init__(
        self, directory, monitor="val_loss", verbose=0, save_best_only=False, mode="auto", save_freq="epoch",
        initial_value_threshold=None, max_to_keep=1, save_on_background=True, save_weights_only=False,
    ):  # fmt: skip
        super().__init__(monitor, mode)
        try:
            from orbax import checkpoint  # an extra, and it brings JAX
        except ImportError:
            raise ImportError(
                "OrbaxCheckpoint requires the 'orbax-checkpoint' package: pip install 'fastnn-cpu[orbax]'."
            ) from None
        self._set_frequency(save_freq)
        self.directory, self.verbose, self.save_best_only = os.path.abspath(directory), verbose, save_best_only
        self.max_to_keep, self.save_on_background = max_to_keep, save_on_background
        self.save_weights_only = save_weights_only
        self.best = self._worst() if initial_value_threshold is None else initial_value_threshold
        self._checkpoint = checkpoint
        self._manager, self._total_batches = None, 0

    def on_train_begin(self, logs=None):
        options = self._checkpoint.CheckpointManagerOptions(
            max_to_keep=self.max_to_keep, enable_async_checkpointing=self.save_on_background
        )
        self._manager = self._checkpoint.CheckpointManager(self.directory, options=options)

    def _save(self, epoch, batch, logs):
        if self.save_best_only:
            current = self._current(logs)
            if current is None or not self._improves(current, self.best):
                return
            self.best = current
        if batch is not None:
            self._total_batches += self.save_freq
        step = epoch if batch is None else self._total_batches
        tree = {"weights": _arrays(self.model.weights)}
        if not self.save_weights_only and self.model.optimizer is not None:
            tree["optimizer_variables"] = _arrays(self.model.optimizer.variables)
        self._manager.save(step, args=self._checkpoint.args.StandardSave(tree))
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: saving a checkpoint to {self.directory}")

    def on_train_end(self, logs=None):
        self._manager.wait_until_finished()
        self._manager.close()
        self._manager = None


def _arrays(variables) -> dict:
    return {variable.path: np.array(variable) for variable in variables}
