"""Lab 02, judged: bytes are not messages."""

from __future__ import annotations

from chatlab.grading.checks import check, gives, raises, same, wrong

LAB = "lab02_lines.py"
LETTERS = "abcdexyz189ñéßλ€語🙂"  # of one, two, three and four bytes
CR, LF, CRLF = b"\r", b"\n", b"\r\n"


def word(random, low: int = 3, high: int = 9) -> str:
    """Draw a word that is easy to read."""
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(random.randint(low, high)))


def text(random, low: int = 3, high: int = 12) -> str:
    """Draw a text with letters of one, two, three and four bytes."""
    return "".join(random.choice(LETTERS) for _ in range(random.randint(low, high)))


def listed(chunks: list[bytes]) -> str:
    """Write down the calls; one byte at a time would fill the screen."""
    if len(chunks) <= 8:
        return ", ".join(map(shown, chunks))
    return f"{', '.join(map(shown, chunks[:4]))}, and so on byte by byte,"


def generator(code, connection):
    """Return what read_lines() gives, which is to be gone through with `next`."""
    lines = code.read_lines(connection)
    if lines is None:
        wrong("read_lines() returned nothing. It is to `yield` each line.")
    if isinstance(lines, list | tuple | str | bytes):
        wrong(f"read_lines() returned {lines!r} at once. It is to `yield` each line when it is complete.")
    return lines


def shown(chunk: bytes) -> str:
    return f"feed({chunk!r})"


@check(
    "2.1",
    1,
    "P1: a line ends with LF.",
    hints=[
        "feed is to return a list of lines: bytes as they came, each without its LF. Which of that is otherwise here?",
        "chunk.split(b'\\n') cuts at each LF. What is the last piece of it, if the chunk ends with LF?",
        "*finished, rest = chunk.split(b'\\n') gives the lines in `finished`, and what is left in `rest`.",
    ],
)
def test_a_whole_line(code, random, did):
    """A line that comes in one chunk is handed out, as bytes, without its LF."""
    reader = code.LineReader()
    for _ in range(3):
        line = word(random).encode()
        gives(lambda: reader.feed(line + b"\n"), [line], shown(line + b"\n"))
        did(f"{shown(line + LF)} gave the line")


@check(
    "2.2",
    1,
    "P1: TCP may deliver many lines in one chunk.",
    needs="2.1",
    hints=[
        "One chunk can hold more than one LF. What does your feed do after the first?",
        "Hand out every line that is complete, not only the first one.",
    ],
)
def test_many_lines_in_one_chunk(code, random):
    """All lines of one chunk are handed out, in order."""
    lines = [word(random).encode() for _ in range(random.randint(3, 6))]
    chunk = b"".join(line + b"\n" for line in lines)
    gives(lambda: code.LineReader().feed(chunk), lines, shown(chunk))


@check(
    "2.3",
    2,
    "P1: a chunk can end anywhere; what is unfinished is kept.",
    needs="2.1",
    hints=[
        "Where are the bytes that came after the last LF, when `feed` is called the next time?",
        "Put what stands behind the last LF into self.unfinished, and begin with it at the next call.",
    ],
)
def test_a_line_in_two_chunks(code, random, did):
    """A line that comes in two chunks is handed out once, when it is whole."""
    reader = code.LineReader()
    line = word(random, 4).encode()
    place = random.randint(1, len(line) - 1)
    first, second = line[:place], line[place:] + b"\n"
    gives(lambda: reader.feed(first), [], shown(first))
    did(f"{shown(first)} gave no line yet")
    gives(lambda: reader.feed(second), [line], f"After that, {shown(second)}")


@check(
    "2.4",
    1,
    "P1: a chunk may end one line and begin the next.",
    needs="2.3",
    hints=[
        "One chunk can complete a line and bring the beginning of another. Where is that beginning afterwards?",
        "What is kept has to be only what stands behind the last LF: neither more nor less.",
    ],
)
def test_the_end_of_one_line_and_the_beginning_of_the_next(code, random, did):
    """A chunk that completes one line and begins the next does both."""
    reader = code.LineReader()
    one, two, three = (word(random).encode() for _ in range(3))
    fed = [one[:2], one[2:] + b"\n" + two[:1], two[1:] + b"\n" + three, b"\n"]
    expected = [[], [one], [two], [three]]
    for chunk, lines in zip(fed, expected):
        after = "" if chunk is fed[0] else "After that, "
        gives(lambda: reader.feed(chunk), lines, f"{after}{shown(chunk)}")
        did(f"{shown(chunk)} gave {lines}")


