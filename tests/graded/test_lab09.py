"""Lab 09, judged: commands and history."""

from __future__ import annotations

from chatlab.grading.checks import check, gives, raises, same, wrong

LAB = "lab09_history.py"
PATH = "history.db"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NAMES = ["ana", "bob", "carla", "dora", "emil", "eve", "José", "Ñandú"]
THREADS, EACH = 8, 8
LONG_SECONDS = 45.0

# Each has something in it that means something in SQL, or in LIKE, or to somebody who formats it.
NASTY = [
    "'); DROP TABLE lines; --",
    "' OR '1'='1",
    'it\'s "quoted"',
    "100% _sure_",
    "a\\b\\",
    "?, ?1, :name, {text}, %s",
    "007",
    "  with blanks  ",
    "",
    "ñandú, straße, 語 🙂",
    "-- and /* what */ follows;",
]


def word(random, low: int = 4, high: int = 8) -> str:
    """Draw a word of small letters."""
    return "".join(random.choice(LETTERS) for _ in range(random.randint(low, high)))


def words(random, count: int) -> list[str]:
    """Draw words that differ, in an order that is neither that of the alphabet nor its reverse."""
    drawn: set[str] = set()
    while len(drawn) < count:
        drawn.add(word(random))
    found = random.sample(sorted(drawn), count)
    while count > 2 and found in (sorted(drawn), sorted(drawn, reverse=True)):
        random.shuffle(found)
    return found


def pairs(came: object, what: str) -> list[list]:
    """Return lines as the judge writes them; wrong if they are no list of pairs."""
    if not isinstance(came, list | tuple):
        wrong(f"{what} should be a list of tuples, (name, text); it is {came!r}.")
    for line in came:
        if not isinstance(line, list | tuple) or len(line) != 2:
            wrong(f"{what} should be a list of tuples, (name, text); one of them is {line!r}.")
    return [list(line) for line in came]


def holds(stand_ins, expected: list, what: str) -> None:
    """The lines are in the file, for other programs too."""
    same(stand_ins.in_the_file(PATH), [list(line) for line in expected], what)


# ---- commands --------------------------------------------------------------------------------------


@check(
    "9.1",
    2,
    "P18: a command is a slash, a word in any letter case, and perhaps an argument.",
    hints=[
        "Take `/History  20 ` apart by hand. What belongs to the word, what to the argument, and what to neither?",
        'text[1:].partition(" ") cuts at the first blank, and also gives three parts if there is none.',
    ],
)
def test_a_command_is_split(code, random, did):
    """split_command() gives word and argument of a command, and None for everything else."""
    name, one, two = words(random, 3)
    for text, expected in (
        (f"/{name} {one}", (name, one)),
        (f"/{name}", (name, "")),
        (f"/{name} {one} {two}", (name, f"{one} {two}")),
        (f"/{name}   {one}  {two}  ", (name, f"{one}  {two}")),
        (f"/{name.capitalize()} {one.upper()}", (name, one.upper())),
        (f"/{name} /{two}", (name, f"/{two}")),
    ):
        gives(lambda text=text: code.split_command(text), expected, f"split_command({text!r})")
    did("commands are split")
    for text in (one, f"{one} /{name}", f"//{name} {one}", f" /{name}", ""):
        gives(lambda text=text: code.split_command(text), None, f"split_command({text!r})")


@check(
    "9.2",
    1,
    "What /help says is made from the table, so that it cannot be forgotten.",
    hints=[
        "A row knows its usage and its purpose. Which loop gives you all rows of a dict, in their order?",
        'f"* {row.usage} - {row.purpose}" for each row of table.values().',
    ],
)
def test_help_is_made_from_the_table(code, random, did, stand_ins):
    """help_lines() has a line for each row, in the order of the table."""
    desk = stand_ins.Desk(code.get("Row"))
    names = words(random, 4)
    help_lines = code.get("help_lines")
    rows = [(name, f"/{name} {word(random).upper()}", f"do a {word(random)}") for name in names]
    for number, row in enumerate(rows, 1):
        desk.put(*row)
        expected = [f"* {usage} - {purpose}" for _, usage, purpose in rows[:number]]
        gives(lambda: desk.call(help_lines), expected, f"help_lines() of a table with {number} of 4 rows")
        did(f"{number} of 4 rows")


