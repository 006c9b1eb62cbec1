"""The error line shows all that was typed.

fails: 9.4
hint 9.4: Somebody types /dance, and there is no such row. What does
"""


def run_command(table, name, text):
    word, argument = split_command(text)
    if word not in table:
        return [f"! There is no command {text}. Type /help to see them all."]
    row = table[word]
    try:
        return row.function(name, argument)
    except ValueError:
        return [f"! Write it like this: {row.usage}"]
