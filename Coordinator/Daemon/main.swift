//! aibuild-coordinator: the composition root of the farm's head. It names the concrete adapters,
//! joins them to service, API and server, and decides nothing itself.

import Glibc
import ProcessKit

// Here is only what must be top level. (Closures written at top level are bound to the main actor
// and crash on a library's thread.)
//
// Not `await Daemon.main()`: an asynchronous main program parks this thread in libdispatch with no
// signal blocked, so that SIGTERM ends the process at once and nothing is taken apart in order.
Signals.block([SIGTERM, SIGINT])
Task.detached {
    await Daemon.main()
    exit(0)
}
while true { pause() }
