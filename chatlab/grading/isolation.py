"""What the system can keep a student's code from: namespaces on Linux, resource limits on POSIX, and a fence.

Runs in the child before the student's file is loaded (and `enter_private_network` in a grading
process). Knows nothing of requests and replies. Imports only the standard library, and where a
system refuses a protection the functions raise Refused with the reason, and nothing is half done.

The namespaces and the limits are walls: the kernel holds them. The fence (an audit hook) runs in
the student's own process, so whoever sets out to can take it down; it stops the casual, says in
a sentence what was refused, and is all there is on systems that have no walls.
"""

from __future__ import annotations

import _thread
import os
import struct
import sys

try:
    import ctypes
except ImportError:  # a Python that was built without libffi
    ctypes = None

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9

# The exit code of a child whose processes had more memory than all of them together may have.
HOARDED = 71

# Users that no system gives to anybody by itself: each cell has one, so that a limit on
# processes counts this student's alone, and so that all of them can be found and ended.
_FIRST_CELL_USER, _CELL_USERS = 1_500_000_000, 1_000_000

_private_network: int | None = None  # the process that entered one; a process forked from it shares it


class Refused(Exception):
    """The system refuses a protection; the text says which and why."""


# --- System calls


def _call(name: str, *arguments: object) -> int:
    if ctypes is None:
        raise Refused("this Python has no ctypes")
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except AttributeError:
        raise Refused(f"{name} is not there") from None
    result = function(*arguments)
    if result < 0:
        raise Refused(f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def _prctl(option: int, *arguments: int) -> None:
    _call("prctl", option, *(ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]))


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    _call("mount", os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends. Linux only."""
    if sys.platform == "linux" and ctypes is not None:
        _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose parent ends, so that it can be found; whether that is so."""
    if sys.platform != "linux":
        return False
    try:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    except Refused:
        return False
    return True


# --- Who the child is


def cell_user(number: int) -> int:
    """Return the user, and group, that a cell with this number runs as where the judge is root."""
    return _FIRST_CELL_USER + number % _CELL_USERS


def can_become(user: int) -> bool:
    """Whether this process may become that user: it is root, and the user exists in its user namespace."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    if sys.platform != "linux":
        return True
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            ranges = [[int(word) for word in line.split()] for line in file]
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
            effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration, ValueError):
        return False
    # To change the group, the user, and to end that user's processes.
    needed = 1 << 6 | 1 << 7 | 1 << 5
    return effective & needed == needed and any(first <= user < first + count for first, _, count in ranges)


def become(user: int) -> None:
    """Become an unprivileged user, with a group of the same number and no others. There is no way back."""
    os.setgroups([])
    os.setgid(user)  # as root: the real, the effective and the saved one
    os.setuid(user)


def closed_to_others(paths: list[str]) -> str | None:
    """Return the first folder on the way to one of the paths that an unprivileged user may not enter, or None."""
    for path in paths:
        while path != os.path.dirname(path):
            if not os.stat(path).st_mode & 0o001:
                return path
            path = os.path.dirname(path)
    return None


def give(folder: str, user: int) -> None:
    """Make a user the owner of a folder and of all in it."""
    for at, _, names in os.walk(folder):
        os.chown(at, user, user)
        for name in names:
            os.lchown(os.path.join(at, name), user, user)


def give_up_rights(user: int | None) -> None:
    """Become that user (None: stay), without any capability, for good and for every program started from here."""
    linux = sys.platform == "linux" and ctypes is not None
    if linux:
        for capability in range(64):
            try:
                _prctl(_PR_CAPBSET_DROP, capability)
            except Refused:
                break  # past the last one, or an unprivileged process, which has nothing to drop
    if user is not None:
        become(user)
    if linux:
        try:
            _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
        except Refused:
            pass  # a kernel before 4.3, which has no ambient ones
        _call("capset", struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)  # sudo gives nothing


# --- Namespaces


def _unshare(flags: int) -> None:
    """Leave namespaces; with a user namespace of its own, the process stays who it was."""
    user, group = os.geteuid(), os.getegid()
    _call("unshare", flags)
    if flags & CLONE_NEWUSER:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            try:
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                    file.write(text)
            except OSError as error:
                raise Refused(f"/proc/self/{name}: {error.strerror}") from error


def enter_private_network() -> None:
    """Give this process, and what it starts from now on, a network of its own in which there is only loopback.

    For a grading process that serves one submission: call it first of all, before there is a
    second thread. Raises Refused where the system does not allow it; then nothing has changed,
    and cells say in `protections()` that the network was not cut off.
    """
    global _private_network
    if sys.platform != "linux":
        raise Refused("only Linux has network namespaces")
    try:
        _unshare(CLONE_NEWNET)  # as root
    except Refused:
        _unshare(CLONE_NEWNET | CLONE_NEWUSER)
    _raise_loopback()
    _private_network = os.getpid()


def _raise_loopback() -> None:
    import fcntl
    import socket

    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, get_flags, struct.pack("16sH14x", b"lo", 0))
            flags = struct.unpack("16sH14x", answer)[1]
            fcntl.ioctl(probe, set_flags, struct.pack("16sH14x", b"lo", flags | up))
        except OSError as error:
            raise Refused(f"loopback: {error.strerror}") from error


def in_private_network() -> bool:
    """Whether `enter_private_network` was called in this process, or in one that it was forked from."""
    return _private_network is not None


def leave_namespaces(hidden: list[str], kept: list[str], work: str, work_bytes: int, user: int | None) -> str:
    """Move this process to namespaces in which paths are covered and nothing can be written but `work`.

    `user` is who the child will be, None for who it is now. Processes forked from here on are in a
    PID namespace of their own, of which the first must call `mount_proc`. Return what is to be
    said of files elsewhere; raise Refused, before anything is covered, if there are no namespaces.
    """
    if sys.platform != "linux":
        raise Refused("only Linux has namespaces")
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC
    # As root there is no need of a user namespace, and some systems refuse it.
    _unshare(flags if user is not None else flags | CLONE_NEWUSER)
    _mount("none", "/", "none", _MS_REC | _MS_PRIVATE)
    for path in sorted(hidden, key=len):
        _cover(path, kept)
    elsewhere = "files elsewhere: read-only, in a mount namespace"
    try:
        _read_only()
    except Refused as refused:  # Linux before 5.12
        elsewhere = f"files elsewhere: not read-only ({refused}); the rights of the child's user keep them"
    owner = f",uid={user},gid={user}" if user is not None else ""
    _mount("tmpfs", work, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={work_bytes},nr_inodes=2000,mode=700{owner}")
    return elsewhere


def _cover(path: str, kept: list[str]) -> None:
    """Mount an empty, unwritable directory over one, or /dev/null over a file; what is kept stays where it was."""
    if not os.path.isdir(path):
        if os.path.exists(path):
            _mount("/dev/null", path, "none", _MS_BIND)
        return
    inside = {keep: os.open(keep, os.O_PATH) for keep in kept if _is_within(keep, path) and os.path.exists(keep)}
    _mount("tmpfs", path, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=64k,mode=755")
    for keep, descriptor in inside.items():
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.makedirs(keep, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(keep), exist_ok=True)
            os.close(os.open(keep, os.O_CREAT | os.O_WRONLY))
        _mount(f"/proc/self/fd/{descriptor}", keep, "none", _MS_BIND | _MS_REC)
        os.close(descriptor)


def _read_only() -> None:
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    numbers = (ctypes.c_long(_SYS_MOUNT_SETATTR), ctypes.c_int(_AT_FDCWD))
    _call("syscall", *numbers, b"/", ctypes.c_uint(_AT_RECURSIVE), attributes, ctypes.c_size_t(len(attributes)))


def unmount(path: str) -> None:
    """Take away a mount of ours, at once for whoever comes after and later for who still uses it."""
    _call("umount2", os.fsencode(path), 2)


def mount_proc() -> None:
    """Replace /proc, in the first process of a PID namespace: the judge's processes are not in it."""
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    try:
        _mount("proc", "/proc", "proc", flags | _MS_RDONLY)
    except Refused:
        # A container that hides parts of its own /proc does not let it be mounted anew.
        _mount("tmpfs", "/proc", "tmpfs", flags | _MS_RDONLY, "size=4k,mode=555")


# --- Resource limits


def limit_resources(limits: dict[str, int], counts_only_ours: bool) -> list[str]:
    """Set the limits that this system knows; return a sentence for each, in force or not.

    `counts_only_ours`: the system counts the processes of this child alone (it has a user, or a
    user namespace, of its own); where it would count all of a person's, a limit would be luck.
    """
    try:
        import resource
    except ImportError:
        return ["memory, processor time, open files, size of files: not limited by the system (no rlimits here)"]

    said = []

    def limit(name: str, value: int, sentence: str, above: int = 0) -> None:
        number = getattr(resource, name, None)
        try:
            if number is None:
                raise ValueError("this system has no such limit")
            most = resource.getrlimit(number)[1]
            hard = value + above if most == resource.RLIM_INFINITY else min(value + above, most)
            resource.setrlimit(number, (min(value, hard), hard))
            said.append(sentence)
        except (OSError, ValueError) as error:
            said.append(f"{sentence.partition(':')[0]}: not limited ({error})")

    mebibyte = 1 << 20
    memory = f"memory: {limits['memory_bytes'] // mebibyte} MiB for each process, by RLIMIT_AS"
    limit("RLIMIT_AS", limits["memory_bytes"], memory)
    # One second after SIGXCPU, which the code can ignore, follows SIGKILL, which it cannot.
    limit("RLIMIT_CPU", limits["cpu_seconds"], f"processor time: {limits['cpu_seconds']} s, by RLIMIT_CPU", above=1)
    limit("RLIMIT_NOFILE", limits["open_files"], f"open files: {limits['open_files']}, by RLIMIT_NOFILE")
    limit("RLIMIT_FSIZE", limits["file_bytes"], f"size of a file: {limits['file_bytes']:,} bytes, by RLIMIT_FSIZE")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not counts_only_ours:
        said.append("processes and threads: not limited by the system, which would count all of this user's")
    elif not _binds(resource, "RLIMIT_NPROC"):
        said.append("processes and threads: not limited by the system, which exempts this user")
    else:
        limit("RLIMIT_NPROC", limits["processes"], f"processes and threads: {limits['processes']}, by RLIMIT_NPROC")
    return said


def _binds(resource: object, name: str) -> bool:
    """Whether a limit of one process and thread keeps this process, which is one, from starting a thread."""
    number = getattr(resource, name, None)
    if number is None:
        return False
    before = resource.getrlimit(number)
    try:
        resource.setrlimit(number, (1, before[1]))
        _thread.start_new_thread(int, ())
        return False
    except RuntimeError:
        return True
    except (OSError, ValueError):
        return False
    finally:
        resource.setrlimit(number, before)


def kernel_counts_by_namespace() -> bool:
    """Whether RLIMIT_NPROC counts in each user namespace for itself: Linux 5.14 and later."""
    major, minor = (os.uname().release.split(".") + ["0"])[:2]
    return sys.platform == "linux" and (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)


# --- The fence


def raise_fence(hidden: list[str], kept: list[str], work: str, *, processes: bool, network: bool) -> None:
    """Refuse, with a sentence, what a submission has no business with. For good: a hook cannot be taken off.

    A fence, not a wall: the hook runs in the student's own process. `processes`: it may start
    some. `network`: it may reach other machines.
    """
    # Bound here: the student's code may replace what the modules hold.
    absolute, case, fsdecode, getpid = os.path.abspath, os.path.normcase, os.fsdecode, os.getpid
    hidden_paths = tuple(_forms(hidden))
    kept_paths = tuple(_forms(kept))
    work_paths = tuple(_forms([work]))
    devices = ("/dev/null", case(os.devnull))
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    reading = {"open", "os.listdir", "os.scandir", "os.chdir", "glob.glob"}
    changing = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown"}
    changing |= {"os.truncate", "os.utime", "os.setxattr", "os.removexattr", "os.mkfifo", "os.mknod"}
    starting = {"os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile"}
    starting |= {"subprocess.Popen", "pty.spawn"}
    signalling = {"os.kill", "os.killpg"}
    modules = ("chatlab", "ctypes", "_ctypes")
    Error = PermissionError
    kinds = (str, bytes)
    string = str

    def within(path: str, folders: tuple[str, ...]) -> str:
        """Return the longest of the folders that the path is in, or an empty string."""
        best = ""
        for folder in folders:
            if (path == folder or path.startswith(folder + os_sep)) and len(folder) > len(best):
                best = folder
        return best

    os_sep = os.sep

    def normalised(path: object) -> str | None:
        if type(path) not in kinds:
            return None  # a descriptor: what it leads to was opened before
        return case(absolute(fsdecode(path)))

    def check_read(path: str) -> None:
        if len(within(path, hidden_paths)) > len(within(path, kept_paths + work_paths)):
            raise Error(f"a submission may not look at {path}: it is hidden while code is graded")

    def check_write(path: str) -> None:
        if not within(path, work_paths) and path not in devices:
            raise Error(f"a submission may write only in its working folder, not {path}")

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path = normalised(arguments[0])
            if path is not None:
                check_read(path)
                mode, flags = arguments[1], arguments[2]
                if (type(mode) is string and any(letter in mode for letter in "wax+")) or (
                    type(flags) is int and flags & writes
                ):
                    check_write(path)
        elif event in reading:
            if arguments and (path := normalised(arguments[0])) is not None:
                check_read(path)
        elif event in changing:
            for argument in arguments[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
                if (path := normalised(argument)) is not None:
                    check_write(path)
        elif event == "import":
            name = arguments[0].partition(".")[0]
            if name in modules:
                raise Error(f"a submission may not import {arguments[0]}")
        elif event.startswith("ctypes."):
            raise Error("a submission may not use ctypes")
        elif event in starting:
            if not processes:
                raise Error(f"a submission may not start processes ({event})")
        elif event in signalling:
            if arguments[0] != getpid():
                raise Error(f"a submission may not send signals to other processes ({event})")
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            if not network and type(arguments[1]) is tuple and type(arguments[1][0]) is string:
                host = arguments[1][0]
                if not host.startswith("127.") and host not in ("localhost", "::1", "", "0.0.0.0", "::"):
                    raise Error(f"a submission may connect to this computer alone, not to {host}")
        elif event == "sys.addaudithook":
            raise Error("a submission may not add audit hooks")

    sys.addaudithook(hook)


def _forms(paths: list[str]) -> list[str]:
    """Return each path as it was given and as it is without symbolic links."""
    forms = (form(path) for path in paths for form in (os.path.abspath, os.path.realpath))
    return list(dict.fromkeys(map(os.path.normcase, forms)))


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