@check(
    "9.3",
    1,
    "A new command is a new row.",
    needs="9.1",
    hints=[
        "The table has the row, the row has the function. What is the function given, and who gets what it returns?",
        "word, argument = split_command(text); return table[word].function(name, argument).",
    ],
)
def test_a_command_is_looked_up(code, random, did, stand_ins):
    """run_command() calls the function of the row with the name and the argument, and returns its lines."""
    desk = stand_ins.Desk(code.get("Row"))
    run = code.get("run_command")
    who = random.choice(NAMES)
    for name in words(random, 3):
        desk.put(name, f"/{name}", "say what it was given")
        for argument in (word(random), f"{word(random)} {word(random)}", ""):
            text = f"/{name.upper()} {argument}"
            expected = [f"* {name} of {who}: {argument!r}"]
            gives(lambda text=text: desk.call(run, who, text), expected, f"run_command(table, {who!r}, {text!r})")
        did(f"/{name}, a row that was just added, was run")


@check(
    "9.4",
    1,
    "P18: a word that is no command is answered with one error line.",
    needs="9.3",
    hints=[
        "Somebody types /dance, and there is no such row. What does table[word] do then?",
        "Look first: if word not in table: return [one line].",
    ],
)
def test_a_word_that_is_no_command(code, random, stand_ins):
    """run_command() answers a word that is not in the table with one error line that speaks of /help."""
    desk = stand_ins.Desk(code.get("Row"))
    run = code.get("run_command")
    known, unknown = words(random, 2)
    desk.put(known, f"/{known}", "be there")
    for typed in (unknown, unknown.capitalize(), ""):
        text = f"/{typed} {word(random)}"
        expected = [f"! There is no command /{typed.lower()}. Type /help to see them all."]
        gives(lambda text=text: desk.call(run, "ana", text), expected, f"run_command(table, 'ana', {text!r})")


@check(
    "9.5",
    2,
    "Wrong use is answered with the right one; a mistake in the program is not hidden.",
    needs="9.3",
    hints=[
        "The function raises ValueError: the person has made a mistake. It raises KeyError: who has made one then?",
        "try around the call and nothing else; except ValueError and nothing else; the line shows row.usage.",
    ],
)
def test_wrong_use(code, random, did, stand_ins):
    """run_command() answers a ValueError with the usage, and lets all other errors through."""
    desk = stand_ins.Desk(code.get("Row"))
    run = code.get("run_command")
    name, *broken = words(random, 3)
    usage = f"/{name} {word(random).upper()}"
    desk.put(name, usage, "be used wrongly", "ValueError")
    text = f"/{name} {word(random)}"
    expected = [f"! Write it like this: {usage}"]
    gives(
        lambda: desk.call(run, "ana", text), expected, f"run_command(), when the function of /{name} raises ValueError,"
    )
    did("ValueError was answered with the usage")
    for one, kind in zip(broken, ("KeyError", "TypeError")):
        desk.put(one, f"/{one}", "be broken", kind)
        raises(
            lambda one=one: desk.call(run, "ana", f"/{one}"),
            kind,
            f"run_command(), when the function of /{one} raises {kind},",
        )
        did(f"{kind} came through")


# ---- a history in a file -----------------------------------------------------------------------------


@check(
    "9.6",
    1,
    "The table is made once, and what is in it stays.",
    hints=[
        "Who executes TABLE, and what becomes of it when the file has the table already?",
        "sqlite3.connect(path) opens the file, or makes it; connection.execute(TABLE) makes the table if need be.",
        "close() closes the connection. If you have started a thread, it ends there, too.",
    ],
)
def test_a_file_with_a_table(code, did, stand_ins):
    """History(path) makes the file and its table, and opens it again later."""
    for time in ("first", "second"):
        history = code.History(PATH)
        same(
            stand_ins.columns(PATH),
            ["number", "name", "text"],
            f"The list of columns, when the file was opened for the {time} time,",
        )
        same(history.close(), None, "close()")
        same([name for name, _ in code.threads()], [], "The list of all threads after close()")
        did(f"opened and closed for the {time} time")
    history = code.History("another.db")
    same(stand_ins.columns("another.db"), ["number", "name", "text"], "The list of columns in another file")
    history.close()


