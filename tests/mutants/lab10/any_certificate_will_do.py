"""The client's context does not check certificates.

fails: 10.19
hint 10.19: What is left of TLS if the client takes any certificate
"""


def client_context(ca):
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
