"""`validate`: what people see, and what scripts get."""

import json
import os
import re
import shlex

import pytest

import cli.validate
from cli.files import files_of, validate_files
from shared.core.dataset.options import Options, Role
from shared.core.dataset.summary import RowState
from shared.core.dataset.validate import PreparedRow
from tests.core.dataset.rows import ANSWER, USER, chat, lines, many

SPACED = chat(USER, {**ANSWER, "content": " 4"})


def test_a_file_without_errors_ends_with_0(run, file):
    code, out, _ = run("validate", file)

    assert code == 0
    assert "30 rows of training.jsonl: 0 errors, 0 warnings; can be trained on." in out


def test_errors_are_shown_with_place_excerpt_remedy_and_end_with_1(run, file):
    file.write_bytes(many(30) + lines(chat(USER, {**ANSWER, "content": 7})))
    code, out, _ = run("validate", file)

    assert code == 1
    assert (
        "training.jsonl:31 messages[1].content: error DS034 expected text or a list of parts, found a number"
        in out
    )
    assert "\n    7\n    Give the message text, or remove the message.\n" in out


def test_companions_beside_the_file_are_checked_too(run, file):
    file.with_name("validation.jsonl").write_bytes(many(2))
    _, out, _ = run("validate", file)

    assert "30 rows of training.jsonl and 2 rows of validation.jsonl" in out
    assert "DS008" in out
    assert files_of(file).keys() == {Role.TRAINING, Role.VALIDATION}


@pytest.mark.parametrize(
    ("option", "reason"),
    [("--depth=gate", "everything is always checked"), ("--workers=2", "one process checks a dataset")],
)
def test_options_of_earlier_releases_are_taken_and_do_nothing(run, file, option, reason):
    plain = run("validate", file, "--format", "json")
    code, out, err = run("validate", file, "--format", "json", option)

    assert (code, out) == plain[:2]
    assert err == f"note: {option.partition('=')[0]} does nothing any more: {reason}\n"


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_reports_for_machines_and_pages(run, file, form):
    code, out, _ = run("validate", file, "--format", form)

    assert code == 0
    assert json.loads(out)["examples"] == 24 if form == "json" else out.startswith("# Dataset")


def test_a_repaired_file_is_written_beside_the_original(run, file, tmp_path):
    before = many(30) + lines(SPACED)
    file.write_bytes(before)
    out = tmp_path / "out[b].jsonl"
    code, _, err = run("validate", file, "--repair", out)

    assert (code, file.read_bytes()) == (0, before)
    assert err == f"31 rows, 1 repair: {out}\n"
    assert json.loads(out.read_bytes().splitlines()[-1]) == chat(USER, ANSWER)


@pytest.mark.parametrize("name", ["training.jsonl", "validation.jsonl", "../{}/training.jsonl"])
def test_a_file_that_is_read_is_never_written_over(run, file, name):
    file.with_name("validation.jsonl").write_bytes(many(2))
    out = file.parent / name.format(file.parent.name)
    before = out.read_bytes()
    code, _, err = run("validate", file, "--repair", out)

    assert code == 2
    assert "give --repair another name" in err
    assert out.read_bytes() == before


@pytest.mark.parametrize("name", ["out.jsonl.part", ".out.jsonl.part", "out.jsonl.tmp"])
def test_no_other_file_is_touched_by_a_repair(run, tmp_path, name):
    """Neither one that is read nor one that lies beside it, whatever it is called."""
    file = tmp_path / name
    file.write_bytes(many(30) + lines(SPACED))
    beside = tmp_path / "out.jsonl.part"
    if beside != file:
        beside.write_bytes(b"somebody's")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, _, _ = run("validate", file, "--repair", tmp_path / "out.jsonl")

    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert code == 0
    assert after.pop("out.jsonl").count(b"\n") == 31
    assert after == before


