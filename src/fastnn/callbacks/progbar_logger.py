"""ProgbarLogger: the progress bar of fit, evaluate and predict."""

from fastnn import config
from fastnn.callbacks.callback import Callback
from fastnn.utils.progbar import Progbar


class ProgbarLogger(Callback):
    """Shows progress and logs on standard output. `fit`, `evaluate` and `predict` add one unless `verbose=0`.

    Example:
        >>> ProgbarLogger().needs_every_batch
        False
    """

    needs_every_batch = False

    def __init__(self):
        super().__init__()
        self._bar = None
        self._epochs = None
        self._is_fit = False

    def on_train_begin(self, logs=None):
        self._is_fit = True
        self._epochs = self.params["epochs"]

    def on_epoch_begin(self, epoch, logs=None):
        self._bar = self._new_bar()
        if self.params["verbose"] and self._epochs and self._epochs > 1:
            self._say(f"Epoch {epoch + 1}/{self._epochs}")

    def on_train_batch_end(self, batch, logs=None):
        self._update(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._finish(logs)

    def on_test_begin(self, logs=None):
        if not self._is_fit:
            self._bar = self._new_bar()

    def on_test_batch_end(self, batch, logs=None):
        if not self._is_fit:
            self._update(batch, logs)

    def on_test_end(self, logs=None):
        if not self._is_fit:
            self._finish(logs)

    def on_predict_begin(self, logs=None):
        self._bar = self._new_bar()

    def on_predict_batch_end(self, batch, logs=None):
        self._update(batch, None)

    def on_predict_end(self, logs=None):
        self._finish(None)

    def on_train_end(self, logs=None):
        self._is_fit = False

    def _new_bar(self):
        self._seen = 0
        return Progbar(self.params["steps"], verbose=self.params["verbose"])

    def _update(self, batch, logs):
        self._seen = batch + 1
        logs = {name: value for name, value in (logs or {}).items() if isinstance(value, float)}
        # Logs are running means already: the bar must not average them again.
        self._bar.stateful_metrics.update(logs)
        self._bar.update(self._seen, list(logs.items()), finalize=False)

    def _finish(self, logs):
        logs = {name: value for name, value in (logs or {}).items() if isinstance(value, float)}
        self._bar.stateful_metrics.update(logs)
        if self._bar.target is None:
            self._bar.target = self._seen
        self._bar.update(self._bar.target, list(logs.items()), finalize=True)

    def _say(self, line):
        if config.is_interactive_logging_enabled():
            print(line, flush=True)
        else:
            import logging  # slow to import, and seldom needed

            logging.getLogger("fastnn").info(line)
