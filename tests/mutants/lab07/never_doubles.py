"""The wait is always the same.

fails: 7.1
hint 7.1: Take random() for 1
"""


def backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS):
    while True:
        yield random() * base_seconds
