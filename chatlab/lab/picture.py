"""A still picture of chat panels, for places where no kernel runs: a code host, an HTML export.

Knows nothing of widgets. It is a plain table, because code hosts strip styles and scripts, and
JupyterLab shows no SVG of a notebook that it does not trust yet.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from html import escape
from itertools import zip_longest
from typing import Protocol

_COLUMN_CHARACTERS = 32


class PictureLine(Protocol):
    """A line of a log; `chatlab.lab.panels.Line` is one."""

    kind: str
    mark: str
    text: str


class Pictured(Protocol):
    """What can be pictured: a ChatPanel, or anything with a name, a status and a log."""

    name: str
    status: str
    log: list[PictureLine]


class Picture:
    """The logs of some panels side by side, as they were when the picture was taken."""

    def __init__(self, titles: list[str], columns: list[list[tuple[str, str]]]) -> None:
        self._titles = titles
        self._columns = columns

    def html(self) -> str:
        """The picture as a table whose look rests on no style sheet and no colour."""
        width = f'width="{100 // max(1, len(self._titles))}%" align="left"'
        style = 'style="text-align: left; vertical-align: top"'
        heads = "".join(f"<th {width} {style}>{escape(title)}</th>" for title in self._titles)
        cells = "".join(
            f'<td {width} valign="top" {style}>{"".join(_html_line(*line) for line in column)}</td>'
            for column in self._columns
        )
        return f"<table><thead><tr>{heads}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"

    def __str__(self) -> str:
        columns = [list(_wrapped(mark + text for mark, text in column)) for column in self._columns]
        rule = ["-" * _COLUMN_CHARACTERS] * len(columns)
        rows = [self._titles, rule, *zip_longest(*columns, fillvalue="")]
        return "\n".join(" | ".join(f"{cell:{_COLUMN_CHARACTERS}}" for cell in row).rstrip() for row in rows)

    __repr__ = __str__

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": str(self)}


def picture(*panels: Pictured, since: str = "", talk_only: bool = False) -> Picture:
    """Take a picture of panels side by side, from the last line that holds the words of `since`.

    With `talk_only` the server's notices are left out, and what it told newcomers as
    `* Earlier, ana: hello` stands as `ana: hello`: after a restart it is chance who comes back
    first, and so who hears a line live.
    """
    titles = [f"{panel.name} ({panel.status})" for panel in panels]
    return Picture(titles, [_column(panel.log, since, talk_only) for panel in panels])


def _column(log: list[PictureLine], since: str, talk_only: bool) -> list[tuple[str, str]]:
    starts = [number for number, line in enumerate(log) if since in line.mark + line.text]
    lines = [(line.kind, line.mark, line.text) for line in log[starts[-1] if since and starts else 0 :]]
    if talk_only:
        lines = [_as_talk(*line) for line in lines]
        lines = [line for line in lines if line[0] != "notice"]
    return [(mark, text) for _, mark, text in lines]


def _as_talk(kind: str, mark: str, text: str) -> tuple[str, str, str]:
    name, colon, said = text.removeprefix("Earlier, ").partition(": ")
    is_earlier = kind == "notice" and text.startswith("Earlier, ") and colon
    return ("chat", name + colon, said) if is_earlier else (kind, mark, text)


def _html_line(mark: str, text: str) -> str:
    # In <code>, because notebooks hand everything else to MathJax: "$x$" would be set as a formula.
    # Two spaces stay two only if one of them does not break.
    text = escape(text).replace("  ", "\N{NO-BREAK SPACE} ")
    words = f"<b>{escape(mark)}</b>{text}" if mark else f"<i>{text}</i>"
    hanging = "padding-left: 1.2em; text-indent: -1.2em"
    return f'<div style="{hanging}"><code style="background: none; padding: 0">{words}</code></div>'


def _wrapped(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        yield from textwrap.wrap(line, _COLUMN_CHARACTERS, subsequent_indent="  ") or [""]
