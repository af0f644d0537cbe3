#include "base/loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/mutex.h"

namespace vedette {
namespace {

using std::chrono::steady_clock;

/// Timers by time, then by the order they were set in, as an indexed binary heap: a cancelled timer
/// leaves at once, so timers that are set and cancelled all day cost no memory.
///
/// Invariants: 1. heap_[slots_[s].place] == s for each slot in the heap. 2. A slot's generation
/// grows each time it is freed, so an old TimerId never meets a new timer. 3. A parent is not after
/// its children.
class Timers {
public:
    using Work = std::function<void()>;

    std::uint64_t add(Loop::TimePoint when, Work work) {
        std::uint32_t slot = 0;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(slots_.size());
            slots_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        Slot& s = slots_[slot];
        s.when = when;
        s.order = ++last_order_;
        s.work = std::move(work);
        s.used = true;
        s.place = heap_.size();
        heap_.push_back(slot);
        rise(s.place);
        return id_of(slot);
    }

    void cancel(std::uint64_t id) {
        if (const auto slot = find(id)) free_slot(*slot);
    }

    bool empty() const { return heap_.empty(); }
    Loop::TimePoint first() const { return slots_[heap_.front()].when; }

    /// Takes the ids of what is due out of the heap, in order; `take` then runs each.
    void take_due(Loop::TimePoint now, std::vector<std::uint64_t>& due) {
        while (!heap_.empty() && slots_[heap_.front()].when <= now) {
            const std::uint32_t slot = heap_.front();
            leave_heap(slot);
            due.push_back(id_of(slot));
        }
    }

    /// The work of a timer that is due, or nothing when it was cancelled meanwhile.
    Work take(std::uint64_t id, Loop::TimePoint& when) {
        const auto slot = find(id);
        if (!slot) return nullptr;
        when = slots_[*slot].when;
        Work work = std::move(slots_[*slot].work);
        free_slot(*slot);
        return work;
    }

private:
    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
    struct Slot {
        Loop::TimePoint when;
        std::uint64_t order = 0;
        std::uint32_t generation = 1;
        std::size_t place = nowhere;
        bool used = false;
        Work work;
    };

    std::uint64_t id_of(std::uint32_t slot) const {
        return std::uint64_t{slots_[slot].generation} << 32 | slot;
    }
    std::optional<std::uint32_t> find(std::uint64_t id) const {
        const auto slot = static_cast<std::uint32_t>(id);
        if (slot >= slots_.size() || !slots_[slot].used || id_of(slot) != id) return std::nullopt;
        return slot;
    }
    bool before(std::uint32_t a, std::uint32_t b) const {
        const Slot &x = slots_[a], &y = slots_[b];
        return x.when != y.when ? x.when < y.when : x.order < y.order;
    }
    void put(std::size_t place, std::uint32_t slot) {
        heap_[place] = slot;
        slots_[slot].place = place;
    }
    void rise(std::size_t place) {
        const std::uint32_t slot = heap_[place];
        while (place > 0 && before(slot, heap_[(place - 1) / 2])) {
            put(place, heap_[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        put(place, slot);
    }
    void sink(std::size_t place) {
        const std::uint32_t slot = heap_[place];
        for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
            if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
            if (!before(heap_[child], slot)) break;
            put(place, heap_[child]);
            place = child;
        }
        put(place, slot);
    }
    void leave_heap(std::uint32_t slot) {
        const std::size_t place = std::exchange(slots_[slot].place, nowhere);
        const std::uint32_t last = heap_.back();
        heap_.pop_back();
        if (last == slot) return;
        put(place, last);
        rise(place);
        sink(slots_[last].place);
    }
    void free_slot(std::uint32_t slot) {
        Slot& s = slots_[slot];
        if (s.place != nowhere) leave_heap(slot);
        s.used = false;
        ++s.generation;
        free_.push_back(slot);
        // Last: what the work holds may cancel timers when it goes.
        const Work gone = std::exchange(s.work, nullptr);
    }

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> heap_, free_;
    std::uint64_t last_order_ = 0;
};

/// One watched descriptor. Shared, because a callback may unwatch itself while it runs.
struct Watch {
    std::uint32_t generation = 0;
    std::function<void(unsigned)> ready;
};

}  // namespace

struct Loop::State {
    int epoll_fd = -1, event_fd = -1;
    // On the loop's thread only.
    Timers timers;
    std::vector<std::uint64_t> due;
    std::vector<std::shared_ptr<Watch>> watches;  // by descriptor
    std::uint32_t last_generation = 0;
    std::vector<std::function<void()>> running;
    bool stopping = false, in_turn = false;
    TimePoint now, mark;
    Lag lag;
    // From any thread.
    std::atomic<std::thread::id> owner{};
    Mutex mutex;
    std::vector<std::function<void()>> posted VEDETTE_GUARDED_BY(mutex);

