"""TensorBoard: logs, weights and their images as event files, written through tensorboardX."""

import os
import time

import numpy as np

from fastnn.callbacks.callback import Callback


class TensorBoard(Callback):
    """Writes event files that `tensorboard --logdir` shows. Needs tensorboardX (the extra `tensorboard`).

    `log_dir/train` and `log_dir/validation` hold the scalars `epoch_loss`, `epoch_learning_rate`, ...; with an
    `update_freq` also `batch_loss`, ...; evaluations add `evaluation_loss_vs_iterations`, ...

    Args:
        log_dir: a folder that no other callback uses.
        histogram_freq: after how many epochs histograms of the weights are written; 0: never.
        write_graph: whether the model's config is written, as a text.
        write_images: whether the weights are written as images where histograms are.
        write_steps_per_second: whether the speed is a scalar too.
        update_freq: "epoch"; or after how many batches scalars of batches are written ("batch" is 1).
        profile_batch: only 0: `fastnn.config.profile` times steps.
        embeddings_freq: after how many epochs the weights of Embedding layers are written for the projector; 0: never.
        embeddings_metadata: a file with a label a line for each row of the embeddings, or a dict of such files by the
            names of layers.

    Raises:
        ImportError: when it is made, without tensorboardX.
        ValueError: for a `profile_batch` other than 0.

    Example:
        >>> import tempfile
        >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> board = fastnn.callbacks.TensorBoard(tempfile.mkdtemp(), histogram_freq=1)
        >>> history = model.fit(np.ones((8, 4)), np.ones(8), verbose=0, callbacks=[board])
    """

    def __init__(
        self, log_dir="logs", histogram_freq=0, write_graph=True, write_images=False, write_steps_per_second=False,
        update_freq="epoch", profile_batch=0, embeddings_freq=0, embeddings_metadata=None,
    ):  # fmt: skip
        super().__init__()
        if profile_batch:
            raise ValueError(
                f"TensorBoard: profile_batch={profile_batch} is not supported; `fastnn.config.profile(True)` times the "
                "steps of a model, and `model.explain()` shows them."
            )
        try:
            import tensorboardX  # an extra; only who looks at event files needs it
        except ImportError:
            raise ImportError("TensorBoard requires tensorboardX: pip install 'fastnn-cpu[tensorboard]'.") from None
        self._new_writer = tensorboardX.SummaryWriter
        self.log_dir, self.histogram_freq, self.write_graph = os.fspath(log_dir), histogram_freq, write_graph
        self.write_images, self.write_steps_per_second = write_images, write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self.needs_every_batch = self.update_freq != "epoch"
        self._writers: dict = {}
        self._step = 0

    def _writer(self, part: str):
        if part not in self._writers:
            self._writers[part] = self._new_writer(os.path.join(self.log_dir, part))
        return self._writers[part]

    def _write(self, part: str, prefix: str, logs: dict, step: int, suffix: str = "") -> None:
        for name, value in logs.items():
            self._writer(part).add_scalar(f"{prefix}_{name}{suffix}", float(value), step)

    def on_train_begin(self, logs=None):
        self._step = 0
        if self.write_graph:
            try:
                text = self.model.to_json(indent=1)
            except (NotImplementedError, ValueError, TypeError):
                return  # a model without a config has no picture
            self._writer("train").add_text("keras", f"```\n{text}\n```", 0)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start_s, self._epoch_start_step = time.perf_counter(), self._step

    def on_train_batch_begin(self, batch, logs=None):
        self._batch_start_s, self._batch_start_step = time.perf_counter(), self._step

    def on_train_batch_end(self, batch, logs=None):
        # A call may do several batches: `batch` is the number of the last.
        before, self._step = self._step, self._epoch_start_step + batch + 1
        if self.update_freq == "epoch":
            return
        if self.write_steps_per_second:
            rate = (self._step - before) / max(time.perf_counter() - self._batch_start_s, 1e-9)
            self._write("train", "batch", {"steps_per_second": rate}, self._step)
        if self._step // self.update_freq > before // self.update_freq:
            self._write("train", "batch", logs or {}, self._step)

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        logs["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._epoch_start_s, 1e-9)
            logs["steps_per_second"] = (self._step - self._epoch_start_step) / seconds
        validation = {name: value for name, value in logs.items() if name.startswith("val_")}
        self._write("train", "epoch", {name: v for name, v in logs.items() if name not in validation}, epoch)
        self._write("validation", "epoch", {name[4:]: value for name, value in validation.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings(epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs=None):
        if self.model.optimizer is not None:
            step = int(np.asarray(self.model.optimizer.iterations))
            self._write("validation", "evaluation", logs or {}, step, "_vs_iterations")

    def on_train_end(self, logs=None):
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                values = np.array(weight)
                self._writer("train").add_histogram(f"{weight.path}/histogram", values, epoch)
                if self.write_images:
                    self._writer("train").add_image(f"{weight.path}/image", as_image(values), epoch, dataformats="HW")

    def _write_embeddings(self, epoch: int) -> None:
        for layer in self.model.layers:
            table = getattr(layer, "embeddings", None)
            if table is not None:
                file = self.embeddings_metadata
                file = file.get(layer.name) if isinstance(file, dict) else file
                self._writer("train").add_embedding(np.array(table), _labels(file), tag=layer.name, global_step=epoch)


def as_image(values: np.ndarray) -> np.ndarray:
    """Numbers as a grey picture (h, w) in [0, 1], wider than high: all axes but the last one below another."""
    flat = values.reshape(1, -1) if values.ndim < 2 else values.reshape(-1, values.shape[-1])
    flat = flat.T if flat.shape[0] > flat.shape[1] else flat
    low, high = flat.min(), flat.max()
    return ((flat - low) / (high - low if high > low else 1)).astype("float32")


def _labels(file):
    if file is None:
        return None
    with open(file, encoding="utf-8") as lines:
        return lines.read().splitlines()
