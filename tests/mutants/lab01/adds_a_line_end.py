"""A line end is sent behind the data.

fails: 1.5
hint 1.5: Not a byte more than `data` is to be
"""


def send_everything(connection, data):
    data = data + b"\n"
    while data:
        sent = connection.send(data)
        data = data[sent:]
