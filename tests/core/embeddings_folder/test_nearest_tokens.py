from __future__ import annotations

import torch

from textual_inversion.core.embeddings_folder.nearest_tokens import nearest_tokens


class Words:
    width = 3
    words = ("cat</w>", "cat", "dog", "", "red", "sky", "tree", "house")

    def table(self) -> torch.Tensor:
        return torch.tensor(
            [[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 2], [0, 1, 1], [1, 1, 1], [-1, 0, 0]]
        ).float()

    def token_text(self, token_id: int) -> str:
        return self.words[token_id].removesuffix("</w>")


def test_nearest_first_each_word_once_and_length_without_meaning() -> None:
    first, second, zeros = nearest_tokens(torch.tensor([[5.0, 0, 0], [0, 0, 0.1], [0, 0, 0]]), Words(), count=2)
    assert [token.text for token in first] == ["cat", "tree"]
    assert abs(first[0].similarity - 1) < 1e-6
    assert [token.text for token in second] == ["red", "sky"]
    assert zeros == []


def test_no_more_than_the_model_has() -> None:
    (found,) = nearest_tokens(torch.ones(1, 3), Words(), count=50)
    assert len(found) == 6
