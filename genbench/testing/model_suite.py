"""The checks for models, in the order in which they are told."""

from __future__ import annotations

from genbench.testing import capabilities, conduct, devices, state, training, updates
from genbench.testing.models import ModelSubject

SUBJECT = ModelSubject

CHECKS = (
    training.options,
    training.constructor,
    training.optimizers,
    training.training,
    updates.updates,
    updates.gradients,
    training.fit,
    capabilities.sample,
    capabilities.reconstruct,
    capabilities.encode,
    capabilities.log_likelihood,
    capabilities.log_likelihood_bound,
    training.shapes,
    training.labels,
    conduct.determinism,
    conduct.streams,
    conduct.independence,
    conduct.inputs,
    conduct.evaluation,
    devices.devices,
    state.loading,
    state.resuming,
    conduct.surroundings_,
)
