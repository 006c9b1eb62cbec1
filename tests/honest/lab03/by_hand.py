"""Taken and given back by hand: a dictionary in place of a set, a condition in place of a lock."""

import socket
import threading
import time

RECV_BYTES = 4096
POLITE_SECONDS = 1.0
JOIN_SECONDS = 5.0


class Connections:
    def __init__(self):
        self.condition = threading.Condition()
        self.kept = {}
        self.state = "open"

    def add(self, connection):
        self.condition.acquire()
        try:
            if self.state == "over":
                return False
            self.kept[id(connection)] = connection
            return True
        finally:
            self.condition.release()

    def remove(self, connection):
        self.condition.acquire()
        self.kept.pop(id(connection), None)
        self.condition.notify_all()
        self.condition.release()

    def count(self):
        with self.condition:
            number = 0
            for _ in self.kept:
                number += 1
            return number

    def end_all(self, how=socket.SHUT_RDWR):
        # With the lock held all the way: shutdown does not wait for anybody.
        with self.condition:
            self.state = "over"
            for key in self.kept:
                try:
                    self.kept[key].shutdown(how)
                except OSError as error:
                    print("gone already:", error)


class ThreadServer:
    def __init__(self, visit):
        self.visit = visit
        self.connections = Connections()
        self.threads = []
        self.listener = None
        self.is_started = False

    def start(self, host="127.0.0.1", port=0):
        self.listener = socket.create_server((host, port))
        self.is_started = True
        self.start_thread("chatlab-accept", self.accept_clients)
        return self.listener.getsockname()

    def start_thread(self, name, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def serve(self, connection):
        try:
            self.visit(connection)
        except ConnectionError:
            return
        except Exception:
            print("a mistake in a visit")
            raise
        finally:
            self.connections.remove(connection)
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def accept_clients(self):
        self.number_of_clients = 0
        is_running = True
        while is_running:
            connection, address = self.listener.accept()
            is_running = self.connections.add(connection)
            if is_running:
                self.number_of_clients = self.number_of_clients + 1
                name = "chatlab-client-%d" % self.number_of_clients
                thread = threading.Thread(name=name, target=self.serve, args=[connection])
                thread.daemon = True
                alive = []
                for other in self.threads:
                    if other.is_alive():
                        alive.append(other)
                alive.append(thread)
                self.threads = alive
                thread.start()
        connection.close()

    def stop(self):
        if self.is_started:
            self.is_started = False
            self.connections.end_all(socket.SHUT_RD)
            waker = socket.socket()
            waker.connect(self.listener.getsockname())
            waker.close()
            self.threads[0].join(JOIN_SECONDS)
            self.listener.close()
            deadline = time.monotonic() + POLITE_SECONDS
            for thread in self.threads[1:]:
                left = deadline - time.monotonic()
                if left > 0:
                    thread.join(timeout=left)
            self.connections.end_all(socket.SHUT_RDWR)
            deadline = time.monotonic() + JOIN_SECONDS
            for thread in self.threads[1:]:
                thread.join(timeout=max(deadline - time.monotonic(), 0))
            self.threads.clear()


def echo(connection):
    while chunk := connection.recv(RECV_BYTES):
        connection.sendall(chunk)
