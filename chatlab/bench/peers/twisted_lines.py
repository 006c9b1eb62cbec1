"""A chat on Twisted's LineOnlyReceiver, as its documentation writes one."""

import sys

from twisted.internet import endpoints, protocol, reactor
from twisted.protocols.basic import LineOnlyReceiver


class Chat(LineOnlyReceiver):
    """One client; the factory knows all of them."""

    delimiter = b"\n"
    name = None

    def connectionMade(self):  # noqa: N802 - Twisted's name
        self.sendLine(b"* What is your name?")

    def connectionLost(self, reason=protocol.connectionDone):  # noqa: N802
        self.factory.clients.discard(self)

    def lineReceived(self, line):  # noqa: N802
        if self.name is None:
            self.name = line
            self.sendLine(b"* Welcome, " + line + b".")
            self.factory.clients.add(self)
            return
        for client in self.factory.clients:
            if client is not self:
                client.sendLine(self.name + b": " + line)


class ChatFactory(protocol.Factory):
    """Who is here."""

    protocol = Chat

    def __init__(self):
        self.clients = set()


if __name__ == "__main__":
    endpoints.TCP4ServerEndpoint(reactor, int(sys.argv[1]), backlog=1024, interface="127.0.0.1").listen(ChatFactory())
    reactor.run()
