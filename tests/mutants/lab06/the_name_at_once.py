"""The name is sent before the server has asked for it.

fails: 6.6
hint 6.6: Who speaks first
"""


class ChatClient:
    def connect(self, address):
        self.connection = socket.create_connection(address, CONNECT_SECONDS)
        try:
            lines = self.lines_of(self.connection)
            self.send(self.name)
            self.next_line(lines)
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
