"""The figures of a benchmark as records and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from stylezoo.evaluate.cold import ColdStart
from stylezoo.evaluate.speed import Measured

Record = dict[str, Any]


def compare(found: Sequence[Measured], baseline: str, peak: Measured | None) -> list[Record]:
    """Return a record of each candidate at one size, with its ratios to `baseline`: above 1 is better, None unknown.

    `peak` is the matrix product of the same rounds. `peak_share` is the net's operations per second as a share of
    the product's.
    """
    first = next((m for m in found if m.name == baseline), None)
    flops_a_ms = peak.facts["flops"] / peak.times["net"].median if peak else None
    records = []
    for own in found:
        record: Record = {"what": "speed", "candidate": own.name}
        record |= {f"{part}_ms": asdict(times) for part, times in own.times.items()}
        record |= {"memory_mb": own.memory_mb, "loaded_mb": own.loaded_mb, "gpu_mb": own.gpu_mb} | own.facts
        net, flops = own.times.get("net"), own.facts.get("flops")
        record["peak_share"] = round(flops / net.median / flops_a_ms, 4) if net and flops and flops_a_ms else None
        record["baseline"] = baseline
        lighter = first.memory_mb / own.memory_mb if first and first.memory_mb and own.memory_mb else None
        record["ratios"] = {
            "stylize": _speed(own, first, "stylize"),
            "net": _speed(own, first, "net"),
            "memory": lighter and round(lighter, 3),
        }
        records.append(record)
    return records


def compare_cold(starts: Sequence[ColdStart], baseline: str) -> list[Record]:
    """Return a record of each cold start, with its ratios to that of `baseline` in the same way."""
    records = []
    for own in starts:
        same = (s for s in starts if s.command.way == own.command.way and s.command.name == baseline)
        other = next(same, None)
        lighter = other.memory_mb / own.memory_mb if other and other.memory_mb and own.memory_mb else None
        records.append(
            {
                "what": "cold start",
                "candidate": own.command.name,
                "way": own.command.way,
                "process_ms": asdict(own.times),
                "memory_mb": own.memory_mb,
                "baseline": baseline,
                "ratios": {
                    "process": own.times.speed_of(other.times) if other else None,
                    "memory": lighter and round(lighter, 3),
                },
            }
        )
    return records


def speed_table(records: Sequence[Record]) -> str:
    """Return the table of the records of one size: ratios first, then what they are made of."""
    columns = (
        "candidate",
        "stylize x",
        "net x",
        "memory x",
        "stylize ms",
        "net ms",
        "memory MB",
        "parameters",
        "GFLOP",
        "of peak",
    )
    rows = []
    for r in records:
        flops, share = r.get("flops"), r.get("peak_share")
        rows.append(
            [
                r["candidate"],
                *(_ratio(r["ratios"][key]) for key in ("stylize", "net", "memory")),
                _times(r.get("stylize_ms")),
                _times(r.get("net_ms")),
                f"{r['memory_mb']:.0f}" if r.get("memory_mb") else "–",
                f"{r['parameters']:,}" if r.get("parameters") else "–",
                f"{flops / 1e9:.2f}" if flops else "–",
                f"{share:.0%}" if share else "–",
            ]
        )
    return align(columns, rows)


def cold_table(records: Sequence[Record]) -> str:
    """Return the table of cold starts."""
    rows = [
        [
            r["candidate"],
            r["way"],
            _ratio(r["ratios"]["process"]),
            _ratio(r["ratios"]["memory"]),
            _times(r["process_ms"]),
            f"{r['memory_mb']:.0f}" if r["memory_mb"] else "–",
        ]
        for r in sorted(records, key=lambda r: r["way"], reverse=True)
    ]
    return align(("candidate", "from", "process x", "memory x", "process ms", "memory MB"), rows)


def _speed(own: Measured, first: Measured | None, part: str) -> float | None:
    if first is None or part not in own.times or part not in first.times:
        return None
    return own.times[part].speed_of(first.times[part])


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _times(times: Mapping[str, Any] | None) -> str:
    """Return a median and half of what lies between the quartiles."""
    if not times:
        return "–"
    digits = 0 if times["median"] >= 1000 else 1
    return f"{times['median']:.{digits}f} ± {(times['high'] - times['low']) / 2:.{digits}f}"


def align(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as text: the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = []
    for row in [columns, *rows]:
        name, *cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([name.strip().ljust(widths[0]), *cells]))
    return "\n".join(lines)
