"""How often each span was opened and how long it took: ninja's `-d stats`. Owns the table; measures nothing."""

from collections.abc import Iterator, Sequence

from jeton.trace import DidDo, DidRunStep, Record, WillDo, WillRunStep


def stats(records: Sequence[Record]) -> Iterator[str]:
    """Yield a row for each name of a span, and one for the steps."""
    opened: dict[tuple[str, int], int] = {}
    times: dict[str, list[int]] = {}
    for record in records:
        event = record.event
        if isinstance(event, WillDo):
            opened["span", event.span] = record.at_ns
        elif isinstance(event, WillRunStep):
            opened["step", event.step] = record.at_ns
        elif isinstance(event, DidDo):
            times.setdefault(event.name, []).append(record.at_ns - opened.pop(("span", event.span)))
        elif isinstance(event, DidRunStep):
            times.setdefault("step", []).append(record.at_ns - opened.pop(("step", event.step)))
    width = max(map(len, [*times, "metric"]))
    yield f"{'metric':<{width}}  {'count':>7}  {'avg (us)':>10}  {'total (ms)':>10}"
    for name, spans in times.items():
        yield f"{name:<{width}}  {len(spans):>7}  {sum(spans) / len(spans) / 1e3:>10.1f}  {sum(spans) / 1e6:>10.1f}"
