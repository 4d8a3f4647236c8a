"""The demo world: a renderer of captioned pictures, the training of a small checkpoint on them, and a grader."""
