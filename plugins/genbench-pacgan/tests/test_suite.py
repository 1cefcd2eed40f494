"""The suite: every block is a line of the paper's table, under the protocol that it needs."""

from __future__ import annotations

from genbench import protocol, suite
from genbench_pacgan import SUITE

PUBLISHED = {  # Lin et al. 2018, table 1: modes and share of high quality, by packing
    "ring": {1: (6.3, 0.982), 2: (7.9, 0.956), 3: (7.8, 0.977), 4: (7.8, 0.959)},
    "grid": {1: (17.3, 0.948), 2: (23.8, 0.913), 3: (24.6, 0.942), 4: (24.8, 0.936)},
}
TOLERANCE = {"ring": 0.5, "grid": 1.0}


def test_every_line_of_the_table_is_there_with_its_tolerance() -> None:
    found = {}
    for grid in suite.load(SUITE, {}):
        trials = grid.trials
        modes, quality = grid.published
        assert (modes.score, quality.score) == ("modes", "high_quality")
        assert (modes.weights, quality.weights) == ("last", "last")
        assert (modes.tolerance, quality.tolerance) == (TOLERANCE[trials.dataset], 0.03)
        assert len(trials.seeds) == 10
        pack = trials.model_options["pack"]
        assert trials.dataset_options == {"size": 100_000 * pack}
        found.setdefault(trials.dataset, {})[pack] = (modes.value, quality.value)
    assert found == PUBLISHED


def test_a_trial_is_400_epochs_of_100_000_packs_in_batches_of_100() -> None:
    for pack in (1, 2, 3, 4):
        loaded = protocol.load(str(SUITE.with_name(f"packs-of-{pack}.toml")))
        assert loaded.training.batch_size == 100 * pack
        assert loaded.training.images == 400 * 100_000 * pack
        assert loaded.evaluation.samples == 2_500