@check(
    "9.7",
    2,
    "What add() has returned from is there, whatever happens next.",
    needs="9.6",
    hints=[
        "INSERT begins a transaction. Who ends it, and when? What does a program that is killed before that leave?",
        "with connection: connection.execute(...) commits at the end of the block, or rolls back if it raises.",
    ],
)
def test_a_line_is_kept(code, random, did, stand_ins):
    """add() puts a line into the file, where it is when add() has returned."""
    history = code.History(PATH)
    kept = []
    for number, text in enumerate(words(random, 4), 1):
        kept.append([random.choice(NAMES), text])
        same(history.add(*kept[-1]), None, "add()")
        same(stand_ins.after_a_kill(PATH), kept, f"What is in the file when the program is killed after line {number}")
        did(f"line {number} is in the file")
    history.close()
    holds(stand_ins, kept, "What is in the file after close()")
    history = code.History(PATH)
    holds(stand_ins, kept, "What is in the file when it was opened again")
    kept.append(kept[0])
    history.add(*kept[-1])
    holds(stand_ins, kept, "What is in the file when the first line was said once more")


@check(
    "9.8",
    2,
    "The last lines are those with the greatest numbers, and are read from top to bottom.",
    needs="9.7",
    hints=[
        "ORDER BY number DESC LIMIT ? gives the newest first. In which order are they to be returned?",
        "fetchall() returns a list, and found[::-1] the same list the other way round.",
    ],
)
def test_the_last_lines(code, random, did, stand_ins):
    """last() returns so many lines, or as many as there are, oldest first."""
    history = code.History(PATH)
    same(pairs(history.last(5), "last(5) of an empty history"), [], "last(5) of an empty history")
    texts = words(random, 11)
    kept = [[random.choice(NAMES), text] for text in [*texts, texts[0]]]
    for line in kept:
        history.add(*line)
    did(f"{len(kept)} lines were added")
    for count in (random.randint(3, 6), len(kept) - 1, len(kept), len(kept) + 5, 1, 0):
        came = pairs(history.last(count), f"last({count})")
        same(came, kept[len(kept) - min(count, len(kept)) :], f"last({count}) of {len(kept)} lines")
        did(f"last({count})")
    history.close()
    history = code.History(PATH)
    same(pairs(history.last(2), "last(2)"), kept[-2:], "last(2), when the file was opened again,")


@check(
    "9.9",
    2,
    "A value is a parameter, and never a part of the statement.",
    needs="9.8",
    hints=[
        "Write down the whole SQL statement that your code makes for the text `it's`. Where does the string end?",
        'execute("INSERT INTO lines (name, text) VALUES (?, ?)", (name, text)): SQLite never reads values as SQL.',
    ],
)
def test_whatever_they_say(code, random, did, stand_ins):
    """add() keeps names and texts as they are, whatever is in them."""
    history = code.History(PATH)
    nasty = random.sample(NASTY, len(NASTY))
    kept = []
    for text in nasty:
        for line in (["ana", text], [text, "hello"]):
            kept.append(line)
            gives(lambda line=line: history.add(*line), None, f"add({line[0]!r}, {line[1]!r})")
            came = stand_ins.in_the_file(PATH)[len(kept) - 1 :]
            same(came, [line], f"What add({line[0]!r}, {line[1]!r}) has put at the end of the file")
        did(f"{text!r} as a text and as a name")
    same(pairs(history.last(100), "last(100)"), kept, "last(100), when all of them were added,")


