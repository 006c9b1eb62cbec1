"""`send` is called once, and what it did not take is lost.

fails: 1.4
hint 1.4: `send` returns how many bytes it took. Which are
"""


def send_everything(connection, data):
    connection.send(data)
