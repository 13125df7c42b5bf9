"""The documentation pages."""

import re

from fastapi.testclient import TestClient


def test_docs_list_every_route_even_when_no_script_loads(facade: TestClient):
    page = facade.get("/docs")
    assert page.status_code == 200 and 'id="swagger-ui"' in page.text
    without_scripts = re.sub(r"<script.*?</script>", "", page.text, flags=re.S)
    paths = facade.get("/openapi.json").json()["paths"]
    assert len(paths) > 60
    assert all(f"{path}</code>" in without_scripts for path in paths)


def test_every_route_says_what_it_does(facade: TestClient):
    document = facade.get("/openapi.json").json()
    assert all(op.get("description") for methods in document["paths"].values() for op in methods.values())
    assert facade.get("/redoc").status_code == 200


def test_examples_of_the_document_are_valid_json_of_their_schema(facade: TestClient):
    import jsonschema

    schemas = facade.get("/openapi.json").json()["components"]["schemas"]
    checked = 0
    for name, schema in schemas.items():
        for example in schema.get("examples", ()):
            root = {**schema, "components": {"schemas": schemas}}
            jsonschema.Draft202012Validator(root).validate(example)
            checked += 1
            assert isinstance(example, dict), name
    assert checked >= 3
