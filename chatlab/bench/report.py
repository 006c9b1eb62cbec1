"""The figures of a comparison as a table, as JSON and as a plot.

Knows nothing of how they were measured.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from .compare import Result, ratios
from .load import Job

_ROW, _LABEL, _WIDTH = 26, 120, 560


def about_machine() -> str:
    """Return what a figure depends on, in a line."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors, {sys.platform}"
    )


def as_table(results: Sequence[Result], job: Job, than: str = "", p99_ms: float = 0.0) -> str:
    """Return a row for each server: median and spread, latencies, shares, and the ratio to `than`.

    With `idle` clients: how much memory one takes, when a line has reached them all, and how long a stop takes.
    """
    rows = _idle_rows(results) if job.mode == "idle" else _rows(results, than)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    lines.append("")
    lines += [f"{one.name}: failed in round {len(one.runs) + 1}: {one.failed}" for one in results if one.failed]
    for one in results:
        if lost := sum(run.lost_clients for run in one.runs):
            lines.append(f"{one.name}: it hung up on {lost} clients while they were counted, so there was less to do.")
    lines.append(in_words(job, p99_ms))
    rounds = max((len(one.runs) for one in results), default=0)
    languages = " and ".join(sorted({run.generator for one in results for run in one.runs}))
    lines.append(f"Medians of {rounds} rounds, by turns; a generator in {languages}. {about_machine()}.")
    if any(run.generator_share > 0.9 for one in results for run in one.runs):
        lines.append("Where the generator's share is near 1, it was what was slow: that figure means `at least`.")
    return "\n".join(lines)


def _idle_rows(results: Sequence[Result]) -> list[list[str]]:
    rows = [["server", "KiB a client", "all have heard s", "least", "most", "stop s", "most"]]
    for one in results:
        if not one.runs:
            continue
        reached = [run.seconds for run in one.runs]
        sizes = [run.bytes_each / 1024 for run in one.runs if run.bytes_each is not None]
        row = [one.name, f"{statistics.median(sizes):.2f}" if sizes else ""]
        row += [f"{value:.3f}" for value in (statistics.median(reached), min(reached), max(reached))]
        stops = one.stop_seconds
        row += [f"{statistics.median(stops):.3f}", f"{max(stops):.3f}"] if stops else ["", ""]
        rows.append(row)
    return rows


def _rows(results: Sequence[Result], than: str) -> list[list[str]]:
    header = ["server", "deliveries/s", "least", "most"]
    other = next((one for one in results if one.name == than and one.runs), None)
    if other:
        header += [f"times {than}", "least", "most"]
    latencies = [name for name in ("p50", "p99", "p99.9") if any(one.latency(name) is not None for one in results)]
    header += [f"{name} ms" for name in latencies]
    header += ["generator", "server", "memory MiB"]
    rows = [header]
    for one in results:
        if one.failed or not one.runs:
            continue
        rates = one.rates()
        row = [one.name, *(f"{value:,.0f}" for value in (statistics.median(rates), min(rates), max(rates)))]
        if other:
            found = ratios(one, other)
            row += (
                [f"{value:.3g}" for value in (statistics.median(found), min(found), max(found))] if found else [""] * 3
            )
        row += [f"{value:.2f}" if (value := one.latency(name)) is not None else "" for name in latencies]
        row += [
            _median(run.generator_share for run in one.runs),
            _median(run.server_share for run in one.runs),
            _median(None if run.server_bytes is None else run.server_bytes / 2**20 for run in one.runs),
        ]
        rows.append(row)
    return rows


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]


def _median(values) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.2f}" if known else ""


def in_words(job: Job, p99_ms: float = 0.0) -> str:
    """Return what was done, in a sentence; `p99_ms`: the highest pace was searched that keeps to it."""
    how = {
        "flood": "each says as much as the server takes",
        "paced": f"{job.pace:,.0f} deliveries/s are asked for, at fixed times",
        "one": "each says its next line when a receiver of its own has read the one before",
        "idle": "one line is said when all are there",
    }[job.mode]
    if p99_ms:
        how = f"the highest pace at which 99 of 100 deliveries take less than {p99_ms:g} ms"
    counted = "" if job.mode == "idle" else f" Counted for {job.seconds:g} s."
    return f"{job.receivers:,} receivers, {job.senders:,} senders, lines of {job.line_bytes} bytes; {how}.{counted}"


def as_json(results: Sequence[Result], job: Job, p99_ms: float = 0.0) -> str:
    """Return everything that was measured."""
    asked = {
        name: value for name, value in asdict(job).items() if name not in ("address", "dialect", "server_pid", "hands")
    }
    asked["p99_ms"] = p99_ms or None
    data = {"format": 1, "machine": about_machine(), "job": asked, "results": [asdict(one) for one in results]}
    return json.dumps(data, indent=1) + "\n"


def as_plot(results: Sequence[Result], job: Job, p99_ms: float = 0.0) -> str:
    """Return an SVG picture: a dot for each round and a mark at the median, on a scale of powers of ten."""
    shown = [one for one in results if one.rates() and min(one.rates()) > 0]
    rates = [rate for one in shown for rate in one.rates()] or [1.0]
    first, last = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)) + 1e-9)
    last = max(last, first + 1)
    height = _ROW * (len(shown) + 3)

    def x(rate: float) -> float:
        return round(_LABEL + _WIDTH * (math.log10(rate) - first) / (last - first), 1)

    text = 'fill="currentColor" font-size="12" font-family="system-ui, sans-serif"'
    parts = [f'<text x="0" y="16" {text} font-weight="600">{escape(in_words(job, p99_ms))}</text>']
    bottom = _ROW * (len(shown) + 1) + 8
    for power in range(first, last + 1):
        at = x(10.0**power)
        parts.append(f'<line x1="{at}" y1="{_ROW}" x2="{at}" y2="{bottom}" stroke="currentColor" opacity="0.2"/>')
        parts.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle" {text}>{10**power:,}</text>')
    parts.append(f'<text x="{_LABEL + _WIDTH}" y="{bottom + 34}" text-anchor="end" {text}>deliveries a second</text>')
    for row, one in enumerate(shown, 1):
        y = _ROW * row + 12
        parts.append(f'<text x="{_LABEL - 10}" y="{y + 4}" text-anchor="end" {text}>{escape(one.name)}</text>')
        parts += [f'<circle cx="{x(rate)}" cy="{y}" r="4" fill="#2f6fb3" fill-opacity="0.5"/>' for rate in one.rates()]
        middle = x(statistics.median(one.rates()))
        parts.append(f'<line x1="{middle}" y1="{y - 9}" x2="{middle}" y2="{y + 9}" stroke="#b3432f" stroke-width="2"/>')
    words = escape(as_table(results, job, "", p99_ms), quote=True)
    width = _LABEL + _WIDTH + 60
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{words}" style="color: var(--jp-content-font-color1, CanvasText)">'
        f"{''.join(parts)}</svg>\n"
    )
