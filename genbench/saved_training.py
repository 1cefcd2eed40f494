"""Training that survives: saved as it goes, whole, and gone on with where it stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from genbench import environment, training_state
from genbench.checkpoint import Content, TrainingCheckpoints
from genbench.errors import ContractError, StoreError
from genbench.folder import RunFolder
from genbench.interrupts import Interrupts
from genbench.run_state import RunState, shorten
from genbench.train import Trainer


class SavedTraining:
    """The training of a run, with its checkpoints.

    Args:
        trainer: what trains; its ``pause`` becomes this one's.
        folder: of the run.
        interrupts: what asks it to end.
        every_seconds: how long it goes on, at most, before it is saved.
        describe: gives the run as far as it has come, between two evaluations.
        log: told what is worth knowing.
    """

    def __init__(
        self,
        trainer: Trainer,
        folder: RunFolder,
        interrupts: Interrupts,
        every_seconds: float,
        describe: Callable[[], RunState],
        log: Callable[[str], None],
    ) -> None:
        self._trainer = trainer
        self._curve = folder.curve
        self._checkpoints = TrainingCheckpoints(folder.path)
        self._interrupts = interrupts
        self._every_seconds = every_seconds
        self._describe = describe
        self._log = log
        self._state = describe()
        self._saved_at = time.monotonic()
        trainer.pause = self._pause

    def resume(self, why_not: Callable[[RunState], str | None]) -> RunState | None:
        """Put the trainer where the latest whole checkpoint was.

        Args:
            why_not: why a checkpoint is not one to go on from; None: it is.

        Returns:
            The run at that moment; None where there is nothing to go on from.
        """
        content = self._checkpoints.latest()
        state, reason = None, None
        if content is not None:
            try:
                state = RunState.of(content)
                reason = why_not(state)
            except StoreError as error:
                reason = str(error)
        if reason is not None:
            self._log(reason)
        if content is None or state is None or reason is not None:
            shorten(self._curve, 0)
            return None
        training_state.restore(self._trainer, Content(content.tensors, content.plain["training"]))
        self._saved_at = time.monotonic()
        shorten(self._curve, state.curve_bytes)
        self._log(f"It goes on at {self._trainer.step.images:,} images.")
        return state

    def points(self) -> Iterator[float]:
        """Train; yield at each evaluation point, as a share of the budget.

        What is asked to end meanwhile ends between two train steps.
        """
        points = self._trainer.run()
        while True:
            self._state = self._describe()
            fraction = next(points, None)
            # What the evaluation to come adds to the curve, it adds again if it is cut short; the
            # losses that were read on the way here, nobody would.
            self._state = self._describe()
            if fraction is None:
                return
            yield fraction

    @contextlib.contextmanager
    def saved_when_interrupted(self) -> Iterator[None]:
        """A block that is left by a KeyboardInterrupt only after training has been saved.

        It is deferred but for what is allowed within, which leaves training as it found it.
        """
        with self._interrupts.deferred():
            try:
                yield
            except KeyboardInterrupt:
                # One who insists may have come in the middle of anything.
                if not self._interrupts.insisted:
                    self._save()
                raise

    def _pause(self) -> None:
        if time.monotonic() - self._saved_at >= self._every_seconds:
            self._state = self._describe()
            self._save()
        if self._interrupts.requested:
            self._state = self._describe()
            raise KeyboardInterrupt

    def _save(self) -> None:
        """Save everything that training is; a run that cannot be saved goes on without."""
        trainer = self._trainer
        finished = trainer.points_done == len(trainer.protocol.evaluation.points)
        if finished or not trainer.between_steps:
            return  # the final weights, or what was saved before this train step, count
        environment.wait_for(trainer.device)
        history = self._state.history
        peak = max(history.peak_memory_bytes, environment.peak_memory_bytes(trainer.device))
        state = replace(self._state, history=replace(history, peak_memory_bytes=peak))
        try:
            training = training_state.capture(trainer)
            plain = {"training": training.plain, **state.as_plain()}
            self._checkpoints.save(Content(training.tensors, plain))
        except (StoreError, ContractError, OSError) as error:
            self._log(f"No checkpoint was saved: {error}")
        self._saved_at = time.monotonic()
