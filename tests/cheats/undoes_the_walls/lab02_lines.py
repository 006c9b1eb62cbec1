"""Takes away the mounts that hide things, and enters other namespaces.
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
for place in (b"@COURSE@", b"/home", b"/root", b"/proc", b"/tmp"):
    libc.umount2(place, 2)
libc.unshare(0x10000000 | 0x00020000)  # CLONE_NEWUSER | CLONE_NEWNS
for place in (b"@COURSE@", b"/home", b"/root"):
    libc.umount2(place, 2)
for pid in (1, os.getppid()):
    for kind in ("user", "mnt", "net"):
        try:
            libc.setns(os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), 0)
        except OSError:
            pass
if os.path.exists("@COURSE@/solutions/lab02_lines.py"):
    print("CHEATED: the wall is down")
