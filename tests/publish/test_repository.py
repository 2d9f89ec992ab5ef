"""The repository's address stands in one place, and publishing fills it in everywhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ultralearn.publish import expected_pages, repository

ROOT = Path(__file__).parents[2]
NEW = "https://example.org/someone/course"


def tracked():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in files.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_but_the_configuration_spells_the_address():
    here = repository.address(ROOT)
    owner_and_name = here.split("//")[1].split("/", 1)[1]
    spelled = [path for path in tracked() if owner_and_name.encode() in path.read_bytes()]
    assert spelled == [ROOT / "_config.yml"]


def test_a_filled_copy_has_no_owner_and_no_placeholder_left(tmp_path):
    owner = repository.address(ROOT).split("/")[3]
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    changed = repository.fill(tmp_path, NEW)
    published = [tmp_path / "_config.yml", *sorted((tmp_path / "notebooks").glob("week_*"))]
    assert changed == published
    assert repository.address(tmp_path) == NEW
    for path in published:
        text = path.read_text()
        assert f"/{owner}/" not in text
        assert repository.PLACEHOLDER not in text
    for path in published[1:]:
        assert f"git+{NEW}" in path.read_text()
    assert repository.fill(tmp_path, NEW) == []


def test_what_is_no_address_is_refused(course, monkeypatch, capsys):
    for wrong in ("", "someone/course", "https://example.org/course", "https://example.org/a/b c"):
        with pytest.raises(ValueError, match="expected an address like"):
            repository.fill(course, wrong)
    monkeypatch.setattr(sys, "argv", ["address", "nonsense"])
    with pytest.raises(SystemExit, match="Nothing was filled"):
        repository.main()
    monkeypatch.setattr(sys, "argv", ["address"])
    with pytest.raises(SystemExit, match="usage"):
        repository.main()
    monkeypatch.setattr(sys, "argv", ["address", NEW])
    repository.main()
    assert "filled _config.yml" in capsys.readouterr().out
    (course / "_config.yml").write_text("title: x\n")
    with pytest.raises(ValueError, match="has no `url"):
        repository.address(course)


def test_expected_pages_are_those_of_the_contents(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/week_01_a.ipynb").write_text("{}")
    contents = (
        "root: book/index\nparts:\n  - chapters:\n    - file: book/plan\n      sections:\n      - file: book/more\n"
    )
    toc = tmp_path / "_toc.yml"
    toc.write_text(contents + "    - glob: notebooks/week_*\n")
    assert expected_pages.pages(toc) == ["book/index", "book/plan", "book/more", "notebooks/week_01_a"]
    for page in ["index", "search", *expected_pages.pages(toc)]:
        file = tmp_path / f"site/{page}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x" * 300)
    assert expected_pages.missing(tmp_path / "site", toc) == []
    (tmp_path / "site/book/more.html").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["expected_pages", "site"])
    with pytest.raises(SystemExit, match=r"site/book/more\.html"):
        expected_pages.main()
    (tmp_path / "site/book/more.html").write_text("x" * 300)
    expected_pages.main()
    assert "4 pages are there" in capsys.readouterr().out
    toc.write_text(contents + "    - glob: notebooks/nothing_*\n")
    with pytest.raises(ValueError, match="no notebook matches"):
        expected_pages.pages(toc)
