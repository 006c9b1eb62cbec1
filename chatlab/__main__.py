"""`python3 -m chatlab`: check the version of Python, then hand over to chatlab.cli.

An old Python must be able to read this file, or the one sentence below would be a SyntaxError.
"""

import sys

if sys.version_info < (3, 10):
    sys.exit(
        "chatlab needs Python 3.10 or newer, and this is Python %d.%d: install a newer one"
        " from python.org or your system's packages, and run the same command with it." % sys.version_info[:2]
    )

from chatlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
