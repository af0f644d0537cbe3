#include <malloc.h>
#include <sys/prctl.h>

#include "app/command_line.h"
#include "base/secret.h"

int main(int count, char** words) {
    // Two arenas for all threads: a small daemon should not keep a heap for each.
    mallopt(M_ARENA_MAX, 2);
    // Secrets stay out of core dumps, and out of the environment of children.
    prctl(PR_SET_DUMPABLE, 0);
    vedette::take_environment({"PATH", "TZ", "LANG", "LC_ALL", "TERM", "HOME", "COLUMNS",
                               "NO_COLOR", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                               "TMPDIR"});
    return vedette::app::run_command_line(count, words);
}
