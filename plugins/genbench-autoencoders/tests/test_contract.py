from __future__ import annotations

import genbench.testing
from genbench_autoencoders.ae import AE
from genbench_autoencoders.conv_ae import ConvAE
from genbench_autoencoders.denoising_ae import DenoisingAE
from genbench_autoencoders.supervised_ae import SupervisedAE
from genbench_autoencoders.vae import VAE
from genbench_autoencoders.vq_vae import VQVAE

ODD = (3, 20, 9)

test_ae = genbench.testing.contract(AE, data=ODD)
test_ae_gmm = genbench.testing.contract(AE, options={"sampler": "gmm", "cost": "bce"}, data=ODD)
test_ae_points = genbench.testing.contract(AE, options={"sampler": "normal"}, data=(2,))
test_conv_ae = genbench.testing.contract(ConvAE, options={"sampler": "gmm"}, data=ODD)
test_denoising_ae = genbench.testing.contract(
    DenoisingAE, options={"corruption": "masking", "sampler": "gmm"}, data=ODD
)
test_supervised_ae = genbench.testing.contract(SupervisedAE, options={"sampler": "gmm"}, data=ODD)
test_vae = genbench.testing.contract(VAE, data=ODD)
test_vae_bernoulli = genbench.testing.contract(
    VAE, options={"likelihood": "bernoulli", "beta": 2.0}, data=(1, 8, 8)
)
test_vae_points = genbench.testing.contract(VAE, options={"sample_noise": True}, data=(2,))
test_vq_vae = genbench.testing.contract(VQVAE, options={"codes": 16}, data=ODD)
test_vq_vae_points = genbench.testing.contract(VQVAE, options={"codes": 16}, data=(3,))
