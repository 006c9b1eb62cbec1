"""names() walks through the dictionary without the lock, since it only reads.

fails: 4.9
hint 4.9: names() walks through the members
"""


class Room:
    def names(self):
        found = []
        for shown, _ in self._members.values():
            found.append(shown)
        return sorted(found, key=name_key)
