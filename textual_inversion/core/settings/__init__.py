"""The settings of a run, a file for each group of the form; ``TrainConfig`` is all of them together."""
