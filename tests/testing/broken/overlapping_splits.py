from __future__ import annotations

from genbench_toys.squares import Squares

from genbench.contract import Examples, Splits


class OverlappingSplits(Squares):
    """FAULT: a third of the test split are training examples."""

    def load(self) -> Splits:
        train, validation, test = super().load()
        assert test.y is not None
        assert train.y is not None
        test.x[:10], test.y[:10] = train.x[:10], train.y[:10]
        return Splits(train, validation, Examples(test.x, test.y))
