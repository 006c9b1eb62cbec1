"""Seconds are told as milliseconds.

fails: 12.3
hint 12.3: One receiver has waited three
"""


def summary(latencies):
    together = [seconds for some in latencies for seconds in some]
    if not together:
        return {}
    percents = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {name: percentile(together, percent) for name, percent in percents.items()}
