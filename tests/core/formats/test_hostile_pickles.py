"""Pickles that want something executed, and containers that want memory: nothing runs, and each gets a sentence."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from format_samples import sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textual_inversion.core.base.errors import FileFormatError, UserError
from textual_inversion.core.formats import read_embedding, write_embedding

_MAGIC = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))


class _Calls:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


def _zipped(program: bytes, **files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("archive/data.pkl", program)
        for name, content in files.items():
            archive.writestr(f"archive/data/{name.removeprefix('_')}", content)
    return data.getvalue()


def _storage(values: bytes = b"M\x00\x03", kind: bytes = b"FloatStorage") -> bytes:
    """The persistent id of storage '0', ``values`` long (an operation that pushes a number)."""
    return b"(X\x07\x00\x00\x00storagectorch\n" + kind + b"\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + values + b"tQ"


def _tensor(storage: bytes, offset: bytes, shape: bytes, strides: bytes) -> bytes:
    return (
        b"\x80\x02}X\x03\x00\x00\x00<a>ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + offset
        + shape
        + strides
        + b"\x89ccollections\nOrderedDict\n)RtRs."
    )


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "executed"


def _refused(path: Path, data: bytes, words: str) -> None:
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=words) as caught:
        read_embedding(path)
    assert str(path) in caught.value.message


def _programs(marker: Path) -> dict[str, bytes]:
    """Ways to have a command run while unpickling."""
    command = f"touch {marker}".encode()
    text = struct.pack("<I", len(command)) + command
    return {
        "reduce": pickle.dumps(_Calls(os.system, command.decode()), 2),
        "stack global": pickle.dumps({"<a>": _Calls(os.system, command.decode())}, 4),
        "eval": pickle.dumps(_Calls(eval, f"open({str(marker)!r}, 'w')"), 2),
        "getattr": pickle.dumps(_Calls(getattr, "text", "format"), 2),
        "inst": b"(S'" + command + b"'\nios\nsystem\n.",
        "obj": b"\x80\x02(cos\nsystem\nX" + text + b"o.",
        "newobj": b"\x80\x02cos\nsystem\nX" + text + b"\x85\x81.",
        "newobj_ex": b"\x80\x04cos\nsystem\nX" + text + b"\x85}\x92.",
        "build": b"\x80\x02}cos\nsystem\nX" + text + b"\x85Rb.",
        "nested name": pickle.dumps(None, 4)[:2] + b"\x8c\x05torch\x8c\x09os.system\x93X" + text + b"\x85R.",
        "torch function": b"\x80\x02ctorch\nload\nX" + text + b"\x85R.",
        "torch.hub": b"\x80\x02ctorch.hub\nload\nX" + text + b"\x85R.",
        "load from bytes": b"\x80\x02ctorch.storage\n_load_from_bytes\nX" + text + b"\x85R.",
        "persistent id": b"\x80\x02cos\nsystem\nX" + text + b"\x85Q.",
        "persistent text": b"Pos.system\n.",
        "extension": b"\x80\x02\x82\x01.",
        "call as an argument": b"\x80\x02ctorch._utils\n_rebuild_parameter\n(cos\nsystem\nX" + text + b"\x85RtR.",
    }


@pytest.mark.parametrize("kind", sorted(_programs(Path("x"))))
@pytest.mark.parametrize("container", ["zip", "legacy", "bare"])
def test_nothing_is_executed(tmp_path: Path, marker: Path, kind: str, container: str) -> None:
    program = _programs(marker)[kind]
    wrap = {"zip": _zipped, "legacy": lambda data: _MAGIC + data + pickle.dumps([], 2), "bare": lambda data: data}
    _refused(tmp_path / "evil.pt", wrap[container](program), ".")
    assert not marker.exists()


def test_the_programs_above_are_dangerous(marker: Path) -> None:
    """Python's own unpickler does what they ask: the test before this one can fail."""
    pickle.loads(_programs(marker)["reduce"])
    assert marker.exists()


def test_a_call_is_named_and_said_not_to_have_run(tmp_path: Path, marker: Path) -> None:
    _refused(
        tmp_path / "e.pt", _zipped(_programs(marker)["reduce"]), r"'posix\.system'.*Nothing was executed|'nt\.system'"
    )


