"""The study: how well embeddings are learned, measured on the demo world, where the truth of every picture is known."""
