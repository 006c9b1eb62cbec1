"""The thread is started before it is known whether the name was taken.

fails: 6.7
hint 6.7: Not every answer
"""


class ChatClient:
    def connect(self, address):
        self.connection = socket.create_connection(address, CONNECT_SECONDS)
        lines = self.lines_of(self.connection)
        try:
            self.next_line(lines)
            self.send(self.name)
            welcome = self.next_line(lines)
        except BaseException:
            self.connection.close()
            raise
        name = f"chatlab-receive-{self.name}"
        self.thread = threading.Thread(target=self.receive, args=[lines], name=name, daemon=True)
        self.thread.start()
        if welcome.startswith("! "):
            raise NameRefused(welcome)
        return welcome
