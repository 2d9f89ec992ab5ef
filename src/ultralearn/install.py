"""Install the course into `.venv`, in a few steps that say where they are; an interrupted one is taken up again.

`make` runs this file with whatever Python it found, before anything is installed: it imports Python's own modules only.

    python3 -P src/ultralearn/install.py          # requirements.txt: what readers and learners need
    python3 -P src/ultralearn/install.py test     # requirements-test.txt: what that adds
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Megabytes to download and on disk, measured on Linux with the CPU build of torch.
TORCH = (200, 870)
LIBRARIES = (230, 950)
EXTRAS = {"test": (270, 900)}

TAIL = 12  # lines of pip's that a failure shows

# What pip says, in order of what weighs more: a run that ends with a full disk may have lost a connection before.
AGAIN = "then run the same command: it goes on from here."
REASONS = {
    r"No space left on device|Disk quota exceeded": f"The disk is full. Make room, {AGAIN}",
    r"Permission denied|Read-only file system": f"pip may not write to the place named below. Make it yours, {AGAIN}",
    r"CERTIFICATE_VERIFY_FAILED": "This machine does not trust the certificate of the package index. Behind a proxy, "
    f"name the file with the proxy's certificate in PIP_CERT, {AGAIN}",
    r"connection broken|[Nn]ame resolution|Max retries|timed out": "The package index does not answer. Connect, "
    f"{AGAIN}",
    r"": f"pip failed, and says why in its last lines. Mend that, {AGAIN}",
}


class InstallationError(Exception):
    """What went wrong and what to do, for the person who ran `make`."""


@dataclass(frozen=True)
class Step:
    """A line of the installation: its title and what pip is asked for."""

    title: str
    requirements: tuple[str, ...]


def pins(lock: Path) -> list[str]:
    return [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]


def steps(root: Path, extra: str | None) -> list[Step]:
    """What goes into an environment that has pip, in order."""
    lock = root / "requirements.txt"
    if extra:
        added = root / f"requirements-{extra}.txt"
        title = f"What `{extra}` adds, {len(pins(added))} packages{size(EXTRAS.get(extra))}"
        return [Step(title, ("--requirement", str(added), "--constraint", str(lock)))]
    (torch,) = (pin for pin in pins(lock) if pin.startswith("torch=="))
    cuda = "; with CUDA, as PyPI has it for Linux, several GB" if sys.platform == "linux" else ""
    return [
        Step(f"torch{size(TORCH)}{cuda}", (torch, "--constraint", str(lock))),
        Step(f"Jupyter, the book, the libraries{size(LIBRARIES)}", ("--requirement", str(lock))),
        Step("The course itself", ("--no-deps", "--no-build-isolation", "--editable", str(root))),
    ]


def size(megabytes: tuple[int, int] | None) -> str:
    return f", {megabytes[0]} MB ({megabytes[1]} MB on disk)" if megabytes else ""


def spent(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Screen:
    """Numbered lines: what runs now, how far it is, how long it took."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.number = 0
        self.overwrites = sys.stdout.isatty()

    def begin(self, title: str) -> None:
        self.number += 1
        self.line = f"{self.number}/{self.total}  {title}"
        self.began = time.monotonic()
        print(self.line, end="", flush=True)

    def seconds(self) -> str:
        return spent(time.monotonic() - self.began)

    def tick(self, state: str) -> None:
        if self.overwrites:  # one line of the terminal, whatever its width: a second one would stay
            state = f"  {state}, {self.seconds()}"
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{self.line[: max(0, width - len(state))]}{state}"[: width + 4], end="", flush=True)

    def end(self, state: str) -> None:
        state = f"{self.line}: {state}, {self.seconds()}" if self.overwrites else f": {state}, {self.seconds()}"
        print(f"\r\033[K{state}" if self.overwrites else state, flush=True)


