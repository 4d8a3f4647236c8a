"""Tools for models that a web UI of Forge's line keeps in ``forge_objects``; they import none."""
