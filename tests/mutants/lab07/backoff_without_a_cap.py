"""The waits grow without end.

fails: 7.2
hint 7.2: After ten failures
"""


def backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS):
    bound = base_seconds
    while True:
        yield random() * bound
        bound *= 2
