"""Whatever is sent to the API, it answers as its own document says, and never breaks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from tests.fuzz.drawing import says_nothing_of_the_inside, seeds, try_all
from tests.security.worlds import WorkerHere, World

EXAMPLES = 20
HELD_TO = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@pytest.fixture
def schema(world: World) -> Any:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", world.app.server)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_the_api_holds_to_its_document(world: World, schema: Any, mode: GenerationMode) -> None:
    checks = CHECKS.get_by_names(HELD_TO)
    world.work_with(WorkerHere(world.platform))
    seen: Counter[tuple[str, int]] = Counter()
    for seed in seeds():
        bearer = world.platform.services.api_tokens.grant(world.user("adelheid"), None).access
        for found in schema.get_all_operations():
            operation = found.ok()
            # Ends the tokens that it is asked with: nobody's.
            head = (
                {}
                if "logout" in operation.path
                else {
                    "Authorization": f"Bearer {bearer}",
                    "X-API-Key": "",  # else one is drawn, which would come first
                }
            )

            def check(case: Any, head: Any = head, operation: Any = operation) -> None:
                # A packed answer would be handed on to the checks as it is.
                plain = {"Accept-Encoding": "identity"}
                headers = {**(case.headers or {}), **plain, **head}
                answer = case.call(headers=headers)
                if answer.status_code == 202 and "insights" in operation.path:
                    # What a worker finds wrong with the question is an answer too.
                    answer = case.call(headers=headers)
                seen[operation.definition.raw["operationId"], answer.status_code] += 1
                case.validate_response(answer, checks=checks)
                if answer.status_code >= 400:
                    says_nothing_of_the_inside(answer.text, case)

            try_all(operation.as_strategy(generation_mode=mode), check, count=EXAMPLES, seed=seed)
    statuses = {status for _, status in seen}
    assert ("insight", 200) in seen
    assert ("insight", 202) not in seen, "each question is computed or refused"
    assert not [status for status in statuses if status >= 500], seen
    assert sum(seen.values()) >= 9 * EXAMPLES / 2, seen
    print(mode, dict(seen))  # noqa: T201 -- for those who run it for long
