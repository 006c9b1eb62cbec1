"""The server's context has no certificate to show.

fails: 10.18
hint 10.18: Which of ssl.PROTOCOL_TLS_SERVER and ssl.PROTOCOL_TLS_CLIENT is it
"""


def server_context(cert, key):
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
