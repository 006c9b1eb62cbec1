"""Finds what a class has handed in, and copies each submission to where it can be judged.

Knows nothing of checks and grades. It never runs or imports what it copies.

A submission is a folder or a zip, by itself or as a learning platform exports it: a folder with a zip within, named
like `Doe_Jane_123_assignsubmission_file_`, one zip for the whole class, paths that Windows wrote with backslashes.
Nobody has looked at these zips before us, so each is taken for hostile: nothing is written outside the copy, no link
is made, and what is counted is the bytes that come out, not those that the zip announces.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

# "lab02_lines.py", and what browsers and platforms make of a second copy: "lab02_lines (1).py", "lab02_lines-1.py".
LAB_FILE = re.compile(r"(lab\d\d_\w+?)(?: ?\(\d+\)|-\d+)?\.py", re.IGNORECASE)

_ONLY_TEXT = re.compile(r"_assignsubmission_onlinetext_?$")  # Moodle's page with what was typed into a field
_BY_MOODLE = re.compile(r"_assignsubmission_file_?$")
_BY_CANVAS = re.compile(r"^([^_]+)(?:_LATE)?_(\d+)_\d+_.*$")  # jane_LATE_123_456_handin.zip
_OTHER_ARCHIVES = (".7z", ".rar", ".tar", ".tar.gz", ".tgz")
# Copies of other people's code, caches, and what systems leave behind. All that begins with a dot is left out too.
_LEFT_OUT = {"__macosx", "__pycache__", "node_modules", "venv", "thumbs.db", "desktop.ini"}
_NOT_IN_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

_BLOCK_BYTES = 1 << 16
_UTF8_NAME = 0x800
_IS_LOCKED = 0x1


class Refused(Exception):
    """This submission, or this folder of submissions, cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """How much may come out of one zip or folder.

    ratio    bytes that come out for a byte that went in; text reaches 20, and a bomb 1,000. It is looked at
             only beyond `ratio_free_bytes`: a small file of blanks is no bomb
    """

    zip_bytes: int
    files: int
    file_bytes: int
    bytes: int
    ratio: int = 100
    ratio_free_bytes: int = 1 << 20
    depth: int = 20


OF_A_STUDENT = Limits(zip_bytes=20 << 20, files=2_000, file_bytes=10 << 20, bytes=50 << 20)
OF_A_CLASS = Limits(zip_bytes=2 << 30, files=200_000, file_bytes=100 << 20, bytes=4 << 30)


@dataclass(frozen=True)
class Submission:
    """Where the work of one student lies; `problem` says why it cannot be judged, or is ""."""

    student: str
    source: Path
    problem: str = ""


# ---- finding ----------------------------------------------------------------------------------------


def find(place: Path, unpacked: Path) -> tuple[list[Submission], list[str]]:
    """Return the submissions in a folder or a class's zip, by name, and a sentence for all that was passed over.

    A class's zip is unpacked into the directory `unpacked`, which must exist and be empty. Raise Refused if
    nothing can be found.
    """
    archive = place if place.is_file() else _lone_class_zip(place)
    if archive:
        if not _is_zip(archive):
            raise Refused(f"{archive} is no zip and no folder: name the folder that holds the submissions")
        copy_zip(archive, unpacked, OF_A_CLASS)
        place = _below_lone_folder(unpacked)
    found, notes = [], []
    for path in _shown(place):
        if path.is_symlink():
            notes.append(f"{path.name} is a link, and was passed over")
        elif path.is_dir():
            if not _ONLY_TEXT.search(path.name):
                found.append(Submission(student_of(path.name), path))
        elif _is_zip(path):
            found.append(Submission(student_of(path.stem), path))
        elif path.name.lower().endswith(_OTHER_ARCHIVES):
            cure = "ask for a zip, or unpack it into a folder"
            found.append(Submission(student_of(path.name.split(".")[0]), path, f"{path.name} is no zip: {cure}"))
        elif LAB_FILE.fullmatch(path.name):
            notes.append(f"{path.name} lies beside the submissions, and was passed over: whose is it?")
        else:
            notes.append(f"{path.name} is neither a folder nor a zip, and was passed over")
    if not found:
        raise Refused(f"{place} holds no submissions: it needs a folder or a zip for each student")
    return _one_for_each_student(found), notes


def student_of(name: str) -> str:
    """Return the student that a folder or a zip is named after, without what the platform adds.

    The platform's number stays: two students may be called Jane Doe.
    """
    name = _BY_CANVAS.sub(r"\1_\2", _BY_MOODLE.sub("", name))
    return unicodedata.normalize("NFC", name).strip() or "unnamed"


def file_name_of(student: str) -> str:
    """Return a file's name, without a suffix, that every system can write and no other student has."""
    plain = re.sub(r"[^\w.-]+", "_", student).strip("._")[:60]
    if plain and plain == student and len(plain.encode()) <= 120 and not _RESERVED.fullmatch(plain):
        return plain
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "_".join(filter(None, [plain[:30].replace(".", "_"), digest]))


