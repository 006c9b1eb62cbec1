"""What came of holding a server against PROTOCOL.md, clause by clause, as plain text and as data.

Knows nothing of how a server is asked, and of where the text is shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from chatlab.protocol.visible import visible

from .progress import WIDTH, Line, cut, wrapped

PROTOCOL = Path(__file__).resolve().parents[1] / "protocol" / "PROTOCOL.md"

# Of what was done, and of what came, as much is shown as can be taken in.
_SHOWN_STEPS, _SHOWN_LINES = 8, 6
# Whoever asks anything comes in first.
_FOUNDATIONS = ("P6", "P8")
_MARKS = {"kept": "kept", "broken": "BROKEN", "not asked": "not asked"}

Verdict = Literal["kept", "broken", "not asked"]


@dataclass(frozen=True)
class Clause:
    """A numbered clause of PROTOCOL.md: "P6", "The question", and its text, as lines."""

    number: str
    title: str
    text: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One check of the contract, and what came of it.

    verdict    "not asked" where somebody could not even come in
    clauses    those that it judges; of a broken one, those that are broken
    blames     the clause that kept it from being asked
    story      who did and read what: (who, ">" or "<" or "", what)
    expected   what the clause says should come, as lines; none if the title tells it
    came       what came instead; words in parentheses where that was no line
    """

    title: str
    given: str
    clauses: tuple[str, ...]
    verdict: Verdict
    blames: str = ""
    story: tuple[tuple[str, str, str], ...] = ()
    expected: tuple[str, ...] = ()
    came: tuple[str, ...] = ()


@dataclass
class Report:
    """All that was asked of one server. `not_asked` gives reasons by clause; `ended`, why it ended early."""

    address: str
    asked: list[Asked] = field(default_factory=list)
    not_asked: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    ended: str = ""

    def of(self, number: str) -> list[Asked]:
        """Return the checks of one clause."""
        return [one for one in self.asked if number in one.clauses]

    def verdict(self, number: str) -> Verdict:
        """Return what became of one clause."""
        verdicts = {one.verdict for one in self.of(number)}
        return "broken" if "broken" in verdicts else "kept" if "kept" in verdicts else "not asked"

    @property
    def exit_code(self) -> int:
        """0 if all is kept, 1 if not, 2 if nothing could be asked."""
        if not self.asked:
            return 2
        return 1 if self.ended or any(one.verdict != "kept" for one in self.asked) else 0


