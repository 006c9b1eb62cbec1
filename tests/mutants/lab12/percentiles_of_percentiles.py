"""The percentiles of each receiver, and then their median.

fails: 12.3
hint 12.3: One receiver has waited three
"""


def summary(latencies):
    percents = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    heard = [some for some in latencies if some]
    if not heard:
        return {}
    return {
        name: 1000 * percentile([percentile(some, percent) for some in heard], 50 if percent < 100 else 100)
        for name, percent in percents.items()
    }
