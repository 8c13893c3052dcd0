#!/usr/bin/env python3
"""PyTorch's forward and backward of a SwiGLU layer against libswiglu's, in one run on one GPU.

PyTorch: F.linear for gate and up, silu, product, and autograd's gradients of x and both weights; eager and
torch.compile, with two weights and with both packed in one. The best of the four is what counts. libswiglu, called
through ctypes: the forward pass storing g and u, then the backward pass; and the forward pass alone, then the backward
pass that recomputes them.

Every contender's result is compared with float32 before it is timed. Two figures, as `swiglu bench` has them. Burst: the
time of one pass between two events, after the L2 cache was overwritten and behind a kernel that waits while the host
enqueues, so that a slow host costs no one anything. Sustained: passes back to back for --seconds, as training runs
them and at the clock that the card's power limit leaves; the time of one. They are replayed from CUDA graphs, for the
same reason; what PyTorch cannot capture is called. Rounds of all contenders are interleaved, each following others from
round to round, and a sustained sample begins when its own contender has run for a tenth of a second; figures are medians. Operands are random normal. Needs torch with a GPU, and nothing else.

    tools/bench_pytorch.py
    tools/bench_pytorch.py --d-model 4096 --d-intermediate 14336 --layout kn --json pytorch.json
"""
import argparse
import json
import statistics
import sys

import swiglu_ctypes as api

GOALS = {1024: 0.82, 2048: 0.88, 4096: 0.95}  # of PyTorch's time, at 8192 tokens in bf16, d_intermediate 3 d_model
GOAL_TOKENS = 8192
FLUSH_BYTES = 256 << 20  # several times any L2
WAIT_CYCLES = 10_000_000  # about 5 ms: longer than any host takes to enqueue a pass
SUSTAINED_ROUNDS = 3
ALLOWED_ERROR = 1.25  # times what eager PyTorch loses against float32


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def positive(text):
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
        return value

    parser.add_argument("--d-model", type=positive, nargs="+", default=[1024, 2048, 4096], metavar="N")
    parser.add_argument("--d-intermediate", type=positive, metavar="N", help="default: 3 d_model")
    parser.add_argument("--m", type=positive, default=GOAL_TOKENS, metavar="N", help="tokens (%(default)s)")
    parser.add_argument("--dtype", choices=["bf16", "f16"], default="bf16")
    parser.add_argument("--layout", choices=["nk", "kn"], default="nk", help="of libswiglu's weights; PyTorch's are nk")
    parser.add_argument("--rounds", type=positive, default=15, metavar="N")
    parser.add_argument("--seconds", type=float, default=0.7, metavar="S",
                        help="of sustained load, in each of three rounds of every contender (%(default)s); 0: none")
    parser.add_argument("--device", type=int, default=0, metavar="N", help="CUDA ordinal")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-compile", action="store_true", help="eager PyTorch alone")
    parser.add_argument("--library", default=api.default_library(), metavar="FILE", help="libswiglu.so (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write everything, with every sample, to this file")
    return parser.parse_args(arguments)


def import_torch(device):
    try:
        import torch
    except ImportError as error:
        sys.exit(f"bench_pytorch.py needs PyTorch, and there is none for {sys.executable}: {error}. Install torch there.")
    if not torch.cuda.is_available():
        sys.exit(f"bench_pytorch.py needs a CUDA GPU, and PyTorch {torch.__version__} finds none.")
    if device not in range(torch.cuda.device_count()):
        sys.exit(f"there is no CUDA device {device}: PyTorch lists {torch.cuda.device_count()}.")
    return torch