def clauses() -> list[Clause]:
    """Read PROTOCOL.md."""
    found = []
    for part in re.split(r"^(?=\*\*P\d+\b)", PROTOCOL.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        part = part.partition("\n## ")[0].strip()
        number, title, rest = re.fullmatch(r"\*\*(P\d+)\. (.+?)\*\*\s*(.*)", part, re.DOTALL).groups()
        # "The question." is a heading; "`/users`" is a part of its sentence.
        text = rest if title.endswith(".") else f"{title} {rest}"
        found.append(Clause(number, title.strip("`."), tuple(text.split("\n"))))
    return found


def as_data(report: Report) -> str:
    """Return the report as JSON."""
    by_clause = [
        {"clause": clause.number, "title": clause.title, "verdict": report.verdict(clause.number)}
        for clause in clauses()
    ]
    return json.dumps({**asdict(report), "clauses": by_clause}, ensure_ascii=False, indent=2)


def lines_of(report: Report, *, everything: bool = False) -> Iterator[Line]:
    """Yield the report: a line for each clause, then each broken clause with its first failure, or with all."""
    every_clause = clauses()
    if report.asked:
        yield Line("")
        for clause in every_clause:
            yield _one_line(report, clause)
    broken = [clause for clause in every_clause if report.verdict(clause.number) == "broken"]
    told: dict[int, str] = {}
    for clause in broken:
        yield from _in_full(report, clause, everything, told)
    yield Line("")
    for sentence in filter(None, [*report.notes, report.ended]):
        yield from wrapped(sentence, "", "")
    if report.asked:
        yield from wrapped(_summary(report, every_clause, broken), "", "", "good" if report.exit_code == 0 else "bad")


def _summary(report: Report, every_clause: Sequence[Clause], broken: Sequence[Clause]) -> str:
    verdicts = [report.verdict(clause.number) for clause in every_clause]
    kept, not_asked = verdicts.count("kept"), verdicts.count("not asked")
    told = f"{kept} {_are(kept, 'clause')} kept, {len(broken)} broken, {not_asked} not asked."
    stopped = [one.blames for one in report.asked if one.verdict == "not asked"]
    if stopped:
        first = max(stopped, key=stopped.count)
        return f"{told} Begin with {first}: {len(stopped)} {_are(len(stopped), 'check')} waiting for it."
    numbers = [clause.number for clause in broken]
    if foundations := [number for number in _FOUNDATIONS if number in numbers]:
        return f"{told} Begin with {' and '.join(foundations)}: checks of other clauses may fail for that alone."
    return f"{told} Begin with {numbers[0]}." if numbers else told


def _are(count: int, what: str) -> str:
    return f"{what} is" if count == 1 else f"{what}s are"


def _one_line(report: Report, clause: Clause) -> Line:
    verdict = report.verdict(clause.number)
    asked = report.of(clause.number)
    tried = [one for one in asked if one.verdict != "not asked"]
    checks = f"{len(tried)} check{'' if len(tried) == 1 else 's'}"
    if verdict == "broken":
        failed = sum(one.verdict == "broken" for one in tried)
        note = f"{failed} of {checks} failed"
    elif verdict == "kept":
        note = checks
    elif asked:
        note = f"waits for {asked[0].blames}"
    else:
        note = report.not_asked.get(clause.number) or "it had not come to that"
    if tried and len(tried) < len(asked):
        note += f", {len(asked) - len(tried)} could not be asked"
    told = f"  {clause.number:4} {clause.title:22} {_MARKS[verdict]:10} {note}"
    return Line(cut(told), {"kept": "good", "broken": "bad"}.get(verdict, "faint"))


def _in_full(report: Report, clause: Clause, everything: bool, told: dict[int, str]) -> Iterator[Line]:
    failed = [one for one in report.of(clause.number) if one.verdict == "broken"]
    yield Line("")
    yield Line(f"{clause.number}. {clause.title}", "bad")
    yield from _text(clause)
    fresh = [one for one in failed if id(one) not in told]
    shown = failed if everything else (fresh or failed)[:1]
    for one in shown:
        yield Line("")
        if id(one) in told:
            yield from wrapped(f"{_title(one)} (shown under {told[id(one)]})", "  * ", "    ")
        else:
            told[id(one)] = clause.number
            yield from _check(one)
    if others := [one for one in failed if one not in shown]:
        yield Line("")
        yield Line("  These failed too; --all shows them in full:", "faint")
        for title in dict.fromkeys(one.title for one in others):
            same = [one for one in others if one.title == title]
            given = "; ".join(one.given for one in same if one.given)
            yield from wrapped(f"{title} ({given})" if given else title, "  * ", "    ")


def _text(clause: Clause) -> Iterator[Line]:
    """The words of the clause; around a table its lines stay as they are."""
    if any(line.startswith("|") for line in clause.text):
        yield from (Line(cut(f"  {line}".rstrip()), "faint") for line in clause.text)
    else:
        yield from wrapped(" ".join(clause.text), style="faint")


def _title(one: Asked) -> str:
    return f"{one.title} ({one.given})" if one.given else one.title


def _check(one: Asked) -> Iterator[Line]:
    yield from wrapped(_title(one), "  * ", "    ")
    hidden = len(one.story) - _SHOWN_STEPS
    story = list(one.story)
    if hidden > 1:
        story[2 : 2 + hidden] = [("", "", f"... {hidden} more steps ...")]
    width = max((len(who) for who, sign, _ in story if sign), default=0)
    for who, sign, what in story:
        step = f"{who:{width}} {sign} {what}" if sign else f"{who} {what}".strip()
        yield Line(cut(f"      {step}"))
    for heading, lines in (("expected", one.expected), ("came", one.came)):
        for line in _few(lines):
            # By columns, not by words: where spaces stand is part of what came.
            text = visible(line)
            for start in range(0, len(text), WIDTH - 14):
                yield Line(f"    {heading:10}{text[start : start + WIDTH - 14]}".rstrip())
                heading = ""


def _few(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= _SHOWN_LINES:
        return lines
    return [*lines[: _SHOWN_LINES - 1], f"(and {len(lines) - _SHOWN_LINES + 1} lines more)"]
