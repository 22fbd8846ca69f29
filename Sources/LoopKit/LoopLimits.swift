/// The limits of LoopKit, each with its reason.
enum LoopLimits {
    /// epoll events handled at once: the size of the shim's array.
    static let eventsAtOnce = 64
    /// Expired timers are removed when they outnumber the waiting tasks by this: a read with a 30 s
    /// deadline that ends at once leaves one behind.
    static let deadTimers = 1024
    /// Connections that may wait for accept: some agents' attaches and sends at the same time.
    static let listenBacklog: Int32 = 128
    /// How long a connect waits for room in a full backlog, and how often it checks.
    static let backlogWaitMilliseconds: Int64 = 5000
    static let backlogRetryMilliseconds: Int64 = 10
    /// Threads for blocking calls. A name server that does not respond occupies one for about 30 s;
    /// other look-ups share the rest.
    static let blockingThreads = 16
}
