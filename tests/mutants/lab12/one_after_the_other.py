"""First all rounds of one, then all rounds of the next.

fails: 12.12
hint 12.12: Write down in which order
"""


def by_turns(measure_one, names, rounds):
    rates = {name: [measure_one(name) for _ in range(rounds)] for name in names}
    return [{name: rates[name][number] for name in names} for number in range(rounds)]
