"""The client's context trusts all whom the system trusts, but not the one it was given.

fails: 10.19
hint 10.19: What is left of TLS if the client takes any certificate
"""


def client_context(ca):
    return ssl.create_default_context()
