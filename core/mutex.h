#pragma once

#include <condition_variable>
#include <mutex>

// The only macros of the house: what clang's thread-safety analysis reads. Nothing to other
// compilers.
#if defined(__clang__)
#define VEDETTE_THREAD(x) __attribute__((x))
#else
#define VEDETTE_THREAD(x)
#endif
#define VEDETTE_GUARDED_BY(x) VEDETTE_THREAD(guarded_by(x))
#define VEDETTE_REQUIRES(...) VEDETTE_THREAD(requires_capability(__VA_ARGS__))
#define VEDETTE_EXCLUDES(...) VEDETTE_THREAD(locks_excluded(__VA_ARGS__))

namespace vedette {

/// std::mutex that the compiler can reason about.
class VEDETTE_THREAD(capability("mutex")) Mutex {
public:
    void lock() VEDETTE_THREAD(acquire_capability()) { mutex_.lock(); }
    void unlock() VEDETTE_THREAD(release_capability()) { mutex_.unlock(); }
    bool try_lock() VEDETTE_THREAD(try_acquire_capability(true)) { return mutex_.try_lock(); }

private:
    std::mutex mutex_;
};

/// Holds a `Mutex` for a scope.
class VEDETTE_THREAD(scoped_lockable) Lock {
public:
    explicit Lock(Mutex& mutex) VEDETTE_THREAD(acquire_capability(mutex)) : mutex_(mutex) {
        mutex_.lock();
    }
    ~Lock() VEDETTE_THREAD(release_capability()) { mutex_.unlock(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

private:
    Mutex& mutex_;
};

/// Waits on an annotated `Mutex`.
using Condition = std::condition_variable_any;

}  // namespace vedette
