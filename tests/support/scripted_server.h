#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/certificates.h"

namespace vedette {

/// A door that a script waits at until the test opens it. Safe between threads.
class Gate {
public:
    void open();
    /// Returns when it is open, at once the next time.
    void wait();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

/// What a scripted server does with one connection, step by step; then it closes.
struct Step {
    enum class Kind {
        ReadRequest,  ///< an HTTP/1 request, its body included; seen in `requests`
        ReadSome,     ///< whatever comes
        Send,
        Wait,   ///< at a gate; the server's end opens it too
        Reset,  ///< close with a TCP reset
        Hold,   ///< do nothing until the other end closes or the server ends
    };
    Kind kind;
    std::string bytes;
    Gate* gate = nullptr;
};

Step read_request();
Step read_some();
Step send_bytes(std::string bytes);
Step wait_for(Gate& gate);
Step reset_connection();
Step hold();
/// Reads a request and answers with these bytes.
std::vector<Step> answer_with(std::string bytes);
/// As above, with a status like `200 OK` and the body's length.
std::vector<Step> answer_ok(std::string body, std::string status = "200 OK",
                            std::string headers = {});

/// A peer on 127.0.0.1 that plays scripts: the first connection the first, and so on; the last
/// script repeats. Each connection has a thread, so one that waits holds up no other.
class ScriptedServer {
public:
    struct Tls {
        std::string chain;      ///< PEM, leaf first
        std::string key;        ///< PEM
        std::string client_ca;  ///< PEM; when given, clients must show a certificate of it
        bool http2 = false;     ///< choose h2 when it is offered
    };

    explicit ScriptedServer(std::vector<std::vector<Step>> scripts);
    ScriptedServer(Tls tls, std::vector<std::vector<Step>> scripts);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    std::uint16_t port() const;
    /// `http://127.0.0.1:port/path`, or https; another host when given.
    std::string url(const std::string& path = "/", const std::string& host = "127.0.0.1") const;
    /// What was read so far, in the order it was complete.
    std::vector<std::string> requests() const;
    std::size_t connections() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A port of 127.0.0.1 on which nobody listens.
std::uint16_t refused_port();

}  // namespace vedette
