#include <fmt/format.h>
#include <netdb.h>
#include <pthread.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "base/pending_names.h"
#include "base/resolver.h"
#include "core/limits.h"
#include "core/mutex.h"

namespace vedette {
namespace {

struct Job {
    std::uint64_t id;
    std::string name;
    int family;
};

/// What the threads share with the resolver, and may outlive it with: getaddrinfo cannot be
/// interrupted, and a dead name server must not hold up the end of the program.
struct Shared {
    Mutex mutex;
    Condition changed;
    std::deque<Job> jobs VEDETTE_GUARDED_BY(mutex);
    bool closed VEDETTE_GUARDED_BY(mutex) = false;
    std::size_t threads VEDETTE_GUARDED_BY(mutex) = 0, idle VEDETTE_GUARDED_BY(mutex) = 0;
    /// Given what was found; called with the mutex held, so that `close` ends it for good.
    std::function<void(std::uint64_t, Result<std::vector<Address>>)> answer
        VEDETTE_GUARDED_BY(mutex);
};

Result<std::vector<Address>> look_up(const Job& job) {
    addrinfo hints{};
    hints.ai_family = job.family;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(job.name.c_str(), nullptr, &hints, &found);
    const int system_error = errno;
    if (status == EAI_NONAME) return fail(Fault::NotFound, "name not found: " + job.name);
    if (status == EAI_NODATA || status == EAI_ADDRFAMILY)
        return fail(Fault::NotFound, "no address for " + job.name);
    if (status == EAI_AGAIN)
        return fail(Fault::Unavailable, "the name servers gave no answer for " + job.name);
    if (status != 0)
        return fail(Fault::Unavailable,
                    fmt::format("cannot look up {}: {}", job.name,
                                status == EAI_SYSTEM ? std::strerror(system_error)
                                                     : ::gai_strerror(status)));
    std::vector<Address> addresses;
    for (const addrinfo* node = found; node != nullptr; node = node->ai_next)
        if (auto address = address_of(*node->ai_addr)) addresses.push_back(std::move(*address));
    ::freeaddrinfo(found);
    return addresses;
}

void serve(Shared& shared) {
    shared.mutex.lock();
    while (!shared.closed) {
        if (shared.jobs.empty()) {
            ++shared.idle;
            shared.changed.wait(shared.mutex);
            --shared.idle;
            continue;
        }
        const Job job = std::move(shared.jobs.front());
        shared.jobs.pop_front();
        shared.mutex.unlock();
        auto found = look_up(job);
        shared.mutex.lock();
        if (!shared.closed) shared.answer(job.id, std::move(found));
    }
    shared.mutex.unlock();
}

/// Starts one more thread. False when the system has none left.
bool start_thread(const std::shared_ptr<Shared>& shared) {
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, limits::resolver_stack_bytes);
    // Detached: see `Shared`.
    ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    auto given = std::make_unique<std::shared_ptr<Shared>>(shared);
    pthread_t thread{};
    const int status = ::pthread_create(
        &thread, &attributes,
        [](void* arg) -> void* {
            const std::unique_ptr<std::shared_ptr<Shared>> mine(
                static_cast<std::shared_ptr<Shared>*>(arg));
            ::pthread_setname_np(::pthread_self(), "vedette-names");
            serve(**mine);
            return nullptr;
        },
        given.get());
    ::pthread_attr_destroy(&attributes);
    if (status == 0) given.release();
    return status == 0;
}

class SystemResolver final : public Resolver {
public:
    explicit SystemResolver(Loop& loop) : pending_(loop), shared_(std::make_shared<Shared>()) {
        const Lock lock(shared_->mutex);
        shared_->answer = [this, &loop](std::uint64_t id, Result<std::vector<Address>> found) {
            loop.post([self = std::weak_ptr(self_), id, found = std::move(found)]() mutable {
                if (const auto resolver = self.lock())
                    (*resolver)->pending_.finish(id, std::move(found));
            });
        };
    }

    ~SystemResolver() override {
        const Lock lock(shared_->mutex);
        shared_->closed = true;
        shared_->jobs.clear();
        shared_->answer = nullptr;
        shared_->changed.notify_all();
    }

    void resolve(std::string name, Family family, Deadline deadline, Answer done) override {
        const std::uint64_t id = pending_.start(name, family, deadline, std::move(done));
        if (id == 0) return;
        const int kind = family == Family::V4Only   ? AF_INET
                         : family == Family::V6Only ? AF_INET6
                                                    : AF_UNSPEC;
        const Lock lock(shared_->mutex);
        // What nobody waits for any more needs no thread.
        std::erase_if(shared_->jobs, [&](const Job& job) { return !pending_.has(job.id); });
        shared_->jobs.push_back({id, std::move(name), kind});
        if (shared_->idle < shared_->jobs.size() &&
            shared_->threads < limits::resolver_threads_max && start_thread(shared_))
            ++shared_->threads;
        if (shared_->threads > 0) return shared_->changed.notify_one();
        shared_->answer(id,
                        fail(Fault::Unavailable, "no thread could be started to look up names"));
        shared_->jobs.clear();
    }

private:
    PendingNames pending_;
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<SystemResolver*> self_ = std::make_shared<SystemResolver*>(this);
};

}  // namespace

std::unique_ptr<Resolver> make_system_resolver(Loop& loop) {
    return std::make_unique<SystemResolver>(loop);
}

}  // namespace vedette
