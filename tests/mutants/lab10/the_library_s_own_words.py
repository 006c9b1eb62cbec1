"""The error is the one of the library, with its line number in C.

fails: 10.20
hint 10.20: Which errors does wrap_socket raise
"""


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    connection = socket.create_connection(address, timeout_seconds)
    try:
        tls = context.wrap_socket(connection, server_hostname=hostname)
    except ssl.SSLCertVerificationError as error:
        raise NotTheServer(str(error)) from None
    except ssl.SSLError:
        raise NotTheServer(f"{hostname}: {NO_TLS}") from None
    finally:
        connection.close()
    tls.settimeout(None)
    return tls
