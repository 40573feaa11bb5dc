"""`get_file`: where things land (as in Keras), hashes, interrupted downloads and hostile archives."""

import functools
import hashlib
import http.server
import io
import itertools
import os
import stat
import tarfile
import threading
import zipfile

import keras
import pytest

from fastnn import utils


class Handler(http.server.SimpleHTTPRequestHandler):
    requests = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        Handler.requests += 1
        if self.path == "/short":  # promises more than it sends
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"abc")
        else:
            super().do_GET()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("www")
    (folder / "a.txt").write_bytes(b"hello\n")
    with tarfile.open(folder / "data.tar.gz", "w:gz") as tar:
        tar.add(folder / "a.txt", "pack/a.txt")
    with zipfile.ZipFile(folder / "data.zip", "w") as pack:
        pack.write(folder / "a.txt", "pack/a.txt")
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_port}"
    service.shutdown()


def tree(folder):
    return sorted(os.path.relpath(os.path.join(root, f), folder) for root, _, files in os.walk(folder) for f in files)


SHA = hashlib.sha256(b"hello\n").hexdigest()
MD5 = hashlib.md5(b"hello\n").hexdigest()


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("a.txt", {}),
        ("a.txt", {"fname": "b.txt", "cache_subdir": "x/y"}),
        ("a.txt", {"file_hash": SHA}),
        ("a.txt", {"file_hash": MD5, "hash_algorithm": "md5"}),
        ("a.txt", {"md5_hash": MD5}),
        ("data.tar.gz", {"extract": True}),
        ("data.tar.gz", {"untar": True}),
        ("data.tar.gz", {"fname": "foo", "extract": True}),
        ("data.tar.gz", {"fname": "foo.tar.gz", "extract": True}),
        ("data.zip", {"extract": True}),
        ("data.zip", {"extract": True, "archive_format": "zip"}),
    ],
)
def test_lands_where_keras_puts_it(path, options, server, tmp_path):
    places = []
    for name, get_file in (("keras", keras.utils.get_file), ("fastnn", utils.get_file)):
        cache = tmp_path / name
        cache.mkdir()
        result = get_file(origin=f"{server}/{path}", cache_dir=str(cache), **options)
        places.append((os.path.relpath(result, cache), tree(cache)))
    assert places[0] == places[1]


def test_second_call_does_not_download(server, tmp_path):
    for options in ({}, {"extract": True}):
        path = "data.zip" if options else "a.txt"
        utils.get_file(origin=f"{server}/{path}", cache_dir=tmp_path, **options)
        before = Handler.requests
        utils.get_file(origin=f"{server}/{path}", cache_dir=tmp_path, **options)
        assert Handler.requests == before
    utils.get_file(origin=f"{server}/a.txt", cache_dir=tmp_path, force_download=True)
    assert Handler.requests == before + 1


def test_outdated_file_is_replaced_and_wrong_hash_leaves_nothing(server, tmp_path):
    path = tmp_path / "datasets" / "a.txt"
    path.parent.mkdir()
    path.write_text("old")
    with pytest.raises(ValueError, match="0000"):
        utils.get_file(origin=f"{server}/a.txt", cache_dir=tmp_path, file_hash="0" * 64)
    assert path.read_text() == "old"
    utils.get_file(origin=f"{server}/a.txt", cache_dir=tmp_path, file_hash=SHA)
    assert path.read_text() == "hello\n"
    assert tree(tmp_path) == ["datasets/a.txt"]


@pytest.mark.parametrize("path", ["missing.txt", "short"])
def test_failed_download_says_where_to_put_the_file(path, server, tmp_path):
    with pytest.raises(OSError) as error:
        utils.get_file(fname="a.txt", origin=f"{server}/{path}", cache_dir=tmp_path)
    message = str(error.value)
    assert "\n" not in message and str(tmp_path / "datasets" / "a.txt") in message
    assert tree(tmp_path) == []


def test_no_network(tmp_path):
    with pytest.raises(OSError, match="Connection refused"):
        utils.get_file(origin="http://127.0.0.1:1/a.txt", cache_dir=tmp_path)


@pytest.mark.parametrize("fname", ["sub/b.txt", "../b.txt", "/tmp/b.txt", ".."])
def test_name_with_a_folder_is_refused(fname, tmp_path):
    with pytest.raises(ValueError, match="fname"):
        utils.get_file(fname=fname, origin="http://127.0.0.1:1/a.txt", cache_dir=tmp_path)


def test_missing_origin_and_missing_name():
    with pytest.raises(ValueError, match="origin"):
        utils.get_file()
    with pytest.raises(ValueError, match="fname"):
        utils.get_file(origin="http://127.0.0.1:1/")


def hostile_tar(name, kind=tarfile.REGTYPE):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type = kind
        member.linkname = "/etc/passwd"
        tar.addfile(member, io.BytesIO(b""))
    return stream.getvalue()


def hostile_zip(name, kind=0):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as pack:
        pack.writestr("first", "x")
        info = zipfile.ZipInfo(name)
        info.external_attr = (kind | 0o644) << 16
        pack.writestr(info, "/etc/passwd")
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        hostile_tar("../../evil"),
        hostile_tar("/tmp/evil"),
        hostile_tar("link", tarfile.SYMTYPE),
        hostile_tar("hard", tarfile.LNKTYPE),
        hostile_tar("pipe", tarfile.FIFOTYPE),
        hostile_tar("device", tarfile.CHRTYPE),
        hostile_tar("block", tarfile.BLKTYPE),
        hostile_tar("inside/../../evil"),
        hostile_zip("../../evil"),
        hostile_zip("/tmp/evil"),
        hostile_zip("inside/../../evil"),
        hostile_zip("link", stat.S_IFLNK),
        hostile_zip("device", stat.S_IFCHR),
        hostile_zip("pipe", stat.S_IFIFO),
        b"no archive at all",
    ],
    ids=map(str, itertools.count()),  # by their bytes, which hold the time, two processes would not know each other's
)
def test_hostile_or_broken_archive_is_refused_whole(content, tmp_path):
    source = tmp_path / "source.bin"
    source.write_bytes(content)
    with pytest.raises(ValueError):
        utils.get_file(fname="pack", origin=source.as_uri(), extract=True, cache_dir=tmp_path / "cache")
    assert tree(tmp_path) == ["cache/datasets/pack_archive", "source.bin"]


def test_unknown_archive_format(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"")
    with pytest.raises(NotImplementedError, match="rar"):
        utils.get_file(origin=(tmp_path / "a.bin").as_uri(), extract=True, archive_format="rar", cache_dir=tmp_path)
