"""Windows: a job object holds all processes of a child, limits them, and ends them together.

Imported on Windows alone. Where the system refuses a job, the child's own process is all that is ended.
"""

from __future__ import annotations

import ctypes
import subprocess
from ctypes import wintypes

_EXTENDED_LIMIT_INFORMATION = 9
_PROCESS_TIME, _ACTIVE_PROCESS, _PROCESS_MEMORY, _KILL_ON_JOB_CLOSE = 0x2, 0x8, 0x100, 0x2000
_TICKS_IN_A_SECOND = 10_000_000  # of 100 ns


class _Basic(ctypes.Structure):
    _fields_ = [
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    ]


class _Extended(ctypes.Structure):
    _fields_ = [
        ("BasicLimitInformation", _Basic),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    ]


class Job:
    """A job object, or nothing where there is none; `close` ends all processes in it. Twice is fine."""

    def __init__(self, kernel: object = None, handle: int | None = None) -> None:
        self._kernel = kernel
        self._handle = handle

    def close(self) -> None:
        if self._handle is not None:
            self._kernel.TerminateJobObject(self._handle, 1)
            self._kernel.CloseHandle(self._handle)
            self._handle = None


def hold(child: subprocess.Popen, limits: object) -> tuple[Job, list[str]]:
    """Put a child, before it has started anything, into a job; return the job, and what was limited, in sentences."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateJobObjectW.restype = wintypes.HANDLE
    kernel.CreateJobObjectW.argtypes = [wintypes.LPVOID, wintypes.LPCWSTR]
    kernel.SetInformationJobObject.argtypes = [wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD]
    kernel.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]
    kernel.TerminateJobObject.argtypes = [wintypes.HANDLE, wintypes.UINT]
    kernel.CloseHandle.argtypes = [wintypes.HANDLE]
    handle = kernel.CreateJobObjectW(None, None)
    asked = _Extended()
    basic = asked.BasicLimitInformation
    basic.LimitFlags = _PROCESS_TIME | _ACTIVE_PROCESS | _PROCESS_MEMORY | _KILL_ON_JOB_CLOSE
    basic.PerProcessUserTimeLimit = limits.cpu_seconds * _TICKS_IN_A_SECOND
    basic.ActiveProcessLimit = limits.processes
    asked.ProcessMemoryLimit = limits.memory_bytes
    held = (
        handle
        and kernel.SetInformationJobObject(
            handle, _EXTENDED_LIMIT_INFORMATION, ctypes.byref(asked), ctypes.sizeof(asked)
        )
        and kernel.AssignProcessToJobObject(handle, int(child._handle))
    )
    if not held:
        reason = ctypes.FormatError(ctypes.get_last_error())
        if handle:
            kernel.CloseHandle(handle)
        return Job(), [f"memory, processor time, processes: not limited, and only the child itself is ended ({reason})"]
    return Job(kernel, handle), [
        "processes: end with the check, in a job object",
        f"processes: {limits.processes}, by the job object",
        f"memory: {limits.memory_bytes >> 20} MiB, by the job object",
        f"processor time: {limits.cpu_seconds} s, by the job object",
    ]
