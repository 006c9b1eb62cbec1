"""A connection on which the handshake took too long stays open.

fails: 10.21
hint 10.21: Somebody accepts your connection, and never says a word
"""


LEFT = []


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    connection = socket.create_connection(address, timeout_seconds)
    tls = context.wrap_socket(connection, server_hostname=hostname, do_handshake_on_connect=False)
    LEFT.append(tls)
    try:
        tls.do_handshake()
    except ssl.SSLCertVerificationError as error:
        tls.close()
        why = {CODE_EXPIRED: EXPIRED, CODE_OTHER_NAME: OTHER_NAME}.get(error.verify_code, FOREIGN)
        raise NotTheServer(f"{hostname}: {why}") from None
    except ssl.SSLError:
        tls.close()
        raise NotTheServer(f"{hostname}: {NO_TLS}") from None
    tls.settimeout(None)
    return tls
