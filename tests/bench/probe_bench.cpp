// What scheduled HTTP probes cost: CPU seconds per 1000, beside a raw socket loop in the same run.
//
//     probe_bench [seconds]
//
// A forked child answers every request with a small fixed response and closes; its CPU is not
// counted. The floor does with bare system calls what a probe cannot do without: socket, connect,
// write, read, close, under epoll. Bare libcurl makes the same requests and looks at nothing. Both
// are measured at full speed, 16 in flight, and at the pace of the probes, five every 5 ms, where
// every wake finds cold caches. The probes run as in the program: schedule, client, expectations,
// metrics, book, batch into a sink that throws away.

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "base/resolver.h"
#include "core/limits.h"
#include "probes/probes.h"

namespace {

using namespace vedette;
using namespace std::chrono_literals;

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
    "Connection: close\r\n\r\nok\n";

void must(bool holds, const char* what) {
    if (holds) return;
    std::perror(what);
    std::_Exit(1);
}

double cpu_seconds() {
    timespec used{};
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0, "clock_gettime");
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// ── the other end ──

/// Keeps nothing: one read, one write, close.
[[noreturn]] void respond(int listener) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int poll = epoll_create1(0);
    epoll_event event{EPOLLIN, {.fd = listener}};
    must(epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) == 0, "epoll_ctl");
    char request[4096];
    for (;;) {
        epoll_event events[64];
        const int count = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                const int peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                epoll_event reading{EPOLLIN, {.fd = peer}};
                if (peer >= 0) epoll_ctl(poll, EPOLL_CTL_ADD, peer, &reading);
                continue;
            }
            if (read(fd, request, sizeof request) > 0 &&
                write(fd, answer.data(), answer.size()) < 0)
                std::perror("write");
            close(fd);
        }
    }
}

struct Responder {
    pid_t child = 0;
    std::uint16_t port = 0;

    Responder() {
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        must(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
        must(listen(listener, 1024) == 0, "listen");
        must(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0,
             "getsockname");
        port = ntohs(address.sin_port);
        child = fork();
        must(child >= 0, "fork");
        if (child == 0) respond(listener);
        close(listener);
    }
    ~Responder() {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
    }
};

/// Lets requests begin: all at once, or a thousand a second in steps of 5 ms.
class Pace {
public:
    explicit Pace(bool paced) : paced_(paced) {}
    bool lets(int begun) const {
        if (!paced_) return true;
        return begun < 5 * (1 + (std::chrono::steady_clock::now() - began_) / 5ms);
    }
    int wait_ms() const { return paced_ ? 1 : 1000; }

private:
    const bool paced_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// ── the floor ──

int connect_raw(int poll, const sockaddr_in& address) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    const int begun = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    must(begun == 0 || errno == EINPROGRESS, "connect");
    epoll_event event{EPOLLOUT, {.fd = fd}};
    must(epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    return fd;
}

/// So many requests, at most 16 in flight. Returns CPU seconds per 1000.
double floor_cost(std::uint16_t port, int requests, Pace pace = Pace(false)) {
    const std::string request = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n";
    const sockaddr_in address = loopback(port);
    const int poll = epoll_create1(EPOLL_CLOEXEC);
    const double before = cpu_seconds();
    int begun = 0, done = 0;
    constexpr int in_flight_max = limits::probes_in_flight_per_loop;
    char buffer[4096];
    while (done < requests) {
        for (; begun < requests && begun - done < in_flight_max && pace.lets(begun); ++begun)
            connect_raw(poll, address);
        epoll_event events[64];
        const int count = epoll_wait(poll, events, 64, pace.wait_ms());
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (events[i].events & EPOLLOUT) {
                must(write(fd, request.data(), request.size()) > 0, "write");
                epoll_event reading{EPOLLIN, {.fd = fd}};
                epoll_ctl(poll, EPOLL_CTL_MOD, fd, &reading);
                continue;
            }
            must(read(fd, buffer, sizeof buffer) > 0, "read");
            close(fd);
            ++done;
        }
    }
    const double used = cpu_seconds() - before;
    close(poll);
    return used / requests * 1000;
}

// ── bare libcurl ──

void ask_curl(CURLM* multi, CURL* easy, std::uint16_t port) {
    curl_easy_reset(easy);
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/health";
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                     +[](char*, std::size_t one, std::size_t size, void*) { return one * size; });
    must(curl_multi_add_handle(multi, easy) == CURLM_OK, "curl_multi_add_handle");
}

