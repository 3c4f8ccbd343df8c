"""Medians and spread."""

from statistics import median


class Spread:
    """The median of some numbers, and between which of them eight in ten lie."""

    def __init__(self, numbers):
        ordered = sorted(numbers)
        self.median = median(ordered)
        self.low = _at(ordered, 0.1)
        self.high = _at(ordered, 0.9)


def ratios(above, below):
    """The ratio of each pair, whose two were measured one right after the other."""
    return Spread([one / other for one, other in zip(above, below)])


def _at(ordered, share):
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
