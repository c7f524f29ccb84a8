"""Ports `DatasetSource`, `PipelineFiles`, `Artifacts`: the three containers."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.errors import DatasetChanged, NotFound, Refused

MIB = 1024 * 1024
LONG_AGO, FAR_AHEAD = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


#: The client sends the first of these as `/pipelines/x`.
UNSAFE = ["att/../../pipelines/x", "./x", "att/..", "a\\..\\b", "a\x1b[2J.jsonl", "a\nb.jsonl", "a\u202eb"]


def version(ports, name):
    return ports.datasets.properties(name).etag


def listed(ports, since):
    """All datasets of a listing."""
    return [dataset for page in ports.datasets.changed_since(since) for dataset in page]


def read(ports, name, etag):
    return b"".join(ports.datasets.chunks(name, etag))


class TestDatasetSource:
    """One version of a blob is read, or none."""

    def test_a_dataset_is_described_with_size_and_uploader(self, ports):
        ports.put_dataset("p/a.jsonl", b"12345", uploaded_by="oid-1")
        ports.put_dataset("p/ä b%20#?.jsonl", b"1")
        seen = ports.datasets.properties("p/a.jsonl")

        assert (seen.name, seen.size_bytes, seen.uploaded_by) == ("p/a.jsonl", 5, "oid-1")
        assert '"' not in seen.etag
        assert seen.modified_at.tzinfo is not None
        odd = ports.datasets.properties("p/ä b%20#?.jsonl")
        assert (odd.name, odd.uploaded_by) == ("p/ä b%20#?.jsonl", None)
        assert ports.datasets.properties("p/none.jsonl") is None

    def test_the_listing_names_the_same_versions(self, ports):
        ports.put_dataset("listed/a.jsonl", b"{}", uploaded_by="oid-2")
        found = [ref for ref in listed(ports, LONG_AGO) if ref.name == "listed/a.jsonl"]

        assert found == [ports.datasets.properties("listed/a.jsonl")]
        assert listed(ports, FAR_AHEAD) == []
        one_second_before = found[0].modified_at - timedelta(seconds=1)
        assert found[0] in listed(ports, one_second_before)

    def test_a_listing_comes_in_pages_also_where_no_name_is_young_enough(self, ports):
        """What a listing costs is the pages that it has to go through."""
        for number in range(3):
            ports.put_dataset(f"pages/{number}.jsonl", b"{}")
        assert len(list(ports.datasets.changed_since(LONG_AGO))) == 1
        ports.list_by(2)
        try:
            pages, empty = (list(ports.datasets.changed_since(since)) for since in (LONG_AGO, FAR_AHEAD))
        finally:
            ports.list_by(5000)

        names = [dataset.name for page in pages for dataset in page]
        assert {f"pages/{number}.jsonl" for number in range(3)} <= set(names)
        assert len(names) == len(set(names))
        assert len(pages) == len(empty) == (len(names) + 1) // 2 >= 2
        assert max(map(len, pages)) == 2

    def test_an_empty_container_has_one_page(self, empty_datasets):
        assert list(empty_datasets.changed_since(LONG_AGO)) == [[]]

    @pytest.mark.parametrize("size", [0, 1, 4 * MIB, 9 * MIB])
    def test_a_version_is_streamed_in_chunks(self, ports, size):
        data = (bytes(range(256)) * (size // 256 + 1))[:size]
        ports.put_dataset("p/big.jsonl", data)
        chunks = list(ports.datasets.chunks("p/big.jsonl", version(ports, "p/big.jsonl")))

        assert b"".join(chunks) == data
        assert max(map(len, chunks), default=0) <= 4 * MIB

    @pytest.mark.parametrize("name", UNSAFE)
    def test_a_name_that_leads_elsewhere_is_not_sent(self, ports, name):
        with pytest.raises(Refused):
            ports.datasets.properties(name)
        with pytest.raises(Refused):
            list(ports.datasets.chunks(name, "0x1"))

    def test_another_version_is_never_read(self, ports):
        ports.put_dataset("p/b.jsonl", b"old")
        old = version(ports, "p/b.jsonl")
        ports.put_dataset("p/b.jsonl", b"new")

        assert version(ports, "p/b.jsonl") != old
        assert read(ports, "p/b.jsonl", version(ports, "p/b.jsonl")) == b"new"
        with pytest.raises(DatasetChanged):
            read(ports, "p/b.jsonl", old)

    def test_the_same_bytes_again_are_another_version(self, ports):
        ports.put_dataset("p/same.jsonl", b"same")
        old = version(ports, "p/same.jsonl")
        ports.put_dataset("p/same.jsonl", b"same")

        assert version(ports, "p/same.jsonl") != old

    def test_a_version_that_changes_while_it_is_read_is_noticed(self, ports):
        ports.put_dataset("p/c.jsonl", b"a" * 9 * MIB)
        chunks = ports.datasets.chunks("p/c.jsonl", version(ports, "p/c.jsonl"))
        next(chunks)
        ports.put_dataset("p/c.jsonl", b"b" * 9 * MIB)

        with pytest.raises(DatasetChanged):
            list(chunks)

    def test_a_deleted_version_is_changed_too(self, ports):
        ports.put_dataset("p/d.jsonl", b"{}")
        etag = version(ports, "p/d.jsonl")
        ports.remove_dataset("p/d.jsonl")

        with pytest.raises(DatasetChanged):
            read(ports, "p/d.jsonl", etag)


class TestPipelineFiles:
    """Texts by name, and nothing outside of the container."""

    def test_pipeline_files_are_found_by_name_with_either_suffix(self, ports):
        for path, text in {
            "one.yaml": "model: a\n",
            "one.yml": "model: other\n",
            "two.yml": "model: é\n",
            "prompts/long.txt": "be brief",
            "prompts/no-pipeline.yaml": "x",
            "empty.yaml": "",
        }.items():
            ports.put_pipeline_file(path, text)
        files = ports.pipeline_files

        assert [files.read(name) for name in ("one", "two", "three", "empty")] == [
            "model: a\n",
            "model: é\n",
            None,
            "",
        ]
        assert (files.read_text("prompts/long.txt"), files.read_text("none.txt")) == ("be brief", None)
        assert files.names() == ("empty", "one", "two")

    def test_a_prompt_that_is_too_large_is_refused_and_not_cut(self, ports):
        ports.put_pipeline_file("prompts/limit.txt", "x" * 256 * 1024)
        ports.put_pipeline_file("prompts/large.txt", "x" * (256 * 1024 + 1))

        assert len(ports.pipeline_files.read_text("prompts/limit.txt")) == 256 * 1024
        with pytest.raises(Refused, match="larger than"):
            ports.pipeline_files.read_text("prompts/large.txt")

    def test_a_set_is_read_to_its_last_byte_or_refused(self, ports):
        ports.put_pipeline_file("sets/small.jsonl", "{}\r\n{}")
        ports.put_pipeline_file("sets/limit.jsonl", "x" * 16 * MIB)
        ports.put_pipeline_file("sets/large.jsonl", "x" * (16 * MIB + 1))
        files = ports.pipeline_files

        assert (files.read_set("sets/small.jsonl"), files.read_set("sets/none.jsonl")) == (b"{}\r\n{}", None)
        assert len(files.read_set("sets/limit.jsonl")) == 16 * MIB
        with pytest.raises(Refused, match="larger than"):
            files.read_set("sets/large.jsonl")

    @pytest.mark.parametrize(
        "path", ["../datasets/p/a.jsonl", "/etc/passwd", "a/../../b", "./p.yaml", "a\n", ""]
    )
    def test_a_path_out_of_the_container_is_no_file(self, ports, path):
        ports.put_dataset("p/a.jsonl", b"secret")

        assert ports.pipeline_files.read_text(path) is None
        assert ports.pipeline_files.read_set(path) is None


class TestArtifacts:
    """What a run leaves behind."""

    def test_artifacts_are_written_replaced_and_read(self, ports):
        artifacts = ports.artifacts
        assert artifacts.read("runs/r1/none.json") is None
        artifacts.write("runs/r1/report.json", b"one", "application/json")
        artifacts.write("runs/r1/report.json", io.BytesIO(b"two"), "application/json")
        artifacts.write("runs/r1/empty.json", b"", "application/json")

        assert (artifacts.read("runs/r1/report.json"), artifacts.read("runs/r1/empty.json")) == (b"two", b"")

    def test_artifacts_are_listed_by_prefix_in_order(self, ports):
        for name in ("runs/l1/b.json", "runs/l1/a/1.json", "runs/l10/c.json"):
            ports.artifacts.write(name, b"{}", "application/json")

        assert ports.artifacts.names("runs/l1/") == ["runs/l1/a/1.json", "runs/l1/b.json"]
        assert ports.artifacts.names("runs/none/") == []

    def test_an_artifact_is_opened_as_a_file_from_its_beginning(self, ports):
        ports.artifacts.write("runs/o/prepared.jsonl", b"1\n2\n3\n", "application/jsonl")
        with ports.artifacts.open("runs/o/prepared.jsonl") as lines:
            assert list(lines) == [b"1\n", b"2\n", b"3\n"]
            lines.seek(0)
            assert lines.read() == b"1\n2\n3\n"

        with pytest.raises(NotFound), ports.artifacts.open("runs/o/none.jsonl"):
            pytest.fail("it was opened")
