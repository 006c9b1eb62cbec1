"""The words stand in the function, and not in the table.

fails: 9.3
hint 9.3: The table has the row, the row has the function. What is
"""


def run_command(table, name, text):
    word, argument = split_command(text)
    if word == "help":
        return help_lines(table)
    if word == "history":
        return table["history"].function(name, argument)
    if word == "search":
        return table["search"].function(name, argument)
    return [f"! There is no command /{word}. Type /help to see them all."]
