"""Files fetched once and kept under `KERAS_HOME`, where Keras looks for them too."""

import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
import urllib.parse
import urllib.request
import zipfile

from fastnn import config
from fastnn.utils.progbar import Progbar

_BLOCK_BYTES = 1 << 16
# A server that stays silent this long is taken for dead.
_TIMEOUT_S = 60


def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
) -> str:
    """The path of a file from the web, downloaded unless it is already there.

    A download goes to a temporary file, is checked, and only then takes its name, so an interrupted one leaves
    nothing behind. Archives are unpacked the same way, and one with a member that would land outside its folder, or
    that is a link or a device, is refused as a whole.

    Args:
        fname: name of the file; the last part of `origin` if None. Without a folder.
        origin: address (http, https, ftp or file).
        untar: older spelling of `extract=True, archive_format="tar"`.
        md5_hash: older spelling of `file_hash` with `hash_algorithm="md5"`.
        file_hash: the expected hash in hexadecimal; a file with another one is downloaded again.
        cache_subdir: folder under `cache_dir`.
        hash_algorithm: "md5", "sha256" or "auto", which tells them by their length.
        extract: whether to unpack a tar or zip archive; the path returned is then the folder.
        archive_format: "auto", "tar", "zip", None, or a list of these.
        cache_dir: `KERAS_HOME` if None.
        force_download: download even if the file is there.

    Returns:
        Path of the file, or of the folder that an archive was unpacked to: the name without its extension plus
        "_extracted" where `fname` has an extension, `fname` (or the last part of `origin`) otherwise, as in Keras.

    Raises:
        ValueError: for a bad argument, a hash that does not match, or an archive that is refused or unreadable.
        OSError: if the download fails; the message says which file to put where by hand.

    Example:
        >>> path = fastnn.utils.get_file("words.txt", "file:///usr/share/dict/words")  # doctest: +SKIP
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    has_fname = bool(fname)
    fname = _file_name(fname, origin)
    formats = ("tar",) if untar else _formats(archive_format) if extract else ()
    folder = _cache_folder(cache_dir, cache_subdir)
    target, unpacked = _places(folder, fname, has_fname, bool(untar or extract))

    is_fresh = force_download or not os.path.exists(target)
    if not is_fresh and file_hash is not None and not hash_matches(target, file_hash, hash_algorithm):
        print(f"{target} is incomplete or outdated: its hash is not {file_hash}. It is downloaded again.")
        is_fresh = True
    if is_fresh:
        _download(origin, target, file_hash, hash_algorithm)
    if unpacked is None:
        return target
    if is_fresh or not os.path.exists(unpacked):
        _unpack(target, unpacked, formats)
    return unpacked


def hash_matches(path: str, file_hash: str, algorithm: str = "auto") -> bool:
    """Whether the file's hash is `file_hash`; "auto" means sha256 for 64 digits and md5 otherwise."""
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == str(file_hash).lower()


def _file_name(fname, origin):
    if not fname:
        fname = os.path.basename(urllib.parse.urlsplit(origin).path)
        if not fname:
            raise ValueError(
                f"Can't parse the file name from the origin provided: '{origin}'. Please specify the `fname` argument."
            )
    fname = os.fspath(fname)
    if os.path.basename(fname) != fname or fname in (os.curdir, os.pardir):
        raise ValueError(
            "Paths are no longer accepted as the `fname` argument. To specify the file's parent directory, "
            f"use the `cache_dir` argument. Received: fname={fname}"
        )
    return fname


def _formats(archive_format) -> tuple[str, ...]:
    if archive_format is None:
        return ()
    formats = ("tar", "zip") if archive_format == "auto" else archive_format
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    for name in formats:
        if name not in ("tar", "zip"):
            raise NotImplementedError(f"archive_format should be 'auto', 'tar', 'zip' or None, but got {name!r}.")
    return formats


def _cache_folder(cache_dir, cache_subdir) -> str:
    cache_dir = os.path.expanduser(config.keras_home() if cache_dir is None else os.fspath(cache_dir))
    folder = os.path.join(cache_dir, cache_subdir)
    if os.path.isdir(folder):
        return folder  # perhaps read-only, with the file inside
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        folder = os.path.join("/tmp", ".keras", cache_subdir)
        os.makedirs(folder, exist_ok=True)
    return folder


def _places(folder, fname, has_fname, is_archive) -> tuple[str, str | None]:
    """Where Keras puts the download, and the folder that it unpacks to (None for a plain file)."""
    path = os.path.join(folder, fname)
    if not is_archive:
        return path, None
    if has_fname and "." in fname:
        return path, os.path.join(folder, fname[: fname.find(".")] + "_extracted")
    return path + "_archive", path


def _download(origin, target, file_hash, hash_algorithm):
    print(f"Downloading data from {origin}")
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".download-") as folder:
        part = os.path.join(folder, "part")
        try:
            _copy_from_web(origin, part)
        except OSError as error:  # urllib's errors are OSErrors
            reason = getattr(error, "reason", None) or error
            expected = f" (hash {file_hash})" if file_hash else ""
            raise OSError(
                f"URL fetch failure on {origin}: {reason}. Without a network, put the file at {target}{expected}."
            ) from error
        if file_hash is not None and not hash_matches(part, file_hash, hash_algorithm):
            raise ValueError(
                "Incomplete or corrupted file detected. "
                f"The {hash_algorithm} file hash does not match the provided value of {file_hash}."
            )
        os.replace(part, target)


def _copy_from_web(origin, part):
    with urllib.request.urlopen(origin, timeout=_TIMEOUT_S) as response, open(part, "wb") as file:
        length = response.headers.get("Content-Length")
        total = int(length) if length and length.isdecimal() else None
        bar = Progbar(total, unit_name="byte")
        done = 0
        while block := response.read(_BLOCK_BYTES):
            file.write(block)
            done += len(block)
            bar.update(done, finalize=False)
        if total is not None and done != total:
            raise OSError(f"got {done} of {total} bytes")
        bar.update(done, finalize=True)


def _unpack(archive, target, formats):
    """Unpacks into a temporary folder beside `target`, which then takes its name."""
    if not formats:
        return
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".unpack-") as folder:
        fresh = os.path.join(folder, "content")
        os.mkdir(fresh)
        if "tar" in formats and tarfile.is_tarfile(archive):
            _unpack_tar(archive, fresh)
        elif "zip" in formats and zipfile.is_zipfile(archive):
            _unpack_zip(archive, fresh)
        else:
            raise ValueError(f"{archive} is no readable archive of the formats {formats}.")
        if os.path.isdir(target):
            shutil.rmtree(target)
        os.replace(fresh, target)


def _unpack_tar(archive, folder):
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        for member in members:
            if not (member.isreg() or member.isdir()):
                raise ValueError(f"{archive}: member {member.name!r} is a link or a device; the archive is refused.")
            _require_inside(archive, folder, member.name)
        # Newer Pythons want a filter to be named; "data" also drops owners and odd permissions.
        options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(folder, members, **options)


def _unpack_zip(archive, folder):
    with zipfile.ZipFile(archive) as pack:
        for info in pack.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not made on Unix
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"{archive}: member {info.filename!r} is a link or a device; the archive is refused.")
            _require_inside(archive, folder, info.filename)
        pack.extractall(folder)


def _require_inside(archive, folder, name):
    root = os.path.realpath(folder)
    if os.path.commonpath([root, os.path.realpath(os.path.join(root, name))]) != root:
        raise ValueError(f"{archive}: member {name!r} would land outside its folder; the archive is refused.")
