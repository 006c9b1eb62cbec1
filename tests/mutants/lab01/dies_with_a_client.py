"""Nobody catches the ConnectionResetError of a client that breaks off.

fails: 1.12
hint 1.12: When the other end has crashed, `recv` cannot return:
"""


def serve(listener):
    while True:
        connection, _ = listener.accept()
        echo(connection)
