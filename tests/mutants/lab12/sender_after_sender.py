"""The lines are put in the order of who has said them.

fails: 12.10
hint 12.10: ana and bob have each
"""


def blocks(lines, receivers):
    lines = sorted(lines, key=lambda pair: pair[0])
    everything = b"".join(line for _, line in lines)
    senders = {sender for sender, _ in lines}
    found = {}
    for receiver in receivers:
        block = everything
        if receiver in senders:
            block = b"".join(line for sender, line in lines if sender != receiver)
        if block:
            found[receiver] = block
    return found