@pytest.mark.parametrize(
    "change",
    [lambda rows: rows[:-1], lambda rows: [*rows, rows[0]], lambda _: []],
    ids=["less", "more", "none"],
)
def test_a_file_that_changed_since_it_was_checked_is_not_repaired(run, file, tmp_path, monkeypatch, change):
    file.write_bytes(many(30))
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"before")
    check = cli.validate.validate_files

    def checked_then_changed(*given):
        found = check(*given)
        file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))
        return found

    monkeypatch.setattr("cli.validate.validate_files", checked_then_changed)
    code, _, err = run("validate", file, "--repair", out)

    assert code == 2
    assert "is not as it was" in err
    assert out.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_can_be_read_only_once_is_not_repaired(run, tmp_path):
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    code, _, err = run("validate", pipe, "--repair", tmp_path / "out.jsonl")

    assert code == 2
    assert "store it in a file first" in err


def test_a_repaired_file_appears_whole_or_not_at_all(run, file, tmp_path, monkeypatch):
    def interrupted(*_given):
        yield PreparedRow(index=0, line=1, state=RowState.GOOD, data=b"{}")
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.files.prepared_rows", interrupted)
    out = tmp_path / "repaired.jsonl"
    out.write_bytes(b"before")
    code, _, _ = run("validate", file, "--repair", out)

    assert code == 130
    assert out.read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} == {"repaired.jsonl", "training.jsonl"}


def test_nothing_is_written_while_errors_are_left(run, file, tmp_path):
    file.write_bytes(many(30) + b"{\n")
    code, _, err = run("validate", file, "--repair", tmp_path / "out.jsonl")

    assert code == 1
    assert "nothing was written" in err
    assert not (tmp_path / "out.jsonl").exists()


def test_a_pipeline_file_sets_method_and_rules(run, file, tmp_path):
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("model: gpt-4.1\ndataset: {rules: {DS048: error}}\n")
    file.write_bytes(many(30) + lines(SPACED))

    assert run("validate", file, "--pipeline", pipeline)[0] == 1
    pipeline.write_text("model: gpt-4.1\ndataset: {rules: {DS48: error}}\n")
    code, _, err = run("validate", file, "--pipeline", pipeline)
    assert code == 2
    assert "p.yaml:2:" in err


def test_a_bad_pipeline_file_is_named_as_it_was_given(run, file, tmp_path):
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("model: gpt-4.1\nsufix: x\n")
    code, _, err = run("validate", file, "--pipeline", pipeline)
    assert (code, err.count(f"{pipeline}:2:1: sufix")) == (2, 1)

    pipeline.write_bytes(b"model: gpt-4.1\nsuffix: \xff\n")
    code, _, err = run("validate", file, "--pipeline", pipeline)
    assert (code, "not UTF-8 at byte 23" in err) == (2, True)


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_what_is_unusual_about_the_pipeline_file_is_shown(run, file, tmp_path, form):
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("model: gpt-4.1\ntraining_file: mine.jsonl\n")
    code, out, _ = run("validate", file, "--pipeline", pipeline, "--format", form)

    assert code == 0
    assert f"{pipeline}:2:16: training_file: ignored" in (
        out.replace("\\", "") if form == "markdown" else out
    )


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("rule", "noted"), [("min_gain: 0.1", True), ("superior_by: 0.1", False)])
def test_that_min_gain_is_stricter_now_is_shown(run, file, tmp_path, form, rule, noted):
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text(f"model: gpt-4.1\nevaluation: {{promote: {{{rule}}}}}\n")
    code, out, _ = run("validate", file, "--pipeline", pipeline, "--format", form)

    assert code == 0
    assert (f"{pipeline}:2:34: evaluation.promote.min_gain: now means `superior_by`" in out) is noted


