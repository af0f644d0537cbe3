// Kills a writer with SIGKILL at fifty random moments and looks whether anything it had
// acknowledged is missing. VEDETTE_SEED=n repeats a run.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "store/blocks/keeper.h"
#include "store/store.h"
#include "tests/support/temp_folder.h"

namespace vedette::store {
namespace {

constexpr int kills = 50;
constexpr std::size_t jobs = 5;

/// A `store_writer`, killed by its own id when it goes, whatever happens.
class Writer {
public:
    Writer(const std::string& folder, std::int64_t first, std::size_t checkpoint_bytes) {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        out_ = ends[0];
        const std::string program =
            (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "store_writer")
                .string();
        std::string from = std::to_string(first), after = std::to_string(checkpoint_bytes);
        std::string path = folder, name = program;
        char* arguments[] = {name.data(), path.data(), from.data(), after.data(), nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        const int spawned =
            ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        REQUIRE(spawned == 0);
    }
    ~Writer() {
        kill();
        ::close(out_);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    /// Kills it before its first word, or `how_long` after its start.
    std::int64_t kill_early(std::chrono::microseconds how_long) {
        pollfd word{out_, POLLIN, 0};
        (void)::poll(&word, 1, static_cast<int>(how_long.count() / 1000));
        return kill_and_read();
    }
    /// Reads for `how_long` after the first word came; returns the last number acknowledged.
    std::int64_t read_for(std::chrono::microseconds how_long) {
        read_some();
        const auto until = std::chrono::steady_clock::now() + how_long;
        while (std::chrono::steady_clock::now() < until && read_some()) {
        }
        return kill_and_read();
    }

private:
    std::int64_t kill_and_read() {
        kill();
        while (read_some()) {
        }
        const auto end = text_.rfind('\n');
        if (end == std::string::npos) return 0;
        const auto begin = text_.rfind(' ', end);
        return std::stoll(text_.substr(begin + 1, end - begin - 1));
    }

    bool read_some() {
        char buffer[65536];
        const ssize_t got = ::read(out_, buffer, sizeof(buffer));
        if (got <= 0) return false;
        text_.append(buffer, static_cast<std::size_t>(got));
        return true;
    }

    pid_t pid_ = 0;
    int out_ = -1;
    std::string text_;
};

// The newest number that all series hold; fails when a number before it is missing or differs.
std::int64_t newest_whole(const std::string& folder) {
    const auto files = make_files();
    SystemClock clock;
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    StoreSettings settings;
    settings.own_thread = false;
    auto store = Store::open(*files, folder, settings, clock, log, metrics);
    if (!store) FAIL(store.error().message);
    const std::vector<Matcher> matchers{{Matcher::Op::Equal, "__name__", "up"}};
    auto cursor = (*store)->select(matchers, {{0}, {std::int64_t{1} << 60}}, {}, {});
    REQUIRE(cursor);
    Column column;
    std::size_t series = 0;
    std::int64_t newest = 0;
    while ((*cursor)->next(column)) {
        bool complete = true;
        for (std::size_t i = 0; i < column.times.size(); ++i)
            complete = complete && column.times[i].ms == std::int64_t(i + 1) * 1000 &&
                       column.floats[i] == double(i + 1);
        REQUIRE(complete);
        const auto count = static_cast<std::int64_t>(column.times.size());
        if (series++ == 0) newest = count;
        REQUIRE(count == newest);
    }
    REQUIRE(series == jobs);
    return newest;
}

// How many roll-ups of five minutes there are; fails when one does not tell of all its samples.
std::size_t whole_rollups(const std::string& folder) {
    constexpr Milliseconds five = std::chrono::minutes(5);
    constexpr std::int64_t samples = 300;
    const auto files = make_files();
    Recovery recovery;
    BlockKeeper keeper(*files, {folder + "/rollups/5m", five, five, five},
                       [](const Labels&, const Error& error) { FAIL(error.message); });
    REQUIRE(keeper.open(recovery));
    REQUIRE(recovery.losses.empty());
    const auto cursor = keeper.read_all(keeper.shelf()->blocks);
    Column column;
    std::size_t buckets = 0;
    while (cursor->next(column)) {
        Timestamp begin{0};
        bool complete = true;
        for (const Bucket& bucket : column.buckets) {
            const double last = double(bucket.end.ms / 1000), first = last - samples + 1;
            complete = complete && bucket.begin == begin && bucket.count == samples &&
                       bucket.min == first && bucket.max == last &&
                       bucket.sum == (first + last) * samples / 2;
            begin = bucket.end;
        }
        REQUIRE(complete);
        buckets += column.buckets.size();
    }
    return buckets;
}

}  // namespace

TEST_CASE("kill -9 at fifty random moments loses nothing that was acknowledged", "[store][kill]") {
    const char* given = std::getenv("VEDETTE_SEED");
    const std::uint64_t seed =
        given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    INFO("VEDETTE_SEED=" << seed);
    std::mt19937_64 random(seed);
    const TempFolder folder;
    std::int64_t next = 1;
    std::size_t rollups = 0;
    for (int round = 0; round < kills; ++round) {
        const std::size_t checkpoint_bytes = round % 2 == 0 ? 64 << 20 : 20'000;
        Writer writer(folder.path(), next, checkpoint_bytes);
        const std::chrono::microseconds how_long(random() % 20'000);
        // Each third in the middle of what it does with blocks before it takes anything.
        const std::int64_t acknowledged =
            round % 3 == 2 ? writer.kill_early(how_long) : writer.read_for(how_long);
        CAPTURE(round, acknowledged);
        const std::int64_t newest = newest_whole(folder.path());
        REQUIRE(newest >= acknowledged);
        REQUIRE(newest >= next - 1);
        const std::size_t whole = whole_rollups(folder.path());
        REQUIRE(whole >= rollups);
        rollups = whole;
        next = newest + 1;
    }
    CHECK(next > kills);
    // A machine that does much else may not come so far.
    if (next > 2000) CHECK(rollups > 0);
    CHECK(std::filesystem::exists(folder.path() + "/blocks"));
    CHECK_FALSE(std::filesystem::is_empty(folder.path() + "/blocks"));
}

TEST_CASE("two programs never share a folder", "[store][lock]") {
    const TempFolder folder;
    Writer writer(folder.path(), 1, 64 << 20);
    std::this_thread::yield();
    // The first acknowledgement means that it holds the lock.
    const auto files = make_files();
    SystemClock clock;
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    CHECK(writer.read_for(std::chrono::microseconds(0)) > 0);
    auto first = Store::open(*files, folder.path(), {}, clock, log, metrics);
    REQUIRE(first);
    const auto second = Store::open(*files, folder.path(), {}, clock, log, metrics);
    REQUIRE_FALSE(second);
    CHECK(second.error().fault == Fault::Refused);
    REQUIRE((*first)->close());
    CHECK(Store::open(*files, folder.path(), {}, clock, log, metrics));
}

}  // namespace vedette::store
