"""A refused name leaves the connection open: nobody is there to close it later.

fails: 6.7
hint 6.7: Not every answer
"""


class ChatClient:
    def connect(self, address):
        self.connection = socket.create_connection(address, CONNECT_SECONDS)
        try:
            lines = self.lines_of(self.connection)
            self.next_line(lines)
            self.send(self.name)
            welcome = self.next_line(lines)
        except BaseException:
            self.connection.close()
            raise
        if welcome.startswith("! "):
            raise NameRefused(welcome)
        name = f"chatlab-receive-{self.name}"
        self.thread = threading.Thread(target=self.receive, args=[lines], name=name, daemon=True)
        self.thread.start()
        return welcome