def test_repairing_leaves_out_what_the_pipeline_puts_aside(run, file, tmp_path):
    pipeline, out = tmp_path / "p.yaml", tmp_path / "out.jsonl"
    pipeline.write_text("model: gpt-4.1\ndataset: {on_issue: {default: quarantine, DS007: reject}}\n")
    good = many(60)
    file.write_bytes(good + b"{\n" + lines(SPACED))
    code, _, err = run("validate", file, "--pipeline", pipeline, "--repair", out)

    assert code == 0
    assert "61 rows, 1 repair, 1 row left out as the pipeline's quarantine says" in err
    assert out.read_bytes().splitlines()[:60] == good.splitlines()

    twice = good + good.splitlines(keepends=True)[0]
    file.write_bytes(twice)
    assert run("validate", file, "--pipeline", pipeline, "--repair", out)[0] == 0
    assert out.read_bytes() == twice  # the pipeline keeps duplicates


@pytest.mark.parametrize("option", ["FILE", "--pipeline", "--repair"])
def test_a_file_that_is_not_there_is_named(run, file, tmp_path, option):
    missing = tmp_path / "folder" / "x"
    code, _, err = run("validate", missing) if option == "FILE" else run("validate", file, option, missing)

    assert code == 2
    assert err.startswith(f"error: {missing}")
    assert "No such file or directory" in err


def test_each_training_file_of_a_folder_is_checked_with_its_companions(run, tmp_path):
    row = '{"messages": [{"role": "user", "content": "%d?"}, {"role": "assistant", "content": "%d"}]}\n'
    good = "".join(row % (number, number) for number in range(30))
    (tmp_path / "a.jsonl").write_text(good)
    (tmp_path / "a.validation.jsonl").write_text(row % (99, 99))
    (tmp_path / "b.jsonl").write_text(good)
    (tmp_path / "notes.txt").write_text("not a dataset")
    code, out, _ = run("validate", tmp_path)
    found = " ".join(out.split())

    assert code == 0
    assert "30 rows of a.jsonl and 1 row of a.validation.jsonl" in found
    assert "30 rows of b.jsonl: 0 errors" in found
    assert found.count("can be trained on") == 2
    (tmp_path / "c.jsonl").write_text(row.replace("user", "usr") % (1, 1))
    assert run("validate", tmp_path)[0] == 1


def test_a_companion_that_accompanies_nothing_is_said_not_to_be_checked(run, tmp_path):
    for name, rows in (("a", 30), ("a.validation", 3), ("b.validation", 3), ("validation", 3)):
        (tmp_path / f"{name}.jsonl").write_bytes(many(rows))
    code, out, err = run("validate", tmp_path)

    assert code == 0
    assert "30 rows of a.jsonl and 3 rows of a.validation.jsonl" in out
    assert [line.split()[1] for line in err.splitlines()] == ["b.validation.jsonl", "validation.jsonl"]
    assert "is not checked: it accompanies none" in err


def test_the_set_to_compare_on_is_no_training_file_of_its_folder(run, tmp_path):
    rows = many(60).splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_bytes(b"".join(rows[:30]))
    (tmp_path / "golden.jsonl").write_bytes(b"".join(rows[30:]))
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("model: gpt-4.1\nevaluation: {set: golden.jsonl}\n")
    code, out, err = run("validate", tmp_path, "--pipeline", pipeline)

    assert err == ""
    assert (code, out.count("can be trained on")) == (0, 1), out