@check(
    "9.10",
    2,
    "A search gives what was asked for, and what is asked for is a parameter, too.",
    needs="9.9",
    hints=[
        "SELECT ... WHERE text LIKE ?: what stands for the words, and what for everything before and after them?",
        'execute(sql, (f"%{words}%",)) with ORDER BY number. The comma makes a tuple of it.',
        "If quotes break it, the words are still formatted into the statement.",
    ],
)
def test_lines_are_found(code, random, did, stand_ins):
    """search() returns all lines whose text has the words in it, oldest first, whatever the words are."""
    history = code.History(PATH)
    needle, other, *texts = words(random, 7)
    needle += "ñ"  # so that it is in none of the others
    shapes = [f"{needle} {texts[0]}", f"{texts[1]} {needle}", f"{texts[2]}{needle}{texts[3]}", needle]
    found = [[random.choice(NAMES), text] for text in random.sample(shapes, 4)]
    while [line[1] for line in found] in (sorted(shapes), sorted(shapes, reverse=True)):
        random.shuffle(found)
    lines = [["eve", f"{other} {texts[4]}"], *found[:2], [needle, other], *found[2:], ["eve", other]]
    for line in lines:
        history.add(*line)
    same(pairs(history.search(needle), "search()"), found, f"search({needle!r})")
    upper = needle[:-1].upper() + "ñ"
    same(pairs(history.search(upper), "search()"), found, f"search({upper!r})")
    did("all were found, in their order")
    two = f"{needle} {texts[0]}"
    same(pairs(history.search(two), "search()"), [line for line in found if line[1] == two], f"search({two!r})")
    same(pairs(history.search(f"{other}ñ"), "search()"), [], f"search({other + 'ñ'!r})")
    did("two words are found as they stand, and what nobody has said is not found")
    for text in ("' OR '1'='1", 'it\'s "quoted"', "'); DROP TABLE lines; --", "?, ?1, :name, {text}"):
        what = f"search({text!r})"
        gives(lambda text=text: pairs(history.search(text), "search()"), [], f"{what}, which nobody has said,")
        line = ["eve", f"{texts[0]} {text}"]
        history.add(*line)
        gives(lambda text=text: pairs(history.search(text), "search()"), [line], f"{what}, which was said once,")
        did(f"{text!r} finds what it should")


@check(
    "9.11",
    1,
    "What means something to LIKE is a character as all others to whoever searches.",
    needs="9.10",
    hints=[
        "To LIKE, `%` is any number of characters, and `_` is one. What does a search for 100% find?",
        r"LIKE ? ESCAPE '\': then \% is the character %, \_ is _, and \\ is \ itself. In Python: '\\'.",
        r"First replace '\\' by '\\\\', and only then '%' by '\\%' and '_' by '\\_': else you double your own.",
    ],
)
def test_wildcards_are_characters(code, random, did):
    """search() takes %, _ and the backslash as they are."""
    history = code.History(PATH)
    one, two = words(random, 2)
    # The first of each is what the search finds, the second what a wildcard would find in its place.
    cases = [
        ("100%", "we are 100% sure", "we are 1000 strong"),
        (f"{one}_{two}", f"{one}_{two}", f"{one}-{two}"),
        (f"{one}%{two}", f"{one}%{two}", f"{one} and {two}"),
        ("C:\\new", "it is in C:\\new", "it is in C:new"),
        ("\\%", "a \\% in a string", "a \\x in a string"),
        (f"{two}*", f"{two}*", f"{two} again"),
        (f"[{one}]", f"[{one}]", f"{one}"),
    ]
    for _, right, other in cases:
        history.add("ana", right)
        history.add("bob", other)
    for asked, right, _ in cases:
        came = pairs(history.search(asked), f"search({asked!r})")
        same(came, [["ana", right]], f"search({asked!r})")
        did(f"search({asked!r})")
    same(len(pairs(history.search("%"), "search('%')")), 3, "The number of lines that search('%') finds")


# ---- threads -------------------------------------------------------------------------------------------


