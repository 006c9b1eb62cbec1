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
        ### BEGIN SOLUTION 2.1: hand out complete lines, and keep the rest
        if self.overlong:
            return []
        *finished, rest = (self.unfinished + chunk).split(b"\n")
        self.unfinished = rest
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:  # its LF alone would be one too many
            self._give_up()
        return lines

    def _give_up(self):
        self.overlong = True
        self.unfinished = b""
        ### END SOLUTION


def decode_line(line):
    """Return a whole line, without its LF, as text.

    Raise ValueError if it is not UTF-8, or if it holds a control character (one that `ord` puts
    below 32, or from 127 to 159): those can move somebody's cursor and ring somebody's bell.
    """
    ### BEGIN SOLUTION 2.12: bytes of a whole line to text
    text = line.decode("utf-8")  # UnicodeDecodeError is a ValueError
    for character in text:
        if ord(character) < 32 or 127 <= ord(character) <= 159:
            raise ValueError(f"U+{ord(character):04X} is a control character")
    return text
    ### END SOLUTION


def encode_line(text):
    """Return `text` as the bytes of one line, with its LF, ready to be sent.

    Raise ValueError for a text with a line break (`\\n` or `\\r`) in it: it would arrive as two lines.
    """
    ### BEGIN SOLUTION 2.14: text to the bytes of one line
    if "\n" in text or "\r" in text:
        raise ValueError("a line has no line break in it")
    return text.encode("utf-8") + b"\n"
    ### END SOLUTION


def read_lines(connection):
    """Yield each line that comes over a connection as text, as soon as it is complete.

    The end of the stream ends it, and so does a line over the limit. What came without its LF by
    then was no line. A line that is no text raises the ValueError of `decode_line`.
    """
    ### BEGIN SOLUTION 2.16: the lines of a connection, one by one
    reader = LineReader()
    while not reader.overlong and (chunk := connection.recv(RECV_BYTES)):
        for line in reader.feed(chunk):
            yield decode_line(line)
    ### END SOLUTION
