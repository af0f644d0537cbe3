#include "base/smtp.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_folder.h"

extern char** environ;

using namespace vedette;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// tests/support/smtp_server.py as a child process, ended by closing its input.
class MailServer {
public:
    explicit MailServer(const json& wish) {
        std::array<int, 2> in{}, out{};
        REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
        REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        std::string text = wish.dump();
        std::string python = "/usr/bin/python3", script = "tests/support/smtp_server.py";
        std::array<char*, 4> args{python.data(), script.data(), text.data(), nullptr};
        REQUIRE(::posix_spawn(&pid_, python.c_str(), &actions, nullptr, args.data(), environ) == 0);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        in_ = in[1];
        out_ = ::fdopen(out[0], "r");
        address = "127.0.0.1:" + line();
    }
    ~MailServer() {
        ::close(in_);
        ::waitpid(pid_, nullptr, 0);
        ::fclose(out_);
    }
    MailServer(const MailServer&) = delete;
    MailServer& operator=(const MailServer&) = delete;

    /// Waits for the next mail.
    json mail() { return json::parse(line()); }

    std::string address;

private:
    std::string line() {
        std::string text;
        for (int c = std::fgetc(out_); c != EOF && c != '\n'; c = std::fgetc(out_))
            text += static_cast<char>(c);
        REQUIRE_FALSE(text.empty());
        return text;
    }

    pid_t pid_ = 0;
    int in_ = -1;
    std::FILE* out_ = nullptr;
};

struct Bench {
    Loop loop;
    MemoryResolver resolver{loop};
    std::optional<SmtpClient> client{std::in_place, loop, resolver};
    SmtpSettings settings;
    Mail mail{"vedette@here.test",
              {"anna@there.test", "bob@there.test"},
              "Subject: hi\r\n\r\n.dot\r\nend\r\n"};

    /// Empty when the mail was taken, else `code: message`, and `!` when trying again is no use.
    std::string send(Milliseconds wait = 20s) {
        std::optional<std::string> told;
        client->send(settings, mail, Deadline::after(loop.now(), wait),
                     [&](tl::expected<void, SmtpFailure> outcome) {
                         REQUIRE_FALSE(told);
                         told = show(outcome);
                     });
        REQUIRE_FALSE(told);
        while (!told) loop.turn(1s);
        return *told;
    }
    static std::string show(const tl::expected<void, SmtpFailure>& outcome) {
        if (outcome) return "";
        return std::to_string(outcome.error().reply) + ": " + outcome.error().error.message +
               (outcome.error().retry ? "" : "!");
    }
    /// A message of the server named by its address, so that ports do not matter.
    std::string about(const std::string& rest) const {
        return "the mail server " + settings.smarthost + rest;
    }
};

/// Certificates in files, as the mail server wants them.
struct Papers {
    TempFolder folder;
    Certificate authority = make_certificate({.common_name = "Test Authority", .authority = true});
    Certificate leaf = make_certificate({.addresses = {"127.0.0.1"}, .issuer = &authority});
    json wish(json more = json::object()) {
        std::ofstream(folder / "cert.pem") << leaf.pem;
        std::ofstream(folder / "key.pem") << leaf.key;
        more["cert"] = folder / "cert.pem";
        more["key"] = folder / "key.pem";
        return more;
    }
};

}  // namespace

TEST_CASE("a mail goes through STARTTLS, with a login, unchanged", "[smtp]") {
    Papers papers;
    MailServer server(papers.wish({{"auth", true}}));
    Bench bench;
    bench.settings.smarthost = server.address;
    bench.settings.hello = "watch.test";
    bench.settings.username = "me";
    bench.settings.password = Secret::from_text("pässword");
    bench.settings.tls.ca = papers.authority.pem;
    CHECK(bench.send() == "");
    const json mail = server.mail();
    CHECK(mail["from"] == "vedette@here.test");
    CHECK(mail["to"] == json({"anna@there.test", "bob@there.test"}));
    CHECK(mail["text"] == "Subject: hi\r\n\r\n.dot\r\nend\r\n");
    CHECK(mail["hello"] == "watch.test");
    CHECK(mail["tls"] == true);
    CHECK(mail["user"] == "me");
    bench.settings.password = Secret::from_text("wrong");
    CHECK(bench.send() ==
          "535: " + bench.about(" answered 535 5.7.8 Authentication credentials invalid!"));
    bench.settings.username.clear();
    CHECK(bench.send() == "530: " + bench.about(" answered 530 5.7.0 Authentication required!"));
}

TEST_CASE("TLS from the first byte is spoken on port 465 only, STARTTLS elsewhere", "[smtp]") {
    Papers papers;
    MailServer server(papers.wish({{"implicit", true}}));
    Bench bench;
    bench.settings.smarthost = server.address;
    bench.settings.tls.ca = papers.authority.pem;
    // Nobody but root may listen on 465; a server that says nothing in clear text must time out.
    CHECK(bench.send(300ms) == "0: " + bench.about(" did not take the mail in 300 ms"));
}

TEST_CASE("without STARTTLS nothing is sent when TLS is required", "[smtp]") {
    MailServer server(json::object());
    Bench bench;
    bench.settings.smarthost = server.address;
    CHECK(bench.send() == "250: " + bench.about(" offers no STARTTLS, and TLS is required"));
    bench.settings.require_tls = false;
    CHECK(bench.send() == "");
    CHECK(server.mail()["tls"] == false);
}

