"""`python -m benchmarks.report RESULTS.json... > docs/performance.md`: the tables of one or several runs.

Rows of several runs stand side by side: each ratio was paired with fastnn in its own run; the times are of the first.
Charts are written beside: `docs/performance-LEVEL.svg`. Remarks written by hand are taken from
`docs/performance_notes.md`.
"""

SCALES = ((1e-6, "ns", 1e9), (1e-3, "us", 1e6), (1.0, "ms", 1e3), (float("inf"), "s", 1.0))


def quantity(value: float, unit: str) -> str:
    """`value` in a unit that people read."""
    if unit == "s":
        _, name, factor = next(scale for scale in SCALES if abs(value) < scale[0])
        return f"{value * factor:.3g} {name}"
    if unit == "s/row":
        return f"{1 / value:.3g} rows/s"
    if unit == "bytes":
        return f"{value / 1e6:.1f} MB" if value >= 1e5 else f"{value:.0f} B"
    for name, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if value >= factor:
            return f"{value / factor:.3g} {name}{unit}"
    return f"{value:.3g} {unit}"


def ratio(of: dict) -> str:
    """The median of the ratios with the smallest and the largest."""
    return f"{of['ratio']:.2f} ({of['low']:.2f} to {of['high']:.2f})" if "ratio" in of else "-"


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
            differs = " (other result)" if name in row.get("differing", ()) else ""
            parts.append(f"{name} {quantity(of['median'], row['unit'])} = {ratio(of)}{differs}")
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
