"""A mistake in the program is tried again, for ever.

fails: 7.5 7.11 7.11
hint 7.5: Your heals() says
"""


def heals(error, was_welcome):
    if type(error).__name__ == "NameRefused":
        return was_welcome and str(error).endswith("is taken. Try another.")
    return True
