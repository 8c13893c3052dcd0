"""tools/plot_bench.py without matplotlib: its command line, and which points share a chart.

    plot_bench_test.py REPOSITORY
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(ROOT / "tools"))

import plot_bench  # noqa: E402


def point(d_model, m):
    return {"model": "", "d_model": d_model, "d_intermediate": 3 * d_model, "m": m,
            "contenders": {"swiglu": {"burst": {"tflops": 1}, "sustained": None}}}


class CommandLine(unittest.TestCase):
    def run_without_matplotlib(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "matplotlib.py").write_text("raise ImportError('there is none')", encoding="utf-8")
            report = pathlib.Path(folder) / "report.json"
            report.write_text(json.dumps({"format": 1, "pass": "forward", "points": [point(64, 1)]}), encoding="utf-8")
            return subprocess.run([sys.executable, "-B", str(ROOT / "tools" / "plot_bench.py"), *(arguments or [report])],
                                  capture_output=True, text=True, env={"PYTHONPATH": folder}, check=False)

    def test_help(self):
        shown = self.run_without_matplotlib("--help")
        self.assertEqual(shown.returncode, 0)
        self.assertIn("--mode sustained", shown.stdout)

    def test_without_matplotlib(self):
        refused = self.run_without_matplotlib()
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(refused.stderr.count("\n"), 1, refused.stderr)
        self.assertIn("needs matplotlib", refused.stderr)


class Panels(unittest.TestCase):
    def sizes(self, points):
        return [(key, [(each["d_model"], each["m"]) for each in group]) for _, key, group in plot_bench.panels(points, "burst")]

    def test_every_point_is_drawn(self):
        self.assertEqual(self.sizes([point(64, 1), point(128, 1)]), [("d_model", [(64, 1), (128, 1)])])
        self.assertEqual(self.sizes([point(64, 1), point(128, 8), point(64, 8), point(256, 8), point(512, 1)]),
                         [("m", [(64, 1), (64, 8)]), ("d_model", [(512, 1)]), ("d_model", [(128, 8), (256, 8)])])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
