"""The mean is back.

fails: 12.3
hint 12.3: One receiver has waited three
"""


def summary(latencies):
    together = [1000 * seconds for some in latencies for seconds in some]
    if not together:
        return {}
    percents = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    found = {name: percentile(together, percent) for name, percent in percents.items()}
    found["mean"] = sum(together) / len(together)
    return found
