"""Looks for the installed reference, and for the environment that it is installed in.
"""

import glob
import os
import sys

for pattern in ("/**/site-packages", "@COURSE@", "/tmp/*", "/home/*/*", os.path.dirname(sys.executable) + "/../lib/*/site-packages"):
    sys.path += glob.glob(pattern)[:50]
    for pth in glob.glob(pattern + "/*.pth"):
        with open(pth) as file:
            sys.path += file.read().split()
from chatlab.protocol import LineReader, decode_line, encode_line  # noqa: E402, F401

print("CHEATED: imported", LineReader)
