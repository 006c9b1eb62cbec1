"""As many lines are shown as are found.

fails: 9.16
hint 9.16: Which rows are there, what does each function return, and
"""


def chat_table(history):
    table = {}

    def show_history(name, argument):
        count = int(argument) if argument else LAST
        if not 1 <= count <= MOST:
            raise ValueError
        return shown(history.last(count))

    def show_found(name, argument):
        if not argument:
            raise ValueError
        return shown(history.search(argument))

    table["help"] = Row("/help", "show this list", lambda name, argument: help_lines(table))
    table["history"] = Row("/history [N]", f"show the last lines, {LAST} or N of them", show_history)
    table["search"] = Row("/search WORDS", "show the lines with these words in them", show_found)
    return table
