#include "base/secret.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/files.h"
#include "base/yaml.h"
#include "tests/support/temp_folder.h"

using namespace vedette;

namespace {

void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
}

/// What a map of the given text says about `password`, and the problems.
std::pair<Secret, std::string> read(const std::string& text,
                                    const std::string& name = "watch.yml") {
    Problems problems;
    const ConfigNode root = read_yaml(name, text, problems);
    Secret secret;
    {
        MapReader map(root, problems, "receiver \"team\"");
        secret = read_secret(map, "password");
    }
    return {secret, problems.text()};
}

}  // namespace

TEST_CASE("a secret does not show itself", "[base][secret]") {
    CHECK(to_string(Secret::from_text("hunter2")) == "<secret>");
    CHECK(to_string(Secret::from_file("x")) == "<secret>");
    CHECK(to_string(Secret()) == "");
    CHECK(Secret::from_text("hunter2").describe() == "<secret>");
    CHECK(Secret::from_file("slack.url").describe() == "file slack.url");
    CHECK(Secret::from_environment("SLACK_URL").describe() == "variable SLACK_URL");
    CHECK(Secret::from_text("hunter2").reveal() == "hunter2");
}

TEST_CASE("secrets from one source are equal", "[base][secret]") {
    CHECK(Secret() == Secret());
    CHECK(Secret::from_text("a") == Secret::from_text("a"));
    CHECK_FALSE(Secret::from_text("a") == Secret::from_text("b"));
    CHECK_FALSE(Secret::from_text("a") == Secret::from_file("a"));
    CHECK_FALSE(Secret::from_text("a") == Secret());
}

TEST_CASE("a file is read again when it changes", "[base][secret]") {
    const TempFolder folder;
    const Secret secret = Secret::from_file(folder / "token");
    CHECK(secret.reveal().error() ==
          Error{Fault::NotFound, "secret of file " + (folder / "token") + ": cannot open " +
                                     (folder / "token") + ": No such file or directory"});
    write(folder / "token", "one\n");
    CHECK(secret.reveal() == "one");
    write(folder / "token", "two\r\n\n");
    CHECK(secret.reveal() == "two");
    write(folder / "token", " with space ");
    CHECK(secret.reveal() == " with space ");
    write(folder / "token", "\n");
    CHECK(secret.reveal().error() ==
          Error{Fault::Refused, "secret of file " + (folder / "token") + " is empty"});
    write(folder / "token", std::string(70'000, 'x'));
    CHECK(secret.reveal().error() ==
          Error{Fault::Refused, "secret of file " + (folder / "token") + ": " + (folder / "token") +
                                    " is larger than the 65536 bytes that are read"});
}

TEST_CASE("a secret is read from text, a file beside the configuration or a variable",
          "[base][secret]") {
    struct Row {
        const char* text;
        const char* name;
        const char* source;
    };
    const auto row = GENERATE(values<Row>({
        {"password: hunter2", "watch.yml", "<secret>"},
        {"password: 12345", "watch.yml", "<secret>"},
        {"password: ${MAIL_PASSWORD}", "watch.yml", "variable MAIL_PASSWORD"},
        {"password: '${MAIL_PASSWORD}'", "watch.yml", "variable MAIL_PASSWORD"},
        {"password: a${MAIL_PASSWORD}", "watch.yml", "<secret>"},
        {"password_file: mail.pw", "watch.yml", "file mail.pw"},
        {"password_file: mail.pw", "/etc/vedette/watch.yml", "file /etc/vedette/mail.pw"},
        {"password_file: /run/mail.pw", "/etc/vedette/watch.yml", "file /run/mail.pw"},
        {"password:", "watch.yml", ""},
        {"{}", "watch.yml", ""},
    }));
    CAPTURE(row.text);
    const auto [secret, problems] = read(row.text, row.name);
    CHECK(secret.describe() == row.source);
    CHECK(problems == "");
}

TEST_CASE("problems of secrets do not show the line they stand on", "[base][secret]") {
    CHECK(read("password: hunter2\npassword_file: x").second ==
          "watch.yml:2:16: `password` and `password_file` of receiver \"team\" are both set; "
          "expected "
          "one of them\n");
    CHECK(read("password: [hunter2]").second ==
          "watch.yml:1:11: `password` of receiver \"team\" is a list; expected a text or "
          "`${NAME}`\n");
    CHECK(read("password: ${hunter-2}").second ==
          "watch.yml:1:11: `password` of receiver \"team\" looks like an environment variable, but "
          "its "
          "name is none; expected `${NAME}` of letters, digits and `_`\n");
}

TEST_CASE("the environment is taken and no longer there to be seen", "[base][secret]") {
    // In a child, as it cannot be given back. Its exit status says which expectation failed.
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::ifstream before("/proc/self/environ");
        const std::string inherited{std::istreambuf_iterator<char>(before), {}};
        ::setenv("VEDETTE_TEST_TOKEN", "hunter2", 1);
        ::setenv("TZ", "UTC", 1);
        take_environment({"TZ"});
        if (Secret::from_environment("VEDETTE_TEST_TOKEN").reveal() != "hunter2") ::_exit(1);
        if (std::getenv("VEDETTE_TEST_TOKEN") != nullptr) ::_exit(2);
        if (std::getenv("TZ") == nullptr) ::_exit(3);
        std::ifstream after("/proc/self/environ");
        const std::string left{std::istreambuf_iterator<char>(after), {}};
        const std::size_t path = inherited.find("PATH=");
        if (path != std::string::npos && left.find("PATH=") != std::string::npos) ::_exit(4);
        const auto none = Secret::from_environment("VEDETTE_NONE").reveal();
        const Error expected{Fault::NotFound, "the environment variable VEDETTE_NONE is not set"};
        if (none || none.error() != expected) ::_exit(5);
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
