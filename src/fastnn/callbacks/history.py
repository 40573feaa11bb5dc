"""History: what each epoch logged."""

from fastnn.callbacks.callback import Callback


class History(Callback):
    """Records the logs of each epoch; `fit` adds one and returns it.

    Attributes:
        epoch: the numbers of the epochs.
        history: `{name: [value of each epoch]}`.

    Example:
        >>> History().history
        {}
    """

    def __init__(self):
        super().__init__()
        self.history = {}

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
