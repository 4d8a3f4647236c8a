"""Limits on the content of a file. All far beyond any embedding, all small enough to be read safely.

The largest embedding that a prompt can use is 75 vectors of 2048 values (SDXL): 153,600 values, 0.6 MB.
"""

from __future__ import annotations

MAX_VALUES = 2_097_152
"""Values in all vectors of one file: 1024 vectors of SDXL; 8 MB as float32."""

MAX_PICKLE_FILE_BYTES = 32 * 1024 * 1024
"""A ``.pt`` or ``.bin`` file. Checkpoints and LoRAs begin where this ends."""

MAX_PICKLE_BYTES = 1024 * 1024
"""The pickle program inside a zip container, inflated. An embedding's has some 400 bytes."""

MAX_PICKLE_STEPS = 50_000
"""Operations of a pickle program. An embedding's has some 150."""

MAX_ZIP_ENTRIES = 1000
"""Files inside a zip container. An embedding's has 4 to 8."""

MAX_HEADER_BYTES = 8 * 1024 * 1024
"""The JSON header of a safetensors file (a LoRA that carries an embedding may have a large one)."""

MAX_JSON_BYTES = 40 * 1024 * 1024
"""The JSON of a picture's embedding, inflated."""

MAX_JSON_BRACKETS = 8192
"""Lists and objects in that JSON: one for each vector and a few more."""

MAX_PICTURE_FILE_BYTES = 96 * 1024 * 1024
"""A picture's file."""

MAX_PICTURE_PIXELS = 4096 * 4096
"""Pixels of a picture that may carry an embedding: checked before anything is decoded; 50 MB as RGB."""

MAX_TEXT = 4096
"""Characters of a name or a checkpoint's name; of a note 16 times as much."""

MAX_NOTES = 256
"""Notes kept from a file."""
