"""Loads files, each in a process of its own with limits, and says what came of it.

    python loading_process.py GOOD FOLDER FILE...

GOOD is a model that is loaded before, so that what is imported and made at the first load counts for nothing. Prints a
line of JSON for each FILE: the outcome ("model" or the exception's type), its message, seconds of CPU time, MB of
memory beyond what was there before, what was touched (files opened, programs, network, code run), and what has changed
globally.
"""

import json
import os
import resource
import signal
import sys
import time
import warnings

import numpy as np
import scipy.signal  # noqa: F401 (it changes the filters of warnings when a layer of spectrograms imports it)

import fastnn

ADDRESS_SPACE = 8 << 30  # so that a failure of the tests is no failure of the machine
SECONDS = 20
CODE = ("exec", "compile", "marshal.loads", "import")  # events of our own lazy imports, too
ENGINE = ("_engine.pyx", "_functions.pxi")
FRAME = b"_getframe()"  # what Cython compiles and runs for the engine's line in the traceback of an exception
TOUCHING = ("socket.", "subprocess.", "os.", "shutil.", "ctypes.", "pickle.", "urllib.", "tempfile.")


def importing() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def is_frame(event: str, args: tuple) -> bool:
    """Whether Cython makes a frame of the engine: its source is compiled, and then the code of that runs."""
    if event == "compile":
        return args[0] == FRAME and str(args[1]).endswith(ENGINE)
    return event == "exec" and args[0].co_filename.endswith(ENGINE) and args[0].co_names == ("_getframe",)


def watch(path: str, touched: list) -> None:
    def hook(event, args):
        if event == "open":
            if args[0] not in (path, os.fsencode(path)) and not importing():
                touched.append(f"open {args[0]}")
        elif (event in CODE and not importing()) or event.startswith(TOUCHING):
            if event not in ("os.listdir", "os.scandir", "import") and not importing() and not is_frame(event, args):
                touched.append(f"{event} {str(args)[:80]}")
            elif event == "import" and args[0].partition(".")[0] not in {*sys.modules, "difflib"}:  # for a message
                touched.append(f"import {args[0]}")

    sys.addaudithook(hook)


def everything_global() -> dict:
    config = fastnn.config
    return {
        "floatx": config.floatx(), "epsilon": config.epsilon(), "format": config.image_data_format(),
        "policy": config.dtype_policy().name, "home": config.keras_home(), "threads": config.threads(),
        "registered": sorted(fastnn.saving.get_custom_objects()), "environment": dict(os.environ), "cwd": os.getcwd(),
        "path": list(sys.path), "filters": str(warnings.filters), "random": str(np.random.get_state()),
        "recursion": sys.getrecursionlimit(), "memory": np._core.multiarray.get_handler_name(),
        "errors": np.geterr(), "hook": str(sys.excepthook),
    }  # fmt: skip


def memory(key: str) -> float:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


def load(path: str, into=None) -> dict:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    touched: list = []
    before, used, began = everything_global(), memory("VmRSS"), time.process_time()
    watch(path, touched)
    message = ""
    try:
        if path.endswith(".weights.h5"):
            into.load_weights(path)
        else:
            fastnn.saving.load_model(path)
        outcome = "model"
    except BaseException as error:
        outcome, message = type(error).__name__, str(error)
    seconds, touched = time.process_time() - began, list(touched)
    after = everything_global()
    return {
        "outcome": outcome, "message": message[-2000:], "seconds": seconds, "touched": touched,
        "megabytes": memory("VmHWM") - used, "changed": [key for key in before if before[key] != after[key]],
    }  # fmt: skip


def main(good: str, folder: str, *files: str) -> None:
    os.chdir(folder)
    warnings.simplefilter("ignore")
    model = fastnn.saving.load_model(good)
    for path in files:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(SECONDS)
            os.write(writer, json.dumps(load(path, model)).encode())
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        print(answer.decode() or json.dumps({"outcome": f"died of signal {status}"}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
