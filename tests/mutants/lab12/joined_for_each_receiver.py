"""For each receiver all is joined anew.

fails: 12.11
hint 12.11: A thousand receivers, ten senders:
"""


def blocks(lines, receivers):
    found = {}
    for receiver in receivers:
        block = b"".join(line for sender, line in lines if sender != receiver)
        if block:
            found[receiver] = block
    return found
