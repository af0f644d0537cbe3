#include "examples/simulator/smtp_session.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace vedette::simulator {

namespace {

struct Site {
    explicit Site(SmtpLimits limits = {})
        : session([this](ReceivedMail mail) { mails.push_back(std::move(mail)); }, limits) {}

    std::vector<ReceivedMail> mails;
    SmtpSession session;
};

constexpr std::string_view whole =
    "EHLO vedette\r\nMAIL FROM:<a@x> SIZE=20\r\nRCPT TO:<b@x>\r\nrcpt to:<c@x>\r\nDATA\r\n"
    "Subject: hello\r\n\r\n..dots\r\n.\r\nQUIT\r\n";

}  // namespace

TEST_CASE("a mail arrives with its envelope and its dots", "[simulator]") {
    Site site;
    CHECK(site.session.greet() == "220 simulator ESMTP\r\n");
    const std::string replies = site.session.hear(whole);
    CHECK(replies ==
          "250-simulator\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1048576\r\n250 AUTH PLAIN LOGIN\r\n"
          "250 2.1.0 ok\r\n250 2.1.5 ok\r\n250 2.1.5 ok\r\n354 end with a dot on a line of its own\r\n"
          "250 2.0.0 delivered to the inbox\r\n221 2.0.0 bye\r\n");
    REQUIRE(site.mails.size() == 1);
    CHECK(site.mails[0].from == "a@x");
    CHECK(site.mails[0].to == std::vector<std::string>{"b@x", "c@x"});
    CHECK(site.mails[0].message == "Subject: hello\r\n\r\n.dots\r\n");
    CHECK(site.session.over());
}

TEST_CASE("a conversation says the same however it is cut", "[simulator]") {
    Site at_once;
    const std::string expected = at_once.session.hear(whole);
    for (std::size_t step = 1; step < whole.size(); ++step) {
        Site site;
        std::string replies;
        for (std::size_t at = 0; at < whole.size(); at += step) replies += site.session.hear(whole.substr(at, step));
        CHECK(replies == expected);
        CHECK(site.mails.size() == 1);
    }
}

TEST_CASE("what comes out of order or is unknown is refused and changes nothing", "[simulator]") {
    struct Row { const char* what; const char* said; const char* answer; };
    const auto row = GENERATE(values<Row>({
        {"recipient before sender", "RCPT TO:<b@x>\r\n", "503 5.5.1 MAIL first\r\n"},
        {"text before recipient", "DATA\r\n", "503 5.5.1 RCPT first\r\n"},
        {"no address", "MAIL FROM:a@x\r\n", "501 5.5.4 expected MAIL FROM:<address>\r\n"},
        {"unknown word", "VRFY root\r\n", "500 5.5.1 this simulator does not know that command\r\n"},
        {"a word that only begins like one", "QUITE\r\n", "500 5.5.1 this simulator does not know that command\r\n"},
        {"unknown mechanism", "AUTH CRAM-MD5\r\n", "504 5.5.4 PLAIN or LOGIN\r\n"},
    }));
    CAPTURE(row.what);
    Site site;
    CHECK(site.session.hear(row.said) == row.answer);
    CHECK(site.session.hear(whole).find("250 2.0.0 delivered") != std::string::npos);
}

TEST_CASE("any password is right", "[simulator]") {
    Site site;
    CHECK(site.session.hear("AUTH PLAIN AGEAYg==\r\n") == "235 2.7.0 welcome\r\n");
    CHECK(site.session.hear("AUTH PLAIN\r\nAGEAYg==\r\n") == "334 \r\n235 2.7.0 welcome\r\n");
    CHECK(site.session.hear("AUTH LOGIN\r\nYQ==\r\nYg==\r\n") ==
          "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 welcome\r\n");
}

TEST_CASE("what is larger than a limit is refused and the conversation goes on", "[simulator]") {
    Site site({.line_bytes = 64, .message_bytes = 100, .recipients = 1, .messages = 1});
    const std::string begin = "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n";
    CHECK(site.session.hear(std::string(100, 'x') + "\r\n") == "500 5.5.2 line too long\r\n");
    CHECK(site.session.hear(begin + std::string(100, 'x') + "\r\n.\r\n").ends_with("554 5.6.0 a line is too long\r\n"));
    CHECK(site.session.hear(begin + std::string(60, 'x') + "\r\n" + std::string(60, 'x') + "\r\n.\r\n")
              .ends_with("552 5.3.4 the mail is too large\r\n"));
    CHECK(site.session.hear("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\n").ends_with("452 4.5.3 too many recipients\r\n"));
    CHECK(site.mails.empty());
    CHECK(site.session.hear("DATA\r\nhi\r\n.\r\n").ends_with("250 2.0.0 delivered to the inbox\r\n"));
    CHECK(site.session.hear("MAIL FROM:<a@x>\r\n") == "452 4.5.3 too many mails on one connection\r\n");
}

}  // namespace vedette::simulator
