"""What a class hands in: found, named, and copied so that nothing hostile gets further than its own copy."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from chatlab.grading import submissions
from chatlab.grading.roster import Person, Roster
from chatlab.grading.submissions import OF_A_STUDENT, Refused, Submission

LAB = "lab02_lines.py"
ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="links and such names are those of POSIX")


def zipped(path: Path, files: dict[str, bytes | str], compression=zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def zip_bytes(files: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def handed_in(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def into(tmp_path):
    """An empty directory; beside it there is room to see what got out."""
    directory = tmp_path / "around" / "into"
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "class"
    directory.mkdir()
    return directory


def copied(source: Path, into: Path) -> Path:
    return submissions.copy(Submission("ana", source), into)


def refusal(source: Path, into: Path) -> str:
    with pytest.raises(Refused) as refused:
        copied(source, into)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def found_in(place: Path, into: Path) -> dict[str, str]:
    """Return the students, and what their lab file holds, or why there is none."""
    found, _ = submissions.find(place, into)
    told = {}
    for number, submission in enumerate(found):
        room = into.parent / f"copy-{number}"
        room.mkdir()
        try:
            told[submission.student] = (submissions.copy(submission, room) / LAB).read_text("utf-8")
        except Refused as refused:
            told[submission.student] = str(refused)
    return told


# --- Finding


def test_a_folder_and_a_zip_for_each_student(place, into):
    handed_in(place / "ana", {LAB: "1"})
    zipped(place / "bob.ZIP", {LAB: "2"})
    assert found_in(place, into) == {"ana": "1", "bob": "2"}


@pytest.mark.parametrize(
    "name, student",
    [
        ("Doe_Jane_123_assignsubmission_file_", "Doe_Jane_123"),
        ("Doe_Jane_123_assignsubmission_file", "Doe_Jane_123"),
        ("Doe Jane_124_assignsubmission_file_", "Doe Jane_124"),
        ("doejane_LATE_123_456_handin", "doejane_123"),
        ("doejane_123_456_lab02_lines", "doejane_123"),
        ("Jose\u0301", "José"),
        ("  ", "unnamed"),
    ],
)
def test_a_student_is_named_without_what_the_platform_adds(name, student):
    assert submissions.student_of(name) == student


def test_what_a_platform_exports_is_one_zip_of_folders_with_zips_in_them(place, into):
    inner = zip_bytes({"my lab/" + LAB: "jane"})
    files = {
        "Doe_Jane_1_assignsubmission_file_/handin.zip": inner,
        "Doe_Jane_2_assignsubmission_file_/" + LAB: "another jane",
        "Doe_Jane_2_assignsubmission_onlinetext_/onlinetext.html": "<p>done",
        "__MACOSX/Doe_Jane_2/._" + LAB: "\0",
        ".DS_Store": "\0",
    }
    archive = zipped(place / "export.zip", files)
    assert found_in(place, into) == {"Doe_Jane_1": "jane", "Doe_Jane_2": "another jane"}
    assert found_in(archive, zipped_out(into)) == {"Doe_Jane_1": "jane", "Doe_Jane_2": "another jane"}


def zipped_out(into: Path) -> Path:
    directory = into.parent.parent / "second" / "into"
    directory.mkdir(parents=True)
    return directory


@pytest.mark.parametrize("folder", ["", "submissions/"])
def test_a_zip_of_the_class_is_told_from_a_zip_of_one_student(place, into, folder):
    handed_in(place, {"roster.csv": ""})
    zipped(place / "class.zip", {f"{folder}ana/{LAB}": "1", f"{folder}bob/{LAB}": "2"})
    assert found_in(place, into) == {"ana": "1", "bob": "2"}


def test_a_lone_zip_with_folders_for_labs_is_one_students(place, into):
    zipped(place / "ana.zip", {"lab01/lab01_names.py": "x", f"lab02/{LAB}": "2"})
    assert found_in(place, into) == {"ana": "2"}


def test_two_submissions_of_one_name_are_said_and_neither_is_chosen(place, into):
    handed_in(place / "ana", {LAB: "1"})
    zipped(place / "Ana.zip", {LAB: "2"})
    handed_in(place / "bob", {LAB: "3"})
    told = found_in(place, into)
    assert told.pop("bob") == "3"
    ((_, why),) = told.items()
    assert "ana" in why and "Ana.zip" in why and "keep the one that counts" in why


def test_what_is_no_submission_is_said(place, into):
    handed_in(place / "ana", {LAB: "1"})
    handed_in(place, {"readme.txt": "", LAB: "whose?", ".DS_Store": "", "carla.rar": ""})
    found, notes = submissions.find(place, into)
    assert [note.split()[0] for note in notes] == [LAB, "readme.txt"]
    assert ["no zip" in one.problem for one in found] == [False, True]


def test_nothing_to_grade_is_said(place, into):
    with pytest.raises(Refused, match="holds no submissions"):
        submissions.find(place, into)
    handed_in(place, {"x.txt": ""})
    with pytest.raises(Refused, match="no zip and no folder"):
        submissions.find(place / "x.txt", into)


@pytest.mark.parametrize("student", ["ana", "José", "Doe_Jane_123", "a.b-c"])
def test_a_plain_name_is_a_files_name(student):
    assert submissions.file_name_of(student) == student


def test_no_two_students_share_a_file_and_no_name_leads_elsewhere():
    names = ["<script>", "script", "../../x", "..", "", "CON", "con.txt", "a/b", "a_b", "a b", "-x"]
    names += ["ñ" * 200, "\udcff"]
    files = [submissions.file_name_of(name) for name in names]
    assert len({name.casefold() for name in files}) == len(names)
    for name in files:
        assert name and "/" not in name and not name.startswith(".") and len(name.encode()) < 150
        assert not submissions._RESERVED.fullmatch(name)


# --- Where the lab's file is


def test_a_lab_file_in_a_subfolder_is_found_with_what_lies_beside_it(place, into):
    home = copied(handed_in(place / "ana", {f"work/deep/{LAB}": "1", "work/deep/mine.py": "2"}), into)
    assert tree(home) == {LAB: "1", "mine.py": "2"}


def test_labs_in_folders_of_their_own_are_brought_together(place, into):
    files = {"one/lab01_names.py": "1", "one/mine.py": "m", f"two/{LAB}": "2"}
    home = copied(handed_in(place / "ana", files), into)
    assert {name: text for name, text in tree(home).items() if "/" not in name} == {
        "lab01_names.py": "1", "mine.py": "m", LAB: "2",
    }  # fmt: skip


def test_labs_whose_own_modules_clash_are_refused(place, into):
    files = {"one/lab01_names.py": "1", "one/mine.py": "m", f"two/{LAB}": "2", "two/mine.py": "other"}
    assert "different files named mine.py" in refusal(handed_in(place / "ana", files), into)


def test_the_file_on_top_counts_and_of_two_below_none_does(place, into):
    assert tree(copied(handed_in(place / "ana", {LAB: "1", f"old/{LAB}": "0"}), into))[LAB] == "1"
    (room := into.parent / "b").mkdir()
    why = refusal(handed_in(place / "bob", {f"a/{LAB}": "1", f"b/{LAB}": "2"}), room)
    assert f"{LAB} is there 2 times" in why and f"a/{LAB} and b/{LAB}" in why
    (room := into.parent / "c").mkdir()
    assert (copied(handed_in(place / "carla", {f"a/{LAB}": "1", f"b/{LAB}": "1"}), room) / LAB).read_text() == "1"


@pytest.mark.parametrize("name", ["lab02_lines (1).py", "lab02_lines-2.py", "Lab02_Lines.py"])
def test_a_second_download_is_the_labs_file_by_its_own_name(place, into, name):
    assert (copied(handed_in(place / "ana", {name: "1"}), into) / LAB).read_text() == "1"


def test_without_a_labs_file_it_says_what_there_is(place, into):
    assert "holds only main.py, and no lab" in refusal(handed_in(place / "ana", {"main.py": ""}), into)
    (place / "bob").mkdir()
    (room := into.parent / "b").mkdir()
    assert "is empty" in refusal(place / "bob", room)


def test_the_hash_is_of_names_and_contents(tmp_path):
    one = handed_in(tmp_path / "1", {LAB: "1", "a/b.py": "2"})
    assert submissions.digest_of(one) == submissions.digest_of(handed_in(tmp_path / "2", {"a/b.py": "2", LAB: "1"}))
    for number, files in enumerate([{LAB: "2", "a/b.py": "2"}, {LAB: "1", "a/c.py": "2"}, {LAB: "1"}]):
        other = handed_in(tmp_path / f"other-{number}", files)
        assert submissions.digest_of(other) != submissions.digest_of(one)


# --- Names in zips


def test_backslashes_are_folders(place, into):
    archive = zipped(place / "ana.zip", {"work\\" + LAB: "1", "work\\sub\\": "", "work\\sub\\x.py": "2"})
    assert tree(copied(archive, into)) == {LAB: "1", "sub/x.py": "2"}


class Unflagged(zipfile.ZipInfo):
    """An entry whose name is bytes in an encoding that the zip does not tell."""

    def _encodeFilenameFlags(self):
        return self.raw_name, self.flag_bits & ~0x800


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_names_are_read_as_their_writer_meant_them(place, into, encoding):
    with zipfile.ZipFile(place / "ana.zip", "w") as archive:
        archive.writestr(LAB, "1")
        info = Unflagged("x.py")
        info.raw_name = "señal.py".encode(encoding)
        archive.writestr(info, "2")
    assert tree(copied(place / "ana.zip", into)) == {LAB: "1", "señal.py": "2"}


def test_what_systems_leave_behind_is_left_out(place, into):
    names = ["__MACOSX/._x", ".DS_Store", ".git/config", ".ipynb_checkpoints/" + LAB, "__pycache__/x.pyc", "Thumbs.db"]
    assert tree(copied(zipped(place / "ana.zip", {LAB: "1"} | dict.fromkeys(names, "x")), into)) == {LAB: "1"}
    (room := into.parent / "b").mkdir()
    assert tree(copied(handed_in(place / "bob", {LAB: "1"} | dict.fromkeys(names, "x")), room)) == {LAB: "1"}


def test_a_name_that_windows_cannot_write_is_changed(place, into):
    archive = zipped(place / "ana.zip", {LAB: "1", "what?:x": "2", "con.py": "3", "dot.": "4"})
    assert tree(copied(archive, into)) == {LAB: "1", "what__x": "2", "_con.py": "3", "_dot": "4"}


# --- Hostile zips


@pytest.mark.parametrize(
    "name", ["../evil.py", "a/../../evil.py", "/evil.py", "C:\\evil.py", "..\\evil.py", "c:evil.py"]
)
def test_a_path_that_leads_outside_is_refused(place, into, name):
    why = refusal(zipped(place / "ana.zip", {name: "gotcha", LAB: "1"}), into)
    assert "leads outside" in why and "ana.zip" in why
    assert tree(into.parent) == {}
    assert not Path("/evil.py").exists()


def test_a_link_in_a_zip_is_not_made(place, into):
    with zipfile.ZipFile(place / "ana.zip", "w") as archive:
        archive.writestr(LAB, "1")
        for name in ("link.py", "folder"):
            link = zipfile.ZipInfo(name)
            link.create_system = 3
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc")
        archive.writestr("folder/passwd", "x")
    home = copied(place / "ana.zip", into)
    assert tree(home) == {LAB: "1", "folder/passwd": "x"}
    assert not any(path.is_symlink() for path in home.rglob("*"))


@ON_POSIX
def test_a_link_in_a_folder_is_not_followed_and_a_pipe_is_not_opened(place, into):
    secret = handed_in(place.parent / "secret", {"key": "s"})
    folder = handed_in(place / "ana", {LAB: "1"})
    (folder / "key").symlink_to(secret / "key")
    (folder / "secret").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    assert tree(copied(folder, into)) == {LAB: "1"}
    (place / "bob").symlink_to(secret)
    found, notes = submissions.find(place, into.parent)
    assert [one.student for one in found] == ["ana"] and notes == ["bob is a link, and was passed over"]


def test_a_bomb_is_refused_by_what_comes_out_of_it_whatever_it_announces(place, into):
    bomb = zipped(place / "ana.zip", {LAB: "1", "zeros": bytes(8 << 20)})
    raw = bytearray(bomb.read_bytes())
    assert len(raw) < 20_000
    why = refusal(bomb, into)
    assert "no coursework" in why
    assert sum(path.stat().st_size for path in into.rglob("*") if path.is_file()) <= 2 << 20
    # The sizes in both headers of the entry say 10 bytes now.
    lying = place / "bob.zip"
    lying.write_bytes(bytes(raw).replace((8 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    (room := into.parent / "b").mkdir()
    refusal(lying, room)
    assert sum(path.stat().st_size for path in room.rglob("*") if path.is_file()) <= 2 << 20


@pytest.mark.parametrize(
    "limits, words",
    [
        ({"files": 2}, "more than 2 files"),
        ({"file_bytes": 2_000}, "big.txt has more than 1 KiB"),
        ({"bytes": 3_500}, "more than 3 KiB come out"),
        ({"depth": 2}, "more than 2 deep"),
        ({"zip_bytes": 100}, "has more than 0 KiB"),
    ],
)
def test_each_limit_is_said(place, into, limits, words):
    files = {LAB: "1", "big.txt": os.urandom(3_000), "a/b/c.txt": os.urandom(1_000)}
    archive = zipped(place / "ana.zip", files)
    with pytest.raises(Refused, match=words):
        submissions.copy_zip(archive, into, replace(OF_A_STUDENT, **limits))
    if "zip_bytes" not in limits:
        folder = place / "ana"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        (room := into.parent / "b").mkdir()
        with pytest.raises(Refused, match=words):
            submissions.copy_folder(folder, room, replace(OF_A_STUDENT, **limits))


def damaged(content: bytes) -> bytes:
    at = content.index(b"hello " * 3)
    return content[:at] + b"HELLO" + content[at + 5 :]


def locked(content: bytes) -> bytes:
    at = content.index(b"PK\x01\x02") + 8  # the flags of its only entry
    return content[:at] + b"\x01" + content[at + 1 :]


@pytest.mark.parametrize(
    "break_it, words",
    [
        (lambda whole: b"", "no whole zip"),
        (lambda whole: b"PK\x03\x04 and no more", "no whole zip"),
        (lambda whole: whole[: len(whole) // 2], "no whole zip"),
        (damaged, "no whole zip"),
        (locked, "locked"),
    ],
    ids=["empty", "only a head", "cut", "damaged", "locked"],
)
def test_a_bad_zip_is_one_sentence_and_the_next_student_is_found(place, into, break_it, words):
    whole = zip_bytes({LAB: "hello " * 100})
    assert break_it(whole) != whole
    (place / "ana.zip").write_bytes(break_it(whole))
    zipped(place / "bob.zip", {LAB: "2"})
    told = found_in(place, into)
    assert told["bob"] == "2"
    assert words in told["ana"] and "ana.zip" in told["ana"] and "\n" not in told["ana"]


def test_an_unusual_method_and_a_name_that_is_there_twice_are_refused(place, into):
    assert "unusual" in refusal(zipped(place / "ana.zip", {LAB: "1"}, zipfile.ZIP_LZMA), into)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(place / "bob.zip", "w") as archive:
        archive.writestr(LAB, "1")
        archive.writestr(LAB, "2")
    assert "twice" in refusal(place / "bob.zip", into)


def test_a_file_where_a_folder_should_be_is_refused(place, into):
    assert "cannot be unpacked" in refusal(zipped(place / "ana.zip", {"a": "1", "a/b.py": "2", LAB: "3"}), into)


# --- The roster

JANE = Person("u1", "Doe", "Jane", "jane.doe@example.org")
OTHER_JANE = Person("u2", "Doe", "Jane", "jd2@example.org")
JANE_123 = Person("123", "Doe", "Jane", "")
JOSE = Person("77", "Núñez", "José", "jose@example.org")


@pytest.mark.parametrize(
    "people, name, whom",
    [
        ([JANE, JOSE], "Doe_Jane_123", JANE),
        ([JANE, JOSE], "Jane Doe", JANE),
        ([JANE, JOSE], "u1", JANE),
        ([JANE, JOSE], "U1", JANE),
        ([JANE, JOSE], "jane.doe@example.org", JANE),
        ([JANE, JOSE], "jose", JOSE),
        ([JANE, JOSE], "nu\u0301n\u0303ez jose\u0301", JOSE),
        ([JANE, OTHER_JANE], "Doe_Jane", None),
        ([JANE, OTHER_JANE], "Doe_Jane_123", None),
        ([JANE, JANE_123], "Doe_Jane_123", JANE_123),
        ([JANE, JOSE], "Roe_Richard_77", None),
        ([JANE, JOSE], "", None),
    ],
)
def test_a_submissions_name_means_one_person_or_nobody(people, name, whom):
    assert Roster(people).find(name) == whom


def test_a_roster_is_read_whatever_order_its_columns_have(tmp_path):
    path = tmp_path / "roster.csv"
    lines = ["\ufeffemail,first_name,last_name,student_id,team", "jane.doe@example.org,Jane,Doe,u1,x", ",,,,", ""]
    path.write_text("\n".join(lines), "utf-8")
    roster = Roster.load(path)
    assert roster.people == [JANE]
    assert roster.missing(set()) == [JANE] and roster.missing({JANE}) == []


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "must name the columns"),
        (b"id,name\n1,x\n", "must name the columns"),
        (b"student_id,last_name,first_name,email\n1,a,b,c\n1,d,e,f\n", "'1'"),
        (b"student_id,last_name,first_name,email\n,a,b,c\n", "a student_id of their own"),
        (b"student_id,last_name,first_name,email\n1,\xff,b,c\n", "no CSV in UTF-8"),
    ],
)
def test_a_bad_roster_is_one_sentence(tmp_path, content, words):
    (tmp_path / "roster.csv").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        Roster.load(tmp_path / "roster.csv")
