"""reForge and Forge Classic: A1111's prompts and page, over a model that ``ldm_patched`` loads, moves and patches.

One adapter, driven by what the model has and not by the web UI's name.
"""
