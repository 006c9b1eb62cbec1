"""A server that says nothing is told as one that speaks no TLS.

fails: 10.21
hint 10.21: Somebody accepts your connection, and never says a word
"""


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    connection = socket.create_connection(address, timeout_seconds)
    try:
        tls = context.wrap_socket(connection, server_hostname=hostname)
    except ssl.SSLCertVerificationError as error:
        why = {CODE_EXPIRED: EXPIRED, CODE_OTHER_NAME: OTHER_NAME}.get(error.verify_code, FOREIGN)
        raise NotTheServer(f"{hostname}: {why}") from None
    except OSError:
        raise NotTheServer(f"{hostname}: {NO_TLS}") from None
    finally:
        connection.close()
    tls.settimeout(None)
    return tls
