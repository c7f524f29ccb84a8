"""Files, by the openai client of a project."""

import openai
import pytest

JSONL = "application/jsonl"


def test_a_managed_identity_gets_a_token(credential):
    token = credential.get_token("https://ai.azure.com/.default")

    assert token.token.count(".") == 2
    assert token.expires_on > 0


def test_a_file_is_pending_then_running_then_processed_and_comes_back_unchanged(clients, boxes, step_until):
    (_, client, _), content, seen = clients, boxes(3), []
    file = client.files.create(file=("boxes.jsonl", content, JSONL), purpose="fine-tune")

    def look():
        seen.append(client.files.retrieve(file.id).status)
        return seen[-1] == "processed"

    step_until(look)
    assert (file.status, file.bytes, file.filename) == ("pending", len(content), "boxes.jsonl")
    assert list(dict.fromkeys([file.status, *seen])) == ["pending", "running", "processed"]
    assert client.files.content(file.id).read() == content


def test_a_deleted_file_is_gone(client, upload, boxes):
    file = upload(boxes(3))
    deleted = client.files.delete(file.id)

    assert (deleted.id, deleted.deleted) == (file.id, True)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)


def test_files_are_listed_newest_first_by_purpose_and_in_pages(client, upload, boxes):
    made = [upload(boxes(2), f"page-{number}.jsonl").id for number in range(3)]
    listed = [file.id for file in client.files.list(purpose="fine-tune", limit=1) if file.id in made]

    assert listed == made[::-1]
    assert [f.id for f in client.files.list(order="asc") if f.id in made] == made
    assert not set(made) & {file.id for file in client.files.list(purpose="evals")}


@pytest.mark.parametrize(
    ("name", "kind", "purpose", "words"),
    [
        ("boxes.txt", JSONL, "fine-tune", "wrong suffix"),
        ("boxes.jsonl", JSONL, "training", "Invalid value for purpose"),
        ("boxes.jsonl", "", "fine-tune", "empty content type"),
    ],
)
def test_a_wrong_upload_is_refused_with_the_words_of_azure(client, boxes, name, kind, purpose, words):
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.create(file=(name, boxes(2), kind), purpose=purpose)

    assert words in caught.value.message
    assert caught.value.code == "invalidPayload"
    assert caught.value.response.headers["apim-request-id"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"messages": []}\n{"messages": [\n', "line 2"),
        (b"[1]\n", "line 1"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"[" * 100_000, "line 1"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}\n', "line 1"),
    ],
    ids=["broken", "not an object", "not UTF-8", "too deep", "lone surrogate"],
)
def test_a_file_that_cannot_be_read_ends_in_error_and_says_where(upload, content, words):
    file = upload(content)

    assert file.status == "error"
    assert words in file.status_details


def test_a_path_that_does_not_exist_is_an_error_in_the_same_shape(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.get("/nonsense", cast_to=object)

    assert caught.value.body["message"]
