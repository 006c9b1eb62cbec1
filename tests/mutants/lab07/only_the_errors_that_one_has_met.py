"""Only those errors of the network heal that the author has met.

fails: 7.4
hint 7.4: All errors of the network
"""


def heals(error, was_welcome):
    if type(error).__name__ == "NameRefused":
        return was_welcome and str(error).endswith("is taken. Try another.")
    return type(error) in (ConnectionRefusedError, ConnectionResetError, TimeoutError)
