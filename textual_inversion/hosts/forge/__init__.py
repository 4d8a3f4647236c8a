"""Forge, Forge Neo and their kin: web UIs whose model is an engine of ``backend.diffusion_engine``.

The only code that imports ``backend`` and ``modules_forge``. It is driven by what an engine has, not by the web UI's name.
"""
