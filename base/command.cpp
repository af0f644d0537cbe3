#include "base/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <map>

namespace vedette {

namespace {

constexpr std::size_t output_bytes_max = 4096;  // of one command, for a person

struct Pipe {
    int read = -1, write = -1;

    bool open() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
        read = ends[0];
        write = ends[1];
        return true;
    }
};

void close_fd(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

/// What posix_spawn is told; it frees what it holds.
struct SpawnPlan {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    SpawnPlan(int input, int output) {
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input, 0);
        posix_spawn_file_actions_adddup2(&actions, output, 1);
        posix_spawn_file_actions_adddup2(&actions, output, 2);
        posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        posix_spawn_file_actions_addchdir_np(&actions, "/");
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
    }
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
};

/// The child's pid, or minus an errno.
int spawn(const std::vector<std::string>& words, int input, int output) {
    // Of this thread: what it may do itself stays, but no child inherits it.
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    const SpawnPlan plan(input, output);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
    std::array<char*, 2> environment{path.data(), nullptr};
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, words.front().c_str(), &plan.actions, &plan.attributes,
                                     argv.data(), environment.data());
    if (failed != 0) return -failed;
    const rlimit no_core{0, 0};
    ::prlimit(pid, RLIMIT_CORE, &no_core, nullptr);
    return pid;
}

std::string first_line(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, text.find('\n')).substr(0, 200))
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    return out;
}

}  // namespace

struct Commands::Child {
    pid_t pid = 0;
    int pidfd = -1, input_fd = -1, output_fd = -1;
    std::string input;
    std::size_t written = 0;
    Loop::TimerId timer;
    std::string program;
    CommandEnd end;
    std::function<void(CommandEnd)> done;
};

struct Commands::State {
    explicit State(Loop& given) : loop(given) {}

    Loop& loop;
    std::map<int, std::unique_ptr<Child>> children;  // by pidfd

    void write_more(Child& child) {
        while (child.input_fd >= 0 && child.written < child.input.size()) {
            const ssize_t count = ::write(child.input_fd, child.input.data() + child.written,
                                          child.input.size() - child.written);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) return;
            if (count < 0) break;  // it does not want to know
            child.written += static_cast<std::size_t>(count);
        }
        forget(child.input_fd);
    }
    void read_more(Child& child) {
        std::array<char, 4096> buffer{};
        while (child.output_fd >= 0) {
            const ssize_t count = ::read(child.output_fd, buffer.data(), buffer.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) return;
            if (count <= 0) return forget(child.output_fd);
            const std::size_t room = output_bytes_max - child.end.output.size();
            child.end.output.append(buffer.data(), std::min<std::size_t>(room, static_cast<std::size_t>(count)));
        }
    }
    void forget(int& fd) {
        if (fd < 0) return;
        loop.unwatch(fd);
        close_fd(fd);
    }
    void kill_group(const Child& child) { ::kill(-child.pid, SIGKILL); }

    void ended(int pidfd) {
        const auto found = children.find(pidfd);
        if (found == children.end()) return;
        const std::unique_ptr<Child> child = std::move(found->second);
        children.erase(found);
        read_more(*child);
        let_go(*child);
        child->done(std::move(child->end));
    }
    /// Waits for a child that is dead or was killed, and closes what belonged to it.
    void let_go(Child& child) {
        loop.cancel(child.timer);
        int status = 0;
        // What it started goes with it: an action that leaves work behind escapes its limits.
        kill_group(child);
        while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
        }
        forget(child.input_fd);
        forget(child.output_fd);
        forget(child.pidfd);
        CommandEnd& end = child.end;
        if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
        if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
        if (end.timed_out) end.error = fmt::format("{} took too long and was killed", child.program);
        else if (end.signal != 0) end.error = fmt::format("{} died of signal {}", child.program, end.signal);
        else if (end.exit_code != 0) end.error = fmt::format("{} ended with {}", child.program, end.exit_code);
        if (!end.error.empty() && !end.timed_out)
            if (const std::string line = first_line(end.output); !line.empty()) end.error += ": " + line;
    }
};

Commands::Commands(Loop& loop) : state_(std::make_shared<State>(loop)) {}

Commands::~Commands() {
    for (auto& [pidfd, child] : state_->children) {
        state_->kill_group(*child);
        state_->let_go(*child);
    }
    state_->children.clear();
}

std::size_t Commands::running() const {
    return state_->children.size();
}

void Commands::start(CommandCall call, std::function<void(CommandEnd)> done) {
    const auto fail_start = [&](std::string_view why) {
        CommandEnd end;
        end.error = fmt::format("{} cannot be started: {}", call.words.front(), why);
        done(std::move(end));
    };
    Pipe input, output;
    if (!input.open() || !output.open()) {
        for (int* fd : {&input.read, &input.write, &output.read, &output.write}) close_fd(*fd);
        return fail_start(std::strerror(errno));
    }
    const int pid = spawn(call.words, input.read, output.write);
    close_fd(input.read);
    close_fd(output.write);
    if (pid < 0) {
        close_fd(input.write);
        close_fd(output.read);
        return fail_start(std::strerror(-pid));
    }
    auto child = std::make_unique<Child>();
    child->pid = pid;
    child->pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    check(child->pidfd >= 0, "the kernel has pidfd_open since 5.3");
    child->input_fd = input.write;
    child->output_fd = output.read;
    for (const int fd : {child->input_fd, child->output_fd, child->pidfd}) {
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    child->input = std::move(call.input);
    child->program = call.words.front();
    child->end.started = true;
    child->done = std::move(done);
    State* state = state_.get();
    Child* one = child.get();
    child->timer = state->loop.after(call.timeout, [state, one] {
        one->end.timed_out = true;
        state->kill_group(*one);
    });
    state->loop.watch(one->input_fd, Loop::writable, [state, one](unsigned) { state->write_more(*one); });
    state->loop.watch(one->output_fd, Loop::readable, [state, one](unsigned) { state->read_more(*one); });
    state->loop.watch(one->pidfd, Loop::readable, [state, pidfd = one->pidfd](unsigned) { state->ended(pidfd); });
    state->children[one->pidfd] = std::move(child);
}

}  // namespace vedette
