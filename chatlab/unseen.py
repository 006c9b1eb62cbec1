"""What prompt_toolkit must not show nor keep: the passwords that are typed behind `/register` and `/password`.

Knows nothing of chat. Imported only where prompt_toolkit is installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from prompt_toolkit.formatted_text.utils import fragment_list_to_text
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments


class ForgetfulHistory(InMemoryHistory):
    """What "up" brings back, without the lines that are secret."""

    def __init__(self, is_secret: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_secret = is_secret

    def append_string(self, string: str) -> None:
        """Keep a line that was typed, unless it is secret."""
        if not self._is_secret(string):
            super().append_string(string)


class HideSecrets(Processor):
    """Shows stars in place of what follows a beginning."""

    def __init__(self, beginning: re.Pattern[str]) -> None:
        self._beginning = beginning

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return the same line with as many stars as there are characters behind the beginning."""
        fragments = transformation_input.fragments
        found = self._beginning.match(fragment_list_to_text(fragments))
        if found is None:
            return Transformation(fragments)
        hidden = [
            (style, "*" if place >= found.end() and text != " " else text, *handler)
            for place, (style, text, *handler) in enumerate(explode_text_fragments(fragments))
        ]
        return Transformation(hidden)
