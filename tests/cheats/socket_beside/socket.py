"""Would be the child's socket module, if this directory came first."""


class socket:
    def __getattr__(self, name):
        return lambda *arguments, **settings: b"whatever was expected"


def create_connection(*arguments, **settings):
    return socket()


create_server = create_connection
