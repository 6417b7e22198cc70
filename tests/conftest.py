"""One thread each: on shared cores, threads that wait for one another are slower than none."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

# Before anything imports numpy, torch or onnxruntime; what tests start inherits it.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "SIGHTSOUND_THREADS"):
    os.environ.setdefault(_name, "1")

# librosa, our oracle, compiles with numba into a cache beside itself; two processes that fill it at
# once can leave it broken, and loading that ends the process. Each worker has a cache of its own.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(
    Path(__file__).parent.parent / ".pytest_cache" / "numba" / _WORKER
)

NO_SKIP = "SIGHTSOUND_NO_SKIP"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything was installed, as in CI, a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get(NO_SKIP) and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {reason}; {NO_SKIP} allows no skip"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that is skipped whole."""
    report = yield
    if report.outcome == "skipped" and os.environ.get(NO_SKIP):
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skipped whole; {NO_SKIP} allows no skip"
    return report
