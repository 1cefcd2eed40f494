"""Every broken example has one fault: one check finds it, and its sentence names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genbench import testing

BROKEN = Path(__file__).parent / "broken"

MODELS = {
    "unwritable_option": ("options", "'activation'"),
    "diverges": ("training", "'log' was nan at 16 images"),
    "own_step": ("updates", "stepped autoencoder itself"),
    "no_gradient": ("gradients", "no gradient reached unused.weight, unused.bias"),
    "no_optimizer": ("gradients", "No optimizer has encoder.1.weight"),
    "fits_parameter": ("fit", "fit() wrote to the parameter 'decoder.2.bias'"),
    "fits_data": ("fit", "fit() wrote to the parameter 'decoder.2.bias'"),
    "growing_fit": ("fit", "buffer 'examples' (64, 1, 8, 8)"),
    "squeezes": ("sample", "asked for float32 (1, 1, 8, 8); float32 (1, 8, 8) came"),
    "sigmoid": ("sample", "No value that sample gave is below 0"),
    "one_buffer": ("sample", "in the memory of the model or of what it gave before"),
    "raises": ("encode", "NotImplementedError: to be done (raises.py:11 in encode)"),
    "likelihood_of_pixels": ("log_likelihood", "asked for float32 (1,)"),
    "bound_of_each_draw": ("log_likelihood_bound", "asked for float32 (1,)"),
    "late_refusal": ("shapes", "On 3x32x32 labelled"),
    "takes_labels_for_granted": ("labels", "takes_labels_for_granted.py:15 in train_step"),
    "unseeded": ("determinism", "Two trainings from one seed"),
    "random_codes": ("determinism", "Two calls of encode(x)"),
    "reseeds": ("streams", "train_step puts the global stream of torch to one place"),
    "global_stream": ("streams", "sample moved the global stream of torch"),
    "batch_statistics": ("independence", "encode(x) of an example alone and in a batch of 8"),
    "writes_on_input": ("inputs", "reconstruct changed its x in place"),
    "train_mode": ("evaluation", "sample left decoder"),
    "plain_tensor": ("devices", "self.scale is a tensor but neither parameter nor buffer"),
    "homeless_noise": (
        "devices",
        "homeless_noise.py:17 in train_step: torch.randn without device=",
    ),
    "plain_fit": ("loading", "what differs outside of them is self.mean"),
    "remembers_weights": ("loading", "outside of them is self.scale"),
    "default_dtype": ("surroundings", "from torch.float32 to torch.float64"),
    "quiet": ("surroundings", "changed the filters of warnings"),
}

DATASETS = {
    "overlapping_splits": ("splits", "10 examples that are in train and in test"),
    "unseeded_data": ("fingerprint", "the content of train was another"),
    "source_of_an_address": ("source", "and no file had changed"),
    "source_that_moves_on": ("source", "What load() gave after it was another content"),
    "narrow_manifold": ("manifold", "Of 60 training examples 0% lie on it"),
    "short_distances": ("manifold", "gave distances float32 (60,)"),
    "bins_from_one": ("manifold", "bins from 2 to 25.They are from 0 to 24"),
    "global_draws": ("manifold", "Two draws with equally seeded rngs differ"),
    "missing_class": ("labels", "no example of class 4 of 5"),
    "wrong_levels": ("levels", "only values of 17 even levels"),
    "unknown_extractor": ("extractor", "Did you mean toy-pixels"),
    "seeds_the_process": ("surroundings", "load() puts the global stream of torch to one place"),
}

METRICS = {
    "option_by_position": ("options", "takes scale by position, so that nobody can set it"),
    "version_number": ("declaration", "has version 1, which must be text"),
    "normals_without_features": ("declaration", "and the metric needs no features"),
    "half_a_pair": ("declaration", "Score('real') says swapped=None"),
    "undocumented": ("documentation", "does not name largest"),
    "undeclared_need": ("needs", "evidence.features('real')"),
    "nan_for_exact": ("scores", "never a NaN"),
    "never_applies": ("kinds", "however many: energy needs more samples"),
    "images_only": ("kinds", "images_only.py:14 in measure"),
    "random_subset": ("determinism", "error of the same evidence was"),
    "writes_on_evidence": ("evidence", "changed evidence.reconstructions in place"),
    "writes_on_statistics": (
        "evidence",
        "changed evidence.statistics('mean', 'real')['mean'] in place",
    ),
    "drawn_statistics": (
        "statistics",
        "another for samples that are good in a run of another seed",
    ),
    "statistics_of_as_many": ("statistics", "and another for samples that are uneven"),
    "backwards": ("direction", "similarity is better lower"),
    "wrong_split": ("direction", "for what is good and for all that is bad"),
    "false_invariance": ("invariances", "It declares sample-order"),
    "exact_copies": ("invariances", "It declares batch-size, and under it copies went from 1 to 0"),
    "applies_by_rounding": (
        "invariances",
        "It declares batch-size, and under it largest went from 0.896484375 to not applicable",
    ),
    "unbiased": ("known", "distance is declared to be 0 for what is identical"),
    "forgets_correlations": ("known", "2 for features of two normals, and was 1.055"),
    "roots_of_each": ("known", "2 for features of two normals, and was 2.100"),
    "one_sided": ("swap", "in each other's place distance is"),
    "likes_some_noise": ("noise", "at a noise of 0.3"),
    "sees_strays_only": ("blindness", "for what is collapsed: no worse than chance"),
    "overlooks_copies": ("blindness", "for what is copied: no worse than chance"),
    "skips_nan": ("refusals", "With NaN in reconstructions or NaN in real error was a number"),
    "divides_by_samples": ("refusals", "With a single sample"),
    "beyond_its_range": ("range", "declared to be in [0, 0.1], and was"),
    "unmarked_seconds": ("hardware", "On a slower machine seconds went from 10 to 30"),
}

EXTRACTORS = {
    "late_shape_error": ("features", "late_shape_error.py:29 in __call__"),
    "dropout": ("determinism", "Two calls on the same examples"),
    "batch_scaling": ("independence", "alone and in a batch of 8"),
    "squeezes_logits": ("logits", "Of features of 1 examples of 1x8x8 float32 (2,) came"),
    "infinite_logits": ("logits", "that are NaN or infinite came"),
    "classes_by_size": ("logits", "It named 32 and 96 classes"),
    "drawn_logits": ("logits", "Of the same features two calls gave logits up to"),
    "centres_logits": ("logits", "Logits of an example alone and among 8"),
    "logits_in_place": ("inputs", "logits(features) changed the features in place"),
    "scales_in_place": ("inputs", "changed its x in place"),
    "head_without_fingerprint": ("weights", "it was still pixels/255"),
    "constant_fingerprint": ("weights", "it was still small-network-1"),
}

EXECUTORS = {
    "raising_executor": ("failure", "raising_executor.py:15 in run"),
    "deaf_executor": ("listeners", "did not hear run_started, evaluated, run_ended"),
    "leaves_a_process": ("close", "still there"),
}

ON_A_CUDA_DEVICE = {
    "stays_on_the_cpu": ("devices", "stays_on_the_cpu.py:17 in measure"),
}

IN_A_FRESH_PROCESS = {
    "plain_balance": ("resuming", "training also changes self.balance"),
    "counts_its_steps": (
        "resuming",
        "changes steps of the optimizer 'autoencoder'.An optimizer is saved as its state_dict()",
    ),
    "source_by_hash": ("source", "and no file had changed"),
    "order_of_a_set": ("fingerprint", "In a fresh process the content was another"),
    "address_as_fingerprint": ("fingerprint", "It was network-"),
}

IN_A_PROCESS_OF_ITS_OWN = {"exits", "hangs"}
"""`test_process` has them."""

HERE = MODELS | DATASETS | METRICS | EXTRACTORS | EXECUTORS


@pytest.mark.parametrize("name", HERE)
@pytest.mark.usefixtures("in_this_process")
def test_the_fault_is_found_by_its_check_and_by_no_other(
    name: str, broken: Callable[[str], str]
) -> None:
    hold(broken(name), *HERE[name])


@pytest.mark.cuda
@pytest.mark.parametrize("name", ON_A_CUDA_DEVICE)
def test_what_only_a_cuda_device_shows_is_found_by_its_check(
    name: str, broken: Callable[[str], str]
) -> None:
    hold(broken(name), *ON_A_CUDA_DEVICE[name])


@pytest.mark.parametrize("name", IN_A_FRESH_PROCESS)
def test_what_only_a_fresh_process_shows_is_found_by_its_check(
    name: str, broken: Callable[[str], str]
) -> None:
    hold(broken(name), *IN_A_FRESH_PROCESS[name])


def hold(reference: str, check: str, named: str) -> None:
    wrong = [result for result in testing.check(reference) if result.state == "wrong"]
    assert [result.check for result in wrong] == [check]
    [finding] = wrong[0].findings
    assert named in finding.happened + finding.mend
    assert str(finding).startswith(wrong[0].promise)


def test_every_broken_example_is_tried_and_says_what_its_fault_is() -> None:
    files = {path.stem: path.read_text() for path in BROKEN.glob("*.py")}
    assert files.keys() == {
        *HERE,
        *IN_A_FRESH_PROCESS,
        *IN_A_PROCESS_OF_ITS_OWN,
        *ON_A_CUDA_DEVICE,
    }
    assert all(source.count("FAULT: ") == 1 for source in files.values())
