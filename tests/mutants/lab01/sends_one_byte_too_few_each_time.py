"""After each `send` one byte is skipped: an error of one in the slice.

fails: 1.4
hint 1.4: `send` returns how many bytes it took. Which are
"""


def send_everything(connection, data):
    while data:
        sent = connection.send(data)
        data = data[sent + 1 :]
