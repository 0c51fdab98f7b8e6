"""Makes a C table and its header from a list of words; leaves files alone whose text stands."""

from __future__ import annotations

import sys
from pathlib import Path


def words_of(listing: str) -> list[str]:
    """Give the words of a list, sorted, without its comments and blank lines."""
    lines = (line.split("#")[0].strip() for line in listing.splitlines())
    return sorted({line for line in lines if line})


def header_of(words: list[str]) -> str:
    """Give the text of the header."""
    return f"""/* Made by make_table.py. */
#ifndef STOPWORDS_H
#define STOPWORDS_H

#define STOPWORD_COUNT {len(words)}
#define STOPWORD_LONGEST {max(map(len, words))}

extern const char *const stopwords[STOPWORD_COUNT];

#endif
"""


def source_of(words: list[str]) -> str:
    """Give the text of the table, in the order that a binary search needs."""
    rows = "\n".join(f'    "{word}",' for word in words)
    return f"""/* Made by make_table.py. */
#include "stopwords.h"

const char *const stopwords[STOPWORD_COUNT] = {{
{rows}
}};
"""


def write_if_new(path: Path, text: str) -> None:
    """Write text, but keep the time stamp of a file that already says the same."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main(listing: str, stem: str) -> None:
    """Write stem.h and stem.c from the list of words."""
    words = words_of(Path(listing).read_text())
    write_if_new(Path(f"{stem}.h"), header_of(words))
    write_if_new(Path(f"{stem}.c"), source_of(words))


if __name__ == "__main__":
    main(*sys.argv[1:])
