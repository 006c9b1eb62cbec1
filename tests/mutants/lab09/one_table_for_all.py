"""All histories share one table.

fails: 9.16
hint 9.16: Which rows are there, what does each function return, and
"""


TABLE_OF_ALL = {}


def chat_table(history):
    table = TABLE_OF_ALL

    def show_history(name, argument):
        count = int(argument) if argument else LAST
        if not 1 <= count <= MOST:
            raise ValueError
        return shown(history.last(count))

    def show_found(name, argument):
        if not argument:
            raise ValueError
        return shown(history.search(argument)[-LAST:])

    table["help"] = Row("/help", "show this list", lambda name, argument: help_lines(table))
    table["history"] = Row("/history [N]", f"show the last lines, {LAST} or N of them", show_history)
    table["search"] = Row("/search WORDS", "show the lines with these words in them", show_found)
    return table