def _one_for_each_student(found: list[Submission]) -> list[Submission]:
    by_name: dict[str, list[Submission]] = {}
    for submission in found:
        by_name.setdefault(submission.student.casefold(), []).append(submission)
    chosen = []
    for of_one in by_name.values():
        first = of_one[0]
        if len(of_one) > 1:
            names = " and ".join(submission.source.name for submission in of_one)
            problem = f"there are {len(of_one)} submissions of {first.student}, {names}: keep the one that counts"
            first = replace(first, problem=problem)
        chosen.append(first)
    return sorted(chosen, key=lambda submission: submission.student.casefold())


def _lone_class_zip(folder: Path) -> Path | None:
    """Return the zip that holds the whole class, if it is all that there is."""
    try:
        inside = _shown(folder)
    except OSError as error:
        raise Refused(f"{folder} cannot be read: {error.strerror}") from error
    if any(path.is_dir() for path in inside):
        return None
    inside = [path for path in inside if _is_zip(path)]  # beside it there may be a roster
    if len(inside) != 1:
        return None
    try:
        with zipfile.ZipFile(inside[0]) as archive:
            paths = [parts for info in archive.infolist() if (parts := _kept(_parts(_name_of(info))))]
    except (zipfile.BadZipFile, OSError, ValueError, Refused):
        return None  # then it is one student's, whose trouble is said with the others'
    if len({parts[0] for parts in paths}) == 1:
        paths = [parts[1:] for parts in paths if parts[1:]]
    if any("_assignsubmission_" in parts[0] for parts in paths):
        return inside[0]
    zips = sum(len(parts) == 1 and parts[0].lower().endswith(".zip") for parts in paths)
    folders_with = Counter((parts[-1].lower()) for parts in {(p[0], p[-1]) for p in paths if len(p) > 1})
    same_lab_twice = any(count > 1 for name, count in folders_with.items() if LAB_FILE.fullmatch(name))
    return inside[0] if zips > 1 or same_lab_twice else None


def _below_lone_folder(folder: Path) -> Path:
    inside = _shown(folder)
    if len(inside) == 1 and inside[0].is_dir():
        deeper = _shown(inside[0])
        if deeper and all(path.is_dir() or _is_zip(path) for path in deeper):
            return inside[0]
    return folder


def _shown(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not _is_left_out(path.name))


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


# ---- copying ----------------------------------------------------------------------------------------


def copy(submission: Submission, into: Path) -> Path:
    """Copy a submission into an empty directory; return the folder in which its lab files lie.

    A zip within is unpacked where nothing else is there. Raise Refused, with a sentence for the instructor.
    """
    if submission.problem:
        raise Refused(submission.problem)
    if submission.source.is_dir():
        copy_folder(submission.source, into, OF_A_STUDENT)
    else:
        copy_zip(submission.source, into, OF_A_STUDENT)
    if not _lab_files(into):
        zips = [path for path in _files_in(into) if _is_zip(path)]
        if len(zips) == 1:
            inner = into / "_unpacked"
            inner.mkdir()
            copy_zip(zips[0], inner, OF_A_STUDENT)
    return _gather(into)


def digest_of(folder: Path) -> str:
    """Return a hash of all names and all bytes in a folder: whether it is the same work as before."""
    digest = hashlib.sha256()
    for path in sorted(_files_in(folder)):
        name = path.relative_to(folder).as_posix().encode("utf-8", "surrogatepass")
        content = path.read_bytes()
        digest.update(b"%d %d " % (len(name), len(content)) + name + content)  # lengths: no two folders read alike
    return digest.hexdigest()


