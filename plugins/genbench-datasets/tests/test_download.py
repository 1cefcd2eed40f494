from __future__ import annotations

import hashlib
import multiprocessing
import os
import pty
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genbench.errors import GenbenchError
from genbench_datasets import download

CONTENT = bytes(range(256)) * 5_000  # 1.28 MB: several blocks
OTHERWISE = "put it elsewhere."


def test_a_file_is_downloaded_once_and_keeps_its_name(mirror: Any, tmp_path: Path) -> None:
    source = mirror.source("file.gz", CONTENT)
    path = download.fetch(source, tmp_path / "new" / "folder", OTHERWISE)
    assert path == tmp_path / "new" / "folder" / "file.gz"
    assert path.read_bytes() == CONTENT
    assert download.fetch(source, path.parent, OTHERWISE) == path
    assert len(mirror.asked) == 1
    assert not list(path.parent.glob("*.part"))


def test_a_file_that_somebody_put_there_needs_no_network(nobody: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    source = download.Source("file", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), (nobody,))
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT


def test_a_connection_that_breaks_half_way_goes_on_where_it_broke(
    mirror: Any, tmp_path: Path
) -> None:
    source = mirror.source("file", CONTENT)
    mirror.breaks_after = [500_000, 300_000]
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT
    assert [asked for _, asked in mirror.asked] == [None, "bytes=500000-", "bytes=800000-"]


def test_what_an_earlier_process_had_is_gone_on_with(mirror: Any, tmp_path: Path) -> None:
    source = mirror.source("file", CONTENT)
    (tmp_path / "file.part").write_bytes(CONTENT[:1_000_000])
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT
    assert mirror.asked == [("/file", "bytes=1000000-")]


def test_another_mirror_goes_on_where_one_broke_off(
    mirror: Any, nobody: str, tmp_path: Path
) -> None:
    source = mirror.source("file", CONTENT)
    source = replace(source, urls=(nobody, mirror.url("missing"), mirror.url("file")))
    (tmp_path / "file.part").write_bytes(CONTENT[:700_000])
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT
    assert mirror.asked[-1] == ("/file", "bytes=700000-")


def test_a_whole_file_that_only_lacked_its_name_is_not_asked_for(
    nobody: str, mirror: Any, tmp_path: Path
) -> None:
    source = replace(mirror.source("file", CONTENT), urls=(nobody,))
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_sends_the_file_from_its_beginning(
    mirror: Any, tmp_path: Path
) -> None:
    source = mirror.source("file", CONTENT)
    mirror.knows_ranges = False
    (tmp_path / "file.part").write_bytes(b"x" * 700_000)
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT


@pytest.mark.parametrize("size", [700_000, len(CONTENT), len(CONTENT) + 1])
def test_a_partial_file_of_something_else_is_thrown_away(
    mirror: Any, tmp_path: Path, size: int
) -> None:
    source = mirror.source("file", CONTENT)
    (tmp_path / "file.part").write_bytes(b"x" * size)
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT


def test_a_damaged_file_of_the_cache_is_downloaded_again(mirror: Any, tmp_path: Path) -> None:
    source = mirror.source("file", CONTENT)
    (tmp_path / "file").write_bytes(CONTENT[:-1] + b"x")
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT


def test_a_mirror_with_another_content_is_passed_over(mirror: Any, tmp_path: Path) -> None:
    source = mirror.source("good", CONTENT)
    mirror.files["/bad"] = b"x" * len(CONTENT)
    source = replace(source, urls=(mirror.url("bad"), mirror.url("good")))
    assert download.fetch(source, tmp_path, OTHERWISE).read_bytes() == CONTENT


@pytest.mark.parametrize("tells_length", [True, False])
@pytest.mark.parametrize("content", [b"<html>Please log in</html>", CONTENT + b"more"])
def test_a_file_of_another_size_is_refused(
    mirror: Any, tmp_path: Path, content: bytes, tells_length: bool
) -> None:
    source = mirror.source("file", CONTENT)
    mirror.files["/file"] = content
    mirror.tells_length = tells_length
    with pytest.raises(GenbenchError, match=r"file of .* bytes|another file|broke off"):
        download.fetch(source, tmp_path, OTHERWISE)
    assert not (tmp_path / "file").exists()


