"""Who gets nothing gets an empty block.

fails: 12.10
hint 12.10: ana and bob have each
"""


def blocks(lines, receivers):
    everything = b"".join(line for _, line in lines)
    senders = {sender for sender, _ in lines}
    found = {}
    for receiver in receivers:
        block = everything
        if receiver in senders:
            block = b"".join(line for sender, line in lines if sender != receiver)
        found[receiver] = block
    return found
