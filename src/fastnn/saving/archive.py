"""The zip that a `.keras` file is, read with care."""

import io
import zipfile

SUFFIX = ".keras"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
LARGEST_CONFIG = 1 << 26  # bytes; thousands of layers take some millions
# Of all members' sizes to the file's: weights hardly compress, bombs do.
LARGEST_RATIO, SMALLEST_LIMIT = 20, 1 << 24


def opened(file, name: str) -> zipfile.ZipFile:
    """The archive in `file`, of which no member and not all together unpack to more than the file's size allows.

    Raises:
        ValueError: for no archive, or one that claims more.
    """
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{name} is not a `{SUFFIX}` file: {error}.") from error
    file_bytes = file.seek(0, io.SEEK_END)
    left = LARGEST_RATIO * file_bytes + SMALLEST_LIMIT
    for info in archive.infolist():
        left -= info.file_size
        if left < 0 or (info.filename == CONFIG and info.file_size > LARGEST_CONFIG):
            raise ValueError(f"{name}: {info.filename} claims {info.file_size} bytes, in a file of {file_bytes}.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # only these are unpacked in bounds
            raise ValueError(f"{name}: {info.filename} has compression {info.compress_type}, which is not read.")
    return archive


def member(archive: zipfile.ZipFile, file: str, name: str) -> bytes:
    """The member `name` of the archive in `file`.

    Raises:
        ValueError: when it is not there.
    """
    try:
        return archive.read(name)
    except KeyError:
        raise ValueError(f"{file} is not a `{SUFFIX}` file: it has no {name}.") from None
