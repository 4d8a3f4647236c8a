"""Parts that hosts share whose model is made of diffusers' U-Net and VAE."""
