"""chatlab: a chat over TCP sockets and threads, and a lab that teaches both.

    from chatlab import ChatClient, ChatServer

    with ChatServer() as server, ChatClient("ana") as ana, ChatClient("bob") as bob:
        ana.send("hello")
        print(bob.wait_for("hello"))        # ana: hello
"""

__version__ = "0.1.0"

_NAMES = {
    "ChatClient": "chatlab.net",
    "ChatError": "chatlab.protocol",
    "ChatServer": "chatlab.net",
    "Event": "chatlab.net",
}

__all__ = sorted(list(_NAMES) + ["__version__"])


def __getattr__(name):
    # Imported at first use: `chatlab lab` must start under a Python that lacks everything,
    # and a student who only wants the protocol need not load the sockets.
    if name in _NAMES:
        import importlib

        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError("module 'chatlab' has no attribute {!r}".format(name))