TEST_CASE("a certificate that is not trusted stops the mail", "[smtp]") {
    Papers papers;
    MailServer server(papers.wish());
    Bench bench;
    bench.settings.smarthost = server.address;
    CHECK(bench.send() ==
          "0: " + bench.about(": certificate is signed by an unknown authority: Test Authority"));
    bench.settings.tls.ca = papers.authority.pem;
    bench.settings.tls.server_name = "mail.test";
    CHECK(bench.send() == "0: " + bench.about(": certificate is for 127.0.0.1, not mail.test"));
    bench.settings.tls.insecure_skip_verify = true;
    CHECK(bench.send() == "");
}

TEST_CASE("a password does not leave the machine in clear text", "[smtp]") {
    Bench bench;
    bench.settings.require_tls = false;
    bench.settings.username = "me";
    bench.settings.password = Secret::from_text("pässword");
    bench.settings.smarthost = "mail.test:25";
    bench.resolver.names["mail.test"] = {{"192.0.2.1", false}};
    CHECK(bench.send() == "0: a password is sent through TLS only; set require_tls");
    MailServer server(json{{"auth", true}, {"auth_plain", true}});
    bench.settings.smarthost = server.address;  // loopback may
    CHECK(bench.send() == "");
    CHECK(server.mail()["user"] == "me");
}

TEST_CASE("what the server refuses is passed on in its own words", "[smtp]") {
    struct Row {
        const char *what, *reply, *told;
    };
    const auto row = GENERATE(values<Row>({
        {"refuse_from", "550 5.1.8 no thanks", "550: answered 550 5.1.8 no thanks!"},
        {"refuse_to", "451 4.7.1 try later", "451: answered 451 4.7.1 try later"},
        {"refuse_to", "550 no such user", "550: answered 550 no such user!"},
        {"refuse_data", "554 spam", "554: answered 554 spam!"},
    }));
    CAPTURE(row.what, row.reply);
    json wish;
    wish[row.what] = row.reply;
    MailServer server(wish);
    Bench bench;
    bench.settings.smarthost = server.address;
    bench.settings.require_tls = false;
    const std::string told = row.told;
    CHECK(bench.send() == told.substr(0, 5) + bench.about(told.substr(4)));
}

TEST_CASE("replies of several lines are joined, and control characters do not come through",
          "[smtp]") {
    ScriptedServer server(
        {{send_bytes("220 hi\r\n"), read_some(), send_bytes("250 ok\r\n"), read_some(),
          send_bytes("550-first\r\n550 sec\x1b[31mond\r\n"), read_some()}});
    Bench bench;
    bench.settings.smarthost = "127.0.0.1:" + std::to_string(server.port());
    bench.settings.require_tls = false;
    CHECK(bench.send() == "550: " + bench.about(" answered 550 first sec?[31mond!"));
}

TEST_CASE("a mail server that is not there, or hangs, is named", "[smtp]") {
    Bench bench;
    bench.settings.smarthost = "127.0.0.1:" + std::to_string(refused_port());
    CHECK(bench.send() == "0: " + bench.about(": connection refused"));
    bench.settings.smarthost = "gone.test:25";
    CHECK(bench.send() == "0: " + bench.about(": name not found: gone.test"));
    ScriptedServer server({{send_bytes("220 hi\r\n"), hold()}});
    bench.settings.smarthost = "127.0.0.1:" + std::to_string(server.port());
    CHECK(bench.send(80ms) == "220: " + bench.about(" did not take the mail in 80 ms"));
    ScriptedServer closing({{send_bytes("220 hi\r\n")}});
    bench.settings.smarthost = "127.0.0.1:" + std::to_string(closing.port());
    CHECK_THAT(bench.send(), Catch::StartsWith("220: " + bench.about(" broke off: ")));
}

TEST_CASE("addresses and names that could smuggle a command are refused", "[smtp]") {
    Bench bench;
    bench.settings.smarthost = "127.0.0.1:1";
    bench.mail.to = {"anna@there.test", "x@y.test>\r\nRCPT TO:<z@z.test"};
    CHECK(bench.send() == "0: not a mail address: `x@y.test>\r\nRCPT TO:<z@z.test`!");
    bench.mail.to = {"a b@there.test"};
    CHECK(bench.send() == "0: not a mail address: `a b@there.test`!");
    bench.mail.to.clear();
    CHECK(bench.send() == "0: the mail has nobody to go to!");
    bench.mail.to = {"anna@there.test"};
    bench.mail.from = "\r\n";
    CHECK(bench.send() == "0: not a mail address: `\r\n`!");
    bench.mail.from = "v@here.test";
    bench.settings.hello = "x\r\nMAIL FROM:<>";
    CHECK(bench.send() == "0: not a name to say hello with: `x\r\nMAIL FROM:<>`!");
    bench.settings.hello = "here";
    for (const char* host :
         {"127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", ":25", "a/b:25", "u@h:25"}) {
        bench.settings.smarthost = host;
        CHECK(bench.send() ==
              "0: the mail server is `" + std::string(host) + "`; expected `host:port`!");
    }
}

TEST_CASE("a mail client that goes tells all who wait, once", "[smtp]") {
    ScriptedServer server({{send_bytes("220 hi\r\n"), hold()}});
    Bench bench;
    bench.settings.smarthost = "127.0.0.1:" + std::to_string(server.port());
    int told = 0;
    for (int i = 0; i < 2; ++i)
        bench.client->send(bench.settings, bench.mail, Deadline::after(bench.loop.now(), 1h),
                           [&](tl::expected<void, SmtpFailure> outcome) {
                               CHECK(Bench::show(outcome) == "0: the mail was cancelled");
                               ++told;
                           });
    while (server.connections() < 2) bench.loop.turn(10ms);
    bench.client.reset();
    CHECK(told == 2);
    bench.loop.turn(0ms);
    CHECK(told == 2);
}