@check(
    "9.12",
    3,
    "A History is for all threads: no line is lost, and none is there twice.",
    needs="9.8",
    hints=[
        "What stands in the way: the thread that has made the connection, or somebody else who writes at that moment?",
        "One way: check_same_thread=False, and one lock around each use. Another: a connection for each thread.",
        "`database is locked`: somebody else writes. connect(path, timeout=...) says how long to wait for them.",
    ],
)
def test_many_threads(code, random, did, stand_ins):
    """Eight threads add lines at one moment; another program may write, too."""
    history = code.History(PATH)
    names = [f"{name}-{word(random)}" for name in NAMES]
    texts = words(random, EACH)
    crowd = code.start(stand_ins.crowd, code.get("add", of=history), names, texts)
    errors = crowd.result(LONG_SECONDS)
    if errors:
        wrong(f"{THREADS} threads called add() at one moment, and {len(errors)} of them got an error:\n{errors[0]}")
    did(f"{THREADS} threads added {EACH} lines each, and got no error")
    came = stand_ins.in_the_file(PATH)
    same(len(came), THREADS * EACH, "The number of lines in the file")
    for name in names:
        same(
            [line for line in came if line[0] == name],
            [[name, text] for text in texts],
            f"The lines of {name} in the file",
        )
    read = code.start(stand_ins.in_words_if_it_fails, code.get("last", of=history), 100).result(LONG_SECONDS)
    if isinstance(read, str):
        wrong(f"Yet another thread called last(), and got an error:\n{read}")
    same(pairs(read, "last(100)"), came, "last(100), called by yet another thread,")
    did("all are there, once, and each thread's in their order")
    line = ["eve", word(random)]
    error = code.start(stand_ins.held, PATH, code.get("add", of=history), *line).result(LONG_SECONDS)
    if error:
        wrong(f"Another program was writing for half a second, and add() did not wait for it:\n{error}")
    same(
        stand_ins.in_the_file(PATH)[len(came) :],
        [line],
        "What add() has put at the end of the file, while another program was writing for half a second,",
    )
    did("add() waited for another program that was writing")


# ---- transactions ----------------------------------------------------------------------------------


def either(found: list, before: list, after: list, what: str) -> None:
    """Of all that might be left, each is what was before or what comes after."""
    for number, left in enumerate(found[:-1], 1):
        if left not in (before, after):
            new = [line for line in left if line not in before]
            wrong(
                f"The program was killed in the middle of {what}, after statement {number}, and half of it was left.\n"
                f"Lines there before: {len(before)}. Lines there now: {len(left)}, and new among them: {new}"
            )
    same(found[-1], after, f"What is in the file when {what} has returned")


@check(
    "9.13",
    2,
    "A transaction is all or nothing.",
    needs="9.7",
    hints=[
        "Line 3 of 5 is refused. What has become of lines 1 and 2, and who takes them back?",
        "All inserts belong into one transaction: one `with connection:` around all of them, and not one for each.",
        "After an error somebody must call rollback(). Else the next commit also commits what was left lying.",
    ],
)
def test_all_or_none(code, random, did, stand_ins):
    """add_all() adds all lines, or none if one of them is refused or the program is killed."""
    stand_ins.watch()
    history = code.History(PATH)
    first, *texts = words(random, 8)
    kept = [["ana", first]]
    history.add(*kept[0])
    lines = [[random.choice(NAMES), text] for text in texts[:5]]
    kills = stand_ins.Kills(PATH)
    add_all = code.get("add_all", of=history)
    either(kills.during(add_all, lines), kept, kept + lines, "add_all() with 5 lines")
    kept += lines
    did("all of 5 lines are there, and after a kill all or none would be")
    refused = [[random.choice(NAMES), text] for text in words(random, 5)]
    place = random.randint(2, 4)  # never the first: before that nothing has been done
    refused[place][random.randint(0, 1)] = None
    raises(
        lambda: history.add_all([tuple(line) for line in refused]),
        "IntegrityError",
        f"add_all(), when line {place + 1} of 5 has a None,",
    )
    holds(stand_ins, kept, f"What is in the file, when line {place + 1} of 5 was refused,")
    did(f"when line {place + 1} of 5 was refused, none was there")
    kept.append(["bob", texts[5]])
    history.add(*kept[-1])
    holds(stand_ins, kept, "What is in the file, when one line was added after a refusal,")


