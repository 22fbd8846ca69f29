/// Every bound of LoopKit, with its reason.
enum LoopLimits {
    /// epoll events taken at once: the shim's array.
    static let eventsAtOnce = 64
    /// Dead timers are swept when they outnumber the waiting tasks by this: a read with a 30 s
    /// deadline that ends at once leaves one behind.
    static let deadTimers = 1024
    /// Connections that may wait for accept: some agents' attaches and sends at the same moment.
    static let listenBacklog: Int32 = 128
    /// How long a connect waits for room in a full backlog, and how often it looks.
    static let backlogWaitMilliseconds: Int64 = 5000
    static let backlogRetryMilliseconds: Int64 = 10
    /// Threads for blocking calls. A name server that does not answer holds one for some 30 s; the
    /// other look-ups then share the rest.
    static let blockingThreads = 16
}
