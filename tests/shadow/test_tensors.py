"""Tensors of the device are moved, seen and changed as those of a card."""

from __future__ import annotations

import copy
import io
import weakref

import pytest
import torch
from torch import nn


def test_a_tensor_is_a_plain_one_of_another_device(shadow):
    tensor = torch.ones(2, 3).to("shadow")
    assert type(tensor) is torch.Tensor
    assert (tensor.device, tensor.is_cpu, tensor.is_cuda) == (torch.device("shadow", 0), False, False)
    assert tensor.device != torch.device("shadow")  # as cuda:0 and cuda
    assert tensor.cpu().equal(torch.ones(2, 3))
    assert "device='shadow:0'" in repr(tensor)


def test_no_numpy_but_a_list(shadow):
    tensor = torch.arange(4.0).to("shadow")
    with pytest.raises(TypeError, match=r"can't convert shadow:0 device type tensor to numpy. Use Tensor.cpu\(\)"):
        tensor.numpy()
    with pytest.raises(TypeError, match="numpy"):
        tensor.__array__()
    assert tensor.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert (tensor[1].item(), float(tensor[2]), bool((tensor >= 0).all())) == (1.0, 2.0, True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, 3, device="shadow"),
        lambda: torch.full((2, 3), 4.0, device="shadow"),
        lambda: torch.arange(6, device="shadow"),
        lambda: torch.tensor([[1, 2]], device="shadow"),
        lambda: torch.linspace(0, 1, 5, device="shadow"),
        lambda: torch.eye(3, device="shadow"),
        lambda: torch.ones(3).to(torch.zeros(1, device="shadow")),
        lambda: torch.zeros(1, device="shadow").new_tensor([1.0]),
        lambda: torch.empty_like(torch.zeros(2, device="shadow")),
        lambda: torch.ones(2).to("shadow:0", torch.float16),
    ],
)
def test_factories(shadow, make):
    assert make().device == torch.device("shadow", 0)


def test_the_default_device(shadow):
    with torch.device("shadow"):
        layer = nn.Linear(2, 2)
        tensor = torch.zeros(1)
    assert layer.weight.device.type == tensor.device.type == "shadow"
    assert (layer.weight + tensor).shape == (2, 2)


def test_views_share_their_memory(shadow):
    base = torch.zeros(2, 3, 4, device="shadow")
    held = shadow.ledger.held
    views = [base[0], base.view(6, 4), base.transpose(0, 1), base.permute(2, 0, 1), base.unfold(2, 2, 2)]
    views += [
        base.detach(),
        base.data,
        base[..., 1:3],
        base.expand(5, 2, 3, 4),
        base.reshape(-1),
        base.as_strided((2,), (3,)),
    ]
    assert shadow.ledger.held == held
    for view in views:
        view.fill_(view.dim() + 1.0)
        assert base.flatten()[0].item() == view.dim() + 1.0
        assert view.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()


def test_changes_in_place(shadow):
    tensor = torch.arange(6.0).reshape(2, 3).to("shadow")
    same = tensor
    tensor += 1
    tensor.mul_(2).t_()
    tensor[0] = 5
    assert same is tensor
    assert tensor.shape == (3, 2)
    assert tensor.tolist() == [[5.0, 5.0], [4.0, 10.0], [6.0, 12.0]]
    grown = torch.zeros(2, device="shadow").resize_(4)
    assert grown.fill_(1.0).tolist() == [1.0] * 4
    out = torch.empty(0, device="shadow")
    torch.add(grown, 1, out=out)
    assert out.tolist() == [2.0] * 4


def test_data_and_set(shadow):
    tensor, other = torch.zeros(2, device="shadow"), torch.ones(3, device="shadow")
    tensor.data = other
    tensor[0] = 9.0
    assert other.tolist() == [9.0, 1.0, 1.0]
    empty = torch.empty(0, device="shadow").set_(other.untyped_storage(), 1, (2,), (1,))
    assert empty.tolist() == [1.0, 1.0]
    assert torch.empty(0, device="shadow").set_(other).is_set_to(other)
    with pytest.raises(RuntimeError, match="different device"):
        torch.empty(0).set_(other.untyped_storage(), 0, (2,), (1,))


def test_data_goes_from_one_device_to_another(shadow):
    """As between the CPU and CUDA; ``module.to`` stands on it."""
    weight = nn.Parameter(torch.ones(3), requires_grad=False)
    there, reference = torch.full((3,), 2.0, device="shadow"), weakref.ref(weight)
    weight.data = there
    assert (type(weight), weight.device.type, weight.is_leaf) == (nn.Parameter, "shadow", True)
    there[0] = 7.0
    assert weight.tolist() == [7.0, 2.0, 2.0]
    weight.data = torch.zeros(2)
    assert (weight.device.type, weight.shape, reference() is weight) == ("cpu", (2,), True)
    with pytest.raises(RuntimeError, match="incompatible tensor type"):
        weight.data = torch.zeros(2, device="meta")


