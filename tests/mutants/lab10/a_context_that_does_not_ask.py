"""The client's context is made for no side at all, and checks nothing.

fails: 10.19
hint 10.19: What is left of TLS if the client takes any certificate
"""


def client_context(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS)
    context.load_verify_locations(ca)
    return context
