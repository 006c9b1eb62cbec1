"""Question and welcome are one recv each: what is glued to them is thrown away.

fails: 6.6
hint 6.6: Who speaks first
"""


class ChatClient:
    def connect(self, address):
        self.connection = socket.create_connection(address, CONNECT_SECONDS)
        try:
            lines = self.lines_of(self.connection)
            self.connection.recv(4096)
            self.send(self.name)
            welcome = self.connection.recv(4096).decode().strip()
            if welcome.startswith("! "):
                raise NameRefused(welcome)
        except BaseException:
            self.connection.close()
            raise
        name = f"chatlab-receive-{self.name}"
        self.thread = threading.Thread(target=self.receive, args=[lines], name=name, daemon=True)
        self.thread.start()
        return welcome
