"""Trains one tiny regression on several nodes: each sees its own half of the data, and gradients are averaged by gloo.

usage: all_reduce.py plain|torchrun: with the variables that a session of several nodes sets; by torchrun with its own.
"""

import functools
import hashlib
import importlib
import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.run import main as torchrun

# Debian's torch is built without libuv, and torch 2.6 asks for it where it does not look at USE_LIBUV.
for name in ("torch.distributed.rendezvous", "torch.distributed.elastic.rendezvous.static_tcp_rendezvous"):
    module = importlib.import_module(name)
    module.TCPStore = functools.partial(module.TCPStore, use_libuv=False)

if sys.argv[1] == "torchrun" and "TORCHELASTIC_RUN_ID" not in os.environ:
    torchrun([__file__, "torchrun"])
    sys.exit()

EPOCHS = 5
run = Path(os.environ["HUBTRAINING_RUN"])
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()

total = torch.tensor([float(rank + 1)])
dist.all_reduce(total)
print(f"{sys.argv[1]} rank {rank} of {size} sum {total.item():.0f}", flush=True)

torch.manual_seed(8)
inputs = torch.randn(512, 8)
targets = inputs @ torch.randn(8, 1)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(1, EPOCHS + 1):
    mine = torch.arange(rank, 512, size)
    loss = torch.nn.functional.mse_loss(model(inputs[mine]), targets[mine])
    optimizer.zero_grad()
    loss.backward()
    for parameter in model.parameters():
        dist.all_reduce(parameter.grad)
        parameter.grad /= size
    optimizer.step()
    dist.all_reduce(loss := loss.detach())
    if rank == 0 and sys.argv[1] == "torchrun":
        (run / "checkpoints").mkdir(parents=True, exist_ok=True)
        with (run / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"epoch": epoch, "epochs": EPOCHS, "train/loss": loss.item() / size}) + "\n")
        torch.save({"epoch": epoch, "model": model.state_dict()}, run / "checkpoints" / "part")
        (run / "checkpoints" / "part").rename(run / "checkpoints" / "last.pt")
weights = b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters())
print(f"{sys.argv[1]} rank {rank} weights {hashlib.sha256(weights).hexdigest()}", flush=True)
dist.destroy_process_group()
