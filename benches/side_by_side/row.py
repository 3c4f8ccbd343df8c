"""What a measurement comes to, and whether that is as it should be."""


class Row:
    """What was measured: two texts with units, and the ratio that is claimed."""

    def __init__(self, measure, against, ours, theirs, ratio, goal):
        self.measure = measure
        self.against = against
        self.ours = ours
        self.theirs = theirs
        self.ratio = ratio
        self.goal = goal

    def is_met(self):
        """By the ratio as it is printed."""
        return self.goal.met(round(self.ratio.median, 2))


class AtLeast:
    """So many times as fast, or more."""

    def __init__(self, times):
        self.text = f"at least {times:g}"
        self.met = lambda ratio: ratio >= times


class AtMost:
    """So much of it, or less."""

    def __init__(self, limit, unit=""):
        self.text = f"at most {limit:g}{unit}"
        self.met = lambda ratio: ratio <= limit