@check(
    "9.14",
    2,
    "Of two changes that belong together none is ever there alone.",
    needs="9.7",
    hints=[
        "rename makes two statements. What is in the file between them, and what if the program ends just there?",
        "Both into one `with connection:`. It commits behind the second, and rolls both back if one raises.",
    ],
)
def test_both_or_neither(code, random, did, stand_ins):
    """rename() changes the lines and adds the notice, or neither if one is refused or the program is killed."""
    stand_ins.watch()
    history = code.History(PATH)
    old, new, newer, other = (f"{name}-{word(random)}" for name in random.sample(NAMES, 4))
    texts = words(random, 4)
    kept = [[old, texts[0]], [other, old], [old, texts[1]], [other, texts[2]]]
    for line in kept:
        history.add(*line)
    after = [[new if name == old else name, text] for name, text in kept] + [["server", f"{old} is now {new}"]]
    kills = stand_ins.Kills(PATH)
    rename = code.get("rename", of=history)
    either(kills.during(rename, old, new), kept, after, f"rename({old!r}, {new!r})")
    did("both were done, and after a kill both or neither would be")
    kept = after
    for change in ("INSERT", "UPDATE"):
        if why := stand_ins.refuse(PATH, change):
            wrong(f"rename() has returned, and another program still cannot write into the file: {why}.")
        what = "line of the server" if change == "INSERT" else "change of the lines"
        raises(lambda: history.rename(new, newer), "IntegrityError", f"rename(), when SQLite refuses the {what},")
        holds(stand_ins, kept, f"What is in the file, when the {what} was refused,")
        kept = [*kept, [other, word(random)]]
        history.add(*kept[-1])
        holds(stand_ins, kept, f"What is in the file, when the {what} was refused, and one line was added then,")
        did(f"when the {what} was refused, neither was there")
        if why := stand_ins.allow(PATH, change):
            wrong(f"add() has returned, and another program still cannot write into the file: {why}.")


@check(
    "9.15",
    3,
    "A transaction is nobody else's: no other thread comes in between.",
    needs="9.12 9.14",
    hints=[
        "All threads use one connection, and it has one transaction. Whose changes does a commit commit?",
        "The lock is taken before the first statement, and given back behind the commit: `with lock, connection:`.",
        "Also last() and search() take the lock: on the same connection they would see what may be taken back.",
    ],
)
def test_nobody_comes_in_between(code, random, did, stand_ins):
    """While rename() is in the middle, add() and last() of other threads neither save half of it nor see it."""
    stand_ins.watch()
    history = code.History(PATH)
    old, new, other = (f"{name}-{word(random)}" for name in random.sample(NAMES, 3))
    texts = words(random, 3)
    kept = [[old, texts[0]], [other, texts[1]]]
    for line in kept:
        history.add(*line)
    # Whichever of its two statements comes first, the other one is refused.
    line = [other, texts[2]]
    for change in ("INSERT", "UPDATE"):
        if why := stand_ins.refuse(PATH, change):
            wrong(f"add() has returned, and another program still cannot write into the file: {why}.")
        came = code.start(stand_ins.Meeting(PATH, history).take_place, old, new, line).result(LONG_SECONDS)
        if not str(came["rename"]).startswith("IntegrityError"):
            wrong(f"Its {change} is refused, so rename() should raise IntegrityError; it came to {came['rename']!r}.")
        did(f"rename() was in the middle; its {change} is refused, and so all of it is taken back")
        if came["add"] is not None:
            wrong(f"Meanwhile another thread called add(), which should wait for its turn; it came to {came['add']!r}.")
        if came["last"] not in (kept, [*kept, line]):
            wrong(
                "Meanwhile another thread called last(), and it should see nothing of a rename that is taken back.\n"
                f"expected  {kept}\ncame      {came['last']}"
            )
        kept = [*kept, line]
        holds(
            stand_ins,
            kept,
            "What is in the file afterwards, when a rename was taken back and another thread's line added,",
        )
        did("another thread's line is there, and nothing of the rename")
        if why := stand_ins.allow(PATH, change):
            wrong(f"All calls have returned, and another program still cannot write into the file: {why}.")


# ---- put together --------------------------------------------------------------------------------------


