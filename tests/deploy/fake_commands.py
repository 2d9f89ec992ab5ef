"""Commands on the PATH that do nothing but ask the test what to answer: a cloud without a cloud."""

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple


class Reply(NamedTuple):
    """What a command prints and how it exits."""

    out: str = ""
    code: int = 0
    err: str = ""


Responder = Callable[[list[str], str], Reply]

# Bash, because it starts ten times as fast as Python. Fields end with a NUL: name, standard input, how many arguments,
# the arguments; back come the exit code, standard output and standard error.
SCRIPT = """#!{bash}
stdin=
case " $* " in *" --password-stdin "*) stdin=$(cat) ;; esac
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' {name} "$stdin" "$#" "$@" >&3
IFS= read -r -d '' code <&3
IFS= read -r -d '' out <&3
IFS= read -r -d '' err <&3
printf '%s' "$out"
printf '%s' "$err" >&2
exit "$code"
"""
REAL = (
    "bash",
    "cat",
    "cut",
    "dirname",
    "env",
    "grep",
    "mktemp",
    "rm",
    "sed",
    "sha256sum",
    "shasum",
    "tail",
    "timeout",
    "wc",
)


class FakeCommands:
    """A folder with fake commands, and the few real ones that the scripts need: nothing else is on their PATH."""

    def __init__(self, answers: Mapping[str, Responder]) -> None:
        self.answers = dict(answers)
        self.calls: list[list[str]] = []
        self.faults: list[BaseException] = []

    def __enter__(self) -> "FakeCommands":
        self.folder = Path(tempfile.mkdtemp(prefix="fake"))
        self.line = socket.create_server(("127.0.0.1", 0))
        port = self.line.getsockname()[1]
        self.path = self.folder / "bin"
        self.path.mkdir()
        for name in self.answers:
            script = self.path / name
            script.write_text(SCRIPT.format(bash=shutil.which("bash"), name=name, port=port))
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
        for name in REAL:
            if found := shutil.which(name):
                (self.path / name).symlink_to(found)
        self.thread = threading.Thread(target=self._answer_calls, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        socket.create_connection(self.line.getsockname()).close()  # an empty call ends the thread
        self.thread.join()
        self.line.close()
        shutil.rmtree(self.folder)

    def run(self, script: Path, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs the script with nothing but these commands, and raises what a fake command found wrong."""
        self.calls.clear()
        done = subprocess.run(
            [script, *args],
            env={"PATH": str(self.path), "HOME": str(self.folder), "TMPDIR": str(self.folder)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=self.folder,
        )
        if self.faults:
            raise self.faults[0]
        return done

    def without(self, name: str) -> None:
        """Takes a command off the PATH."""
        os.remove(self.path / name)

    def called(self, *beginning: str) -> list[list[str]]:
        """The calls whose words begin like this, options between them left out."""
        return [call for call in self.calls if _words(call)[: len(beginning)] == list(beginning)]

    def _answer_calls(self) -> None:
        while True:
            connection, _ = self.line.accept()
            with connection:
                fields = connection.makefile("rb")
                name = _field(fields)
                if not name:
                    return
                stdin, count = _field(fields), int(_field(fields))
                args = [_field(fields) for _ in range(count)]
                self.calls.append([name, *args])
                try:
                    reply = self.answers[name](args, stdin)
                except Exception as error:  # an assertion belongs to the test, not to this thread
                    self.faults.append(error)
                    reply = Reply(code=70, err=f"the fake {name} refuses: {error}\n")
                connection.sendall(f"{reply.code}\0{reply.out}\0{reply.err}\0".encode())


def _field(stream: BinaryIO) -> str:
    """What stands before the next NUL."""
    content = bytearray()
    while (byte := stream.read(1)) not in (b"", b"\0"):
        content += byte
    return content.decode()


def options(args: Iterable[str], switches: Iterable[str] = ()) -> tuple[list[str], dict[str, str]]:
    """Words and options of a command line whose options all take a value, except for the switches ("" there)."""
    words, found, rest = [], {}, list(args)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            words.append(word)
        elif "=" in word or word in switches:
            name, _, value = word.partition("=")
            found[name] = value
        else:
            assert rest, f"{word} has no value"
            found[word] = rest.pop(0)
    return words, found


def _words(call: list[str]) -> list[str]:
    """gcloud and aws are called with their general options in front; the words that follow name what is done."""
    general = {"--project", "--region"}
    words, skip = [], False
    for word in call:
        if skip:
            skip = False
        elif word in general:
            skip = True
        elif not word.startswith("--"):
            words.append(word)
    return words
