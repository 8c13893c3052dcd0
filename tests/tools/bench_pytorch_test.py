"""tools/bench_pytorch.py and tools/swiglu_ctypes.py as far as they go without PyTorch and without a GPU.

    bench_pytorch_test.py REPOSITORY C_COMPILER [LIBSWIGLU]
"""
import ctypes
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT, COMPILER = pathlib.Path(sys.argv[1]), sys.argv[2]
LIBRARY = sys.argv[3] if len(sys.argv) > 3 and sys.argv[3] else None
sys.path.insert(0, str(ROOT / "tools"))

import bench_pytorch  # noqa: E402
import swiglu_ctypes as api  # noqa: E402


def run(arguments, **environment):
    return subprocess.run([sys.executable, "-B", str(ROOT / "tools" / "bench_pytorch.py"), *arguments], capture_output=True,
                          text=True, env=environment or None, check=False)


class CommandLine(unittest.TestCase):
    def test_help(self):
        shown = run(["--help"])
        self.assertEqual(shown.returncode, 0)
        self.assertIn("--d-intermediate", shown.stdout)

    def test_wrong_arguments(self):
        for arguments in (["--m", "0"], ["--dtype", "f8"], ["--layout", "mn"], ["--d-model"], ["--rounds", "none"], ["more"]):
            refused = run(arguments)
            self.assertEqual(refused.returncode, 2, arguments)
            self.assertIn("error:", refused.stderr)

    def test_without_torch_or_gpu(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder) / "torch.py"
            for text, words in (("raise ImportError('there is none')", "needs PyTorch"),
                                ("class cuda:\n  is_available = staticmethod(lambda: False)\n__version__ = '0'",
                                 "needs a CUDA GPU")):
                fake.write_text(text, encoding="utf-8")
                refused = run([], PYTHONPATH=folder)
                self.assertEqual(refused.returncode, 1)
                self.assertIn(words, refused.stderr)
                self.assertEqual(refused.stdout, "")


