"""The year holds together: 52 weeks of 20 hours, four gates, and every name declared."""

import re
from pathlib import Path

import pytest

from ultralearn.plan import PlanError, load_plan
from ultralearn.plan.year import PLAN

ROOT = Path(__file__).parents[2]
TEXT = PLAN.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plan():
    return load_plan()


def test_hours_are_those_of_the_weekly_structure(plan):
    assert [day.hours for day in plan.weekdays] == [3, 3, 2, 3, 3, 4, 2]
    assert plan.hours == 20


def test_there_are_52_weeks_in_12_months(plan):
    assert [week.number for week in plan.weeks] == list(range(1, 53))
    assert sorted({week.month for week in plan.weeks}) == list(range(1, 13))
    assert len({week.title for week in plan.weeks}) == 52


def test_gates_close_months_3_6_9_and_12(plan):
    assert [gate.month for gate in plan.gates] == [3, 6, 9, 12]
    for gate in plan.gates:
        assert plan.week(gate.week).month == gate.month
        assert gate.week == 52 or plan.week(gate.week + 1).month == gate.month + 1
        assert plan.gate(gate.week) is gate
    assert plan.gate(1) is None


def test_sixteen_weeks_build_three_projects_then_come_the_agents(plan):
    order = list(dict.fromkeys(week.project for week in plan.weeks))
    assert order[:5] == ["foundations", "recommender", "rl", "mlops", "agents"]
    assert [week.number for week in plan.weeks if week.project in order[:4]] == list(range(1, 17))


def test_the_job_search_begins_in_month_8(plan):
    assert plan.week(plan.job_search_from).month == 8
    assert plan.week(plan.job_search_from - 1).month == 7
    assert min(week.number for week in plan.weeks if week.project == "job") == plan.job_search_from


def test_nine_principles_are_each_in_focus_and_explained(plan):
    assert len(plan.principles) == 9
    assert {week.principle for week in plan.weeks} == set(plan.principles)
    page = (ROOT / "book/how_to_study.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \*\*(\w+)\*\*", page, re.MULTILINE) == [name.capitalize() for name in plan.principles]


def test_what_is_not_there_is_named(plan):
    with pytest.raises(PlanError, match="no week 53: the plan has weeks 1 to 52"):
        plan.week(53)
    with pytest.raises(PlanError, match="no project 'x'"):
        plan.project("x")
    assert plan.project("rl").goal


WRONG = {
    "is not valid TOML": lambda text: text + "\n[[",
    "has no 'job_search_from'": lambda text: text.replace("job_search_from = 31", ""),
    r"entry 2 of \[\[weeks\]\]: 'colour' is unknown": lambda text: text.replace(
        'title = "PyTorch fundamentals"', 'title = "PyTorch fundamentals"\ncolour = "red"'
    ),
    r"entry 1 of \[\[gates\]\]: 'week' is missing": lambda text: text.replace("week = 13\n", ""),
    "weeks must be 1 to 52": lambda text: text.replace("number = 52", "number = 53"),
    "a week has 7 weekdays": lambda text: text + '\n[[weekdays]]\nname = "Eighthday"\nhours = 1\nuse = "rest"\n',
    "week 3: project 'film' is none of": lambda text: text.replace('project = "recommender"', 'project = "film"', 1),
    "week 1: principle 'luck' is none of": lambda text: text.replace(
        'principle = "metalearning"', 'principle = "luck"', 1
    ),
    "gate of month 6: it closes the month, so its week is 26; it says 25": lambda text: text.replace(
        "week = 26", "week = 25"
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_plan_says_what_is_wrong_and_where(message, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(WRONG[message](TEXT), encoding="utf-8")
    with pytest.raises(PlanError, match=message) as caught:
        load_plan(path)
    assert "plan.toml" in str(caught.value)


def test_the_readme_links_every_written_week_and_no_other():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((notebooks/week_\d\d_\w+\.ipynb)\)", readme))
    written = {f"notebooks/{path.stem}.ipynb" for path in (ROOT / "notebooks").glob("week_*.py")}
    assert linked == written


def test_the_readme_names_the_projects_and_their_weeks(plan):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for project in plan.projects[:5]:
        assert project.name in readme
    for week in plan.weeks[:22]:
        assert re.search(rf"(\[|\b){week.number}(\]|\b)", readme), f"README.md does not name week {week.number}"