@check(
    "2.5",
    1,
    "P1: an empty line is a line.",
    needs="2.2",
    hints=[
        "b'\\n' alone is a line, too: an empty one. What does your code do with a piece that has no bytes?",
        "The only empty piece that is no line is the one behind the last LF.",
    ],
)
def test_empty_lines(code, random):
    """An empty line is handed out as b''."""
    line = word(random).encode()
    chunk = b"\n\n" + line + b"\n\n"
    gives(lambda: code.LineReader().feed(chunk), [b"", b"", line, b""], shown(chunk))


@check(
    "2.6",
    1,
    "P1: one CR before the LF is dropped.",
    needs="2.1",
    hints=[
        "telnet ends a line with CR and LF. Which bytes are left in your line when the LF is gone?",
        "If the line ends with b'\\r', drop that one byte: line[:-1].",
    ],
)
def test_a_cr_before_the_lf_goes(code, random, did):
    """A CR right before the LF is dropped, too."""
    reader = code.LineReader()
    for _ in range(2):
        line = word(random).encode()
        gives(lambda: reader.feed(line + b"\r\n"), [line], shown(line + b"\r\n"))
        did(f"{shown(line + CRLF)} was right")


@check(
    "2.7",
    1,
    "P1: only LF ends a line; of what stands before it, one CR goes and nothing else.",
    needs="2.2 2.6",
    hints=[
        "All bytes between two LFs are one line, blanks too. Only one CR may be taken away, at the very end.",
        "strip() and rstrip() take all that they find. splitlines() cuts at a lone CR, too, and that of str at more.",
        "split(b'\\n') cuts at LF and at nothing else; and line[:-1] takes away one byte.",
    ],
)
def test_only_lf_ends_a_line(code, random, did):
    """Nothing but LF ends a line, and nothing but one CR before it is taken away."""
    one, two = word(random), word(random)
    others = {"\r": "a lone CR", "\x0b": "a vertical tab", "\x0c": "a form feed", "\u2028": "U+2028", "\x85": "U+0085"}
    for between, name in others.items():
        line = f"{one}{between}{two}".encode()
        gives(lambda: code.LineReader().feed(line + b"\n"), [line], shown(line + b"\n"))
        did(f"{name} is a part of the line")
    for line in (f"  {one} ".encode(), b"\r" + two.encode()):
        gives(lambda: code.LineReader().feed(line + b"\n"), [line], shown(line + b"\n"))
    did("blanks, and a CR at the beginning, are parts of the line")
    line = one.encode() + b"\r"
    gives(lambda: code.LineReader().feed(line + b"\r\n"), [line], shown(line + b"\r\n"))


@check(
    "2.8",
    1,
    "P1: CR and LF may come in two chunks.",
    needs="2.3 2.7",
    hints=[
        "The CR may be the last byte of one chunk, and the LF the first of the next one. When do you look for the CR?",
        "Look for the CR when the line is complete, and not before: until then nobody knows what follows it.",
    ],
)
def test_cr_and_lf_in_two_chunks(code, random, did):
    """A CR at the end of a chunk is dropped when an LF follows, and stays when it does not."""
    line = word(random).encode()
    reader = code.LineReader()
    gives(lambda: reader.feed(line + b"\r"), [], shown(line + b"\r"))
    gives(lambda: reader.feed(b"\n"), [line], f"After {shown(line + CR)}, {shown(LF)}")
    did("CR in one chunk, LF in the next")
    gives(lambda: reader.feed(line + b"\r"), [], shown(line + b"\r"))
    gives(lambda: reader.feed(b"\r\n"), [line + b"\r"], f"After {shown(line + CR)}, {shown(CRLF)}")


