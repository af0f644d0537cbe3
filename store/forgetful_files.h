#pragma once

#include <memory>

#include "base/files.h"

namespace vedette::store {

/// A disk that takes every byte and keeps none: every file is absent, every folder empty. A `Store`
/// over it is memory and nothing else, as rule tests want it (`lock_folder` and `own_thread` off).
/// Safe between threads.
std::unique_ptr<Files> make_forgetful_files();

}  // namespace vedette::store
