//! aibuild-coordinator: the composition root. It names the concrete adapters, connects them to
//! service, API and server, and decides nothing itself.

import Glibc
import ProcessKit

// Only what must be top level is here. (Closures written at top level are bound to the main actor
// and crash on a library's thread.)
//
// Not `await Daemon.main()`: an asynchronous main program parks this thread in libdispatch with no
// signal blocked, so that SIGTERM would end the process at once, without a shutdown.
Signals.block([SIGTERM, SIGINT, SIGHUP])
Task.detached {
    await Daemon.main()
    exit(0)
}
while true { pause() }
