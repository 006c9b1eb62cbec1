"""The pieces that a chat is built from: what students write from lab 02 on, and chatlab's own where that is missing.

    finding.py   whose piece is taken
    trials.py    the few bytes on which a piece is tried before it is taken
    lines.py, rooms.py, loops.py, answers.py   chatlab's own, in the shapes of the exercises
    remembering.py, admitting.py, measuring.py   the same for labs 09, 10 and 12
    chat.py      a whole chat on them
    answering.py the same, with a function that says what a line means
"""

from .finding import Pieces, find_pieces

__all__ = ["Pieces", "find_pieces"]
