"""The rows are sorted.

fails: 9.2
hint 9.2: A row knows its usage and its purpose. Which loop gives you
"""


def help_lines(table):
    return [f"* {table[word].usage} - {table[word].purpose}" for word in sorted(table)]
