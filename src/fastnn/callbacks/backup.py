"""BackupAndRestore: training that an interruption only delays."""

import json
import os
import shutil

from fastnn.callbacks.callback import Callback

_METADATA = "training_metadata.json"


class BackupAndRestore(Callback):
    """Saves the state of `fit` as it goes, and lets a `fit` of the same model and data go on from there.

    After an interruption of any kind (also `kill -9` in the middle of a save) the same program, run again, ends with
    the weights that it would have had without: weights, optimizer, random generators and the order of the data are
    restored. Generators are asked again for the batches that are done, so they must yield the same ones.

    A backup is a file of weights and `training_metadata.json`, which names it and is replaced in one step.

    Args:
        backup_dir: a folder for the backup of this training alone; made if it is not there.
        save_freq: "epoch", or after how many batches the state is saved.
        double_checkpoint: whether the backup before the last one is kept too, for a last one that cannot be read.
        delete_checkpoint: whether the backup goes when training ends.

    Raises:
        ValueError: for an empty `backup_dir` or another `save_freq`.

    Example:
        >>> import tempfile
        >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> backup = fastnn.callbacks.BackupAndRestore(tempfile.mkdtemp(), delete_checkpoint=False)
        >>> history = model.fit(np.ones((8, 4)), np.ones(8), epochs=2, verbose=0, callbacks=[backup])
        >>> model.fit(np.ones((8, 4)), np.ones(8), epochs=5, verbose=0, callbacks=[backup]).epoch
        [2, 3, 4]
    """

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool) or save_freq < 1):
            raise ValueError(
                "Invalid value for argument `save_freq`. Expected `'epoch'` or a positive integer. Received: "
                f"save_freq={save_freq}"
            )
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.needs_every_batch = save_freq != "epoch"
        self._epoch, self._saved_batch = 0, 0

    def on_train_begin(self, logs=None):
        for name in (_METADATA, f"{_METADATA}.backup"):
            path = os.path.join(self.backup_dir, name)
            if os.path.exists(path) and self._restored(path):
                return

    def _restored(self, path: str) -> bool:
        """Whether the state that the metadata file `path` describes could be read; it is the model's then."""
        try:
            with open(path, encoding="utf-8") as file:
                saved = json.load(file)
            self.model._build_for_training()
            self.model.load_weights(os.path.join(self.backup_dir, saved["weights"]))
        except (OSError, ValueError, KeyError):
            if self.double_checkpoint and path.endswith(_METADATA):
                return False
            raise
        self.model._resume_training(saved["epoch"], saved["batch"], saved["position"])
        self._saved_batch = saved["batch"]
        return True

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq != "epoch" and batch + 1 - self._saved_batch >= self.save_freq:
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)
        else:
            # The rest of the batches are counted from the beginning of the next epoch.
            self._saved_batch = 0

    def _save(self, epoch: int, batch: int) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        weights, metadata = f"epoch{epoch:05d}_batch{batch:07d}.weights.h5", os.path.join(self.backup_dir, _METADATA)
        self.model.save_weights(os.path.join(self.backup_dir, weights), overwrite=True)
        state = {"epoch": epoch, "batch": batch, "weights": weights, "position": self.model._training_position()}
        if self.double_checkpoint and os.path.exists(metadata):
            shutil.copyfile(metadata, f"{metadata}.new")
            os.replace(f"{metadata}.new", f"{metadata}.backup")
        with open(f"{metadata}.new", "w", encoding="utf-8") as file:
            file.write(json.dumps(state))  # by the encoder in C, which `json.dump` does not take
        os.replace(f"{metadata}.new", metadata)
        self._saved_batch = batch
        self._drop_unnamed()

    def _drop_unnamed(self) -> None:
        """Removes files of weights that no metadata names."""
        named = set()
        for name in (_METADATA, f"{_METADATA}.backup"):
            path = os.path.join(self.backup_dir, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    named.add(json.load(file)["weights"])
        for name in os.listdir(self.backup_dir):
            if name.startswith((".epoch", "epoch")) and ".weights.h5" in name and name not in named:
                os.unlink(os.path.join(self.backup_dir, name))

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and os.path.isdir(self.backup_dir):
            shutil.rmtree(self.backup_dir)
