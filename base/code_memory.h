#pragma once

namespace vedette {

/// Gives back the memory of the program's code: pages of mapped files that may be executed and never
/// written. What is run again comes back from the page cache by itself; what ran only while the
/// program started does not. Linux; does nothing where /proc is not there. Any thread.
void give_back_code();

}  // namespace vedette
