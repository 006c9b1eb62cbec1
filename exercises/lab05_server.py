"""Lab 05: the server. Who is talking, and who has left? One visit, from the question to the goodbye.

Complete the methods from top to bottom. The notebook 05_server.ipynb explains the words, and this
shows where you stand:

    python3 -m chatlab check lab05

What you wrote in other labs is given to the server as `pieces`: `pieces.Room` is your Room as soon
as it works, and until then chatlab's own. There are LineReader and decode_line (lab 02),
ThreadServer (lab 03), Room (lab 04), Outbox (lab 08), and `check_name`, which is chatlab's.
"""

import socket
import threading

RECV_BYTES = 4096
NAME_TRIES = 5
LIST_BYTES = 3800

QUESTION = "* What is your name?"
TOO_LONG = "! A line has at most 4,096 bytes; yours has more, so the connection ends."
TOO_LATE = "! You took too long to say a name. Connect again."
HELP = [
    "* /help - show this list",
    "* /users - show who is here",
    "* /msg NAME TEXT - say something to one person alone",
    "* /nick NEW - change your name",
    "* /ping TOKEN - get the token back, after everything sent to you before it",
    "* /quit or close - leave the chat",
    "* //TEXT - say a line that begins with a slash",
]


def in_parts(names):
    """Return names as phrases that each fit into a line: mostly one, `ana, bob, carla`."""
    parts, size_bytes = [[]], 0
    for name in names:
        size_bytes += len(name.encode()) + 2
        if parts[-1] and size_bytes > LIST_BYTES:
            parts.append([])
            size_bytes = len(name.encode()) + 2
        parts[-1].append(name)
    return [", ".join(part) for part in parts]


class Guest:
    """Somebody who is connected.

    connection   the socket; `recv` gives what they send
    outbox       takes the lines for them: `put(line)` never waits
    name         "" until the room has taken them in
    how          what the others are told when they are gone: "lost the connection", unless they say close
    """

    def __init__(self, connection, outbox):
        self.connection = connection
        self.outbox = outbox
        self.name = ""
        self.how = "lost the connection"


class ChatServer:
    """A chat: `start` it, and everyone who connects is asked for a name and can talk with the others.

    `visit` runs in each client's own thread, and calls the methods above it. They alone read from the
    connection. What others are to read goes through the room; nobody writes to a connection but its outbox.
    """

    def __init__(self, pieces, naming_seconds=10.0):
        self.pieces = pieces
        self.naming_seconds = naming_seconds
        self.room = pieces.Room()
        self.server = pieces.ThreadServer(self.visit)

    def start(self, host="127.0.0.1", port=8000):
        """Listen, and return the address at once."""
        return self.server.start(host, port)

    def stop(self):
        """Everyone reads `* The server is stopping.`; then all connections and threads end."""
        self.room.close()
        self.server.stop()

    def lines_of(self, guest):
        """Yield each line that comes, as bytes, until the stream ends (a generator, as in lab 02).

        Every chunk goes to one `pieces.LineReader()`: it alone knows where a line ends. A line over the
        limit (`overlong` of the reader) ends it, too, behind the lines before it; the guest is put TOO_LONG.
        """
        raise NotImplementedError("5.1: the lines of a connection")

    def ask_name(self, guest, lines):
        """Put QUESTION, read lines until one is a name that the room takes; return whether one was.

        `pieces.check_name(text)` returns the name in the form in which it is shown, or raises ValueError
        that says why not. So does `pieces.decode_line` for bytes that are no text. Then, and for a name
        that somebody has, put an error and read the next line:

            ! Try another name: WHY.
            ! The name ana is taken. Try another.

        Whether somebody has it is what `room.join` returns, and nothing else: others ask at the same
        moment. It also puts the welcome. `guest.name` is set as soon as the room has taken it.

        Without a name it ends with the lines, after NAME_TRIES refused names, and when the guest says
        goodbye (`is_farewell`). Who needs longer than `naming_seconds` for all of it is put TOO_LATE, and
        the `recv` that still waits is woken by `connection.shutdown(socket.SHUT_RD)`. A `threading.Timer`
        can do both; see to it that it never strikes somebody who has a name.
        """
        raise NotImplementedError("5.3: ask until there is a name")

    def talk(self, guest, lines):
        """Answer every line of a guest with a name, until the lines end or the guest says goodbye.

        What is said goes to the room as it is. A line that starts with `/` is a command: a word in any
        letter case, and perhaps a blank and an argument, which counts without the blanks around it. `//`
        stands for one slash that is said. A blank line says nothing. A line that is no text puts
        `! Not sent: WHY.`

        A goodbye (`is_farewell`) puts `* Goodbye, ana.` and sets `guest.how` to "left". No line after it
        is read.
        """
        raise NotImplementedError("5.9: line after line")

    def command(self, guest, word, argument):
        """Do what `/word argument` asks for; the word is in lower case, without its slash.

        help    puts each line of HELP
        users   puts `* Here now (3): ana, bob, carla`; many names take several lines (`in_parts`)
        ping    puts `* pong TOKEN`, or `* pong`
        msg     NAME TEXT: the room whispers. Nobody of that name, or oneself (in any letter case), is an
                error that says so
        nick    NEW: the room renames, and from then on that is `guest.name`. What `check_name` has
                something against (the error says WHY), a name that somebody has, and the name that the
                guest has already are errors

        An error is a line that starts with `! `. A command that lacks what it needs puts one that shows
        what is right, `! Write it like this: /nick NEW`, and so does any word that is no command: that
        one speaks of /help.
        """
        raise NotImplementedError("5.12: the commands")

    def visit(self, connection):
        """Serve one client, from the question to the end of the connection, in this thread.

        The guest gets an outbox that sends over the connection: `self.pieces.Outbox(connection)` makes one.

        However it ends: first the name is given back, by one single `room.leave`, which tells the others
        how it came (`guest.how`); for a guest who never had a name there is none. Then `outbox.finish()`
        sends what still waits for the guest, and waits for that.

        A connection that breaks off (ConnectionError) is one of the ways to leave, and no mistake. Any
        other exception is a mistake in the program: the name is given back all the same, and the
        exception goes on to the caller, who is to see it.
        """
        raise NotImplementedError("5.16: one visit, and its end")


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
