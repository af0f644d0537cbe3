#include "promql/deep_stack.h"

#include <pthread.h>

namespace vedette::promql {

namespace {

constexpr std::size_t levels_anywhere = 100;
constexpr std::size_t bytes_per_level =
    32 * 1024;  // generous: builds without optimization, sanitizers

extern "C" void* run_deep(void* work) {
    (*static_cast<const std::function<void()>*>(work))();
    return nullptr;
}

}  // namespace

bool with_stack_for(std::size_t levels, const std::function<void()>& work) {
    if (levels <= levels_anywhere) {
        work();
        return true;
    }
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    // Only what is touched takes memory.
    pthread_attr_setstacksize(&attributes, levels * bytes_per_level);
    pthread_t thread;
    const bool started = pthread_create(&thread, &attributes, run_deep,
                                        const_cast<std::function<void()>*>(&work)) == 0;
    pthread_attr_destroy(&attributes);
    if (started) pthread_join(thread, nullptr);
    return started;
}

}  // namespace vedette::promql