@check(
    "2.9",
    2,
    "P1: the lines depend on the bytes alone, and not on where the chunks were cut.",
    needs="2.2 2.4",
    hints=[
        "Follow a line that comes byte by byte: feed(b'h'), feed(b'e'), feed(b'y'). What is kept after each?",
        "Is there anything in your code that looks at `chunk` alone, and should look at the kept bytes with it?",
    ],
)
def test_where_the_chunks_are_cut_does_not_matter(code, random, did):
    """The same bytes give the same lines, wherever they are cut."""
    lines = [word(random).encode(), f"se{random.choice('ñ€語')}or".encode(), word(random).encode()]
    stream = b"".join(line + b"\n" for line in lines)
    for count in (2, 4, 8, len(stream)):
        cuts = sorted(random.sample(range(1, len(stream)), count - 1))
        chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)])]
        reader = code.LineReader()
        came = [line for chunk in chunks for line in reader.feed(chunk)]
        same(came, lines, f"What came of {listed(chunks)}")
        did(f"right when the bytes come in {count} chunks")


@check(
    "2.10",
    2,
    "P2: a line has a limit, and what is over it ends the reader.",
    needs="2.3",
    hints=[
        "With its LF counted: after which byte is it certain that the line does not fit? And what is kept then?",
        "As soon as the line and its LF cannot fit into limit_bytes, it is overlong, even with no LF in sight.",
        "A line of limit_bytes - 1 bytes and its LF just fit. One more does not.",
    ],
)
def test_a_line_over_the_limit(code, random, did, stand_ins):
    """A line over the limit sets `overlong`, at the byte that is one too many, and nothing is kept of it."""
    limit = random.randint(10, 30)
    reader = code.LineReader(limit)
    did(f"made a reader with LineReader({limit})")
    line = b"x" * (limit - 1)
    gives(lambda: reader.feed(line), [], f"feed of {limit - 1} bytes without LF")
    same(reader.overlong, False, "overlong, while the LF would still fit,")
    gives(lambda: reader.feed(b"\n"), [line], f"After that, {shown(LF)}")
    did(f"a line of {limit - 1} bytes and its LF fit")
    gives(lambda: reader.feed(line), [], f"feed of {limit - 1} bytes without LF")
    gives(lambda: reader.feed(b"x"), [], "feed of one byte more")
    same(reader.overlong, True, f"overlong, after {limit} bytes without LF,")
    did("one byte more is overlong")
    if kept := stand_ins.count(reader, "unfinished"):
        wrong(f"Once a line is overlong, `unfinished` is to be emptied; there are still {kept} bytes in it.")


@check(
    "2.11",
    1,
    "P2: what came before the long line counts, what comes after it does not.",
    needs="2.2 2.10",
    hints=[
        "One chunk may hold a good line, one that is too long, and another good one. What is to come out, and later?",
        "Return the lines from before the long one; and once overlong is set, return [] whatever comes.",
    ],
)
def test_before_and_after_a_line_over_the_limit(code, random, did):
    """The lines before an overlong one are handed out, and neither it nor anything after it."""
    limit = random.randint(12, 30)
    reader = code.LineReader(limit)
    before, after = b"before", b"after"
    chunk = before + b"\n" + b"x" * limit + b"\n" + after + b"\n"
    gives(lambda: reader.feed(chunk), [before], f"With a limit of {limit}, {shown(chunk)}")
    same(reader.overlong, True, "overlong")
    did("the line before it came out, the one behind it did not")
    gives(lambda: reader.feed(b"more\n"), [], "After that, feed(b'more\\n')")


@check(
    "2.12",
    1,
    "P4: text is UTF-8.",
    hints=[
        "Make text of the bytes first, then look at it. Which encoding is it to be, and what if they are not of that?",
        "line.decode('utf-8') returns the text, and raises UnicodeDecodeError, a kind of ValueError, for what is none.",
    ],
)
def test_a_line_becomes_text(code, random, did):
    """decode_line() returns the text of UTF-8, and raises ValueError for other bytes."""
    said = "".join(random.sample(LETTERS, len(LETTERS)))
    gives(lambda: code.decode_line(said.encode()), said, f"decode_line({said.encode()!r})")
    gives(lambda: code.decode_line(b""), "", "decode_line(b'')")
    did("text came back as it was")
    for line in (b"\xff", b"abc\xc3", "né".encode("latin-1"), b"\xed\xa0\x80"):
        raises(lambda line=line: code.decode_line(line), "ValueError", f"decode_line({line!r})")


