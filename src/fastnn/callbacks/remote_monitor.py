"""RemoteMonitor: the logs of each epoch, sent to a server."""

import json
import warnings

from fastnn.callbacks.callback import Callback


class RemoteMonitor(Callback):
    """Posts the logs of each epoch, with its number, to a server. Needs `requests` (the extra `remote`).

    Args:
        root: the address of the server.
        path: the place on it.
        field: the field of the form that holds the JSON.
        headers: a dict of HTTP headers.
        send_as_json: whether the body is JSON (application/json) instead of a form.

    Raises:
        ImportError: at the end of an epoch, without `requests`.

    A server that cannot be reached is a warning; training goes on.

    Example:
        >>> fastnn.callbacks.RemoteMonitor("http://localhost:8080", send_as_json=True).path
        '/publish/epoch/end/'
    """

    def __init__(
        self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None, send_as_json=False
    ):
        super().__init__()
        self.root, self.path, self.field, self.headers = root, path, field, headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch, logs=None):
        try:
            import requests  # an extra; only who monitors needs it
        except ImportError:
            raise ImportError(
                "RemoteMonitor requires the `requests` library: pip install 'fastnn-cpu[remote]'."
            ) from None
        sent = {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        body = {"json": sent} if self.send_as_json else {"data": {self.field: json.dumps(sent)}}
        try:
            requests.post(self.root + self.path, headers=self.headers, **body)
        except requests.exceptions.RequestException:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)
