"""Talking has a lock of its own, and the members have another one.

fails: 4.12
hint 4.12: bob and carla must agree
"""


import threading


class Room:
    def __init__(self):
        self._lock = threading.Lock()
        self._talk_lock = threading.Lock()
        self._members = {}

    def say(self, name, text):
        with self._talk_lock:
            members = dict(self._members)
            if name_key(name) in members:
                shown, _ = members[name_key(name)]
                for key, (_, outbox) in members.items():
                    if key != name_key(name):
                        outbox.put(f"{shown}: {text}")
