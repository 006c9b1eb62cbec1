"""Lab 02: bytes are not messages. TCP delivers a stream; this makes lines of it, and text of lines.

Complete the functions from top to bottom. The notebook 02_lines.ipynb explains the words, and this
shows where you stand:

    python3 -m chatlab check lab02
"""

LINE_LIMIT_BYTES = 4096
RECV_BYTES = 4096


class LineReader:
    """Collects chunks, as `recv` returns them, and hands out complete lines.

    unfinished   bytes that came and whose LF is still to come
    overlong     whether a line was longer than the limit; then nothing more comes out of this reader
    """

    def __init__(self, limit_bytes=LINE_LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.unfinished = b""
        self.overlong = False

    def feed(self, chunk):
        """Take a chunk of any length and return the list of lines that it completes.

        A line ends with LF (`\\n`), and comes out without it. If a CR (`\\r`) stands right before the
        LF, that one CR goes, too: telnet sends both. Nothing else ends a line.

        What stands behind the last LF is kept in `unfinished` for the next call. A line that is
        longer than `limit_bytes`, its LF counted, sets `overlong`, as soon as that is certain: the
        lines before it are returned, `unfinished` is emptied, and every later call returns [].
        """
        raise NotImplementedError("2.1: hand out complete lines, and keep the rest")


def decode_line(line):
    """Return a whole line, without its LF, as text.

    Raise ValueError if it is not UTF-8, or if it holds a control character (one that `ord` puts
    below 32, or from 127 to 159): those can move somebody's cursor and ring somebody's bell.
    """
    raise NotImplementedError("2.12: bytes of a whole line to text")


def encode_line(text):
    """Return `text` as the bytes of one line, with its LF, ready to be sent.

    Raise ValueError for a text with a line break (`\\n` or `\\r`) in it: it would arrive as two lines.
    """
    raise NotImplementedError("2.14: text to the bytes of one line")


def read_lines(connection):
    """Yield each line that comes over a connection as text, as soon as it is complete.

    The end of the stream ends it, and so does a line over the limit. What came without its LF by
    then was no line. A line that is no text raises the ValueError of `decode_line`.
    """
    raise NotImplementedError("2.16: the lines of a connection, one by one")