def test_a_module_with_gradients_and_a_graph_moves(shadow):
    module = nn.Linear(2, 1)
    out = module(torch.ones(1, 2)).sum()
    out.backward(retain_graph=True)
    module.to("shadow")
    assert module.weight.grad.device.type == "shadow"
    assert module.weight.grad.tolist() == [[1.0, 1.0]]
    assert module.weight.requires_grad
    module(torch.ones(1, 2, device="shadow")).sum().backward()
    assert module.weight.grad.tolist() == [[2.0, 2.0]]
    module.to("cpu")
    assert module.weight.grad.device.type == "cpu"


def test_inference_tensors(shadow):
    with torch.inference_mode():
        made = torch.ones(2, device="shadow") * 2
    assert made.is_inference()
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        torch.ones(2, device="shadow", requires_grad=True) * made
    usual = torch.empty(0, device="shadow").set_(made.untyped_storage(), 0, (2,), (1,))
    assert not usual.is_inference()
    (torch.ones(2, device="shadow", requires_grad=True) * usual).sum().backward()


def test_another_type_over_the_same_memory(shadow):
    whole = torch.tensor([1.0]).to("shadow").view(torch.int32)
    assert whole.item() == 0x3F800000


def test_a_module_moves_and_keeps_its_parameters(shadow):
    """As ``to("cuda")``: the same ``Parameter`` objects, so an optimiser or a list that holds them sees them moved."""
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    parameters, expected = list(module.parameters()), copy.deepcopy(module.state_dict())
    module.to("shadow")
    assert [id(each) for each in module.parameters()] == [id(each) for each in parameters]
    assert {each.device.type for each in (*module.parameters(), *module.buffers())} == {"shadow"}
    for name, tensor in module.state_dict().items():
        assert tensor.cpu().equal(expected[name])
    assert module(torch.ones(4, 2).to("shadow")).device.type == "shadow"
    module.half().to("cpu")
    assert [id(each) for each in module.parameters()] == [id(each) for each in parameters]
    assert {each.device.type for each in module.state_dict().values()} == {"cpu"}


def test_a_state_of_the_cpu_is_loaded(shadow):
    module = nn.Linear(2, 3).to("shadow")
    module.load_state_dict({"weight": torch.ones(3, 2), "bias": torch.zeros(3)})
    assert module.weight.sum().item() == 6
    assert module.weight.device.type == "shadow"


def test_copies_and_files(shadow):
    tensor = torch.arange(4.0).to("shadow")
    assert copy.deepcopy(tensor).tolist() == tensor.tolist()
    assert copy.deepcopy(nn.Linear(2, 2).to("shadow")).weight.device.type == "shadow"
    file = io.BytesIO()
    torch.save({"a": tensor, "b": tensor[1:]}, file)
    for place, expected in ((None, "shadow"), ("cpu", "cpu"), ("shadow", "shadow")):
        file.seek(0)
        loaded = torch.load(file, map_location=place, weights_only=True)
        assert loaded["b"].device.type == expected
        assert loaded["b"].tolist() == [1.0, 2.0, 3.0]
        loaded["a"][1] = 8.0
        assert loaded["b"][0].item() == 8.0
    assert torch.UntypedStorage(8, device="shadow").nbytes() == 8


def test_types_of_results_do_not_depend_on_a_number_of_the_cpu(shadow):
    half = torch.ones(2, device="shadow", dtype=torch.float16)
    assert (half * 2.0).dtype == (half * torch.tensor(2.0)).dtype == torch.float16
    assert (half[0] * torch.tensor(2.0)).dtype == torch.float32
    assert (torch.ones(2, dtype=torch.int64, device="shadow") * 2.5).dtype == torch.float32


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int32, torch.bool, torch.uint8, torch.float8_e4m3fn]
)
def test_types_go_there_and_back(shadow, dtype):
    plain = torch.tensor([0, 1, 1]).to(dtype)
    assert plain.to("shadow").cpu().float().equal(plain.float())
    assert plain.float().to("shadow", dtype).cpu().float().equal(plain.float())
    assert plain.to("shadow").float().cpu().equal(plain.float())


def test_layouts_survive_a_move(shadow):
    picture = torch.randn(1, 3, 4, 5).to(memory_format=torch.channels_last)
    moved = picture.to("shadow")
    assert moved.stride() == picture.stride()
    assert moved.cpu().stride() == picture.stride()
    assert moved.contiguous().cpu().equal(picture)


def test_torch_knows_its_module(shadow):
    module = torch.shadow
    assert (module.is_available(), module.device_count(), module.current_device()) == (True, 1, 0)
    before = module.memory_allocated()
    block = torch.zeros(1000, device="shadow")
    assert module.memory_allocated() == before + 4096  # in blocks of 512 bytes
    assert module.max_memory_allocated() >= before + 4096
    del block
    assert module.memory_allocated() == before
    free, total = module.mem_get_info()
    assert total - free == before
