"""The delay that was drawn is doubled, and not the bound.

fails: 7.3
hint 7.3: A hundred clients
"""


def backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS):
    delay = base_seconds * random()
    while True:
        yield min(delay, cap_seconds)
        delay = min(2 * delay, cap_seconds) if delay else base_seconds * random()
