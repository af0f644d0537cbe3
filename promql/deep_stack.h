#pragma once

#include <cstddef>
#include <functional>

namespace vedette::promql {

/// Calls `work` with a stack that has room for `levels` of recursion, and returns when it is done.
///
/// Ordinary queries run where they are called. Those nested beyond what any thread's stack holds
/// run on a thread of their own that lives as long as the call; when there is none to be had, false
/// and nothing was called.
bool with_stack_for(std::size_t levels, const std::function<void()>& work);

}  // namespace vedette::promql
