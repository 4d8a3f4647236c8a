"""Parts of the model that leave the card, on a card that is only told of."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_variants import VARIANTS

from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.hosts.parking import Parking
from textual_inversion.hosts.standalone import StandaloneHost

CARD = torch.device("cuda")


class Part(torch.nn.Module):
    """Notes where it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def to(self, device: object) -> Part:  # type: ignore[override]
        self.sent.append(str(device))
        return self


def test_a_part_moves_once_there_and_once_back() -> None:
    part = Part()
    parking = Parking(part, CARD)
    parking.unpark()
    parking.park()
    parking.park()
    assert parking.parked
    parking.unpark()
    parking.unpark()
    assert not parking.parked
    assert part.sent == ["cpu", "cuda"]


def test_on_a_cpu_nothing_moves() -> None:
    part = Part()
    parking = Parking(part, torch.device("cpu"))
    parking.park()
    parking.unpark()
    assert part.sent == []


def test_sdxls_unet_is_away_while_pictures_are_encoded(tmp_path: Path) -> None:
    host = StandaloneHost(embeddings_dir=tmp_path, checkpoint=VARIANTS["sdxl"].write(tmp_path), device="cpu")
    part = Part()
    with host.lease(LeaseRequest()) as lease:
        lease._unet = Parking(part, CARD)
        lease.encode_images(torch.zeros(1, 3, 64, 64))
        lease.encode_images(torch.zeros(1, 3, 64, 64))
        assert part.sent == ["cpu"]
        lease.park_vae()
        assert part.sent == ["cpu", "cuda"]
        lease.encode_images(torch.zeros(1, 3, 64, 64))
    assert part.sent == ["cpu", "cuda", "cpu", "cuda"]


def test_others_fit_beside_their_vae(tmp_path: Path) -> None:
    host = StandaloneHost(embeddings_dir=tmp_path, checkpoint=VARIANTS["sd1"].write(tmp_path), device="cpu")
    part = Part()
    with host.lease(LeaseRequest()) as lease:
        lease._unet = Parking(part, CARD)
        lease.encode_images(torch.zeros(1, 3, 64, 64))
    assert part.sent == []
