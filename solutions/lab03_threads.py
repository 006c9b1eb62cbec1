"""Lab 03: one thread for each client. A server in which nobody waits for somebody else's silence.

Complete the methods from top to bottom. The notebook 03_threads.ipynb explains the words, and this
shows where you stand:

    python3 -m chatlab check lab03

Run this file itself to talk with an echo that serves many at once, each from a terminal of its own.
"""

import socket
import threading
import time

RECV_BYTES = 4096
POLITE_SECONDS = 1.0
JOIN_SECONDS = 5.0


class Connections:
    """The connections that are open now, kept so that a server can end them all.

    Many threads use it at the same moment, so a lock guards what is in it.
    """

    def __init__(self):
        self._lock = threading.Lock()  # guards the two that follow
        self._open = set()
        self._is_over = False

    def add(self, connection):
        """Keep a connection, and return True.

        After `end_all` nothing is kept any more: then return False, and the caller closes it. When
        both happen at the same moment, it is one or the other: kept and ended, or not kept.
        """
        ### BEGIN SOLUTION 3.1: keep a connection, unless it is over
        with self._lock:
            if self._is_over:
                return False
            self._open.add(connection)
            return True
        ### END SOLUTION

    def remove(self, connection):
        """Forget a connection. It is no mistake if it is not kept."""
        ### BEGIN SOLUTION 3.2: forget a connection
        with self._lock:
            self._open.discard(connection)
        ### END SOLUTION

    def count(self):
        """Return how many are kept."""
        ### BEGIN SOLUTION 3.3: how many there are
        with self._lock:
            return len(self._open)
        ### END SOLUTION

    def end_all(self, how=socket.SHUT_RDWR):
        """Call `shutdown(how)` of every connection that is kept, and keep no other from now on.

        None is forgotten: that is for `remove`, when its visit is over. So it can be called once more.
        With SHUT_RD a thread that waits in `recv` of the connection reads the end of the stream, and
        can still send a last word; SHUT_RDWR wakes one that waits in `sendall`, too. `shutdown` raises
        OSError if the other end has gone already, which is fine here.
        """
        ### BEGIN SOLUTION 3.4: end them all
        with self._lock:
            self._is_over = True
            ending = list(self._open)
        for connection in ending:
            try:
                connection.shutdown(how)
            except OSError:
                pass  # gone already
        ### END SOLUTION


class ThreadServer:
    """Accepts clients, and calls `visit(connection)` for each in a thread of its own.

    connections   the Connections that are open
    threads       the threads that were started and may still run, the accept thread first
    """

    def __init__(self, visit):
        self.visit = visit
        self.connections = Connections()
        self.threads = []
        self.listener = None

    def start(self, host="127.0.0.1", port=0):
        """Listen, accept clients in the background, and return the address (host, port) at once."""
        self.listener = socket.create_server((host, port))
        self.start_thread("chatlab-accept", self.accept_clients)
        return self.listener.getsockname()

    def start_thread(self, name, function, *arguments):
        """Start a thread of this name that calls the function, and keep it in `threads`.

        It is a daemon: should it never end, the program can end all the same.
        """
        thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def serve(self, connection):
        """Call `visit(connection)`, and whatever comes of it, forget the connection and close it.

        If the connection breaks off (ConnectionError), the visit is over, and that is no mistake. Any
        other exception is one: let it through. It ends this client's thread, and nobody else's, with
        a traceback that says where the mistake is.
        """
        ### BEGIN SOLUTION 3.9: one visit, and its end
        try:
            self.visit(connection)
        except ConnectionError:
            pass  # broken off: nothing more to be said to this one
        finally:
            self.connections.remove(connection)
            connection.close()
        ### END SOLUTION

    def accept_clients(self):
        """Accept one client after another, and give each a thread (`start_thread`) that calls `serve`.

        Each connection is added to `connections` before that. When they keep no more (`add` says so),
        the server is stopping: close this last connection, and return.

        The threads are called `chatlab-client-1`, `chatlab-client-2` and so on; no number is used twice.
        Threads that have ended are dropped from `threads`, at the latest when the next client comes.
        """
        ### BEGIN SOLUTION 3.12: a thread for each client
        number = 0
        while True:
            connection, _ = self.listener.accept()
            if not self.connections.add(connection):
                connection.close()
                return
            number += 1
            self.threads = [thread for thread in self.threads if thread.is_alive()]
            self.start_thread(f"chatlab-client-{number}", self.serve, connection)
        ### END SOLUTION

    def stop(self):
        """End all connections, the accept thread and every client's thread, and close the listener.

        First politely, with SHUT_RD, so that each visit can still say goodbye. After POLITE_SECONDS in
        all it is SHUT_RDWR for those that are still there; then wait up to JOIN_SECONDS more in all.
        When this returns, all threads have ended, but for one that outlasts even that.

        The accept thread waits in `accept`, where nothing wakes it on every system but a client:
        connect to your own listener. A second stop, or one before the start, does nothing.
        """
        ### BEGIN SOLUTION 3.16: end everything
        if self.listener is None:
            return
        self.connections.end_all(socket.SHUT_RD)
        host, port = self.listener.getsockname()
        # 0.0.0.0 means "all my addresses", and is not one that every system can connect to.
        socket.create_connection(("127.0.0.1" if host == "0.0.0.0" else host, port)).close()
        self.wait_for_threads(POLITE_SECONDS)
        self.connections.end_all(socket.SHUT_RDWR)
        self.wait_for_threads(JOIN_SECONDS)
        self.listener.close()
        self.listener = None

    def wait_for_threads(self, seconds):
        deadline = time.monotonic() + seconds
        for thread in self.threads:  # the accept thread is the first: after it there are no new ones
            thread.join(max(0, deadline - time.monotonic()))
        ### END SOLUTION


def echo(connection):
    """Send back what comes, until the end of the stream."""
    chunk = connection.recv(RECV_BYTES)
    while chunk:
        connection.sendall(chunk)
        chunk = connection.recv(RECV_BYTES)


if __name__ == "__main__":
    server = ThreadServer(echo)
    host, port = server.start()
    input(f"Listening. Talk to it from other terminals: nc {host} {port}\nPress Enter to stop it.\n")
    server.stop()
