"""The smallest regression that each step will see: a coarse ladder for all steps, then a fine one for each."""

from collections.abc import Callable, Iterator, Sequence
from math import log

from surefoot.planning.power import Rung, smallest_seen

Seen = Callable[[int, float, int], int | None]
"""(seed, size, last step) → the step in which a release sees it, None where none does."""

NEAR = 1.3
_FINE_RUNGS = 7
_STRIDE = 100_003


def smallest_by_step(
    seen: Seen, ladder: Sequence[float], steps: Sequence[int], runs: int, done: Callable[[], None]
) -> dict[int, float | None]:
    """By step: the size that nine releases in ten have seen by its end; None: not even the largest.

    `runs` releases are simulated on each coarse rung, twice as many on each fine one. `done` is
    called after each rung. A later step never needs a larger size: what was seen stays seen.
    """
    coarse = _coarse(seen, ladder, steps, runs, done)
    found: dict[int, float | None] = {}
    least: float | None = None
    for number, step in enumerate(steps):
        size = smallest_seen(coarse[step])
        if size is not None:
            size = _refined(seen, size, step, coarse[step], (2 * runs, number + 1), ladder)
        if size is not None and (least is None or size < least):
            least = size
        found[step] = least
        done()
    return found


def _coarse(
    seen: Seen, ladder: Sequence[float], steps: Sequence[int], runs: int, done: Callable[[], None]
) -> dict[int, list[Rung]]:
    """Every rung for all steps at once, downwards; below two rungs that nobody saw there is nothing."""
    found: dict[int, list[Rung]] = {step: [] for step in steps}
    unseen = 0
    for number, size in enumerate(ladder):
        where = [
            seen(number * _STRIDE + run, size, steps[-1]) if unseen < 2 else None
            for run in range(runs)
        ]
        unseen = 0 if any(step is not None for step in where) else unseen + 1
        for step in steps:
            hits = sum(each is not None and each <= step for each in where)
            found[step].append(Rung(size, runs, hits))
        done()
    return found


def _refined(
    seen: Seen,
    size: float,
    step: int,
    coarse: Sequence[Rung],
    many: tuple[int, int],
    ladder: Sequence[float],
) -> float | None:
    """The size again, from a curve through what is near it alone."""
    runs, salt = many
    fine = [
        Rung(near, runs, sum(1 for _ in _hits(seen, near, step, runs, salt, number)))
        for number, near in enumerate(_around(size, ladder[-1], ladder[0]))
    ]
    close = [rung for rung in coarse if abs(log(rung.size / size)) < 2.0 * log(NEAR)]
    return smallest_seen([*fine, *close]) or size


def _around(size: float, low: float, high: float) -> list[float]:
    ratio = NEAR ** (2.0 / (_FINE_RUNGS - 1))
    return [min(high, max(low, size / NEAR * ratio**i)) for i in reversed(range(_FINE_RUNGS))]


def _hits(seen: Seen, size: float, step: int, runs: int, salt: int, number: int) -> Iterator[int]:
    for run in range(runs):
        found = seen(-((salt * 100 + number) * _STRIDE + run) - 1, size, step)
        if found is not None and found <= step:
            yield found
