"""Two names are compared in lower case, and nothing more.

fails: 4.3
hint 4.3: What do two spellings of one name have in common
"""


def name_key(name):
    return name.lower()
