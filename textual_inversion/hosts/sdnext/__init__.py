"""SD.Next: a web UI whose model is a pipeline of diffusers."""
