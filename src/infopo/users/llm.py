"""Language models behind any OpenAI-compatible endpoint: `ChatModel` with limits, a cache, and no silent failure.

One client per endpoint and settings serves the whole process. It lives on an event loop in a thread of its own, so
that callers may come from any number of short-lived loops. The key is known to the client of the SDK alone; what an
endpoint says in an error is shown only with the key taken out.
"""

import asyncio
import atexit
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from infopo.core import Message, ToolCall, UserError, derive_random
from infopo.core.trajectory_record import message_from_data, message_to_data
from infopo.core.typed_data import to_data
from infopo.users.base import ChatError, ChatReply, ChatTransportError, Check
from infopo.users.budget import Budget, BudgetError, Usage
from infopo.users.chat_errors import (
    ChatCutOff,
    ChatEmpty,
    ChatRateLimited,
    ChatRefused,
    ChatRejected,
    ChatServerError,
    ChatTimeout,
    ChatTooLong,
    ChatUnreachable,
    ChatUnreadable,
)
from infopo.users.chat_settings import ChatSettings, read_settings
from infopo.users.reply_cache import ReplyCache, request_key

if TYPE_CHECKING:  # the SDK takes most of a second to import
    from openai import AsyncOpenAI
    from tenacity import RetryCallState

T = TypeVar("T")
Read = Callable[[Any], str]  # the parsed body of an answer to the reply that is kept
LONGEST_WAIT = 30.0
_CALL = ("id", "name", "arguments")
MESSAGE_OVERHEAD = 16  # tokens of template around a message, at most
SHORTEST_SECRET = 12  # characters of a key; a shorter one (`none`, `EMPTY`) is for show, and stands in ordinary words
STOPPING = (401, 402, 403, 404)  # the same for every request: wrong key, no credit, not allowed, no such model


TOO_LONG = ("context_length_exceeded", "maximum context length")  # how servers say it
RETRIED = (ChatTransportError, ChatUnreadable, ChatEmpty)


def _problem(text: str, check: Check | None) -> ChatError | None:
    """What is wrong with a reply, as whoever asked sees it."""
    try:
        if check is not None:
            check(text)
    except ChatError as error:
        return error
    return None


