"""What one save brings, as bytes: for the log, or for the first snapshot. Knows nothing of what is there already."""

from dataclasses import dataclass, field

from jeton.store.change_log import Segment, encode_segment
from jeton.store.fact import flags_of, key_of, reads_of
from jeton.store.snapshot import Owner
from jeton.store.snapshot_writing import Columns


@dataclass(slots=True)
class Batch:
    """Facts with their numbers, in the order in which they are saved."""

    count_before: int
    owner: Owner
    numbers: list[int] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    """None is the value that the fact had before."""

    def encode(self) -> tuple[bytes, Segment]:
        """Return it as a segment of the log."""
        return encode_segment(self.numbers, self.entries, self.values, self.count_before, self.owner)

    def columns(self) -> Columns:
        """Return it as all that there is: nothing was there before."""
        assert self.numbers == [*range(len(self.numbers))], "without facts before, all are new"
        entries = self.entries
        return Columns(
            [*map(key_of, entries)],
            [*map(flags_of, entries)],
            [*map(reads_of, entries)],
            entries,
            [value or b"" for value in self.values],
        )
