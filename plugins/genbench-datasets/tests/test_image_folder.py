from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import genbench.testing
from genbench import data, options, plan, protocol
from genbench.contract import Dataset, Splits
from genbench.errors import GenbenchError, UsageError
from genbench_datasets import image_cache
from genbench_datasets.image_folder import ImageFolder

N = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Sixty images of noise, in two classes and three formats, of several sizes."""
    folder = tmp_path / "pictures"
    made(folder / "dark", range(N // 2), 0)
    made(folder / "light", range(N // 2, N), 128)
    return folder


def made(folder: Path, numbers: range, least: int) -> None:
    folder.mkdir(parents=True)
    for i in numbers:
        rng = np.random.default_rng(i)
        array = rng.integers(least, least + 128, (20 + i % 3, 24 - i % 2, 3), np.uint8)
        suffix = (".png", ".jpg", ".webp")[i % 3]
        Image.fromarray(array).save(folder / f"{i:03}{suffix}", lossless=True)


@pytest.fixture
def decoding(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images were decoded, each time that any were."""
    counts: list[int] = []
    really = image_cache._decode_all

    def counted(paths: Any, *rest: Any) -> None:
        counts.append(len(paths))
        really(paths, *rest)

    monkeypatch.setattr(image_cache, "_decode_all", counted)
    return counts


def load(root: Path, **settings: Any) -> Splits:
    return ImageFolder(root=root, **{"size": 8, **settings}).load()


def pixels(splits: Splits) -> list[bytes]:
    return [image.numpy().tobytes() for split in splits for image in split.x]


def test_it_is_a_data_set(root: Path) -> None:
    assert isinstance(ImageFolder(root=root), Dataset)


