"""AUTOMATIC1111's web UI, v1.10.1: the only code that imports its ``modules``, and LDM's and SGM's."""
