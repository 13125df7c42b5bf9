"""The documentation pages."""

import re

from fastapi.testclient import TestClient


def test_documentation_pages_load_nothing_from_elsewhere(facade: TestClient):
    for path in ("/docs", "/redoc"):
        page = facade.get(path)
        assert page.status_code == 200
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page.text), path
        for source in re.findall(r"""(?:src|href)="([^"]+)\"""", page.text):
            assert facade.get(source).status_code == 200, source


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
