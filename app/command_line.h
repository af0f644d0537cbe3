#pragma once

namespace vedette::app {

/// Reads the command line and runs the verb it names. Returns the program's exit status.
int run_command_line(int count, const char* const* words);

}  // namespace vedette::app