@check(
    "2.13",
    1,
    "P4: control characters are refused.",
    needs="2.12",
    hints=[
        "What is refused is all that `ord` puts below 32, or from 127 to 159, and nothing else. What does yours do?",
        "Go through the characters of the text: ord(character) below 32, or from 127 to 159, is a control character.",
    ],
)
def test_control_characters_are_refused(code, random, did):
    """decode_line() raises ValueError for a control character, and for nothing else that is text."""
    low, high = word(random), word(random)
    for number in (0, 7, 9, 13, 27, 31, 127, 128, 133, 159):
        line = f"{low}{chr(number)}{high}".encode()
        raises(lambda line=line: code.decode_line(line), "ValueError", f"decode_line({line!r}), with U+{number:04X},")
    did("ten control characters were refused")
    for number in (32, 126, 160, 0x200D, 0x2028, 0x1F642):
        said = f"{low}{chr(number)}{high}"
        gives(lambda: code.decode_line(said.encode()), said, f"decode_line of a text with U+{number:04X}")


@check(
    "2.14",
    1,
    "P1, P4: a text goes out as UTF-8 with one LF.",
    hints=[
        "The other end reads bytes, and takes a line for complete at its LF. Which of your bytes differ from that?",
        "text.encode('utf-8') makes the bytes of the text; and then comes b'\\n'.",
    ],
)
def test_text_becomes_a_line(code, random, did):
    """encode_line() returns the bytes of the text and one LF."""
    for said in ("".join(random.sample(LETTERS, len(LETTERS))), "", " with blanks "):
        gives(lambda: code.encode_line(said), said.encode() + b"\n", f"encode_line({said!r})")
        did(f"encode_line({said!r}) was right")


@check(
    "2.15",
    1,
    "P1: what has a line break in it is not one line.",
    needs="2.14",
    hints=[
        "What would bob read of 'hi\\ncarla: I owe bob 100 euros'? Which line breaks does yours look for, and where?",
        "Raise ValueError if there is a \\n or a \\r anywhere in the text.",
    ],
)
def test_a_text_with_a_line_break_is_refused(code, random, did):
    """encode_line() raises ValueError for a text with a line break."""
    one, two = word(random), word(random)
    for said in (f"{one}\n{two}", f"{one}\n", f"\r{one}", f"{one}\r\n{two}"):
        raises(lambda said=said: code.encode_line(said), "ValueError", f"encode_line({said!r})")
        did(f"{said!r} was refused")


@check(
    "2.16",
    2,
    "P1: a line is handed out as soon as it is complete.",
    needs="2.3 2.12",
    hints=[
        "Each line is to come out, as text, as soon as it is whole. What does yours wait for, and what does it give?",
        "A loop around recv, feed for each chunk, and `yield` for each line that it gives.",
    ],
)
def test_lines_of_a_connection(code, net, random, did):
    """read_lines() yields each line as text, as soon as it is complete."""
    theirs, ours = net.pair()
    lines = generator(code, theirs)
    for number in range(1, 4):
        said = text(random, 2, 15)
        ours.send(said.encode() + b"\n")
        same(next(lines, "nothing more"), said, f"Line {number} of read_lines()")
        did(f"line {number} came, and the connection was still open")


@check(
    "2.17",
    2,
    "P4: bytes are decoded a whole line at a time.",
    needs="2.9 2.16",
    hints=[
        "ñ is two bytes, and a chunk can end between them. What does decode do with half a letter?",
        "Never decode a chunk. Feed it to a LineReader, and decode whole lines.",
    ],
)
def test_a_character_that_is_cut_in_two(code, net, random, did, stand_ins):
    """read_lines() puts a character together that came in two chunks."""
    mask = random.randint(1, 255)
    stand_ins.sip(1, mask)  # each recv returns one byte
    theirs, ours = net.pair()
    ours.is_masked(mask)
    lines = generator(code, theirs)
    for letter in random.sample("ñ€語🙂", 3):
        said = f"se{letter}or{word(random)}"
        ours.send(said.encode() + b"\n")
        same(next(lines, "nothing more"), said, f"read_lines(), of {said.encode()!r} byte by byte,")
        did(f"{letter} was cut in two, and came out whole")


