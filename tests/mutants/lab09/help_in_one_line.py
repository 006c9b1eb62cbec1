"""All rows are in one line.

fails: 9.2
hint 9.2: A row knows its usage and its purpose. Which loop gives you
"""


def help_lines(table):
    return ["* " + ", ".join(f"{row.usage} - {row.purpose}" for row in table.values())]
