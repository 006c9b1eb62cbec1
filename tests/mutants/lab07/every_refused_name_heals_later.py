"""Who was welcome once tries any name again, also one that is forbidden.

fails: 7.6
hint 7.6: A server that has not noticed
"""


def heals(error, was_welcome):
    if type(error).__name__ == "NameRefused":
        return was_welcome
    return isinstance(error, OSError)
