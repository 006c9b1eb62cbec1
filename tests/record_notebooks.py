"""Run notebooks and store what they show: python tests/record_notebooks.py notebooks/00_welcome.ipynb

Each is run twice, in kernels of their own. Where the two runs differ nothing is written, and
the differences are printed: what cannot repeat (a port, a time, who came first) does not
belong into a stored output.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# What a code host needs to colour the cells. The version of Python would differ by machine.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


def run(path: Path) -> str:
    """Run a notebook in a kernel of its own and return it with its outputs, as the text of a file."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=30,
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # The id of a model that is gone: a page would say "model not found" in place of the text.
            output.get("data", {}).pop(WIDGET_VIEW, None)
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def record(path: Path) -> bool:
    """Run a notebook twice and write it if both runs agree; return whether they do."""
    first, second = run(path), run(path)
    if first == second:
        path.write_text(first, encoding="utf-8", newline="\n")
        print(f"{path}: recorded")
        return True
    print(f"{path}: NOT recorded, two runs differ:")
    print(*difflib.unified_diff(first.splitlines(), second.splitlines(), "first", "second", n=1, lineterm=""), sep="\n")
    return False


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(not all([record(Path(argument)) for argument in sys.argv[1:]]))