def _nested_key() -> bytes:
    """A dictionary key whose hash takes 2^60 steps: a tuple of two of a tuple of two of …"""
    return b"\x80\x02})" + b"2\x86" * 60 + b"Ns."


def _doubling_key() -> bytes:
    """The same with memo slots, which need no DUP."""
    return b"\x80\x02})q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"Ns."


def _copies(repeated: bytes) -> bytes:
    """A list of 10,000 entries, and thousands of copies of it."""
    return b"\x80\x02](" + b"N" * 10_000 + b"eq\x000(" + repeated * 10_000 + b"t."


@pytest.mark.parametrize(
    "program",
    [
        _nested_key(),
        _doubling_key(),
        b"\x80\x02)" + b"\x85" * 40_000 + b"}q\x000h\x00Ns.",  # deep
        b"\x80\x02)" + b"\x85" * 40_000 + b".",
        b"\x80\x02Nr\xff\xff\xff\xff.",  # memo slot 4294967295
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a text of 9 exabytes
        b"\x80\x02X\xff\xff\xff\xff.",  # a text of 4 GB
        b"\x80\x02\x8b\xff\xff\xff\x7f.",  # a number of 2 GB
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a byte array
        b"\x80\x02" + b"N" * 60_000 + b".",
        _copies(b"c__builtin__\nset\nh\x00\x85R"),
        _copies(b"ccollections\nOrderedDict\nh\x00\x85R"),
        b"\x80\x02u.",
        b"\x80\x02N.",
        b"\x80\x02h\x07.",
        b"\x80\x02}X\x01\x00\x00\x00a}sX\x01\x00\x00\x00bs.",
        b"",
        b".",
        b"\x80",
    ],
)
@pytest.mark.parametrize("container", [_zipped, lambda data: _MAGIC + data + pickle.dumps([], 2)])
def test_work_and_memory_are_bounded(tmp_path: Path, program: bytes, container: Callable[[bytes], bytes]) -> None:
    data = container(program)
    tracemalloc.start()
    try:
        _refused(tmp_path / "bomb.pt", data, ".")
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("storage", "offset", "shape", "strides", "words"),
    [
        (_storage(), b"K\x00", b"J\x00\x00\x00\x01M\x00\x03\x86", b"K\x00K\x01\x86", "claims 12884901888 values"),
        (_storage(), b"K\x00", b"K\x64M\x00\x03\x86", b"K\x00K\x01\x86", "more values than the 768"),
        (_storage(), b"K\x05", b"K\x01M\x00\x03\x86", b"M\x00\x03K\x01\x86", "more values than the 768"),
        (_storage(), b"K\x00", b"K\x01M\x00\x03\x86", b"K\x01\x85", "do not fit together"),
        (_storage(), b"K\x00", b"J\xff\xff\xff\xffM\x00\x03\x86", b"K\x01K\x01\x86", "sizes are no counts"),
        (_storage(), b"K\x00", b"K\x01M\x00\x03\x86", b"J\xff\xff\xff\xffK\x01\x86", "sizes are no counts"),
        (_storage(), b"J\xff\xff\xff\xff", b"K\x01K\x01\x86", b"K\x01K\x01\x86", "do not fit together"),
        (
            _storage(b"J\x00\x00\x00\x7f"),
            b"K\x00",
            b"K\x01K\x01\x86",
            b"K\x01K\x01\x86",
            "storage claims 2130706432 values",
        ),
        (_storage(b"M\x00\x04"), b"K\x00", b"K\x01K\x01\x86", b"K\x01K\x01\x86", "3072 bytes instead of 4096"),
        (_storage(b"K\x01"), b"K\x00", b"K\x01K\x01\x86", b"K\x01K\x01\x86", "claims 3072 bytes"),
        (_storage(kind=b"Generator"), b"K\x00", b"K\x01K\x01\x86", b"K\x01K\x01\x86", "unknown kind"),
        (b"N", b"K\x00", b"K\x01K\x01\x86", b"K\x01K\x01\x86", "without a storage"),
        (_storage(), b"K\x00", b"(" + b"K\x01" * 9 + b"t", b"(" + b"K\x01" * 9 + b"t", "no list of numbers"),
    ],
)
def test_tensors_that_claim_more_than_there_is(
    tmp_path: Path, storage: bytes, offset: bytes, shape: bytes, strides: bytes, words: str
) -> None:
    data = _zipped(_tensor(storage, offset, shape, strides), _0=bytes(3072))
    _refused(tmp_path / "t.bin", data, words)


