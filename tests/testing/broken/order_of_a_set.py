from __future__ import annotations

from genbench_toys.squares import Squares

from genbench.contract import Examples, Splits


class OrderOfASet(Squares):
    """FAULT: its training examples come in the order of a set of names: another in each process."""

    def load(self) -> Splits:
        train, validation, test = super().load()
        names = {f"image-{number}" for number in range(len(train.x))}
        order = [int(name.removeprefix("image-")) for name in names]
        assert train.y is not None
        return Splits(Examples(train.x[order], train.y[order]), validation, test)
