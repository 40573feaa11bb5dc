"""`python -m benchmarks.report RESULTS.json... > docs/performance.md`: the tables and charts of one or several runs.

Rows of several runs stand side by side: each ratio was paired with fastnn in its own run, fastnn's own figures are of
the first. Charts are written to `docs/performance_LEVEL.svg`. Remarks written by hand are taken from
`docs/performance_notes.md`. Nothing in the output is typed by hand but those.
"""

import argparse
import json
import math
import os
import re
import statistics

from benchmarks.goals import GOALS, MEMORY
from benchmarks.pairs import BEFORE

DOCS = "docs"
NOTES = os.path.join(DOCS, "performance_notes.md")
TITLES = {
    "first_epoch": "first epoch", "epoch": "epoch", "call": "`model(x)`, one row", "predict": "`predict`, one row",
    "predict_512": "`predict` at 512", "train_on_batch": "`train_on_batch`, 32 rows", "peak_memory": "peak memory",
    "memory_of_fit": "memory of `fit`", "import": "import", "first_step": "start to first step",
    "installed_size": "installed", "fit_of_ten": "`fit` on ten rows", "bytes_a_step": "allocated by a step of `fit`",
    "data": "data", "state": "weights and slots", "live": "largest set of live arrays", "arena": "arena",
    "memo": "notes of calls", "first_epoch_memory": "peak memory of the first epoch",
    "epoch_memory": "peak memory of a later epoch", "arena_over_live": "arena / live",
    "first_epoch_over_data_and_arena": "first epoch / (data + arena)",
    "epoch_over_data_and_arena": "later epoch / (data + arena)",
    "first_loop": "the first loop", "loop": "a later loop",
    "bytes_a_train_on_batch": "allocated by `train_on_batch`", "bytes_a_call": "allocated by `model(x)`",
}  # fmt: skip
SCALES = ((1e-6, "ns", 1e9), (1e-3, "us", 1e6), (1.0, "ms", 1e3), (float("inf"), "s", 1.0))


def quantity(value: float, unit: str) -> str:
    """`value` in a unit that people read."""
    if unit == "s":
        _, name, factor = next(scale for scale in SCALES if abs(value) < scale[0])
        return f"{value * factor:.3g} {name}"
    if unit == "s/row":
        return f"{1 / value:.3g} rows/s"
    if unit == "":
        return f"{value:.2f}"
    if unit == "%":
        return f"{value:.0%}"
    if unit == "bytes":
        return f"{value / 1e6:.1f} MB" if value >= 1e5 else f"{value:.0f} B"
    for name, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if value >= factor:
            return f"{value / factor:.3g} {name}{unit}"
    return f"{value:.3g} {unit}"


def plural(count: int) -> str:
    return "" if count == 1 else "s"


def ratio(of: dict) -> str:
    """The median of the ratios with the smallest and the largest."""
    return f"{of['ratio']:.2f} ({of['low']:.2f} to {of['high']:.2f})" if "ratio" in of else "-"


def differs(row: dict, name: str) -> str:
    """A mark where the contender computed something else."""
    return " (other result)" if name in row.get("differing", ()) else ""


