"""The error is caught in the loop, and then `break` ends the server.

fails: 1.12
hint 1.12: When the other end has crashed, `recv` cannot return:
"""


def serve(listener):
    while True:
        connection, _ = listener.accept()
        try:
            echo(connection)
        except ConnectionError:
            break
