"""The thread begins with a generator of its own: what stood behind the welcome is lost.

fails: 6.10
hint 6.10: The chunk with the welcome
"""


class ChatClient:
    def connect(self, address):
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
        self.thread = threading.Thread(target=self.receive, args=[self.lines_of(self.connection)], name=name, daemon=True)
        self.thread.start()
        return welcome
