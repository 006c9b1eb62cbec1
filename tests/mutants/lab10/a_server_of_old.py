"""The server's context takes every version, back to TLS 1.0.

fails: 10.18
hint 10.18: Which of ssl.PROTOCOL_TLS_SERVER and ssl.PROTOCOL_TLS_CLIENT is it
"""


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.load_cert_chain(cert, key)
    return context
