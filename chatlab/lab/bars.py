"""Bars for a notebook: how many of what, as a picture and as text.

Knows nothing of what is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

TEXT_WIDTH = 50
_ROW, _LABEL, _BAR, _NUMBER = 18, 110, 420, 60


def slots(values: Iterable[float], width: float, count: int) -> list[int]:
    """Return how many values fall into each of `count` slots of this width, from 0 on; later ones are left out.

    >>> slots([0.0, 0.04, 0.05, 9.0], width=0.05, count=2)
    [2, 1]
    """
    found = [0] * count
    for value in values:
        slot = int(value / width + 1e-9)  # 0.15 / 0.05 is a little less than 3 in a computer
        if 0 <= slot < count:
            found[slot] += 1
    return found


class Bars:
    """A bar for each number, one below the other, each with its label.

    >>> print(Bars("calls", {"0.0 s": 2, "0.1 s": 0, "0.2 s": 1}))
    calls
    0.0 s | ################################################## 2
    0.1 s |
    0.2 s | ######################### 1
    """

    def __init__(self, title: str, counts: dict[str, int]) -> None:
        if not counts or min(counts.values()) < 0:
            raise ValueError("bars want a number for each label, none below 0, and at least one")
        self.title = title
        self.counts = dict(counts)

    def __str__(self) -> str:
        width = max(map(len, self.counts))
        rows = [f"{label:{width}} | {self._hashes(number)}".rstrip() for label, number in self.counts.items()]
        return "\n".join([self.title, *rows])

    __repr__ = __str__

    def _hashes(self, number: int) -> str:
        length = -(-number * TEXT_WIDTH // max(1, *self.counts.values()))  # whoever is there is seen
        return f"{'#' * length} {number}" if number else ""

    def svg(self) -> str:
        """The bars as a picture in the colours of the page around it."""
        most = max(1, *self.counts.values())
        height, width = _ROW * (len(self.counts) + 2), _LABEL + _BAR + _NUMBER
        text = 'fill="currentColor" font-size="12" font-family="system-ui, sans-serif"'
        parts = [f'<text x="0" y="{_ROW - 4}" {text} font-weight="600">{escape(self.title)}</text>']
        for row, (label, number) in enumerate(self.counts.items(), 1):
            top = _ROW * row + 6
            length = round(_BAR * number / most, 1)
            parts += [
                f'<text x="{_LABEL - 8}" y="{top + 11}" text-anchor="end" {text}>{escape(label)}</text>',
                f'<rect x="{_LABEL}" y="{top}" width="{length}" height="{_ROW - 4}" fill="#2f6fb3"/>',
                f'<text x="{_LABEL + length + 6}" y="{top + 11}" {text}>{number or ""}</text>',
            ]
        words = escape(str(self), quote=True)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' role="img" aria-label="{words}" style="color: var(--jp-content-font-color1, CanvasText)">'
            f"{''.join(parts)}</svg>"
        )

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/html": f'<div style="max-width: 100%; overflow-x: auto">{self.svg()}</div>', "text/plain": str(self)}
