from __future__ import annotations

from pathlib import Path

import pytest

from genbench.errors import GenbenchError
from genbench_datasets import image_tree


def made(root: Path, *names: str) -> Path:
    """Empty files: nothing but names is looked at here."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root: Path, labels: bool = True) -> list[tuple[str, str | None, str | None]]:
    tree = image_tree.read(root, labels)
    return [(str(f.path.relative_to(root)), f.split, f.class_name) for f in tree.files]


def test_images_of_a_flat_folder_have_no_labels(tmp_path: Path) -> None:
    made(tmp_path, "b.png", "a.JPG", "c.jpeg", "d.webp")
    assert found(tmp_path) == [
        (name, None, None) for name in ("a.JPG", "b.png", "c.jpeg", "d.webp")
    ]
    assert image_tree.read(tmp_path, True).classes == ()


def test_folders_are_classes_and_images_may_lie_deep_in_them(tmp_path: Path) -> None:
    made(tmp_path, "dog/1.png", "cat/2.png", "cat/more/still/3.png")
    assert found(tmp_path) == [
        ("cat/2.png", None, "cat"),
        ("cat/more/still/3.png", None, "cat"),
        ("dog/1.png", None, "dog"),
    ]
    assert image_tree.read(tmp_path, True).classes == ("cat", "dog")


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_three_folders_of_known_names_are_the_splits(tmp_path: Path, validation: str) -> None:
    made(tmp_path, "train/1.png", f"{validation}/2.png", "test/3.png")
    assert sorted(found(tmp_path)) == [
        ("test/3.png", "test", None),
        ("train/1.png", "train", None),
        (f"{validation}/2.png", "validation", None),
    ]


def test_splits_may_have_classes(tmp_path: Path) -> None:
    made(tmp_path, "train/b/1.png", "train/a/2.png", "val/a/3.png", "test/b/4.png")
    assert image_tree.read(tmp_path, True).classes == ("a", "b")
    assert ("test/b/4.png", "test", "b") in found(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    made(tmp_path, "train/1.png", "bus/2.png", "car/3.png")
    assert image_tree.read(tmp_path, True).classes == ("bus", "car", "train")


def test_without_labels_folders_mean_nothing(tmp_path: Path) -> None:
    made(tmp_path, "00000/1.png", "00001/2.png", "3.png")
    assert {class_name for _, _, class_name in found(tmp_path, labels=False)} == {None}
    assert len(found(tmp_path, labels=False)) == 3


def test_hidden_files_and_the_litter_of_file_managers_are_passed_over(tmp_path: Path) -> None:
    made(tmp_path, "1.png", ".DS_Store", ".thumbnails/x.png", "Thumbs.db", "desktop.ini")
    assert [name for name, _, _ in found(tmp_path)] == ["1.png"]


def test_links_count_as_what_they_lead_to(tmp_path: Path) -> None:
    made(tmp_path, "elsewhere/dog/1.png", "root/cat/2.png")
    (tmp_path / "root" / "dog").symlink_to(tmp_path / "elsewhere" / "dog")
    assert [name for name, _, _ in found(tmp_path / "root")] == ["cat/2.png", "dog/1.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), r"holds no image: .* \.png, \.jpg, \.jpeg, \.webp"),
        (("a.png", "cat/b.png"), r"holds images \(a\.png\) and folders \(cat\).*labels=false"),
        (("train/a.png", "train/x/b.png", "val/c.png", "test/d.png"), r"train holds images"),
        (("a.png", "notes.txt"), r"notes\.txt does not end in \.png.*move it elsewhere"),
        (("cat/a.png", "cat/b.gif"), r"b\.gif does not end in"),
        (("train/a.png", "test/b.png"), r"holds the folders test, train\. Splits are three"),
        (("train/a.png",), r"holds the folders train\. Splits are three"),
        (("train/a.png", "val/b.png", "test/c.png", "x/d.png"), r"test, train, val, x\. Splits"),
        (("train/a.png", "val/b.png", "validation/c.png", "test/d.png"), r"Splits are three"),
        (("a.png", "train/b.png", "val/c.png", "test/d.png"), r"a\.png lies beside the folders"),
        (("train/x/a.png", "val/x/b.png", "test/c.png"), r"c\.png is in no folder, unlike"),
        (("train/x/a.png", "val/y/b.png", "test/x/c.png"), r"b\.png is of the class 'y', unlike"),
        (("train/a.png", "val/x/b.png", "test/c.png"), r"b\.png is of the class 'x', unlike"),
    ],
)
def test_an_arrangement_that_could_lose_images_is_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(GenbenchError, match=message) as caught:
        image_tree.read(made(tmp_path, *names), True)
    assert str(tmp_path) in str(caught.value)


def test_a_class_folder_without_an_image_is_named(tmp_path: Path) -> None:
    made(tmp_path, "cat/a.png")
    (tmp_path / "dog" / "more").mkdir(parents=True)
    with pytest.raises(GenbenchError, match=r"dog holds no image, but a folder there is a class"):
        image_tree.read(tmp_path, True)


def test_an_empty_split_is_named(tmp_path: Path) -> None:
    made(tmp_path, "train/a.png", "test/b.png")
    (tmp_path / "val").mkdir()
    with pytest.raises(GenbenchError, match=r"val holds no image"):
        image_tree.read(tmp_path, True)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GenbenchError, match=r"There is no folder .*nowhere, which --set image-f"):
        image_tree.read(tmp_path / "nowhere", True)


def test_a_link_to_a_folder_above_is_no_endless_folder(tmp_path: Path) -> None:
    made(tmp_path, "cat/a.png")
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")
    with pytest.raises(GenbenchError, match=r"again is a link to a folder that it is in"):
        image_tree.read(tmp_path, True)