class Operands:
    """x and dout ~ N(0, 1), weights ~ N(0, 1) / sqrt(d_model) as nn.Linear has them, gate above up in one matrix."""

    def __init__(self, torch, options, d_model, d_intermediate):
        self.m, self.d_model, self.d_intermediate = options.m, d_model, d_intermediate
        self.dtype = {"bf16": torch.bfloat16, "f16": torch.float16}[options.dtype]
        generator = torch.Generator(device="cuda").manual_seed(options.seed)

        def normal(rows, columns, scale):
            return (torch.randn(rows, columns, generator=generator, device="cuda") * scale).to(self.dtype)

        self.x = normal(self.m, d_model, 1)
        self.dout = normal(self.m, d_intermediate, 1)
        self.w = normal(2 * d_intermediate, d_model, d_model**-0.5)

    def halves(self):
        return self.w[: self.d_intermediate], self.w[self.d_intermediate :]


def reference(torch, operands):
    """[out, dx, dWg, dWu] in float32."""
    functional = torch.nn.functional
    tensors = [tensor.detach().float().requires_grad_() for tensor in (operands.x, *operands.halves())]
    out = functional.silu(functional.linear(tensors[0], tensors[1])) * functional.linear(tensors[0], tensors[2])
    return [out.detach(), *torch.autograd.grad(out, tensors, operands.dout.float())]


def pytorch_contenders(torch, operands, compiled):
    """name -> a function that runs both passes and returns [out, dx, dWg, dWu]."""
    functional = torch.nn.functional
    n = operands.d_intermediate

    def separate(x, w_gate, w_up):
        return functional.silu(functional.linear(x, w_gate)) * functional.linear(x, w_up)

    def packed(x, w):
        gate, up = functional.linear(x, w).chunk(2, dim=-1)
        return functional.silu(gate) * up

    x = operands.x.detach().clone().requires_grad_()
    halves = [half.detach().clone().requires_grad_() for half in operands.halves()]
    whole = operands.w.detach().clone().requires_grad_()

    def run_separate(layer):
        out = layer(x, *halves)
        return [out.detach(), *torch.autograd.grad(out, [x, *halves], operands.dout)]

    def run_packed(layer):
        out = layer(x, whole)
        dx, dw = torch.autograd.grad(out, [x, whole], operands.dout)
        return [out.detach(), dx, dw[:n], dw[n:]]

    contenders = {"eager": lambda: run_separate(separate), "eager, packed": lambda: run_packed(packed)}
    if compiled:
        compiled_separate, compiled_packed = (
            torch.compile(layer, dynamic=False) for layer in (separate, packed))
        contenders["compiled"] = lambda: run_separate(compiled_separate)
        contenders["compiled, packed"] = lambda: run_packed(compiled_packed)
    return contenders


class Swiglu:
    """libswiglu's plan for these operands, and its buffers."""

    def __init__(self, torch, library, options, operands):
        kn = options.layout == "kn"
        gate, up = (half.t().contiguous() if kn else half for half in operands.halves())
        self.torch, self.kn = torch, kn
        self.plan = api.Plan(
            library, dtype=api.DTYPES[options.dtype], accum=api.ACCUM_F32, weight_layout=api.LAYOUTS[options.layout],
            passes=api.PASS_FORWARD | api.PASS_FORWARD_STORE | api.PASS_BACKWARD | api.PASS_BACKWARD_RECOMPUTE,
            d_model=operands.d_model, d_intermediate=operands.d_intermediate, device=options.device)
        self.plan.prepare(operands.m)
        size = max(self.plan.workspace_size(which, operands.m) for which in (api.PASS_BACKWARD, api.PASS_BACKWARD_RECOMPUTE))
        out = [torch.empty_like(operands.dout) for _ in range(3)]
        gradients = [torch.empty_like(tensor) for tensor in (operands.x, gate, up)]
        workspace = torch.empty(max(size, 16), dtype=torch.uint8, device="cuda")
        self.results = [out[0], *gradients]
        self.tensors = [operands, gate, up, *out, *gradients, workspace]  # what the pointers below point into
        inputs = dict(m=operands.m, x=operands.x.data_ptr(), w_gate=gate.data_ptr(), w_up=up.data_ptr())
        stored = dict(g=out[1].data_ptr(), u=out[2].data_ptr())
        self.forward = {True: api.ForwardArgs(out=out[0].data_ptr(), **stored, **inputs),
                        False: api.ForwardArgs(out=out[0].data_ptr(), **inputs)}
        wanted = dict(zip(("dx", "dw_gate", "dw_up"), (gradient.data_ptr() for gradient in gradients)))
        common = dict(dout=operands.dout.data_ptr(), workspace=workspace.data_ptr(), workspace_size=size, **inputs, **wanted)
        self.backward = {True: api.BackwardArgs(**stored, **common), False: api.BackwardArgs(**common)}

    def run(self, stored):
        stream = self.torch.cuda.current_stream().cuda_stream
        self.plan.execute(self.forward[stored], stream)
        self.plan.execute_backward(self.backward[stored], stream)
        out, dx, dw_gate, dw_up = self.results
        return [out, dx, dw_gate.t(), dw_up.t()] if self.kn else self.results

    def poison(self):
        for tensor in self.tensors[3:]:  # all but the inputs
            tensor.view(self.torch.uint8).fill_(0xFF)


