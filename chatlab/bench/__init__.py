"""How fast a chat is: a load generator, what others would use instead, and a fair comparison.

    load        the generator: many clients on one thread, in a process of its own
    dialects    how a client speaks to each kind of server
    contestants which servers there are, and how each is started
    compare     measures several by turns, and what comes of it
    report      the figures as a table, as JSON and as a plot
    peers/      the same small chat as other libraries would have it written

A delivery is one line that reaches one receiver.
"""
