"""Chance is asked once, and all waits of a client are in step.

fails: 7.3
hint 7.3: A hundred clients
"""


def backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS):
    bound = base_seconds
    part = random()
    while True:
        yield part * min(bound, cap_seconds)
        bound = min(2 * bound, cap_seconds)
