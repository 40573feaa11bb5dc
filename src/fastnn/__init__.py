"""fastnn: Keras 3's API on a small compiled engine for CPUs.

`import fastnn as keras` is the intended use. Everything is loaded on first use; `fastnn._api` lists the public names.
"""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
