"""It looks at a clock of its own.

fails: 12.14
hint 12.14: The server has read your
"""


def measure(
    address, receivers=10, pace=200.0, warm_up_seconds=0.1, seconds=0.5, line_bytes=64, clock=time.perf_counter
):
    clock = time.perf_counter
    connections = []
    try:
        for name in [*(f"r{number}" for number in range(receivers)), SENDER]:
            connections.append(come_in(address, name))
        *hearers, sender = connections
        hear_a_sample(sender, hearers)
        latencies = [[] for _ in hearers]
        text_at = len(SENDER) + len(": ")
        with selectors.DefaultSelector() as selector:
            for hearer, some in zip(hearers, latencies):
                selector.register(hearer, selectors.EVENT_READ, (Stamps(text_at, text_at + line_bytes), some))
            window = Window(clock, warm_up_seconds, seconds)
            began, said = clock(), 0
            while not window.is_over():
                moments = due(began, pace, said, clock())
                if moments:
                    sender.sendall(b"".join(stamped(moment, line_bytes) for moment in moments))
                said += len(moments)
                for key, _ in selector.select(max(0.0, began + said / pace - clock())):
                    stamps, some = key.data
                    chunk = key.fileobj.recv(RECV_BYTES)
                    if not chunk:
                        raise ConnectionError("The server has hung up.")
                    now = clock()
                    came = stamps.feed(chunk)
                    if window.count(len(came)):
                        some += [now - moment for moment in came]
        return {"rate": window.rate(), **summary(latencies)}
    finally:
        for connection in connections:
            connection.close()
