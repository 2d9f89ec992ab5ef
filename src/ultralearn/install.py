"""Install the course into `.venv` in a few steps that say where they are; an interrupted one is taken up again.

`make` runs this file as it stands, with the Python it found, before anything is installed: it imports Python's own
modules only.

    python3 -P src/ultralearn/install.py          # requirements.txt: what readers and learners need
    python3 -P src/ultralearn/install.py test     # requirements-test.txt: what that adds
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# MB, to download and on disk, as measured on Linux with the CPU build of torch.
TORCH = (200, 870)
LIBRARIES = (230, 950)
EXTRAS = {"test": (270, 900)}

TRIED_AGAIN = 10  # seconds that pip waits for an answer
TAIL = 12  # lines of the log that a failure shows


class InstallationError(Exception):
    """What went wrong and what to do, in words for the person who ran `make`."""


@dataclass(frozen=True)
class Step:
    """One line of the installation: its title and what pip is asked for."""

    title: str
    requirements: tuple[str, ...]


def pins(lock: Path) -> list[str]:
    """The lines of a lock that name a package."""
    return [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]


def steps(root: Path, extra: str | None) -> list[Step]:
    """What has to be installed once there is an environment, in order."""
    if extra:
        lock = root / f"requirements-{extra}.txt"
        title = f"What `{extra}` adds, {len(pins(lock))} packages{size(EXTRAS.get(extra))}"
        return [Step(title, ("--requirement", str(lock), "--constraint", str(root / "requirements.txt")))]
    lock = root / "requirements.txt"
    (torch,) = (pin for pin in pins(lock) if re.match(r"torch\b", pin))
    cuda = "; from PyPI on Linux several GB, with CUDA" if sys.platform == "linux" else ""
    return [
        Step(f"torch{size(TORCH)}{cuda}", (torch, "--constraint", str(lock))),
        Step(f"Jupyter, the book, the libraries{size(LIBRARIES)}", ("--requirement", str(lock))),
        Step("The course itself", ("--no-deps", "--no-build-isolation", "--editable", str(root))),
    ]


def size(megabytes: tuple[int, int] | None) -> str:
    """How much a step weighs, where that was measured."""
    return f", {megabytes[0]} MB ({megabytes[1]} on disk)" if megabytes else ""


class Screen:
    """Numbered lines: what runs now, how far it is, how long it took."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.number = 0
        self.ticks = sys.stdout.isatty()

    def begin(self, title: str) -> None:
        self.number += 1
        self.line = f"{self.number}/{self.total}  {title}"
        self.began = time.monotonic()
        print(self.line, end="", flush=True)

    def tick(self, state: str) -> None:
        if self.ticks:
            print(f"\r\033[K{self.fitting(state)}", end="", flush=True)

    def end(self, state: str) -> None:
        print(f"\r\033[K{self.line}: {state}" if self.ticks else f": {state}", flush=True)

    def fitting(self, state: str) -> str:
        """The line with `state`, short enough to be overwritten by the next."""
        width = shutil.get_terminal_size().columns - 1
        return f"{self.line[: max(0, width - len(state) - 2)]}: {state}"[:width]

    def seconds(self) -> str:
        return spent(time.monotonic() - self.began)


