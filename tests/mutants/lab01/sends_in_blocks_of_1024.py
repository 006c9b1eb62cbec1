"""The message is cut in blocks, and each `send` is trusted to take its whole block.

fails: 1.4
hint 1.4: `send` returns how many bytes it took. Which are
"""


def send_everything(connection, data):
    for start in range(0, len(data), 1024):
        connection.send(data[start : start + 1024])