class Pip:
    """One run of pip. All it says goes to the log; how far it is stays here."""

    def __init__(self, environment: Path, log: Path, title: str) -> None:
        self.command = [str(environment / "bin" / "python"), "-m", "pip", "install"]
        self.site = site_packages(environment)
        self.log = log
        self.said: list[str] = []
        self.met = self.unpacking = 0
        self.downloaded = self.current = 0.0  # MB
        self.keep(f"== {title}\n")

    def install(self, arguments: Sequence[str], screen: Screen) -> None:
        """Run it. Raises InstallationError where it fails."""
        self.before = self.unpacked()
        with subprocess.Popen(
            [*self.command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            reader = threading.Thread(target=self.read, args=(process,))
            reader.start()
            try:
                while reader.is_alive():
                    screen.tick(self.state())
                    reader.join(0.5)
            except KeyboardInterrupt:
                process.terminate()  # Ctrl-C reached pip too, a signal to this process alone did not
                raise
        if process.returncode:
            said = "".join(self.said)
            what = next(text for pattern, text in REASONS.items() if re.search(pattern, said))
            tail = "".join(f"    {line}" for line in self.said[-TAIL:])
            raise InstallationError(f"{what}\n\n{tail}\nAll that pip said: {self.log}")

    def read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            if progress := re.match(r"Progress (\d+) of (\d+)$", line):
                self.current, total = (int(number) / 1e6 for number in progress.groups())
                if self.current == total:
                    self.downloaded, self.current = self.downloaded + total, 0
                continue
            self.keep(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                self.met += 1
            elif line.startswith("Installing collected packages: "):
                self.unpacking = line.count(",") + 1

    def keep(self, line: str) -> None:
        self.said.append(line)
        with contextlib.suppress(OSError), self.log.open("a") as log:  # a full disk is pip's to report
            log.write(line)

    def unpacked(self) -> int:
        return len(list(self.site.glob("*.dist-info")))

    def state(self) -> str:
        if self.unpacking:
            return f"{max(0, self.unpacked() - self.before)} of {self.unpacking} unpacked"
        return f"{self.met} packages, {self.downloaded + self.current:.0f} MB downloaded"


def site_packages(environment: Path) -> Path:
    return next(environment.glob("lib/python3*/site-packages"))


def works(environment: Path) -> bool:
    """Whether the environment's Python runs, is one that the course knows, and has pip."""
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    try:
        return subprocess.run([environment / "bin" / "python", "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def mend(site: Path) -> None:
    """Forget the packages that an interrupted pip left half unpacked: it takes them for installed otherwise.

    The last thing that pip writes of a package is its RECORD, in which it names the file INSTALLER beside it.
    """
    for info in site.glob("*.dist-info"):
        record = info / "RECORD"
        if not record.exists() or f"{info.name}/INSTALLER" not in record.read_text():
            shutil.rmtree(info)
    for aside in site.glob("~*"):  # an older version that pip had moved out of the way
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


def prepare(environment: Path) -> str:
    """Make the environment, or mend the one that is there, and return which. Raises InstallationError."""
    if works(environment):
        mend(site_packages(environment))
        return "was there"
    command = [sys.executable, "-m", "venv", "--clear", str(environment)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise InstallationError(f"{sys.executable} could not make the environment:\n\n{done.stdout}")
    return "made"


def install(root: Path, extra: str | None = None) -> None:
    """Install what the project at `root` needs, or what `extra` adds to it. Raises InstallationError."""
    environment, log = root / ".venv", root / "_build" / "install.log"
    try:
        environment.mkdir(exist_ok=True)
        log.parent.mkdir(exist_ok=True)
        log.open("w").close()
    except OSError as error:
        raise InstallationError(
            f"The course installs and builds in its own folder, and cannot write there: {error}.\n"
            "Clone it into a folder of yours, or make this one yours: sudo chown -R $(whoami) ."
        ) from None
    began = time.monotonic()
    planned = steps(root, extra)
    screen = Screen(len(planned) + 1)
    screen.begin(f"The environment in .venv, Python {'.'.join(map(str, sys.version_info[:3]))}")
    state = prepare(environment)
    Pip(environment, log, "pip").install(("pip>=24.1",), screen)  # the first that knows --progress-bar raw
    screen.end(state)
    for step in planned:
        screen.begin(step.title)
        pip = Pip(environment, log, step.title)
        pip.install(("--progress-bar", "raw", *step.requirements), screen)
        screen.end(f"{pip.downloaded:.0f} MB downloaded" if pip.downloaded else "nothing to download")
    print(f"Installed in {spent(time.monotonic() - began)}. All that pip said: {log.relative_to(root)}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("extra", nargs="?", help="the NAME of a requirements-NAME.txt")
    try:
        install(ROOT, parser.parse_args().extra)
    except InstallationError as error:
        sys.exit(f"\n\n{error}")
    except KeyboardInterrupt:
        print("\n\nInterrupted. Run the same command again: it goes on from here.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