class LLMChat:
    """See `ChatModel`. `requests` counts what was sent, `hits` what the cache answered, `budget` what was spent."""

    def __init__(self, settings: ChatSettings, *, within: Budget | None = None) -> None:
        self.settings = settings
        self.budget = Budget(
            token_limit=settings.token_limit,
            money_limit=settings.money_limit,
            prompt_price=settings.prompt_price or 0.0,
            reply_price=settings.reply_price or 0.0,
            within=within,
        )
        self.requests = self.hits = 0
        self._key = settings.key()
        secret = settings.key_variable is not None and len(self._key) >= SHORTEST_SECRET
        self._secret = self._key if secret else None
        self._cache = None if settings.cache is None else ReplyCache(settings.cache)
        self._gate = asyncio.Semaphore(settings.concurrency)
        self._structured = settings.structured == "auto"
        self._stopped: str | None = None
        self._client: AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"LLMChat({self.settings.model!r} at {self.settings.base_url})"

    async def complete(
        self, messages: tuple[Message, ...], *, schema: Mapping[str, Any] | None = None, check: Check | None = None
    ) -> str:
        """The model's reply. Raises a `ChatError`; `UserError` where every further request would fail as well."""
        request = self._request(messages)
        return await _background().run(self._complete(request, self._text_of, schema=schema, check=check))

    async def write(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        max_tokens: int,
        temperature: float,
        draw: int = 0,
    ) -> ChatReply:
        """What the model does next, as a policy: nothing said, and a reply cut off, are its actions like any other. A
        conversation that has outgrown the model is one: its reply is cut off before the first word.

        `temperature` is sent unless the settings have none. Of a cache, equal requests of another `draw` are others.
        Raises as `complete` does.
        """
        request = self._request(messages) | {self.settings.reply_limit_name: max_tokens}
        if self.settings.temperature is not None:
            request["temperature"] = temperature
        if tools:
            request["tools"] = [dict(tool) for tool in tools]
        try:
            written = await _background().run(self._complete(request, self._action_of, draw=draw))
        except ChatTooLong:
            return ChatReply(text="", cut_off=True)
        data = json.loads(written)
        calls = tuple(ToolCall(**call) for call in data["calls"])
        return ChatReply(text=data["text"], calls=calls, cut_off=data["cut_off"])

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        await _background().run(self._close())

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _complete(
        self,
        request: dict[str, Any],
        read: Read,
        *,
        schema: Mapping[str, Any] | None = None,
        draw: int | None = None,
        check: Check | None = None,
    ) -> str:
        def checked(body: Any) -> str:
            text = read(body)
            problem = _problem(text, check)
            if problem is not None:
                raise ChatUnreadable(f"{self.settings.model}: {problem}") from problem
            return text

        salt = {} if draw is None else {"draw": draw}
        key = request_key({"endpoint": self.settings.base_url, "schema": schema, **salt, **request})
        stored = None if self._cache is None else self._cache.get(key)
        if stored is not None and _problem(stored, check) is None:
            self.hits += 1
            return stored
        limit = self.settings.deadline_seconds
        self._opened()  # the first time this imports the SDK, which is not the endpoint's time
        try:
            async with asyncio.timeout(limit):
                reply = await self._with_retries(request, schema, checked, key, time.monotonic() + limit)
        except TimeoutError as error:
            if isinstance(error, ChatTimeout):
                raise
            raise ChatTimeout(f"{self.settings.model}: no reply within {limit:g} s, retries included") from None
        if self._cache is not None:
            self._cache.put(key, reply)
        return reply

    def _request(self, messages: Sequence[Message]) -> dict[str, Any]:
        settings = self.settings
        request: dict[str, Any] = {
            "model": settings.model,
            "messages": [message_to_data(message) for message in messages],
            settings.reply_limit_name: settings.max_reply_tokens,
        }
        if settings.temperature is not None:
            request["temperature"] = settings.temperature
        return request | settings.extra

    async def _with_retries(
        self, request: dict[str, Any], schema: Mapping[str, Any] | None, read: Read, key: str, deadline: float
    ) -> str:
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

        generator = derive_random("chat-waits", key)  # spreads the retries without a global generator

        def wait(state: "RetryCallState") -> float:
            longest = min(LONGEST_WAIT, self.settings.first_wait_seconds * 2.0 ** (state.attempt_number - 1))
            error = state.outcome.exception() if state.outcome is not None else None
            asked = error.retry_after if isinstance(error, ChatRateLimited) else 0.0
            return asked + longest * (0.5 + 0.5 * generator.random())

        def stop(state: "RetryCallState") -> bool:  # a wait beyond the deadline would only hide what went wrong
            late = time.monotonic() + state.upcoming_sleep > deadline
            return late or stop_after_attempt(self.settings.attempts)(state)

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RETRIED),
            stop=stop,
            wait=wait,
            sleep=asyncio.sleep,
            reraise=True,
        ):
            with attempt:
                return await self._attempt(request, schema, read)
        raise AssertionError("retrying ends with a reply or an error")

    async def _attempt(self, request: dict[str, Any], schema: Mapping[str, Any] | None, read: Read) -> str:
        """One request, and at most one more where the endpoint does not take a schema."""
        if schema is not None and self._structured:
            named = {"name": "reply", "schema": dict(schema), "strict": True}
            try:
                strict = {"response_format": {"type": "json_schema", "json_schema": named}}
                return await self._send(request | strict, read)
            except ChatRejected:
                reply = await self._send(request, read)
                self._structured = False
                return reply
        return await self._send(request, read)

    async def _send(self, request: dict[str, Any], read: Read) -> str:
        size = len(json.dumps(request, ensure_ascii=False).encode())  # a token is at least a byte
        prompt = size + MESSAGE_OVERHEAD * len(request["messages"])
        worst = Usage(prompt=prompt, reply=request[self.settings.reply_limit_name])
        async with self._gate:
            self._check_stopped()
            ticket = await self.budget.reserve(worst)
            used: Usage | None = None  # an answer that never came may be billed in full
            try:
                self._check_stopped()
                body = await self._post(request)
                used = usage_of(body)
            except _Unbilled as refusal:
                used = Usage(prompt=0, reply=0)
                raise refusal.error from None
            finally:
                self.budget.settle(ticket, used)
        return read(body)

    def _check_stopped(self) -> None:
        if self._stopped is not None:
            raise UserError(self._stopped)

    def _opened(self) -> "AsyncOpenAI":
        import openai
        import tenacity  # noqa: F401 - what retries, as slow to import

        if self._client is None:
            self._client = openai.AsyncOpenAI(
                api_key=self._key,
                base_url=self.settings.base_url,
                max_retries=0,
                timeout=self.settings.attempt_seconds,
            )
        return self._client

    async def _post(self, request: dict[str, Any]) -> Any:
        """The parsed body of the answer. Raises `_Unbilled` around an error that costs nothing."""
        import openai

        completions = self._opened().chat.completions.with_raw_response
        self.requests += 1
        try:
            async with asyncio.timeout(self.settings.attempt_seconds):
                model, messages = request["model"], request["messages"]
                answer = await completions.create(model=model, messages=messages, extra_body=request)
                text = answer.text  # parsed by hand: a broken body must not become a half-filled object
        except openai.APIStatusError as error:
            raise _Unbilled(self._status_error(error)) from None
        except (openai.APITimeoutError, TimeoutError):
            raise ChatTimeout(f"{self.settings.model}: no reply within {self.settings.attempt_seconds:g} s") from None
        except openai.APIConnectionError as error:
            cause = type(error.__cause__).__name__
            where = f"{self.settings.model} at {self.settings.base_url}"
            broken = ChatUnreachable(f"{where}: {cause}; check that it runs, and base_url (OPENAI_BASE_URL)")
            raise (_Unbilled(broken) if cause == "ConnectError" else broken) from None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ChatUnreadable(f"{self.settings.model}: {len(text)} characters that are no JSON") from None

    def _status_error(self, error: Any) -> Exception:
        status, name = error.status_code, self.settings.model
        known = isinstance(error.body, dict) and "message" in error.body  # the SDK drops what it does not know
        said = str(error) if known else f"{error}: {error.response.text}"
        said = self._shown(said)
        if status in STOPPING or "insufficient_quota" in said:
            variable = self.settings.key_variable
            advice = {401: f"check {variable}", 404: "check model and base_url"}.get(status, "check the account")
            self._stopped = f"{name} at {self.settings.base_url} refuses every request: {said}; {advice}"
            return UserError(self._stopped)
        if status == 429:
            asked = retry_after(error.response.headers.get("retry-after"))
            return ChatRateLimited(f"{name}: too many requests, asked to wait {asked:g} s", retry_after=asked)
        if status >= 500 or status in (408, 409):
            return ChatServerError(f"{name}: {said}")
        kind = ChatTooLong if any(words in said for words in TOO_LONG) else ChatRejected
        return kind(f"{name} at {self.settings.base_url}: {said}")

    def _text_of(self, body: Any) -> str:
        """The text of a completion's first choice; a refusal and a cut-off or empty text are errors."""
        name = self.settings.model
        choice, message = self._choice_of(body)
        if message.get("refusal"):
            raise ChatRefused(f"{name} declined to answer")
        if choice.get("finish_reason") == "length":
            raise ChatCutOff(f"{name}: longer than max_reply_tokens, {self.settings.max_reply_tokens}")
        content = message.get("content")
        if not isinstance(content, str) or not content.strip():
            raise ChatEmpty(f"{name} said nothing")
        return self._clean(content)

    def _action_of(self, body: Any) -> str:
        """The first choice as JSON: its message, and whether it was cut off."""
        choice, message = self._choice_of(body)
        said = message.get("content") or message.get("refusal") or ""
        data = {"role": "assistant", "content": said, "tool_calls": message.get("tool_calls") or []}
        try:
            read = message_from_data(data)
            calls = [{name: self._clean(getattr(call, name)) for name in _CALL} for call in read.tool_calls]
            text = self._clean(read.content)
        except (KeyError, TypeError, AttributeError):
            raise ChatUnreadable(f"{self.settings.model}: a message that cannot be read") from None
        return json.dumps({"text": text, "calls": calls, "cut_off": choice.get("finish_reason") == "length"})

    def _choice_of(self, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        choices = body.get("choices") if isinstance(body, dict) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise ChatUnreadable(f"{self.settings.model}: JSON without a message")
        if choice.get("finish_reason") == "content_filter":
            raise ChatRefused(f"{self.settings.model} declined to answer: a filter stopped it")
        return choice, message

    def _clean(self, text: str) -> str:
        if self._secret is not None and self._secret in text:
            raise ChatUnreadable(f"{self.settings.model}: the reply holds the key")
        return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text

    def _shown(self, text: str) -> str:
        """What an endpoint said, in one short line without the key."""
        plain = text if self.settings.key_variable is None else text.replace(self._key, "***")
        return " ".join(plain.split())[:200]


class _Unbilled(Exception):
    """Carries an error of a request that nobody bills."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def usage_of(body: Any) -> Usage | None:
    """The usage that a completion states, if it does.

    >>> usage_of({"usage": {"prompt_tokens": 7, "completion_tokens": 2}})
    Usage(prompt=7, reply=2)
    """
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        return None
    return Usage(prompt=counts[0], reply=counts[1])  # type: ignore[arg-type]


def retry_after(header: str | None) -> float:
    """Seconds to wait, from a `Retry-After` header: a number or a date; 0 where it is neither."""
    if header is None:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


class _Background:
    """An event loop in a thread of its own, for connections that outlive the loops of their callers."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.chats: dict[str, LLMChat] = {}
        self.budget = Budget(token_limit=None, money_limit=None)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="infopo-chat", daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """`work` on the loop; a cancelled caller cancels it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def close(self) -> None:
        """Break off what is in flight, close every client, then the loop."""
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._wind_up(), self.loop).result(timeout=5.0)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=5.0)
        self.loop.close()

    async def _wind_up(self) -> None:
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for chat in self.chats.values():
            await chat._close()


_state: dict[str, _Background] = {}
_lock = threading.Lock()


def _background() -> _Background:
    with _lock:
        current = _state.get("current")
        if current is None or current.process != os.getpid():  # a thread does not survive a fork
            current = _state["current"] = _Background()
        return current


def open_chat(settings: ChatSettings | str) -> LLMChat:
    """The chat model of these settings (or of what stands after `llm:`): one a process, with one budget.

    Raises `UserError` for a missing key or a bad setting.
    """
    chosen = read_settings(settings) if isinstance(settings, str) else settings
    name = json.dumps(to_data(chosen), sort_keys=True)
    background = _background()
    with _lock:
        if background.budget.limits[1] is not None and None in (chosen.prompt_price, chosen.reply_price):
            raise UserError(
                f"a budget in money needs prompt_price and reply_price of {chosen.model}, per million tokens: name a "
                "settings file with them in place of the model, such as model.yaml"
            )
        if name not in background.chats:
            background.chats[name] = LLMChat(chosen, within=background.budget)
        return background.chats[name]


def share_budget(*, tokens: int | None, money: float | None, spent: tuple[int, float] = (0, 0.0)) -> None:
    """One limit for all chat models of this process, besides their own; `spent` of it (tokens, money) is gone already.

    Money needs the prices of every model: `open_chat` refuses one without.
    """
    _background().budget.restart(token_limit=tokens, money_limit=money, tokens=spent[0], money=spent[1])


def opened_chats() -> tuple[LLMChat, ...]:
    """Every chat model that this process has opened: what each was asked and has spent."""
    with _lock:
        current = _state.get("current")
        return () if current is None else tuple(current.chats.values())


@atexit.register
def close_chats() -> None:
    """Close every client of this process; the next `open_chat` starts afresh, budgets included."""
    with _lock:
        current = _state.pop("current", None)
    if current is not None and current.process == os.getpid():
        current.close()


__all__ = [
    "BudgetError",
    "ChatSettings",
    "LLMChat",
    "close_chats",
    "open_chat",
    "opened_chats",
    "retry_after",
    "share_budget",
    "usage_of",
]
