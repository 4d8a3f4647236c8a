from __future__ import annotations

import json
from pathlib import Path

import pytest

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embeddings_folder.trash import Trash


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "embeddings"
    (home / "below").mkdir(parents=True)
    for name in ("cat.pt", "cat.preview.png", "cat.json"):
        (home / "below" / name).write_text(name)
    return home


def thrown(home: Path) -> tuple[Trash, str]:
    trash = Trash(home)
    files = [home / "below" / name for name in ("cat.pt", "cat.preview.png", "cat.json")]
    return trash, trash.put(files, name="cat").id


def test_away_and_back(home: Path) -> None:
    trash, item = thrown(home)
    assert list((home / "below").iterdir()) == []
    assert not trash.folder.is_relative_to(home)
    (seen,) = trash.items()
    assert (seen.id, seen.name, seen.place, seen.files[0]) == (item, "cat", "below", "cat.pt")
    (home / "below").rmdir()
    assert trash.restore(item)[0] == home / "below" / "cat.pt"
    assert (home / "below" / "cat.preview.png").read_text() == "cat.preview.png"
    assert not trash.folder.exists()


def test_two_of_one_name_and_second(home: Path) -> None:
    trash, first = thrown(home)
    (home / "below" / "cat.pt").write_text("new")
    second = trash.put([home / "below" / "cat.pt"], name="cat").id
    assert len({first, second}) == 2
    trash.restore(second)
    with pytest.raises(InputError, match=r"there is a file cat\.pt again"):
        trash.restore(first)
    assert (home / "below" / "cat.pt").read_text() == "new"
    assert [item.id for item in trash.items()] == [first]


def test_what_fails_in_the_middle_is_taken_back(home: Path) -> None:
    trash = Trash(home)
    with pytest.raises(OSError, match=r"gone\.json"):
        trash.put([home / "below" / "cat.pt", home / "below" / "gone.json"], name="cat")
    assert (home / "below" / "cat.pt").is_file()
    assert trash.items() == []


def test_only_when_asked_it_is_gone_for_good(home: Path) -> None:
    trash, item = thrown(home)
    trash.purge(item)
    assert trash.items() == []
    for wrong in (item, "..", "../embeddings", ""):
        with pytest.raises(InputError, match="no longer in the trash"):
            trash.restore(wrong)
        with pytest.raises(InputError, match="no longer in the trash"):
            trash.purge(wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"place": "../elsewhere"},
        {"place": "/etc"},
        {"files": ["../cat.pt"]},
        {"files": []},
        {"files": ["a\\b"]},
        {"deleted": "never"},
    ],
)
def test_a_note_that_leads_elsewhere_is_none(home: Path, change: dict) -> None:
    trash, item = thrown(home)
    note = trash.folder / item / "trash.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), **change}))
    assert trash.items() == []
