"""Lab 08: when it breaks. What does a dead connection look like, and who waits for a slow reader?

A function and a class, and what they promise. The notebook 08_when_it_breaks.ipynb shows what they
are for, and this shows where you stand:

    python3 -m chatlab check lab08
"""

import socket
import threading
import time
from collections import deque

RECV_BYTES = 4096
IDLE_SECONDS = 20.0
ANSWER_SECONDS = 10.0
LIMIT_BYTES = 256 * 1024
CLOSE_SECONDS = 10.0

TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    """Yield what `recv` returns, until the end of the stream; notice when the other end is dead.

    - After `idle_seconds` without a byte it calls `ping()`, once, which sends something that will be
      answered.
    - If nothing comes for `answer_seconds` after that, it raises ConnectionError.
    - Whatever comes is a sign of life, and everything begins anew.
    - A connection that breaks off has neither ended nor gone silent: the ConnectionError that `recv`
      raises then comes through.
    - `connection.settimeout(seconds)` gives `recv` a time limit: when it is over, `recv` raises
      TimeoutError. Of the connection only these two are used.
    """
    raise NotImplementedError("8.1: silence, a question, and what silence means then")


class Outbox:
    """The lines on their way to one client: `put` never waits, and the memory has a bound.

    - A thread of its own, `chatlab-writer`, sends what was put, in order, each line as UTF-8 with one LF.
    - `put(line)` may be called from any thread, and returns at once, whatever the client does.
    - What waits has at most `limit_bytes` bytes: each line with its LF, and what is being sent counts
      until it is sent. The line that would be too many is dropped, and so is all that waits and of which
      no byte was sent yet; TOO_SLOW is put in their place as the last line (the bound is not for it), and
      `connection.shutdown(socket.SHUT_RD)` wakes the thread that reads: this client goes. Later lines
      are dropped without a word.
    - The client reads whole lines only, also when it is dropped.
    - If the connection is broken, lines are dropped without a word; the thread that reads will notice.
      `sendall`, `recv` and `shutdown` raise OSError then, and nobody outside is to see it.
    - `finish()` is called once, by the thread that reads, when it reads no more. It sends what waits,
      ends our direction (SHUT_WR), and waits for the client's end while it throws away what still comes
      (a `close` with unread bytes would be a reset, and destroy the last lines on their way). All of this
      takes at most `close_seconds`, even if the client never reads, never ends, or never stops talking;
      then the connection is ended in both directions all the same (SHUT_RDWR, which also wakes a writer
      in `sendall`). Afterwards the writer has ended. Whatever is put later is dropped.
    - Of the connection it uses `sendall` (or `send`), `recv`, `settimeout` and `shutdown`. It does not
      close it: that is for whoever made it.
    """

    def __init__(self, connection, limit_bytes=LIMIT_BYTES, close_seconds=CLOSE_SECONDS):
        raise NotImplementedError("8.6: bounded, sent by a thread of its own")
