"""Callback: hooks that training calls."""


class Callback:
    """Base of callbacks: override the hooks you need.

    Attributes:
        model: the model that is trained.
        params: `{"epochs", "steps", "verbose"}` of the call.

    Hooks get `logs`, a dict of names and floats: the running means of the loss and metrics. A callback that overrides a
    hook for batches makes every batch a call of its own, which costs time on small models.

    Example:
        >>> class Epochs(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, sorted(logs))
    """

    # Whether hooks for batches must be called for every single batch.
    needs_every_batch = True

    def __init__(self):
        self.params = None
        self._model = None

    def set_params(self, params):
        """Called before training, with what `params` will be."""
        self.params = params

    def set_model(self, model):
        """Called before training, with the model."""
        self._model = model

    @property
    def model(self):
        """The model that is trained."""
        return getattr(self, "_model", None)

    def on_batch_begin(self, batch, logs=None):
        """An older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """An older name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch (counted from 0) of `fit`."""

    def on_epoch_end(self, epoch, logs=None):
        """After an epoch of `fit`; `logs` hold the validation's results too, with the prefix "val_"."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before a batch of `fit`."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """After a batch of `fit`."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Before a batch of `evaluate`, and of validation."""

    def on_test_batch_end(self, batch, logs=None):
        """After a batch of `evaluate`, and of validation."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch, logs=None):
        """After a batch of `predict`; `logs["outputs"]` are its outputs."""

    def on_train_begin(self, logs=None):
        """Before `fit`."""

    def on_train_end(self, logs=None):
        """After `fit`; `logs` are those of the last epoch."""

    def on_test_begin(self, logs=None):
        """Before `evaluate`, and validation."""

    def on_test_end(self, logs=None):
        """After `evaluate`, and validation."""

    def on_predict_begin(self, logs=None):
        """Before `predict`."""

    def on_predict_end(self, logs=None):
        """After `predict`."""
