"""A row of the table, and its goal."""


class Row:
    """A measurement: two texts with units, and the ratio with its goal."""

    def __init__(self, measure, against, ours, theirs, ratio, goal):
        self.measure = measure
        self.against = against
        self.ours = ours
        self.theirs = theirs
        self.ratio = ratio
        self.goal = goal

    def is_met(self):
        """Compares the ratio as printed, with two decimals."""
        return self.goal.met(round(self.ratio.median, 2))


class AtLeast:
    """The ratio must be at least `limit`."""

    def __init__(self, limit):
        self.text = f"at least {limit:g}"
        self.met = lambda ratio: ratio >= limit


class AtMost:
    """The ratio must be at most `limit`."""

    def __init__(self, limit, unit=""):
        self.text = f"at most {limit:g}{unit}"
        self.met = lambda ratio: ratio <= limit
