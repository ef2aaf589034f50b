"""Any trainer of your own: what it must write for the agent to see it. Here a tiny regression on the CPU."""

import json
import os
from pathlib import Path

import torch

EPOCHS = 20
run = Path(os.environ.get("HUBTRAINING_RUN", "run"))
(run / "checkpoints").mkdir(parents=True, exist_ok=True)

torch.manual_seed(8)
inputs = torch.randn(512, 8)
targets = inputs @ torch.randn(8, 1)
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters())

first = 1
if "HUBTRAINING_RESUME" in os.environ:  # set where there is something to go on from
    saved = torch.load(os.environ["HUBTRAINING_RESUME"], weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    first = saved["epoch"] + 1

for epoch in range(first, EPOCHS + 1):
    for batch in torch.randperm(512).split(64):
        loss = torch.nn.functional.mse_loss(model(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with (run / "metrics.jsonl").open("a") as file:  # the line first, then the checkpoint
        file.write(json.dumps({"epoch": epoch, "epochs": EPOCHS, "train/loss": loss.item()}) + "\n")
    part = run / "checkpoints/last.part"
    torch.save({"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, part)
    part.rename(run / "checkpoints/last.pt")
