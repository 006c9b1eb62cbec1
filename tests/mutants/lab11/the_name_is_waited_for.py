"""Who is accepted is asked, and the answer waited for.

fails: 11.10
hint 11.10: Somebody has connected and says nothing. Where does
"""


class LoopServer:
    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # gone again
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.deadline = time.monotonic() + self.naming_seconds
        connection.sendall(QUESTION.encode() + b"\n")
        while guest.stage == NAMING and (chunk := connection.recv(RECV_BYTES)):
            self.hear(guest, chunk)
            guest.outbox.send(connection)
        connection.setblocking(False)
        self.guests.append(guest)
        self.selector.register(connection, READ, guest)
