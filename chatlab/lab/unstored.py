"""A picture that differs each time: a notebook shows it, and stores only that there was one.

Knows nothing of what is in the picture.
"""

from __future__ import annotations

from typing import Any

try:
    from ipywidgets import HTML
except ImportError:  # then there is the text
    HTML = None


class Unstored:
    """An SVG in a notebook's page, and words in its place wherever no kernel runs."""

    def __init__(self, title: str, svg: str) -> None:
        self.title = title
        self.svg = svg
        self._widget: Any = None

    def __repr__(self) -> str:
        return f"{self.title}: a picture (live while a kernel runs)"

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, Any]:
        told = {"text/plain": repr(self)}
        if HTML is None:
            return told
        if self._widget is None:
            self._widget = HTML(f'<div style="max-width: 100%; overflow-x: auto">{self.svg}</div>')
        return {**self._widget._repr_mimebundle_(**kwargs), **told}