@check(
    "9.16",
    3,
    "The history is a command as all others.",
    needs="9.2",
    hints=[
        "Which rows are there, what does each function return, and for which arguments does it raise ValueError?",
        "int(argument) raises ValueError for what is no number. For 0, -1 and 101 you raise it yourself.",
        "help needs the table that it stands in: make the dict first, and let a lambda call help_lines(table) later.",
    ],
)
def test_the_rows_of_the_chat(code, random, did, stand_ins):
    """chat_table() has /help, /history and /search, and says so if they are used wrongly."""
    texts = words(random, 120)
    needle = texts[0] + "ñ"
    lines = [
        [random.choice(NAMES), f"{text} {needle}" if number % 4 == 0 else text] for number, text in enumerate(texts)
    ]
    desk = stand_ins.Desk(code.get("Row"))
    history = stand_ins.Known(lines)
    rows = desk.take(code.get("chat_table"), history)
    if isinstance(rows, str):
        wrong(f"chat_table() should return a dict; it returned a {rows}.")
    expected = [["help", "/help"], ["history", "/history [N]"], ["search", "/search WORDS"]]
    same(rows, expected, "The words and usages of chat_table()")
    did("three rows")
    shown = [f"* {name}: {text}" for name, text in lines]
    some = random.randint(2, 90)
    for argument, count in (("", 20), (str(some), some), ("1", 1), ("100", 100)):
        gives(lambda argument=argument: desk.ask("history", argument), shown[-count:], f"/history {argument}".rstrip())
    history.add("ana", "newest")
    gives(lambda: desk.ask("history", "1"), ["* ana: newest"], "/history 1, when one more line was said,")
    did("/history shows the last lines")
    for argument in ("0", "101", "-1", word(random), "2 3"):
        gives(lambda argument=argument: desk.ask("history", argument), {"raised": "ValueError"}, f"/history {argument}")
    did("/history refuses what is no number from 1 to 100")
    found = [line for line in shown if needle in line]
    gives(lambda: desk.ask("search", needle), found[-20:], f"/search {needle}, which is in {len(found)} lines,")
    gives(lambda: desk.ask("search", "newest"), ["* ana: newest"], "/search newest")
    gives(lambda: desk.ask("search", "ñéñ"), ["* Nothing."], "/search ñéñ, which nobody has said,")
    gives(lambda: desk.ask("search", ""), {"raised": "ValueError"}, "/search without words")
    did("/search shows what it finds")
    desk.put(*(row := (word(random), "/later", "come later")))
    came = desk.ask("help", "")
    if not isinstance(came, list) or len(came) != 4:
        wrong(f"/help of a table to which a fourth row was added should be 4 lines; it is {came!r}.")
    same(came[-1], f"* {row[1]} - {row[2]}", "The last line of /help, when a row was added later,")
    did("/help knows a row that was added later")
    empty = stand_ins.Desk(code.get("Row"))
    empty.take(code.get("chat_table"), stand_ins.Known())
    gives(lambda: empty.ask("history", ""), ["* Nothing."], "/history, when nothing was said yet,")
    gives(lambda: desk.ask("history", "1"), ["* ana: newest"], "/history 1 of the table that was made before")


@check(
    "9.17",
    2,
    "P21: a private message is for one person alone, and never in the history.",
    needs="9.1",
    hints=[
        "Somebody types text, `/msg bob psst`, `/MSG bob psst`, `//x`, a blank line. Who may read which later?",
        "if split_command(text) is not None: return None, before anything is added.",
    ],
)
def test_only_what_is_said_to_all_is_kept(code, random, did, stand_ins):
    """keep() adds what is said to all, and nothing of a command, whatever it is."""
    history = stand_ins.Known()
    who, said, one, two = random.choice(NAMES), *words(random, 3)
    kept = []
    for text, expected in (
        (said, said),
        (f"/msg bob {one}", None),
        (f"/MSG bob {one}", None),
        (f"  {one} /{two} ", f"  {one} /{two} "),
        (f"/{two} {one}", None),
        (f"//{two} {one}", f"/{two} {one}"),
        ("   ", None),
        ("", None),
        ("/", None),
    ):
        gives(lambda text=text: code.keep(history, who, text), expected, f"keep(history, {who!r}, {text!r})")
        kept += [[who, expected]] if expected is not None else []
        same(history.all(), kept, f"What is in the history after keep(history, {who!r}, {text!r})")
        did(f"{text!r} is {'not kept' if expected is None else 'kept'}")
