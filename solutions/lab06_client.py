"""Lab 06: the client. How do I type and listen at once?

Complete the methods from top to bottom. The notebook 06_client.ipynb explains the words, and this
shows where you stand:

    python3 -m chatlab check lab06

What you wrote in other labs is given to the client as `pieces`: LineReader, decode_line and
encode_line (lab 02), and `chunks` (lab 08), which is `recv` in a loop that notices a dead connection.

Run this file itself to chat from a terminal, here as ana with a server on this computer:

    python3 exercises/lab06_client.py ana 127.0.0.1 8000
"""

import socket
import sys
import threading
from pathlib import Path

CONNECT_SECONDS = 10.0  # the time limit for `socket.create_connection`
GOODBYE_SECONDS = 2.0  # for which `close` waits
LINE_LIMIT_BYTES = 8192  # of a server's line, its LF counted: twice as much as of a client's


class NameRefused(Exception):
    """The server did not take the name; `str` of it is the server's line that says why."""


class ChatClient:
    """One connection to a chat. What comes is heard by a thread of its own, so that one can type meanwhile.

    name         the name that we gave; once the server says that it is another now (/nick), that one
    how          "" while connected; then how it ended: "left" (we called `close`, or the server said
                 goodbye), "ended" (the server ended the stream), "lost" (it broke off)
    connection   the socket, from `connect` on; None before
    thread       the receiving thread, from `connect` on; None before
    """

    def __init__(self, pieces, name, hear):
        """`hear(line)` is called with each line that comes, in the receiving thread."""
        self.pieces = pieces
        self.name = name
        self.hear = hear
        self.how = ""
        self.connection = None
        self.thread = None
        self._over = threading.Event()  # set when the receiving thread has nothing more to hear
        self._is_leaving = False  # the end that comes will be no accident
        self._send_lock = threading.Lock()  # two threads may send; their lines must not mix

    def send(self, text):
        """Send one line, whole. Any thread may call it, also two at once: their lines do not mix.

        Raise ConnectionError if the connection is over. On a socket that is closed `sendall` raises an
        OSError that is no ConnectionError: catch it, and raise one. What `encode_line` refuses is no
        line: let its ValueError through, and send nothing.
        """
        ### BEGIN SOLUTION 6.1: send one line
        line = self.pieces.encode_line(text)
        with self._send_lock:
            try:
                self.connection.sendall(line)
            except OSError as error:
                raise ConnectionError("The connection is over.") from error
        ### END SOLUTION

    def lines_of(self, connection):
        """Yield each line that comes, as text, until the stream ends (a generator, as in lab 02).

        `pieces.chunks(connection, ping)` yields what `recv` returns. After a long silence it calls
        `ping()`, which is to send `/ping`; it raises ConnectionError if there is no answer then.

        A line has at most LINE_LIMIT_BYTES: tell the LineReader. A longer one (`overlong` says so)
        does not come from a chat server: raise ValueError. So does `decode_line` for what is no text.
        """
        ### BEGIN SOLUTION 6.4: the lines of a connection
        reader = self.pieces.LineReader(LINE_LIMIT_BYTES)
        for chunk in self.pieces.chunks(connection, self.ping):
            for line in reader.feed(chunk):
                yield self.pieces.decode_line(line)
            if reader.overlong:
                raise ValueError("a line of the server is too long")

    def ping(self):
        self.send("/ping")
        ### END SOLUTION

    def connect(self, address):
        """Connect, read the question, give the name, and return the server's welcome.

        From then on the lines that follow are heard: `receive`, with the same generator of lines, runs
        in a thread that is called `chatlab-receive-ana` (if the name is ana), a daemon.

        Raise OSError (ConnectionRefusedError and its like) if nobody is there, NameRefused if the
        server answers the name with an error (a line that begins with `! `), ConnectionError if the
        stream ends before the welcome. After any of these no connection is open, and no thread left.
        """
        ### BEGIN SOLUTION 6.6: connect, and give the name
        self.connection = socket.create_connection(address, CONNECT_SECONDS)
        try:
            lines = self.lines_of(self.connection)
            self.next_line(lines)
            self.send(self.name)
            welcome = self.next_line(lines)
            if welcome.startswith("! "):
                raise NameRefused(welcome)
        except BaseException:
            self.connection.close()
            raise
        name = f"chatlab-receive-{self.name}"
        self.thread = threading.Thread(target=self.receive, args=[lines], name=name, daemon=True)
        self.thread.start()
        return welcome

    def next_line(self, lines):
        line = next(lines, None)
        if line is None:
            raise ConnectionError("The server ended the connection before it said welcome.")
        return line
        ### END SOLUTION

    def receive(self, lines):
        """In the receiving thread: hear each line, and note how it ended.

        `* pong` answers our own ping and is not heard (`* pong 7` is: somebody asked for that one).
        `* You are now NEW.` is heard, and changes `name`. `* Goodbye, NAME.` is heard, and means that
        the end that follows is no accident: `how` will be "left".

        Whatever ends it: the connection is closed, `how` says how it came, and `wait_for_end` returns.
        That the lines break off (OSError), or are no text (ValueError), is told by `how` ("lost") alone,
        and the thread ends quietly. What `hear` raises, of whatever kind, is a mistake in the program:
        `how` is "lost", too, but the exception goes on, so that Python shows it.
        """
        ### BEGIN SOLUTION 6.9: hear until the end
        how = "lost"
        try:
            while True:
                try:
                    line = next(lines, None)
                except (OSError, ValueError):
                    break  # broken off, or no chat server: `how` says so already
                if line is None:
                    how = "ended"
                    break
                self.take(line)
        finally:
            self.how = "left" if self._is_leaving else how
            self.connection.close()
            self._over.set()

    def take(self, line):
        if line == "* pong":
            return
        if line.startswith("* You are now "):
            self.name = line.removeprefix("* You are now ").removesuffix(".")
        if line.startswith("* Goodbye, "):
            self._is_leaving = True
        self.hear(line)
        ### END SOLUTION

    def wait_for_end(self, timeout_seconds=None):
        """Wait until the connection is over; return whether it is (False when the time is)."""
        return self._over.wait(timeout_seconds)

    def close(self):
        """Leave: send `close`, wait up to GOODBYE_SECONDS for the server's end, then end it ourselves.

        What the server says until its end is still heard. Afterwards the receiving thread has ended,
        whatever the server did, and `how` is "left". If the connection was over before, `how` stays as
        it is. Twice is fine, and so is a call before `connect`, which does nothing.

        `hear` may call it, too. That is in the receiving thread, which cannot wait for its own end: then
        send `close`, end the connection, and return. (`shutdown(socket.SHUT_RDWR)` ends both directions,
        and a `recv` that waits returns b"". `close` of a socket would leave that `recv` waiting.)
        """
        ### BEGIN SOLUTION 6.16: leave
        if self.thread is None:
            return
        is_within = threading.current_thread() is self.thread
        self._is_leaving = True
        try:
            self.send("close")
            if not is_within:
                self._over.wait(GOODBYE_SECONDS)
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # over already
        if not is_within:
            self.thread.join()
        ### END SOLUTION


def chat(name, host, port):
    """Talk in a terminal: what is typed is sent, what comes is printed, `close` leaves."""
    from chatlab.lab.pieces import find_pieces

    def tell_the_end():
        client.wait_for_end()
        if client.how != "left":
            print(f"[The connection is over: {client.how}. Press Enter.]")

    client = ChatClient(find_pieces(), name, print)
    try:
        print(client.connect((host, int(port))))
    except (NameRefused, OSError) as error:
        sys.exit(f"Not connected: {error}")
    threading.Thread(target=tell_the_end, name="chatlab-end", daemon=True).start()
    try:
        for typed in sys.stdin:
            if client.wait_for_end(0) or typed.strip().lower() in ("close", "/quit"):
                break
            client.send(typed.rstrip("\r\n"))
    finally:
        client.close()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("Say your name, and where the server is: lab06_client.py ana 127.0.0.1 8000")
    sys.path.append(str(Path(__file__).resolve().parents[1]))  # where chatlab is, if it is not installed
    chat(*sys.argv[1:])