def test_a_folder_is_divided_eight_to_one_to_one(root: Path) -> None:
    splits = load(root)
    assert [len(split.x) for split in splits] == [48, 6, 6]
    for split in splits:
        assert split.x.dtype == torch.uint8
        assert split.x.shape[1:] == (3, 8, 8)
        assert split.y is not None
        assert split.y.dtype == torch.int64
        assert torch.bincount(split.y).tolist() == [len(split.y) // 2] * 2
    assert len(set(pixels(splits))) == N


def test_labels_are_the_class_folders_by_name(root: Path) -> None:
    for split in load(root, channels="grey"):
        assert split.y is not None
        assert torch.equal((split.x.float().mean((1, 2, 3)) > 128).long(), split.y)


def test_every_image_is_what_its_file_decodes_to(root: Path) -> None:
    expected = set()
    for path in root.rglob("*.*"):
        with Image.open(path) as image:
            left, top = (image.width - image.height) // 2, 0
            box = (left, top, left + image.height, image.height)
            small = image.resize((8, 8), Image.Resampling.BICUBIC, box)
        expected.add(np.asarray(small).transpose(2, 0, 1).tobytes())
    assert set(pixels(load(root))) == expected


def test_neither_names_nor_places_nor_dates_change_anything(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for i, path in enumerate(sorted(root.rglob("*.*"))):
        copy = other / path.parent.name / "deeper" / f"{(7 * i) % N}{path.suffix}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        os.utime(copy, (i, i))
    assert data.fingerprint(load(root)) == data.fingerprint(load(other))


def test_images_are_in_the_order_of_their_files_hashes(root: Path) -> None:
    by_hash = sorted(root.rglob("*.*"), key=lambda p: hashlib.sha256(p.read_bytes()).digest())
    label = {"dark": 0, "light": 1}
    assert [label[path.parent.name] for path in by_hash] == [
        y for y, _ in sorted(zip_labels(load(root), by_hash), key=lambda pair: pair[1])
    ]


def zip_labels(splits: Splits, by_hash: list[Path]) -> list[tuple[int, int]]:
    """Labels with the places of their files, which each split has in increasing order."""
    place = {}
    for i, path in enumerate(by_hash):
        with Image.open(path) as image:
            left = (image.width - image.height) // 2
            box = (left, 0, left + image.height, image.height)
            small = image.resize((8, 8), Image.Resampling.BICUBIC, box)
        place[np.asarray(small).transpose(2, 0, 1).tobytes()] = i
    found = []
    for split in splits:
        assert split.y is not None
        places = [place[image.numpy().tobytes()] for image in split.x]
        assert places == sorted(places)
        found += zip(split.y.tolist(), places, strict=True)
    return found


def test_copies_of_a_file_go_to_the_same_split(root: Path) -> None:
    for path in sorted(root.rglob("*.*")):
        (path.parent / f"copy of {path.name}").write_bytes(path.read_bytes())
    splits = load(root)
    contents = [{image.numpy().tobytes() for image in split.x} for split in splits]
    assert len(set.union(*contents)) == sum(map(len, contents)) == N
    assert [len(split.x) for split in splits] == [96, 12, 12]


def test_folders_of_splits_are_the_splits(tmp_path: Path) -> None:
    for split, numbers in (("train", range(9)), ("val", range(9, 13)), ("test", range(13, 18))):
        made(tmp_path / split, numbers, 0)
    splits = load(tmp_path)
    assert [len(split.x) for split in splits] == [9, 4, 5]
    assert [split.y for split in splits] == [None] * 3
    assert ImageFolder(root=tmp_path).classes == 0


def test_labels_may_be_left_alone(root: Path) -> None:
    splits = load(root, labels=False)
    assert splits.train.y is None
    assert data.load("image-folder", ImageFolder(root=root, labels=False), torch.device("cpu"))


def test_images_of_one_size_may_be_taken_as_they_are(tmp_path: Path) -> None:
    for i in range(10):
        array = np.random.default_rng(i).integers(0, 256, (5, 7, 3), np.uint8)
        Image.fromarray(array).save(tmp_path / f"{i}.png")
    assert load(tmp_path, size=None).train.x.shape == (8, 3, 5, 7)
    Image.new("RGB", (9, 9)).save(tmp_path / "odd.png")
    with pytest.raises(GenbenchError, match=r"it is 3x.*others are 3x.*size=N makes them equal"):
        load(tmp_path, size=None)


def test_the_second_time_nothing_is_decoded(root: Path, decoding: list[int]) -> None:
    first = load(root)
    assert data.fingerprint(load(root)) == data.fingerprint(first)
    assert decoding == [N]


@pytest.mark.parametrize("settings", [{"size": 9}, {"crop": "none"}, {"channels": "grey"}])
def test_other_options_are_other_pixels(
    root: Path, decoding: list[int], settings: dict[str, Any]
) -> None:
    load(root)
    load(root, **settings)
    load(root)
    assert decoding == [N, N]


def test_the_same_images_under_other_names_are_not_decoded_again(
    root: Path, decoding: list[int]
) -> None:
    load(root)
    root.rename(root.with_name("moved"))
    load(root.with_name("moved"))
    assert decoding == [N]


def test_a_file_that_changed_under_the_same_size_and_date_is_noticed(
    root: Path, decoding: list[int]
) -> None:
    before = load(root)
    path = root / "dark" / "000.png"
    with Image.open(path) as image:
        array = np.asarray(image).copy()
    status = path.stat()
    array[:] = 255 - array
    Image.fromarray(array).save(path)
    content = path.read_bytes()
    path.write_bytes(content + bytes(max(0, status.st_size - len(content))))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = load(root)
    assert decoding == [N, N]
    assert len(set(pixels(before)) - set(pixels(after))) == 1


def entry(cache: Path) -> Path:
    (found,) = (p for p in (cache / "image-folder" / "decoded").iterdir() if p.is_dir())
    return found


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("images.u8", lambda b: b[:-1]),
        ("images.u8", lambda b: b[:5000] + bytes([b[5000] ^ 1]) + b[5001:]),
        ("entry.json", lambda b: b[:20]),
        ("entry.json", lambda b: b"{}"),
        ("entry.json", lambda b: b"[1]"),
    ],
)
def test_a_damaged_cache_is_made_again(
    root: Path,
    cache: Path,
    decoding: list[int],
    name: str,
    damage: Callable[[bytes], bytes],
) -> None:
    expected = data.fingerprint(load(root))
    path = entry(cache) / name
    path.write_bytes(damage(path.read_bytes()))
    assert data.fingerprint(load(root)) == expected
    assert decoding == [N, N]