def test_a_mirror_that_offers_another_size_is_answered_before_it_sends(
    mirror: Any, tmp_path: Path
) -> None:
    source = replace(mirror.source("file", CONTENT), size=10)
    with pytest.raises(GenbenchError, match=r"offers a file of 1,280,000 bytes, not 10"):
        download.fetch(source, tmp_path, OTHERWISE)
    assert not (tmp_path / "file.part").exists()


def test_wrong_content_everywhere_is_an_error_that_gives_both_hashes(
    mirror: Any, tmp_path: Path
) -> None:
    source = mirror.source("file", CONTENT)
    wrong = b"x" * len(CONTENT)
    mirror.files["/file"] = wrong
    with pytest.raises(GenbenchError) as caught:
        download.fetch(source, tmp_path, OTHERWISE)
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert source.sha256 in str(caught.value)
    assert not list(tmp_path.glob("file*.part"))


def test_a_mirror_that_only_ever_breaks_off_is_left_after_some_tries(
    mirror: Any, tmp_path: Path
) -> None:
    source = mirror.source("file", CONTENT)
    mirror.breaks_after = [1_000] * 100
    with pytest.raises(GenbenchError, match=r"broke off after 5,000 of 1,280,000 bytes"):
        download.fetch(source, tmp_path, OTHERWISE)
    assert len(mirror.asked) == download.TRIES


def test_offline_the_message_says_which_file_to_put_where(nobody: str, tmp_path: Path) -> None:
    source = download.Source("train.gz", 10, "ab" * 32, (nobody, nobody + "2"))
    with pytest.raises(GenbenchError) as caught:
        download.fetch(source, tmp_path, "--set mnist.root=DIR.")
    message = str(caught.value)
    assert "train.gz could not be downloaded" in message
    assert f"{nobody}: " in message
    assert f"{nobody}2: " in message
    assert "refused" in message
    assert f"put it at {tmp_path / 'train.gz'}, or --set mnist.root=DIR." in message
    assert "ab" * 32 in message


def test_a_missing_file_is_told_with_the_server_s_answer(mirror: Any, tmp_path: Path) -> None:
    source = download.Source("file", 10, "ab" * 32, (mirror.url("file"),))
    with pytest.raises(GenbenchError, match=r"HTTP 404 Not Found"):
        download.fetch(source, tmp_path, OTHERWISE)


def test_a_file_in_place_that_is_another_one_is_named_offline(nobody: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"another")
    source = download.Source("file", 10, "ab" * 32, (nobody,))
    with pytest.raises(GenbenchError, match=r"file is another file, of SHA-256 [0-9a-f]{64}"):
        download.fetch(source, tmp_path, OTHERWISE)


def test_a_folder_that_cannot_be_made_is_named(mirror: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(GenbenchError, match=r"cannot be kept in .*taken.*GENBENCH_CACHE"):
        download.fetch(mirror.source("file", CONTENT), tmp_path / "taken" / "in", OTHERWISE)


def test_processes_that_ask_at_once_download_once(mirror: Any, tmp_path: Path) -> None:
    source = mirror.source("file", CONTENT)
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=download.fetch, args=(source, tmp_path, OTHERWISE)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(mirror.asked) == 1


def on_a_terminal(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> str:
    """What work writes to standard error where that is a terminal."""
    mine, theirs = pty.openpty()
    told = bytearray()

    def listen() -> None:
        while True:
            try:
                block = os.read(mine, 4096)
            except OSError:  # the other side was closed
                return
            told.extend(block)

    listener = threading.Thread(target=listen)
    listener.start()
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        patch.setenv("TERM", "xterm")
        work()
    listener.join()
    os.close(mine)
    return told.decode()


def test_a_terminal_is_shown_a_bar(
    mirror: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mirror.source("file.gz", CONTENT)
    told = on_a_terminal(lambda: download.fetch(source, tmp_path, OTHERWISE), monkeypatch)
    assert "file.gz" in told
    assert "1.3 MB" in told or "1.3/1.3" in told


def test_elsewhere_nothing_is_written(
    mirror: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    download.fetch(mirror.source("file.gz", CONTENT), tmp_path, OTHERWISE)
    assert capfd.readouterr() == ("", "")