    /// Runs one callback and remembers how long it took; `mark` is when the last one ended.
    template <typename Work, typename... Args>
    void timed(Work& work, Args... args) {
        work(args...);
        const TimePoint end = steady_clock::now();
        lag.callback = std::max<std::chrono::nanoseconds>(lag.callback, end - mark);
        mark = end;
    }

    int wait_ms(Milliseconds wait);
    void run_sockets(const epoll_event* events, int count);
    void run_timers();
    void run_posted();
};

int Loop::State::wait_ms(Milliseconds wait) {
    {
        const Lock lock(mutex);
        if (!posted.empty()) return 0;
    }
    if (!timers.empty()) {
        const auto left = timers.first() - steady_clock::now();
        if (left <= left.zero()) return 0;
        // Rounded up: waking early would spin until the timer is due.
        wait = std::min(wait, std::chrono::ceil<Milliseconds>(left));
    }
    return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 3'600'000));
}

void Loop::State::run_sockets(const epoll_event* events, int count) {
    for (int i = 0; i < count; ++i) {
        const auto fd = static_cast<std::uint32_t>(events[i].data.u64);
        const auto generation = static_cast<std::uint32_t>(events[i].data.u64 >> 32);
        if (generation == 0) {
            std::uint64_t ignored = 0;
            // Nothing to do when it fails: the counter was read already.
            [[maybe_unused]] const auto got = ::read(event_fd, &ignored, sizeof ignored);
            continue;
        }
        // An event of a descriptor that an earlier callback of this turn unwatched, and perhaps
        // closed and opened anew, is not for the new one.
        if (fd >= watches.size() || !watches[fd] || watches[fd]->generation != generation) continue;
        const std::shared_ptr<Watch> watch = watches[fd];
        unsigned ready = 0;
        if (events[i].events & EPOLLIN) ready |= Loop::readable;
        if (events[i].events & EPOLLOUT) ready |= Loop::writable;
        if (events[i].events & (EPOLLERR | EPOLLHUP)) ready |= Loop::readable | Loop::writable;
        timed(watch->ready, ready);
    }
}

void Loop::State::run_timers() {
    due.clear();
    timers.take_due(now, due);
    for (const std::uint64_t id : due) {
        TimePoint when;
        const auto work = timers.take(id, when);
        if (!work) continue;
        lag.timer = std::max<std::chrono::nanoseconds>(lag.timer, mark - when);
        timed(work);
    }
}

void Loop::State::run_posted() {
    {
        const Lock lock(mutex);
        running.swap(posted);
    }
    for (auto& work : running) {
        timed(work);
        work = nullptr;
    }
    running.clear();
}

Loop::Loop() : state_(std::make_unique<State>()) {
    // A peer that went away is an error of the write, not a reason to end the program; OpenSSL and
    // libcurl write without MSG_NOSIGNAL.
    std::signal(SIGPIPE, SIG_IGN);
    State& s = *state_;
    s.epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
    s.event_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(s.epoll_fd >= 0 && s.event_fd >= 0, "the system has descriptors left for an event loop");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<std::uint32_t>(s.event_fd);  // generation 0: our own
    check(::epoll_ctl(s.epoll_fd, EPOLL_CTL_ADD, s.event_fd, &event) == 0,
          "an event descriptor can be watched");
}

Loop::~Loop() {
    ::close(state_->event_fd);
    ::close(state_->epoll_fd);
}

void Loop::run() {
    state_->owner = std::this_thread::get_id();
    while (!state_->stopping) turn(std::chrono::hours(1));
    state_->stopping = false;
}

void Loop::stop() {
    post([s = state_.get()] { s->stopping = true; });
}

void Loop::turn(Milliseconds wait) {
    State& s = *state_;
    check(!s.in_turn, "a callback does not turn the loop it runs on");
    s.owner = std::this_thread::get_id();
    std::array<epoll_event, 256> events;
    const int count =
        ::epoll_wait(s.epoll_fd, events.data(), static_cast<int>(events.size()), s.wait_ms(wait));
    check(count >= 0 || errno == EINTR, "waiting for events fails only when a signal comes");
    s.in_turn = true;
    s.now = s.mark = steady_clock::now();
    // Sockets first: an answer that is here already beats the deadline that is due now.
    s.run_sockets(events.data(), count);
    s.run_timers();
    s.run_posted();
    s.in_turn = false;
}

bool Loop::on_loop_thread() const {
    return state_->owner == std::this_thread::get_id();
}

void Loop::post(std::function<void()> work) {
    bool wake = false;
    {
        const Lock lock(state_->mutex);
        // The loop's own thread looks at `posted` before it waits again.
        wake = state_->posted.empty() && !on_loop_thread();
        state_->posted.push_back(std::move(work));
    }
    if (!wake) return;
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop wakes anyway.
    [[maybe_unused]] const auto put = ::write(state_->event_fd, &one, sizeof one);
}

Loop::TimerId Loop::at(TimePoint when, std::function<void()> work) {
    return {state_->timers.add(when, std::move(work))};
}

Loop::TimerId Loop::after(Milliseconds wait, std::function<void()> work) {
    return at(now() + wait, std::move(work));
}

void Loop::cancel(TimerId timer) {
    state_->timers.cancel(timer.id);
}

void Loop::watch(int fd, unsigned events, std::function<void(unsigned)> ready) {
    State& s = *state_;
    check(fd >= 0, "a descriptor to watch is open");
    const auto place = static_cast<std::size_t>(fd);
    if (place >= s.watches.size()) s.watches.resize(place + 1);
    const bool known = s.watches[place] != nullptr;
    if (++s.last_generation == 0) s.last_generation = 1;
    s.watches[place] = std::make_shared<Watch>(Watch{s.last_generation, std::move(ready)});
    epoll_event event{};
    event.events = (events & readable ? EPOLLIN : 0U) | (events & writable ? EPOLLOUT : 0U);
    event.data.u64 = std::uint64_t{s.last_generation} << 32 | static_cast<std::uint32_t>(fd);
    int done = ::epoll_ctl(s.epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    // A library may close a descriptor before it tells us: then the kernel forgot it first.
    if (done != 0 && known && errno == ENOENT)
        done = ::epoll_ctl(s.epoll_fd, EPOLL_CTL_ADD, fd, &event);
    check(done == 0, "a watched descriptor is open and can be waited for");
}

void Loop::unwatch(int fd) {
    State& s = *state_;
    const auto place = static_cast<std::size_t>(fd);
    if (fd < 0 || place >= s.watches.size() || !s.watches[place]) return;
    const auto gone = std::move(s.watches[place]);
    s.watches[place] = nullptr;
    // Fails harmlessly when the descriptor is closed already.
    ::epoll_ctl(s.epoll_fd, EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::close(int fd) {
    State& s = *state_;
    const auto place = static_cast<std::size_t>(fd);
    if (fd >= 0 && place < s.watches.size()) s.watches[place] = nullptr;
    ::close(fd);
}

Loop::TimePoint Loop::now() const {
    return state_->in_turn ? state_->now : steady_clock::now();
}

Loop::Lag Loop::take_lag() {
    return std::exchange(state_->lag, Lag{});
}

struct LoopThread::State {
    Loop loop;
    std::thread thread;
};

LoopThread::LoopThread(const char* name) : state_(std::make_unique<State>()) {
    check(std::char_traits<char>::length(name) <= 15, "a thread's name has at most 15 characters");
    state_->thread = std::thread([this, called = std::string(name)] {
        ::pthread_setname_np(::pthread_self(), called.c_str());
        state_->loop.run();
    });
}

LoopThread::~LoopThread() {
    state_->loop.stop();
    state_->thread.join();
}

Loop& LoopThread::loop() {
    return state_->loop;
}

void LoopThread::call(const std::function<void()>& work) {
    check(!state_->loop.on_loop_thread(), "a loop does not wait for itself");
    // Shared: the task may still be ending on the loop when the caller has its answer.
    const auto task = std::make_shared<std::packaged_task<void()>>(std::cref(work));
    auto done = task->get_future();
    state_->loop.post([task] { (*task)(); });
    done.get();
}

}  // namespace vedette
