"""The lesson in JAX, an epoch being one compiled scan. Arguments: folder of MNIST, epochs. Prints the seconds of each
epoch but the first, which compiles."""

import sys
import time

import data
import jax
import jax.numpy as jnp
import numpy

images, labels = data.training(sys.argv[1])
x = jnp.asarray(images[..., None].astype(numpy.float32))
y = jnp.asarray(labels.astype(numpy.int32))


def glorot(key, shape, inputs, outputs):
    limit = (6 / (inputs + outputs)) ** 0.5
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


keys = jax.random.split(jax.random.PRNGKey(1), 4)
parameters = [
    (glorot(keys[0], (5, 5, 1, 3), 25, 75), jnp.zeros(3)),
    (glorot(keys[1], (5, 5, 3, 6), 75, 150), jnp.zeros(6)),
    (glorot(keys[2], (96, 84), 96, 84), jnp.zeros(84)),
    (glorot(keys[3], (84, 10), 84, 10), jnp.zeros(10)),
]


def convolve_and_pool(h, weights, bias):
    h = jax.nn.silu(jax.lax.conv_general_dilated(h, weights, (1, 1), "VALID",
                                                 dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias)
    n, height, width, channels = h.shape
    return h.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def loss(parameters, images, labels):
    conv1, conv2, hidden, output = parameters
    h = convolve_and_pool(convolve_and_pool(images, *conv1), *conv2)
    h = jax.nn.silu(h.reshape(len(images), -1) @ hidden[0] + hidden[1])
    logits = h @ output[0] + output[1]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()


def step(carried, batch):
    parameters, velocity = carried
    value, gradient = jax.value_and_grad(loss)(parameters, x[batch], y[batch])
    velocity = jax.tree.map(lambda v, g: 0.9 * v + 0.1 * g * g, velocity, gradient)
    parameters = jax.tree.map(lambda w, g, v: w - 1e-3 * g / (jnp.sqrt(v) + 1e-7), parameters, gradient, velocity)
    return (parameters, velocity), value


@jax.jit
def epoch(carried, batches):
    return jax.lax.scan(step, carried, batches)


carried = (parameters, jax.tree.map(jnp.zeros_like, parameters))
random = numpy.random.default_rng(1)
for number in range(1 + int(sys.argv[2])):
    begun = time.monotonic()
    batches = jnp.asarray(random.permutation(len(x))[:len(x) // 32 * 32].reshape(-1, 32))
    carried, losses = epoch(carried, batches)
    losses.block_until_ready()
    if number > 0:
        print(time.monotonic() - begun, flush=True)