class Report(unittest.TestCase):
    def test_ratio_to_the_best_and_goal(self):
        options = bench_pytorch.parse([])
        samples = {"burst": {"eager": [3.0, 2.0, 9.0], "compiled": [2.0, 2.5, 2.4], "swiglu, stored": [1.0, 1.2, 1.1]},
                   "sustained": {"eager": [3.0], "compiled": [4.0], "swiglu, stored": [1.5]}}
        point = bench_pytorch.report(options, 2048, 6144, samples)
        burst, sustained = point["loads"]["burst"], point["loads"]["sustained"]
        self.assertEqual((burst["best_of_pytorch"], sustained["best_of_pytorch"]), ("compiled", "eager"))
        self.assertAlmostEqual(burst["contenders"]["swiglu, stored"]["ratio"], 1.1 / 2.4)
        self.assertAlmostEqual(sustained["contenders"]["swiglu, stored"]["ratio"], 0.5)
        self.assertAlmostEqual(burst["contenders"]["eager"]["tflops"], 12 * 8192 * 2048 * 6144 / 3e-3 * 1e-12)
        self.assertEqual(point["goal"], 0.88)

    def test_rounds_sample_everyone(self):
        order = []
        samples = bench_pytorch.rounds_of(3, ["a", "b"], lambda name: order.append(name) or len(order))
        self.assertEqual(order, ["a", "b", "b", "a", "a", "b"])
        self.assertEqual(samples, {"a": [1, 4, 5], "b": [2, 3, 6]})

    def test_everyone_follows_everyone_else_equally_often(self):
        for names in ("abcd", "abcdef", "abcde"):
            rounds = len(names) if len(names) % 2 == 0 else 2 * len(names)
            orders = [bench_pytorch.order_of_round(names, round_) for round_ in range(rounds)]
            pairs = [pair for order in orders for pair in zip(order, order[1:])]
            self.assertEqual({"".join(sorted(order)) for order in orders}, {names})
            self.assertEqual({pairs.count(pair) for pair in set(pairs)}, {rounds // len(names)})
            self.assertEqual(len(set(pairs)), len(names) * (len(names) - 1))

    def test_goals_bind_at_their_sizes_alone(self):
        for arguments, d_model, d_intermediate, goal in (([], 1024, 3072, 0.82), ([], 4096, 12288, 0.95), ([], 4096, 14336, None),
                                                         (["--m", "512"], 1024, 3072, None),
                                                         (["--dtype", "f16"], 1024, 3072, None), ([], 512, 1536, None)):
            self.assertEqual(bench_pytorch.goal_of(bench_pytorch.parse(arguments), d_model, d_intermediate), goal)

    def test_a_nan_is_no_small_error(self):
        bench_pytorch.check("one", [0.1] * 4, [0.2] * 4)
        for bad in (0.3, float("nan")):
            with self.assertRaises(SystemExit):
                bench_pytorch.check("one", [0.1, bad, 0.1, 0.1], [0.2] * 4)


class Binding(unittest.TestCase):
    def test_structs_are_those_of_the_header(self):
        lines = []
        for each in api.STRUCTS:
            lines.append(f'printf("{each.C_NAME} %zu\\n", sizeof({each.C_NAME}));')
            lines += [f'printf("{each.C_NAME}.{name} %zu %zu\\n", offsetof({each.C_NAME}, {name}), '
                      f"sizeof((({each.C_NAME}*)0)->{name}));" for name, _ in each._fields_]
        source = "#include <stddef.h>\n#include <stdio.h>\n#include <swiglu/swiglu.h>\nint main(void) {\n" + "\n".join(lines) + "\n}\n"
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "layout.c"
            file.write_text(source, encoding="utf-8")
            program = str(file.with_suffix(""))
            subprocess.run([COMPILER, "-std=c99", "-I", str(ROOT / "include"), str(file), "-o", program], check=True)
            of_header = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
        of_ctypes = []
        for each in api.STRUCTS:
            of_ctypes.append(f"{each.C_NAME} {ctypes.sizeof(each)}")
            of_ctypes += [f"{each.C_NAME}.{name} {getattr(each, name).offset} {getattr(each, name).size}" for name, _ in each._fields_]
        self.assertEqual(of_ctypes, of_header)

    def test_a_missing_library_is_named(self):
        with self.assertRaisesRegex(api.SwigluError, "/nonexistent/libswiglu.so"):
            api.Library("/nonexistent/libswiglu.so")

    @unittest.skipIf(LIBRARY is None, "no library that this interpreter can load")
    def test_both_passes_on_the_cpu_device(self):
        bf16 = lambda value: struct.unpack("<I", struct.pack("<f", value))[0] >> 16  # noqa: E731
        plan = api.Plan(api.Library(LIBRARY), dtype=api.DTYPES["bf16"], accum=api.ACCUM_F32, weight_layout=api.LAYOUTS["nk"],
                        passes=api.PASS_FORWARD_STORE | api.PASS_BACKWARD, d_model=2, d_intermediate=1, out_dtype=api.DTYPES["f32"],
                        device=api.DEVICE_CPU)
        x, w_gate, w_up = ((ctypes.c_uint16 * 2)(*map(bf16, values)) for values in ((1, 2), (0.5, 0.25), (1, 0.5)))
        out, g, u, dout = (ctypes.c_float * 1)(), (ctypes.c_float * 1)(), (ctypes.c_float * 1)(), (ctypes.c_float * 1)(1)
        dx, dw_gate, dw_up = ((ctypes.c_float * 2)() for _ in range(3))
        at = ctypes.addressof
        size = plan.workspace_size(api.PASS_BACKWARD, 1)
        workspace = ctypes.create_string_buffer(size + 16)
        inputs = dict(m=1, x=at(x), w_gate=at(w_gate), w_up=at(w_up), g=at(g), u=at(u))
        plan.execute(api.ForwardArgs(out=at(out), **inputs))
        plan.execute_backward(api.BackwardArgs(dout=at(dout), dx=at(dx), dw_gate=at(dw_gate), dw_up=at(dw_up),
                                               workspace=(at(workspace) + 15) // 16 * 16, workspace_size=size, **inputs))
        s = 0.7310585786300049  # sigmoid of g = 1; u = 2
        dg, du = 2 * (s + s * (1 - s)), s
        for actual, expected in ((out[0], 2 * s), (g[0], 1), (u[0], 2), (dx[1], dg * 0.25 + du * 0.5), (dw_gate[1], 2 * dg),
                                 (dw_up[0], du)):
            self.assertAlmostEqual(actual, expected, places=5)
        with self.assertRaisesRegex(api.SwigluError, "SWIGLU_INVALID_ARGUMENT: .*m is -1"):
            plan.execute(api.ForwardArgs(m=-1))
        plan.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
