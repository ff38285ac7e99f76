"""Jinja2 as `transformers` sets it up for chat templates, today being 2026-01-02 at midnight. Needs `pip install jinja2`."""
import datetime, json
from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """`{% generation %}` … `{% endgeneration %}`: a block of its own that prints what is in it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

    def _said(self, caller):
        return caller()


def fail(text):
    raise TemplateError(text)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
env.filters["tojson"] = to_json
env.globals["raise_exception"] = fail
env.globals["strftime_now"] = datetime.datetime(2026, 1, 2).strftime


def render(source, messages, start, bos, eos):
    """The text, or nothing where Jinja2 refuses the template or the messages, for whatever reason."""
    try:
        return env.from_string(source).render(
            messages=messages, add_generation_prompt=start, bos_token=bos, eos_token=eos, unk_token="",
            enable_thinking=False, tools=None, documents=None,
        )
    except Exception:
        return None
