import Glibc
import Support

// The composition root does its work in `Daemon`; here is only what must be top level.
// (Closures written at top level are bound to the main actor and crash on a library's thread.)
await Daemon.main()