/// So many requests, at most 16 in flight. Returns CPU seconds per 1000.
double curl_cost(std::uint16_t port, int requests, Pace pace = Pace(false)) {
    CURLM* multi = curl_multi_init();
    std::vector<CURL*> idle;
    for (std::size_t i = 0; i < limits::probes_in_flight_per_loop; ++i)
        idle.push_back(curl_easy_init());
    const double before = cpu_seconds();
    int begun = 0, running = 0, left = 0;
    while (begun < requests || running > 0) {
        for (; begun < requests && !idle.empty() && pace.lets(begun); ++begun) {
            ask_curl(multi, idle.back(), port);
            idle.pop_back();
        }
        must(curl_multi_perform(multi, &running) == CURLM_OK, "curl_multi_perform");
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
            CURL* easy = message->easy_handle;
            must(message->data.result == CURLE_OK, "a request of bare libcurl");
            curl_multi_remove_handle(multi, easy);
            idle.push_back(easy);
        }
        if (running > 0 || !pace.lets(begun)) curl_multi_poll(multi, nullptr, 0, pace.wait_ms(), nullptr);
    }
    const double used = cpu_seconds() - before;
    for (CURL* easy : idle) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    return used / requests * 1000;
}

// ── the probes ──

/// Takes everything, keeps nothing, counts.
class CountingSink final : public SampleSink {
public:
    Result<SeriesRef> series(const Labels&) override { return SeriesRef{++series_}; }
    std::uint64_t generation() const override { return 1; }
    void metadata(std::string_view, std::string_view, std::string_view, std::string_view) override {
    }
    Result<Appended> append(const Batch& batch) override {
        ++batches;
        samples += batch.rows.size();
        return Appended{.stored = batch.rows.size(), .first_rejection = {}};
    }
    std::size_t batches = 0, samples = 0;

private:
    std::uint64_t series_ = 0;
};

probes::Settings thousand_targets(std::uint16_t port) {
    const std::string base = "http://127.0.0.1:" + std::to_string(port) + "/health?target=";
    auto probe = probes::probe_of("http", base + "0").value();
    probe.every = 1s;
    probe.timeout = 1s;
    probe.targets.clear();
    for (int i = 0; i < 1000; ++i) {
        const std::string url = base + std::to_string(i);
        probe.targets.push_back({url, url, Labels{{"instance", url}, {"job", "bench"}}});
    }
    return {{probe}};
}

/// A thousand targets, each once a second. Returns CPU seconds per 1000 readings.
double probe_cost(std::uint16_t port, std::chrono::seconds length) {
    Loop loop;
    const auto resolver = make_dns_resolver(loop);
    HttpClient http(loop, *resolver);
    SystemClock clock;
    Log log(LogSettings{.level = LogLevel::Error});
    Metrics metrics;
    CountingSink sink;
    probes::Probes probes(loop, http, sink, clock, log, metrics);
    probes.load(thousand_targets(port));

    std::size_t batches_before = 0;
    double cpu_before = 0;
    loop.after(2s, [&] {  // the first second makes series and warms the allocator
        batches_before = sink.batches;
        cpu_before = cpu_seconds();
    });
    double used = 0;
    loop.after(2s + length, [&] {
        used = cpu_seconds() - cpu_before;
        loop.stop();
    });
    loop.run();
    const std::size_t readings = sink.batches - batches_before;
    std::size_t up = 0;
    for (const auto& status : probes.book().snapshot()) up += status.state == probes::State::Up;
    const double skipped =
        metrics
            .counter("vedette_probe_skipped_total",
                     "Turns left out because the one before was not over in time")
            .value();
    std::printf(
        "  %zu readings, %zu of 1000 targets up, %.1f samples a reading, %.0f turns skipped\n",
        readings, up, static_cast<double>(sink.samples) / static_cast<double>(sink.batches),
        skipped);
    return used / static_cast<double>(readings) * 1000;
}

}  // namespace

int main(int count, char** words) {
    const std::chrono::seconds length(count > 1 ? std::atoi(words[1]) : 10);
    const Responder responder;
    const double floor_before = floor_cost(responder.port, 5000);
    std::printf("scheduled plain HTTP probes, %lld s\n", static_cast<long long>(length.count()));
    const double probes = probe_cost(responder.port, length);
    const double floor_after = floor_cost(responder.port, 5000);
    const double floor_paced = floor_cost(responder.port, 4000, Pace(true));
    const double curl = curl_cost(responder.port, 5000);
    const double curl_paced = curl_cost(responder.port, 4000, Pace(true));
    std::printf("  probes  %.4f CPU seconds per 1000\n", probes);
    std::printf("  floor   %.4f and %.4f, a raw socket loop before and after; %.4f at their pace\n",
                floor_before, floor_after, floor_paced);
    std::printf("  curl    %.4f, bare libcurl, every connection new; %.4f at their pace\n", curl,
                curl_paced);
    std::printf("  ratio   %.2f of the floor\n", probes / ((floor_before + floor_after) / 2));
}
