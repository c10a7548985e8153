"""What `fix` and `transition` show on a terminal: the plan with a question, and the report."""

from __future__ import annotations

from migmerge.commands.arguments_of_apps import says_yes
from migmerge.commands.fix_options import FixOptions, is_interactive
from migmerge.errors import UserError
from migmerge.exit_codes import FOUND, OK
from migmerge.git.repository import Repository
from migmerge.report.diff import print_diff
from migmerge.report.fix import FixReport, Verification, report_json, report_text, resolutions_text
from migmerge.resolve.fix_plan import FixPlan, FixStatus


def agreed(repository: Repository, plan: FixPlan, options: FixOptions) -> bool:
    """Ask on a terminal; without one, or in JSON, print the plan and stop."""
    if not is_interactive(options):
        report = FixReport(plan, Verification(), "", written=False)
        print_report(repository, report, options._replace(dry_run=True))
        raise UserError(
            "no-terminal", "nothing was written: there is no terminal to ask on", "add --yes"
        )

    print_diff(repository, plan)
    reasons = [r for r in plan.resolutions if r.reasons]
    print(resolutions_text(reasons), end="")
    return says_yes("Write this?")


def print_report(repository: Repository, report: FixReport, options: FixOptions) -> int:
    """Print the report; the exit code."""
    if options.format == "json":
        print(report_json(report))
    else:
        if options.dry_run:
            print_diff(repository, report.plan)
        text = report_text(report)
        print(text or "no conflicts", end="" if text else "\n")

    return exit_code(report, options)


def exit_code(report: FixReport, options: FixOptions) -> int:
    """Refused is `FOUND`, and so is what was written and not verified."""
    statuses = {resolution.status for resolution in report.plan.resolutions}
    if FixStatus.REFUSED in statuses or not report.whole:
        return FOUND
    if report.written:
        verified = report.verification.complete or options.allow_skipped
        return OK if verified else FOUND
    return OK if options.dry_run or not report.plan.changes else FOUND
