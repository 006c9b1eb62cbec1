"""It counts what was sent, and sends from the beginning each time.

fails: 1.4
hint 1.4: `send` returns how many bytes it took. Which are
"""


def send_everything(connection, data):
    total = 0
    while total < len(data):
        total += connection.send(data)
