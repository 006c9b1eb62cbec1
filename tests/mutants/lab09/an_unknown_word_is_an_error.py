"""A word that is not in the table raises KeyError.

fails: 9.4
hint 9.4: Somebody types /dance, and there is no such row. What does
"""


def run_command(table, name, text):
    word, argument = split_command(text)
    row = table[word]
    try:
        return row.function(name, argument)
    except ValueError:
        return [f"! Write it like this: {row.usage}"]
