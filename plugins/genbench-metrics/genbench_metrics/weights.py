"""Files of published weights: downloaded once, and read without running what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from genbench.errors import GenbenchError


@dataclass(frozen=True)
class Published:
    """Weights that an extractor takes from a file."""

    extractor: str
    """Its name, as options are given to it."""
    what: str
    """What the file holds, for messages."""
    url: str
    sha256: str
    """Of the file, or how that begins."""

    def downloaded(self) -> Path:
        """The file in torch hub's cache, downloaded if it is not there yet.

        Raises:
            GenbenchError: it cannot be had; says which file to put where.
        """
        path = Path(torch.hub.get_dir()) / "checkpoints" / self.url.rsplit("/", 1)[1]
        if not path.exists():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                torch.hub.download_url_to_file(
                    self.url, str(path), hash_prefix=self.sha256, progress=False
                )
            except (OSError, RuntimeError) as error:  # no network or no room; another file's hash
                raise GenbenchError(
                    f"The weights of {self.extractor} could not be downloaded ({error}). Download "
                    f"{self.url} where there is a network, and give the file by its path: "
                    f"--set {self.extractor}.weights=FILE"
                ) from error
        return path

    def read(self, path: Path) -> Mapping[str, Tensor]:
        """The weights in a file.

        A file that gets past here held nothing but tensors.

        Raises:
            GenbenchError: there is no such file, or it holds something else.
        """
        if not path.is_file():
            raise GenbenchError(f"There is no file of {self.what} at {path}.")
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # zip, pickle and runtime errors: all say it is another file
            raise self.refusal(path, error) from error
        if not isinstance(weights, dict) or not all(
            isinstance(weight, Tensor) for weight in weights.values()
        ):
            raise self.refusal(path, "it is no mapping from names to tensors")
        return weights

    def refusal(self, path: Path, why: object) -> GenbenchError:
        """The error for a file that holds something else."""
        first_line = next(iter(str(why).splitlines()), "") or type(why).__name__
        return GenbenchError(f"{path} does not hold {self.what}: {first_line}")
