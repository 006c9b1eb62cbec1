"""Some mistakes in the program are taken for the network.

fails: 7.5
hint 7.5: Your heals() says
"""


def heals(error, was_welcome):
    if type(error).__name__ == "NameRefused":
        return was_welcome and str(error).endswith("is taken. Try another.")
    return isinstance(error, (OSError, ValueError))
