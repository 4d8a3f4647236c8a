#!/usr/bin/env bash
# diffusers 0.42.1 with transformers 5.24.0: of an embedding of several vectors whose token has a capital letter only the first
# vector is used, without a word. The tokenizer lowers the case of added tokens; the pipeline then looks for "MyCat_1" among
# tokens that are called "mycat_1", finds none, and leaves the prompt as it is.
# Expected: a prompt with the token becomes as many tokens as there are vectors, as for a token in lower case.
# Seen:     mycat -> mycat mycat_1 mycat_2     MyCat -> MyCat
# For users: publish and load embeddings under a token in lower case.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 diffusers==0.42.1 transformers==5.24.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import json, string, sys

import torch
from diffusers.loaders import TextualInversionLoaderMixin
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

letters = string.ascii_lowercase + string.digits + "_"
vocabulary = {token: i for i, token in enumerate([*letters, *(f"{x}</w>" for x in letters), "<|startoftext|>", "<|endoftext|>"])}
with open("vocab.json", "w") as file:
    json.dump(vocabulary, file)
with open("merges.txt", "w") as file:
    file.write("#version: 0.2\n")
tokenizer = CLIPTokenizer("vocab.json", "merges.txt")
sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
encoder = CLIPTextModel(CLIPTextConfig(vocab_size=len(tokenizer), **sizes))


class Pipeline(TextualInversionLoaderMixin):
    components = {"tokenizer": tokenizer, "text_encoder": encoder}
    hf_device_map = None


Pipeline.tokenizer, Pipeline.text_encoder = tokenizer, encoder
pipeline, seen = Pipeline(), {}
for token in ("mycat", "MyDog"):
    pipeline.load_textual_inversion({token: torch.randn(3, 32)}, token=token)
    seen[token] = pipeline.maybe_convert_prompt(token, tokenizer)
print(seen)
sys.exit(seen != {"mycat": "mycat mycat_1 mycat_2", "MyDog": "MyDog"})
PY
