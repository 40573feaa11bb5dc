"""Files that belong to layers, such as vocabularies: `assets/<place of the layer>/` in a `.keras` file.

A layer that has some writes them with `save_assets(folder)` and reads them with `load_assets(folder)`; places are
those of the weights.
"""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from fastnn.saving.weights import walk


def write(model, archive: zipfile.ZipFile) -> None:
    """Writes the files of all layers of `model` into an open archive."""
    for place, owner in walk(model):
        if hasattr(owner, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                owner.save_assets(folder)
                for file in sorted(Path(folder).iterdir()):
                    archive.write(file, f"{_prefix(place)}{file.name}")


def read(model, content: Callable[[str], bytes], names: list[str]) -> None:
    """Lets the layers of `model` read their files.

    Args:
        content: the bytes of a member of the archive.
        names: of all members.
    """
    for place, owner in walk(model):
        files = [name for name in names if name.startswith(_prefix(place))]
        if not hasattr(owner, "load_assets") or not files:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name in files:
                plain = name.removeprefix(_prefix(place))
                if plain and plain == Path(plain).name:  # a file of another layer, or one that would leave the folder
                    (Path(folder) / plain).write_bytes(content(name))
            owner.load_assets(folder)


def _prefix(place: str) -> str:
    return f"assets/{place}/" if place else "assets/"