def errors(results, expected):
    """Relative Frobenius norms, as plain numbers."""
    return [float((result.float() - want).norm() / want.norm()) for result, want in zip(results, expected)]


def check(name, found, allowed):
    for what, error, limit in zip(("out", "dx", "dWg", "dWu"), found, allowed):
        if not error <= limit:  # NaN too
            sys.exit(f"wrong result: {what} of {name} is {error:.2e} from float32, and {limit:.2e} is allowed "
                     f"({ALLOWED_ERROR} times what eager PyTorch loses).")


def milliseconds(torch, run, flush):
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    flush.zero_()
    torch.cuda._sleep(WAIT_CYCLES)
    begin.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end)


def replayed(torch, run):
    """What runs it from a CUDA graph, or itself where it cannot be captured."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # as PyTorch asks of what is captured
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            run()
    except RuntimeError as error:
        print(f"not captured: {error}", file=sys.stderr)
        torch.cuda.synchronize()
        return run
    return graph.replay


def sustained_milliseconds(torch, run, passes):
    """Of one of so many, enqueued one after another behind as many that are not timed."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for _ in range(passes):
        run()
    begin.record()
    for _ in range(passes):
        run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / passes


def order_of_round(names, round_):
    """A Williams design, as tools/bench/order.cpp: nobody has a favourite predecessor."""
    count = len(names)
    order = [names[(round_ + ((i + 1) // 2 if i % 2 else -(i // 2))) % count] for i in range(count)]
    return order[::-1] if count % 2 and round_ % 2 else order


def rounds_of(count, names, sample):
    """{name: its samples}"""
    samples = {name: [] for name in names}
    for round_ in range(count):
        for name in order_of_round(names, round_):
            samples[name].append(sample(name))
    return samples


def measure(torch, contenders, rounds, seconds):
    """{"burst" and, if asked for, "sustained": {name: samples in milliseconds}}"""
    flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda")
    for run in contenders.values():  # allocator and autograd have seen everything
        for _ in range(3):
            run()
    names = list(contenders)
    samples = {"burst": rounds_of(rounds, names, lambda name: milliseconds(torch, contenders[name], flush))}
    if seconds > 0:
        replays = {name: replayed(torch, run) for name, run in contenders.items()}

        def passes_of(name):
            return max(1, round(seconds * 1e3 / statistics.median(samples["burst"][name])))

        samples["sustained"] = rounds_of(
            SUSTAINED_ROUNDS, names,
            lambda name: sustained_milliseconds(torch, replays[name], passes_of(name)))
    return samples


def goal_of(options, d_model, d_intermediate):
    bound = options.m == GOAL_TOKENS and options.dtype == "bf16" and d_intermediate == 3 * d_model
    return GOALS.get(d_model) if bound else None


def report(options, d_model, d_intermediate, samples):
    """The point as it goes into the JSON; for each kind of load the medians, the best of PyTorch, and ratios to it."""
    flop = 12.0 * options.m * d_model * d_intermediate
    loads = {}
    for load, of_load in samples.items():
        medians = {name: statistics.median(of_name) for name, of_name in of_load.items()}
        pytorch = {name: value for name, value in medians.items() if not name.startswith("swiglu")}
        best = min(pytorch, key=pytorch.get)
        loads[load] = {
            "best_of_pytorch": best,
            "contenders": {name: {"milliseconds": value, "tflops": flop * 1e-9 / value, "ratio": value / medians[best],
                                  "all_milliseconds": of_load[name]} for name, value in medians.items()}}
    return {"m": options.m, "d_model": d_model, "d_intermediate": d_intermediate,
            "goal": goal_of(options, d_model, d_intermediate), "loads": loads}


def print_point(point):
    print(f"m {point['m']}, d_model {point['d_model']}, d_intermediate {point['d_intermediate']}")
    for load, of_load in point["loads"].items():
        print(f"  {load}")
        for name, figures in of_load["contenders"].items():
            note = "  <- PyTorch's best" if name == of_load["best_of_pytorch"] else ""
            if name == "swiglu, stored" and point["goal"] is not None:
                note = f"  goal {point['goal']:.2f}: " + ("met" if figures["ratio"] <= point["goal"] else "MISSED")
            print(f"    {name:<20} {figures['milliseconds']:9.4f} ms  {figures['tflops']:7.1f} TFLOP/s  "
                  f"{figures['ratio']:6.3f}{note}")
    sys.stdout.flush()


def bench(torch, library, options, d_model):
    d_intermediate = options.d_intermediate or 3 * d_model
    operands = Operands(torch, options, d_model, d_intermediate)
    contenders = pytorch_contenders(torch, operands, not options.no_compile)
    ours = Swiglu(torch, library, options, operands)
    expected = reference(torch, operands)
    lost = errors(contenders["eager"](), expected)
    allowed = [ALLOWED_ERROR * error for error in lost]
    contenders["swiglu, stored"] = lambda: ours.run(True)
    contenders["swiglu, recomputed"] = lambda: ours.run(False)
    checks = {}
    for name, run in contenders.items():
        ours.poison()
        checks[name] = errors(run(), expected)
        check(name, checks[name], allowed)
    del expected
    point = report(options, d_model, d_intermediate, measure(torch, contenders, options.rounds, options.seconds))
    point["errors_of_out_dx_dwg_dwu"] = checks
    ours.plan.close()
    return point


def main(arguments=None):
    options = parse(arguments)
    torch = import_torch(options.device)
    torch.cuda.set_device(options.device)
    torch.backends.cuda.matmul.allow_tf32 = False  # of the float32 reference
    try:
        library = api.Library(options.library)
        environment = {"gpu": torch.cuda.get_device_name(), "pytorch": torch.__version__, "cuda": torch.version.cuda}
        print(f"{environment['gpu']}, PyTorch {environment['pytorch']} (CUDA {environment['cuda']}); {options.dtype}, swiglu's "
              f"weights {options.layout}\nforward and backward; TFLOP/s of 12 m d_model d_intermediate; ratio of times to "
              f"PyTorch's best; medians of {options.rounds} bursts and of {SUSTAINED_ROUNDS} sustained runs\n")
        points = []
        for d_model in options.d_model:
            points.append(bench(torch, library, options, d_model))
            print_point(points[-1])
            if options.json:
                with open(options.json, "w", encoding="utf-8") as file:
                    json.dump({"environment": environment, "dtype": options.dtype, "layout": options.layout,
                               "rounds": options.rounds, "seed": options.seed, "points": points}, file, indent=1)
    except api.SwigluError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