def copy_folder(folder: Path, into: Path, limits: Limits) -> None:
    """Copy the regular files of a folder; links are left out, wherever they lead."""
    copied = _Copy(into, limits)

    def walk(here: Path, above: tuple[str, ...]) -> None:
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if _is_left_out(entry.name):
                    continue
                parts = (*above, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    copied.check_depth(parts)
                    walk(Path(entry.path), parts)
                elif entry.is_file(follow_symlinks=False):
                    copied.add(parts, lambda path=entry.path: open(path, "rb"))

    try:
        walk(folder, ())
    except OSError as error:
        raise Refused(f"{folder.name} cannot be copied: {error.strerror or error}") from error


def copy_zip(path: Path, into: Path, limits: Limits) -> None:
    """Unpack a zip; what leads outside, is locked, damaged or too large is refused."""
    try:
        packed_bytes = path.stat().st_size
        if packed_bytes > limits.zip_bytes:
            raise Refused(f"{path.name} has more than {_size(limits.zip_bytes)}: ask for the lab's files alone")
        copied = _Copy(into, limits, packed_bytes)
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                parts = _kept(_parts(_name_of(info)))
                kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the zip was not made on a POSIX system
                if not parts or _is_folder(info) or kind not in (0, stat.S_IFREG):
                    continue
                if info.flag_bits & _IS_LOCKED:
                    raise Refused(f"{path.name} is locked with a password: ask for it without one")
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise Refused(f"{path.name} is packed in an unusual manner: ask for an ordinary zip")
                copied.add(parts, lambda info=info: archive.open(info))
    except Refused as refused:
        raise refused if path.name in str(refused) else Refused(f"{path.name}: {refused}") from refused
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Refused(f"{path.name} is no whole zip ({error}): ask for it again") from error
    except OSError as error:
        raise Refused(f"{path.name} cannot be unpacked: {error.strerror or error}") from error


class _Copy:
    """Files on their way into a directory, counted as they come."""

    def __init__(self, into: Path, limits: Limits, packed_bytes: int | None = None) -> None:
        self._into = into
        self._limits = limits
        self._files = 0
        self._bytes = 0
        self._most_bytes = limits.bytes
        if packed_bytes is not None:
            self._most_bytes = min(limits.bytes, max(limits.ratio_free_bytes, limits.ratio * packed_bytes))

    def check_depth(self, parts: tuple[str, ...]) -> None:
        if len(parts) > self._limits.depth:
            raise Refused(f"its folders are more than {self._limits.depth} deep")

    def add(self, parts: tuple[str, ...], opens: Callable[[], BinaryIO]) -> None:
        self.check_depth(parts)
        self._files += 1
        if self._files > self._limits.files:
            raise Refused(f"it holds more than {self._limits.files:,} files: ask for the lab's files alone")
        target = self._into.joinpath(*(_portable(part) for part in parts))
        target.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        try:
            with opens() as source, open(target, "xb") as out:
                while block := source.read(_BLOCK_BYTES):
                    written += len(block)
                    self._bytes += len(block)
                    if written > self._limits.file_bytes:
                        raise Refused(f"{parts[-1]} has more than {_size(self._limits.file_bytes)}")
                    if self._bytes > self._most_bytes:
                        raise Refused(f"more than {_size(self._most_bytes)} come out of it, which is no coursework")
                    out.write(block)
        except FileExistsError:
            raise Refused(f"it holds {'/'.join(parts)!r} twice") from None


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return the path as its writer meant it: many a program writes UTF-8 and does not say so."""
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith(("/", "\\"))


def _parts(name: str) -> tuple[str, ...]:
    path = name.replace("\\", "/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/"):
        raise Refused(f"it holds a path that leads outside, {name!r}: ask for another zip")
    return tuple(part for part in path.split("/") if part not in ("", "."))


def _kept(parts: tuple[str, ...]) -> tuple[str, ...]:
    return () if any(map(_is_left_out, parts)) else parts


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFT_OUT


def _portable(part: str) -> str:
    """Return a part of a path that every system can write: no `:`, which opens a second stream on Windows."""
    part = _NOT_IN_WINDOWS.sub("_", part)
    if part[-1] in ". " or _RESERVED.fullmatch(part):
        part = "_" + part.rstrip(". ")
    return part


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


# ---- where the lab's files are --------------------------------------------------------------------------


class _LabFile(NamedTuple):
    name: str  # as the lab calls it, whatever the copy is called
    path: Path


def _files_in(folder: Path) -> Iterator[Path]:
    for here, _, names in os.walk(folder):
        yield from (Path(here, name) for name in names)


def _lab_files(folder: Path) -> list[_LabFile]:
    matches = ((LAB_FILE.fullmatch(path.name), path) for path in sorted(_files_in(folder)))
    return [_LabFile(match[1].lower() + ".py", path) for match, path in matches if match]


def _gather(folder: Path) -> Path:
    """Return the folder that holds every lab file; those that lie apart are brought to the top."""
    chosen: dict[str, Path] = {}
    by_name: dict[str, list[Path]] = {}
    for name, path in _lab_files(folder):
        by_name.setdefault(name, []).append(path)
    for name, paths in by_name.items():
        exact_on_top = folder / name
        if exact_on_top in paths:
            chosen[name] = exact_on_top
        elif len({path.read_bytes() for path in paths}) == 1:
            chosen[name] = paths[0]
        else:
            where = " and ".join(path.relative_to(folder).as_posix() for path in paths)
            raise Refused(f"{name} is there {len(paths)} times, and they differ ({where}): keep the one that counts")
    if not chosen:
        names = [path.name for path in sorted(_files_in(folder))]
        if not names:
            raise Refused("it is empty")
        shown = f"{', '.join(names[:5])}{' and more' if names[5:] else ''}"
        raise Refused(f"it holds only {shown}, and no lab's file such as lab02_lines.py")
    homes = {path.parent for path in chosen.values()}
    home = homes.pop() if len(homes) == 1 else folder
    for name, path in chosen.items():
        _bring(path, home / name)
        if path.parent != home:
            for beside in sorted(path.parent.iterdir()):  # what a lab file imports goes with it
                if not LAB_FILE.fullmatch(beside.name):
                    _bring(beside, home / beside.name)
    return home


def _bring(path: Path, target: Path) -> None:
    if not target.exists():
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, target)
    elif path.suffix == ".py" and path.read_bytes() != target.read_bytes():
        raise Refused(f"the folders of its labs hold different files named {path.name}: ask for one folder")
