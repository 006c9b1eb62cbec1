"""What can go wrong with a student's code in its child, each with a sentence for the student.

    StudentsFault
      StudentRaised    the code raised an exception
      StudentEnded     the code ended its process, or crashed it
      StudentHung      a call is late; the text says what each thread waits for
      LimitReached     time, processor time, memory, output or the size of a reply
      NotPlain         the code gave back what is not exactly plain data
      NotStarted       the exercise is still the stub
      BadReply         the channel to the judge carried what is no answer

Anything else that a cell raises is the grader's own error, never a student's: CellError when the
system did not start a child, or when a test used a cell wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence


class StudentsFault(Exception):
    """The student's code is at fault; the text says how, in words for the student."""


class StudentRaised(StudentsFault):
    """The code raised; `traceback_text` holds the frames of the student's own files.

    `kinds` are the names of the exception's class and of those that it is derived from.
    """

    def __init__(
        self, call: str, type_name: str, text: str, traceback_text: str, bases: Sequence[str] = ()
    ) -> None:
        what = f"{type_name}: {text}" if text else type_name
        super().__init__(f"{call} raised {what}" + (f"\n{traceback_text}" if traceback_text else ""))
        self.type_name = type_name
        self.text = text
        self.kinds = (type_name, *bases)
        self.traceback_text = traceback_text


class StudentEnded(StudentsFault):
    """The code ended its process in place of answering; `how` says it in words."""

    def __init__(self, call: str, how: str) -> None:
        super().__init__(f"{call} did not return: {how}")
        self.how = how


class StudentHung(StudentsFault):
    """A call was late; `autopsy` has a sentence for each thread that the code runs in."""

    def __init__(self, call: str, seconds: float, autopsy: list[str]) -> None:
        super().__init__("\n".join([f"{call} was not done after {seconds:g} s:", *(f"  {line}" for line in autopsy)]))
        self.autopsy = autopsy


class LimitReached(StudentsFault):
    """The code used more than it may; `which` says of what, and how much there was."""

    def __init__(self, call: str, which: str) -> None:
        super().__init__(f"{call} reached a limit: {which}")
        self.which = which


class NotPlain(StudentsFault):
    """The code gave back something that is not exactly plain data."""


class NotStarted(StudentsFault):
    """The exercise with this number still raises the NotImplementedError of its stub."""

    def __init__(self, number: str, text: str) -> None:
        super().__init__(f"exercise {number} is not started ({text})")
        self.number = number


class BadReply(StudentsFault):
    """The code wrote to, or closed, the channel on which its answers travel."""


class CellError(Exception):
    """The grader's own error: the system did not start a child, or a cell was used wrongly."""
