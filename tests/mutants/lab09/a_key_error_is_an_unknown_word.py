"""The look-up and the call stand in one `try`.

fails: 9.5
hint 9.5: The function raises ValueError: the person has made a
"""


def run_command(table, name, text):
    word, argument = split_command(text)
    try:
        row = table[word]
        return row.function(name, argument)
    except KeyError:
        return [f"! There is no command /{word}. Type /help to see them all."]
    except ValueError:
        return [f"! Write it like this: {row.usage}"]
