"""The table is made, whether or not it is there.

fails: 9.6
hint 9.6: Who executes TABLE, and what becomes of it when the file
"""


TABLE = "CREATE TABLE lines (number INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL)"
