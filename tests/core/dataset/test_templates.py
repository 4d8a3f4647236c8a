from collections import Counter

import pytest

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.base.randomness import generator
from textual_inversion.core.dataset.templates import (
    find_template,
    list_templates,
    load_template,
    render,
    shipped_templates_dir,
)


@pytest.fixture
def folders(tmp_path):
    user, shipped = tmp_path / "user", tmp_path / "shipped"
    (user / "mine").mkdir(parents=True)
    shipped.mkdir()
    (user / "style.txt").write_text("user [name]")
    (user / "mine" / "deep.TXT").write_text("deep [name]")
    (user / "notes.md").write_text("no template")
    (shipped / "style.txt").write_text("shipped [name]")
    (shipped / "subject.txt").write_text("a [name]")
    return [user, shipped, tmp_path / "absent"]


def test_files_of_one_name_are_told_apart(folders):
    shipped = folders[1]
    assert [file.label for file in list_templates(folders)] == [
        "mine/deep.TXT", "style.txt", f"style.txt ({shipped})", "subject.txt",
    ]  # fmt: skip


def test_the_first_folder_wins_and_labels_reach_the_rest(folders):
    user, shipped, _ = folders
    for choice in ("style", "style.txt", "Style.TXT", " style.txt "):
        assert find_template(choice, folders) == user / "style.txt"
    assert find_template(f"style.txt ({shipped})", folders) == shipped / "style.txt"
    assert find_template("deep", folders) == user / "mine" / "deep.TXT"
    assert find_template("mine\\deep.txt", folders) == user / "mine" / "deep.TXT"


def test_any_path_will_do(folders, tmp_path):
    other = tmp_path / "other.prompts"
    other.write_text("a [name]")
    assert find_template(str(other), folders) == other
    assert find_template(f'"{other}"', folders) == other


def test_an_unknown_template_names_the_known_ones(folders):
    with pytest.raises(InputError, match=r"no prompt template 'nope'.*mine/deep.TXT, style.txt,") as caught:
        find_template("nope", folders)
    assert caught.value.field == "template"
    with pytest.raises(InputError, match="one of: none"):
        find_template("", [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_are_stripped_and_empty_ones_dropped(tmp_path, encoding):
    path = tmp_path / "t.txt"
    path.write_bytes("  a [name]  \r\n\r\n \t\r\n# über [name]\n".encode(encoding))
    template = load_template(str(path), [], name="cat")
    assert template.lines == ("a [name]", "# über [name]")
    assert template.warnings == ()


@pytest.mark.parametrize("content", ["", "\n  \n\t"])
def test_a_file_without_prompts_is_an_error(tmp_path, content):
    path = tmp_path / "t.txt"
    path.write_text(content, encoding="utf-8-sig")
    with pytest.raises(InputError, match=r"t\.txt holds no prompt"):
        load_template(str(path), [], name="cat")


def test_prompts_that_cannot_hold_the_embedding(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("picture\na dog")
    with pytest.raises(InputError, match=r"No prompt of the template t\.txt holds \[name\]"):
        load_template(str(path), [], name="cat")
    path.write_text("a photo of my-cat\n[filewords]\na mat\na [name]")
    (warning,) = load_template(str(path), [], name="my-cat").warnings  # the caption may hold the name
    assert warning.startswith("1 of 4 prompts in t.txt lack [name], for example 'a mat'.")


@pytest.mark.parametrize(
    ("content", "words"), [(b"PK\0\3 [name]", "is not a text file"), (b"[name]\n" * 200_000, "larger than 1 MiB")]
)
def test_other_files_are_refused(tmp_path, content, words):
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_template(str(path), [], name="cat")


def test_a_caption_may_hold_the_name():
    assert render("a photo of [filewords]", name="cat", filewords="my [name], red") == "a photo of my cat, red"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a photo of [name], [filewords]", "a photo of cat"),
        ("[filewords], art by [name]", "art by cat"),
        ("a painting of [filewords], art by [name]", "a painting of, art by cat"),
        ("a [name] , really", "a cat , really"),
        ("a [name], [filewords], red", "a cat, red"),
        ("a [name],[filewords],red", "a cat,red"),
    ],
)
def test_without_a_caption_its_comma_goes_too(line, expected):
    assert render(line, name="cat", filewords="") == expected


def test_every_line_is_drawn(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("a [name]\nb [name]\nc [name]")
    template = load_template(str(path), [], name="x")
    counts = Counter(template.draw(generator(1, "template", step)) for step in range(300))
    assert set(counts) == set(template.lines)
    assert min(counts.values()) > 70


@pytest.mark.parametrize(
    ("name", "count"),
    [("subject", 27), ("subject_filewords", 27), ("style", 19), ("style_filewords", 19), ("none", 1)],
)
def test_shipped_templates(name, count):
    template = load_template(name, [shipped_templates_dir()], name="cat")
    assert (len(template.lines), len(set(template.lines)), template.warnings) == (count, count, ())
    assert all(line.count("[name]") == 1 for line in template.lines)
    assert all(("[filewords]" in line) == name.endswith("_filewords") for line in template.lines)


def test_nothing_else_is_shipped():
    assert len(list_templates([shipped_templates_dir()])) == 5
