#!/usr/bin/env python3
"""Runs SQL in chDB, for tests: statements, each ended by a line with a zero byte, come by standard input; to each answers a line
with "ok" or an error and, after "ok", the rows as TSV up to a line with a zero byte. Tables live in the folder that is named."""
import sys

from chdb.session import Session

session = Session(sys.argv[1])
statement = []
for line in sys.stdin:
    if line != "\0\n":
        statement.append(line)
        continue
    try:
        answer = session.query("".join(statement), "TabSeparated")
        text = answer.bytes().decode("utf-8", "surrogateescape") if answer else ""
        if text and not text.endswith("\n"):
            text += "\n"
        sys.stdout.buffer.write(b"ok\n" + text.encode("utf-8", "surrogateescape"))
    except Exception as error:
        sys.stdout.write("error: " + " ".join(str(error).split()) + "\n")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\0\n")
    sys.stdout.flush()
    statement = []
