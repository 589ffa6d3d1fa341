"""The second moment of decision, fed by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.core.stepping import NOW, Host, Request, World, header, user
from twofa_gate import Credential, Enforcement, GateRequest, Policy, User, hookimpl
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import CallHook, Effect
from twofa_gate.core.flow import handle
from twofa_gate.core.quiet import identity
from twofa_gate.core.second_look import Outgoing, SecondLook

HTML: list[Header] = [("Content-Type", "text/html")]
JSON: list[Header] = [("content-type", "application/json; charset=utf-8")]
LOGIN: Header = ("Set-Cookie", "session=s1; Path=/; HttpOnly")
PRIVATE = b"private"


class Run:
    """One request through the gate to an application whose answer is then fed to the second look."""

    def __init__(self, world: World, request: Request) -> None:
        self.world = world
        end = world.run(handle(world.settings, request))
        assert isinstance(end, Forward), end
        self.look: SecondLook = SecondLook(self.world.settings, request, end)
        self.out: list[Outgoing] = []

    def answer(self, status: int = 200, headers: list[Header] | None = None, *chunks: bytes) -> Answer:
        """Feed an answer; return what goes out."""
        given = HTML if headers is None else headers
        self.out = [self.world.run(self.look.begin(status, list(given)))]
        body = self.out[0].data
        for index, chunk in enumerate([*chunks, b""] if chunks != (b"",) else [b""]):
            if self.look.passing:
                body += chunk
            elif not self.look.swallowing:
                self.out.append(self.look.body(chunk, last=index == len(chunks)))
                body += self.out[-1].data
        starts = [each.start for each in self.out if each.start is not None]
        assert len(starts) == 1
        return Answer(starts[0][0], tuple(starts[0][1]), body)


def site(*, live: bool = False, **settings: Any) -> World:
    """Make a world in which u1 and u2 have set up."""
    host = Live() if live else Host()
    world = World(host, login_paths=["/login"], logout_paths=["/logout"], public=["/open/"], **settings)
    world.enrolled()
    world.enrolled("u2")
    return world


class Live(Host):
    """A host whose session changes inside the process, as `now_user` says."""

    now_user: User | None = None

    @hookimpl(live=True)
    def identify(self, request: GateRequest) -> User | None:
        """Say who is signed in at this moment."""
        return self.now_user


def cookie_lines(answer: Answer) -> list[str]:
    """Return the Set-Cookie headers."""
    return [value for name, value in answer.headers if name.lower() == "set-cookie"]


# where nothing can have changed


def test_nothing_changed_nothing_touched() -> None:
    """Without cookies, credentials or a live session the answer passes as it is, and nobody is asked again."""
    run = Run(site(), Request("/x"))
    asked = len(run.world.effects)
    given: list[Header] = [("Content-Type", "text/html"), ("X-A", "1"), ("ETag", '"e"')]
    answer = run.answer(200, given, PRIVATE, b"more")
    assert (answer.status, list(answer.headers), answer.body) == (200, given, b"privatemore")
    assert run.look.passing
    assert len(run.world.effects) == asked


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_verified_reader_is_not_asked_again(method: str) -> None:
    """A verified user's safe request is not looked at again."""
    world = site()
    run = Run(world, Request("/x", method, cookies=world.cookies(world.verified())))
    asked = len(world.effects)
    assert run.answer(200, HTML, PRIVATE).body == PRIVATE
    assert len(world.effects) == asked


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "NEW"])
def test_verified_writer_is_asked_again(method: str) -> None:
    """An unsafe request is looked at again, and passes if nothing has changed."""
    world = site()
    run = Run(world, Request("/x", method, cookies=world.cookies(world.verified())))
    asked = len(world.effects)
    assert run.answer(200, HTML, PRIVATE).body == PRIVATE
    assert len(world.effects) > asked


# public paths


