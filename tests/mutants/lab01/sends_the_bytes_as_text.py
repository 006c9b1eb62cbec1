"""The bytes are turned into text, which `send` does not take.

fails: 1.4
hint 1.4: `send` returns how many bytes it took. Which are
"""


def send_everything(connection, data):
    text = data.decode()
    while text:
        sent = connection.send(text)
        text = text[sent:]
