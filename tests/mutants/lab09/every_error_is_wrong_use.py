"""All exceptions are taken for wrong use.

fails: 9.5
hint 9.5: The function raises ValueError: the person has made a
"""


def run_command(table, name, text):
    word, argument = split_command(text)
    if word not in table:
        return [f"! There is no command /{word}. Type /help to see them all."]
    row = table[word]
    try:
        return row.function(name, argument)
    except Exception:
        return [f"! Write it like this: {row.usage}"]
