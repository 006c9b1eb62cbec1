"""Help shows the word, and not how the command is written.

fails: 9.2
hint 9.2: A row knows its usage and its purpose. Which loop gives you
"""


def help_lines(table):
    return [f"* /{word} - {row.purpose}" for word, row in table.items()]