def test_the_tensor_program_above_is_right_where_it_is_not_bent(tmp_path: Path) -> None:
    program = _tensor(_storage(), b"K\x00", b"K\x01M\x00\x03\x86", b"M\x00\x03K\x01\x86")
    (tmp_path / "t.bin").write_bytes(_zipped(program, _0=struct.pack("<768f", *range(768))))
    assert read_embedding(tmp_path / "t.bin").vectors["*"].tolist() == [list(range(768))]


def test_zip_bombs(tmp_path: Path) -> None:
    program = _tensor(_storage(), b"K\x00", b"K\x01M\x00\x03\x86", b"M\x00\x03K\x01\x86")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", program)
        archive.writestr("archive/data/0", bytes(50_000_000))
    bomb = data.getvalue()
    assert len(bomb) < 60_000
    _refused(tmp_path / "bomb.pt", bomb, "claims 50000000 bytes")
    lying = bomb.replace(struct.pack("<I", 50_000_000), struct.pack("<I", 3072))
    tracemalloc.start()
    try:
        _refused(tmp_path / "bomb.pt", lying, "cannot be read")
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_a_program_that_inflates_without_end(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"N" * 5_000_000)
    _refused(tmp_path / "bomb.pt", data.getvalue(), r"'archive/data\.pkl' in its zip container claims 5000000 bytes")


def test_a_container_of_too_many_files(tmp_path: Path) -> None:
    data = _zipped(b"N.", **{f"_{number}": b"" for number in range(1500)})
    _refused(tmp_path / "many.pt", data, "more than 1000 files")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], r"ZIP archive \(.*\) and not one that torch wrote"),
        (["a/data.pkl", "b/data.pkl"], "holds 2 data.pkl"),
        (["a/constants.pkl"], "and not one that torch wrote: unpack it"),
    ],
)
def test_containers_without_one_program(tmp_path: Path, names: list[str], words: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("readme", "")
        for name in names:
            archive.writestr(name, b"N.")
    _refused(tmp_path / "x.pt", data.getvalue(), words)


def test_other_byte_order(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("archive/data.pkl", b"N.")
        archive.writestr("archive/byteorder", b"big")
    _refused(tmp_path / "x.pt", data.getvalue(), "-endian")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(4 * 2**30)
    with pytest.raises(FileFormatError, match=r"4096 MB, .* Is it a checkpoint"):
        read_embedding(path)


def test_torch_before_2017(tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    _refused(tmp_path / "old.pt", data.getvalue(), "tar archive")


def test_a_legacy_file_whose_storages_were_cut_or_bent(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    torch.save({"<a>": torch.ones(2, 4)}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    assert read_embedding(path).count == 2
    _refused(path, whole[:-1], "31 bytes instead of 32")
    _refused(path, whole[:-36], "ends before its numbers")
    _refused(path, whole[:-40] + struct.pack("<q", 2**40) + whole[-32:], "announced")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("suffix", ["zip", "legacy", "safetensors"])
def test_bytes_changed_at_random(tmp_path: Path, data: st.DataObject, suffix: str) -> None:
    """Whatever is damaged: an embedding, or a sentence; never another exception."""
    path = tmp_path / "x"
    if not path.exists():
        embedding = sample(vectors=1, width=4, name="cat", step=1)
        write_embedding(embedding, tmp_path / "x.pt")
        write_embedding(embedding, tmp_path / "x.safetensors")
        legacy = torch.load(tmp_path / "x.pt", weights_only=True)
        torch.save(legacy, tmp_path / "x.legacy", _use_new_zipfile_serialization=False)
    whole = bytearray((tmp_path / {"zip": "x.pt"}.get(suffix, f"x.{suffix}")).read_bytes())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4)):
        whole[place] = value
    path.write_bytes(whole)
    message = f"{path}."
    try:
        read_embedding(path)
    except UserError as error:
        message = error.message
    assert str(path) in message
    assert message.endswith(".")
    path.unlink()
