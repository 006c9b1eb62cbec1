"""If nobody listens connect() prints a line and returns nothing.

fails: 6.8
hint 6.8: Two things can happen
"""


class ChatClient:
    def connect(self, address):
        try:
            self.connection = socket.create_connection(address, CONNECT_SECONDS)
        except OSError:
            print("Nobody is there.")
            return None
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
