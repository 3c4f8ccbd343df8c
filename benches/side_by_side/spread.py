"""Medians and percentiles."""

from statistics import median


class Spread:
    """The median, the 10th percentile (`low`) and the 90th percentile (`high`)."""

    def __init__(self, numbers):
        ordered = sorted(numbers)
        self.median = median(ordered)
        self.low = _percentile(ordered, 10)
        self.high = _percentile(ordered, 90)


def ratios(numerators, denominators):
    """The ratio of each pair. The two numbers of a pair were measured one after the other."""
    return Spread([one / other for one, other in zip(numerators, denominators)])


def _percentile(ordered, percent):
    position = percent / 100 * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
