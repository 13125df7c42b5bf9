"""Uploaded files in every form that clients name them: each is a row, or the answer says which one was refused."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import Facade
from tests.api.pictures import archive, portrait
from tests.stack import Stack

BOUNDARY = "----boundary"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def body(*parts: tuple[str, bytes]) -> bytes:
    """A multipart message of parts: what follows `form-data;` in the header, and the content."""
    lines = b""
    for disposition, content in parts:
        header = f"Content-Disposition: form-data; {disposition}".encode()
        lines += f"--{BOUNDARY}\r\n".encode() + header + b"\r\n\r\n" + content + b"\r\n"
    return lines + f"--{BOUNDARY}--\r\n".encode()


# Forms of a name, and what the file is called then.
FORMS = [
    ('name="files"; filename="plain.jpg"', "plain.jpg"),
    ("name=\"files\"; filename*=utf-8''Z%C3%B6e.jpg", "Zöe.jpg"),
    ('name="files"; filename="=?utf-8?B?TcO8bGxlci5qcGc=?="', "Müller.jpg"),
    ('name="files"; filename="=?iso-8859-1?Q?Andr=E9.jpg?="', "André.jpg"),
    ('name="files"; filename="blob"', "blob.jpg"),
    ('name="files"; filename="no extension"', "no extension.jpg"),
    ('name="files"; filename="scan.dat"', "scan.dat.jpg"),
    ('name="files"; filename="C:\\pictures\\windows.jpg"', "windows.jpg"),
    ('name="files"; filename=""', "upload.jpg"),
    ('name="files"', "upload_2.jpg"),
    ('name="files[]"; filename="array.jpg"', "array.jpg"),
    ("name=files; filename=token.jpg", "token.jpg"),
    ("name=\"files\"; filename*=no-such-charset''x.jpg", None),
    ('name="files"; filename*=broken', None),
    ('name="files"; filename="😀.jpg"', "_.jpg"),
]


def test_every_uploaded_part_is_a_row_whatever_it_is_called(stack: Stack):
    parts = [(disposition, portrait()) for disposition, _ in FORMS]
    parts += [('name="files"; filename="notes.txt"', b"no picture"), ('name="files"; filename="empty"', b"")]
    parts += [('name="note"', b"a field"), ('name="files"; filename=""', b"")]  # no file was chosen
    answer = stack.client.post("/scan/remote?modality=face", content=body(*parts), headers=HEADERS)
    assert answer.status_code == 201, answer.text
    task = stack.finished(answer.json()["tid"])
    rows = stack.client.get(f"/scan/{task['collection']}/profiles").json()
    found = sorted(row["file"].rpartition("/")[2] for row in rows)
    assert len(found) == len(FORMS) + 2
    assert {name for _, name in FORMS if name} | {"notes.txt", "empty"} <= set(found)
    bad = {row["file"].rpartition("/")[2] for row in rows if "log" in row}
    assert bad == {"notes.txt", "empty"}


def test_file_in_a_part_of_another_name_is_named(facade: TestClient, tmp_path: Path):
    parts = [('name="files"; filename="1.jpg"', portrait()), ('name="photo"; filename="2.jpg"', portrait())]
    answer = facade.post("/scan/remote?modality=face", content=body(*parts), headers=HEADERS)
    assert answer.status_code == 422 and "2.jpg" in answer.text and "photo" in answer.text
    assert not list((tmp_path / "storage" / "temp").glob("*"))


def test_refusals_name_the_file(facade_in: Facade, tmp_path: Path):
    with facade_in(tmp_path, max_upload=200_000, max_upload_files=2) as client:
        many = [(f'name="files"; filename="{n}.jpg"', b"x") for n in range(3)]
        answer = client.post("/scan/remote?modality=face", content=body(*many), headers=HEADERS)
        assert answer.status_code == 413 and "'2.jpg'" in answer.json()["detail"]
        large = [
            ('name="files"; filename="a.jpg"', b"x"),
            ("name=\"files\"; filename*=utf-8''b%2B.jpg", b"x" * 300_000),
        ]
        answer = client.post("/scan/remote?modality=face", content=body(*large), headers=HEADERS)
        assert answer.status_code == 413 and "'b+.jpg'" in answer.json()["detail"]
        for name, content in (
            ("faces.rar", b"Rar!"),
            ("faces.zip", b"no archive"),
            ("set.zip", archive({"a.txt": b""})),
        ):
            answer = client.post("/dataset", files={"file": (name, content)})
            assert answer.status_code == 400 and name in answer.json()["detail"]


@pytest.mark.parametrize("name", ["faces.zip", "blob", "picture.jpg"])
def test_archives_that_are_to_be_scanned_are_sent_to_the_route_that_unpacks_them(
    facade: TestClient, tmp_path: Path, name: str
):
    files = [("files", (name, archive({"1.jpg": portrait()})))]
    answer = facade.post("/scan/remote?modality=face", files=files)
    assert answer.status_code == 400 and name in answer.json()["detail"] and "/dataset" in answer.json()["detail"]
    assert not list((tmp_path / "storage" / "temp").glob("*"))


@pytest.mark.parametrize(
    "disposition", ['name="file"', 'name="file"; filename="blob"', 'name="file"; filename="f.zip"']
)
def test_archives_need_no_name(facade: TestClient, tmp_path: Path, disposition: str):
    answer = facade.post("/dataset", content=body((disposition, archive({"1.jpg": portrait()}))), headers=HEADERS)
    assert answer.status_code == 200, answer.text
    folder = answer.json()["message"].partition("data/")[2]
    assert (tmp_path / "data" / folder / "1.jpg").read_bytes() == portrait()


def test_archive_with_guessed_names_says_so(facade: TestClient):
    content = archive({"Andre.jpg": portrait()}).replace(b"Andre", b"Andr\x82")
    answer = facade.post("/dataset", files={"file": ("old.zip", content)}).json()
    assert answer["message"].endswith("data/uploaded/old") and "code page 437" in answer["notes"][0]


def test_uploaded_pictures_keep_the_folders_that_they_came_in(stack: Stack):
    names = ["June/a/1.jpg", "June/b/1.jpg", "June/b/../../../escaped/1.jpg", "June/.hidden/2", "June\\c\\3.jpg"]
    files = [("file", (name, portrait() + name.encode())) for name in names]
    answer = stack.client.post("/v1/datasets/upload", params={"name": "June set"}, files=files)
    assert answer.status_code == 202, answer.text
    task = stack.finished(answer.json()["task"])
    assert task["status"] == 2, stack.client.get(f"/v1/runs/{answer.json()['task']}").text
    key = answer.json()["dataset"]["key"]
    rows = stack.client.get(f"/v1/datasets/{key}/profiles").json()["items"]
    (prefix,) = answer.json()["dataset"]["sources"]
    assert prefix.startswith("data/uploaded/June")
    assert {row["file"].removeprefix(f"{prefix}/") for row in rows} == {
        *("a/1.jpg", "b/1.jpg", "b/escaped/1.jpg", "hidden/2.jpg", "c/3.jpg")
    }


def test_several_archives_at_once_are_refused(facade: TestClient, tmp_path: Path):
    files = [("file", (f"{n}.zip", archive({"1.jpg": portrait()}))) for n in range(2)]
    answer = facade.post("/v1/datasets/upload", files=files)
    assert answer.status_code == 400 and "one archive at a time" in answer.json()["detail"]
    assert not list((tmp_path / "data" / "uploaded").iterdir())
