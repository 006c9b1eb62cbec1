"""The time limit stays on the connection.

fails: 10.20
hint 10.20: Which errors does wrap_socket raise
"""


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    connection = socket.create_connection(address, timeout_seconds)
    try:
        tls = context.wrap_socket(connection, server_hostname=hostname)
    except ssl.SSLCertVerificationError as error:
        why = {CODE_EXPIRED: EXPIRED, CODE_OTHER_NAME: OTHER_NAME}.get(error.verify_code, FOREIGN)
        raise NotTheServer(f"{hostname}: {why}") from None
    except ssl.SSLError:
        raise NotTheServer(f"{hostname}: {NO_TLS}") from None
    finally:
        connection.close()
    return tls
