"""The year as data: 52 weeks, their hours, projects, principles and gates, read from plan.toml."""

from ultralearn.plan.year import Gate, Plan, PlanError, Project, Week, Weekday, load_plan

__all__ = ["Gate", "Plan", "PlanError", "Project", "Week", "Weekday", "load_plan"]