def test_public_answer_keeps_no_cookie() -> None:
    """The answer of a public path goes out without its Set-Cookie, in any case of its name."""
    run = Run(site(), Request("/open/a", cookies={"session": "s1"}))
    given: list[Header] = [("set-cookie", "a=b"), ("Set-COOKIE", "c=d"), ("X-A", "1")]
    answer = run.answer(200, given, b"style")
    assert (answer.headers, answer.body) == ((("X-A", "1"),), b"style")


# a login


@pytest.mark.parametrize("path", ["/login", "/anywhere"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_login_answered_by_a_private_page(path: str, method: str) -> None:
    """A login's private page is withheld on any path: the browser keeps the cookie and is sent on."""
    run = Run(site(), Request(path, method))
    answer = run.answer(200, [*HTML, LOGIN], PRIVATE)
    assert PRIVATE not in answer.body
    assert answer.status == 303
    assert (header(answer, "location") or "").startswith("/2fa/challenge?next=")
    assert LOGIN[1] in cookie_lines(answer)
    assert '"withheld"' in "".join(run.world.log)


def test_remember_me_redeemed_without_a_cookie() -> None:
    """A request with some credential, anonymous at first, is asked again though no cookie is set."""

    class Remembering(Host):
        """Knows the user only once the application has redeemed the cookie."""

        redeemed = False

        @hookimpl
        def identify(self, request: GateRequest) -> User | None:
            """Say who it is by now."""
            return user() if self.redeemed else None

    host = Remembering()
    world = World(host)
    world.enrolled()
    for given in ({"cookie": "remember=1"}, {"authorization": "Basic eDp5"}):
        host.redeemed = False
        run = Run(world, Request("/x", headers=given))
        host.redeemed = True
        answer = run.answer(200, HTML, PRIVATE)
        assert (answer.status, PRIVATE in answer.body) == (303, False)


def test_login_in_a_live_session() -> None:
    """A login in a session that lives in the process is seen without any cookie or credential."""
    world = site(live=True)
    run = Run(world, Request("/x"))
    Live.now_user = user()
    try:
        assert run.answer(200, HTML, PRIVATE).status == 303
    finally:
        Live.now_user = None


def test_login_that_redirects_within_the_site() -> None:
    """A login's redirect within the origin passes with its cookie; its body is dropped."""
    given = [
        LOGIN,
        ("Location", "/home"),
        ("Content-Length", "7"),
        ("ETag", '"x"'),
        ("Content-Type", "text/html"),
    ]
    run = Run(site(), Request("/login", "POST"))
    answer = run.answer(302, given, PRIVATE)
    assert (answer.status, answer.body) == (302, b"")
    assert header(answer, "location") == "/home"
    assert header(answer, "content-length") == "0"
    assert header(answer, "etag") is None
    assert LOGIN[1] in cookie_lines(answer)
    assert run.look.swallowing


@pytest.mark.parametrize(
    ("location", "passes"),
    [
        ("/home", True), ("/home?a=b#c", True), ("https://app.test/home", True), ("https://listed.test/x", True),
        ("https://APP.test/home", True),
        ("//evil.test/", False), ("/\\evil.test/", False), ("https://evil.test/?token=secret", False),
        ("https:evil.test", False), ("javascript:alert(1)", False), ("https://app.test@evil.test/", False),
        ("https://app.test:444/", False), ("http://app.test/", False), ("home", False), ("", False),
        ("/a\tb", False), ("\\\\evil", False), ("https://app.test\\@evil.test", False), ("http://[", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_where_a_withheld_redirect_may_lead(location: str, passes: bool, status: int) -> None:
    """Only a redirect within the origin, or to a listed one, passes; any other is replaced."""
    run = Run(site(origins=["https://listed.test"]), Request("/login", "POST"))
    answer = run.answer(status, [LOGIN, ("Location", location)], PRIVATE)
    assert PRIVATE not in answer.body
    if passes:
        assert (answer.status, header(answer, "location")) == (status, location)
    else:
        assert (header(answer, "location") or "").startswith("/2fa/challenge?next=")
    assert LOGIN[1] in cookie_lines(answer)


def test_redirect_status_without_location() -> None:
    """A 3xx without Location has a body like any other, and is replaced."""
    answer = Run(site(), Request("/login", "POST")).answer(300, [LOGIN, *HTML], PRIVATE)
    assert answer.status == 303
    assert PRIVATE not in answer.body


@pytest.mark.parametrize(
    ("status", "given"), [(204, []), (205, []), (304, []), (200, [("Content-Length", "0")])]
)
def test_answers_that_have_no_body(status: int, given: list[Header]) -> None:
    """An answer that can't have a body passes, without whatever the application sends as one."""
    answer = Run(site(), Request("/login", "POST")).answer(status, [LOGIN, *given], PRIVATE)
    assert (answer.status, answer.body) == (status, b"")
    assert LOGIN[1] in cookie_lines(answer)


def test_head_has_no_body() -> None:
    """The answer to HEAD passes without a body."""
    answer = Run(site(), Request("/login", "HEAD")).answer(200, [LOGIN, *HTML], PRIVATE)
    assert (answer.status, answer.body) == (200, b"")


def test_held_until_the_body_shows() -> None:
    """Without a length the start is held; an empty body lets it out, the first byte replaces it."""
    run = Run(site(), Request("/login", "POST"))
    assert run.world.run(run.look.begin(200, [LOGIN, *HTML])) == Outgoing()
    assert not run.look.passing
    assert not run.look.swallowing
    assert run.look.body(b"", last=False) == Outgoing()
    out = run.look.body(b"", last=True)
    assert out.end
    assert out.start is not None
    assert (out.start[0], LOGIN in out.start[1], out.data) == (200, True, b"")

    run = Run(site(), Request("/login", "POST"))
    run.world.run(run.look.begin(200, [LOGIN, *HTML]))
    out = run.look.body(PRIVATE, last=False)
    assert out.start is not None
    assert out.start[0] == 303
    assert out.end
    assert run.look.swallowing
    assert run.look.body(PRIVATE, last=True) == Outgoing()


def test_declared_length_is_replaced_at_once() -> None:
    """An answer that declares a body is replaced before the body comes."""
    run = Run(site(), Request("/login", "POST"))
    out = run.world.run(run.look.begin(200, [LOGIN, *HTML, ("Content-Length", "7")]))
    assert out.start is not None
    assert (out.start[0], out.end) == (303, True)


def test_last_byte_and_end_in_one() -> None:
    """A body that comes with its end in one piece is replaced too."""
    run = Run(site(), Request("/login", "POST"))
    run.world.run(run.look.begin(200, [LOGIN, *HTML]))
    out = run.look.body(PRIVATE, last=True)
    assert out.start is not None
    assert out.start[0] == 303


@pytest.mark.parametrize(
    ("path", "kind", "passes"),
    [
        ("/login", "application/json", True),
        ("/login", "Application/Problem+JSON; charset=utf-8", True),
        ("/login", "text/json", False),
        ("/login", "application/json-seq", False),
        ("/login", "text/html", False),
        ("/elsewhere", "application/json", False),
    ],
)
def test_json_of_a_login_path(path: str, kind: str, passes: bool) -> None:
    """JSON may pass at a listed login path, and nowhere else."""
    answer = Run(site(), Request(path, "POST")).answer(200, [LOGIN, ("Content-Type", kind)], PRIVATE)
    assert (PRIVATE in answer.body) is passes


def test_script_gets_the_problem() -> None:
    """A login by fetch on an unlisted path gets the problem instead of its private JSON, with the cookie."""
    run = Run(site(), Request("/api/login", "POST", headers={"accept": "application/json"}))
    answer = run.answer(200, [*JSON, LOGIN], PRIVATE)
    assert (answer.status, header(answer, "content-type")) == (403, "application/problem+json")
    assert LOGIN[1] in cookie_lines(answer)


def test_login_of_one_who_may_pass() -> None:
    """A login passes where the location doesn't ask the user for anything, or the browser is trusted."""
    run = Run(World(Host({"office": Policy(Enforcement.OFF)})), Request("/login", "POST"))
    assert run.answer(200, [LOGIN, *HTML], PRIVATE).body == PRIVATE
    trusting = Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=30))
    world = World(Host({"office": trusting}))
    world.enrolled()
    run = Run(world, Request("/login", "POST", cookies=world.trusted()))
    assert run.answer(200, [LOGIN, *HTML], PRIVATE).body == PRIVATE


def test_login_reported_only() -> None:
    """Until `report_only_until` the page passes, and what would be withheld is recorded."""
    world = site(report_only_until=datetime.fromtimestamp(NOW + 60, UTC))
    answer = Run(world, Request("/login", "POST")).answer(200, [LOGIN, *HTML], PRIVATE)
    assert answer.body == PRIVATE
    assert '"would_refuse"' in world.log[-1]


def test_cookie_that_deletes_itself_is_no_login() -> None:
    """A Set-Cookie that expires the session leaves nobody logged in."""
    run = Run(site(), Request("/x", cookies={"other": "1"}))
    gone = ("Set-Cookie", "session=s1; Max-Age=0")
    assert run.answer(200, [gone, *HTML], PRIVATE).body == PRIVATE


def test_last_of_two_cookies_counts() -> None:
    """Of two Set-Cookie of one name the last one holds, as in the browser."""
    for first, second, private in (("none", "s1", False), ("s1", "none", True)):
        given = [("Set-Cookie", f"session={first}"), ("Set-Cookie", f"session={second}"), *HTML]
        assert (PRIVATE in Run(site(), Request("/x")).answer(200, given, PRIVATE).body) is private


def test_cookies_of_two_paths_are_read_in_both_ways() -> None:
    """A session set on two paths may be either: if one of them may not pass, the answer is withheld."""
    for first, second in (("none", "s1"), ("s1", "none")):
        given = [
            ("Set-Cookie", f"session={first}; Path=/"),
            ("Set-Cookie", f"session={second}; Path=/x"),
            *HTML,
        ]
        answer = Run(site(), Request("/x")).answer(200, given, PRIVATE)
        assert (answer.status, PRIVATE in answer.body) == (303, False)


def test_deletion_for_another_path_is_not_believed() -> None:
    """A deletion may miss the cookie that the browser has: who that names now is asked as well."""

    class Redeeming(Host):
        """Knows the remember-me cookie once the application has redeemed it."""

        redeemed = False

        @hookimpl
        def identify(self, request: GateRequest) -> User | None:
            """Say who it is by now."""
            return user() if self.redeemed and request.cookies.get("remember") else None

    host = Redeeming()
    world = World(host)
    world.enrolled()
    run = Run(world, Request("/x", cookies={"remember": "1"}))
    host.redeemed = True
    answer = run.answer(200, [("Set-Cookie", "remember=; Max-Age=0; Path=/elsewhere"), *HTML], PRIVATE)
    assert (answer.status, PRIVATE in answer.body) == (303, False)


def test_login_posted_from_another_site() -> None:
    """Such a login comes without our Lax cookies; the browser is told to forget its verification all the same."""
    world = site()
    name = world.settings.cookies.verification
    for origin, told in (("https://idp.test", True), ("https://app.test", False)):
        run = Run(world, Request("/login", "POST", headers={"origin": origin}))
        answer = run.answer(302, [LOGIN, ("Location", "/home")])
        assert any(line.startswith(f"{name}=;") for line in cookie_lines(answer)) is told
        assert answer.status == 302


def test_second_start_of_a_withheld_answer() -> None:
    """An application that starts again (`exc_info`) after its answer was withheld or held adds nothing."""
    run = Run(site(), Request("/login", "POST"))
    run.world.run(run.look.begin(200, [LOGIN, *HTML]))
    assert run.world.run(run.look.begin(500, HTML)) == Outgoing()
    out = run.look.body(PRIVATE, last=False)
    assert out.start is not None
    assert out.start[0] == 303
    assert run.world.run(run.look.begin(500, HTML)) == Outgoing()


def test_ambiguous_cookie_after_the_answer() -> None:
    """If the answer sets a cookie that is read in different ways, the answer is 400."""
    answer = Run(site(), Request("/x")).answer(200, [("Set-Cookie", 'session="s1"'), *HTML], PRIVATE)
    assert (answer.status, PRIVATE in answer.body) == (400, False)


# who the browser is changes


@pytest.mark.parametrize("path", ["/x", "/login", "/logout"])
def test_switch_to_another_user(path: str) -> None:
    """A verified user's browser that becomes another user's shows nothing, and the verification ends."""
    world = site()
    run = Run(world, Request(path, "POST", cookies=world.cookies(world.verified())))
    answer = run.answer(200, [("Set-Cookie", "session=s2"), *HTML], PRIVATE)
    assert (answer.status, PRIVATE in answer.body) == (303, False)
    name = world.settings.cookies.verification
    assert any(line.startswith(f"{name}=;") and "Max-Age=0" in line for line in cookie_lines(answer))
    account = world.account()
    assert account is not None
    assert account.verifications == ()
    assert '"verification_ended"' in "".join(world.log)


@pytest.mark.parametrize("path", ["/x", "/login", "/logout"])
def test_logout_ends_the_verification(path: str) -> None:
    """A logout, on whatever path, passes, and ends the verification that came with it."""
    world = site()
    run = Run(world, Request(path, "POST", cookies=world.cookies(world.verified())))
    answer = run.answer(
        302, [("Set-Cookie", "session=; Max-Age=0"), ("Location", "https://evil.test/")], b"bye"
    )
    assert (answer.status, answer.body) == (302, b"bye")
    account = world.account()
    assert account is not None
    assert account.verifications == ()
    assert len(cookie_lines(answer)) == 2


def test_logout_without_verification_changes_nothing() -> None:
    """A logout without our cookie, or with one that is dead already, writes nothing."""
    world = site()
    gone: list[Header] = [("Set-Cookie", "session=; Max-Age=0")]
    for cookies in (
        world.cookies(),
        world.cookies({world.settings.cookies.verification: f"{'x' * 22}.{'y' * 22}"}),
    ):
        before = world.account()
        assert (
            Run(world, Request("/logout", "POST", cookies=cookies)).answer(200, gone, b"bye").body == b"bye"
        )
        assert world.account() == before


def test_new_login_of_the_same_user() -> None:
    """The same user's new login is another: the old verification ends, and nothing private is shown."""
    host = Host(None, s1=user(login="l1"), s2=user(login="l2"))
    world = World(host)
    world.enrolled()
    from twofa_gate.core.standing import login_digest

    made = world.verified(login=login_digest(user(login="l1")))
    run = Run(world, Request("/x", "POST", cookies=world.cookies(made)))
    answer = run.answer(200, [("Set-Cookie", "session=s2"), *HTML], PRIVATE)
    assert (answer.status, PRIVATE in answer.body) == (303, False)
    account = world.account()
    assert account is not None
    assert account.verifications == ()


def test_unrelated_cookie_changes_nothing() -> None:
    """A cookie that names nobody else leaves answer and verification alone."""
    world = site()
    run = Run(world, Request("/x", cookies=world.cookies(world.verified())))
    answer = run.answer(200, [("Set-Cookie", "theme=dark"), *HTML], PRIVATE)
    assert (answer.body, cookie_lines(answer)) == (PRIVATE, ["theme=dark"])
    account = world.account()
    assert account is not None
    assert len(account.verifications) == 1


def test_changed_user_is_not_let_in_by_the_old_verification() -> None:
    """A stolen verification cookie of the new user in the request doesn't help: a change begins anew."""
    world = site()
    run = Run(world, Request("/x", "POST", cookies={**world.verified(), "other": "1"}))
    answer = run.answer(200, [LOGIN, *HTML], PRIVATE)
    assert (answer.status, PRIVATE in answer.body) == (303, False)


# login and logout paths without a change


def test_login_page_for_one_who_is_logged_in() -> None:
    """At a login path a private page for a user who is not verified is withheld, though nothing has changed."""
    run = Run(site(), Request("/login", cookies={"session": "s1"}))
    assert run.answer(200, HTML, PRIVATE).status == 303


def test_logout_that_logs_nobody_out() -> None:
    """A POST at a logout path that leaves the user logged in is replaced; a page that asks whether to is not."""
    run = Run(site(), Request("/logout", "POST", cookies={"session": "s1"}))
    assert run.answer(200, HTML, PRIVATE).status == 303
    run = Run(site(), Request("/logout", cookies={"session": "s1"}))
    assert run.answer(200, HTML, b"log out?").body == b"log out?"


def test_logout_path_shows_nothing_of_a_new_user() -> None:
    """A GET at a logout path that logs somebody in is withheld like any other."""
    run = Run(site(), Request("/logout"))
    answer = run.answer(200, [LOGIN, *HTML], PRIVATE)
    assert (answer.status, PRIVATE in answer.body) == (303, False)


# failures


def failing(world: World, hook: str) -> Any:
    """Perform, but let a hook fail."""

    def perform(effect: Effect[Any]) -> Any:
        if isinstance(effect, CallHook) and effect.hook.name == hook:
            raise OSError("down")
        return world.perform(effect)

    return perform


@pytest.mark.parametrize("hook", ["identify", "locate", "policy", "load"])
def test_failure_keeps_the_answer_in(hook: str) -> None:
    """If anything fails at the second look the answer is 503, without the cookies of the login."""
    run = Run(site(), Request("/login", "POST"))
    out = run.world.run(run.look.begin(200, [LOGIN, *HTML]), failing(run.world, hook))
    assert out.start is not None
    assert (out.start[0], out.end, PRIVATE in out.data) == (503, True, False)
    assert not any(name == "Set-Cookie" for name, _ in out.start[1])


def test_failure_while_logging_out_keeps_the_logout() -> None:
    """If ending the verification fails, the logout's own cookies still reach the browser."""
    world = site()
    run = Run(world, Request("/logout", "POST", cookies=world.cookies(world.verified())))
    gone = ("Set-Cookie", "session=; Max-Age=0")
    out = world.run(run.look.begin(302, [gone, ("Location", "/")]), failing(world, "load"))
    assert out.start is not None
    assert out.start[0] == 503
    assert gone in out.start[1]


def test_no_policy_at_the_second_look() -> None:
    """Where there is no policy at all, the answer is 503 and the login's cookie is dropped."""
    world = World(Host({"office": None}))
    answer = Run(world, Request("/login", "POST")).answer(200, [LOGIN, *HTML], PRIVATE)
    assert (answer.status, cookie_lines(answer), PRIVATE in answer.body) == (503, [], False)


def test_body_before_its_start_goes_nowhere() -> None:
    """A part of a body that comes before any start is not let out."""
    run = Run(site(), Request("/x"))
    assert run.look.body(PRIVATE, last=True) == Outgoing()


def test_identity() -> None:
    """One login of one user is told from another; the credential doesn't matter."""
    assert identity(None) is None
    assert identity(user()) == identity(user(credential=Credential.TOKEN)) == ("u1", None)
    assert identity(user(login="l1")) != identity(user(login="l2"))


def test_leaving_alone_what_has_no_banner() -> None:
    """Where no banner waits to be put in, there is nothing to give up."""
    world = site()
    end = world.run(handle(world.settings, Request("/open/a")))
    assert isinstance(end, Forward)
    look = SecondLook(world.settings, Request("/open/a"), end)
    assert look.leave_alone() == Outgoing()
    assert not look.passing