def test_a_folder_that_cannot_be_checked_is_a_sentence_with_the_way_out(run, file, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = run("validate", tmp_path / "empty")

    assert code == 2
    assert "a folder without a training file; name a file" in " ".join(err.split())
    assert "errno" not in err.lower()
    code, _, err = run("validate", file.parent, "--repair", tmp_path / "out.jsonl")
    assert code == 2
    assert "name the training file" in " ".join(err.split())


def test_an_error_without_a_file_is_shown_as_it_is(run, file, monkeypatch):
    def fails(*_given):
        raise OSError("the device is gone")

    monkeypatch.setattr("cli.validate.validate_files", fails)

    assert run("validate", file)[::2] == (2, "error: the device is gone\n")


@pytest.mark.slow
def test_many_findings_are_cut_and_counted(run, file):
    file.write_bytes(lines(*[chat(USER, {**ANSWER, "content": 7})] * 3000))
    code, out, _ = run("validate", file)

    assert code == 1
    assert "more; the totals:" in out
    assert "DS034  3,000  " in out


def test_the_bytes_that_are_read_are_reported_for_each_file(file):
    read = []
    file.with_name("validation.jsonl").write_bytes(many(2))
    validate_files(files_of(file), Options(), lambda path, size: read.append((path.name, size)))

    assert read == [("training.jsonl", len(many(30))), ("validation.jsonl", len(many(2)))]


def test_a_method_can_be_given(run, file):
    code, out, _ = run("validate", file, "--method", "dpo")

    assert code == 1
    assert "DS" in out


def test_a_method_comes_before_that_of_the_pipeline(run, file, tmp_path):
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("model: gpt-4.1\nmethod: {type: dpo, dpo: {hyperparameters: {n_epochs: 1}}}\n")

    assert run("validate", file, "--pipeline", pipeline)[0] == 1
    assert run("validate", file, "--pipeline", pipeline, "--method", "supervised")[0] == 0


def test_an_interrupted_command_says_so_and_no_more(run, file, monkeypatch):
    def interrupted(*_given, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.validate.validate_files", interrupted)
    code, out, err = run("validate", file)

    assert (code, out) == (130, "")
    assert err == "interrupted\n"


def sections(out):
    """The lines below "Before money is spent"."""
    return out.partition("Before money is spent\n")[2].partition("\n\n")[0].splitlines()


class TestBeforeMoneyIsSpent:
    RULE = "model: gpt-4.1\nevaluation:\n  promote: {confidence: 0.999}\n"

    @pytest.fixture
    def pipeline(self, tmp_path):
        path = tmp_path / "p.yaml"
        path.write_text(self.RULE)
        return path

    def test_it_says_what_the_comparison_will_be_able_to_show(self, run, file, pipeline):
        file.write_bytes(many(60))
        code, out, _ = run("validate", file, "--pipeline", pipeline)
        told = sections(out)

        assert code == 0
        assert told[0].startswith("- Whatever is trained, it cannot be shown to be better as things are")
        assert told[1] == (
            f"- warning: {pipeline}:3: evaluation.promote.confidence: 6 groups cannot give 99.9% confidence, however they end: "
            "it takes 10. Write `confidence: 0.95`, or have 10 groups: write `dataset: {evaluation: {split: 0.17}}`."
        )
        assert "- 6 held-out examples." in told
        assert any(line.startswith("- label_match decides; it passed its self-test.") for line in told)
        assert any(
            line.startswith("- Not known here, but in the cloud: which baselines are there") for line in told
        )

        pipeline.write_text(self.RULE + "dataset: {evaluation: {split: 0.17}}\n")
        assert "warning:" not in run("validate", file, "--pipeline", pipeline)[1]

    @pytest.mark.parametrize("form", ["json", "markdown"])
    def test_machines_and_pages_have_it_too(self, run, file, pipeline, form):
        file.write_bytes(many(60))
        _, out, _ = run("validate", file, "--pipeline", pipeline, "--format", form)

        if form == "json":
            outlook = json.loads(out)["outlook"]
            assert (outlook["groups"], outlook["can_be_better"], outlook["grader"]) == (
                6,
                False,
                "label_match",
            )
        else:
            assert "## Before money is spent\n\n- Whatever is trained" in out

    def test_without_a_pipeline_nobody_knows(self, run, file):
        assert "Before money" not in run("validate", file)[1]

    def test_with_errors_there_is_nothing_to_compare(self, run, file, pipeline):
        file.write_bytes(many(30) + b"{\n")
        code, out, _ = run("validate", file, "--pipeline", pipeline)

        assert (code, "Before money" in out) == (1, False)

    def test_a_grader_that_finds_nothing_in_the_rows_is_an_error(self, run, file, pipeline):
        grader = '{type: label_match, reference: "{{item.target}}"}'
        pipeline.write_text(f"model: gpt-4.1\nevaluation:\n  graders: [{grader}]\n")
        code, out, _ = run("validate", file, "--pipeline", pipeline)

        assert code == 1
        assert f"{pipeline}:3 evaluation.graders[0].reference: error PF001" in out
        assert "PF001  1  a grader finds nothing in the held-out rows" in out
        assert "1 error, 0 warnings; cannot be trained on." in out

    def test_what_can_be_read_only_once_is_not_graded(self, run, file, pipeline, monkeypatch):
        monkeypatch.setattr("cli.validate.can_be_read_again", lambda _files: False)
        code, out, err = run("validate", file, "--pipeline", pipeline)

        assert (code, "decides" in out) == (0, False)
        assert "can be read only once" in err

    @pytest.mark.parametrize("content", [b"", b"{}\n" * 40])
    def test_a_file_that_changed_since_it_was_checked_is_said_so(
        self, run, file, pipeline, monkeypatch, content
    ):
        check = cli.validate.validate_files

        def checked_then_changed(*given):
            found = check(*given)
            file.write_bytes(content)
            return found

        monkeypatch.setattr("cli.validate.validate_files", checked_then_changed)
        code, _, err = run("validate", file, "--pipeline", pipeline)

        assert code == 2
        assert "is not as it was when it was checked" in err


class TestTheSet:
    """`evaluation.set` lies beside the pipeline file, as in the container."""

    @pytest.fixture
    def pipeline(self, tmp_path):
        folder = tmp_path / "pipelines"
        (folder / "sets").mkdir(parents=True)
        (folder / "sets" / "x.jsonl").write_bytes(b"".join(many(50).splitlines(keepends=True)[30:]))
        path = folder / "p.yaml"
        path.write_text("model: gpt-4.1\nevaluation: {set: sets/x.jsonl, must_pass: [2, 20]}\n")
        return path

    def test_it_is_what_is_held_out(self, run, file, pipeline):
        file.write_bytes(many(30))
        code, out, _ = run("validate", file, "--pipeline", pipeline)

        assert code == 0
        assert "30 rows of training.jsonl and 20 rows of x.jsonl" in out
        assert "27 rows to train on, 3 to validate, 20 held out" in out
        assert "- 20 held-out examples." in sections(out)

    def test_training_rows_of_it_are_put_aside(self, run, file, pipeline):
        file.write_bytes(many(31))
        pipeline.write_text(pipeline.read_text() + "dataset: {quarantine_max_share: 0.5}\n")
        code, out, _ = run("validate", file, "--pipeline", pipeline)

        assert code == 0
        assert "DS094" in out
        assert "27 rows to train on" in out

    def test_it_counts_before_an_evaluation_file_which_is_noted(self, run, file, pipeline):
        file.with_name("evaluation.jsonl").write_bytes(many(3))
        _, out, _ = run("validate", file, "--pipeline", pipeline)

        assert "x.jsonl counts, so evaluation.jsonl is not used" in out
        assert "20 held out" in out

    def test_one_that_is_not_there_is_named(self, run, file, pipeline):
        missing = pipeline.parent / "sets" / "x.jsonl"
        missing.unlink()
        code, _, err = run("validate", file, "--pipeline", pipeline)

        assert (code, err.startswith(f"error: {missing}: No such file or directory")) == (2, True)
        assert "`evaluation.set`" in err

    @pytest.mark.parametrize(("lines", "code"), [("[1, 20]", 0), ("[21]", 2)])
    def test_lines_that_it_does_not_have_are_named(self, run, file, pipeline, lines, code):
        pipeline.write_text(pipeline.read_text().replace("[2, 20]", lines))
        found, _, err = run("validate", file, "--pipeline", pipeline)

        assert found == code
        assert ("evaluation.must_pass" in err and "has no row at line 21" in err) is (code == 2)


# --- what it costs, what is repaired, and what is not a dataset


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        (
            "prices: {training_usd_per_million_tokens: 1000}\n",
            ("USD, estimated: ", "(the pipeline's prices)"),
        ),
        ("", ("USD, estimated: ", "not your price", "set prices.training_usd_per_million_tokens")),
    ],
)
def test_before_money_is_spent_it_is_said_how_much(run, file, tmp_path, prices, says):
    pipeline = tmp_path / "support.yaml"
    pipeline.write_text(f"model: gpt-4.1-2025-04-14\n{prices}")
    code, out, _ = run("validate", file, "--pipeline", pipeline)
    shown = out[out.index("Before money is spent") :]
    (line,) = (line for line in shown.splitlines() if line.startswith("- Training costs "))

    assert code == 0
    assert all(text in line for text in says)
    assert "3 epochs, which is assumed" in line
    assert "Training costs" not in run("validate", file)[1]


