"""Takes all the memory that it can get.
"""

HOARD = []
while True:
    HOARD.append(bytearray(1 << 24))
