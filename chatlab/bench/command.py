"""`chatlab bench`: what its arguments ask for, what it prints, and the files that it writes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from chatlab.keyboards import say

from .compare import Address, Entry, compare
from .compiling import CannotCompile, lacks_c
from .contestants import CONTESTANTS, ENGINES, Contestant
from .dialects import DIALECTS
from .load import Job
from .report import as_json, as_plot, as_table

EVERYBODY = "all"


class WrongRequest(Exception):
    """The arguments do not fit; the text says what would."""


def bench(arguments: argparse.Namespace) -> int:
    """Measure, print the table and write the files; return 1 if a server could not be measured. Raise WrongRequest."""
    if arguments.list:
        for one in CONTESTANTS.values():
            lacks = one.lacks()
            say(f"{one.name:12}{one.about}{f' (not here: it needs {lacks})' if lacks else ''}", sys.stdout)
        return 0
    job = Job(
        address=("", 0),
        mode="paced" if arguments.mode == "highest" else arguments.mode,
        receivers=arguments.receivers,
        senders=arguments.senders,
        line_bytes=arguments.line_bytes,
        pace=float(arguments.pace),
        seconds=arguments.seconds,
        warm_up_seconds=arguments.warm_up,
    )
    servers = _servers(arguments)
    entries = [Entry(one.name, one, job) for one in servers]
    if arguments.never_reading:
        deaf = replace(job, deaf=arguments.never_reading)
        entries += [Entry(f"{one.name}+{deaf.deaf} deaf", one, deaf) for one in servers]
    for path in filter(None, (arguments.json, arguments.plot)):
        try:
            Path(path).touch()  # before all the measuring
        except OSError as error:
            raise WrongRequest(f"{path} cannot be written: {error.strerror}") from None
    p99_ms = 1000 * arguments.p99 if arguments.mode == "highest" else 0.0
    try:
        results = compare(
            entries, arguments.rounds, p99_ms=p99_ms, in_c=_in_c(arguments), tell=lambda text: say(text, sys.stderr)
        )
    except CannotCompile as error:
        raise WrongRequest(f"{error}: `--generator python` does without") from None
    say(as_table(results, job, arguments.than or "", p99_ms), sys.stdout)
    if arguments.json:
        Path(arguments.json).write_text(as_json(results, job, p99_ms), encoding="utf-8")
    if arguments.plot:
        Path(arguments.plot).write_text(as_plot(results, job, p99_ms), encoding="utf-8")
    return 1 if any(one.failed for one in results) else 0


def _in_c(arguments: argparse.Namespace) -> bool:
    """Whether the generator's hands are to be those in C: as it was said, or where they can be had."""
    return arguments.generator == "c" or not (arguments.generator or lacks_c())


def _servers(arguments: argparse.Namespace) -> list[Contestant | Address]:
    asked = list(dict.fromkeys(arguments.servers))
    if EVERYBODY in asked:
        asked = [one.name for one in CONTESTANTS.values() if not one.lacks()]
    servers: list[Contestant | Address] = []
    for name in asked or ([] if arguments.address else ENGINES):
        if name not in CONTESTANTS:
            raise WrongRequest(f"there is no server {name!r}: choose from {', '.join(CONTESTANTS)}, or {EVERYBODY}")
        if lacks := CONTESTANTS[name].lacks():
            raise WrongRequest(f"{name} needs {lacks}, which is not here")
        servers.append(CONTESTANTS[name])
    if arguments.dialect not in DIALECTS:
        raise WrongRequest(f"there is no dialect {arguments.dialect!r}: choose from {', '.join(DIALECTS)}")
    if arguments.address:
        host, port = arguments.address
        servers.append(Address(f"{host}:{port}", (host, port), arguments.dialect))
    names = [one.name for one in servers]
    if arguments.than and arguments.than not in names:
        raise WrongRequest(f"--than names one of those that are measured: {', '.join(names)}")
    return servers
