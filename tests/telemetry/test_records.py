"""Records: fixed keys, one harmless line."""

import logging

import pytest

from shared.telemetry import names, records

HOSTILE = "a\r\nERROR forged\x1b[31m\u202eevil\u2066\x85\u2028\ud800\x00"


class TestValues:
    """What somebody chose cannot forge, colour or reorder a line."""

    def test_control_characters_and_marks_are_escaped(self):
        shown = records.clean(HOSTILE)

        assert shown == (r"a\r\nERROR forged\x1b[31m\u202eevil\u2066\x85\u2028\ud800\x00")
        assert shown.isprintable()

    @pytest.mark.parametrize("text", ["", "boxes", "naïve — 🙂", "x" * 200])
    def test_other_text_stays(self, text):
        assert records.clean(text) == text

    @pytest.mark.parametrize("text", ["x" * 201, "\x00" * 10_000, "x" * 199 + "\x00"])
    def test_values_are_bounded(self, text):
        assert len(records.clean(text)) == 200


class TestKeys:
    """The same keys stand in the text and in the custom dimensions."""

    def test_keys_are_attributes_of_the_record(self, ear):
        records.log(
            names.RUN_MOVED, run_id="r", pipeline="p", status="training", previous="submitting", code=None
        )
        (record,) = ear.events()

        assert record.getMessage() == "run.moved run_id=r pipeline=p status=training previous=submitting"
        assert (record.event, record.run_id, record.status) == ("run.moved", "r", "training")
        assert not hasattr(record, "code")
        assert record.levelno == logging.INFO

    def test_other_keys_are_refused(self, ear):
        with pytest.raises(AssertionError, match=r"run\.unknown has no keys"):
            records.log(names.RUN_UNKNOWN, text="rows")
        assert ear.events() == []

    @pytest.mark.parametrize("key", list(names.LOG_KEYS))
    def test_no_key_is_one_of_the_log_record_itself(self, key):
        assert key not in logging.makeLogRecord({}).__dict__


@pytest.fixture
def sdk_loggers():
    """The loggers of SDKs, with their levels put back afterwards."""
    loggers = {name: logging.getLogger(name) for name in records._CHATTY}
    before = {name: logger.level for name, logger in loggers.items()}
    yield loggers
    for name, logger in loggers.items():
        logger.setLevel(before[name])


class TestSdks:
    """SDKs report warnings only."""

    def test_records_of_requests_are_off(self, ear, sdk_loggers):
        for logger in sdk_loggers.values():
            logger.setLevel(logging.NOTSET)
        sdk_loggers["openai"].setLevel(logging.ERROR)  # somebody wants even less
        records.quiet_sdks()
        logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL: https://x")
        logging.getLogger("httpx2").info("HTTP Request: POST https://x")
        logging.getLogger("azure.identity").warning("no token")

        assert [record.name for record in ear.records] == ["azure.identity"]
        assert sdk_loggers["openai"].level == logging.ERROR
