"""After sending it waits for an answer that was never agreed on.

fails: 1.4
hint 1.4: `send` returns how many bytes it took. Which are
"""


def send_everything(connection, data):
    while data:
        sent = connection.send(data)
        data = data[sent:]
    return connection.recv(1024)
