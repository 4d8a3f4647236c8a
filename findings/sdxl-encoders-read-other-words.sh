#!/usr/bin/env bash
# open_clip_torch 3.3.0 and transformers 5.24.0: with the very same vocabulary the two CLIP tokenizers read one caption as
# different words. open_clip mends a text first (ftfy, then HTML entities), transformers does not any more. Programs built on
# generative-models use one for each of SDXL's two encoders, so that a typographic apostrophe, as phones and word processors
# write it, means "'t" to one of them and the bytes of an unknown sign to the other, and takes more tokens there: whatever
# follows stands in another place.
# Expected: the same ids, as both are "the CLIP tokenizer".
# Seen:     don’t -> don 't (open_clip)   don âĢ Ļ t (transformers);   a &amp; b -> 3 tokens against 5;   ASCII alike
# For users: write straight quotes in captions and prompts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 open_clip_torch==3.3.0 transformers==5.24.0
cd "$folder"
PYTHONIOENCODING=utf-8 "$folder/venv/bin/python" - <<'PY'
import gzip, json, sys

from open_clip.tokenizer import SimpleTokenizer, bytes_to_unicode, default_bpe
from transformers import CLIPTokenizer

# The files of a CLIP tokenizer, from the list of merges that open_clip ships.
merges = gzip.open(default_bpe()).read().decode().split("\n")[1 : 49152 - 256 - 2 + 1]
letters = list(bytes_to_unicode().values())
words = [*letters, *(f"{x}</w>" for x in letters), *("".join(m.split()) for m in merges), "<|startoftext|>", "<|endoftext|>"]
with open("vocab.json", "w") as file:
    json.dump({word: i for i, word in enumerate(words)}, file)
with open("merges.txt", "w") as file:
    file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
theirs, other = CLIPTokenizer("vocab.json", "merges.txt"), SimpleTokenizer()
seen = {}
for text in ("she don't know", "she don’t know", "“hat”", "a &amp; b"):
    ids = theirs(text, add_special_tokens=False)["input_ids"]
    seen[text] = (len(other.encode(text)), len(ids), other.encode(text) == ids)
    print(repr(text), [other.decoder[i] for i in other.encode(text)], theirs.convert_ids_to_tokens(ids))
wanted = {"she don't know": (4, 4, True), "she don’t know": (4, 6, False), "“hat”": (3, 5, False), "a &amp; b": (3, 5, False)}
sys.exit(seen != wanted)
PY
