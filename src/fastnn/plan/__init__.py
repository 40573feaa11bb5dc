"""Plans: groups of nodes become kernel calls over one arena, which run without Python.

Nothing is compiled until something is called: who needs `executable` says `plan.executable`.
"""

from fastnn import _api

__getattr__ = _api.modules_on_use(__name__)
