"""The error of one client is caught outside of the loop, and so ends the server.

fails: 1.12
hint 1.12: When the other end has crashed, `recv` cannot return:
"""


def serve(listener):
    try:
        while True:
            connection, _ = listener.accept()
            echo(connection)
    except ConnectionError:
        print("a client broke off")
