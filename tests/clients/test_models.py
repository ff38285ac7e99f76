"""The official inference client speaks to the scripted stand-in as to the router."""

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError

MODEL = "scripted/farm-hand"
ASK = [{"role": "user", "content": "How does rye cope with 3 °C and wet ground?"}]


@pytest.fixture
def client(hub):
    return InferenceClient(base_url=f"{hub.url}/v1", api_key=hub.token, timeout=5)


def ask(client, messages=ASK, **options):
    return client.chat_completion(messages, model=MODEL, **options)


def test_a_whole_answer_repeats_the_question_and_counts_tokens(client):
    answer = ask(client)
    assert ASK[0]["content"] in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_streamed_answer_is_the_same_text_and_is_logged_as_finished(hub, client):
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ask(client).choices[0].message.content
    assert chunks[-1].usage.completion_tokens > 0
    [streamed, whole] = [entry["chat"] for entry in hub.log("/v1/chat/completions")]
    assert streamed["is_streamed"] and streamed["is_finished"] and streamed["messages"] == ASK
    assert streamed["messages_sha256"] == whole["messages_sha256"]
    assert streamed["body_sha256"] != whole["body_sha256"]


def test_a_list_of_instructions_has_the_number_of_lines_asked_for(client):
    prompt = "Write 7 instructions, one per line, no numbering.\nTopic: Soil health\nPerspective: Inspector"
    lines = ask(client, [{"role": "user", "content": prompt}]).choices[0].message.content.splitlines()
    assert len(set(lines)) == 7
    assert all("soil health" in line.lower() for line in lines)


def test_the_router_needs_a_token_and_the_open_address_does_not(hub):
    with pytest.raises(HfHubHTTPError) as error:
        ask(InferenceClient(base_url=f"{hub.url}/v1", api_key="hf_wrong"))
    assert error.value.response.status_code == 401
    assert ask(InferenceClient(base_url=f"{hub.url}/open/v1", api_key="any")).choices


@pytest.mark.parametrize(("mode", "status"), [("rate_limit", 429), ("credits", 402), ("overloaded", 503), ("unsupported", 400)])
def test_ordered_errors_have_the_routers_status(hub, client, mode, status):
    hub.fault(kind="model", mode=mode, times=0)
    with pytest.raises((HfHubHTTPError, InferenceTimeoutError)) as error:
        ask(client)
    if isinstance(error.value, HfHubHTTPError):
        assert error.value.response.status_code == status
    hub.call("DELETE", "faults")
    assert ask(client).choices


def test_a_model_nobody_offers_is_refused(client):
    with pytest.raises(HfHubHTTPError) as error:
        client.chat_completion(ASK, model="meta/other")
    assert error.value.response.status_code == 400
    assert "not supported by any provider" in str(error.value)


@pytest.mark.parametrize("mode", ["error_event", "cut_utf8", "hang"])
def test_a_stream_that_breaks_raises_and_is_not_logged_as_finished(hub, client, mode):
    client.timeout = 1
    hub.fault(kind="model", mode=mode)
    with pytest.raises(Exception):
        list(ask(client, stream=True))
    [entry] = hub.log("/v1/chat/completions")
    assert not entry["chat"]["is_finished"]
    assert ask(client).choices


def test_the_answer_stops_at_the_limit(client):
    answer = ask(client, max_tokens=4)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens <= 4
