"""The thread is called Thread-1, as all threads are that nobody has named.

fails: 6.9
hint 6.9: Who calls `hear`
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
        self.thread = threading.Thread(target=self.receive, args=[lines], daemon=True)
        self.thread.start()
        return welcome
