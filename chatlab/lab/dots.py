"""Dots for a notebook: a row for each contestant, and in it a dot for each figure, on a scale of powers of ten.

For what differs each time: a notebook stores only that there was a picture. Knows nothing of what was measured.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

try:
    from ipywidgets import HTML
except ImportError:  # then there is the text
    HTML = None

_ROW, _LABEL, _WIDTH, _MARGIN = 26, 130, 440, 60
_COLOURS = ("#2f6fb3", "#1a7f37", "#b3862f", "#b3432f", "#7a3fb3")


class Dots:
    """Rows of figures by name, of which most differ by factors and not by differences.

    >>> print(Dots("latency", {"one": {"p50": 0.5, "p99": 12.0}, "other": {"p50": 0.25}}, "ms"))
    latency       p50     p99
    one        0.5 ms   12 ms
    other     0.25 ms       -
    """

    def __init__(self, title: str, rows: dict[str, dict[str, float]], unit: str = "") -> None:
        if not any(rows.values()) or min(value for row in rows.values() for value in row.values()) <= 0:
            raise ValueError("dots want at least one figure, and all of them above 0")
        self.title = title
        self.rows = {name: dict(row) for name, row in rows.items()}
        self.unit = unit
        self.columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        self._widget: Any = None

    def __str__(self) -> str:
        shown = [["", *self.columns]]
        for name, row in self.rows.items():
            figures = [f"{row[key]:.3g} {self.unit}".strip() if key in row else "-" for key in self.columns]
            shown.append([name, *figures])
        shown[0][0] = self.title
        widths = [max(map(len, column)) for column in zip(*shown)]
        lines = [
            "   ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:]))])
            for first, *cells in shown
        ]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def svg(self) -> str:
        """The dots as a picture in the colours of the page around it."""
        figures = [value for row in self.rows.values() for value in row.values()]
        first = math.floor(math.log10(min(figures)) + 1e-9)
        last = max(first + 1, math.ceil(math.log10(max(figures)) - 1e-9))

        def x(value: float) -> float:
            return round(_LABEL + _WIDTH * (math.log10(value) - first) / (last - first), 1)

        bottom = _ROW * (len(self.rows) + 2)
        height, width = bottom + _ROW, _LABEL + _WIDTH + _MARGIN
        text = 'fill="currentColor" font-size="12" font-family="system-ui, sans-serif"'
        parts = [f'<text x="0" y="14" {text} font-weight="600">{escape(self.title)}</text>']
        for number, column in enumerate(self.columns):
            at, colour = _LABEL + 70 * number, _COLOURS[number % len(_COLOURS)]
            parts.append(f'<circle cx="{at + 4}" cy="{_ROW + 4}" r="4" fill="{colour}"/>')
            parts.append(f'<text x="{at + 14}" y="{_ROW + 8}" {text}>{escape(column)}</text>')
        for power in range(first, last + 1):
            at, told = x(10.0**power), f"{10.0**power:g} {self.unit}".strip()
            ends = f'x1="{at}" y1="{_ROW + 16}" x2="{at}" y2="{bottom}"'
            parts.append(f'<line {ends} stroke="currentColor" opacity="0.2"/>')
            parts.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle" {text}>{escape(told)}</text>')
        for place, (name, row) in enumerate(self.rows.items(), 2):
            y = _ROW * place + 2
            parts.append(f'<text x="{_LABEL - 10}" y="{y + 4}" text-anchor="end" {text}>{escape(name)}</text>')
            for column, value in row.items():
                colour = _COLOURS[self.columns.index(column) % len(_COLOURS)]
                parts.append(f'<circle cx="{x(value)}" cy="{y}" r="5" fill="{colour}" fill-opacity="0.8"/>')
        words = escape(str(self), quote=True)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' role="img" aria-label="{words}" style="color: var(--jp-content-font-color1, CanvasText)">'
            f"{''.join(parts)}</svg>"
        )

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, Any]:
        told = {"text/plain": f"{self.title}: a picture (live while a kernel runs)"}
        if HTML is None:
            return told
        if self._widget is None:
            self._widget = HTML(f'<div style="max-width: 100%; overflow-x: auto">{self.svg()}</div>')
        return {**self._widget._repr_mimebundle_(**kwargs), **told}
