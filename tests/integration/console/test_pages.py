"""The pages: useful, discreet, and made of nothing from elsewhere."""

import asyncio
import os
import re
import shutil
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest

from mpps_console.parts import Notice
from mpps_core.desk import SubscriptionDraft
from mpps_core.forwarding.breaker import Breaker, BreakerState
from mpps_web.keys import Role
from tests.integration.console.world import PARKED, Reply, World
from tests.support.aio import run
from tests.support.modalities import MODALITIES, PATIENTS

LOADING = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background", "cite", "ping"}


class Page(HTMLParser):
    """What a page refers to, runs, and says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.inline: list[str] = []
        self.code: dict[str, str] = {}
        self.words = ""
        self._inside = ""
        self._code = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in LOADING:
                self.references.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
            if tag == "code" and name == "id" and value:
                self._code = value
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        if tag == "code":
            self._code = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and data.strip():
            self.inline.append(data)
        if self._code:
            self.code[self._code] = self.code.get(self._code, "") + data
        self.words += data


async def page_of(world: World, path: str = "/", **options: Any) -> tuple[Reply, Page]:
    reply = await world.request("GET", path, **options)
    assert reply.status == 200
    return reply, Page(reply.text)


async def fill(world: World) -> list[str]:
    """Report steps of every patient, and subscribe."""
    uids = []
    for number, patient in enumerate(PATIENTS):
        uid = f"2.25.{1000 + number}"
        make = list(MODALITIES.values())[number % len(MODALITIES)]
        await world.report(uid, step=make(uid, patient=patient, seed=number), operations=9)
        uids.append(uid)
    await world.subscribe("ris", name="<b>RIS & more</b>")
    return uids


@pytest.mark.parametrize("path", ["/", "/api/docs"])
@pytest.mark.parametrize("keys", [True, False])
def test_nothing_on_a_page_comes_from_elsewhere_or_runs_inside_it(path: str, keys: bool) -> None:
    async def main() -> None:
        async with World(keys=keys) as world:
            if not keys:
                await fill(world)
            reply, page = await page_of(world, path)
            assert page.inline == []
            assert page.references
            for reference in page.references:
                parts = urlsplit(reference)
                assert (parts.scheme, parts.netloc) == ("", "")
                if parts.path.startswith("/static/"):
                    assert (await world.request("GET", parts.path)).status == 200
            policy = reply.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "*" not in policy
            assert reply.headers["cache-control"] == "no-store"
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["content-type"] == "text/html; charset=utf-8"

    run(main())


def test_own_files_refer_to_nothing_elsewhere() -> None:
    for entry in (files("mpps_console") / "static").iterdir():
        if entry.name.endswith((".css", ".js")):
            text = entry.read_text("utf-8")
            assert not re.search(r"https?:|@import|url\(", text), entry.name


@pytest.mark.parametrize(
    "name", ["swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"]
)
def test_vendored_files_are_in_the_package_with_their_licences(name: str) -> None:
    entry = files("mpps_console") / "static" / "vendor" / "swagger-ui" / name
    assert entry.is_file()
    assert not re.search(rb"sourceMappingURL|@import", entry.read_bytes())


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("console.css", 200),
        ("mark.svg", 200),
        ("vendor/swagger-ui/swagger-ui.css", 200),
        ("vendor/swagger-ui/LICENSE", 404),
        ("nothing.css", 404),
        ("", 404),
        ("../parts.py", 404),
        ("%2e%2e/parts.py", 404),
        ("..%2f..%2fparts.py", 404),
        ("/etc/passwd", 404),
    ],
)
def test_only_the_files_of_the_package_are_served(name: str, status: int) -> None:
    async def main() -> None:
        async with World() as world:
            reply = await raw_get(world, f"/static/{name}")
            assert reply == status

    run(main())


async def raw_get(world: World, target: str) -> int:
    """Ask for a target as it stands: clients tidy paths up."""
    host, port = world.server.address
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    await reader.read()
    writer.close()
    await writer.wait_closed()
    return status


def test_the_landing_page_shows_steps_and_nothing_of_patients() -> None:
    async def main() -> None:
        async with World() as world:
            uids = await fill(world)
            header = [await world.get(f"/steps/{uid}") for uid in uids]
            reply, page = await page_of(world)
            for uid in uids:
                assert uid in page.words
            assert "COMPLETED" in page.words
            assert "<b>" not in reply.text.replace("<b>RIS", "found") or "<b>RIS" not in reply.text
            assert "<b>RIS & more</b>" in page.words
            shown = without_commands(page)
            for step in header:
                known = step.json()
                for name in ("patient_ids", "patient_names", "accession_numbers", "study_uids", "sps_ids"):
                    for value in known[name]:
                        for part in re.split(r"[\^=]", value):
                            assert len(part) < 3 or part not in shown, name
            assert "19570312" not in reply.text

    run(main())


def without_commands(page: Page) -> str:
    """Return the words of a page without the examples, whose patient is nobody."""
    words = page.words
    for code in page.code.values():
        words = words.replace(code, "")
    return words


def test_where_keys_are_configured_only_doors_health_and_counts_are_shown() -> None:
    async def main() -> None:
        async with World(keys=True, notices=(Notice(code="secret-notice", detail="x"),)) as world:
            target = {"url": "http://127.0.0.1:9"}
            await world.desk.create(SubscriptionDraft(id="ris", name="RIS", kind="dicomweb", target=target))
            data_set = {"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}, "00080060": {"vr": "CS", "Value": ["ZZ"]}}
            headers = {"Content-Type": "application/dicom+json"}
            step = "/dicomweb/modality-performed-procedure-steps/2.25.77"
            await world.request("POST", step, body=data_set, headers=headers, role=Role.MODALITY)
            for role in (None, Role.ADMIN):
                reply, page = await page_of(world, role=role)
                assert "Taking steps" in page.words
                assert world.url in page.words
                assert re.search(r">1</b><span>In progress<", reply.text)
                assert not re.search(r"2\.25\.|\bris\b|\bZZ\b|\bm1\b|secret-notice", reply.text)
                assert page.code == {}

    run(main())


def test_how_things_stand_is_said_in_words() -> None:
    async def main() -> None:
        async with World(notices=(Notice(code="allow-insecure", detail="The door is open."),)) as world:
            assert "No modality has reported" in (await page_of(world))[1].words
            assert "Nobody is subscribed yet" in (await page_of(world))[1].words
            await world.subscribe("ris")
            await world.subscribe("archive")
            await world.lane(1, "2.25.1", **PARKED)
            _, page = await page_of(world)
            assert "some lanes are parked" in page.words
            assert "The door is open." in page.words
            world.breakers[2] = Breaker(state=BreakerState.OPEN, reason="timeout", until=world.clock.monotonic() + 9)
            assert "a subscriber needs attention" in (await page_of(world))[1].words
            world.outage.on = True
            _, page = await page_of(world)
            assert "The store cannot be used now" in page.words
            assert world.url in page.words

    run(main())


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_commands_work_when_they_are_pasted() -> None:
    async def main() -> None:
        async with World() as world:
            _, page = await page_of(world)
            assert list(page.code) == ["curl-create", "curl-update", "curl-retrieve"]
            answers = [await pasted(command) for command in page.code.values()]
            assert [answer.splitlines()[0] for answer in answers] == [
                "HTTP/1.1 201 Created",
                "HTTP/1.1 200 OK",
                "HTTP/1.1 200 OK",
            ]
            assert not any(line.lower().startswith("warning:") for answer in answers for line in answer.splitlines())
            (step,) = await world.items("/steps")
            assert (step["status"], step["modalities"], step["version"]) == ("COMPLETED", ["CT"], 2)
            assert step["uid"] in page.code["curl-create"]
            findings = [entry["findings"] for entry in (await world.get(f"/steps/{step['uid']}")).json()["operations"]]
            assert findings == [[], []]
            # Another loading of the page is another step.
            _, other = await page_of(world)
            assert (await pasted(other.code["curl-create"])).startswith("HTTP/1.1 201")

    run(main())


async def pasted(command: str) -> str:
    """Run a command in a shell, as if it had been pasted."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-s",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "no_proxy": "*"},
    )
    output, errors = await process.communicate(command.encode() + b"\n")
    assert (process.returncode, errors) == (0, b"")
    return output.decode()


@pytest.mark.parametrize("host", ["evil.example'; rm -rf /", "a b", 'x"><script>', "ünïcode"])
def test_a_host_that_is_none_gets_into_no_command(host: str) -> None:
    async def main() -> None:
        async with World() as world:
            address, port = world.server.address
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            text = (await reader.read()).decode()
            writer.close()
            await writer.wait_closed()
            assert host not in text
            assert f"curl -sS -i &#39;http://127.0.0.1:{port}/dicomweb/" in text or " 400 " in text.splitlines()[0]

    run(main())
