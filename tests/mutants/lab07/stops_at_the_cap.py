"""The generator ends when the cap is reached.

fails: 7.2
hint 7.2: After ten failures
"""


def backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS):
    bound = base_seconds
    while bound <= cap_seconds:
        yield random() * bound
        bound *= 2
