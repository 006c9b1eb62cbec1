"""The waits are the bounds themselves: all clients come back at one moment.

fails: 7.3
hint 7.3: A hundred clients
"""


def backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS):
    bound = base_seconds
    while True:
        yield min(bound, cap_seconds)
        bound = min(2 * bound, cap_seconds)
