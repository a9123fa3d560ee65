"""The lesson in PyTorch, eager, on two threads. Arguments: folder of MNIST, epochs. Prints the seconds of each epoch."""

import sys
import time

import data
import torch
from torch import nn

images, labels = data.training(sys.argv[1])
x = torch.from_numpy(images[:, None].copy()).float()
y = torch.from_numpy(labels.copy()).long()
torch.set_num_threads(2)
torch.manual_seed(1)

model = nn.Sequential(
    nn.Conv2d(1, 3, 5), nn.SiLU(), nn.MaxPool2d(2),
    nn.Conv2d(3, 6, 5), nn.SiLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(96, 84), nn.SiLU(), nn.Linear(84, 10))
for layer in model:  # Keras's initialisation
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7, foreach=True)

for _ in range(int(sys.argv[2])):
    begun = time.monotonic()
    order = torch.randperm(len(x))
    for first in range(0, len(x), 32):
        batch = order[first:first + 32]
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    print(time.monotonic() - begun, flush=True)
