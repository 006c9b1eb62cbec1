"""Of no latency at all a percentile is asked.

fails: 12.3
hint 12.3: One receiver has waited three
"""


def summary(latencies):
    together = [1000 * seconds for some in latencies for seconds in some]
    percents = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    found = {}
    for name, percent in percents.items():
        found[name] = percentile(together, percent)
    return found
