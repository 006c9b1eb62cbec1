"""Our own old connection has our name, and that is taken for the end.

fails: 7.6
hint 7.6: A server that has not noticed
"""


def heals(error, was_welcome):
    return isinstance(error, OSError)