def test_a_dataset_that_cannot_be_trained_on_costs_nothing(run, file, tmp_path):
    pipeline = tmp_path / "support.yaml"
    pipeline.write_text("model: gpt-4.1-2025-04-14\n")
    file.write_bytes(many(30) + b"{\n")

    assert "Training costs" not in run("validate", file, "--pipeline", pipeline)[1]


@pytest.mark.parametrize("options", [(), ("--method", "supervised")])
def test_what_can_be_repaired_is_said_with_its_command(run, tmp_path, options):
    folder = tmp_path / "my data"
    folder.mkdir()
    file = folder / "training.jsonl"
    file.write_bytes(many(30) + lines(SPACED))
    out = run("validate", file, *options)[1]
    (line,) = (line for line in out.splitlines() if line.startswith("what can be repaired"))
    command = shlex.split(line.partition("with: foundry-finetune ")[2])

    assert "once" not in line
    assert run(*command)[0] == 0
    assert (folder / "training-repaired.jsonl").read_bytes().count(b"\n") == 31
    assert "what can be repaired" not in run("validate", folder / "training-repaired.jsonl")[1]
    file.write_bytes(many(30) + lines(SPACED) + b"{\n")
    assert "is repaired, once DS" in run("validate", file)[1]


def test_a_repair_that_is_stopped_says_by_what_and_what_it_would_have_done(run, file, tmp_path):
    file.write_bytes(many(30) + lines(SPACED) + b"{\n")
    code, _, err = run("validate", file, "--repair", tmp_path / "out.jsonl")

    assert code == 1
    assert not (tmp_path / "out.jsonl").exists()
    assert re.search(r"would have been repaired: 1 repair: DS\d+ \(1\)\n", err)
    assert re.search(r"stops it: training\.jsonl:32: DS\d+ ", err)
    file.write_bytes(many(30) + b"{\n" * 30)
    err = run("validate", file, "--repair", tmp_path / "out.jsonl")[2]
    assert "would have been repaired: nothing" in err
    assert err.count("stops it: ") == 20
    assert "... 10 more" in err


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("support.yaml", b"model: gpt-4.1\nevaluation:\n  set: x\n" * 40, "pipelines check"),
        ("rows.csv", b"question,answer\na,b\n", "none of its first 2 lines begins with {"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\x00", "is not JSON Lines"),
    ],
)
def test_what_is_not_json_lines_at_all_is_one_error(run, tmp_path, name, content, says):
    file = tmp_path / name
    file.write_bytes(content)
    code, out, err = run("validate", file)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert ("pipelines check" in err) == name.endswith(".yaml")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.txt", b"\xef\xbb\xbf" + many(30)),
        ("rows.json", b"\n" * 60 + many(1)),
        ("training.jsonl", b"a: b\n"),
    ],
)
def test_what_may_be_rows_is_looked_at_line_by_line(run, tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)

    assert run("validate", file)[0] in {0, 1}
