"""A function that runs in a thread of its own, so that a cell can go on while it waits.

Knows nothing of sockets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Running:
    """A function in a thread of its own: `result` waits for what it returns, `error` for what it raises."""

    def __init__(self, function: Callable[..., Any], arguments: tuple) -> None:
        self._function = function
        self._arguments = arguments
        self._result: Any = None
        self._error: BaseException | None = None
        # A daemon: a function that waits for ever does not keep the kernel from ending.
        self._thread = threading.Thread(target=self._run, name=f"chatlab-{function.__name__}", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether the function has returned or raised."""
        return not self._thread.is_alive()

    def result(self, timeout_seconds: float = 5.0) -> Any:
        """Wait for the function's end and return what it returned, or raise what it raised.

        Raise TimeoutError if it is still at work after so long.
        """
        if error := self.error(timeout_seconds):
            raise error
        return self._result

    def error(self, timeout_seconds: float = 5.0) -> BaseException | None:
        """Wait for the function's end and return what it raised, None if nothing. Raise TimeoutError as above."""
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            raise TimeoutError(f"{self._function.__name__} is still at work after {timeout_seconds:g} s.")
        return self._error

    def _run(self) -> None:
        try:
            self._result = self._function(*self._arguments)
        except BaseException as error:  # for whoever asks; a thread's own report would land in any cell
            self._error = error

    def __repr__(self) -> str:
        return f"{self._function.__name__}, {'over' if self.is_over else 'running'}"


def in_background(function: Callable[..., Any], *arguments: Any) -> Running:
    """Call `function(*arguments)` in a thread of its own, and return at once.

    >>> counting = in_background(sum, [1, 2, 3])
    >>> counting.result()
    6
    """
    return Running(function, arguments)
