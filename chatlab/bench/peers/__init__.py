"""The same small chat as each library's manual would have it written, for comparison.

Each asks for a name, relays lines to all others as `name: text`, and forgets who leaves. None checks
names or bytes, none has a bound for who reads slowly unless its library has one by itself: what is
measured against them does both.

    python -m chatlab.bench.peers.asyncio_streams PORT
"""
