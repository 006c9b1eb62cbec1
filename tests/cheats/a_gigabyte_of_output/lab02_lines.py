"""Prints a gigabyte.
"""

import sys

for _ in range(1024):
    sys.stdout.write("x" * (1 << 20))
    sys.stderr.write("x" * (1 << 20))
