"""Paths and names behind a web UI that others can reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_training import FakeHost
from starlette.requests import Request

from textual_inversion.core.base.errors import UserError
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.web.hosted_access import GuardedAccess


def request(host: str = "127.0.0.1:7860") -> Request:
    return Request({"type": "http", "headers": [(b"host", host.encode())]})


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder that is allowed (and worked in, as web UIs do) and one that is not, with a link from the first to the second."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    monkeypatch.chdir(inside)
    return inside, outside


@pytest.fixture
def access(places: tuple[Path, Path]) -> GuardedAccess:
    return GuardedAccess(admits=lambda _: True, names=["sd.example"], roots=[places[0]])


@pytest.mark.parametrize(
    "written", ["{outside}", "{inside}/../outside", "{inside}/link", '"{outside}"', ' "{outside}" ', "{inside}/link/x"]
)
@pytest.mark.parametrize("field", ["data", "template", "log_dir"])
def test_no_way_of_writing_a_path_leads_outside(
    access: GuardedAccess, places: tuple[Path, Path], written: str, field: str
) -> None:
    inside, outside = places
    path = written.format(inside=inside, outside=outside)
    good = {"data": [str(inside)], "template": str(inside / "t.txt"), "log_dir": str(inside)}
    with pytest.raises(UserError, match="paths have to lie inside") as caught:
        access.check_config(
            TrainConfig.from_mapping({**good, field: [path] if field == "data" else path}), FakeHost(inside)
        )
    assert caught.value.field == field


@pytest.mark.parametrize("written", ["{inside}/link*3", '"{outside}"*3', '"{outside}*3"'])
def test_repeats_do_not_hide_where_a_folder_is(access: GuardedAccess, places: tuple[Path, Path], written: str) -> None:
    inside, outside = places
    config = TrainConfig(data=(written.format(inside=inside, outside=outside),), log_dir=str(inside))
    with pytest.raises(UserError, match="paths have to lie inside"):
        access.check_config(config, FakeHost(inside))


def test_paths_inside_pass(access: GuardedAccess, places: tuple[Path, Path]) -> None:
    inside, _ = places
    access.check_config(TrainConfig(data=("pictures*3", f'"{inside}/more"'), log_dir="logs"), FakeHost(inside))


def test_names_and_login(places: tuple[Path, Path]) -> None:
    closed = GuardedAccess(admits=lambda _: False, names=None, roots=None)
    with pytest.raises(UserError, match="wants a login"):
        closed.authorize(request())
    closed.check_origin(request("any.example"))
    named = GuardedAccess(admits=lambda _: True, names=["sd.example"], roots=None)
    named.authorize(request())
    named.check_origin(request("sd.example"))
    with pytest.raises(UserError, match="does not answer under the name 'any.example'.*--cors-allow-origins"):
        named.check_origin(request("any.example"))


@pytest.mark.parametrize(
    "given",
    [
        {"template": "subject.txt"},
        {"template": "style_filewords"},
        {"apt": True, "negative_template": "SUBJECT.TXT"},
        {"vae": "kl.vae.pt"},
        {"vae": "None"},
    ],
)
def test_what_the_host_knows_by_name_is_no_path(
    access: GuardedAccess, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, given: dict[str, object]
) -> None:
    """A web UI may be started in another folder than its own; names are not looked for there."""
    inside, outside = places
    host = FakeHost(inside)
    monkeypatch.chdir(outside)
    access.check_config(
        TrainConfig(data=(str(inside),), log_dir=str(inside), template="subject.txt").replace(**given), host
    )
    for name in given.keys() - {"apt"}:
        with pytest.raises(UserError, match="paths have to lie inside"):
            access.check_config(
                TrainConfig(data=(str(inside),), log_dir=str(inside), template="subject.txt").replace(
                    **{name: "other.txt"}
                ),
                host,
            )


def test_a_path_that_begins_in_the_templates_and_leaves_them_is_a_path(
    access: GuardedAccess, places: tuple[Path, Path]
) -> None:
    inside, outside = places
    (outside / "x.txt").write_text("[name]")
    config = TrainConfig(data=(str(inside),), log_dir=str(inside), template=f"{inside}/templates/../../outside/x.txt")
    with pytest.raises(UserError, match="paths have to lie inside"):
        access.check_config(config, FakeHost(inside))
