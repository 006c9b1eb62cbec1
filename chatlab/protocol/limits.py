"""Every limit of the chat, in one place, each with its reason.

Knows nothing of what is limited: these are numbers with a unit in their name.
"""

# --- lines and names (PROTOCOL.md P2, P3, P11) ---------------------------------------------

# One page of memory on most machines: long enough for a paragraph, short enough that
# a thousand unfinished lines still cost only four megabytes. The LF is counted.
LINE_LIMIT_BYTES = 4096

# What the server writes carries a name in front of the text, so it may be longer than
# what a client may write. A client reads with this limit, and the server keeps it too.
SERVER_LINE_LIMIT_BYTES = 2 * LINE_LIMIT_BYTES

# Fits a column of a terminal, and every first name that was tried.
NAME_LIMIT_CHARACTERS = 32

# A person mistypes; a program that guesses names should not go on for ever.
NAME_TRIES = 5

# In all, not for each byte: a client that sends a byte every nine seconds would
# otherwise hold a thread for as long as it likes.
NAMING_DEADLINE_SECONDS = 10.0

# --- accounts -------------------------------------------------------------------------------

# In bytes of UTF-8. Below eight a password is guessed soon, whatever it costs to try one (NIST SP 800-63B). Above
# a kibibyte nobody types: it fits a line with room to spare, and hashing it costs no more than a short one.
PASSWORD_LEAST_BYTES = 8
PASSWORD_MOST_BYTES = 1024

# A person mistypes what they cannot see; after that they connect anew.
PASSWORD_TRIES = 5

# In all, for all tries: a password manager has to be found, and who guesses waits longer and longer.
PASSWORD_DEADLINE_SECONDS = 60.0

# A year. What is to last longer has no end.
BAN_MINUTES = 525_600

# --- the server ----------------------------------------------------------------------------

# With a thread for each client, a thousand is where a laptop is still at ease.
CLIENT_LIMIT = 1024

# What newcomers are shown of what was said before, and `/history` without a number.
HISTORY_LINES = 20

# How many questions of one client may wait for a slow disk. Nobody has so many who waits for the answers.
UNANSWERED_LIMIT = 4096

# How many lines are kept where there is no disk for them: an hour of a lively class, half a megabyte.
MEMORY_HISTORY_LINES = 2000

# What one answer of the history holds at most. A quarter of an outbox: who asks is no slow reader.
ANSWER_LINES = 200
ANSWER_BYTES = 64 * 1024

# Connections that the system completes while the accept thread is busy. A class that
# reconnects at one moment must fit; the system may silently lower it (SOMAXCONN).
BACKLOG = 1024

# What may wait for one client. A quarter of a mebibyte is some thousand lines: who is
# that far behind is not reading.
OUTBOX_LIMIT_BYTES = 256 * 1024

# How long a farewell may take: the last lines are written and the client's end of
# stream is awaited. After this the connection is reset.
CLOSE_SECONDS = 10.0

# How much one recv takes. More than a line, so that a busy sender costs few system calls.
RECV_BYTES = 64 * 1024

# And how much while nothing more is expected: a waiting recv has its memory already.
IDLE_RECV_BYTES = 1024

# --- floods --------------------------------------------------------------------------------

# What one client may say at once, and how fast it may go on. A pasted page passes, and nobody types
# ten lines a second: only a program in a loop is stopped.
FLOOD_BURST_LINES = 100
FLOOD_LINES_PER_SECOND = 10.0

# Connections from one address. A class behind one router has one address; this is three for each of thirty.
ADDRESS_LIMIT = 100

# --- dead connections ----------------------------------------------------------------------

# TCP asks an idle peer "are you there?" after this long. The system's own default is
# two hours, which is a lesson and not a default.
KEEPALIVE_IDLE_SECONDS = 20
KEEPALIVE_INTERVAL_SECONDS = 5
KEEPALIVE_PROBES = 3

# How long sent bytes may stay unacknowledged (RFC 5482), where the system has it.
USER_TIMEOUT_SECONDS = 30

# A program that has heard nothing for this long asks with /ping ...
HEARTBEAT_IDLE_SECONDS = 20.0
# ... and takes the connection for lost if it hears nothing for this long after it.
HEARTBEAT_ANSWER_SECONDS = 10.0

# --- the client that comes back ------------------------------------------------------------

# The first wait is too short to notice; doubling reaches the cap at the ninth.
BACKOFF_BASE_SECONDS = 0.1
BACKOFF_CAP_SECONDS = 30.0

# A server that accepts and dies at once must not be tried ten times a second: the
# backoff starts from its base again only after a connection has lasted this long.
STABLE_SECONDS = 5.0

# How long one attempt to connect, and the server's question and welcome, may take.
CONNECT_SECONDS = 10.0

# How long a returning client waits for its own ghost to give the name back: longer
# than a server needs to notice a dead connection by keepalive (20 + 3 x 5 seconds).
GHOST_SECONDS = 60.0

# How long a leaving client waits for the server's goodbye before it just goes.
GOODBYE_SECONDS = 2.0

# What a client keeps while the server is away.
AWAY_LIMIT_LINES = 1000

# Events that nobody has read yet; the oldest give way.
EVENT_LIMIT = 10_000
