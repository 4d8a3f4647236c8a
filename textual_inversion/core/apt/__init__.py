"""Asymmetric prompt tuning (APT): a positive and a negative embedding trained together through the guided prediction.

Z. Dong, P. Wei, L. Lin, "DreamArtist: Towards Controllable One-Shot Text-to-Image Generation via Positive-Negative
Prompt-Tuning", 2022; what its extension for web UIs did, without its defects.
"""
