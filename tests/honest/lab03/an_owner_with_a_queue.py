"""One thread owns the connections; the others send it their wishes through a queue, and no lock is needed."""

import queue
import socket
import threading
import time

RECV_BYTES = 4096
POLITE_SECONDS = 1.0
JOIN_SECONDS = 5.0


class Connections:
    def __init__(self):
        self._wishes = queue.Queue()
        threading.Thread(target=self._own, name="owner-of-connections", daemon=True).start()

    def _own(self):
        open_now = []
        is_over = False
        while True:
            wish, argument, answers = self._wishes.get()
            answer = None
            if wish == "add":
                answer = not is_over
                if answer:
                    open_now.append(argument)
            elif wish == "remove":
                if argument in open_now:
                    open_now.remove(argument)
            elif wish == "count":
                answer = len(open_now)
            else:
                is_over = True
                answer = tuple(open_now)
            answers.put(answer)

    def _wish(self, wish, argument=None):
        answers = queue.Queue()
        self._wishes.put((wish, argument, answers))
        return answers.get()

    def add(self, connection):
        return self._wish("add", connection)

    def remove(self, connection):
        return self._wish("remove", connection)

    def count(self):
        return self._wish("count")

    def end_all(self, how=socket.SHUT_RDWR):
        for connection in self._wish("end"):
            try:
                connection.shutdown(how)
            except OSError:
                continue


class ThreadServer:
    def __init__(self, visit):
        self.visit = visit
        self.connections = Connections()
        self.threads = []
        self.listener = None

    def start(self, host="127.0.0.1", port=0):
        self.listener = socket.create_server((host, port))
        self.start_thread("chatlab-accept", self.accept_clients)
        return self.listener.getsockname()

    def start_thread(self, name, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def serve(self, connection):
        with connection:
            try:
                self.visit(connection)
            except ConnectionError as error:
                print("broken off:", error)
            finally:
                self.connections.remove(connection)
                # Whoever is done is dropped at once, by itself.
                me = threading.current_thread()
                if me in self.threads:
                    self.threads.remove(me)

    def accept_clients(self):
        number = 1
        while True:
            connection, address = self.listener.accept()
            if self.connections.add(connection):
                self.start_thread("chatlab-client-" + str(number), self.serve, connection)
                number += 1
            else:
                connection.close()
                break

    def stop(self):
        listener, self.listener = self.listener, None
        if not listener:
            return
        self.connections.end_all(socket.SHUT_RD)
        host, port = listener.getsockname()
        with socket.create_connection((host, port)):
            pass
        running = list(self.threads)
        running[0].join()
        running = list(self.threads)
        began = time.monotonic()
        for thread in running:
            thread.join(max(0.0, began + POLITE_SECONDS - time.monotonic()))
        self.connections.end_all()
        for thread in running:
            thread.join(JOIN_SECONDS)
        listener.close()


def echo(connection):
    while chunk := connection.recv(RECV_BYTES):
        connection.sendall(chunk)
