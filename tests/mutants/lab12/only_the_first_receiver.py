"""What the other receivers have waited is left out.

fails: 12.3
hint 12.3: One receiver has waited three
"""


def summary(latencies):
    together = [1000 * seconds for seconds in latencies[0]]
    if not together:
        return {}
    percents = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {name: percentile(together, percent) for name, percent in percents.items()}
