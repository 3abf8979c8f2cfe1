"""PyTorch's forward pass or training step, timed under the line protocol of scripts/bench/contestants.mjs.

    python3 torch_mlp.py FOLDER THREADS

reads case.json and the arrays beside it, writes result.bin (the outputs, or the losses of the first steps), prints
"ready", then answers each line "window MS" with "CALLS ms ms ms ...".
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch

REGION_MS = 2


def main(folder, threads):
    torch.set_num_threads(threads)
    case = json.loads((folder / "case.json").read_text())
    layers = case["layers"]
    modules = []
    for i, (inputs, outputs) in enumerate(zip(layers, layers[1:])):
        dense = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            dense.weight.copy_(tensor(folder / f"w{i}.bin", (inputs, outputs)).T)
            dense.bias.copy_(tensor(folder / f"b{i}.bin", (outputs,)))
        modules += [dense, torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1])
    batches = [
        (
            tensor(folder / f"x{i}.bin", (case["batch"], layers[0])),
            torch.from_numpy(numpy.fromfile(folder / f"labels{i}.bin", numpy.int32)).long(),
        )
        for i in range(case["batches"])
    ]
    if case["kind"] == "train":
        call, result = training(model, batches, case)
    else:
        call, result = forward(model, batches[0][0])
    result.astype(numpy.float32).tofile(folder / "result.bin")
    print("ready", flush=True)
    for line in sys.stdin:
        answer_window(call, float(line.split()[1]))


def tensor(path, shape):
    return torch.from_numpy(numpy.fromfile(path, numpy.float32)).reshape(shape)


def forward(model, x):
    def call():
        with torch.no_grad():
            return model(x)

    return call, call().numpy().ravel()


def training(model, batches, case):
    options = case["options"]
    if case["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), lr=options["lr"])
    else:
        betas = (options["beta1"], options["beta2"])
        optimizer = torch.optim.Adam(model.parameters(), lr=options["lr"], betas=betas, eps=options["eps"])
    loss_function = torch.nn.CrossEntropyLoss()
    count = 0

    def step():
        nonlocal count
        x, labels = batches[count % len(batches)]
        count += 1
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(case["verifiedSteps"])]
    return step, numpy.array(losses)


def region(call, calls):
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) * 1e3


def answer_window(call, window):
    calls = 1
    while region(call, calls) < REGION_MS:
        calls *= 2
    samples = []
    begin = time.perf_counter()
    while not samples or (time.perf_counter() - begin) * 1e3 < window:
        samples.append(region(call, calls) / calls)
    print(calls, *samples, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