def spent(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Pip:
    """One run of pip: all it says goes to the log, how far it is stays here."""

    def __init__(self, environment: Path, log: Path) -> None:
        self.command = [str(environment / "bin" / "python"), "-m", "pip", "install"]
        self.site = next(iter(environment.glob("lib/python3*/site-packages")))
        self.log = log
        self.looked_at = self.unpacking = 0
        self.downloaded = self.current = 0.0  # MB

    def install(self, requirements: Iterable[str], screen: Screen) -> None:
        """Run it. Raises InstallationError where it fails."""
        command = [*self.command, *requirements]
        # What an interrupted run unpacked is on the disk and in no count: pip sees it when it compares.
        self.already = len(list(self.site.glob("*.dist-info")))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            reader = threading.Thread(target=self.read, args=(process,), daemon=True)
            reader.start()
            try:
                while process.poll() is None:
                    screen.tick(f"{self.state()}, {screen.seconds()}")
                    reader.join(0.5)
            except KeyboardInterrupt:
                process.terminate()  # Ctrl-C reached it too; whoever interrupts in another way means both
                raise
            reader.join()
        if process.returncode:
            raise InstallationError(reason(self.log))

    def read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with self.log.open("a") as log:
            for line in process.stdout:
                if moved := re.match(r"Progress (\d+) of (\d+)", line):
                    done, total = (int(number) / 1e6 for number in moved.groups())
                    self.current = 0 if done == total else done
                    self.downloaded += total if done == total else 0
                    continue
                log.write(line)
                log.flush()
                if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                    self.looked_at += 1
                elif line.startswith("Installing collected packages: "):
                    self.unpacking = line.count(",") + 1

    def state(self) -> str:
        if self.unpacking:
            unpacked = len(list(self.site.glob("*.dist-info"))) - self.already
            return f"unpacked {min(max(unpacked, 0), self.unpacking)} of {self.unpacking}"
        return f"{self.looked_at} packages, {self.downloaded + self.current:.0f} MB downloaded"


def reason(log: Path) -> str:
    """What to do about the failure that ends the log, then its last lines."""
    text = log.read_text()
    text = text[text.rindex("== ") :]  # of this step
    if re.search(r"No space left on device|Errno 28|Disk quota exceeded|Errno 122", text):
        what = "The disk is full. Make room, then run the same command: it goes on from here."
    elif re.search(r"Permission denied|Read-only file system|Errno (13|30)\b", text):
        what = "pip may not write where it has to. See the path below; a folder of your own is what the course needs."
    elif re.search(r"CERTIFICATE_VERIFY_FAILED|SSLError", text):
        what = (
            "The package index showed a certificate that this machine does not trust. Behind a company's proxy, "
            "name its certificates in PIP_CERT, then run the same command."
        )
    elif re.search(r"connection broken|Failed to establish|[Nn]ame resolution|Max retries|timed? ?out|resolve host", text):
        what = "The package index did not answer. With a network, run the same command: it goes on from here."
    else:
        what = "pip failed. Its last lines say why; run the same command again once that is mended."
    tail = "\n".join(f"    {line}" for line in text.splitlines()[-TAIL:])
    return f"{what}\n\n{tail}\n\nAll of it: {log}"


def works(environment: Path) -> bool:
    """Whether the environment's Python runs, has pip, and is one that the course knows."""
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    try:
        return subprocess.run([environment / "bin" / "python", "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def make(environment: Path) -> None:
    """Make the environment, in place of what is left of another. Raises InstallationError."""
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(environment)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise InstallationError(f"{sys.executable} could not make the environment {environment}:\n\n{done.stdout}")


def mend(site: Path) -> list[str]:
    """Forget the packages that an interrupted pip left half unpacked, so that it takes them up again, and return them.

    The last thing that pip writes of a package is RECORD, and that names the INSTALLER beside it.
    """
    broken = []
    for info in site.glob("*.dist-info"):
        record = info / "RECORD"
        if not record.exists() or f"{info.name}/INSTALLER" not in record.read_text():
            shutil.rmtree(info)
            broken.append(info.name)
    for leftover in site.glob("~*"):  # what pip had moved aside
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    return broken


def install(root: Path, extra: str | None = None) -> None:
    """Install into the environment of the project at `root`. Raises InstallationError."""
    environment, log = root / ".venv", root / "_build" / "install.log"
    try:
        environment.mkdir(exist_ok=True)
        log.parent.mkdir(exist_ok=True)
        log.write_text("")
    except OSError as error:
        raise InstallationError(
            f"The course keeps what it installs and builds in its own folder, and cannot write there: {error}.\n"
            "Clone it to a folder of yours, or make this one yours: sudo chown -R $(whoami) ."
        ) from None
    planned = steps(root, extra)
    began = time.monotonic()
    if extra is None:
        screen = Screen(len(planned) + 1)
        version = ".".join(map(str, sys.version_info[:3]))
        screen.begin(f"The environment, in .venv, with Python {version}")
        if was_there := works(environment):
            site = next(iter(environment.glob("lib/python3*/site-packages")))
            mend(site)
        else:
            make(environment)
        note(log, "pip")
        Pip(environment, log).install(("--upgrade", "pip"), screen)
        screen.end(f"{'was there' if was_there else 'made'}, {screen.seconds()}")
    else:
        screen = Screen(len(planned))
        mend(next(iter(environment.glob("lib/python3*/site-packages"))))
    for step in planned:
        screen.begin(step.title)
        note(log, step.title)
        pip = Pip(environment, log)
        pip.install(("--progress-bar", "raw", *step.requirements), screen)  # the pip that Python brings may not know it
        screen.end(f"{pip.downloaded:.0f} MB downloaded, {screen.seconds()}" if pip.downloaded else screen.seconds())
    print(f"Installed in {spent(time.monotonic() - began)}. What pip said: {log.relative_to(root)}")


def note(log: Path, title: str) -> None:
    """Begin a part of the log."""
    with log.open("a") as out:
        out.write(f"== {title}\n")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("extra", nargs="?", help="NAME of a requirements-NAME.txt")
    try:
        install(ROOT, parser.parse_args().extra)
    except InstallationError as error:
        sys.exit(f"\n\n{error}")
    except KeyboardInterrupt:
        print("\n\nInterrupted. Run the same command again: it goes on from here.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