def machine_line(results: dict) -> str:
    machine = results["machine"]["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel_table']}, commit {machine['commit']}"


def row_line(row: dict) -> str:
    """A row for the terminal."""
    of_ours = row["contenders"]["fastnn"]
    parts = [f"{row['group']:>13} {row['row']:<60} {row['figure']:<14} threads={row['threads']}"]
    parts.append(f"{quantity(of_ours['median'], row['unit']):>10}")
    if "share" in row:
        parts.append(f"{quantity(row['rate'], row['rate_unit']):>12} {row['share']:5.0%} of peak")
    for name, of in row["contenders"].items():
        if name != "fastnn":
            parts.append(f"{name} {quantity(of['median'], row['unit'])} = {ratio(of)}{differs(row, name)}")
    return "  ".join(parts)


def missing(rows) -> dict:
    """`{contender: where and why it is missing}`."""
    found = {}
    for row in rows:
        for name, reason in row["missing"].items():
            found.setdefault(name, {}).setdefault(reason, {})[row["group"]] = None
    return {
        name: "; ".join(f"{', '.join(groups)}: {reason}" for reason, groups in reasons.items())
        for name, reasons in found.items()
    }


def slower_than_before(rows) -> list[str]:
    """Lines for the figures that are more than 3 % above those of another commit, by the median of the ratios and by
    the best of all rounds too: a slow minute moves one of them."""
    lines, compared = [], [row for row in rows if "ratio" in row["contenders"].get(BEFORE, {})]
    for row in compared:
        ours, before = row["contenders"]["fastnn"], row["contenders"][BEFORE]
        best = min(before["values"]) / min(ours["values"])
        if max(before["ratio"], best) < 0.97:
            lines.append(
                f"  {row['row']}, {row['figure']}, threads={row['threads']}: {ratio(before)}, of the best {best:.2f}"
            )
    return [f"more than 3 % above {BEFORE}: {len(lines)} of {len(compared)} figures", *lines]


# ---- Markdown ----

INTRODUCTION = """# Performance

Made by `python -m benchmarks.report` from the results of `make bench` and `make bench-peers`.

A ratio is a contender's time (or memory) over fastnn's in the same round: above 1, fastnn needs less. Contenders
alternate in fresh processes on the same cores; a ratio is the median over rounds, with the smallest and the largest in
brackets. Times are medians of their run, and are not comparable with those of another. Rates and shares are of the
shortest time of all rounds: shares of the multiply-adds on registers, in slices of the same length, or of the memory
bandwidth, that the same machine reached at best in the same minutes. Data that stay in cache can be faster than memory,
and convolutions that need fewer products than the plain sum faster than these.
"""


def merged(runs: list[dict]) -> list[dict]:
    """The rows of all runs, those of one problem as one."""
    rows = {}
    for run in runs:
        for row in run["rows"]:
            key = row["level"], row["group"], row["row"], row["figure"], row["threads"]
            if key in rows:
                rows[key]["contenders"] = row["contenders"] | rows[key]["contenders"]
                rows[key]["missing"] = row["missing"] | rows[key]["missing"]
                rows[key]["differing"] = [*rows[key].get("differing", ()), *row.get("differing", ())]
            else:
                rows[key] = dict(row)
    return list(rows.values())


def goals(rows) -> str:
    """A line for each goal and thread count: how many rows reach it, and the one that is farthest from it."""
    lines = []
    for goal in GOALS:
        of_level = grouped([row for row in rows if row["level"] == goal.level], "threads")
        for threads in sorted(set(goal.threads) & set(of_level)):
            found = [(value, row) for row in of_level[threads] if (value := goal.value(row)) is not None]
            if found:
                worst, row = (max if goal.at_most else min)(found, key=lambda of: of[0])
                reached = sum(goal.met(value) for value, _ in found)
                wanted, worst = (quantity(value, goal.unit) for value in (goal.bound, worst))
                which = row["row"] + ("" if row["figure"] == "time" else f", {TITLES[row['figure']]}")
                lines.append(
                    [
                        goal.text, str(threads), ("at most " if goal.at_most else "") + wanted,
                        f"{reached} of {len(found)}", worst + (f" ({which})" if len(found) > 1 else ""),
                    ]
                )  # fmt: skip
    return table(["goal", "threads", "wanted", "reached", "the farthest from it"], lines)


def table(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"


def contenders_of(rows) -> list[str]:
    """Those besides fastnn, in the order in which they were met."""
    return [name for name in dict.fromkeys(n for row in rows for n in row["contenders"]) if name != "fastnn"]


def geometric_mean(rows, name: str) -> str:
    ratios = [of["ratio"] for row in rows if "ratio" in (of := row["contenders"].get(name, {}))]
    return f"{math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}" if ratios else "-"


def grouped(rows, key) -> dict:
    found = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def kernels(rows) -> str:
    peers = contenders_of(rows)
    families = grouped(rows, "group")
    means = [
        [family, str(len(of)), f"{sum(r['share'] for r in of) / len(of):.0%}", *(geometric_mean(of, p) for p in peers)]
        for family, of in families.items()
    ]
    parts = ["Geometric means of the ratios, and the mean share of what the machine can do:\n"]
    parts.append(table(["family", "problems", "share", *peers], means))
    for family, of in families.items():
        lines = [
            [
                row["row"], quantity(row["contenders"]["fastnn"]["median"], row["unit"]),
                quantity(row["rate"], row["rate_unit"]), f"{row['share']:.0%}" if row["rate_unit"] == "FLOP/s" else "",
                f"{row['bandwidth_share']:.0%}",
                *(ratio(row["contenders"].get(peer, {})) + differs(row, peer) for peer in peers),
            ]
            for row in of
        ]  # fmt: skip
        head = ["problem", "fastnn", "rate", "of multiply-adds", "of bandwidth", *peers]
        parts += [f"\n#### {family}\n", table(head, lines)]
    return "\n".join(parts)


def drawn(rows) -> str:
    """A line for each kind of problem: the ratios' middle, and the least with its problem."""
    peers, lines = contenders_of(rows), []
    for kind, of in grouped([row | {"kind": row["row"].split()[0]} for row in rows], "kind").items():
        cells = []
        for peer in peers:
            ratios = sorted((r["contenders"][peer]["ratio"], r["row"]) for r in of if peer in r["contenders"])
            (least, name), (middle, _) = (ratios[0], ratios[len(ratios) // 2]) if ratios else [(0.0, "-")] * 2
            cells += [f"{middle:.2f}", f"{least:.2f} ({name.removeprefix(kind + ' ')})"]
        lines.append([kind, str(len(of)), f"{statistics.median(row['share'] for row in of):.0%}", *cells])
    return table(["kind", "problems", "share", *(head for peer in peers for head in (peer, "its least"))], lines)


def by_call(rows) -> str:
    """A table for each group: a line for each call, a column for each contender."""
    peers, parts = contenders_of(rows), []
    for group, of in grouped(rows, "group").items():
        lines = [
            [
                f"`{row['row'].removesuffix(' of ten')}`", quantity(row["contenders"]["fastnn"]["median"], row["unit"]),
                *(ratio(row["contenders"].get(peer, {})) + differs(row, peer) for peer in peers),
            ]
            for row in of
        ]  # fmt: skip
        lines.append(["geometric mean", "", *(geometric_mean(of, peer) for peer in peers)])
        parts += [f"\n#### {group}\n", table(["call", "fastnn", *peers], lines)]
    return "\n".join(parts)


def by_contender(rows, groups_are_shown: bool) -> str:
    """A table for each group: a line for each contender, a column for each figure."""
    parts = []
    for group, of in grouped(rows, "group").items() if groups_are_shown else [("", rows)]:
        lines = []
        for name in ["fastnn", *contenders_of(of)]:
            cells = []
            for row in of:
                figures = row["contenders"].get(name)
                cells.append("-" if figures is None else quantity(figures["median"], row["unit"]))
                if figures is not None and name != "fastnn" and "ratio" in figures:
                    cells[-1] = (
                        f"**{figures['ratio']:.2f}** ({figures['low']:.2f} to {figures['high']:.2f}), {cells[-1]}"
                    )
            lines.append([name, *cells])
        parts += [f"\n#### {group}\n"] if group else []
        parts.append(table(["", *(TITLES.get(row["figure"], row["figure"]) for row in of)], lines))
    return "\n".join(parts)


def by_network(rows) -> str:
    """A line for each network, a column for each figure; those that miss a goal are marked."""
    lines = []
    for of in grouped(rows, "row").values():
        values = {row["figure"]: (row["contenders"]["fastnn"]["median"], row["unit"]) for row in of}
        missed = {figure for figure, goal in MEMORY.items() if values[figure][0] > goal}
        cells = [quantity(*value) + " (missed)" * (figure in missed) for figure, value in values.items()]
        lines.append([of[0]["row"], *cells])
    return table(["", *(TITLES[figure] for figure in values)], lines)


def by_figure(rows) -> str:
    """A table for each figure: a line for each network, a column for each contender, and geometric means."""
    peers, parts = contenders_of(rows), []
    for figure, of in grouped(rows, "figure").items():
        lines = [
            [
                row["row"], quantity(row["contenders"]["fastnn"]["median"], row["unit"]),
                *(ratio(row["contenders"].get(peer, {})) for peer in peers),
            ]
            for row in of
        ]  # fmt: skip
        lines.append(["geometric mean", "", *(geometric_mean(of, peer) for peer in peers)])
        parts += [f"\n#### {TITLES[figure]}\n", table(["network", "fastnn", *peers], lines)]
    return "\n".join(parts)


SECTIONS = {
    "kernels": ("Kernels", kernels),
    "sampled": ("Kernels of sizes that are drawn", drawn),
    "calls": ("Calls of ops with arrays", by_call),
    "networks": ("Networks", lambda rows: by_contender(rows, True)),
    "others": ("Other networks", by_figure),
    "applications": ("Networks of `keras.applications` (`predict`: all images at once)", by_figure),
    "loops": ("Training loops of users' own", by_figure),
    "memory": ("Memory", by_network),
    "overheads": ("Overheads", lambda rows: by_contender(rows, False)),
    "constants": ("Constants of the cost model", lambda rows: by_contender(rows, False)),
}


def machine_lines(run: dict) -> str:
    machine = run["machine"]["machine"]
    memory, peak = machine["memory_bytes"] / 2**30, run["machine"]
    return (
        f"- `{run['command']}`, {run['date']}, {run['rounds']} round{plural(run['rounds'])}: {machine_line(run)}; "
        f"{memory:.0f} GiB, {quantity(peak['flops_per_s'], 'FLOP/s')} of multiply-adds, "
        f"{quantity(peak['bytes_per_s'], 'B/s')} of memory bandwidth; {machine['compiler']}, "
        f"{machine['system']}, Python {machine['python']}, NumPy {machine['numpy']}."
    )


def document(runs: list[dict]) -> str:
    rows = merged(runs)
    parts = [INTRODUCTION, "## Machine\n", *map(machine_lines, runs), "", "## Goals\n", goals(rows)]
    for level, (title, section) in SECTIONS.items():
        of_level = [row for row in rows if row["level"] == level]
        if of_level:
            parts += (
                [f"## {title}\n", f"![{title}](performance_{level}.svg)\n"] if level in CHARTS else [f"## {title}\n"]
            )
        for threads, of in grouped(of_level, "threads").items():
            parts += [f"### {threads} thread{plural(threads)}\n", section(of)]
    if absent := missing(rows):
        parts += ["## Missing, or not able\n", *(f"- {name}: {reason}" for name, reason in absent.items()), ""]
    if os.path.exists(NOTES):
        with open(NOTES, encoding="utf-8") as file:
            parts.append(file.read())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


# ---- charts ----


def chart_of_kernels(axes, rows) -> None:
    """The share of each problem, a column a family."""
    families = grouped(rows, "group")
    for place, of in enumerate(families.values()):
        axes.scatter([place] * len(of), [row["share"] for row in of], s=14, alpha=0.6)
    axes.set_xticks(range(len(families)), families, rotation=30, ha="right")
    axes.axhline(1, color="grey", lw=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("share of the machine's peak")


def chart_of_networks(axes, rows) -> None:
    """Each contender's epoch over fastnn's."""
    epochs = [row for row in rows if row["figure"] == "epoch"]
    peers = contenders_of(epochs)
    width = 0.8 / max(len(peers), 1)
    for number, peer in enumerate(peers):
        for place, row in enumerate(epochs):
            if of := row["contenders"].get(peer):
                spread = [[of["ratio"] - of["low"]], [of["high"] - of["ratio"]]]
                label = peer if row is next(r for r in epochs if peer in r["contenders"]) else None
                axes.bar(place + number * width, of["ratio"], width, yerr=spread, color=f"C{number}", label=label)
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(epochs))], [row["group"] for row in epochs])
    axes.axhline(1, color="black", lw=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("time of an epoch / fastnn's")
    axes.legend(fontsize=7)


CHARTS = {"kernels": chart_of_kernels, "networks": chart_of_networks}


def draw(runs: list[dict]) -> None:
    """Writes a chart for each level, of the largest number of threads."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "fastnn"  # the same figures give the same file
    rows = merged(runs)
    for level, chart in CHARTS.items():
        of_level = [row for row in rows if row["level"] == level]
        most = max((row["threads"] for row in of_level), default=0)
        if of_level:
            figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
            chart(axes, [row for row in of_level if row["threads"] == most])
            axes.set_title(f"{level}, {most} thread{plural(most)}")
            figure.savefig(os.path.join(DOCS, f"performance_{level}.svg"), metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__.split(": ", 1)[1])
    parser.add_argument("results", nargs="+", help="files of `python -m benchmarks --json`")
    runs = []
    for path in parser.parse_args().results:
        with open(path, encoding="utf-8") as file:
            runs.append(json.load(file))
    draw(runs)
    print(document(runs), end="")


if __name__ == "__main__":
    main()