@check(
    "2.18",
    1,
    "P1: the end of the stream is the end; what has no LF by then was no line.",
    needs="2.16",
    hints=[
        "At the end of the stream recv returns b'', again and again. What does yours do then, and with the rest?",
        "What is left in `unfinished` then was never completed: nobody knows how it would have gone on.",
    ],
)
def test_the_end_of_the_stream(code, net, random, did, stand_ins):
    """read_lines() ends with the stream, without the piece that was never completed."""
    stand_ins.lose_patience_at_the_end()
    theirs, ours = net.pair()
    lines = generator(code, theirs)
    said = text(random, 2, 15)
    ours.send(said.encode() + b"\nunfinish")
    ours.finish()
    same(next(lines, "nothing more"), said, "The first line of read_lines()")
    did("the complete line came")
    ended(lines, "At the end of the stream")


@check(
    "2.19",
    1,
    "P2: a line over the limit ends the reading, though the stream goes on.",
    needs="2.11 2.16",
    hints=[
        "Your LineReader notices a line that is too long, and sets `overlong`. Who looks at that in read_lines()?",
        "The loop is to go on only while `not reader.overlong`; else it would call recv for ever, and yield nothing.",
    ],
)
def test_a_line_over_the_limit_ends_the_reading(code, net, random, did):
    """read_lines() ends at a line over the limit."""
    theirs, ours = net.pair()
    lines = generator(code, theirs)
    said = text(random, 2, 15)
    ours.send(said.encode() + b"\n")
    same(next(lines, "nothing more"), said, "The first line of read_lines()")
    did("a good line came")
    ours.send(b"x" * 5000)
    did("sent 5,000 bytes without LF; the connection is still open")
    ended(lines, "At a line of more than 4,096 bytes")


@check(
    "2.20",
    1,
    "P4: what is no text is told, not guessed at.",
    needs="2.13 2.16",
    hints=[
        "What does whoever reads the lines learn of one that is no text? decode_line() says it with a ValueError.",
        "Call decode_line() for each line in read_lines(), and let its ValueError through: no try around it.",
    ],
)
def test_a_line_that_is_no_text(code, net, random, did):
    """read_lines() lets the ValueError of decode_line() through."""
    for line, what in ((b"caf\xe9", "no UTF-8"), (b"ding\x07", "a control character")):
        theirs, ours = net.pair()
        lines = generator(code, theirs)
        said = text(random, 2, 15)
        ours.send(said.encode() + b"\n")
        same(next(lines, "nothing more"), said, "The first line of read_lines()")
        ours.send(line + b"\n")
        ours.finish()
        raises(lambda lines=lines: next(lines, "nothing more"), "ValueError", f"read_lines(), at the line {line!r},")
        did(f"{what} ({line!r}) raised ValueError")


@check(
    "2.21",
    1,
    "Each connection has its own lines.",
    needs="2.17",
    hints=[
        "Two connections at a time: where does each keep its unfinished line, and can the other one see it?",
        "What stands in the class, or outside of it, is there once for all. Make it in __init__, for each reader.",
    ],
)
def test_two_connections_at_a_time(code, net, random, did):
    """Two connections that are read at the same time do not mix their lines."""
    (one, ours_one), (two, ours_two) = net.pair(), net.pair()
    of_one, of_two = generator(code, one), generator(code, two)
    first, second, third = (word(random) for _ in range(3))
    ours_one.send(f"{first}\n{second[:2]}".encode())
    same(next(of_one, "nothing more"), first, "The first line of the first connection")
    did(f"the first connection has got {second[:2].encode()!r}, the beginning of a line")
    ours_two.send(f"{third}\n".encode())
    same(next(of_two, "nothing more"), third, "The first line of the second connection")
    ours_one.send(f"{second[2:]}\n".encode())
    same(next(of_one, "nothing more"), second, "The second line of the first connection")


def ended(lines, when: str) -> None:
    """Wrong if there is still something to come."""
    rest = next(lines, None)
    if rest is not None:
        wrong(f"{when} read_lines() should have ended; it still gave {rest!r}.")
