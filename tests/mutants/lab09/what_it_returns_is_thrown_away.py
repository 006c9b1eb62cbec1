"""The function is called, and its lines are not returned.

fails: 9.3
hint 9.3: The table has the row, the row has the function. What is
"""


def run_command(table, name, text):
    word, argument = split_command(text)
    if word not in table:
        return [f"! There is no command /{word}. Type /help to see them all."]
    try:
        table[word].function(name, argument)
    except ValueError:
        return [f"! Write it like this: {table[word].usage}"]
    return []