def test_what_a_killed_process_left_is_cleared_away(root: Path, cache: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from genbench_datasets import image_cache\n"
        "from genbench_datasets.image_folder import ImageFolder\n"
        "image_cache.files.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "ImageFolder(root=pathlib.Path(sys.argv[1]), size=8).load()"
    )
    killed = subprocess.run([sys.executable, "-c", program, root], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = (cache / "image-folder" / "decoded").glob(".*")
    assert (left / "images.u8").stat().st_size == N * 3 * 8 * 8
    assert len(load(root).train.x) == 48
    assert not left.exists()
    assert entry(cache).name in left.name


def test_two_processes_at_once_decode_once(root: Path, cache: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from genbench import data\n"
        "from genbench_datasets import image_cache\n"
        "from genbench_datasets.image_folder import ImageFolder\n"
        "really = image_cache._decode_all\n"
        "def counted(*arguments):\n"
        "    print('decoded', flush=True)\n"
        "    really(*arguments)\n"
        "image_cache._decode_all = counted\n"
        "splits = ImageFolder(root=pathlib.Path(sys.argv[1]), size=8).load()\n"
        "print(data.fingerprint(splits))"
    )
    begun = [
        subprocess.Popen([sys.executable, "-c", program, root], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate()[0].split() for process in begun]
    assert [process.returncode for process in begun] == [0, 0]
    assert sorted(map(len, told)) == [1, 2]
    assert len({words[-1] for words in told}) == 1


@pytest.fixture
def clearing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have a step of the making followed by the end of the whole cache, the first times."""

    def arranged(owner: Any, name: str, times: int = 1, *, before: bool = False) -> None:
        really, left = getattr(owner, name), [times]

        def cleared(*arguments: Any, **keywords: Any) -> Any:
            clear = left[0] > 0
            left[0] -= 1
            if clear and before:
                shutil.rmtree(cache)
            found = really(*arguments, **keywords)
            if clear and not before:
                shutil.rmtree(cache)
            return found

        monkeypatch.setattr(owner, name, cleared)

    return arranged


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (image_cache, "FileLock"),
        (image_cache, "_allocate"),
        (image_cache, "_decode_all"),
        (image_cache.files, "write_json"),
        (image_cache.os, "rename"),
    ],
)
def test_a_cache_that_is_cleared_while_it_is_made_is_made_again(
    root: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    clearing: Callable[..., None],
    owner: Any,
    name: str,
    before: bool,
) -> None:
    monkeypatch.setenv("GENBENCH_CACHE", str(cache) + "2")
    expected = data.fingerprint(load(root))
    monkeypatch.setenv("GENBENCH_CACHE", str(cache))
    clearing(owner, name, before=before)
    assert data.fingerprint(load(root)) == expected
    assert (entry(cache) / "images.u8").exists()


def test_a_cache_that_is_cleared_before_it_is_opened_is_made_again(
    root: Path, decoding: list[int], clearing: Callable[..., None]
) -> None:
    clearing(image_cache, "_build")
    assert len(load(root).train.x) == 48
    assert decoding == [N, N]
    clearing(torch, "from_file", before=True)
    assert len(load(root).train.x) == 48
    assert decoding == [N, N, N]


def test_a_cache_that_is_cleared_again_and_again_is_told(
    root: Path, decoding: list[int], clearing: Callable[..., None]
) -> None:
    clearing(image_cache, "_allocate", times=2)
    with pytest.raises(
        GenbenchError, match=r"/decoded was deleted 2 times while images.*GENBENCH_CACHE"
    ):
        load(root)
    assert decoding == [N, N]


def test_after_the_cache_was_cleared_another_process_that_decodes_is_waited_for(
    root: Path, cache: Path, decoding: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import pathlib, sys\n"
        "from genbench_datasets import image_cache\n"
        "from genbench_datasets.image_folder import ImageFolder\n"
        "really = image_cache._decode_all\n"
        "def told(*arguments):\n"
        "    print('decoding', flush=True)\n"
        "    really(*arguments)\n"
        "image_cache._decode_all = told\n"
        "ImageFolder(root=pathlib.Path(sys.argv[1]), size=8).load()"
    )
    others: list[subprocess.Popen[str]] = []
    really = image_cache._decode_all

    def overtaken(*arguments: Any) -> None:
        shutil.rmtree(cache)
        command = [sys.executable, "-c", program, str(root)]
        others.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert others[0].stdout is not None
        assert others[0].stdout.readline() == "decoding\n"
        really(*arguments)

    monkeypatch.setattr(image_cache, "_decode_all", overtaken)
    assert len(load(root).train.x) == 48
    with others[0] as other:
        assert other.wait() == 0
    assert decoding == [N]  # not once more


def test_writing_to_the_images_changes_no_file_and_warns_of_nothing(
    root: Path, decoding: list[int]
) -> None:
    expected = data.fingerprint(load(root))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spoilt = load(root)
        spoilt.train.x.zero_()
        spoilt.train.x.numpy()
    assert data.fingerprint(load(root)) == expected
    assert decoding == [N]


def test_several_processes_give_what_one_gives(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = data.fingerprint(load(root))
    monkeypatch.setattr(image_cache, "PER_WORKER", 10)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(5))
    monkeypatch.setenv("GENBENCH_CACHE", str(cache) + "2")
    assert data.fingerprint(load(root)) == expected


def spoil(root: Path) -> dict[str, str]:
    """Bad files of each kind: their names, and what is wrong with them."""
    (root / "dark" / "000.png").write_bytes((root / "dark" / "000.png").read_bytes()[:500])
    jpeg = root / "dark" / "001.jpg"
    jpeg.write_bytes(jpeg.read_bytes()[:-200])
    (root / "dark" / "text.png").write_text("hello")
    (root / "light" / "057.png").rename(root / "light" / "wrong.jpg")
    return {
        "000.png": "",
        "001.jpg": "truncated",
        "text.png": "it is no image",
        "wrong.jpg": "it is PNG: rename",
    }


def test_bad_files_are_all_named_and_nothing_is_kept(root: Path, cache: Path) -> None:
    bad = spoil(root)
    with pytest.raises(GenbenchError) as caught:
        load(root)
    message = str(caught.value)
    assert "4 of 61 images cannot be used" in message
    for name, why in bad.items():
        assert f"{name}: " in message
        assert why in message
    assert "none is left out by itself" in message
    assert not [p for p in (cache / "image-folder" / "decoded").iterdir() if p.is_dir()]


def test_of_many_bad_files_some_are_named_and_all_are_counted(root: Path) -> None:
    for path in (root / "dark").iterdir():
        path.write_text(path.name)
    with pytest.raises(GenbenchError, match=r"30 of 60 images.*; and 25 more\. Mend them"):
        load(root)


def test_the_first_of_images_taken_as_they_are_is_named_if_it_is_bad(tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / f"{i}.png").write_text(str(i))
    with pytest.raises(GenbenchError, match=r"1 of 5 images cannot be used\. .*\.png: it is no"):
        load(tmp_path, size=None)


def test_a_process_that_is_killed_while_it_decodes_is_told(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = cache.parent / "python"
    wrapper.write_text("#!/bin/sh\nkill -9 $$\n")
    wrapper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wrapper))
    with pytest.raises(GenbenchError, match=r"ended by SIGKILL\. The system may have run out"):
        load(root)
    wrapper.write_text("#!/bin/sh\necho 'ModuleNotFoundError: PIL' >&2\nexit 3\n")
    with pytest.raises(GenbenchError, match=r"exit code 3: ModuleNotFoundError: PIL"):
        load(root)


def test_a_disk_without_room_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, limits[1]))
        with pytest.raises(GenbenchError, match=r"cannot be kept in .*GENBENCH_CACHE"):
            load(root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)


def test_too_few_images_are_told(tmp_path: Path) -> None:
    for i in range(4):
        Image.new("RGB", (8, 8), (i // 2, 0, 0)).save(tmp_path / f"{i}.png")
    with pytest.raises(GenbenchError, match=r"holds 2 different images; three splits need"):
        load(tmp_path)


def test_a_class_that_no_training_image_is_of_is_told(tmp_path: Path) -> None:
    made(tmp_path / "dark", range(9), 0)
    made(tmp_path / "light", range(9, 10), 128)  # the last along the classes, which is drawn first
    with pytest.raises(
        GenbenchError, match=r"class 'light' is in the training split: .* only 1 of"
    ):
        load(tmp_path)


def test_the_folder_has_to_be_given() -> None:
    with pytest.raises(UsageError, match=r"needs its option 'root' \(Path\)"):
        options.resolve("data set 'image-folder'", ImageFolder, {})


def test_options_are_read_from_text(root: Path) -> None:
    settings = {"root": str(root), "size": "null", "crop": "none", "labels": "false"}
    resolved = options.resolve("data set", ImageFolder, settings)
    made = options.construct(ImageFolder, options=resolved)
    assert made.root == root
    assert made.form.size is None
    assert not made.labels


def test_nothing_is_wrong_with_it(root: Path) -> None:
    results = genbench.testing.check("image-folder", options={"root": str(root), "size": "12"})
    assert [str(finding) for result in results for finding in result.findings] == []


def test_the_source_names_content_classes_and_splits_and_nothing_else(
    root: Path, tmp_path: Path
) -> None:
    source = ImageFolder(root=root).source()
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    (copy / "dark" / "000.png").rename(copy / "dark" / "zero.png")
    assert ImageFolder(root=copy).source() == source
    (copy / "dark" / "003.png").rename(copy / "light" / "003.png")
    assert ImageFolder(root=copy).source() != source


def test_another_image_in_the_folder_is_another_run(root: Path) -> None:
    def run_id() -> str:
        requests = plan.requests(
            models=["pca"],
            datasets=["image-folder"],
            protocol=protocol.load("smoke"),
            seeds=[0],
            settings={"image-folder": {"root": str(root)}},
        )
        return plan.resolve(requests[0]).run_id

    before = run_id()
    assert run_id() == before
    made(root / "dark" / "more", range(100, 101), 0)
    assert run_id() != before


def test_a_folder_that_is_not_there_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'image-folder' .* cannot be read: .*nowhere"):
        genbench.run(
            "pca",
            dataset="image-folder",
            protocol="smoke",
            options={"image-folder": {"root": str(tmp_path / "nowhere")}},
            results=tmp_path / "results",
        )
    assert not list((tmp_path / "results").glob("**/*.parquet"))
