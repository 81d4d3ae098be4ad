"""Variations of status, errors, paths, constants, pace, login and statistics."""

from gateway.sandbox.variations.aggregates import StatisticsForm
from gateway.sandbox.variations.door import DoorForm
from gateway.sandbox.variations.envelope import EnvelopeForm
from gateway.sandbox.variations.model import DescriptionForm, Variation
from gateway.sandbox.variations.population import PopulationForm
from gateway.sandbox.variations.refusals import StatusForm

DOORS: dict[str, Variation] = {
    "assumed": Variation(),
    # status and errors
    "status-201": Variation(status=StatusForm(success=201)),
    "status-202": Variation(status=StatusForm(success=202)),
    "status-206": Variation(status=StatusForm(success=206)),
    "error-text": Variation(status=StatusForm(error="text")),
    "error-list": Variation(status=StatusForm(error="list", wording="class-validator")),
    "error-problem": Variation(status=StatusForm(error="problem", wording="joi")),
    "error-errors": Variation(status=StatusForm(error="errors", wording="zod")),
    "error-detail": Variation(status=StatusForm(error="detail", wording="pydantic", invalid=422)),
    "error-nested": Variation(status=StatusForm(error="nested", wording="zod")),
    "error-inside-200": Variation(status=StatusForm(error="inside", success_word="success")),
    "error-mute": Variation(status=StatusForm(wording="mute")),
    "error-one-at-a-time": Variation(status=StatusForm(wording="joi", one_at_a_time=True)),
    "unknown-members-ignored": Variation(status=StatusForm(unknown_members="ignored")),
    "unknown-members-ignored-and-mute": Variation(
        status=StatusForm(unknown_members="ignored", wording="mute")
    ),
    # paths
    "prefix-api": Variation(door=DoorForm(prefix="/api")),
    "prefix-v1": Variation(door=DoorForm(prefix="/v1")),
    "prefix-api-v1": Variation(door=DoorForm(prefix="/api/v1")),
    "path-described": Variation(
        door=DoorForm(prefix="/rest", results="/reports/learning-results"),
        description=DescriptionForm(path="/openapi.json"),
    ),
    "described-openapi": Variation(description=DescriptionForm(path="/openapi.json")),
    "described-openapi-3.1": Variation(
        description=DescriptionForm(path="/v3/api-docs", version="3.1.0")
    ),
    "described-nestjs-page": Variation(
        status=StatusForm(success=201, error="list", wording="class-validator"),
        description=DescriptionForm(page="/api", embedded="script"),
    ),
    "described-page-with-document": Variation(
        description=DescriptionForm(page="/", embedded="page")
    ),
    "described-swagger-2": Variation(
        door=DoorForm(prefix="/api/v2"),
        description=DescriptionForm(
            path="/swagger/v1/swagger.json", version="2.0", prefix_in="servers"
        ),
    ),
    "described-with-wrong-status": Variation(
        status=StatusForm(success=201),
        description=DescriptionForm(path="/api-json", success=200),
    ),
    "described-swagger-page": Variation(
        description=DescriptionForm(path="/docs-json", page="/docs")
    ),
    # constants and headers
    "constant-workspace": Variation(door=DoorForm(constants=(("workspaceId", "ws_1"),))),
    "constant-flag": Variation(door=DoorForm(constants=(("includeArchived", False),))),
    "archived-unless-asked": Variation(
        population=PopulationForm(archived=4, hidden="unless_asked")
    ),
    "header-workspace": Variation(door=DoorForm(headers=(("X-Workspace", "ws_1"),))),
    "header-version": Variation(door=DoorForm(headers=(("X-Api-Version", "2024-06-01"),))),
    # pace and login
    "pace-60": Variation(door=DoorForm(calls_a_minute=60)),
    "pace-60-without-retry-after": Variation(door=DoorForm(calls_a_minute=60, retry_after=False)),
    "pace-60-x-ratelimit": Variation(
        door=DoorForm(calls_a_minute=60, retry_after=False, rate_headers="x-ratelimit")
    ),
    "pace-60-ratelimit": Variation(
        door=DoorForm(calls_a_minute=60, retry_after=False, rate_headers="ratelimit")
    ),
    "slow-6-seconds": Variation(door=DoorForm(seconds_a_page=6)),
    "slow-35-seconds": Variation(door=DoorForm(seconds_a_page=35)),
    "login-password-20-seconds": Variation(door=DoorForm(login="password", token_seconds=20)),
    "login-oauth-20-seconds": Variation(door=DoorForm(login="oauth", token_seconds=20)),
    # visible rows
    "sees-one-group": Variation(population=PopulationForm(sees="group")),
    "sees-nothing": Variation(population=PopulationForm(sees="nothing")),
    "hidden-without-filters": Variation(population=PopulationForm(archived=4, hidden="unfiltered")),
    "archived-people": Variation(population=PopulationForm(archived=4)),
    # statistics
    "statistics-absent": Variation(statistics=StatisticsForm(present=False)),
    "statistics-other-names": Variation(statistics=StatisticsForm(names="other")),
    "statistics-other-path": Variation(statistics=StatisticsForm(path="/analyse/summary")),
    "statistics-nested": Variation(statistics=StatisticsForm(inside="data.summary")),
    "statistics-lists": Variation(statistics=StatisticsForm(shape="list")),
    "statistics-only-finished": Variation(statistics=StatisticsForm(counts="finished")),
    "statistics-count-people": Variation(statistics=StatisticsForm(counts="people")),
    "statistics-ignore-filters": Variation(statistics=StatisticsForm(filters="ignored")),
    # strange envelopes of success
    "success-word": Variation(
        status=StatusForm(success_word="ok"),
        envelope=EnvelopeForm(constants=(("code", 0), ("message", None))),
    ),
}
