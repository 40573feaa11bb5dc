"""What the machine is and the most that it does: `python -m benchmarks.machine BUDGET_S` prints one JSON line.

The peak of arithmetic is multiply-adds on registers and nothing else, in slices as long as those that kernels are timed
in (`timing.seconds_of`): the clock of a CPU changes within milliseconds. The bandwidth of memory is that of `memcpy` or
of scaling an array in place, whichever is more, over arrays far larger than the caches, one slice a thread: bytes read
plus bytes written.
"""

import functools
import json
import os
import platform
import subprocess
import sys
import threading
import time

import numpy as np

from benchmarks.timing import SLICES, repeated, settle

REPEATS_S = 0.3
PASSED_BYTES = 512 << 20  # the last cache of a server has 256 MiB and more


def threads() -> int:
    """The threads of this process: `OMP_NUM_THREADS`, or the cores that it may use."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def memory() -> dict:
    """Bytes of memory that this process holds now, and the most that it has held."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[key].split()[0]) * 1024 for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))}


def description() -> dict:
    """CPU, cores, kernel table, system, Python, NumPy and the commit."""
    from fastnn import _kernels
    from fastnn._kernels import _engine

    info = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                info.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    names = ("model name", "cpu family", "model")
    return {
        "cpu": ", ".join(f"{name} {info[name]}".removeprefix("model name ") for name in names if name in info),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel_table": _kernels.isa(),
        "compiler": _engine.build_info()["compiler"],
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "commit": commit.stdout.strip(),
    }


def flops_peak(slice_s: float) -> float:
    """The most float32 operations a second within `slice_s`, by fastnn's `fma_peak` kernel."""
    from fastnn import _kernels
    from fastnn._kernels import _engine

    units = 4 * threads()
    buffer = np.full(2 + units * 64, 0.5, "float32")
    plan = _engine.Plan(_kernels.isa(), [("fma_peak_f32", [(0, 0)], [units, 20_000], [], threads())], 0, 1)
    arena = plan.acquire(threads())
    plan.bind(arena, 0, buffer)
    run = repeated(lambda: plan.execute(arena, 0, 1, 0, 1, threads()))
    times = max(1, round(slice_s / _shortest(lambda: run(1))))
    return times * plan.work[0][3] / _shortest(lambda: run(times))


def bandwidth() -> float:
    """Bytes a second that the cores move between them and memory."""
    source, target = (np.full(PASSED_BYTES // 4, 1, "float32") for _ in range(2))  # written, so no pass meets new pages
    slices = list(zip(np.array_split(source, threads()), np.array_split(target, threads()), strict=True))

    def scale(to, _):
        np.multiply(to, np.float32(1), out=to)

    return 2 * PASSED_BYTES / min(_shortest(functools.partial(_share, work, slices)) for work in (np.copyto, scale))


def _share(work, slices) -> None:
    """`work` on each of `slices`, in a thread of its own."""
    workers = [threading.Thread(target=work, args=of_one) for of_one in slices]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _shortest(function) -> float:
    settle()
    seconds, begin = [], time.perf_counter()
    while time.perf_counter() < begin + REPEATS_S:
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    flops = flops_peak(float(sys.argv[1]) / SLICES)
    print(json.dumps({"flops_per_s": flops, "bytes_per_s": bandwidth(), "machine": description()}))
