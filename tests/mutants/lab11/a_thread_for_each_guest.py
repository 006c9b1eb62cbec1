"""Each guest gets a thread of their own, which hears them.

fails: 11.10
hint 11.10: Somebody has connected and says nothing. Where does
"""


class LoopServer:
    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # gone again
        connection.setblocking(False)
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        self.guests.append(guest)
        self.selector.register(connection, READ, guest)
        threading.Thread(target=threading.Event().wait, name="chatlab-guest", daemon=True).start()
