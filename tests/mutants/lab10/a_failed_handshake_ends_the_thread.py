"""What is no TLS ends the thread with an error.

fails: 10.22
hint 10.22: What if the client says nothing, and what if it says `hello`
"""


def over_tls(handle, context, timeout_seconds=10.0):
    def handle_tls(connection):
        connection.settimeout(timeout_seconds)
        try:
            tls = context.wrap_socket(connection, server_side=True)
        except TimeoutError:
            connection.close()
            return
        with tls:
            tls.settimeout(None)
            handle(tls)

    return handle_tls
