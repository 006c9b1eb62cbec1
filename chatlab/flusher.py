"""One thread that writes for many: a page, or whatever takes only so many writes in a second.

Knows nothing of widgets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

# A person sees 20 changes a second as a flow, and a page takes about 200 messages a second
# from all of its widgets.
TICK_SECONDS = 0.05


class Flusher:
    """Calls `flush` soon after each `post`: in one thread, and at most once in a tick.

    The thread lives while something is posted, and ends when nothing was for a tick: an idle
    panel has no thread, and nothing to stop.
    """

    def __init__(self, flush: Callable[[], None], thread_name: str) -> None:
        self._flush = flush
        self._thread_name = thread_name
        self._lock = threading.Lock()  # guards the two below
        self._is_posted = False
        self._thread: threading.Thread | None = None
        self._in_a_hurry = threading.Event()

    def post(self) -> None:
        """Ask for a flush. Never blocks; any thread may call it."""
        with self._lock:
            self._is_posted = True
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._thread_name, daemon=True)
                thread.start()
                self._thread = thread

    def finish(self) -> None:
        """Wait until all that was posted is flushed and the thread has ended."""
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._in_a_hurry.set()
            thread.join()
            self._in_a_hurry.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._is_posted:
                    self._thread = None
                    return
                self._is_posted = False
            try:
                self._flush()
            except BaseException:
                with self._lock:
                    self._thread = None  # the next post starts a new one
                raise
            self._in_a_hurry.wait(TICK_SECONDS)
