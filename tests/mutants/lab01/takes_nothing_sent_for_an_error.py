"""If `send` took nothing the connection is called broken; for an empty message that is always so.

fails: 1.5
hint 1.5: Not a byte more than `data` is to be
"""


def send_everything(connection, data):
    total = 0
    while True:
        sent = connection.send(data[total:])
        if sent == 0:
            raise RuntimeError("connection broken")
        total += sent
        if total == len(data):
            return
